"""Whatever is killed, the books of provider, portal and office agree to the cent."""

import random
from pathlib import Path

import pytest

from tests import trials
from tests.crash import killing, trial

PAYMENTS_A_KILL = 17


def test_whatever_is_killed_all_books_agree_to_the_cent(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("--seed")
    seed = random.randrange(10**6) if seed is None else seed
    kills = trials.size(pytestconfig, "kills")
    terminal = pytestconfig.get_terminal_writer()
    terminal.line(f"\nagain with: ./quitt test tests/crash --kills {kills} --seed {seed}")
    outcome = trial.run(tmp_path / "demo", kills * PAYMENTS_A_KILL, kills, seed)
    terminal.line(str(outcome))
    assert outcome.differences == []
    assert len(outcome.killed) == kills


def test_the_same_seed_kills_the_same_at_the_same_moments() -> None:
    one, again, other = (killing.plan(random.Random(seed), 500, 30) for seed in (1, 1, 2))
    assert one == again != other
    assert {kill.victim for kill in one} == set(killing.VICTIMS)
