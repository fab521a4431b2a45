"""What the payer's page and the trainer's page say. One line per text: German, English."""

from collections.abc import Mapping

LANGUAGES = ("de", "en")

# fmt: off
_TEXTS: Mapping[str, tuple[str, str]] = {
    "title":        ("Übungs-Bezahldienst", "Practice payment service"),
    "no_money":     ("Übungs-Bezahldienst: hier fließt kein Geld",
                     "Practice payment service: no money flows here"),
    "amount":       ("Betrag", "Amount"),
    "merchant":     ("Empfänger", "Payee"),
    "text":         ("Verwendungszweck", "Reference"),
    "method":       ("Zahlungsart", "Payment method"),
    "method_wallet": ("Elektronische Geldbörse", "Digital wallet"),
    "method_card":   ("Karte", "Card"),
    "method_bank":   ("Überweisung", "Bank transfer"),
    "method_wero":     ("Wero", "Wero"),
    "method_paypal":   ("PayPal", "PayPal"),
    "method_transfer": ("Direktüberweisung", "Direct bank transfer"),
    "method_page":     ("Auswahl auf der Bezahlseite", "Chosen on the payment page"),
    "ask":          ("Was soll mit dieser Zahlung geschehen?",
                     "What should happen to this payment?"),
    "pay":          ("Jetzt bezahlen", "Pay now"),
    "later":        ("Bezahlen, Geld kommt später", "Pay, money comes later"),
    "decline":      ("Zahlung ablehnen", "Decline the payment"),
    "cancel":       ("Abbrechen", "Cancel"),
    "leave":        ("Seite verlassen, ohne zu zahlen", "Leave without paying"),
    "left":         ("Sie haben die Seite verlassen, ohne zu zahlen. Die Zahlung ist noch offen.",
                     "You have left without paying. The payment is still open."),
    "again":        ("Zurück zur Zahlung", "Back to the payment"),
    "back":         ("Zurück zu: {name}", "Back to: {name}"),
    "unknown_payment":   ("Diese Zahlung gibt es nicht.", "There is no such payment."),
    "unknown_choice":    ("Diese Auswahl gibt es nicht.", "There is no such choice."),
    "nothing_to_settle": ("Es ist nichts abzurechnen.", "There is nothing to settle."),
    "does_not_fit":      ("Das passt nicht mehr zum Stand der Zahlung.",
                     "This no longer fits the status of the payment."),
    "decided":      ("Diese Zahlung ist entschieden", "This payment has been decided"),
    "open":         ("offen", "open"),
    "authorising":  ("bezahlt, das Geld ist unterwegs", "paid, the money is on its way"),
    "paid":         ("bezahlt", "paid"),
    "refused":      ("abgelehnt", "declined"),
    "aborted":      ("abgebrochen", "cancelled"),
    "timed_out":    ("abgelaufen", "expired"),
    "approved":         ("zugestimmt, noch nicht eingezogen", "agreed, not collected yet"),
    "approved_later":   ("zugestimmt, das Geld kommt später", "agreed, money comes later"),
    "approved_in_vain": ("zugestimmt, Zahlungsmittel wird abgelehnt",
                         "agreed, the means will be declined"),
    "approved_refused": ("zugestimmt, Einzug wird abgelehnt",
                         "agreed, collecting will be refused"),
    "voided":       ("aufgehoben", "voided"),
    "lost":         ("verloren", "lost"),
    "trainer":      ("Übungen leiten", "Run an exercise"),
    "no_merchant":  ("Noch kein Händler.", "No merchants yet."),
    "payments":     ("Zahlungen", "Payments"),
    "refunds":      ("Erstattungen", "Refunds"),
    "reversals":    ("Rückbelastungen", "Reversals"),
    "settlements":  ("Abrechnungen", "Settlements"),
    "none":         ("keine", "none"),
    "latest":       ("Die letzten {count}", "The latest {count}"),
    "started":      ("Begonnen (UTC)", "Started (UTC)"),
    "status":       ("Stand", "Status"),
    "do":           ("Geschehen lassen", "Let happen"),
    "settle":       ("Abrechnen", "Settle"),
    "gross":        ("Brutto", "Gross"),
    "fees":         ("Gebühren", "Fees"),
    "net":          ("Auszahlung", "Pay-out"),
    "made":         ("Erstellt (UTC)", "Made (UTC)"),
    "succeeded":    ("Eingenommen", "Collected"),
    "refunded":     ("Erstattet", "Refunded"),
    "reversed":     ("Rückbelastet", "Reversed"),
    "under_way":    ("unterwegs", "on its way"),
    "sent":         ("gesendet", "sent"),
    "bounced":      ("zurückgekommen", "bounced"),
    "taken":        ("zurückgeholt", "taken back"),
    "won":          ("gewonnen", "won"),
    "partly_won":   ("zum Teil gewonnen", "won in part"),
    "inquiry":      ("Rückfrage", "inquiry"),
    "settled_by_refund": ("durch Erstattung erledigt", "settled by a refund"),
    "closed":       ("zurückgezogen", "taken back by the payer"),
    "chargeback":     ("Rückbelastung einer Karte", "Chargeback of a card"),
    "returned_debit": ("Rücklastschrift", "Returned direct debit"),
    "other":          ("anderer Grund", "Other reason"),
    "unsettled":    ("Noch nicht abgerechnet", "Not yet settled"),
    "settled":      ("Ausgezahlt", "Paid out"),
    "verb_pay":     ("Geld kommt", "Money comes"),
    "verb_pend":    ("Geld kommt später", "Money comes later"),
    "verb_decline": ("Ablehnen", "Decline"),
    "verb_cancel":  ("Abbrechen", "Cancel"),
    "verb_reverse": ("Bank holt Geld zurück", "Bank takes money back"),
    "verb_win":     ("Streitfall gewinnen", "Win the dispute"),
    "verb_withdraw": ("Gewonnenes wieder holen", "Take again what was won"),
    "verb_settle":  ("Durch Erstattung erledigen", "Settle by a refund"),
    "verb_escalate": ("Bank holt das Geld", "The bank takes the money"),
    "verb_close":   ("Rückfrage zurückziehen", "Take the inquiry back"),
    "verb_send":    ("Senden", "Send"),
    "verb_bounce":  ("Zurückkommen lassen", "Let bounce"),
    "verb_expire":  ("Ablaufen lassen", "Let expire"),
    "verb_lose":    ("Streitfall verlieren", "Lose the dispute"),
    "verb_refuse":  ("Einzug ablehnen", "Refuse collecting"),
    "verb_void":    ("Aufheben", "Void"),
}
# fmt: on


def texts(language: str) -> dict[str, str]:
    """All texts in German if ``language`` is German, else in English."""
    column = 0 if language[:2].lower() == "de" else 1
    return {name: both[column] for name, both in _TEXTS.items()}


def money(cents: int, currency: str, language: str) -> str:
    """An amount as people write it: ``1.234,56 EUR``, ``1,234.56 EUR``."""
    whole, rest = divmod(abs(cents), 100)
    sign, text = "\u2212" if cents < 0 else "", f"{whole:,}.{rest:02}"
    if language[:2].lower() == "de":
        text = text.translate(str.maketrans(",.", ".,"))
    return f"{sign}{text}\u00a0{currency}"
