"""The crash trial at full size: payments over real HTTP, with kill -9 of everything.

    python bench/crash.py [--payments 10000] [--kills 200] [--seed N]

Starts a demo of its own, kills web, worker and PostgreSQL at random moments, and compares the
books of provider, portal and office when all is quiet. Prints one line, then every difference,
and exits 1 when there is any. The same seed kills the same at the same moments.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.crash import trial


def main() -> None:
    """Run one trial and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = trial.run(Path(folder) / "demo", given.payments, given.kills, seed)
    print(outcome)
    for difference in outcome.differences:
        print(" ", difference)
    sys.exit(bool(outcome.differences) or len(outcome.killed) != given.kills)


if __name__ == "__main__":
    main()
