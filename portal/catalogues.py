"""The catalogues of sentences: compiled when they are needed, never committed compiled."""

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).resolve().parent.parent / "translations"
DEFAULT = "de"  # no town goes without it


def compile_all(folder: Path = FOLDER) -> None:
    """Write each catalogue that is newer than its compiled form; two starts may do so at once."""
    for po in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        draft = mo.with_name(f".{mo.name}.{os.getpid()}")
        with po.open("rb") as source, draft.open("wb") as target:
            write_mo(target, read_po(source, locale=po.parts[-3].partition("_")[0]))
        draft.replace(mo)
