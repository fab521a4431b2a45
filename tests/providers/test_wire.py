"""What adapters share of the wire, against a server that misbehaves."""

import threading
import time
from collections.abc import Iterator

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from portal.money import Money
from portal.providers import wire
from portal.providers.protocol import ProviderDown, UnknownWord


def _drip() -> Iterator[bytes]:
    for _ in range(40):
        time.sleep(0.05)
        yield b" "


ANSWERS = {
    "/good": lambda: Response('{"a": 1}', headers={"X-Hash": "Ab"}),
    "/missing": lambda: Response("{}", 404),
    "/busy": lambda: Response("{}", 429),
    "/broken": lambda: Response("{}", 500),
    "/away": lambda: Response("", 302, {"Location": "/good"}),
    "/long": lambda: Response(b" " * 2048),
    "/slow": lambda: Response(_drip()),
}


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    def answered(request: Request) -> Response:
        if request.path == "/cookie":
            return Response(request.headers.get("Cookie", ""), headers={"Set-Cookie": "town=a"})
        if request.path == "/echo":
            return Response(request.get_data(), headers={"X-Type": request.mimetype})
        return ANSWERS[request.path]()

    app = Request.application(answered)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("path", "status"), [("/good", 200), ("/missing", 404), ("/away", 302)])
def test_an_answer_is_handed_on_and_no_redirect_is_followed(
    url: str, path: str, status: int
) -> None:
    assert wire.ask("GET", url + path, {}).status == status


def test_headers_of_an_answer_are_handed_on_by_their_names_in_lower_case(url: str) -> None:
    assert wire.ask("GET", url + "/good", {}).headers["x-hash"] == "Ab"


def test_a_form_goes_in_its_order_and_in_utf_8(url: str) -> None:
    answer = wire.ask("POST", url + "/echo", {}, form={"b": "Müll & Co", "a": ""})
    assert answer.headers["x-type"] == "application/x-www-form-urlencoded"
    assert answer.body == b"b=M%C3%BCll+%26+Co&a="


def test_no_cookie_of_one_town_goes_out_with_anothers_credentials(url: str) -> None:
    assert [wire.ask("GET", url + "/cookie", {}).body for _ in range(2)] == [b"", b""]


@pytest.mark.parametrize("path", ["/busy", "/broken"])
def test_who_is_busy_or_broken_is_down(url: str, path: str) -> None:
    with pytest.raises(ProviderDown):
        wire.ask("GET", url + path, {})


def test_who_answers_too_much_is_down(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "ANSWER_BYTES", 1024)
    with pytest.raises(ProviderDown):
        wire.ask("GET", url + "/long", {})


def test_who_answers_drop_by_drop_is_down_when_the_time_is_over(
    url: str,
) -> None:
    with wire.patience(0.12), pytest.raises(ProviderDown):
        wire.ask("GET", url + "/slow", {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": Infinity}',
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_what_is_no_plain_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- any is right, callers know one word
        wire.json_object(body)


def test_amounts_are_whole_cents_within_bounds() -> None:
    assert wire.money({"x": 0, "currency": "EUR"}, "x") == Money(0)
    for cents in (-1, True, 1.0, "1", None, 10**12 + 1):
        with pytest.raises(ValueError, match="x"):
            wire.money({"x": cents, "currency": "EUR"}, "x")


def test_an_unreadable_answer_is_down_but_an_unknown_word_stays_one() -> None:
    with pytest.raises(ProviderDown):
        wire.sensibly(lambda: wire.text({}, "id"))
    with pytest.raises(UnknownWord):
        wire.sensibly(lambda: wire.mapped({"a": 1}, "b"))
