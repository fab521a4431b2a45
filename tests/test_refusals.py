"""Settings with which nothing is started: each is named, with what to do."""

import base64
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from portal import keys, refusals
from portal.config import Settings
from portal.errors import Misconfigured
from tests.stages import make_certificate

APP = "postgresql://quitt_app:8fKq2vLz0Wx@db.example/quitt"
OWNER = "postgresql://quitt_owner:8fKq2vLz0Wx@db.example/quitt"
MAIL = {"smtp_host": "mail.example", "smtp_sender": "portal@town.example"}
GOOD = keys.new_key("k1")


def encoded(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


@pytest.fixture
def right(tmp_path: Path) -> Settings:
    """Settings of a portal that takes real money."""
    return Settings(
        data=tmp_path,
        base_url="https://zahlen.example",
        keys=GOOD,
        database_url=APP,
        proxies=1,
    )


def named(settings: Settings) -> list[str]:
    return [fault.setting for fault in refusals.of(settings)]


def test_right_settings_are_taken(right: Settings) -> None:
    assert refusals.of(right) == []
    refusals.refuse(refusals.of(right))


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("QUITT_KEYS", {"keys": ""}),
        ("QUITT_KEYS", {"keys": "changeme"}),
        ("QUITT_KEYS", {"keys": "k1:changeme"}),
        ("QUITT_KEYS", {"keys": f"k1:{encoded(b'short')}"}),
        ("QUITT_KEYS", {"keys": f"k1:{encoded(bytes(32))}"}),
        ("QUITT_KEYS", {"keys": f"k1:{encoded(bytes(range(32)))}"}),
        ("QUITT_KEYS", {"keys": f"k1:{encoded(b'this is the key of our town hall')}"}),
        ("QUITT_KEYS", {"keys": f"k1:{encoded(bytes([9, 200, 31, 7, 150, 66, 2, 91]) * 6)}"}),
        ("QUITT_KEYS", {"keys": f"{GOOD},{keys.new_key('k1')}"}),
        ("QUITT_KEYS", {"keys": f"{GOOD},k2:{encoded(bytes(32))}"}),
        ("QUITT_BASE_URL", {"base_url": "http://zahlen.example"}),
        ("QUITT_BASE_URL", {"base_url": "https://zahlen.example/portal"}),
        ("QUITT_BASE_URL", {"base_url": "https://me@zahlen.example"}),
        ("QUITT_PROXIES", {"proxies": None}),
        ("QUITT_EMBEDDED", {"database_url": ""}),
        ("QUITT_EMBEDDED", {"embedded": True}),
        ("QUITT_DEMO", {"demo": True}),
        ("QUITT_DATABASE_URL", {"database_url": "sqlite:///quitt.db"}),
        ("QUITT_DATABASE_URL", {"database_url": "postgresql://db.example/quitt"}),
        ("QUITT_DATABASE_URL", {"database_url": APP.replace("8fKq2vLz0Wx", "postgres")}),
        ("QUITT_DATABASE_URL", {"database_url": APP.replace("8fKq2vLz0Wx", "change-me-now")}),
        ("QUITT_DATABASE_URL", {"owner_database_url": APP}),
        ("QUITT_OWNER_DATABASE_URL", {"database_url": "", "owner_database_url": OWNER,
                                      "embedded": True}),
        ("QUITT_OFFICE_DATABASE_URL", {"office_database_url": APP.replace("app", "office")}),
        ("QUITT_TLS_KEY", {"tls_certificate": "/etc/portal.pem"}),
        ("QUITT_TLS_CERTIFICATE", {"tls_key": "/etc/portal.key"}),
        ("QUITT_TLS_CERTIFICATE", {"tls_certificate": "/no/c.pem", "tls_key": "/no/k.pem"}),
        ("QUITT_DATA", {"data": Path("/dev/null/quitt")}),
        ("QUITT_OFFICE_PORT", {"office_port": 8000}),
        ("QUITT_METRICS_TOKEN", {"metrics_token": "short"}),
        ("QUITT_OFFICE_TOKEN", {"office_token": "aaaaaaaaaaaaaaaaaaaaaa"}),
        ("QUITT_OFFICE_CLIENT_SECRET", {"office_client_secret": "changemechangemechangeme"}),
        ("QUITT_OFFICE_WEBHOOK_SECRET", {"office_webhook_secret": "whsec_placeholder"}),
        ("QUITT_OFFICE_PSEUDONYM_KEY", {"office_pseudonym_key": encoded(bytes(32))}),
        ("QUITT_OFFICE_PSEUDONYM_KEY", {"office_pseudonym_key": "changeme"}),
        ("QUITT_OFFICE_PORTAL_URL", {"office_portal_url": "http://zahlen.example"}),
        ("QUITT_SMTP_HOST", {"smtp_sender": MAIL["smtp_sender"]}),
        ("QUITT_SMTP_SENDER", {"smtp_host": "mail.example"}),
        ("QUITT_SMTP_SENDER", {**MAIL, "smtp_sender": "Stadt <portal@town.example>"}),
        ("QUITT_SMTP_PASSWORD", {**MAIL, "smtp_user": "portal"}),
        ("QUITT_SMTP_ENCRYPTION", {**MAIL, "smtp_encryption": "none"}),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_and_named(
    right: Settings, setting: str, wrong: dict[str, Any]
) -> None:
    assert named(dataclasses.replace(right, **wrong)) == [setting]


def test_a_mail_server_is_taken_as_it_is_given(right: Settings) -> None:
    login = {"smtp_user": "portal", "smtp_password": "8fKq2vLz0Wx"}
    assert named(dataclasses.replace(right, **MAIL, **login)) == []
    assert named(dataclasses.replace(right, **{**MAIL, "smtp_host": "localhost"},
                                     smtp_encryption="none")) == []  # fmt: skip


def test_all_is_said_at_once_one_line_each_beginning_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        refusals.refuse(refusals.of(Settings(data=tmp_path)))
    said = [line.split()[0] for line in str(refused.value).splitlines()]
    assert said == ["QUITT_KEYS", "QUITT_BASE_URL", "QUITT_PROXIES", "QUITT_EMBEDDED"]


def test_no_fault_quotes_a_secret(right: Settings) -> None:
    hush = "changeme-0xK3yZZ9qqUUv"
    wrong = dataclasses.replace(
        right,
        keys=f"k1:{hush}",
        database_url=APP.replace("8fKq2vLz0Wx", hush),
        office_client_secret=hush,
        office_pseudonym_key=hush,
    )
    said = "\n".join(map(str, refusals.of(wrong)))
    assert said.count("\n") == 3
    assert hush not in said


def test_practice_needs_neither_https_nor_a_word_on_proxies(tmp_path: Path) -> None:
    for host in ("localhost", "127.0.0.1", "192.168.1.7", "10.0.0.1", "[::1]"):
        practice = Settings(data=tmp_path, base_url=f"http://{host}:8000", keys=GOOD, demo=True)
        assert named(practice) == [], host


@pytest.mark.parametrize("host", ["zahlen.example", "93.184.216.34", "localhost.zahlen.example"])
def test_practice_stays_at_home(tmp_path: Path, host: str) -> None:
    out = Settings(data=tmp_path, base_url=f"https://{host}", keys=GOOD, demo=True)
    assert named(out) == ["QUITT_DEMO"]


def test_a_folder_that_everyone_may_enter_is_refused(right: Settings, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert named(right) == ["QUITT_DATA"]
    assert named(dataclasses.replace(right, data=tmp_path / "not" / "yet")) == []
    tmp_path.chmod(0o750)
    assert named(right) == []


def test_a_certificate_and_its_key_must_fit(right: Settings, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = make_certificate(tmp_path / "one"), make_certificate(tmp_path / "two")
    own, other = one.with_suffix(".key"), two.with_suffix(".key")
    own.chmod(0o600)
    other.chmod(0o600)
    fitting = dataclasses.replace(right, tls_certificate=str(one), tls_key=str(own))
    assert named(fitting) == []
    assert named(dataclasses.replace(fitting, tls_key=str(other))) == ["QUITT_TLS_CERTIFICATE"]
    own.chmod(0o644)
    assert named(fitting) == ["QUITT_TLS_KEY"]


def test_real_keys_are_never_taken_for_placeholders() -> None:
    for _ in range(2000):
        (key,) = keys.Keyring.parse(keys.new_key("k1")).keys
        assert not refusals.is_guessable(key.secret)
