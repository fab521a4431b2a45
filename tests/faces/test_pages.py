"""The town's pages: its own face on each, its words where they are, placeholders where not."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from demo.faces import CRESTS
from portal.db import transaction
from portal.faces import setting
from portal.faces.fields import FIELDS
from portal.faces.setting import Said
from portal.payments.models import ProviderAccount
from portal.tenants import Tenant
from tests import builders, pages
from tests.builders import OTHER_TOWN, TOWN
from tests.faces import saying
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan

PAGES = ("/impressum", "/datenschutz", "/barrierefreiheit")
HOSTILE = '<script>alert(1)</script> "x" {{ 7*7 }} %(town)s & # not a heading'


def words(page: TestResponse) -> str:
    look = pages.Look(page.text, page.request.path, "localhost")
    return pages.words(look.of("main")[0])


def put(name: str, text: str, language: str | None = None) -> None:
    setting.put(TOWN, [Said(name, text, language)], "test")


def shown(client: FlaskClient, path: str, kind: str) -> TestResponse:
    """The file of a kind that a page loads from the town's own folder."""
    found = re.search(rf'(?:href|src)="(/town/\w+\.{kind})"', client.get(path).text)
    assert found, kind
    return client.get(found[1])


@pytest.mark.parametrize("language", ["de", "en", "ar"])
def test_until_the_town_has_written_each_gap_is_seen(client: FlaskClient, language: str) -> None:
    marks = [client.get(f"{path}?lang={language}").text.count("<mark>") for path in PAGES]
    assert sum(marks) == sum(field.needed for field in FIELDS.values())
    assert min(marks) > 0
    saying.everything(TOWN)
    for path in PAGES:
        page = client.get(f"{path}?lang={language}")
        assert "<mark>" not in page.text
        assert ('lang="de"' in page.text.partition("<main")[2]) == (language != "de")


def test_what_the_town_has_written_stands_on_its_page_and_on_no_other_towns(
    app: object, client: FlaskClient
) -> None:
    saying.everything(TOWN)
    told = " ".join(words(client.get(path)) for path in PAGES)
    for field in FIELDS.values():
        if field.needed and field.name not in saying.CHOICES:
            assert field.name.upper() in told, field.name
    other = builders.browser(app, builders.HOSTS[OTHER_TOWN])  # type: ignore[arg-type]
    assert "REPRESENTED_BY" not in other.get("/impressum").text


def test_the_statement_on_accessibility_claims_only_what_was_said(client: FlaskClient) -> None:
    claims = ("meets the requirements", "assessed", "Made on")
    before = words(client.get("/barrierefreiheit?lang=en"))
    assert "has not published a statement" in before
    assert not any(claim in before.replace("how this was assessed", "") for claim in claims)
    saying.everything(TOWN)
    put("accessibility_state", "partial")
    after = words(client.get("/barrierefreiheit"))
    assert "This portal meets the requirements in part." in after
    assert "To be filled in: what is not accessible, and why" in after
    assert "Made on 15 January 2026." in after


@pytest.mark.parametrize("name", ["imprint_more", "hours", "portal_name", "contact", "easy"])
def test_whatever_the_town_writes_is_text_and_never_markup(client: FlaskClient, name: str) -> None:
    text = HOSTILE[: FIELDS[name].most]
    put(name, text)
    put("easy", text)
    with transaction() as session:
        town = session.get_one(Tenant, TOWN)
        town.easy_tested_by, town.easy_tested_on = HOSTILE, town.created_at.date()
    for path in (*PAGES, "/leichte-sprache"):
        page = client.get(path)
        assert "<script>alert" not in page.text
        assert "{{ 7*7 }}" in page.text or path != "/leichte-sprache"


def test_texts_follow_the_readers_language_and_german_is_marked(client: FlaskClient) -> None:
    put("hours", "Mo–Fr 8–12 Uhr")
    put("portal_name", "Gemeindekasse online")
    put("hours", "Mon–Fri 8–12", "en")
    put("name", "Town of Musterhausen", "en")
    english = client.get("/impressum?lang=en").text
    assert "Mon–Fri 8–12" in english
    assert (
        "<title>Legal notice (Impressum) – Gemeindekasse online – Town of Musterhausen</title>"
        in english
    )
    assert '<span lang="de">Gemeindekasse online</span>' in english
    turkish = client.get("/impressum?lang=tr").text
    assert '<span lang="de">Mo–Fr 8–12 Uhr</span>' in turkish
    assert "Stadt Musterhausen" in turkish
    assert 'lang="de">Mo' not in client.get("/impressum?lang=de").text


def test_the_privacy_notice_names_the_providers_of_today(client: FlaskClient) -> None:
    assert named(client) == ["Card", "Paypal"]
    with transaction() as session:
        session.get_one(ProviderAccount, (TOWN, "paypal")).valid_until = builders.LONG_AGO
    assert named(client) == ["Card"]


def named(client: FlaskClient) -> list[str]:
    return re.findall(r'<li><span lang="de">(\w+)</span></li>', privacy(client).text)


def privacy(client: FlaskClient) -> TestResponse:
    return client.get("/datenschutz?lang=en")


def test_leichte_sprache_is_hidden_until_its_readers_tested_it(client: FlaskClient) -> None:
    put("easy", "# Bezahlen\n\nSie können hier bezahlen.\nDas ist einfach.")
    assert client.get("/leichte-sprache").status_code == 404
    assert "/leichte-sprache" not in client.get("/impressum").text
    with transaction() as session:
        today = session.get_one(Tenant, TOWN).created_at.date()
    setting.tested(TOWN, "Prüfgruppe Muster", today, "test")
    page = client.get("/leichte-sprache?lang=en")
    assert '<h2 lang="de">Bezahlen</h2>' in page.text
    assert "Sie können hier bezahlen.<br>Das ist einfach." in page.text
    assert "tested by its readers: Prüfgruppe Muster" in words(page)
    assert 'href="/leichte-sprache"' in client.get("/impressum").text


def test_the_colour_comes_as_a_style_sheet_of_its_own_and_is_kept(client: FlaskClient) -> None:
    assert "/town/" not in client.get("/impressum").text
    setting.put_colour(TOWN, "#00607a", "test")
    sheet = shown(client, "/impressum", "css")
    assert sheet.status_code == 200
    assert sheet.mimetype == "text/css"
    assert "--kern-color-action-default:#00607a" in sheet.text
    assert "immutable" in sheet.headers["Cache-Control"]
    assert "Set-Cookie" not in sheet.headers
    setting.put_colour(TOWN, "#2d6a1e", "test")
    assert client.get(sheet.request.path).status_code == 404
    assert "#2d6a1e" in shown(client, "/impressum", "css").text


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_crest_stands_on_every_page_and_can_only_draw(client: FlaskClient, kind: str) -> None:
    from tests.faces.test_crests import Image, png

    svg = (CRESTS / "musterhausen.svg").read_bytes()
    setting.put_crest(TOWN, svg if kind == "svg" else png(Image.new("RGB", (80, 92), "red")), "t")
    for path in ("/", "/impressum", "/nothing"):
        page = client.get(path).text
        assert len(re.findall(rf'"/town/\w+\.{kind}"', page)) == 2, path  # and as favicon
    crest = shown(client, "/", kind)
    assert crest.mimetype == {"svg": "image/svg+xml", "png": "image/png"}[kind]
    assert "sandbox" in crest.headers["Content-Security-Policy"]
    assert "default-src 'none'" in crest.headers["Content-Security-Policy"]
    assert crest.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in crest.headers["Cache-Control"]
    assert "Set-Cookie" not in crest.headers


def test_one_towns_crest_is_not_the_others(app: object, client: FlaskClient) -> None:
    setting.put_crest(TOWN, (CRESTS / "musterhausen.svg").read_bytes(), "test")
    crest = shown(client, "/", "svg")
    other = builders.browser(app, builders.HOSTS[OTHER_TOWN])  # type: ignore[arg-type]
    assert other.get(crest.request.path).status_code == 404
    assert client.get("/town/000000000000.svg").status_code == 404
    assert client.get("/town/000000000000.css").status_code == 404


def test_before_the_citizen_leaves_a_sentence_says_so(
    client: FlaskClient, provider: FakeProvider
) -> None:
    handle = give_tan(client, builders.letter())
    choice = words(client.get(f"/r/{handle}/choice?lang=de"))
    assert "Sie verlassen diese Seite und bezahlen beim Anbieter der Zahlungsart." in choice
    text = words(privacy(client))
    assert "no page is loaded from other companies" in text
    assert "no banner asks you" in text
