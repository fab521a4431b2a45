"""Taking invoices into the books."""

from flask import Flask

from demo import sample
from office.db import office_db
from office.importing import Taken, import_file
from office.models import Claim, ClaimState, Debtor


def test_a_file_imported_twice_changes_nothing(office: Flask) -> None:
    raw = sample.as_bytes(sample.rows(20))
    assert import_file(raw).taken == {Taken.NEW: 20}
    assert import_file(raw).taken == {Taken.SAME: 20}
    assert office_db.session.query(Claim).count() == 20


def test_a_changed_invoice_changes_its_claim_and_no_other(office: Flask) -> None:
    rows = sample.rows(5)
    import_file(sample.as_bytes(rows))
    rows[3]["Betrag"] = "77,70"
    assert import_file(sample.as_bytes(rows)).taken == {Taken.SAME: 4, Taken.CHANGED: 1}
    assert office_db.session.get_one(Claim, rows[3]["Belegnummer"]).cents == 7770


def test_a_higher_amount_opens_a_cleared_claim_again(office: Flask) -> None:
    rows = sample.rows(1)
    import_file(sample.as_bytes(rows))
    claim = office_db.session.get_one(Claim, rows[0]["Belegnummer"])
    claim.clear(claim.cents)
    office_db.session.commit()
    rows[0]["Betrag"] = "5,50"
    import_file(sample.as_bytes(rows))
    office_db.session.expire_all()
    assert claim.state == ClaimState.PARTLY_CLEARED


def test_one_person_is_one_debtor_however_many_letters(office: Flask) -> None:
    rows = sample.rows(3)
    for row in rows:
        row |= {"Personenkonto": "", "Name": "Änne Weiß", "Strasse": "Weg 1", "PLZ": "09999"}
        row |= {"Ort": "Ort", "Land": "", "Zusatz": ""}
    rows[2]["Name"] = "ÄNNE  WEIß"
    import_file(sample.as_bytes(rows))
    assert office_db.session.query(Debtor).count() == 1


def test_a_person_with_an_account_keeps_it_when_moving(office: Flask) -> None:
    rows = sample.rows(1)
    import_file(sample.as_bytes(rows))
    rows[0]["Strasse"] = "Neuer Weg 5"
    import_file(sample.as_bytes(rows))
    (debtor,) = office_db.session.query(Debtor)
    assert debtor.street == "Neuer Weg 5"


def test_an_amount_of_nothing_is_told_and_the_others_are_taken(office: Flask) -> None:
    rows = sample.rows(3)
    rows[1]["Betrag"] = "0.000,00"
    report = import_file(sample.as_bytes(rows))
    assert report.taken == {Taken.NEW: 2}
    assert [(r.line, r.reason) for r in report.refused] == [(3, "amount_positive")]
