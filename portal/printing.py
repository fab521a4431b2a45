"""The print process: it draws PDFs, so that no web process ever imports WeasyPrint.

``python -m portal.printing --socket PATH`` listens on a Unix socket that only its user may open.
A parent keeps the socket and one child draws, one document at a time. The kernel ends a child
that draws longer than 15 seconds, and the parent forks the next; so does every 200 documents,
because WeasyPrint's memory only grows. With ``--for PID`` it ends as soon as it is no longer the
child of that process: who was killed cannot tell it to end, and the next one needs the socket.

On the wire, both ways: a length (4 bytes, big-endian) and that many bytes. Asked is JSON
``{"html": …, "css": [names of files in static/]}``; answered is a PDF, or nothing on refusal.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import struct
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from portal import pdf
from portal.errors import Misconfigured, Unavailable

TIME_LIMIT = 15  # seconds, for one document
LEAVING = (signal.SIGTERM, signal.SIGINT)
LARGEST_HTML = 2 * 1024 * 1024  # bytes
LARGEST_PDF = 32 * 1024 * 1024  # bytes
DOCUMENTS_A_CHILD = 200
WAITING = 8  # connections; who comes later is told at once that we are busy
LOOKING_ROUND = 0.2  # seconds between two looks at who started us, and at the child
LONGEST_SOCKET_PATH = 100  # bytes; the kernels allow 104 (macOS) to 108 (Linux)

_LENGTH = struct.Struct(">I")


def draw(path: Path, html: str, *, css: Sequence[str] = (), seconds: float = TIME_LIMIT) -> bytes:
    """``html`` as PDF, drawn by the print process behind the socket ``path``.

    ``css`` names files in ``static/``. Raises Unavailable when the print process is busy, gone,
    or cannot draw this within ``seconds``.
    """
    asked = json.dumps({"html": html, "css": list(css)}).encode()
    if len(asked) > LARGEST_HTML:
        raise Unavailable("The document is too long to be drawn.")
    try:
        with _reachable(path) as short, socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(seconds)
            wire.connect(short)
            _send(wire, asked)
            answer = _receive(wire, LARGEST_PDF)
    except OSError as error:
        raise Unavailable("The print process does not answer just now.") from error
    if not answer:
        raise Unavailable("The print process could not draw the document.")
    return answer


def serve(
    path: Path, *, works_for: int | None = None, documents_a_child: int = DOCUMENTS_A_CHILD
) -> None:
    """Listen on ``path`` until SIGTERM or SIGINT; raises Misconfigured if someone else does.

    Ends, too, once the process ``works_for`` is not our parent, if one is named.
    """
    with (
        _listening(path) as listener,
        tempfile.TemporaryDirectory(prefix="quitt-") as scratch,
    ):
        tempfile.tempdir = scratch  # WeasyPrint keeps its fonts there; a child cannot clear up
        for name in LEAVING:
            signal.signal(name, _leave)
        pdf.warm_up()  # before the first fork, so that no child pays for the import
        while True:
            # Python drops what a handler raises inside a fork's hooks: leaving waits until after.
            signal.pthread_sigmask(signal.SIG_BLOCK, LEAVING)
            child = os.fork()
            if child == 0:
                _draw_until_worn(listener, os.getppid(), documents_a_child)
            _see_off(child, works_for)


def _see_off(child: int, works_for: int | None) -> None:
    """Wait for the end of a child; when we are to leave, it is ended."""
    ended = 0
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LEAVING)
        while not ended:
            _leave_without(works_for)
            time.sleep(LOOKING_ROUND)  # first, or one that fails at once has us fork without end
            ended, _ = os.waitpid(child, os.WNOHANG)
    except SystemExit:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def _leave_without(works_for: int | None) -> None:
    if works_for not in {None, os.getppid()}:
        raise SystemExit(0)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _draw_until_worn(listener: socket.socket, parent: int, documents: int) -> None:
    """The life of a child. It also ends when its parent is gone, even by kill -9."""
    code = 1
    try:
        for name in (*LEAVING, signal.SIGALRM):
            signal.signal(name, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LEAVING)
        listener.settimeout(1)
        while documents and os.getppid() == parent:
            with contextlib.suppress(TimeoutError):
                wire, _ = listener.accept()
                documents -= 1
                _answer(wire)
        code = 0
    finally:
        os._exit(code)  # never back into the parent's loop


def _answer(wire: socket.socket) -> None:
    """One document. A client that is gone, or asks nonsense, harms nobody but itself."""
    signal.alarm(TIME_LIMIT)  # not handled: the kernel ends this process, the client sees the end
    with wire:
        wire.settimeout(TIME_LIMIT)
        with contextlib.suppress(OSError):
            try:
                drawn = _drawn(_receive(wire, LARGEST_HTML))
            except (ValueError, KeyError, TypeError):
                drawn = b""
            _send(wire, drawn)
    signal.alarm(0)


def _drawn(asked: bytes) -> bytes:
    order = json.loads(asked)
    sheets = [pdf.STATIC / str(name) for name in order["css"]]
    if any(sheet.parent != pdf.STATIC or sheet.suffix != ".css" for sheet in sheets):
        return b""
    drawn = pdf.render(str(order["html"]), stylesheets=sheets)
    return drawn if len(drawn) <= LARGEST_PDF else b""


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _reachable(path) as short, socket.socket(socket.AF_UNIX) as listener:
        _clear_away(short)
        before = os.umask(0o177)
        try:
            listener.bind(short)
        finally:
            os.umask(before)
        mine = path.stat().st_ino
        listener.listen(WAITING)
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                if path.stat().st_ino == mine:
                    path.unlink()


def _clear_away(short: str) -> None:
    """Remove the socket file of a print process that was killed."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(short)
        except (FileNotFoundError, NotADirectoryError):
            return
        except ConnectionRefusedError:
            os.unlink(short)
            return
        except OSError:
            pass  # it listens, and is busy
    raise Misconfigured("A print process listens on this socket already.")


@contextlib.contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """``path``, or the same socket through a short private link where the kernel needs one."""
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="quitt-") as folder:
        link = Path(folder) / "d"
        link.symlink_to(path.parent.absolute())
        yield str(link / path.name)


def _send(wire: socket.socket, body: bytes) -> None:
    wire.sendall(_LENGTH.pack(len(body)) + body)


def _receive(wire: socket.socket, largest: int) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(wire, _LENGTH.size))
    if length > largest:
        raise ValueError("longer than allowed")
    return _exactly(wire, length)


def _exactly(wire: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = wire.recv(min(length - len(parts), 65536))
        if not part:
            raise ConnectionError("the other side ended early")
        parts += part
    return bytes(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m portal.printing", description="Draws PDFs.")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--for", dest="works_for", type=int, help="End with this process")
    told = parser.parse_args()
    serve(told.socket, works_for=told.works_for)
