"""The settings of the demo's processes, and how they are told to them."""

import dataclasses
import os
import secrets

from demo import secrets_file
from demo.place import Place
from portal.config import Settings


def of(place: Place) -> Settings:
    """Settings of a demo at ``place``, before its databases are known."""
    kept = secrets_file.load(place.data)
    return Settings(
        data=place.data,
        port=place.port,
        bind=place.bind,
        base_url=place.portal,
        tls_certificate=place.tls_certificate,
        tls_key=place.tls_key,
        keys=kept["keys"],
        demo=True,
        demo_clock=place.data / "clock",
        office_port=place.port + 2,
        office_token=secrets.token_urlsafe(24),
        office_portal_url=place.portal_here,
        office_client_id=kept.get("client_id", ""),
        office_client_secret=kept.get("client_secret", ""),
        office_webhook_secret=kept["webhook_secret"],
        office_pseudonym_key=kept["pseudonym_key"],
        log_level="warning",
    )


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the processes read them; everything else as it was."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("QUITT_")}
    default = Settings()
    for setting in dataclasses.fields(Settings):
        value = getattr(settings, setting.name)
        if value != getattr(default, setting.name) and value is not None:
            text = str(int(value)) if isinstance(value, bool) else str(value)
            told[setting.metadata["variable"]] = text
    return told


def trust(place: Place) -> None:
    """Let the demo's own processes trust the certificate that its portal shows.

    Nobody else is called by them; ``SSL_CERT_FILE`` of the environment goes before.
    """
    if place.tls_certificate:
        os.environ.setdefault("SSL_CERT_FILE", place.tls_certificate)
