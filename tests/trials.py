"""How large the trials are: small on every push, whole by ``./quitt test --long``."""

import pytest

# In the suite, and at full size; an option of the same name says another.
SIZES = {
    "cases": (10, 200),  # of each operation in tests/fuzz
    "days": (40, 60),  # of the towns in tests/town
    "deeds": (90, 1_000),  # done to the audit in tests/proof/test_chain.py
    "kills": (8, 30),  # in tests/crash
    "notifications": (240, 10_000),  # bad ones in tests/providers/test_bad_notifications.py
    "payments": (45, 1_000),  # in the month of tests/month
    "races": (20, 100),  # payments in tests/payments/test_races.py
    "walks": (3, 8),  # of money to and fro, in tests/returns/test_to_and_fro.py
}


def add_options(parser: pytest.Parser) -> None:
    """Let each size be told, and ``--long`` mean the whole."""
    parser.addoption("--long", action="store_true", help="the trials at their full size")
    for name, (few, all_) in SIZES.items():
        parser.addoption(f"--{name}", type=int, help=f"{few} in the suite, {all_} with --long")


def size(config: pytest.Config, name: str) -> int:
    """How many this run takes."""
    given = config.getoption(f"--{name}")
    return int(SIZES[name][bool(config.getoption("--long"))] if given is None else given)
