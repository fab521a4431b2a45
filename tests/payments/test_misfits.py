"""Whether a report fits the payment it speaks of."""

from dataclasses import replace

import pytest

from portal.money import Money
from portal.payments.misfits import Expected, Heard, Misfit, judge
from portal.providers.protocol import Outcome, Report

HEARD = Heard("card", "m-card", live=True)
OURS = Expected("card", "f-1", Money(14_850))
TOLD = Report("p1", "f-1", "m-card", Outcome.SUCCEEDED, Money(14_850), live=True)


def test_what_fits_fits() -> None:
    assert judge(TOLD, HEARD, OURS) is None


@pytest.mark.parametrize("live", [True, False])
def test_practice_and_live_never_mix(live: bool) -> None:
    told, heard = replace(TOLD, live=live), replace(HEARD, live=not live)
    assert judge(told, heard, OURS) is Misfit.OTHER_MODE
    assert judge(told, heard, None) is Misfit.OTHER_MODE


def test_a_payment_that_is_none_of_ours() -> None:
    assert judge(TOLD, HEARD, None) is Misfit.UNKNOWN_PAYMENT


@pytest.mark.parametrize(
    ("told", "misfit"),
    [
        (replace(TOLD, merchant="m-paypal"), Misfit.OTHER_MERCHANT),
        (replace(TOLD, merchant=""), Misfit.OTHER_MERCHANT),
        (replace(TOLD, provider_reference="f-2"), Misfit.OTHER_REFERENCE),
        (replace(TOLD, amount=Money(14_849)), Misfit.OTHER_AMOUNT),
        (replace(TOLD, amount=Money(14_851)), Misfit.OTHER_AMOUNT),
        (replace(TOLD, amount=Money(-14_850)), Misfit.OTHER_AMOUNT),
        (replace(TOLD, amount=Money(14_850, "PLN")), Misfit.OTHER_CURRENCY),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.STARTED])
def test_each_thing_that_does_not_fit_is_named(
    told: Report, misfit: Misfit, outcome: Outcome
) -> None:
    assert judge(replace(told, outcome=outcome), HEARD, OURS) is misfit


def test_another_account_of_ours_is_another_account() -> None:
    assert judge(TOLD, HEARD, replace(OURS, account_id="paypal")) is Misfit.OTHER_ACCOUNT


def test_a_report_may_overtake_our_note_of_the_providers_reference() -> None:
    assert judge(TOLD, HEARD, replace(OURS, provider_reference=None)) is None


def test_who_does_not_know_a_payment_names_neither_reference_nor_amount() -> None:
    told = Report("p1", "", "m-card", Outcome.NOT_FOUND, Money(0), live=True)
    assert judge(told, HEARD, OURS) is None
    assert judge(replace(told, merchant="x"), HEARD, OURS) is Misfit.OTHER_MERCHANT
