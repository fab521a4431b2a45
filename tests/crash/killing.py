"""Kill -9, at moments and of processes that a seed has dealt."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests import stages
from tests.stages import Demo

LONGEST_DELAY = 0.5  # seconds after a payment, so that a kill meets any step of the next ones
PATIENCE = 30.0  # seconds that a victim is given to be there again
MARGIN = 0.95  # of the payments: the last kill is followed by some


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: when so many payments are made, and a little later; whom."""

    after: int
    delay: float
    victim: str


@dataclass(slots=True)
class Killer:
    """Kills by plan while payments are made; ``done`` says whom."""

    demo: Demo
    plan: list[Kill]
    payments_made: Callable[[], int]
    done: list[str] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Kill as long as the block lasts."""
        thread = threading.Thread(target=self._run, name="killer")
        thread.start()
        try:
            yield
        finally:
            self.ending.set()
            thread.join()

    def _run(self) -> None:
        for kill in self.plan:
            while self.payments_made() < kill.after and not self.ending.is_set():
                time.sleep(0.01)
            time.sleep(kill.delay)
            if self._killed(kill.victim):
                self.done.append(kill.victim)

    def _killed(self, victim: str) -> bool:
        last = time.monotonic() + PATIENCE
        while time.monotonic() < last:
            with contextlib.suppress(OSError, ValueError, IndexError):
                if pids := VICTIMS[victim](self.demo):
                    for pid in pids:
                        os.kill(pid, signal.SIGKILL)
                    return True
            time.sleep(0.05)
        return False


def plan(chance: random.Random, payments: int, kills: int) -> list[Kill]:
    """Random moments, and every kind of victim about as often as any other."""
    victims = [name for _ in range(kills // len(VICTIMS) + 1) for name in VICTIMS][:kills]
    chance.shuffle(victims)
    moments = sorted(chance.randrange(int(payments * MARGIN)) for _ in victims)
    delays = [chance.uniform(0, LONGEST_DELAY) for _ in victims]
    return [Kill(*one) for one in zip(moments, delays, victims, strict=True)]


def _web(demo: Demo) -> list[int]:
    return stages.children(demo.process.pid, "serve", "portal.cli")


def _web_children(demo: Demo) -> list[int]:
    return [pid for parent in _web(demo) for pid in stages.children(parent)]


def _worker(demo: Demo) -> list[int]:
    return stages.children(demo.process.pid, "worker", "portal.cli")


def _database(demo: Demo) -> list[int]:
    return [_postmaster(demo)]


def _backend(demo: Demo) -> list[int]:
    """One that serves the portal: the server then throws out all and recovers."""
    serving = [
        pid
        for pid in stages.children(_postmaster(demo))
        if any("quitt_portal_app" in word for word in stages.command(pid))
    ]
    return serving[-1:]


def _postmaster(demo: Demo) -> int:
    return int((demo.data / "postgres/cluster/postmaster.pid").read_text().split()[0])


VICTIMS: dict[str, Callable[[Demo], list[int]]] = {
    "web": _web,
    "web's children": _web_children,
    "worker": _worker,
    "database": _database,
    "database session": _backend,
}
