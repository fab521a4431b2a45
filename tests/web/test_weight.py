"""What a page weighs on the wire, and how static files are given out."""

import gzip
import re
from contextlib import closing
from pathlib import Path

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.web import static
from tests import builders
from tests.house.test_routes import give_tan, open_letter

TAKES = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize(("way", "unpack"), [("br", brotli.decompress), ("gzip", gzip.decompress)])
def test_a_page_is_pressed_as_the_browser_takes_it(app: Flask, way: str, unpack) -> None:
    browser = app.test_client()  # the other one reads each page
    plain = browser.get("/impressum", base_url="https://localhost")
    answer = browser.get(
        "/impressum", base_url="https://localhost", headers={"Accept-Encoding": way}
    )
    assert answer.headers["Content-Encoding"] == way
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert unpack(answer.data) == plain.data
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_no_strangers_words_stand_in_a_page_that_is_pressed(client: FlaskClient) -> None:
    handle = open_letter(client, builders.letter())
    words = {"tan": "zebra7", "code": "zebra7", "q": "zebra7"}
    for path in ("/", "/receipt", "/is-my-letter-real", f"/r/{handle}/"):
        assert "zebra7" not in client.get(path, query_string=words).text
    for path in ("/", f"/r/{handle}/tan"):
        answer = client.post(path, data=words, headers=TAKES)  # without the page's token
        assert answer.status_code == 400
        assert "Content-Encoding" not in answer.headers


def test_a_browser_that_takes_nothing_pressed_gets_it_plain(client: FlaskClient) -> None:
    answer = client.get("/impressum", headers={"Accept-Encoding": "br;q=0, identity"})
    assert "Content-Encoding" not in answer.headers


def test_a_style_sheet_is_pressed_and_kept_for_a_year(client: FlaskClient) -> None:
    path = re.findall(r'href="(/static/[^"]+\.css)"', client.get("/").text)[0]
    with closing(client.get(path, headers=TAKES)) as pressed, closing(client.get(path)) as plain:
        assert pressed.headers["Content-Encoding"] == "br"
        assert "Accept-Encoding" in pressed.headers["Vary"]
        assert pressed.headers["Cache-Control"] == "max-age=31536000, public, immutable"
        assert brotli.decompress(pressed.data) == plain.data
        assert len(pressed.data) < len(plain.data) / 4


def test_files_are_pressed_once_and_never_half(tmp_path: Path) -> None:
    folder, target = tmp_path / "static", tmp_path / "made" / "release"
    folder.mkdir()
    (folder / "a.css").write_text("p { color: red }" * 99)
    assert static.pressed(target, folder) == target
    assert brotli.decompress((target / "a.css.br").read_bytes()) == (target / "a.css").read_bytes()
    assert gzip.decompress((target / "a.css.gz").read_bytes()) == (target / "a.css").read_bytes()
    (folder / "a.css").write_text("p { color: blue }")
    static.pressed(target, folder)
    assert "red" in (target / "a.css").read_text()
    assert [path.name for path in target.parent.iterdir()] == ["release"]


def test_behind_the_tan_a_page_is_pressed_too(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    path = f"/r/{handle}/choice"
    plain = client.get(path)
    assert plain.status_code == 200
    assert len(brotli.compress(plain.data, quality=5)) < 14 * 1024
