"""What the demo makes up at its first start and keeps: its secrets, and the day of its sample.

They stand in a file that only its user may read.
"""

import base64
import json
import os
import secrets
from datetime import date
from pathlib import Path

from portal import clock, keys

FILE = "demo-secrets.json"
ZONE = "Europe/Berlin"


def load(data: Path) -> dict[str, str]:
    """The secrets of this data folder."""
    file = data / FILE
    if file.exists():
        found: dict[str, str] = json.loads(file.read_text())
        return found
    made = {
        "keys": keys.new_key("demo1"),
        "pseudonym_key": _random(),
        "webhook_secret": f"whsec_{_random()}",
        "day": clock.today(ZONE).isoformat(),
    }
    write(file, json.dumps(made))
    return made


def day(data: Path) -> date:
    """The day on which the sample's invoices were written: that of the first start."""
    return date.fromisoformat(load(data)["day"])


def write(file: Path, text: str) -> None:
    """Write a file that is complete or not there, for this user alone."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as target:
        target.write(text)
    draft.replace(file)


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
