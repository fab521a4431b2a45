"""What the law of a kind has the payer know, and in which language a town's words are marked."""

import pytest
from flask.testing import FlaskClient

from portal.db import transaction
from portal.payments.models import ProviderRule
from portal.tenants import Kind
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan

AGREED = "Mit der Zahlung sind Sie mit der Verwarnung einverstanden."
AGREED_EN = "By paying you agree to the warning."


def says(german: str, english: str) -> None:
    with transaction() as session:
        kind = session.get_one(Kind, (TOWN, "warning"))
        kind.sentence_de, kind.sentence_en = german, english


@pytest.mark.parametrize(
    ("language", "english", "said"),
    [
        ("de", AGREED_EN, f">{AGREED}<"),
        ("de-simple", AGREED_EN, f">{AGREED}<"),
        ("en", AGREED_EN, f">{AGREED_EN}<"),
        ("en", "", f'<span lang="de">{AGREED}</span>'),
        ("tr", AGREED_EN, f'<span lang="de">{AGREED}</span>'),
    ],
)
def test_who_pays_a_warning_reads_what_that_means_before_paying(
    client: FlaskClient, provider: FakeProvider, language: str, english: str, said: str
) -> None:
    says(AGREED, english)
    handle = give_tan(client, builders.letter(kind="warning", amount_cents=1_000))
    for page in ("payment", "choice", "transfer"):
        assert said in client.get(f"/r/{handle}/{page}?lang={language}").text, page


def test_of_another_kind_nothing_is_said(client: FlaskClient, provider: FakeProvider) -> None:
    says(AGREED, AGREED_EN)
    handle = give_tan(client, builders.letter())
    assert AGREED not in client.get(f"/r/{handle}/choice?lang=de").text


def test_what_a_provider_asks_is_marked_where_it_is_not_in_the_readers_language(
    client: FlaskClient, provider: FakeProvider
) -> None:
    with transaction() as session:
        for rule in session.query(ProviderRule).filter_by(tenant_id=TOWN):
            rule.hint_de, rule.hint_en = "Sie melden sich an.", "You log in."
    handle = give_tan(client, builders.letter())
    assert ">You log in.<" in client.get(f"/r/{handle}/choice?lang=en").text
    foreign = client.get(f"/r/{handle}/choice?lang=pl").text
    assert '<span lang="de">Sie melden sich an.</span>' in foreign
