"""What Lighthouse says of the way's three pages: TAN, choice, confirmation.

    npm install --prefix FOLDER lighthouse@12.8.2        (needs Node 18.20 or newer)
    python bench/lighthouse.py FOLDER/node_modules/.bin/lighthouse [--times 3]

Starts a demo over http on this machine, walks to each page in a Chromium and lets Lighthouse look
at it there, as on a slow phone (its defaults for mobile). Prints the median of each score and exits
1 when one is below 99.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, sync_playwright

from tests import stages
from tests.browser.citizen import FLAGS, Citizen

CATEGORIES = ("performance", "accessibility", "best-practices")
MEASURES = (
    "first-contentful-paint", "largest-contentful-paint", "cumulative-layout-shift",
    "total-blocking-time", "total-byte-weight",
)  # fmt: skip
LEAST = 99
PORT = 9333  # of the browser, on this machine


def main() -> None:
    """Walk, look, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lighthouse", help="the program")
    parser.add_argument("--times", type=int, default=3, help="how often each page is looked at")
    given = parser.parse_args()
    worst = 100
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as house, browser() as page:
        for name, url in walk(Citizen(page, house)):
            told = [look(given.lighthouse, page, url, Path(folder)) for _ in range(given.times)]
            scores = {one: statistics.median(each[one] for each in told) for one in CATEGORIES}
            worst = min(worst, *scores.values())
            faults = sorted({fault for each in told for fault in each["faults"]})
            print(f"{name}: {scores}, {told[0]['measures']}, {faults or 'nothing to mend'}")
    sys.exit(worst < LEAST)


def walk(citizen: Citizen) -> Iterator[tuple[str, str]]:
    """Each page's name and address, when the browser may see it."""
    letter = citizen.demo.push(language="de")
    citizen.opens(letter)
    yield "open", citizen.page.url
    citizen.enters_tan(letter["tan"])
    citizen.goes_on()
    yield "choice", citizen.page.url
    citizen.leaves_for()
    citizen.decides("pay")
    yield "confirmed", citizen.page.url


def look(lighthouse: str, page: Page, url: str, folder: Path) -> dict[str, Any]:
    """Scores of 100, what was measured, and the audits that a page did not pass."""
    file = folder / "lighthouse.json"
    # Cookies must stay; what was loaded must not.
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    subprocess.run(
        (lighthouse, url, f"--port={PORT}", "--disable-storage-reset", "--quiet",
         f"--only-categories={','.join(CATEGORIES)}", "--output=json", f"--output-path={file}"),
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    report = json.loads(file.read_text())
    audits = report["audits"]
    measures = {
        name: audits[name]["displayValue"].replace("\N{NO-BREAK SPACE}", " ") for name in MEASURES
    }
    weighed = {ref["id"] for one in report["categories"].values() for ref in one["auditRefs"]
               if ref["weight"]}  # fmt: skip
    faults = [name for name in weighed if (audits[name]["score"] or 0) < 0.9
              and audits[name]["scoreDisplayMode"] in {"binary", "numeric"}]  # fmt: skip
    scores = {name: round(100 * one["score"]) for name, one in report["categories"].items()}
    return {**scores, "measures": measures, "faults": faults}


@contextmanager
def demo(folder: Path) -> Iterator[stages.Demo]:
    """A demo over http: Lighthouse trusts no certificate of ours."""
    house = stages.start(folder / "data")
    try:
        yield house
    finally:
        house.end()


@contextmanager
def browser() -> Iterator[Page]:
    """A Chromium that Lighthouse can use, too."""
    path = shutil.which("chromium") or os.environ["CHROME_PATH"]
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=path,
            args=[*FLAGS, f"--remote-debugging-port={PORT}"],
            locale="de-DE",
        )
        yield context.new_page()
        context.close()


if __name__ == "__main__":
    main()
