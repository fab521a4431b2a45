"""Where the peers come from: versions, and a cache folder to put them in."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE = (
    "@stoplight/prism-cli@5.14.2",
    "stripe-stateful-mock@0.0.16",
    "oidc-provider@9.13.3",
)
PYTHON = ("localstripe==1.15.10",)  # GPL: a program that we run, never a library that we load
SECONDS = 600


def folder() -> Path:
    """The cache of these versions, filled if it is empty."""
    versions = hashlib.sha256(" ".join(NODE + PYTHON).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = cache / "quitt" / f"peers-{versions}"
    if not (found / "whole").exists():
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir(parents=True)
        _put(found)
        (found / "whole").touch()
    return found


def _put(found: Path) -> None:
    node = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(found)]
    _run(*node, *NODE)
    uv = _uv()
    _run(uv, "venv", "--no-project", str(found / "python"))
    _run(uv, "pip", "install", "--python", str(found / "python" / "bin" / "python"), *PYTHON)


def _uv() -> str:
    ours = ROOT / ".uv" / "bin" / "uv"
    uv = str(ours) if ours.exists() else shutil.which("uv")
    assert uv, "uv is not here: ./quitt test --peers brings it"
    return uv


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{words[0]} {words[1]}: {done.stderr[-2000:]}"
