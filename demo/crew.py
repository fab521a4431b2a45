"""The demo's processes: started together, watched, started again when one dies, ended together.

Each leads a process group of its own, so that Ctrl-C reaches the starter alone and nothing that a
process started outlives it. On Linux each also ends with its starter, even when that is killed.
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

from portal.errors import PortalError

HOUSE = Path(__file__).resolve().parent.parent
LAST_MOMENT = 4.0  # seconds that processes are given to end; what is killed then loses nothing
LOOK_EVERY = 1.0  # seconds
MOST_RESTARTS = 50
PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded before any fork: between fork and exec nothing may be loaded.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

Process = subprocess.Popen[bytes]


class NotReady(PortalError):
    """A process did not come up, or does not stay up."""

    code = "not_ready"


@dataclass(slots=True)
class Member:
    """A process and how to start it again."""

    name: str
    command: Sequence[str]
    log: Path
    process: Process
    restarts: int = 0

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None


@dataclass(slots=True)
class Errand:
    """A process that ends by itself, and whom to tell how: 0 is good."""

    process: Process
    tell: Callable[[int], None]


@dataclass(slots=True)
class Crew:
    """All processes of one demo. ``environment`` is theirs, their words go to ``logs``."""

    environment: Mapping[str, str]
    logs: Path
    members: dict[str, Member] = field(default_factory=dict)
    errands: list[Errand] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, *command: str) -> None:
        """Start ``python command`` and keep it running."""
        log = self.logs / f"{name}.log"
        self.members[name] = Member(name, command, log, self._run(command, log))

    def send(self, name: str, tell: Callable[[int], None], *command: str) -> None:
        """Start ``python command`` once, behind everything else on this machine."""
        process = self._run(command, self.logs / f"{name}.log", nice=10)
        self.errands.append(Errand(process, tell))

    def look(self) -> None:
        """Raise ``NotReady`` for whoever ended."""
        for member in self.members.values():
            if member.ended:
                raise NotReady(f"The {member.name} ended at once; {member.log} says why.")

    def watch(self, also: Callable[[], object]) -> None:
        """Start again whoever died, tell of errands done, and call ``also``; until the end."""
        while not self.ending.wait(LOOK_EVERY):
            also()
            for member in self.members.values():
                if member.ended:
                    self._run_again(member)
            for errand in [one for one in self.errands if one.process.poll() is not None]:
                self.errands.remove(errand)
                errand.tell(errand.process.returncode)

    def end(self) -> None:
        """Ask every process to end, then make sure that nothing of them is left."""
        self.ending.set()
        processes = [member.process for member in self.members.values()]
        processes += [errand.process for errand in self.errands]
        for process in processes:
            if process.poll() is None:
                process.terminate()
        last = time.monotonic() + LAST_MOMENT
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, last - time.monotonic()))
            _clear_away(process)

    def _run_again(self, member: Member) -> None:
        _clear_away(member.process)
        member.restarts += 1
        if member.restarts > MOST_RESTARTS:
            raise NotReady(f"The {member.name} does not stay up; {member.log} says why.")
        member.process = self._run(member.command, member.log)

    def _run(self, command: Sequence[str], log: Path, nice: int = 0) -> Process:
        starter = os.getpid()

        def prepare() -> None:
            os.nice(nice)
            if _LIBC is not None:
                _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != starter:  # it died before we asked
                    os.kill(os.getpid(), signal.SIGTERM)

        with log.open("ab") as words:
            return subprocess.Popen(  # noqa: S603 -- our own modules
                (sys.executable, *command),
                cwd=HOUSE,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
                preexec_fn=prepare,  # noqa: PLW1509 -- started from the only thread that starts
            )


def _clear_away(process: Process) -> None:
    """Kill what is left of a process and of what it started: its group outlives it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
