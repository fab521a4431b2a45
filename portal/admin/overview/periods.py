"""The period that the overview is about. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from portal.words import N_

MOST_DAYS = 62  # that are shown one by one; longer periods by months, very long ones by years
MOST_MONTHS_IN = 5 * 366  # days
USUAL = "30"


@dataclass(frozen=True, slots=True)
class Period:
    """From day to day, both inclusive. ``name``: as the form says it."""

    name: str
    first: date
    last: date

    def slices(self) -> list[tuple[date, date]]:
        """Its days; of a long one its months or years, as far as they lie in it."""
        length = (self.last - self.first).days + 1
        onward = _next_day if length <= MOST_DAYS else _next_month
        onward = _next_year if length > MOST_MONTHS_IN else onward
        found, day = [], self.first
        while day <= self.last:
            after = onward(day)
            found.append((day, min(after - timedelta(days=1), self.last)))
            day = after
        return found


NAMES: Mapping[str, str] = {
    "today": N_("Today"),
    "yesterday": N_("Yesterday"),
    "7": N_("7 days"),
    "30": N_("30 days"),
    "month": N_("This month"),
    "year": N_("This year"),
    "own": N_("From day to day"),
}
BEGINS: Mapping[str, Callable[[date], date]] = {
    "today": lambda today: today,
    "yesterday": lambda today: today - timedelta(days=1),
    "7": lambda today: today - timedelta(days=6),
    "30": lambda today: today - timedelta(days=29),
    "month": lambda today: today.replace(day=1),
    "year": lambda today: today.replace(month=1, day=1),
}


def read(name: str, first: date | None, last: date | None, today: date) -> Period | None:
    """The period that was chosen; ``None`` when two days make none."""
    if name != "own":
        name = name if name in BEGINS else USUAL
        begins = BEGINS[name](today)
        return Period(name, begins, begins if name == "yesterday" else today)
    if first is None or last is None or not date(2000, 1, 1) <= first <= last <= date(2999, 1, 1):
        return None
    return Period(name, first, last)


def _next_day(day: date) -> date:
    return day + timedelta(days=1)


def _next_year(day: date) -> date:
    return date(day.year + 1, 1, 1)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
