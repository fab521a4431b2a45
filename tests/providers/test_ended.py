"""Methods that have ended: a table of facts."""

from datetime import date

import pytest

from portal.providers.ended import ENDED, end_of


@pytest.mark.parametrize(
    ("provider", "method", "last_day"),
    [
        ("girocheckout", "giropay", date(2024, 12, 31)),
        ("girocheckout", "GiroPay", date(2024, 12, 31)),
        ("stripe", "giropay", date(2024, 6, 30)),
        ("girocheckout", "ideal", date(2026, 5, 12)),
        ("stripe", "ideal", None),
        ("stripe", "wero", None),
        ("stripe", "", None),
    ],
)
def test_a_method_ends_at_its_provider_or_everywhere(
    provider: str, method: str, last_day: date | None
) -> None:
    found = end_of(provider, method)
    assert (found and found.last_day) == last_day


def test_every_end_has_a_source_and_stands_once() -> None:
    assert all(each.source and each.method == each.method.casefold() for each in ENDED)
    assert len({(each.provider, each.method) for each in ENDED}) == len(ENDED)
