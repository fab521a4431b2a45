"""The ways to all pages: what a citizen does, and what the town hall and the provider do before.

The names are those of ``portal.payments.standing`` where a page has one. The purpose is a word of
46 letters: it must not burst a page of 320 pixels.
"""

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal import clock
from portal.returns import refunds, sending
from tests.browser.citizen import Citizen
from tests.look.errands import Errand
from tests.look.inside import application
from tests.stages import Demo, until

LONG = "Fremdenverkehrsbeitragsvorauszahlungsbescheide"
CLERK = "staff:clerk"
TODAY = clock.today("Europe/Berlin")

Lead = Callable[[Citizen], None]


@dataclass(frozen=True, slots=True)
class Way:
    """A page: its template, how its heading begins in English, and how a citizen gets there."""

    template: str
    heading: str
    lead: Lead


def ask(citizen: Citizen, **asked: Any) -> dict[str, Any]:
    """A letter of this citizen, in the language that they read."""
    items = [{"text": LONG, "amount_cents": 14_350}, {"text": "Auslagen", "amount_cents": 500}]
    body = {"purpose": LONG, "due_on": str(TODAY), "language": None} | asked
    if "amount_cents" not in asked:
        body["items"] = items
    return citizen.demo.push(**body)


def review(citizen: Citizen, **asked: Any) -> dict[str, Any]:
    letter = ask(citizen, **asked)
    open_again(citizen, letter)
    return letter


def follow(citizen: Citizen, errand: Errand) -> None:
    """To where the errand stands: the first page of this way that is drawn."""
    citizen.page.goto(errand.url)


def open_again(citizen: Citizen, letter: dict[str, Any]) -> None:
    errand = Errand(citizen)
    errand.opens(letter)
    follow(citizen, errand)


def to_choice(citizen: Citizen, **asked: Any) -> tuple[Errand, dict[str, Any]]:
    """As far as the choice, which is not drawn yet."""
    errand, letter = Errand(citizen), ask(citizen, **asked)
    errand.opens(letter)
    errand.goes_on()
    return errand, letter


def choice(citizen: Citizen, **asked: Any) -> dict[str, Any]:
    errand, letter = to_choice(citizen, **asked)
    follow(citizen, errand)
    return letter


def started(citizen: Citizen) -> tuple[Errand, dict[str, Any], str]:
    """As far as the provider; who goes there, the letter, our id of the payment."""
    errand, letter = to_choice(citizen)
    return errand, letter, errand.leaves_for()


def paid(citizen: Citizen) -> tuple[Errand, dict[str, Any], str]:
    """As far as the confirmation; who goes there, the letter, our id of the payment."""
    errand, letter, payment = started(citizen)
    errand.decides("pay")
    return errand, letter, payment


def at(path: str) -> Lead:
    def lead(citizen: Citizen) -> None:
        citizen.page.goto(f"{citizen.demo.facts['portal']}{path}")

    return lead


def entered(path: str, **fields: str) -> Lead:
    """A form that stands by itself, sent with these entries."""

    def lead(citizen: Citizen) -> None:
        at(path)(citizen)
        for name, text in fields.items():
            citizen.page.fill(f"main [name={name}] >> nth=0", text)
        citizen.submits()

    return lead


def then(before: Callable[[Citizen], Any], *selectors: str) -> Lead:
    """From another page by clicking."""

    def lead(citizen: Citizen) -> None:
        before(citizen)
        for selector in selectors:
            citizen.page.click(selector)

    return lead


def decided(what: str) -> Lead:
    def lead(citizen: Citizen) -> None:
        errand, _, _ = started(citizen)
        errand.decides(what)
        follow(citizen, errand)

    return lead


def ordered(rule: str, **body: Any) -> Lead:
    """Of a request of which the finance system has said something."""

    def lead(citizen: Citizen) -> None:
        letter = ask(citizen)
        citizen.demo.order(letter["reference"], rule, **body)
        open_again(citizen, letter)

    return lead


def tan(citizen: Citizen) -> None:
    citizen.opens(ask(citizen))


def wrong_tan(citizen: Citizen) -> None:
    tan(citizen)
    citizen.enters_tan("1")


def locked(citizen: Citizen) -> None:
    letter = ask(citizen)
    citizen.demo.sql(
        "INSERT INTO tries (tenant_id, request_id, hour_began_at, in_hour, in_life)"
        " SELECT tenant_id, id, now(), 5, 5 FROM payment_requests WHERE reference = %s",
        letter["reference"],
    )
    citizen.opens(letter)


def parts(citizen: Citizen) -> None:
    dues = [
        {"due_on": str(TODAY + datetime.timedelta(days=days)), "amount_cents": 45_000}
        for days in (-30, 60)
    ]
    review(citizen, amount_cents=90_000, partial={"minimum_cents": 1_000}, instalments=dues)
    citizen.goes_on()


def nothing_offered(citizen: Citizen) -> None:
    choice(citizen, amount_cents=14_850, currency="NOK")


def begun(citizen: Citizen) -> None:
    _, letter, _ = started(citizen)
    open_again(citizen, letter)


def leaving(citizen: Citizen) -> None:
    """The page leads on by itself: it is held before the provider answers."""
    choice(citizen)
    sandbox = re.compile(re.escape(citizen.demo.facts["sandbox"]))
    citizen.page.context.route(sandbox, lambda route: route.fulfill(status=204))
    citizen.page.check("label:has-text('PayPal')")
    citizen.submits()
    # It is on its way before its style has come.
    there = "location.pathname.includes('/leaving/') && document.readyState === 'complete'"
    until(lambda: citizen.page.evaluate(there), 30)


def pending(citizen: Citizen) -> None:
    errand, letter, payment = started(citizen)
    errand.decides("later")
    citizen.demo.sql(
        "UPDATE payments SET started_at = started_at - interval '2 h' WHERE id = %s", payment
    )
    open_again(citizen, letter)


def held(citizen: Citizen) -> None:
    _, letter, payment = started(citizen)
    citizen.demo.provider(f"payments/{payment}/pay", amount_cents=14_000)
    citizen.demo.sql("UPDATE payments SET state = 'unknown' WHERE id = %s", payment)
    open_again(citizen, letter)


def run_out(citizen: Citizen) -> None:
    _, letter, payment = started(citizen)
    citizen.demo.sql("UPDATE payments SET state = 'expired' WHERE id = %s", payment)
    open_again(citizen, letter)
    citizen.page.goto(f"{citizen.page.url.partition('?')[0]}/{payment}")


def let_go(citizen: Citizen) -> None:
    """At a provider that takes money only when it is told to; the letter was withdrawn since."""
    _, letter, payment = started(citizen)
    mine = "FROM payments p WHERE (a.tenant_id, a.id) = (p.tenant_id, p.account_id) AND p.id = %s"
    citizen.demo.sql(
        "INSERT INTO provider_accounts SELECT (jsonb_populate_record(a, jsonb_build_object("
        "'id', left(p.id, 20), 'provider', 'paypal'))).*"
        f" FROM provider_accounts a, LATERAL (SELECT p.id {mine}) p",
        payment,
    )
    citizen.demo.sql(
        "UPDATE payments SET account_id = left(id, 20), asked_at = now() WHERE id = %s", payment
    )
    citizen.demo.order(letter["reference"], "withdraw", reason="cancelled")
    open_again(citizen, letter)
    citizen.page.goto(f"{citizen.page.url.partition('?')[0]}/{payment}")


def begun_in_vain(citizen: Citizen) -> None:
    _, letter, _ = started(citizen)
    citizen.demo.order(letter["reference"], "withdraw", reason="cancelled")
    open_again(citizen, letter)


def changed(citizen: Citizen) -> None:
    letter = choice(citizen, amount_cents=1_000)
    ask(citizen, reference=letter["reference"], amount_cents=2_000)
    citizen.page.check("label:has-text('PayPal')")
    citizen.submits()


def replaced(citizen: Citizen) -> None:
    letter = ask(citizen)
    ask(citizen, replaces=[letter["reference"]], issued_on=str(TODAY))
    open_again(citizen, letter)


def expired(citizen: Citizen) -> None:
    letter = ask(citizen, payable_until=str(TODAY))
    citizen.demo.sql(
        "UPDATE payment_requests SET state = 'expired' WHERE reference = %s", letter["reference"]
    )
    open_again(citizen, letter)


def partly_paid(citizen: Citizen) -> None:
    letter = ask(citizen)
    citizen.demo.order(
        letter["reference"], "paid-elsewhere",
        id=f"F-{letter['reference']}", amount_cents=4_000, paid_on=str(TODAY), how="transfer",
    )  # fmt: skip
    open_again(citizen, letter)


def paid_elsewhere(citizen: Citizen) -> None:
    letter = ask(citizen)
    citizen.demo.order(
        letter["reference"], "paid-elsewhere",
        id=f"F-{letter['reference']}", amount_cents=14_850, paid_on=str(TODAY), how="transfer",
    )  # fmt: skip
    open_again(citizen, letter)


def already_paid(citizen: Citizen) -> None:
    _, letter, _ = paid(citizen)
    open_again(citizen, letter)


def paid_twice(citizen: Citizen) -> tuple[dict[str, Any], str]:
    errand, letter, first = started(citizen)
    errand.decides("leave")
    errand.opens(letter)
    errand.starts_again()
    errand.goes_on()
    errand.leaves_for("Kredit")
    errand.decides("pay")
    citizen.demo.provider(f"payments/{first}/pay")
    open_again(citizen, letter)
    return letter, first


def taken_back(citizen: Citizen) -> None:
    _, letter, payment = paid(citizen)
    citizen.demo.provider(f"payments/{payment}/reverse")
    open_again(citizen, letter)


def returning(citizen: Citizen) -> None:
    refunded(citizen, "under_way", "wrong_payer", again=True)


def sent_back(citizen: Citizen) -> None:
    refunded(citizen, "sent", "wrong_payer", again=False)


def asked_again(citizen: Citizen) -> None:
    refunded(citizen, "sent", "wrong_payer", again=True)


def claim_cancelled(citizen: Citizen) -> None:
    refunded(citizen, "sent", "claim_cancelled", again=True)


def refunded(citizen: Citizen, how: str, reason: str, *, again: bool) -> None:
    """Ordered by the finance system, approved by a person, sent by the provider."""
    errand, letter, payment = paid(citizen)
    demo = citizen.demo
    told = demo.order(
        letter["reference"], "refunds",
        payment=payment, amount_cents=14_850, reason=reason, order=f"AO-{payment[:8]}",
    )  # fmt: skip
    demo.provider("settings", refunds=how)
    approve(demo, told["refund"])
    demo.provider("settings", refunds="sent")
    if again:
        open_again(citizen, letter)
    else:
        follow(citizen, errand)


def approve(demo: Demo, refund: str) -> None:
    made, tenant = application(demo), demo.facts["tenant"]
    with made.app_context():
        refunds.approve(tenant, refund, CLERK)
        sending.submit(made.extensions["keyring"], tenant, refund)


def returned_elsewhere(what: str) -> Lead:
    """Come back in another browser: outcome and amount, nothing of the claim."""

    def lead(citizen: Citizen) -> None:
        _, _, payment = started(citizen)
        if what != "leave":
            citizen.demo.provider(f"payments/{payment}/{what}")
        citizen.page.context.clear_cookies()
        at(f"/return/{payment}?lang={citizen.language}")(citizen)

    return lead


def unpaid_transfer(citizen: Citizen) -> None:
    begun(citizen)
    citizen.page.goto(citizen.page.url.rsplit("/payment", 1)[0] + "/transfer")


def receipt_found(citizen: Citizen) -> None:
    errand, _, _ = paid(citizen)
    follow(citizen, errand)
    code = re.search(r"\b(?:[0-9A-Z]{4}[ -]){3}[0-9A-Z]{4}\b", citizen.text)
    assert code, "no check code on the confirmation"
    entered("/receipt", code=code[0])(citizen)


def known_letter(citizen: Citizen) -> None:
    letter = ask(citizen)
    blocks = re.findall("....", letter["link"]["short_code"].replace("-", "").replace(" ", ""))
    at("/is-my-letter-real")(citizen)
    for number, block in enumerate(blocks):
        citizen.page.fill(f"main form#entry input[type=text] >> nth={number}", block)
    citizen.page.click(SEND)


def typed(*fields: str) -> Lead:
    """The first page with these texts in its fields, in their order."""

    def lead(citizen: Citizen) -> None:
        at("/")(citizen)
        inputs = citizen.page.locator("main form#entry input[type=text]")
        for number, text in enumerate(fields):
            inputs.nth(number).fill(text)
        citizen.submits()

    return lead


def mail(address: str) -> Lead:
    def lead(citizen: Citizen) -> None:
        errand, _, _ = paid(citizen)
        follow(citizen, errand)
        citizen.page.click("main a[href$='/mail']")
        if address:
            citizen.page.fill("[name=address]", address)
            citizen.submits()

    return lead


PAID_FORM = "main a[href$='/already-paid']"
ASK_FORM = "main a[href$='/question']"
SEND = "main form#entry button[type=submit]"

# fmt: off
WAYS: Mapping[str, Way] = {
    "code":              Way("code", "Pay a letter online", at("/")),
    "code wrong":        Way("code", "Pay a letter online", typed("7F3")),
    "code refused":      Way("code", "Pay a letter online", typed("7777", "7777", "7777", "1")),
    "unknown":           Way("unknown", "We do not know this link", at("/Z/777")),
    "session over":      Way("session_over", "Your session has ended", at("/?over=1")),
    "imprint":           Way("page", "", at("/impressum")),
    "privacy":           Way("page", "", at("/datenschutz")),
    "accessibility":     Way("page", "", at("/barrierefreiheit")),
    "easy":              Way("page", "", at("/leichte-sprache")),
    "letter real":       Way("letter_real", "Is my letter genuine?", at("/is-my-letter-real")),
    "letter known":      Way("letter_real", "There is a letter from us", known_letter),
    "error":             Way("error", "There is nothing here", at("/nothing-here")),
    "tan":               Way("tan", "Please enter the TAN", tan),
    "tan wrong":         Way("tan", "Please enter the TAN", wrong_tan),
    "locked":            Way("locked", "Online payment is locked", locked),
    "review":            Way("review", "Please check what is to be paid", review),
    "partly_paid":       Way("review", "", partly_paid),
    "taken_back":        Way("review", "", taken_back),
    "asked_again":       Way("review", "", asked_again),
    "amount":            Way("amount", "How much do you want to pay now?", parts),
    "amount missing":    Way("amount", "How much do you want to pay now?",
                             then(parts, "main form#entry button[type=submit] >> nth=0")),
    "choice":            Way("choice", "How do you want to pay?",
                             lambda citizen: choice(citizen, amount_cents=90_000) and None),
    "choice missing":    Way("choice", "How do you want to pay?",
                             then(choice, "main form#entry button[type=submit] >> nth=0")),
    "choice empty":      Way("choice", "How do you want to pay?", nothing_offered),
    "transfer":          Way("transfer", "Pay by bank transfer",
                             then(choice, "main a[href$='/transfer']")),
    "transfer not now":  Way("transfer", "Please do not transfer now", unpaid_transfer),
    "changed":           Way("changed", "The demand was changed", changed),
    "leaving":           Way("leaving", "You are now led to", leaving),
    "elsewhere":         Way("elsewhere", "A payment was already begun", begun),
    "elsewhere, not asked": Way("elsewhere", "A payment was already begun", begun_in_vain),
    "processing":        Way("processing", "Your payment is being confirmed", decided("later")),
    "pending":           Way("pending", "Your payment is under way", pending),
    "held":              Way("held", "We are checking your payment", held),
    "failed":            Way("failed", "The payment did not work", decided("decline")),
    "cancelled":         Way("cancelled", "You cancelled the payment", decided("cancel")),
    "let_go":            Way("let_go", "This payment will not be carried out", let_go),
    "run_out":           Way("run_out", "The payment was not finished in time", run_out),
    "confirmed":         Way("confirmed", "Your payment is confirmed", decided("pay")),
    "confirmed and gone": Way("confirmed", "This payment was refunded", sent_back),
    "mail":              Way("mail", "Confirmation by e-mail", mail("")),
    "mail wrong":        Way("mail", "Confirmation by e-mail", mail("nobody")),
    "mail sent":         Way("mail_sent", "The e-mail is on its way", mail("name@example.org")),
    "receipt":           Way("receipt", "Check a confirmation of payment", at("/receipt")),
    "receipt wrong":     Way("receipt", "Check a confirmation of payment",
                             entered("/receipt", code="7F3K")),
    "receipt found":     Way("receipt_found", "", receipt_found),
    "already_paid":      Way("already_paid", "This letter is already paid", already_paid),
    "paid_elsewhere":    Way("already_paid", "", paid_elsewhere),
    "paid_twice":        Way("already_paid", "", paid_twice),
    "returning":         Way("already_paid", "", returning),
    "refunded":          Way("already_paid", "", claim_cancelled),
    "withdrawn":         Way("withdrawn", "This letter can no longer be paid online",
                             ordered("withdraw", reason="enforcement")),
    "expired":           Way("expired", "", expired),
    "replaced":          Way("replaced", "There is a newer letter", replaced),
    "returned paid":     Way("outcome", "Your payment is confirmed", returned_elsewhere("pay")),
    "returned undecided": Way("outcome", "Your payment is being confirmed",
                              returned_elsewhere("leave")),
    "says paid":         Way("note", "I have already paid", then(review, PAID_FORM)),
    "says paid missing": Way("note", "I have already paid", then(review, PAID_FORM, SEND)),
    "question":          Way("note", "Question about this letter", then(review, ASK_FORM)),
    "asked":             Way("note_sent", "Passed on to the cash office",
                             then(review, ASK_FORM, "#topic-1", SEND)),
    "deferral":          Way("deferral", "I cannot pay everything at once",
                             then(review, "main a[href$='/deferral']")),
    "ended":             Way("ended", "You have ended the session",
                             then(review, "form[action='/end'] button")),
}
# fmt: on
