"""Many wrong TANs in a town: a task for its staff, and none of another's."""

from flask import Flask, current_app

from portal.db import transaction
from portal.requests import guesses, register, tan
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time


def guessed(letters: int, times: int, tenant_id: str = TOWN) -> None:
    for number in range(letters):
        letter = builders.letter(f"K-{number}", tenant_id=tenant_id)
        wrong = f"{(int(letter.tan) + 1) % 10**8:08d}"
        for _ in range(times):
            with transaction() as session:
                request = register.get(session, tenant_id, letter.request_id)
                tan.check(session, current_app.extensions["keyring"], request, wrong)


def looked(tenant_id: str = TOWN) -> list[str]:
    guesses.look()
    return list(builders.tasks(tenant_id).values())


def test_fifty_wrong_ones_in_an_hour_are_a_task_and_one_less_is_none(app: Flask) -> None:
    guessed(10, 4)
    guessed(9, 1)
    assert looked() == []
    guessed(10, 1)
    assert looked() == ["tans_guessed"]
    assert looked() == ["tans_guessed"], "once while it is open"


def test_the_task_is_over_after_a_quiet_day(app: Flask, time: Time) -> None:
    guessed(10, 5)
    assert looked() == ["tans_guessed"]
    time.move("+20h")
    assert looked() == ["tans_guessed"]
    time.move("+25h")
    assert looked() == []


def test_each_town_counts_for_itself(app: Flask) -> None:
    guessed(10, 4)
    guessed(10, 4, OTHER_TOWN)
    assert looked() == []
    guessed(10, 1, OTHER_TOWN)
    assert (looked(), looked(OTHER_TOWN)) == ([], ["tans_guessed"])


def test_whoever_finds_the_right_one_is_no_guesser(app: Flask) -> None:
    guessed(10, 4)
    letter = builders.letter("K-1")
    with transaction() as session:
        request = register.get(session, TOWN, letter.request_id)
        tan.check(session, current_app.extensions["keyring"], request, letter.tan)
    guessed(10, 1)
    assert looked() == []
