"""How many labelled purposes are caught, how many are refused in error, and how long it takes.

    python bench/persons.py [--seed 2611] [--each 100]

Prints catch rate and false alarms of each kind of sample and of all, and what a plain purpose of
the demo's sample costs. What failed is printed with its kind.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo import sample
from portal.requests import persons
from tests.requests import persons_samples
from tests.requests.persons_samples import Sample

SHOWN = 20  # samples told wrongly
ROUNDS = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=persons_samples.SEED)
    parser.add_argument("--each", type=int, default=persons_samples.EACH)
    given = parser.parse_args()
    samples = persons_samples.samples(given.seed, given.each)
    wrong = [one for one in samples if (persons.held(one.text) is not None) != one.personal]
    _by_kind(samples, wrong)
    for personal, told in ((True, "caught"), (False, "false alarms")):
        count = sum(one.personal == personal for one in samples)
        missed = sum(one.personal == personal for one in wrong)
        hits = count - missed if personal else missed
        print(f"{told}: {hits} of {count} ({hits / count:.2%})")
    harmless = [one.text for one in samples if not one.personal]
    doubted = sum(bool(persons.doubts(text)) for text in harmless)
    print(f"harmless, but told as a doubt: {doubted} of {len(harmless)}")
    for one in wrong[:SHOWN]:
        print(f"  wrong: {one.kind}: {one.text}")
    _speed()


def _by_kind(samples: list[Sample], wrong: list[Sample]) -> None:
    counts, faults = Counter(s.kind for s in samples), Counter(s.kind for s in wrong)
    for kind, count in counts.items():
        print(f"  {kind:20} {count:5} samples, {faults[kind]:3} told wrongly")


def _speed() -> None:
    purposes = [row["Zweck"] for row in sample.rows()]
    for name, look in (("refusal", persons.held), ("doubts", persons.doubts)):
        began = time.perf_counter()
        for _ in range(ROUNDS):
            for purpose in purposes:
                look(purpose)
        each = (time.perf_counter() - began) / ROUNDS / len(purposes)
        print(f"{name}: {each * 1e6:.1f} µs a purpose")


if __name__ == "__main__":
    main()
