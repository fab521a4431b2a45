"""PDFs: what they may load, and the process that draws them."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pypdfium2
import pytest
from pypdfium2 import raw

from portal import pdf, printing
from portal.errors import Misconfigured, Unavailable

HTML = "<!doctype html><html lang=de><title>T</title><body><h1>Zahlungsbestätigung</h1>"
ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def print_process(path: Path, *, documents: int = 200) -> Iterator[subprocess.Popen[bytes]]:
    """A print process of its own, ready to draw."""
    code = (
        "from pathlib import Path; from portal import printing; "
        f"printing.serve(Path({str(path)!r}), documents_a_child={documents})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        deadline = time.monotonic() + 20
        while not path.exists():
            assert time.monotonic() < deadline, "the print process does not start"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("print") / "print.sock"
    with print_process(path, documents=3):
        yield path


def test_importing_the_client_imports_no_weasyprint() -> None:
    code = "import sys, portal.pdf, portal.printing; assert 'weasyprint' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# fmt: off
@pytest.mark.parametrize(
    ("url", "may"),
    [
        ((pdf.STATIC / "shield.svg").as_uri(),        True),
        ("data:image/png;base64,AA==",                True),
        ("file:///etc/passwd",                        False),
        (f"{pdf.STATIC.as_uri()}/../portal/config.py", False),
        (f"{pdf.STATIC.as_uri()}/%2e%2e/portal/config.py", False),
        ("file://elsewhere/etc/passwd",               False),
        ("http://169.254.169.254/latest",             False),
        ("https://example.org/x.png",                 False),
        ("ftp://example.org/x.png",                   False),
    ],
)
def test_a_document_loads_our_own_files_and_nothing_else(url: str, may: bool) -> None:
    assert pdf.allowed(url) is may
# fmt: on


def test_a_refused_address_does_not_stop_the_page() -> None:
    drawn = pdf.render(HTML + "<img src='file:///etc/passwd' alt=x><img src='http://127.0.0.1:9/'>")
    assert b"root:" not in drawn
    with pypdfium2.PdfDocument(drawn) as document:
        assert "Zahlungsbestätigung" in document[0].get_textpage().get_text_range()
        assert raw.FPDFCatalog_IsTagged(document.raw)


def test_the_print_process_draws(printer: Path) -> None:
    assert printing.draw(printer, HTML).startswith(b"%PDF-")


def test_the_print_process_goes_on_when_its_children_are_worn(printer: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: printing.draw(printer, HTML), range(10)))
    assert all(one.startswith(b"%PDF-") for one in drawn)


def test_only_its_user_may_reach_it(printer: Path) -> None:
    assert printer.stat().st_mode & 0o777 == 0o600


def test_a_second_one_on_the_same_socket_is_refused(printer: Path) -> None:
    with pytest.raises(Misconfigured):
        printing.serve(printer)


@pytest.mark.parametrize("css", ["../portal/config.py", "/etc/passwd", "portal.js", "none.css"])
def test_a_stylesheet_that_is_none_of_ours_is_refused(printer: Path, css: str) -> None:
    with pytest.raises(Unavailable):
        printing.draw(printer, HTML, css=[css])
    assert printing.draw(printer, HTML)


def test_a_document_that_is_too_long_is_refused(printer: Path) -> None:
    with pytest.raises(Unavailable, match="too long"):
        printing.draw(printer, "x" * printing.LARGEST_HTML)


@pytest.mark.parametrize("nonsense", [b"", b"\xff\xff\xff\xff", b"\0\0\0\2{}", b"\0\0\0\4null"])
def test_nonsense_on_the_socket_harms_nobody_else(printer: Path, nonsense: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(printer))
        wire.sendall(nonsense)
    assert printing.draw(printer, HTML)


def test_a_print_process_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        printing.draw(tmp_path / "none.sock", HTML)


def test_a_busy_print_process_is_unavailable(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(tmp_path / "s"))
        busy.listen(0)
        with pytest.raises(Unavailable):
            printing.draw(tmp_path / "s", HTML, seconds=0.1)


def test_a_document_that_takes_too_long_ends_its_child_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.sock"
    code = (
        "from pathlib import Path; from portal import pdf, printing; import time\n"
        "printing.TIME_LIMIT = 1; draw = pdf.render\n"
        "pdf.render = lambda html, **k: time.sleep(60) if 'slow' in html else draw(html, **k)\n"
        f"printing.serve(Path({str(path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        while not path.exists():
            time.sleep(0.05)
        with pytest.raises(Unavailable):
            printing.draw(path, "slow", seconds=10)
        assert printing.draw(path, HTML, seconds=10).startswith(b"%PDF-")
    finally:
        process.terminate()
        process.wait(10)
    assert not path.exists()


def test_a_long_path_and_a_socket_left_by_a_kill_are_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / ("path" * 20)
    folder.mkdir(parents=True)
    path = folder / "print.sock"
    with print_process(path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    assert path.exists()
    deadline = time.monotonic() + 10
    while True:  # the orphaned child notices within a second that its parent is gone
        try:
            printing.draw(path, HTML, seconds=0.5)
        except Unavailable:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with print_process(path):
        drawn = drawn_in_the_end(path)
    assert drawn.startswith(b"%PDF-")


def test_a_print_process_ends_with_the_server_that_started_it(tmp_path: Path) -> None:
    path = tmp_path / "print.sock"
    code = (
        "import os, subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'portal.printing', '--socket', sys.argv[1]]\n"
        "subprocess.Popen([*command, '--for', str(os.getpid())])\n"
        "time.sleep(120)"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT)
    try:
        wait_until(path.exists)
    finally:
        server.kill()
        server.wait(10)
    wait_until(lambda: not path.exists())


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def drawn_in_the_end(path: Path) -> bytes:
    """Ask until the new print process has taken the old one's place."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return printing.draw(path, HTML)
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
