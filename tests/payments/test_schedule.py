"""When a provider is asked."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.payments.schedule import first_ask, next_ask, runs_out

BEGAN = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def moments() -> list[timedelta]:
    """Every moment of asking, if each asking comes at its moment."""
    found, moment = [], first_ask(BEGAN)
    while moment:
        found.append(moment - BEGAN)
        moment = next_ask(BEGAN, moment)
    return found


def test_after_minutes_and_hours_then_daily_for_thirty_days() -> None:
    minutes = [timedelta(minutes=m) for m in (2, 10, 30, 120)]
    assert moments() == minutes + [DAY * number for number in range(1, 31)]


@given(st.timedeltas(timedelta(0), DAY * 40))
def test_the_next_asking_is_always_to_come(passed: timedelta) -> None:
    now = BEGAN + passed
    coming = next_ask(BEGAN, now)
    assert coming is None or coming > now
    assert (coming is None) == (passed >= DAY * 30)
    assert coming is None or coming - now <= DAY


def test_an_open_payment_runs_out_after_a_day_and_not_before() -> None:
    assert not runs_out(BEGAN, BEGAN + DAY - timedelta(microseconds=1))
    assert runs_out(BEGAN, BEGAN + DAY)
