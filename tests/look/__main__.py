"""``./quitt look [--all] [PAGE …]``: look at every page. Contact sheets: ``$QUITT_DATA/look``."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests import stages
from tests.look import sheets, town
from tests.look.crew import PAGES, Order, Seen, go
from tests.look.desks import DESKS

EYES = 2  # at a time
RESULT = "{taken} looks at {pages} pages in {seconds} s: {faults} faults"


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, draw the sheets, say what is wrong; 1 when something is."""
    told = _told(arguments)
    target = Path(os.environ.get("QUITT_DATA") or "var").absolute() / "look"
    shutil.rmtree(target, ignore_errors=True)
    names, begun = told.pages or list(PAGES), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        seen = look_through(Path(folder), names, every=told.all, pictures=pictures)
        drawn = list(sheets.draw(pictures, target))
    result = RESULT.format(
        taken=seen.taken, pages=len(names), faults=len(seen.faults),
        seconds=round(time.monotonic() - begun),
    )  # fmt: skip
    _say("\n".join([*seen.faults, *map(str, drawn), result]))
    return 1 if seen.faults else 0


def look_through(
    folder: Path, names: Sequence[str], *, every: bool, pictures: Path | None = None
) -> Seen:
    """Start a demo in this folder and look at these pages, several at a time."""
    certificate = stages.make_certificate(folder)
    demo = stages.start(folder / "data", certificate=certificate)
    try:
        return share_out(demo.data, certificate, names, every=every, pictures=pictures)
    finally:
        demo.end()


def share_out(
    data: Path, certificate: Path, names: Sequence[str], *, every: bool, pictures: Path | None
) -> Seen:
    """Look at these pages of a demo that runs, several at a time."""
    seen = Seen()
    orders = [Order(data, certificate, name, every, pictures) for name in names]
    with ProcessPoolExecutor(EYES, mp_context=get_context("spawn")) as pool:
        if DESKS.keys() & set(names):
            pool.submit(town.furnish, data, certificate).result()
        for name, each in zip(names, pool.map(go, orders), strict=True):
            sys.stderr.write(f"{name}: {each.taken} looks, {len(each.faults)} faults\n")
            seen.add(each)
    return seen


def _told(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quitt look", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every language, width and colours")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="only these; default: all")
    told = parser.parse_args(arguments)
    unknown = [name for name in told.pages if name not in PAGES]
    if unknown:
        parser.error(f"no page {', '.join(unknown)}; there are: {', '.join(PAGES)}")
    return told


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
