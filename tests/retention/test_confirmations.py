"""What can still be said of a payment once the details of its request are deleted."""

import pytest
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import text

from portal.db import db, transaction
from portal.payments import mails, receipts
from portal.payments.mails import Mail
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.payments.test_receipts import check
from tests.retention.conftest import Town


@pytest.mark.rows_by_hand
def test_a_check_code_tells_that_it_was_settled_until_the_reference_goes(
    client: FlaskClient, town: Town, time: Time, owner_url: str
) -> None:
    letter, payment = town.paid("AB-7788")
    town.settle(payment)
    code = receipts.code(current_app.extensions["keyring"].current, TOWN, payment)
    time.move("+200d")
    town.night()
    assert builders.request_of(letter).details_purged_at is not None

    page = check(client, code)
    assert page.status_code == 200
    assert "Diese Forderung ist erledigt." in page.text
    assert "Bei Fragen rufen Sie uns bitte an." in page.text
    for gone in ("100,00", "7788", "Tag der Zahlung"):
        assert gone not in page.text

    with transaction() as session:
        session.execute(text("UPDATE payment_requests SET purged_at = details_purged_at"))
    assert check(client, code).status_code == 404


@pytest.mark.rows_by_hand
def test_that_there_was_a_mail_is_forgotten_with_the_details(town: Town, time: Time) -> None:
    _, payment = town.paid("K-1")
    town.settle(payment)
    mails.order(current_app.extensions["keyring"], (TOWN, payment), b"")
    mails.forget()
    assert _mails() == 1
    time.move("+200d")
    mails.forget()
    assert _mails() == 1
    town.night()
    mails.forget()
    assert _mails() == 0


def _mails() -> int:
    db.session.rollback()
    return db.session.query(Mail).count()
