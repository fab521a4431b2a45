"""The office's commands, as a clerk types them."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result
from flask import Flask

from demo import sample
from office.cli import office as command
from tests.office.conftest import KEY, SECRET, TOWN
from tests.office.fake_portal import Books

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(
    office: Flask, office_urls: tuple[str, str], books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DATABASE_URL": office_urls[1],
        "PORTAL_URL": books.url,
        "CLIENT_ID": "office",
        "CLIENT_SECRET": "s3cret",
        "PSEUDONYM_KEY": KEY,
        "WEBHOOK_SECRET": SECRET,
    }.items():
        monkeypatch.setenv(f"QUITT_OFFICE_{name}", value)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["--language", "en", *map(str, arguments)])


def test_one_command_does_it_all(settings: None, books: Books, tmp_path: Path) -> None:
    rows = sample.rows(3)
    rows[1]["Betrag"] = "12.5"
    (tmp_path / "in.csv").write_bytes(sample.as_bytes(rows))
    books.tell("payment.pending", "K-2026-000001")
    result = run("run", tmp_path / "in.csv", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for said in (
        "Line 3 Betrag: This is not an amount such as 1.234,56. (12.5)",
        "2 new, 0 changed, 0 unchanged. 1 line refused.",
        "2 claims pushed. 0 refused.",
        "2 letters printed",
        "1 new event.",
    ):
        assert said in result.output
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "K-2026-000001.pdf",
        "K-2026-000003.pdf",
        "_run.pdf",
    }


def test_a_run_without_new_letters_goes_on_to_the_events(
    settings: None, books: Books, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_bytes(sample.as_bytes(sample.rows(1)))
    for _ in range(2):
        books.tell("payment.pending", "K-2026-000001")
        result = run("run", tmp_path / "in.csv", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "0 letters printed" in result.output
    assert "1 new event." in result.output


def test_what_goes_wrong_is_said_in_the_language_that_was_chosen(
    settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUITT_OFFICE_PORTAL_URL", "http://127.0.0.1:9")
    said = CliRunner().invoke(command, ["sync"]).output
    assert "Die Verbindung zum Portal unter http://127.0.0.1:9 ist abgebrochen" in said
    (tmp_path / "town.toml").write_text('name = "X"\nhours = 7', "utf-8")
    said = CliRunner().invoke(command, ["town", str(tmp_path / "town.toml")]).output
    assert "Die Datei der Stadt: office: fehlt; street: fehlt" in said


def test_a_claim_without_letter_is_named_with_the_reason(settings: None, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(sample.as_bytes(sample.rows(1)))
    run("import", tmp_path / "in.csv")
    result = run("print", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "K-2026-000001 No letter: not pushed yet." in result.output


def test_the_town_is_told_by_a_file(settings: None) -> None:
    assert "Stadt Musterhausen" in run("town", TOWN).output


def test_a_portal_that_is_gone_is_said_in_one_line(
    settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUITT_OFFICE_PORTAL_URL", "http://127.0.0.1:9")
    result = run("sync")
    assert result.exit_code == 1
    assert "http://127.0.0.1:9 broke off" in result.output
    assert "Traceback" not in result.output


def test_the_page_is_served_on_this_machine_alone_and_ends_at_a_signal(settings: None) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "QUITT_OFFICE_PORT": str(port), "QUITT_OFFICE_TOKEN": "once"}
    process = subprocess.Popen(
        [sys.executable, "-m", "office", "serve"], cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as browser:
            assert _answered(browser, "/").status_code == 401
            assert browser.get("/?token=once").status_code == 303
            assert browser.get("/").status_code == 200
        with socket.socket() as outside, pytest.raises(OSError):  # noqa: PT011
            outside.connect(("127.0.0.2", port))
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=10)
    assert f"http://127.0.0.1:{port}/?token=once" in said


def _answered(browser: httpx2.Client, path: str) -> httpx2.Response:
    deadline = time.monotonic() + 20
    while True:
        try:
            return browser.get(path)
        except httpx2.HTTPError:
            assert time.monotonic() < deadline, "the office does not answer"
            time.sleep(0.1)
