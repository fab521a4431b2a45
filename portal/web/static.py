"""Static files: our own, under an address that changes with their content, kept for a year."""

import hashlib
from pathlib import Path

from flask import Flask
from whitenoise import WhiteNoise

from portal.web.headers import HEADERS, HSTS

FOLDER = Path(__file__).resolve().parent.parent.parent / "static"
YEAR = 31_536_000  # seconds


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

    https = app.extensions["settings"].https
    app.jinja_env.globals["static_url"] = static_url
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=FOLDER,
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
