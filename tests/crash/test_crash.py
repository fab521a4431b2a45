"""Whatever is killed, the books of provider, portal and office agree to the cent."""

import random
from pathlib import Path

import pytest

from tests.crash import killing, trial

PAYMENTS, KILLS = 500, 30


def test_whatever_is_killed_all_books_agree_to_the_cent(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("--seed")
    seed = random.randrange(10**6) if seed is None else seed
    terminal = pytestconfig.get_terminal_writer()
    terminal.line(f"\nagain with: ./quitt test tests/crash --seed {seed}")
    outcome = trial.run(tmp_path / "demo", PAYMENTS, KILLS, seed)
    terminal.line(str(outcome))
    assert outcome.differences == []
    assert len(outcome.killed) == KILLS


def test_the_same_seed_kills_the_same_at_the_same_moments() -> None:
    one, again, other = (killing.plan(random.Random(seed), 500, 30) for seed in (1, 1, 2))
    assert one == again != other
    assert {kill.victim for kill in one} == set(killing.VICTIMS)
