"""What may become of a payment, as the citizen and the town hall see it."""

import pytest

from tests.browser.conftest import Citizen, Comes
from tests.stages import Demo, until

pytestmark = pytest.mark.browser

CONFIRMED = "Your payment is confirmed"
PROCESSING = "Your payment is being confirmed"
BEGUN = "A payment was already begun"


def test_a_declined_payment_can_be_tried_again(citizen: Citizen, demo: Demo) -> None:
    citizen.starts(demo.push())
    citizen.decides("decline")
    assert citizen.title == "The payment did not work"
    assert "No money was taken." in citizen.text
    citizen.page.click("text=Choose another payment method")
    citizen.leaves_for("Wero")
    citizen.decides("pay")
    assert citizen.title == CONFIRMED


def test_a_cancelled_payment_takes_no_money(citizen: Citizen, demo: Demo) -> None:
    citizen.starts(demo.push())
    citizen.decides("cancel")
    assert citizen.title == "You cancelled the payment"
    assert "No money was taken." in citizen.text


def test_who_left_the_provider_can_continue_the_payment(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push()
    payment = citizen.starts(asked)
    citizen.decides("leave")
    citizen.opens(asked)
    assert citizen.title == BEGUN
    citizen.page.click("text=Continue this payment")
    citizen.page.wait_for_url(f"{demo.facts['sandbox']}/pay/**")
    citizen.decides("pay")
    assert citizen.title == CONFIRMED
    assert payment in citizen.page.url


def test_who_left_the_provider_can_start_again_and_twice_paid_is_surplus(
    citizen: Citizen, demo: Demo
) -> None:
    asked = demo.push(amount_cents=3_333)
    first = citizen.starts(asked)
    citizen.decides("leave")
    citizen.opens(asked)
    citizen.page.get_by_role("button", name="Start again").click()
    citizen.goes_on()
    second = citizen.leaves_for("Kredit")
    citizen.decides("pay")
    assert citizen.title == CONFIRMED
    demo.provider(f"payments/{first}/pay")
    until(lambda: _booked(demo, first), 10)
    assert _booked(demo, second) == [("succeeded", 3_333, 3_333)]
    assert _booked(demo, first) == [("succeeded", 3_333, None)]
    assert _custody(demo, first) == [("surplus", 3_333)]


def test_while_there_is_no_news_who_reads_is_not_interrupted(citizen: Citizen, demo: Demo) -> None:
    citizen.page.clock.install()
    payment = citizen.starts(demo.push(), "Wero")
    citizen.decides("later")
    assert citizen.title == PROCESSING
    citizen.page.evaluate("document.body.dataset.mark = 'read so far'")
    for _ in range(2):  # three seconds each
        with citizen.page.expect_response("**/payment/*again=*", timeout=15_000) as answer:
            citizen.page.clock.fast_forward(3_000)
        assert answer.value.request.resource_type == "fetch"
    assert citizen.page.evaluate("document.body.dataset.mark") == "read so far"
    demo.provider(f"payments/{payment}/pay")
    citizen.page.wait_for_selector(f"h1:has-text('{CONFIRMED}')", timeout=30_000)
    assert citizen.complaints == []


def test_without_scripts_the_page_that_waits_looks_again_by_itself(
    comes: Comes, demo: Demo
) -> None:
    citizen = comes(javascript=False)
    payment = citizen.starts(demo.push(), "Wero")
    citizen.decides("later")
    assert citizen.title == PROCESSING
    demo.provider(f"payments/{payment}/pay")
    citizen.page.wait_for_selector(f"h1:has-text('{CONFIRMED}')", timeout=15_000)


def test_money_that_comes_after_cancel_is_booked_as_paid(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push()
    payment = citizen.starts(asked)
    citizen.decides("cancel")
    demo.provider(f"payments/{payment}/pay")
    until(lambda: _booked(demo, payment), 10)
    citizen.opens(asked)
    assert citizen.title == "This letter is already paid"
    citizen.page.click("text=Show the confirmation")
    assert citizen.title == CONFIRMED


def test_a_lost_notification_is_found_by_asking(citizen: Citizen, demo: Demo) -> None:
    payment = citizen.starts(demo.push())
    demo.provider(f"payments/{payment}/pay", webhook="lose")
    assert _booked(demo, payment) == []
    with demo.later("+3m"):  # the first question is due after two minutes
        until(lambda: _booked(demo, payment), 45)


def test_a_forged_notification_changes_nothing(citizen: Citizen, demo: Demo) -> None:
    payment = citizen.starts(demo.push())
    told = demo.provider(f"payments/{payment}/notify", webhook="forged", status="paid")
    assert [one["answer"] for one in told["deliveries"]] == ["400"]
    assert _state(demo, payment) == "started"
    assert _booked(demo, payment) == []


def test_a_wrong_amount_clears_nothing_and_lies_in_custody(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push(amount_cents=5_000)
    payment = citizen.starts(asked)
    demo.provider(f"payments/{payment}/pay", amount_cents=4_983)
    query = "SELECT cause, state FROM custody_items WHERE amount_cents = 4983"
    until(lambda: demo.sql(query) == [("unclear", "open")], 10)
    assert _booked(demo, payment) == []
    citizen.opens(asked)
    assert citizen.title == "We are checking your payment"


def test_a_changed_amount_is_shown_before_anything_is_paid(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push(amount_cents=1_000)
    citizen.checks(asked)
    demo.push(reference=asked["reference"], amount_cents=2_000)
    citizen.page.check("label:has-text('PayPal')")
    citizen.submits()
    assert "€20.00" in citizen.text
    assert "/r/" in citizen.page.url


def test_who_is_done_leaves_nothing_behind(citizen: Citizen, demo: Demo) -> None:
    citizen.checks(demo.push())
    page = citizen.page.url
    citizen.page.click("text=End session")
    citizen.page.goto(page)
    assert citizen.title == "Your session has ended"


def _state(demo: Demo, payment: str) -> str:
    ((state,),) = demo.sql("SELECT state FROM payments WHERE id = %s", payment)
    return str(state)


def _booked(demo: Demo, payment: str) -> list[tuple[str, int, int | None]]:
    """State, amount and what it cleared, once it has succeeded."""
    return demo.sql(
        "SELECT p.state, p.amount_cents, sum(a.cents)::bigint FROM payments p"
        " LEFT JOIN allocations a"
        " ON a.tenant_id = p.tenant_id AND a.payment_id = p.id AND NOT a.surplus"
        " WHERE p.id = %s AND p.state = 'succeeded' GROUP BY p.state, p.amount_cents",
        payment,
    )


def _custody(demo: Demo, payment: str) -> list[tuple[str, int]]:
    """Cause and amount of what lies in custody from a payment."""
    return demo.sql(
        "SELECT cause, amount_cents FROM custody_items WHERE strpos(reference, %s) > 0", payment
    )
