"""A visit whose time ran out: the TAN is asked again, step and entries are kept."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal import mail
from portal.payments.record import record
from portal.providers.protocol import Outcome
from portal.web import visits
from tests import builders
from tests.builders import Letter, token
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan
from tests.returns.test_refunds import CARD

LATER = "+1h"


def again(client: FlaskClient, letter: Letter, led: TestResponse) -> str:
    """Give the TAN once more where one was led to; where that leads."""
    assert led.status_code == 303
    csrf = token(client.get(led.location))
    answer = client.post(f"{led.location}tan", data={"tan": letter.tan, "csrf_token": csrf})
    assert answer.status_code == 303
    return str(answer.location)


def fields(page: TestResponse, action: str) -> dict[str, str]:
    """What a form of the page would send, without a choice."""
    form = page.text.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def offers(page: TestResponse) -> list[str]:
    return re.findall(r'name="offer" value="(\d+)"', page.text)


def checked(page: TestResponse) -> list[str]:
    return re.findall(r'name="offer" value="(\d+)" checked', page.text)


def test_after_the_tan_the_visitor_is_back_at_his_step(client: FlaskClient, time: Time) -> None:
    letter = builders.letter()
    step = f"/r/{give_tan(client, letter)}/choice"
    time.move(LATER)
    assert again(client, letter, client.get(step)) == step
    assert client.get(step).status_code == 200


def test_a_choice_sent_too_late_is_kept_and_pays_nothing(client: FlaskClient, time: Time) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    step, pay = f"/r/{handle}/choice", f"/r/{handle}/pay"
    page = client.get(step)
    chosen = offers(page)[1]
    assert checked(page) == []
    time.move(LATER)
    led = client.post(pay, data=fields(page, pay) | {"offer": chosen})
    back = again(client, letter, led)
    assert back.partition("?")[0] == step
    assert checked(client.get(back)) == [chosen]
    assert builders.events() == []
    assert checked(client.get(step)) == [], "given back once"


def test_more_time_comes_back_to_the_step_with_what_was_entered(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    page = client.get(f"/r/{handle}/choice")
    found = re.search(r'form="entry" formaction="([^"]+)"', page.text.split('role="alert"')[-1])
    assert found
    entered = fields(page, f"/r/{handle}/pay") | {"offer": offers(page)[0]}
    answer = client.post(found[1].replace("&amp;", "&"), data=entered)
    assert answer.location == f"/r/{handle}/choice"
    assert checked(client.get(answer.location)) == [offers(page)[0]]


@pytest.mark.parametrize(
    "at",
    ["https://elsewhere.example/", "//elsewhere.example/r/{}/choice", "/r/other/choice", "/end",
     "/impressum", "\\\\elsewhere.example", "/r/{}/../../end", ""],
)  # fmt: skip
def test_more_time_leads_nowhere_but_to_the_letter(client: FlaskClient, at: str) -> None:
    handle = give_tan(client, builders.letter())
    csrf = token(client.get(f"/r/{handle}/payment"))
    address = f"/r/{handle}/renew"
    answer = client.post(address, query_string={"at": at.format(handle)}, data={"csrf_token": csrf})
    assert answer.location in {f"/r/{handle}/payment", f"/r/{handle}/choice"}


def test_who_was_never_here_is_led_to_the_letter(client: FlaskClient) -> None:
    letter = builders.letter()
    page = str(client.get("/Z/" + letter.url.rsplit("/", 1)[1]).location)
    led = client.get(f"{page}choice")
    assert again(client, letter, led) == f"{page}payment"


def test_a_step_belongs_to_its_letter_alone(client: FlaskClient, time: Time) -> None:
    one, other = builders.letter("K-1"), builders.letter("K-2")
    first, second = give_tan(client, one), give_tan(client, other)
    time.move(LATER)
    client.get(f"/r/{first}/choice")
    led = client.get(f"/r/{second}/payment")
    assert again(client, other, led) == f"/r/{second}/payment"


def test_no_tan_and_no_secret_is_kept_in_the_cookie(client: FlaskClient, time: Time) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    csrf = token(client.get(f"/r/{handle}/choice"))
    time.move(LATER)
    sent = {"csrf_token": csrf, "tan": letter.tan, "secret": letter.tan, "long": "x" * 255}
    client.post(f"/r/{handle}/pay", data=sent | {"offer": "1"})
    with client.session_transaction(base_url="https://localhost") as kept:
        assert kept["step"][2] == {"offer": "1"}


def test_the_end_forgets_step_letters_and_cache(client: FlaskClient, time: Time) -> None:
    handle = give_tan(client, builders.letter())
    page = client.get(f"/r/{handle}/choice")
    assert page.headers["Cache-Control"] == "no-store"
    ended = client.post("/end", data={"csrf_token": token(page)})
    assert ended.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get(f"/r/{handle}/choice").location == "/?over=1"
    with client.session_transaction(base_url="https://localhost") as kept:
        assert not {"letters", "step", "visitor"} & set(kept)


def test_an_address_is_shown_once_more_and_then_in_no_cookie(
    client: FlaskClient,
    provider: FakeProvider,
    time: Time,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    way = mail.Post("portal@town.example", folder=tmp_path)
    monkeypatch.setattr(mail, "post", lambda _: way)
    letter, address = builders.letter(), f"{'long.' * 20}name@example.org"
    payment = builders.begin(letter)
    record(provider.pay(payment), CARD)
    step = f"/r/{give_tan(client, letter)}/confirmation/{payment}/mail"
    csrf = token(client.get(step))
    time.move(LATER)
    led = client.post(step, data={"csrf_token": csrf, "address": address})
    assert again(client, letter, led) == step
    assert f'value="{address}"' in client.get(step).text
    with client.session_transaction(base_url="https://localhost") as kept:
        assert "step" not in kept
    assert address not in client.get(step).text


def test_a_step_without_entries_is_gone_to_once(
    client: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    letter = builders.letter()
    first = builders.begin(letter)
    record(provider.say(first, Outcome.FAILED), CARD)
    handle = give_tan(client, letter)
    failed = f"/r/{handle}/payment/{first}"
    assert client.get(failed).status_code == 200
    time.move(LATER)
    assert again(client, letter, client.get(failed)) == failed
    record(provider.pay(builders.begin(letter)), CARD)
    link = client.get("/Z/" + letter.url.rsplit("/", 1)[1])
    assert client.get(str(link.location)).location == f"/r/{handle}/payment"


def test_a_language_chosen_on_the_way_is_kept(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    answer = client.get(f"/r/{handle}/?lang=tr", follow_redirects=True)
    assert '<html lang="tr"' in answer.text


def test_fifteen_minutes_are_fifteen_minutes(client: FlaskClient, time: Time) -> None:
    handle = give_tan(client, builders.letter())
    time.move(f"+{visits.IDLE_SECONDS - 5}s")
    assert client.get(f"/r/{handle}/payment").status_code == 200
    time.move(f"+{2 * visits.IDLE_SECONDS + visits.WRITTEN_EVERY}s")
    assert client.get(f"/r/{handle}/payment").status_code == 303
