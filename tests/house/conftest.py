"""After the tests of the house: what has grown large."""

from pathlib import Path

import pytest

from tests.house import sizes

WINGS = ("portal", "office", "sandbox", "fakes", "demo")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name it, so that somebody looks."""
    found = list(sizes.report(Path(__file__).parents[2], WINGS))
    if found:
        terminalreporter.section("larger than the house likes", sep="-")
        for line in found:
            terminalreporter.line(line)
