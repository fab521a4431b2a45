"""The processes of the demo: started together, watched, started again when one dies, ended together.

Each ends with its starter, even when that is killed (on Linux), so that no port stays taken.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAST_MOMENT = 10.0  # seconds that a process is given to end
MOST_RESTARTS = 50
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(slots=True)
class Member:
    """One process and how to start it again."""

    name: str
    command: Sequence[str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0


@dataclass(slots=True)
class Crew:
    """All processes of one demo. ``environment`` is theirs."""

    environment: Mapping[str, str]
    logs: Path
    members: dict[str, Member] = field(default_factory=dict)
    helpers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)  # they end by themselves
    ending: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, *command: str) -> None:
        """Start ``python command``; its output goes to a file in ``logs``."""
        member = Member(name, (sys.executable, *command), self.logs / f"{name}.log")
        self.members[name] = member
        self._run(member)

    def watch(self, also: Callable[[], None]) -> None:
        """Start again whoever died, and call ``also``, until the crew is told to end."""
        while not self.ending.wait(1.0):
            also()
            for member in self.members.values():
                if member.process and member.process.poll() is not None:
                    self._run_again(member)

    def end(self) -> None:
        """Ask every process to end, then make sure."""
        self.ending.set()
        started = [member.process for member in self.members.values()] + self.helpers
        running = [process for process in started if process and process.poll() is None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        last = time.monotonic() + LAST_MOMENT
        for process in running:
            try:
                process.wait(max(0.1, last - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run_again(self, member: Member) -> None:
        member.restarts += 1
        if member.restarts > MOST_RESTARTS:
            raise RuntimeError(f"{member.name} does not stay up; see {member.log}")
        self._run(member)

    def _run(self, member: Member) -> None:
        with member.log.open("ab") as log:
            member.process = subprocess.Popen(  # noqa: S603 -- our own modules
                member.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the starter alone
                preexec_fn=_end_with_starter if sys.platform == "linux" else None,
            )


def _end_with_starter() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        os.kill(os.getpid(), signal.SIGTERM)
