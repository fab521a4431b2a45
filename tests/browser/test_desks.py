"""The admin view as people of the town hall use it: each thing that they come for, once."""

import re
from contextlib import nullcontext
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Page

from portal.db import db, transaction
from portal.finance import acknowledging
from portal.finance.acknowledging import Result, Said
from portal.payments.states import State
from portal.proof.cli import export
from tests import builders
from tests.browser.colleague import Colleague
from tests.browser.conftest import PHONE, Comes, Hall, Sits
from tests.builders import TOWN, Letter
from tests.house.test_handbook import ADDRESS, rows
from tests.stages import Demo, until

pytestmark = pytest.mark.browser

NUMBERS = count(8_000)  # of letters that no other test uses
FOCUSED = "() => document.activeElement.name || document.activeElement.innerText.trim()"


def letter(hall: Hall, cents: int = 4_850) -> Letter:
    return hall.letter(next(NUMBERS), amount_cents=cents)


def paid_twice(hall: Hall, cents: int) -> Letter:
    """By PayPal after all, when it was cancelled there and paid by card."""
    asked = letter(hall, cents)
    first = hall.happens(hall.begin(asked, "paypal"), "cancel", State.CANCELLED)
    hall.paid(asked)
    hall.happens(first, "pay", State.SUCCEEDED)
    return asked


def today() -> str:
    return builders.today().isoformat()


def tabs_to(page: Page, name: str) -> None:
    """Press Tab until this field, link or button has the focus."""
    for _ in range(60):
        if page.evaluate(FOCUSED) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} is not reached by keyboard")


def test_by_keyboard_alone_one_signs_in_and_follows_a_figure(comes: Comes, demo: Demo) -> None:
    viewer = Colleague(comes().page, demo, login="viewer").goes("overview?lang=en")
    page = viewer.page
    typed = {"login": "viewer", "password": viewer.password, "code": viewer.code}
    for name, text in typed.items():
        tabs_to(page, name)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/overview*")
    assert viewer.title == "Overview"
    figure = page.inner_text(".figures dd a >> nth=0")
    tabs_to(page, figure)
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert viewer.title == "Requests"


def test_a_callers_payment_is_found_by_amount_day_and_provider(sits: Sits, hall: Hall) -> None:
    asked = letter(hall, 12_347)
    hall.paid(asked, "paypal")
    clerk = sits("clerk").goes("search")
    clerk.fills(amount="123,47", day=today())
    clerk.chooses(account="paypal")
    clerk.presses("Search")  # the only one that fits is opened at once
    assert clerk.title == f"Request {asked.reference}"
    assert "€123.47" in clerk.text


def test_a_double_payment_is_sent_back_by_two_people_in_two_browsers(
    sits: Sits, hall: Hall
) -> None:
    asked = paid_twice(hall, 6_100)
    clerk = sits("clerk", proved=False).goes(f"requests/{asked.reference}")
    row = clerk.page.locator("main tr", has_text="PayPal")
    row.get_by_role("link", name="Refund").click()
    clerk.fills(amount="61,00", order="AO-2026-61", code=clerk.code)
    clerk.chooses(reason="surplus")
    clerk.presses("Ask for this refund")
    assert clerk.title == f"Request {asked.reference}"
    clerk.goes("approvals").page.locator("main tr", has_text="AO-2026-61").get_by_role(
        "link"
    ).click()
    assert "You asked for this yourself" in clerk.text
    approver = sits("approver", proved=False).goes("approvals")
    approver.page.locator("main tr", has_text="AO-2026-61").get_by_role("link").click()
    approver.fills(code=approver.code)
    approver.presses("Approve")
    assert "Approved." in approver.told
    assert any("AO-2026-61" not in one and "€61.00" in one for one in approver.rows())
    states = "SELECT state FROM refunds WHERE amount_cents = 6100"
    until(lambda: hall.demo.sql(states) == [("succeeded",)], 75)
    clerk.goes(f"requests/{asked.reference}")
    assert "€61.00" in clerk.page.inner_text(
        "main tr:has-text('PayPal') td[data-label='Gone back']"
    )


def test_what_is_done_to_a_request_is_told_with_its_reason(sits: Sits, hall: Hall) -> None:
    asked = letter(hall)
    clerk = sits("clerk").goes(f"requests/{asked.reference}")
    clerk.follows("End online payment")
    clerk.presses("End online payment")
    assert clerk.page.locator("#reason-error, #why-error").count() == 2
    clerk.chooses(reason="deferred")
    clerk.fills(why="Stundung bewilligt")
    clerk.presses("End online payment")
    assert "no longer be paid online" in clerk.told
    clerk.follows("Make payable online again")
    clerk.fills(why="Stundung widerrufen")
    clerk.presses("Make payable online again")
    line = clerk.page.inner_text(".timeline")
    for words in ("Stundung bewilligt", "Stundung widerrufen", "by: Klaus Buch"):
        assert words in line
    viewer = sits("viewer").goes(f"requests/{asked.reference}")
    assert viewer.page.get_by_role("link", name="End online payment").count() == 0
    viewer.goes(f"requests/{asked.reference}/withdraw")
    assert viewer.page.locator("main form").count() == 0


def test_unclear_money_is_given_by_two_to_the_request_that_is_proposed(
    sits: Sits, hall: Hall
) -> None:
    asked = letter(hall, 7_300)
    payment = hall.begin(asked)
    hall.demo.provider(f"payments/{payment}/pay", amount_cents=7_200)
    found = "SELECT 1 FROM custody_items WHERE amount_cents = 7200"
    until(lambda: hall.demo.sql(found), 20)
    clerk = sits("clerk").goes("tasks?kind=custody_unclear")
    clerk.page.locator("main tr", has_text="€72.00").get_by_role("link").first.click()
    clerk.page.get_by_role("link", name=f"Give to {asked.reference}").click()
    assert clerk.page.input_value("[name=amount-1]") == "72.00"
    clerk.presses("Ask for it to be given")
    assert "Another person finds it under Approvals" in clerk.told
    assert builders.request_of(asked).open.cents == 7_300
    clerk.follows("Give money in custody to requests")
    assert "You asked for this yourself" in clerk.text
    approver = sits("approver").goes("approvals")
    approver.page.locator("main tr", has_text=asked.reference).get_by_role("link").click()
    assert f"{asked.reference}: €72.00" in approver.text
    approver.presses("Approve")
    assert "Each request is covered by its part" in approver.told
    clerk.goes("tasks?kind=custody_unclear&show=ended")
    assert any("€72.00" in row for row in clerk.rows())
    assert builders.request_of(asked).open.cents == 100


def test_a_rule_is_tried_and_its_change_is_seen_before_it_counts(sits: Sits, hall: Hall) -> None:
    letter(hall, 30_000)
    admin = sits("tenant-admin").goes("rules")
    admin.fills(amount="812.00")
    admin.chooses(kind="tax")
    admin.presses("Try")
    (paypal,) = [row for row in admin.rows() if row.startswith("PayPal ") and " no " in row]
    assert "no" in paypal
    admin.page.locator("main tr", has_text="PayPal").get_by_role("link", name="Change").click()
    admin.fills(maximum="200.00")
    admin.presses("Look at what changes")
    assert admin.title == "What changes"
    assert any("PayPal" in row and "is offered no more" in row for row in admin.rows())
    admin.presses("Change it")
    assert admin.page.input_value("[name=maximum]") == "200.00"
    admin.goes("rules")
    assert not any("€200.00" in row for row in admin.rows())


def test_an_event_that_was_refused_is_mended_and_sent_again(sits: Sits, hall: Hall) -> None:
    asked = letter(hall)
    hall.paid(asked)
    said = Said(Result.REFUSED, None, "Konto fehlt")
    event = next(e for e in builders.events() if e.reference == asked.reference)
    with transaction() as session:
        acknowledging.acknowledge(session, TOWN, event.id, said)
    clerk = sits("clerk").goes("tasks?kind=event_refused")
    clerk.page.locator("main tr", has_text=asked.reference).get_by_role("link").first.click()
    assert "Konto fehlt" in clerk.text
    clerk.presses("Send again")
    assert "sent again" in clerk.told
    clerk.goes("deliveries?show=refused")
    row = clerk.page.locator("main tr", has_text=asked.reference)
    assert "Konto fehlt" in row.inner_text()
    with transaction() as session:
        done = Said(Result.BOOKED, "B-4711", None)
        acknowledging.acknowledge(session, TOWN, event.id, done)
    db.session.rollback()
    clerk.goes("deliveries?show=refused")
    assert row.count() == 0
    clerk.goes("deliveries?show=booked")
    assert "B-4711" in row.inner_text()


def test_a_day_with_a_difference_is_closed_by_two(sits: Sits, hall: Hall) -> None:
    day, payment = today(), hall.paid(letter(hall, 5_115))
    change = "UPDATE payments SET state = %s WHERE id = %s"
    hall.demo.sql(change, "unknown", payment)
    try:
        with hall.demo.later("+25h"):
            clerk = sits("clerk").goes(f"reconciliation/{day}")
            assert "does not hold" in clerk.text
            clerk.presses("Ask another person to agree")
            assert clerk.page.locator("#reason-error").is_visible()
            clerk.fills(reason="51,15 fehlen, Betreiber sieht nach")
            clerk.presses("Ask another person to agree")
            assert clerk.page.get_by_role("button", name="Agree").count() == 0
            approver = sits("approver").goes(f"reconciliation/{day}")
            assert "51,15 fehlen" in approver.text
            approver.presses("Agree: close the day with this difference")
            assert "closed with a difference" in approver.text
            clerk.goes(f"reconciliation/{day}")
            clerk.fills(reason="Zustand berichtigt")
            clerk.presses("Write down")
            assert "Zustand berichtigt" in clerk.text
    finally:
        hall.demo.sql(change, "succeeded", payment)


def test_who_may_only_look_is_offered_no_act_and_shown_nothing_of_others(
    sits: Sits, hall: Hall
) -> None:
    asked, foreign = letter(hall), hall.demo.push(town="other")["reference"]
    viewer = sits("viewer").goes(f"requests/{asked.reference}")
    assert viewer.page.locator("main form[method=post], main .acts a").count() == 0
    assert (
        viewer.page.locator("nav a[href*='/admin/staff'], nav a[href*='/admin/audit']").count() == 0
    )
    answers = []
    for path in (f"requests/{foreign}", "requests/NOT-THERE", "staff", "requests/NOT-THERE/refund"):
        answer = viewer.page.goto(f"{hall.demo.facts['portal']}/admin/{path}")
        assert answer
        answers.append((answer.status, viewer.text))
    assert answers[0][0] == 404
    assert "or your role does not include it" in answers[0][1]
    assert len(set(answers)) == 1
    auditor = sits("auditor").goes("audit")
    auditor.fills(actor="viewer")
    auditor.presses("Search")
    assert any("Refused: not this person’s right" in row for row in auditor.rows())


def test_two_roles_that_do_not_go_together_are_refused_beside_the_field(sits: Sits) -> None:
    admin = sits("tenant-admin").goes("staff/cashier")
    admin.chooses(role="approver")
    admin.presses("Ask for the role")
    assert "do not go together" in admin.page.inner_text("#role-error")
    assert admin.page.input_value("main [name=role]") == "approver"
    admin.goes("approvals")
    assert not any("cashier" in row for row in admin.rows())


def test_the_audit_is_searched_and_checked_and_its_year_is_taken_out(
    sits: Sits, hall: Hall, tmp_path: Path
) -> None:
    asked = letter(hall)
    clerk = sits("clerk").goes(f"requests/{asked.reference}/new-tan")
    clerk.fills(why="Schreiben kam nicht an")
    clerk.presses("New TAN")
    auditor = sits("auditor").goes("audit")
    auditor.fills(actor="clerk", subject=asked.reference)
    auditor.presses("Search")
    (row,) = auditor.rows()[1:]
    assert "Schreiben kam nicht an" in row
    auditor.presses("Check the whole chain now")
    assert "Result of the check" in auditor.text
    words = ["--audit", today()[:4], "--out", str(tmp_path), "--tenant", TOWN]
    done = CliRunner().invoke(export, words, obj=nullcontext)
    assert done.exit_code == 0, done.output
    (folder,) = tmp_path.iterdir()
    told = (folder / "BESCHREIBUNG.txt").read_text("utf-8")
    files = {file.name for file in folder.glob("*.csv")}
    assert all(name in told for name in files)
    notes = (folder / "protokoll.csv").read_text("utf-8-sig").splitlines()
    assert any("Schreiben kam nicht an" in line and asked.reference in line for line in notes)


def test_each_page_of_the_handbook_is_where_it_says_by_its_name(sits: Sits, hall: Hall) -> None:
    asked = letter(hall)
    auditor = sits("auditor").goes("overview?lang=de")
    names, seen = set[str](), set[str]()
    for cell, _ in rows("Die Seiten"):
        plain = re.sub(r"\(`[^)]*\)", "", cell).removeprefix("eine ")
        names |= {name.strip() for name in plain.split(",")}
        for address in ADDRESS.findall(cell):
            path = f"{address}{asked.reference}" if address.endswith("requests/") else address
            answer = auditor.page.goto(hall.demo.facts["portal"] + path)
            assert answer is not None
            assert answer.status == 200, path
            texts = auditor.page.locator("a, h1, h2, dt, th").all_inner_texts()
            seen |= {" ".join(text.split()) for text in texts}
    known = " ".join(seen)
    assert [name for name in sorted(names) if name not in known] == []


def test_a_mistake_in_a_setting_is_told_beside_its_field_on_a_phone(sits: Sits) -> None:
    admin = sits("tenant-admin", viewport=PHONE).goes("settings")
    admin.follows("Bank details")
    before = admin.page.input_value("[name=iban]")
    admin.fills(iban="DE02120300000000202052")
    admin.page.click("main form[method=post] button[type=submit]")
    error = admin.page.locator("#iban-error")
    assert error.is_visible()
    assert admin.page.input_value("[name=iban]").endswith("52"), "what was typed is gone"
    admin.page.click("#errors a")
    assert admin.page.evaluate("document.activeElement.id") == "iban"
    assert error.bounding_box()["x"] >= 0  # type: ignore[index]
    assert admin.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    admin.goes("settings/bank")
    assert admin.page.input_value("[name=iban]") == before


def test_a_list_is_taken_out_as_it_is_filtered(sits: Sits, hall: Hall, tmp_path: Path) -> None:
    asked = letter(hall, 8_123)
    hall.paid(asked)
    clerk = sits("clerk").goes(f"requests?reference={asked.reference}")
    with clerk.page.expect_download() as download:
        clerk.presses("Download as CSV")
    file = tmp_path / "list.csv"
    download.value.save_as(file)
    head, line = file.read_text("utf-8-sig").splitlines()
    assert ";" in head
    assert asked.reference in line
    assert "81.23" in line or "81,23" in line
