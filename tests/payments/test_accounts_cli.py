"""``quitt provider``: a town gets its accounts and rules, or is told why not."""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import current_app
from sqlalchemy import select, text

from portal import clock
from portal.cli import main
from portal.db import db, transaction
from portal.errors import PortalError
from portal.payments import account_setting, accounts
from portal.payments.accounts_cli import provider as command
from portal.payments.models import AccountSilence, ProviderAccount, ProviderRule
from portal.payments.record import record
from portal.payments.start import offers_for
from portal.providers.protocol import Account
from portal.web.addresses import Name
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.payments.test_pausing import pause
from tests.returns.test_refunds import CARD

pytestmark = pytest.mark.usefixtures("app")

KEY = "sk-hush-4711"
GOOD = {
    "base_url": "https://sandbox.example",
    "secret": KEY,
    "webhook_secret": "whsec_bmljaHQgd2VpdGVyc2FnZW4=",
}


def invoked(*arguments: str, read: str | None = None) -> Result:
    keyring = current_app.extensions["keyring"]
    db.session.rollback()
    obj: Callable[[], object] = lambda: nullcontext(keyring)  # noqa: E731
    return CliRunner().invoke(command, arguments, obj=obj, input=read)


def said(*arguments: str, read: str | None = None) -> str:
    result = invoked(*arguments, read=read)
    assert result.exception is None, result.exception
    return result.stdout


def refused(*arguments: str, read: str | None = None) -> str:
    result = invoked(*arguments, read=read)
    assert isinstance(result.exception, PortalError | SystemExit), result.exception
    return f"{result.exception} {result.output}"


NEW = ("account", "put", TOWN, "training", "--adapter", "sandbox", "--merchant", "m-1", "--test",
       "--credentials", "-")  # fmt: skip


def new(read: str = json.dumps(GOOD)) -> str:
    return said(*NEW, read=read)


def opened(account_id: str = "training") -> Account:
    keyring = current_app.extensions["keyring"]
    with transaction() as session:
        return accounts.unsealed(keyring, accounts.get(session, TOWN, account_id))


def row(account_id: str = "training") -> ProviderAccount:
    db.session.rollback()
    return db.session.get_one(ProviderAccount, (TOWN, account_id), populate_existing=True)


def rule_row(number: int) -> ProviderRule:
    db.session.rollback()
    return db.session.get_one(ProviderRule, (TOWN, number), populate_existing=True)


def rule(*arguments: str) -> int:
    told = said("rule", "put", TOWN, *arguments)
    return int(re.findall(r"Rule (\d+)", told)[0])


def today() -> date:
    return clock.today("Europe/Berlin")


def offered() -> set[str]:
    request = builders.request_of(builders.letter("K-offered"))
    return {offer.label for offer in offers_for(db.session(), request, "web").offered}


# --- Accounts ------------------------------------------------------------------------------------


def test_an_account_is_set_sealed_and_listed(tmp_path: Path) -> None:
    file = tmp_path / "training.toml"
    file.write_text("".join(f'{name} = "{value}"\n' for name, value in GOOD.items()), "utf-8")
    assert said(*NEW[:-1], str(file)) == "Account training is set.\n"
    assert opened() == Account(TOWN, "training", "m-1", False, GOOD)
    assert KEY.encode() not in row().credentials_sealed
    line = f"account\ttraining\tsandbox\tm-1\ttest\t{today()}\t-\topen\n"
    assert line in said("list", TOWN)


def test_json_is_read_from_the_standard_input_too() -> None:
    new()
    assert opened().credentials == GOOD


def test_what_is_not_said_stays() -> None:
    new()
    assert said("account", "put", TOWN, "training", "--until", "2099-12-31").endswith("changed.\n")
    assert (opened().credentials, row().valid_until) == (GOOD, date(2099, 12, 31))
    said("account", "put", TOWN, "training", "--merchant", "m-2", "--endless")
    assert (opened().merchant, opened().credentials, row().valid_until) == ("m-2", GOOD, None)


def test_no_secret_is_noted_or_said() -> None:
    told = new()
    told += said("list", TOWN)
    told += refused(*NEW, read=json.dumps(GOOD | {"webhook_secret": KEY}))
    told += refused(*NEW, read=f"secret = {KEY}")
    assert KEY not in told
    db.session.rollback()
    rows = db.session.execute(text("SELECT actor, act, subject, detail::text FROM audit")).all()
    assert [tuple(each)[:3] for each in rows] == [("operator", "account.put", "training")]
    assert json.loads(rows[0][3]) == {
        "provider": "sandbox", "merchant": "m-1", "live": False,
        "credentials": ["base_url", "secret", "webhook_secret"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("read", "because"),
    [
        ("", "There are no credentials"),
        ("{", "neither TOML nor JSON"),
        ("secret = ", "neither TOML nor JSON"),
        ("[1]", "small letters"),
        ('["a"]\nb = "c"', "a must be a text in quotes"),
        ("secret = 4711", "secret must be a text in quotes"),
        ('{"secret": ""}', "secret must be a text in quotes"),
        ('{"secret": {"inner": "x"}}', "secret must be a text in quotes"),
        ('{"Se cret": "x"}', "small letters"),
        ("#" * 70_000, "too long"),
        ('secret = "x"', "The credential base_url is missing."),
        (json.dumps(GOOD | {"base_url": "ftp://x"}), "https://"),
        (json.dumps(GOOD | {"webhook_secret": "whsec_!"}), "whsec_ and base64"),
        (json.dumps(GOOD | {"webhook_secret": "whsec_"}), "whsec_ and base64"),
    ],
)
def test_credentials_that_cannot_work_are_refused_and_nothing_is_set(
    read: str, because: str
) -> None:
    assert because in refused(*NEW, read=read)
    assert "training" not in said("list", TOWN)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"training": "Training"}, "small letters"),
        ({TOWN: "nowhere"}, "There is no tenant 'nowhere'"),
        ({"sandbox": "giropay-direct"}, "There are: fake, girocheckout"),
        ({"--test": "--live"}, "moves no real money"),
        ({"m-1": ""}, "The merchant has"),
    ],
)
def test_an_account_that_cannot_be_meant_is_refused(
    provider: FakeProvider, change: dict[str, str], because: str
) -> None:
    arguments = [change.get(each, each) for each in NEW]
    assert because in refused(*arguments, read=json.dumps(GOOD))


def test_a_new_account_needs_all_that_makes_it_one() -> None:
    told = refused("account", "put", TOWN, "training", "--adapter", "sandbox")
    assert "A new account needs credentials, live, merchant, too." in told
    days = ("--from", "2026-05-02", "--until", "2026-05-01")
    assert "last day comes before" in refused(*NEW, *days, read=json.dumps(GOOD))
    assert "no day such as" in refused(*NEW, "--from", "02.05.2026", read=json.dumps(GOOD))


def test_an_account_that_had_a_payment_stays_what_it_is(provider: FakeProvider) -> None:
    said("account", "put", TOWN, "card", "--merchant", "m-other")
    said("account", "put", TOWN, "card", "--merchant", "m-card")
    builders.begin(builders.letter())
    for change in (("--merchant", "m-other"), ("--live",), ("--adapter", "sandbox")):
        assert "has had payments" in refused("account", "put", TOWN, "card", *change)
    said("account", "put", TOWN, "card", "--merchant", "m-card", "--test", "--until", "2099-01-01")
    said("account", "put", TOWN, "card", "--credentials", "-", read='secret = "s4"')
    assert opened("card").credentials == {"secret": "s4"}


def test_an_account_ends_by_a_day_and_payments_under_way_go_on(provider: FakeProvider) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    assert said("account", "end", TOWN, "card") == f"Account card ends on {today()}.\n"
    assert "Card" in offered()
    said("account", "end", TOWN, "card", "--on", str(today() - timedelta(days=1)))
    assert "Card" not in offered()
    record(provider.pay(payment), CARD)
    assert builders.request_of(letter).state == "paid"
    before = str(today() - timedelta(days=2))
    assert "yesterday at the earliest" in refused("account", "end", TOWN, "card", "--on", before)
    assert "no such provider account" in refused("account", "end", TOWN, "nothing")


def test_a_paused_account_with_new_credentials_is_asked_in_the_next_round(
    provider: FakeProvider,
) -> None:
    pause(provider)
    said("account", "put", TOWN, "card", "--credentials", "-", read='secret = "s4"')
    db.session.rollback()
    (due,) = db.session.scalars(select(AccountSilence.probe_at))
    assert due is not None
    assert due <= clock.now()
    assert "\tpaused\n" in said("list", TOWN)


def test_a_name_is_one_that_may_stand_in_an_address() -> None:
    assert account_setting.NAME.pattern == Name.regex


# --- Rules ---------------------------------------------------------------------------------------

PLAIN = ("--account", "card", "--label", "Wero")


def test_a_rule_is_set_and_offered_and_listed() -> None:
    number = rule(
        *PLAIN, "--method", "wero", "--kind", "tax", "--minimum", "5", "--maximum", "1.000,50",
        "--hint-de", "Mit der App", "--hint-en", "By the app", "--position", "5",
        "--channel", "web", "--fee-note-de", "Kostenlos", "--fee-note-en", "Free",
        "--until", "2099-12-31",
    )  # fmt: skip
    row = rule_row(number)
    assert (row.minimum_cents, row.maximum_cents, row.currency) == (500, 100_050, "EUR")
    assert (row.hint_de, row.hint_en, row.fee_note_de) == ("Mit der App", "By the app", "Kostenlos")
    assert "Wero" in offered()
    assert (
        f"rule\t{number}\tcard\tWero\twero\ttax\tweb\t5.00..1000.50 EUR\t5\t{today()}\t2099-12-31"
        "\topen\n"
    ) in said("list", TOWN)


def test_of_a_rule_is_changed_what_is_said_and_any_takes_a_limit_back() -> None:
    number = rule(*PLAIN, "--kind", "tax", "--maximum", "800")
    assert rule("--rule", str(number), "--label", "Wero per App", "--minimum", "0.01") == number
    row = rule_row(number)
    assert (row.label, row.kind, row.minimum_cents, row.maximum_cents) == (
        "Wero per App", "tax", 1, 80_000
    )  # fmt: skip
    rule("--rule", str(number), "--kind", "any", "--maximum", "any", "--until", "2099-01-01")
    rule("--rule", str(number), "--endless")
    row = rule_row(number)
    assert (row.kind, row.maximum_cents, row.valid_until) == (None, None, None)


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (("--label", "Wero"), "A new rule needs account_id"),
        (("--account", "nothing", "--label", "Wero"), "no such provider account"),
        (("--account", "card", "--label", ""), "label has from 1 to 40 signs"),
        (("--account", "card", "--label", "W" * 41), "label has from 1 to 40 signs"),
        ((*PLAIN, "--hint-de", "a\nb"), "hint_de has from 0 to 200 signs in one line"),
        ((*PLAIN, "--kind", "parking"), "There is no kind 'parking'"),
        ((*PLAIN, "--channel", "Web"), "channel is web, or any"),
        ((*PLAIN, "--minimum", "9", "--maximum", "8.99"), "The maximum is below the minimum"),
        ((*PLAIN, "--maximum", "viel"), "'viel' is no amount"),
        ((*PLAIN, "--currency", "Euro"), "currency has three letters"),
        ((*PLAIN, "--position", "-1"), "position is a number"),
        ((*PLAIN, "--from", "2026-05-02", "--until", "2026-05-01"), "last day comes before"),
        ((*PLAIN, "--method", "giropay"), "giropay ended on 2024-12-31 (girocard.eu"),
        ((*PLAIN, "--method", "Giropay", "--until", "2099-01-01"), "Giropay ended on 2024-12-31"),
        (("--rule", "4711", "--label", "Wero"), "There is no such rule"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(arguments: tuple[str, ...], because: str) -> None:
    before = said("list", TOWN)
    assert because in refused("rule", "put", TOWN, *arguments)
    assert said("list", TOWN) == before


def test_a_rule_of_a_method_that_has_ended_can_still_be_ended() -> None:
    with transaction() as session:
        session.add(old := builders.rule(TOWN, "card", method="giropay", label="giropay"))
        session.flush()
        number = old.id
    yesterday = str(today() - timedelta(days=1))
    said("rule", "end", TOWN, str(number), "--on", yesterday)
    assert "giropay" not in offered()
    line = f"rule\t{number}\tcard\tgiropay\tgiropay\tany\tany\tEUR\t100\t2020-01-01\t{yesterday}"
    assert f"{line}\tover\n" in said("list", TOWN)


def test_a_rule_ends_by_a_day_and_is_noted() -> None:
    number = rule(*PLAIN)
    assert said("rule", "end", TOWN, str(number)) == f"Rule {number} ends on {today()}.\n"
    assert "Wero" in offered(), "on its last day, too"
    said("rule", "end", TOWN, str(number), "--on", str(today() - timedelta(days=1)))
    assert "Wero" not in offered()
    db.session.rollback()
    acts = db.session.scalars(text("SELECT act FROM audit ORDER BY id")).all()
    assert acts == ["rule.put", "rule.end", "rule.end"]


def test_what_nothing_follows_is_said_at_once() -> None:
    told = invoked("account", "end", TOWN, "paypal", "--on", str(today() + timedelta(days=9)))
    assert told.stderr == "Nothing follows: paypal ends in 9 days\n"
    told = invoked("account", "end", TOWN, "card", "--on", str(today() + timedelta(days=8)))
    kinds = "care, certificate, fee, fine, reminder, tax, warning"
    assert told.stderr.splitlines() == [
        "Nothing follows: card ends in 8 days, and then NOTHING can be paid online for: "
        f"{kinds} from 800.01 EUR",
        "Nothing follows: paypal ends in 9 days, and then NOTHING can be paid online for: "
        f"{kinds} up to 800.00 EUR",
    ]


def test_another_towns_rule_is_not_there() -> None:
    number = rule(*PLAIN)
    assert "There is no such rule" in refused(
        "rule", "put", "beispielstadt", "--rule", str(number), "--label", "X"
    )


def test_the_command_is_one_of_quitts() -> None:
    assert "provider" in main.commands
