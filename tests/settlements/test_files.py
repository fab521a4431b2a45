"""Files of settlement reports: previewed, imported whole or not at all, and undone as one unit."""

from typing import Any

import pytest
from flask import current_app
from sqlalchemy import select

from portal.approvals.deciding import NotAPerson
from portal.audit import AuditRow
from portal.db import db
from portal.ledger import arrivals
from portal.ledger.models import SettlementRow, SuspenseItem
from portal.ledger.settlements import SettlementFile
from portal.money import Money
from portal.providers.protocol import ProviderDown, SettlementLine
from portal.returns import closing
from portal.settlements import file_mapping, files, settle, undoing
from portal.settlements.files import BadFile, File, Fit, Imported, ImportedBefore
from portal.settlements.settle import NoSettlements, WrongMerchant
from portal.settlements.undoing import (
    LaterActDepends,
    NoReason,
    NotUndoable,
    PayoutHasArrived,
)
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.fakes import FakeProvider
from tests.settlements.test_settle import balance, balances, items, paid
from tests.town.files import HEAD, euro

ANNA = "staff:anna"
REASON = "read with the wrong mapping"


def row(kind: str, reference: str, gross: str, fee: str = "0,00", **told: str) -> str:
    """A line of the generic table; ``paid`` names the payment as the provider does."""
    cells = {"s": "s1", "m": "m-card", "ours": "", "paid": "", "currency": "EUR", **told}
    return ";".join([
        cells["s"], cells["m"], "20.11.2026", kind, cells["ours"], cells["paid"], reference, gross,
        fee, "", cells["currency"],
    ])  # fmt: skip


def cents(text: str) -> int:
    return int(text.replace(",", "").replace(".", ""))


def table(*rows: str) -> bytes:
    """The file with these lines and its totals."""
    cells = [each.split(";") for each in rows]
    moved = [each for each in cells if each[3] not in {"Entgelt", "Auszahlung"}]
    gross = sum(cents(each[7]) for each in moved)
    fee = sum(cents(each[8]) for each in cells)
    sums = ";".join(euro(each) for each in (gross, fee, gross - fee))
    return "\n".join([HEAD, *rows, f"Summe;;;{len(rows)};;;;{sums};", ""]).encode()


def file(*rows: str, **changed: Any) -> File:
    content = table(*rows)
    told = {"tenant_id": TOWN, "account_id": "card", "content": content, **changed}
    return File(mapping=file_mapping.load("generic"), **told)


def imported(*rows: str, **changed: Any) -> Imported:
    return files.import_file(keyring(), file(*rows, **changed), ANNA)


def previewed(*rows: str) -> dict[str, Fit]:
    """What each line would do, by the provider's name of it."""
    (seen,) = files.preview(keyring(), file(*rows))
    return {each.line.provider_reference: each.fit for each in seen.lines}


def keyring() -> Any:
    return current_app.extensions["keyring"]


def reference(payment: str) -> str:
    return builders.payment(payment).provider_reference or ""


def reserves() -> int:
    return balance("reserves:card")


def told(kind: str) -> list[dict[str, Any]]:
    return [event.data for event in builders.events() if event.type == kind]


def untouched() -> bool:
    """Whether nothing was booked."""
    db.session.rollback()
    rows = [db.session.scalars(select(model)).all() for model in (SettlementRow, SettlementFile)]
    return rows == [[], []] and not told("payout.announced")


# --- Importing ----------------------------------------------------------------------------------


def test_a_file_is_booked_as_a_report_that_the_provider_told(provider: FakeProvider) -> None:
    first, second = paid(provider, 10_000, 20_000)
    imported(
        row("Zahlung", reference(first), "100,00", "0,35", ours=first),
        row("Zahlung", "", "200,00", "0,35", paid=reference(second)),
        row("Entgelt", "monthly", "", "12,00"),
        row("Einbehalt", "hold-1", "-30,00"),
    )
    assert balances() == {"suspense": 0, "transit": 25_730, "fees": 1_270, "differences": 0}
    assert reserves() == 3_000
    assert set(items().values()) == {"settled"}


def test_the_finance_system_is_told_of_fees_and_reserves(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    imported(
        row("Zahlung", reference(payment), "100,00", "0,35"),
        row("Entgelt", "monthly", "", "12,00"),
        row("Einbehalt", "hold-1", "-30,00"),
        row("Sonstiges", "o-1", "-0,77"),
    )
    (data,) = told("payout.announced")
    assert (data["version"], data["reserve_cents"], data["fee_cents"]) == (1, 3_000, 1_235)
    by_kind = {key: line for line in data["lines"] for key in line if not key.endswith("_cents")}
    assert by_kind["fee"]["fee"] == "monthly"
    assert by_kind["reserve"]["gross_cents"] == -3_000
    assert by_kind["other"]["gross_cents"] == -77
    assert builders.tasks() == {"settlement:card:s1": "settlement_difference"}


def test_the_same_file_is_never_imported_twice(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    line = row("Zahlung", reference(payment), "100,00")
    imported(line)
    with pytest.raises(ImportedBefore, match="as file"):
        imported(line)
    with pytest.raises(ImportedBefore, match="s1 was booked before"):
        imported(line, content=table(line) + b"\n")
    with pytest.raises(ImportedBefore):
        files.preview(keyring(), file(line))
    assert balance("transit:card") == 10_000


def test_a_report_that_the_provider_told_is_not_imported_again(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    provider.settle("s1", [payment])
    settle.settle(keyring(), TOWN, "card", "s1")
    with pytest.raises(ImportedBefore):
        imported(row("Zahlung", reference(payment), "100,00"))


def test_one_report_that_cannot_be_booked_and_none_of_the_file_is(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    provider.settle("s2", [])
    settle.settle(keyring(), TOWN, "card", "s2")
    before = len(told("payout.announced"))
    with pytest.raises(ImportedBefore):
        imported(
            row("Zahlung", reference(payment), "100,00"),
            row("Zahlung", "f-2", "100,00", s="s2"),
        )
    assert balance("suspense:card") == 10_000
    assert len(told("payout.announced")) == before


def test_another_merchants_file_changes_nothing(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    line = row("Zahlung", reference(payment), "100,00")
    with pytest.raises(WrongMerchant):
        imported(line.replace("m-card", "m-paypal"))
    with pytest.raises(WrongMerchant):
        imported(line, row("Zahlung", "f-2", "1,00", m="m-other"))
    with pytest.raises(WrongMerchant):
        imported(line, account_id="paypal")
    assert untouched()


def test_bad_rows_are_told_and_nothing_is_booked(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    content = table(row("Zahlung", reference(payment), "100,00")).replace(b"100,00", b"100.00", 1)
    with pytest.raises(BadFile) as bad:
        imported(content=content)
    assert [fault.line for fault in bad.value.faults] == [2]
    assert untouched()


def test_a_payment_never_heard_of_is_asked_about_first(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=10_000)
    payment = builders.begin(letter)
    provider.pay(payment)
    line = row("Zahlung", reference(payment), "100,00")
    assert previewed(line) == {reference(payment): Fit.ASKED_FIRST}
    assert builders.payment(payment).state == "started"
    imported(line)
    assert builders.request_of(letter).state == "paid"
    assert balances() == {"suspense": 0, "transit": 10_000, "fees": 0, "differences": 0}


def test_a_silent_provider_and_nothing_is_booked(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = builders.begin(builders.letter(amount_cents=10_000))
    provider.pay(payment)

    def silent(*_: object) -> None:
        raise ProviderDown("no answer")

    monkeypatch.setattr(provider, "fetch", silent)
    with pytest.raises(NoSettlements):
        imported(row("Zahlung", reference(payment), "100,00"))
    assert untouched()


def test_what_fits_no_item_stays_visible_as_a_difference_and_a_task(provider: FakeProvider) -> None:
    paid(provider, 10_000)
    imported(row("Zahlung", "f-stranger", "7,00"))
    assert balances() == {"suspense": 10_000, "transit": 700, "fees": 0, "differences": -700}
    assert builders.tasks() == {"settlement:card:s1": "settlement_difference"}


def test_only_a_person_imports(provider: FakeProvider) -> None:
    with pytest.raises(NotAPerson):
        files.import_file(keyring(), file(row("Zahlung", "f", "1,00")), "worker")


def test_who_imported_what_stands_in_the_audit(provider: FakeProvider) -> None:
    made = imported(row("Zahlung", "f-1", "7,00"))
    db.session.rollback()
    note = db.session.scalars(select(AuditRow).where(AuditRow.act == "settlement.imported")).one()
    assert (note.actor, note.subject) == (ANNA, f"file:{made.file}")
    assert (note.detail["lines"], note.detail["net_cents"]) == (1, {"s1": 700})


# --- Preview ------------------------------------------------------------------------------------


def test_a_preview_says_what_each_line_would_do_and_books_nothing(provider: FakeProvider) -> None:
    first, second = paid(provider, 10_000, 20_000)
    report = provider.reverse(first, 500, 100, "cb-9")
    assert previewed(
        row("Zahlung", reference(first), "100,00", "0,35"),
        row("Zahlung", reference(second), "200,01", "0,35"),
        row("Zahlung", "f-stranger", "1,00"),
        row("Entgelt", "monthly", "", "12,00"),
        row("Einbehalt", "hold-1", "-30,00"),
        row("Einbehalt freigegeben", "release-1", "50,00"),
        row("Rückbelastung", report.reversal, "-5,00", "1,00", paid=reference(first)),
    ) == {
        reference(first): Fit.FITS,
        reference(second): Fit.IN_PART,
        "f-stranger": Fit.NOTHING,
        "monthly": Fit.FEE,
        "hold-1": Fit.FITS,
        "release-1": Fit.IN_PART,
        "cb-9": Fit.BELIEVED,
    }
    assert untouched()
    assert balances() == {"suspense": 30_000, "transit": 0, "fees": 0, "differences": 0}
    assert builders.tasks() == {}


def test_what_was_previewed_can_be_imported(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    line = row("Zahlung", reference(payment), "100,00")
    assert previewed(line) == {reference(payment): Fit.FITS}
    imported(line)
    assert [data["version"] for data in told("payout.announced")] == [1]


# --- Reserves -----------------------------------------------------------------------------------


def test_a_reserve_is_no_difference_and_is_let_go_again(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    imported(row("Zahlung", reference(payment), "100,00"), row("Einbehalt", "hold-1", "-30,00"))
    assert (reserves(), balance("differences:card")) == (3_000, 0)
    imported(row("Einbehalt freigegeben", "release-1", "20,00", s="s2"))
    assert (reserves(), balance("differences:card")) == (1_000, 0)
    assert balance("transit:card") == 9_000
    assert builders.tasks() == {}


def test_no_more_is_let_go_than_was_held_back_the_rest_is_a_difference(
    provider: FakeProvider,
) -> None:
    imported(
        row("Einbehalt freigegeben", "release-1", "20,00"), row("Einbehalt", "hold-1", "-5,00")
    )
    assert (reserves(), balance("differences:card")) == (0, -1_500)
    assert told("payout.announced")[0]["reserve_cents"] == 0


def test_the_provider_itself_may_tell_of_reserves(provider: FakeProvider) -> None:
    hold = SettlementLine("reserve", "", "hold-1", Money(-700), Money(0))
    provider.settle("s1", paid(provider, 10_000), 0, hold)
    settle.settle(keyring(), TOWN, "card", "s1")
    assert (reserves(), balances()["differences"]) == (700, 0)


# --- Undoing ------------------------------------------------------------------------------------


def test_an_undone_file_leaves_the_books_as_they_were(provider: FakeProvider) -> None:
    first, second = paid(provider, 10_000, 20_000)
    before = balances()
    made = imported(
        row("Zahlung", reference(first), "100,00", "0,35"),
        row("Einbehalt", "hold-1", "-5,00"),
        row("Zahlung", reference(second), "200,00", "0,35", s="s2"),
        row("Zahlung", "f-stranger", "1,00", s="s2"),
    )
    assert builders.tasks() != {}
    assert undoing.undo_file(TOWN, made.file, REASON, ANNA) == 2
    assert balances() == before
    assert reserves() == 0
    assert set(items().values()) == {"open"}
    assert builders.tasks() == {}
    assert [(data["payout"], data["version"]) for data in told("payout.withdrawn")] == [
        ("s1", 1), ("s2", 1)
    ]  # fmt: skip


def test_an_undone_file_is_imported_again_as_the_next_version(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    line = row("Zahlung", reference(payment), "100,00", "0,35")
    made = imported(line)
    undoing.undo_file(TOWN, made.file, REASON, ANNA)
    again = imported(line)
    assert balances() == {"suspense": 0, "transit": 9_965, "fees": 35, "differences": 0}
    assert [data["version"] for data in told("payout.announced")] == [1, 2]
    with pytest.raises(ImportedBefore):
        imported(line)
    undoing.undo_file(TOWN, again.file, REASON, ANNA)
    assert balances() == {"suspense": 10_000, "transit": 0, "fees": 0, "differences": 0}


def test_reason_and_person_stand_in_the_audit(provider: FakeProvider) -> None:
    made = imported(row("Zahlung", "f-1", "7,00"))
    undoing.undo_file(TOWN, made.file, REASON, ANNA)
    db.session.rollback()
    note = db.session.scalars(select(AuditRow).where(AuditRow.act == "settlement.undone")).one()
    assert (note.actor, note.subject, note.detail["reason"]) == (ANNA, "s1", REASON)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "of anna@example.org", "a\nb"])
def test_a_reason_is_needed_and_names_nobody(provider: FakeProvider, reason: str) -> None:
    made = imported(row("Zahlung", "f-1", "7,00"))
    with pytest.raises(NoReason):
        undoing.undo_file(TOWN, made.file, reason, ANNA)
    with pytest.raises(NotAPerson):
        undoing.undo_file(TOWN, made.file, REASON, "operator")
    assert told("payout.withdrawn") == []


def test_what_has_arrived_on_the_bank_is_not_undone(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    made = imported(
        row("Zahlung", reference(payment), "100,00"), row("Zahlung", "f-2", "1,00", s="s2")
    )
    arrive("s1", 10_000)
    with pytest.raises(PayoutHasArrived, match="s1"):
        undoing.undo_file(TOWN, made.file, REASON, ANNA)
    assert balance("bank") == 10_000
    assert told("payout.withdrawn") == []


def test_an_undone_pay_out_does_not_arrive(provider: FakeProvider) -> None:
    made = imported(row("Zahlung", "f-1", "7,00"))
    undoing.undo_file(TOWN, made.file, REASON, ANNA)
    with pytest.raises(arrivals.NoSuchPayout):
        arrive("s1", 700)
    imported(row("Zahlung", "f-1", "8,00"))
    arrive("s1", 800)
    assert told("payout.arrived")[0]["version"] == 2


def test_a_reserve_that_was_let_go_since_is_not_undone(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    made = imported(
        row("Zahlung", reference(payment), "100,00"), row("Einbehalt", "hold-1", "-30,00")
    )
    later = imported(row("Einbehalt freigegeben", "release-1", "20,00", s="s2"))
    with pytest.raises(LaterActDepends, match="reserve"):
        undoing.undo_file(TOWN, made.file, REASON, ANNA)
    assert reserves() == 1_000
    undoing.undo_file(TOWN, later.file, REASON, ANNA)
    undoing.undo_file(TOWN, made.file, REASON, ANNA)
    assert reserves() == 0


def test_what_was_closed_by_order_since_is_not_opened_again(provider: FakeProvider) -> None:
    (payment,) = paid(provider, 10_000)
    made = imported(row("Zahlung", reference(payment), "99,00"))
    db.session.rollback()
    item = db.session.scalars(select(SuspenseItem.id)).one()
    closing.ask(TOWN, closing.SUSPENSE, item, "AO-1", ANNA)
    closing.approve(TOWN, closing.SUSPENSE, item, "staff:bert")
    with pytest.raises(LaterActDepends, match="closed by order"):
        undoing.undo_file(TOWN, made.file, REASON, ANNA)


def test_a_file_is_undone_once_and_by_its_own_town(provider: FakeProvider) -> None:
    made = imported(row("Zahlung", "f-1", "7,00"))
    with pytest.raises(files.NoSuchFile):
        undoing.undo_file(OTHER_TOWN, made.file, REASON, ANNA)
    undoing.undo_file(TOWN, made.file, REASON, ANNA)
    with pytest.raises(NotUndoable):
        undoing.undo_file(TOWN, made.file, REASON, ANNA)


def test_a_report_that_the_provider_told_is_undone_and_comes_back_only_when_asked_for(
    provider: FakeProvider,
) -> None:
    provider.settle("s1", paid(provider, 10_000))
    settle.settle(keyring(), TOWN, "card", "s1")
    undoing.undo_report(TOWN, "card", "s1", REASON, ANNA)
    assert balance("suspense:card") == 10_000
    assert settle.settle(keyring(), TOWN, "card", "s1") is False
    assert settle.settle(keyring(), TOWN, "card", "s1", anew=True) is True
    assert balance("suspense:card") == 0


def test_a_report_of_a_file_is_not_undone_alone(provider: FakeProvider) -> None:
    imported(row("Zahlung", "f-1", "7,00"))
    for account, name in (("card", "s1"), ("card", "s9"), ("paypal", "s1")):
        with pytest.raises(NotUndoable):
            undoing.undo_report(TOWN, account, name, REASON, ANNA)


def test_a_refund_that_failed_after_its_report_and_an_undone_report_keep_the_books(
    provider: FakeProvider,
) -> None:
    from tests.returns.test_refunds import sent

    (payment,) = paid(provider, 10_000)
    refund = sent(payment, 4_000)
    line = provider.refund_line(refund)
    made = imported(
        row("Zahlung", reference(payment), "100,00"),
        row("Erstattung", line.provider_reference, "-40,00"),
    )
    imported(row("Erstattung zurück", line.provider_reference, "40,00", s="s2"))
    undoing.undo_file(TOWN, made.file, REASON, ANNA)
    assert balance("differences:card") == 0
    imported(
        row("Zahlung", reference(payment), "100,00"),
        row("Erstattung", line.provider_reference, "-40,00"),
    )
    assert balances() == {"suspense": 0, "transit": 10_000, "fees": 0, "differences": 0}


def arrive(name: str, net_cents: int) -> None:
    """The finance system tells that a pay-out is on the bank."""
    from tests.town.town import arrived

    arrived(TOWN, "card", name, net_cents)
