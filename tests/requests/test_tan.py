"""The TAN, and the counting of wrong ones."""

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update

from portal import keys
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.keys import Keyring
from portal.requests import reasons, register, tan
from portal.requests.models import PaymentRequest, Tries
from portal.requests.tan import Checked, Verdict
from tests import builders
from tests.builders import TOWN, Letter
from tests.conftest import Time
from tests.payments import races

RIGHT, WRONG, LOCKED = Verdict.RIGHT, Verdict.WRONG, Verdict.LOCKED


def checked(letter: Letter, typed: str) -> Checked:
    keyring: Keyring = current_app.extensions["keyring"]
    with transaction() as session:
        request = register.get(session, TOWN, letter.request_id)
        return tan.check(session, keyring, request, typed)


def wrong(letter: Letter) -> str:
    return f"{(int(letter.tan) + 1) % 10**8:08d}"


def guessed(letter: Letter, times: int) -> list[Verdict]:
    return [checked(letter, wrong(letter)).verdict for _ in range(times)]


def locked(letter: Letter) -> Checked | None:
    db.session.rollback()
    return tan.is_locked(db.session(), register.get(db.session(), TOWN, letter.request_id))


def test_a_tan_is_eight_digits_and_the_same_each_time() -> None:
    key = Keyring.parse(keys.new_key("k1")).current
    made = [tan.derive(key, TOWN, f"K-{number}", 1) for number in range(500)]
    assert all(len(each) == 8 and each.isdigit() for each in made)
    assert made == [tan.derive(key, TOWN, f"K-{number}", 1) for number in range(500)]
    assert len(set(made)) > 490
    assert {each[0] for each in made} == set("0123456789"), "leading zeros are kept"


def test_another_version_key_or_town_has_another_tan() -> None:
    key, other = (Keyring.parse(keys.new_key("k1")).current for _ in range(2))
    made = {tan.derive(k, t, "K-1", v) for k in (key, other) for t in "ab" for v in (1, 2)}
    assert len(made) == 8


def test_the_right_tan_is_right_and_a_wrong_one_wrong(app: Flask) -> None:
    letter = builders.letter()
    assert checked(letter, letter.tan) == Checked(RIGHT)
    assert checked(letter, wrong(letter)) == Checked(WRONG, 4)


@pytest.mark.parametrize("form", ["{0}{1} {2}{3}", "{0}{1}-{2}{3}", " {0} {1} {2} {3}\u00a0"])
def test_blanks_and_dashes_do_not_matter(app: Flask, form: str) -> None:
    letter = builders.letter()
    pairs = [letter.tan[at : at + 2] for at in range(0, 8, 2)]
    assert checked(letter, form.format(*pairs)).verdict is RIGHT


@pytest.mark.parametrize("typed", ["", " ", "\0", "12345678901234567890", "١٢٣٤٥٦٧٨", "true"])
def test_what_is_no_tan_is_wrong_and_counts(app: Flask, typed: str) -> None:
    letter = builders.letter()
    assert checked(letter, typed) == Checked(WRONG, 4)


def test_another_letters_tan_is_wrong(app: Flask) -> None:
    assert checked(builders.letter("K-1"), builders.letter("K-2").tan).verdict is WRONG


def test_where_there_is_a_tan_the_amount_opens_nothing(app: Flask) -> None:
    letter = builders.letter(amount_cents=14_850)
    assert checked(letter, "148,50").verdict is WRONG


def test_five_in_an_hour_and_not_one_more(app: Flask, time: Time) -> None:
    letter = builders.letter()
    told = [checked(letter, wrong(letter)) for _ in range(6)]
    assert [each.verdict for each in told] == [WRONG] * 4 + [LOCKED] * 2
    assert [each.left for each in told] == [4, 3, 2, 1, 0, 0]
    assert told[-1].locked_until is not None
    assert 3_590 < (told[-1].locked_until - time.now).total_seconds() <= 3_600


def test_while_it_is_locked_the_right_one_is_not_looked_at(app: Flask) -> None:
    letter = builders.letter()
    guessed(letter, 5)
    assert checked(letter, letter.tan).verdict is LOCKED
    assert locked(letter) is not None


def test_the_lock_ends_after_the_hour(app: Flask, time: Time) -> None:
    letter = builders.letter()
    guessed(letter, 5)
    time.move("+59m")
    assert checked(letter, letter.tan).verdict is LOCKED
    time.move("+60m")
    assert locked(letter) is None
    assert checked(letter, letter.tan).verdict is RIGHT


def test_ten_for_life_then_only_a_new_letter_helps(app: Flask, time: Time) -> None:
    letter = builders.letter()
    guessed(letter, 5)
    time.move("+2h")
    assert guessed(letter, 6) == [WRONG] * 4 + [LOCKED] * 2
    time.move("+30d")
    told = checked(letter, letter.tan)
    assert (told.verdict, told.locked_until) == (LOCKED, None)
    assert locked(letter) == Checked(LOCKED)


def test_a_right_one_resets_the_hour_but_not_the_life(app: Flask) -> None:
    letter = builders.letter()
    told = []
    for _ in range(2):
        told += guessed(letter, 4)
        told.append(checked(letter, letter.tan).verdict)
    assert told == ([WRONG] * 4 + [RIGHT]) * 2
    assert guessed(letter, 3) == [WRONG, LOCKED, LOCKED]


def test_right_ones_cost_nothing(app: Flask) -> None:
    letter = builders.letter()
    assert {checked(letter, letter.tan).verdict for _ in range(25)} == {RIGHT}
    assert checked(letter, wrong(letter)).left == 4


def test_one_letters_lock_is_not_anothers(app: Flask) -> None:
    one, other = builders.letter("K-1"), builders.letter("K-2")
    guessed(one, 6)
    assert checked(other, other.tan).verdict is RIGHT


@pytest.mark.parametrize(
    ("cents", "typed"),
    [
        (14_850, "148,50"),
        (14_850, "148.50"),
        (14_850, "148,50 €"),
        (14_850, "€ 148,50"),
        (14_850, "148,50 EUR"),
        (14_800, "148"),
        (123_450, "1.234,50 €"),
        (123_450, "1234,50"),
        (123_450, "1 234,50"),
        (123_450, "1\u202f234.50"),
        (450, "4,50"),
    ],
)
def test_without_a_tan_the_amount_opens_the_letter(app: Flask, cents: int, typed: str) -> None:
    letter = builders.letter(amount_cents=cents, tan=False)
    assert checked(letter, typed).verdict is RIGHT


@pytest.mark.parametrize(
    "typed", ["", "148,5", "148,49", "-148,50", "14850", "148,500", "1,48,50", "148,50 PLN", "€"]
)
def test_another_amount_opens_nothing(app: Flask, typed: str) -> None:
    letter = builders.letter(amount_cents=14_850, tan=False)
    assert checked(letter, typed).verdict is WRONG


def test_any_amount_ever_printed_counts(app: Flask) -> None:
    letter = builders.letter(amount_cents=14_850, tan=False)
    builders.letter(amount_cents=9_900, tan=False)
    assert checked(letter, "148,50").verdict is RIGHT
    assert checked(letter, "99,00").verdict is RIGHT


def test_amounts_and_tans_share_the_counters(app: Flask) -> None:
    letter = builders.letter(tan=False)
    assert [checked(letter, "1,00").verdict for _ in range(6)] == [WRONG] * 4 + [LOCKED] * 2
    builders.letter(tan=True)
    assert checked(letter, letter.tan).verdict is LOCKED


def test_of_64_guesses_with_two_left_for_life_two_are_looked_at(app: Flask, time: Time) -> None:
    letter = builders.letter()
    guessed(letter, 5)
    time.move("+2h")
    guessed(letter, 3)
    with transaction() as session:
        session.execute(update(Tries).values(in_hour=0))
    assert races.guesses(app, letter, 64) == {"guesses": 64, "looked_at": 2}


def test_no_row_holds_a_tan() -> None:
    names = {column.name for column in PaymentRequest.__table__.columns}
    assert {name for name in names if "tan" in name} == {"tan_required", "tan_version"}


def unlocked(letter: Letter, reason: str = "caller named sender and date") -> int:
    with transaction() as session:
        request = register.locked(session, TOWN, letter.request_id)
        return tan.unlock(session, request, "staff:anna", reason)


def test_staff_give_back_the_tries_of_the_hour_and_say_why(app: Flask) -> None:
    letter = builders.letter()
    guessed(letter, 5)
    assert unlocked(letter) == 5
    assert locked(letter) is None
    assert checked(letter, letter.tan).verdict is RIGHT
    row = db.session.scalars(select(AuditRow).where(AuditRow.act == "request.unlock")).one()
    assert (row.actor, row.subject, row.detail) == (
        "staff:anna", letter.reference, {"reason": "caller named sender and date", "in_life": 5},
    )  # fmt: skip


def test_unlocking_ends_with_the_life_of_the_tan(app: Flask) -> None:
    letter = builders.letter()
    guessed(letter, 5)
    unlocked(letter)
    guessed(letter, 3)
    assert unlocked(letter) == 2
    assert guessed(letter, 3) == [WRONG, LOCKED, LOCKED]
    with pytest.raises(tan.OnlyANewTan):
        unlocked(letter)
    assert checked(letter, letter.tan).verdict is LOCKED


@pytest.mark.parametrize("reason", ["", "  ", "x" * 141])
def test_nobody_unlocks_without_a_reason(app: Flask, reason: str) -> None:
    letter = builders.letter()
    guessed(letter, 5)
    with pytest.raises(reasons.ReasonMissing):
        unlocked(letter, reason)
    assert checked(letter, letter.tan).verdict is LOCKED


def test_a_reason_names_nobody(app: Flask) -> None:
    with pytest.raises(reasons.PersonalData):
        unlocked(builders.letter(), "hat angerufen, Tel. 0171 2345678")


def test_what_was_never_tried_may_be_unlocked(app: Flask) -> None:
    assert unlocked(builders.letter()) == 5
