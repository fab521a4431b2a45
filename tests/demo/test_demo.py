"""The demo as its user meets it: start, end, start again, and whatever is killed in between."""

import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import zxingcpp
from PIL import Image

from demo.place import Place
from portal.errors import Misconfigured
from tests import stages
from tests.stages import Demo, children, until

CONFIRMED = "Your payment is confirmed"
HALVES = {"\u2588": (1, 1), "\u2580": (1, 0), "\u2584": (0, 1), " ": (0, 0)}  # upper, lower: light
AWKWARD = "Ein Ordner mit Leerzeichen [und Klammern] " + "x" * 100


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Demo]]:
    """Two demos side by side, the first in a folder with a long and awkward name."""
    folders = [tmp_path_factory.mktemp("first") / AWKWARD, tmp_path_factory.mktemp("second")]
    port = stages.free_ports()
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(
            lambda place: stages.start(place[0], port=place[1]),
            zip(folders, (port, port + 3), strict=True),
        )
    yield first, second
    assert first.end() < stages.LONGEST_END
    assert second.end() < stages.LONGEST_END


def test_two_demos_side_by_side_keep_to_themselves(both: tuple[Demo, Demo]) -> None:
    first, second = both
    assert pays(first, first.push()) == CONFIRMED
    assert pays(second, second.push()) == CONFIRMED
    assert first.requests[0]["url"] != second.requests[0]["url"]
    for demo in both:
        assert sum(len(one["payments"]) for one in demo.books().values()) == 1


def on_the_town(data: Path, port: int, *words: str) -> subprocess.CompletedProcess[str]:
    """``quitt demo run`` with these words."""
    return subprocess.run(
        (sys.executable, "-m", "demo", "run", *words),
        cwd=stages.HOUSE,
        env={**os.environ, "QUITT_DATA": str(data), "PORT": str(port)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_can_be_run_on_the_demos_town(both: tuple[Demo, Demo]) -> None:
    ran = on_the_town(both[1].data, both[1].port, "reconcile", "--day", "2020-01-01")
    assert ran.returncode == 0, ran.stderr
    assert "all equations hold" in ran.stdout


def test_without_a_running_demo_there_is_no_town(tmp_path: Path) -> None:
    ran = on_the_town(tmp_path, stages.free_ports(), "doctor")
    assert ran.returncode == 1
    assert "start one with: ./quitt demo" in ran.stderr


def test_what_the_demo_writes_down_is_for_its_user_alone(both: tuple[Demo, Demo]) -> None:
    for name in ("demo.json", "demo-secrets.json", "pg-passwords.json"):
        assert stat.S_IMODE((both[0].data / name).stat().st_mode) == 0o600


def test_nothing_of_what_the_terminal_says_is_cut(both: tuple[Demo, Demo]) -> None:
    demo = both[0]
    said = (demo.data / "terminal.txt").read_text()
    assert f"{demo.facts['office']}/?token={demo.facts['office_token']} " in said
    assert str(demo.data / "demo.json") in said
    assert "Ready to pay." in said


def test_the_code_drawn_in_the_terminal_opens_the_letter(both: tuple[Demo, Demo]) -> None:
    said = (both[0].data / "terminal.txt").read_text()
    drawn = [line for line in said.split("\n") if line and set(line) <= set(HALVES)]
    rows = [[HALVES[sign][half] for sign in line] for line in drawn for half in (0, 1)]
    code = Image.new("L", (len(rows[0]), len(rows)))
    code.putdata([255 * light for row in rows for light in row])
    (read,) = zxingcpp.read_barcodes(code.resize((code.width * 4, code.height * 4)))
    letters = {one["url"].upper() for one in both[0].requests}
    assert read.text in letters
    assert f" {read.text}\n" in said.upper()


def test_a_second_demo_in_the_same_folder_or_on_the_same_port_is_told_why_not(
    both: tuple[Demo, Demo], tmp_path: Path
) -> None:
    demo = both[1]
    with pytest.raises(Misconfigured, match="A demo is running in"):
        Place(demo.data, demo.port + 300).take()
    with pytest.raises(Misconfigured, match=f"Port {demo.port} is in use"):
        Place(tmp_path, demo.port).take()


def test_in_the_local_network_it_listens_everywhere_and_says_by_which_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("demo.place.lan_address", lambda: "192.168.7.9")
    told = {"QUITT_DATA": str(tmp_path), "PORT": "8100"}
    here, around = Place.chosen(told, lan=False), Place.chosen(told, lan=True)
    assert (here.bind, here.portal) == ("127.0.0.1", "http://localhost:8100")
    assert (around.bind, around.portal) == ("0.0.0.0", "http://192.168.7.9:8100")
    assert around.sandbox == "http://192.168.7.9:8101"
    assert around.office == "http://127.0.0.1:8102", "the office knows people"


@pytest.mark.parametrize("port", ["abc", "0", "-1", "65534", "80.5"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(Misconfigured, match="PORT must be a number"):
        Place.chosen({"PORT": port}, lan=False)


def test_a_signal_that_came_while_the_demo_forked_still_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from demo import __main__ as starter

    monkeypatch.setattr(starter.signal, "signal", lambda *_: None)
    monkeypatch.setattr(starter, "_told_to_leave", threading.Event())
    with suppress(SystemExit):  # as Python does in a callback of fork
        starter._leave(signal.SIGTERM, None)
    with pytest.raises(SystemExit):
        starter._look_after(tmp_path)


def test_whatever_is_killed_comes_back(both: tuple[Demo, Demo]) -> None:
    demo = both[1]
    letter = next(one for one in demo.requests if one["tan"] and one["amount_cents"] < 80_000)
    (portal,) = children(demo.process.pid, "serve", "portal.cli")
    workshop = [*children(demo.process.pid, "worker"), *children(demo.process.pid, "sandbox")]
    office = children(demo.process.pid, "serve", "office")
    postgres = int((demo.data / "postgres/cluster/postmaster.pid").read_text().split()[0])
    web_and_print = children(portal)
    assert [len(web_and_print), len(workshop), len(office)] == [2, 2, 1]
    for killed in ([*web_and_print, *workshop], [portal, *office, postgres]):
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        until(lambda: _can_pay(demo), 60)
    assert pays(demo, letter) in {CONFIRMED, "Ihre Zahlung ist bestätigt"}
    until(lambda: "badge-cleared" in demo.office(f"/claims/{letter['reference']}"), 15)


def test_ended_or_killed_it_goes_on_where_it_was(both: tuple[Demo, Demo]) -> None:
    demo = both[1]
    asked = demo.push()
    assert pays(demo, asked) == CONFIRMED
    family = _family(demo.process.pid)
    assert demo.end(signal.SIGKILL) < stages.LONGEST_END
    again = stages.start(demo.data, port=demo.port)  # at once: what is left makes way
    demo.process, demo.facts, demo.http = again.process, again.facts, again.http
    assert not any(_runs(pid) for pid in family)
    assert again.requests[0]["url"] == demo.requests[0]["url"]
    assert opens(demo, asked) == "This letter is already paid"


def test_begun_anew_it_forgets_what_was_paid_and_touches_nothing_else(
    both: tuple[Demo, Demo],
) -> None:
    demo = both[1]
    asked, mine = demo.push(), demo.data / "mine.txt"
    assert pays(demo, asked) == CONFIRMED
    mine.write_text("not the demo's")
    demo.end()
    again = stages.start(demo.data, "--fresh", port=demo.port)
    demo.process, demo.facts, demo.http = again.process, again.facts, again.http
    assert demo.sql("SELECT count(*) FROM payments") == [(0,)]
    assert sum(len(one["payments"]) for one in demo.books().values()) == 0
    assert demo.http.get(asked["link"]["url"]).status_code == 404
    assert mine.read_text() == "not the demo's"
    assert pays(again, again.push()) == CONFIRMED


def pays(demo: Demo, asked: dict[str, Any]) -> str:
    """Pay as a browser without scripts would; the title of the last page."""
    opens(demo, asked)
    page = demo.http.get(f"{_handle(demo)}/choice").text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    found = re.search(r'name="offer" value="(\d+)"', page)
    assert found, _title(page)
    left = _posts(demo, f"{_handle(demo)}/pay", {**fields, "offer": found[1]})
    away = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', left)
    assert away, _title(left)
    return _title(_posts(demo, away[1], {"choice": "pay"}))


def opens(demo: Demo, asked: dict[str, Any]) -> str:
    """Open a letter and enter its TAN; the title of the page behind it."""
    demo.http.cookies.clear()
    url = asked.get("url") or asked["link"]["url"]
    answer = demo.http.get(url, follow_redirects=True)
    demo.visited = str(answer.url)
    token = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
    assert token, answer.status_code
    return _title(
        _posts(demo, f"{_handle(demo)}/tan", {"csrf_token": token[1], "tan": asked["tan"]})
    )


def _can_pay(demo: Demo) -> bool:
    try:
        return pays(demo, demo.push()) == CONFIRMED
    except (httpx2.HTTPError, AssertionError):
        return False


def _handle(demo: Demo) -> str:
    return demo.visited.rstrip("/")


def _posts(demo: Demo, url: str, fields: dict[str, str]) -> str:
    return demo.http.post(url, data=fields, follow_redirects=True).text


def _title(page: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    return found[1].strip() if found else page[:200]


def _family(pid: int) -> list[int]:
    """All processes that come from ``pid``."""
    found, parents = [pid], stages.parents()
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def _runs(pid: int) -> bool:
    return bool(stages.command(pid)) and "postgres" not in stages.command(pid)[0]
