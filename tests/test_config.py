"""Settings: read once, checked at start."""

from pathlib import Path

import pytest

from portal.config import Settings
from portal.errors import Misconfigured


def test_that_there_is_no_proxy_must_be_said() -> None:
    assert Settings.from_env({}).proxies is None
    assert Settings.from_env({"QUITT_PROXIES": ""}).proxies is None
    assert Settings.from_env({"QUITT_PROXIES": "0"}).proxies == 0


def test_with_nothing_set_there_are_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_settings_are_read_from_the_environment() -> None:
    told = {"PORT": "8010", "QUITT_DEMO": "yes", "QUITT_DEMO_CLOCK": "/c", "QUITT_DATA": "/d"}
    made = Settings.from_env(told)
    assert (made.port, made.demo, made.data) == (8010, True, Path("/d"))


def test_what_belongs_to_others_is_left_alone() -> None:
    assert Settings.from_env({"HOME": "/", "PATH": "/bin"}) == Settings()


def test_a_mistyped_setting_is_named() -> None:
    with pytest.raises(Misconfigured, match="QUITT_BASEURL"):
        Settings.from_env({"QUITT_BASEURL": "https://localhost"})


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("QUITT_PROXY", "QUITT_PROXIES"),
        ("QUITT_BASEURL", "QUITT_BASE_URL"),
        ("QUITT_KEY", "QUITT_KEYS"),
        ("QUITT_DATABSE_URL", "QUITT_DATABASE_URL"),
    ],
)
def test_a_mistyped_setting_is_told_what_was_meant(mistyped: str, meant: str) -> None:
    with pytest.raises(Misconfigured, match=rf"^{mistyped} .*did you mean {meant}\?$"):
        Settings.from_env({mistyped: "1"})


def test_all_faults_are_named_at_once_and_no_secret_is_quoted() -> None:
    told = {"PORT": "0", "QUITT_PROXIES": "-1", "QUITT_COLOUR": "red", "FLASK_DEBUG": "1"}
    with pytest.raises(Misconfigured) as refused:
        Settings.from_env(told)
    named = [line.split()[0] for line in str(refused.value).splitlines()]
    assert named == sorted(told)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eight"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("QUITT_OFFICE_PORT", "-1"),
        ("QUITT_PROXIES", "many"),
        ("QUITT_PROXIES", "-1"),
        ("QUITT_PROXIES", "11"),
        ("QUITT_WEB_PROCESSES", "0"),
        ("QUITT_WEB_THREADS", "0"),
        ("QUITT_BODY_LIMIT_KIB", "0"),
        ("QUITT_BATCH_LIMIT_MIB", "-5"),
        ("QUITT_BATCH_LIMIT_LINES", "0"),
        ("QUITT_LOG_LEVEL", "loud"),
        ("QUITT_EMBEDDED", "perhaps"),
        ("QUITT_BASE_URL", "https://"),
        ("QUITT_BASE_URL", "https://zahlen.example:port"),
        ("QUITT_OFFICE_PORTAL_URL", "zahlen.example"),
        ("QUITT_DEMO_CLOCK", "/clock"),
        ("FLASK_DEBUG", "1"),
        ("QUITT_DEMO", "perhaps"),
        ("QUITT_BASE_URL", "localhost"),
        ("QUITT_BASE_URL", "ftp://localhost"),
    ],
)
def test_a_wrong_value_is_refused_and_its_setting_named(variable: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=variable):
        Settings.from_env({variable: value})


def test_time_cannot_be_moved_in_production(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="QUITT_DEMO_CLOCK"):
        Settings(demo_clock=tmp_path / "clock")


def test_secrets_stay_out_of_what_is_printed() -> None:
    secret = "hush"
    names = {
        "keys", "database_url", "owner_database_url", "office_database_url",
        "office_owner_database_url", "office_token", "office_client_secret",
        "office_webhook_secret", "office_pseudonym_key", "metrics_token",
    }  # fmt: skip
    assert secret not in repr(Settings(**dict.fromkeys(names, secret)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("base_url", "public"),
    [
        ("https://localhost", "https://zahlen.example"),
        ("http://localhost:8000", "http://zahlen.example:8000"),
    ],
)
def test_every_town_has_scheme_and_port_in_common(base_url: str, public: str) -> None:
    assert Settings(base_url=base_url).public_url("zahlen.example") == public
