"""Static files: our own, under an address that changes with their content, kept for a year.

They are pressed once a release, into the data folder: Brotli (RFC 7932) and gzip (RFC 1952) beside
each file, of which WhiteNoise serves what the browser takes.
"""

import gzip
import hashlib
import shutil
import tempfile
from pathlib import Path

import brotli
from flask import Flask
from whitenoise import WhiteNoise

from portal.web.headers import HEADERS, HSTS

FOLDER = Path(__file__).resolve().parent.parent.parent / "static"
YEAR = 31_536_000  # seconds
PRESSED = {".css", ".js", ".svg"}  # fonts are Brotli already


def init_app(app: Flask) -> None:
    """Serve ``static/`` before the application is asked."""
    release = fingerprint()

    def static_url(name: str) -> str:
        return f"/static/{release}/{name}"

    def harden(headers: dict[str, str], _path: str, _url: str) -> None:
        for name, value in (
            HEADERS | ({"Strict-Transport-Security": HSTS} if https else {})
        ).items():
            headers[name] = value
        headers["Cache-Control"] = f"max-age={YEAR}, public, immutable"

    https = app.extensions["settings"].https
    app.jinja_env.globals["static_url"] = static_url
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=pressed(app.extensions["settings"].data / "static" / release),
        prefix=f"static/{release}",
        max_age=YEAR,
        allow_all_origins=False,
        add_headers_function=harden,
    )


def fingerprint(folder: Path = FOLDER) -> str:
    """Twelve hex digits that change whenever a static file does."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def pressed(target: Path, folder: Path = FOLDER) -> Path:
    """The files of ``folder`` in ``target``, each with its pressed forms.

    Made under another name first: several processes may start at once, and one may be killed.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=target.parent))
    making.chmod(0o755)
    shutil.copytree(folder, making, dirs_exist_ok=True)
    for file in [path for path in making.rglob("*") if path.suffix in PRESSED]:
        plain = file.read_bytes()
        file.with_name(f"{file.name}.br").write_bytes(brotli.compress(plain))
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(plain, mtime=0))
    try:
        making.rename(target)
    except OSError:  # someone was faster
        shutil.rmtree(making)
    return target
