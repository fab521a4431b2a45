"""The confirmation as page, on paper and by e-mail, and that nothing that went back gets one."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from flask import Flask, current_app, g
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from portal import mail, pdf
from portal.audit import AuditRow
from portal.config import Settings
from portal.db import db, transaction
from portal.errors import Unavailable
from portal.finance.models import EventRow
from portal.payments import confirming_pages, mails
from portal.payments.mails import Mail
from portal.payments.record import record
from portal.returns import refunds
from portal.tenants import Tenant
from portal.web.language import LANGUAGES, gettext
from tests import builders
from tests.builders import TOWN, Letter, token
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan, open_letter
from tests.returns.test_refunds import BERT, CARD, asked, paid, sent, submitted
from tests.returns.test_reversals import heard

TO = "erika@example.org"
WORD = "Fremdenverkehrsbeitragsvorauszahlungsbescheide"  # 46 letters
CLEAN = "Bestätigung als PDF"


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Papers are drawn here, not by a process of their own; what was drawn."""
    found: list[str] = []

    def draw(_: Path, html: str) -> bytes:
        found.append(html)
        return pdf.render(html)

    monkeypatch.setattr(confirming_pages, "draw", draw)
    return found


@pytest.fixture
def folder(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Mail leaves, into a folder."""
    way = mail.Post("portal@town.example", folder=tmp_path / "mail")
    monkeypatch.setattr(mail, "post", lambda _: way)
    return tmp_path / "mail"


def address(payment: str, more: str = "", handle: str = "") -> str:
    return f"/r/{handle}/confirmation/{payment}{more}"


def opened(client: FlaskClient, letter: Letter) -> str:
    """The handle of a letter; its TAN is given where it is asked."""
    handle = open_letter(client, letter)
    known = client.get(f"/r/{handle}/").location
    return handle if known else give_tan(client, letter)


def paper(client: FlaskClient, letter: Letter, payment: str) -> bytes:
    answer = client.get(address(payment, ".pdf", opened(client, letter)))
    assert answer.status_code == 200
    return answer.data


def said(paper: bytes) -> str:
    """The text of a paper in the order in which it is read."""
    with pypdfium2.PdfDocument(paper) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return " ".join(" ".join(pages).replace("\xa0", " ").replace("\x02", "").split())


def in_order(text: str, words: Sequence[str]) -> Iterator[str]:
    """Those of the words that do not stand behind the ones before."""
    place = 0
    for word in words:
        found = text.find(word, place)
        if found < 0:
            yield word
        else:
            place = found


# --- The page -------------------------------------------------------------------------------------


def test_a_confirmation_shows_day_number_and_check_code(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, payment = paid(provider, 14_850)
    page = client.get(f"/r/{opened(client, letter)}/payment/{payment}")
    for shown in (
        "Ihre Zahlung ist bestätigt", "148,50\xa0€", "Tag der Zahlung", "Prüfcode", CLEAN,
        "keine Rechnung im Sinne des", "localhost/receipt", "rufen Sie uns bitte an",
    ):  # fmt: skip
        assert shown in page.text, shown


BACK = {
    "Diese Zahlung wurde erstattet": ("Auskunft über eine erstattete Zahlung", 0),
    "Ein Teil dieser Zahlung wurde zurückgezahlt oder zurückgeholt": (
        "Bestätigung einer Zahlung, die teilweise",
        60,
    ),
    "Die Bank hat diese Zahlung zurückgeholt": ("Auskunft über eine Zahlung, die die Bank", 0),
}


def goes_back(provider: FakeProvider, sentence: str, payment: str) -> None:
    if "Bank" in sentence:
        heard(provider.reverse(payment, 10_000))
    else:
        sent(payment, 4_000 if "Teil" in sentence else 10_000)


@pytest.mark.parametrize("sentence", BACK)
def test_money_that_went_back_has_no_clean_paper(
    client: FlaskClient, provider: FakeProvider, drawn: list[str], sentence: str
) -> None:
    letter, payment = paid(provider)
    goes_back(provider, sentence, payment)
    page = client.get(f"/r/{opened(client, letter)}/payment/{payment}")
    assert sentence in page.text
    assert CLEAN not in page.text
    assert "Ihre Zahlung ist bestätigt" not in page.text
    text = said(paper(client, letter, payment))
    title, left = BACK[sentence]
    assert title in text
    assert "Der Zahlungsanbieter hat uns diese Zahlung bestätigt" not in text
    assert ("zählen nur noch 60,00 €" in text) is bool(left)
    assert ("Diese Zahlung zählt nicht mehr" in text) is not bool(left)


def test_a_refund_on_its_way_is_told(client: FlaskClient, provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    refund = asked(payment, 4_000)
    handle = opened(client, letter)
    assert "Erstattung" not in client.get(f"/r/{handle}/payment/{payment}").text
    refunds.approve(TOWN, refund, BERT)
    page = client.get(f"/r/{handle}/payment/{payment}")
    assert "Eine Erstattung von 40,00\xa0€ ist zu Ihnen unterwegs." in page.text
    assert "Erstattung unterwegs 40,00 €" in said(paper(client, letter, payment))
    submitted(refund)
    assert "unterwegs" not in client.get(f"/r/{handle}/payment/{payment}").text


# --- The paper ------------------------------------------------------------------------------------


def test_a_paper_is_tagged_named_and_read_in_order(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, payment = paid(provider, 14_850, "AB-2026-7788")
    raw = paper(client, letter, payment)
    with pikepdf.open(io.BytesIO(raw)) as document:
        root = document.Root
        assert root.MarkInfo.Marked
        assert str(root.Lang) == "de"
        assert root.ViewerPreferences.DisplayDocTitle
        title = str(document.docinfo["/Title"])
        assert title.startswith("Zahlungsbestätigung ")
        assert title.endswith("– Stadt Musterhausen")
        with document.open_metadata() as told:
            assert told["pdfuaid:part"] == "1"
        assert tags(document) >= {"/H1", "/Table", "/TR", "/TH", "/TD", "/P"}
    missing = in_order(said(raw), [
        "Stadt Musterhausen", "Zahlungsbestätigung", "Betrag 148,50 €", "Tag der Zahlung",
        "Zweck Grundsteuer B", "Kassenzeichen 5.0101.000123.4", "Belegnummer AB-2026-7788",
        "Bezahlt mit Card", "Bestätigt am", "Bestätigungsnummer", "Prüfcode",
        "Wir melden die Zahlung", "/receipt", "§ 14 UStG", "ohne Unterschrift",
    ])  # fmt: skip
    assert list(missing) == []


def tags(document: pikepdf.Pdf) -> set[str]:
    """The structure's types, as a screen reader meets them."""
    found, todo = set(), [document.Root.StructTreeRoot]
    while todo:
        node = todo.pop()
        if "/S" in node:
            found.add(str(node.S))
        kids = node.get("/K", [])
        kids = list(kids) if isinstance(kids, pikepdf.Array) else [kids]
        todo += [kid for kid in kids if isinstance(kid, pikepdf.Dictionary)]
    return found


LONGEST: Mapping[str, object] = {
    "purpose": f"{WORD} {WORD} und {WORD}"[:140],
    "payment_sign": "W" * 35,
    "items": [{"text": f"{WORD} {WORD} Nr. {n:03} {WORD}"[:140], "amount_cents": 100_000}
              for n in range(200)],
}  # fmt: skip


BOX = '<p class="box">Übungsbetrieb: Es wird kein Geld bewegt.</p><h1>'


@pytest.mark.parametrize(
    ("language", "back"), [*((each, False) for each in LANGUAGES), ("de", True), ("ar", True)]
)
def test_the_longest_paper_has_one_page(
    client: FlaskClient,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    language: str,
    back: bool,
) -> None:
    def in_practice(_: Path, html: str) -> bytes:
        return pdf.render(html.replace("<h1>", BOX))

    monkeypatch.setattr(confirming_pages, "draw", in_practice)
    name_the_town_long()
    letter = builders.letter("R" * 64, amount_cents=20_000_000, **LONGEST)
    payment = builders.begin(letter)
    record(provider.pay(payment), CARD)
    if back:
        heard(provider.reverse(payment, 5_000_000))
        sent(payment, 1_000_000)
        refunds.approve(TOWN, asked(payment, 4_000, order="AO-2"), BERT)
    client.get(f"/?lang={language}")
    raw = paper(client, letter, payment)
    (tmp_path / f"longest-{language}-{back}.pdf").write_bytes(raw)
    with pypdfium2.PdfDocument(raw) as document:
        assert len(document) == 1
    text = said(raw)
    letters = re.sub("[^A-Za-z]", "", text)
    # Where lines run from the right, a hyphenated word comes out of the PDF in another order.
    assert letters.count(WORD) >= (2 if language == "ar" else 3), "no word is cut off"
    assert letters.count("R") >= 64
    if language == "de":
        assert ("198 weitere Posten" in text) is not back


def name_the_town_long() -> None:
    row = {
        "name": "Verwaltungsgemeinschaft Fremdenverkehrsgemeinden Oberes Wümmetal und Umland",
        "street": "Sankt-Bartholomäus-Kirchweg 112 a",
        "postcode_city": f"12345 {WORD}",
        "phone": "+49 12345 678901-2345",
    }
    with transaction() as session:
        session.execute(update(Tenant).where(Tenant.id == TOWN).values(**row))


@pytest.mark.parametrize("language", ["uk", "ar", "en"])
def test_a_paper_speaks_the_readers_language_and_holds_its_letters(
    client: FlaskClient, provider: FakeProvider, language: str
) -> None:
    client.get(f"/?lang={language}")
    letter, payment = paid(provider)
    raw = paper(client, letter, payment)
    with pikepdf.open(io.BytesIO(raw)) as document:
        assert str(document.Root.Lang) == language
    assert "\ufffd" not in said(raw)


def test_a_part_lists_no_items_as_if_they_were_paid(
    client: FlaskClient, provider: FakeProvider, drawn: list[str]
) -> None:
    items = [{"text": f"Posten {n}", "amount_cents": 5_000} for n in range(2)]
    letter = builders.letter(amount_cents=10_000, items=items)
    payment = builders.begin(letter)
    record(provider.pay(payment), CARD)
    assert "Posten 1" in said(paper(client, letter, payment))
    with transaction() as session:
        row = builders.payment(payment)
        shown = confirming_pages.items(session, row)
        assert shown is not None
        assert shown.more == 0
        row.amount_cents = 9_999
        with session.no_autoflush:
            assert confirming_pages.items(session, row) is None
        session.expire(row)


# --- By e-mail ------------------------------------------------------------------------------------


def ask(client: FlaskClient, handle: str, payment: str, to: str) -> TestResponse:
    where = address(payment, "/mail", handle)
    csrf = token(client.get(where))
    return client.post(where, data={"address": to, "csrf_token": csrf})


def send() -> int:
    way = mail.post(current_app.extensions["settings"])
    assert way is not None
    return mails.send_due(current_app.extensions["keyring"], way)


@pytest.mark.parametrize("language", ["de", "en", "tr", "ar"])
def test_an_e_mail_in_another_language_says_that_the_german_text_counts(
    client: FlaskClient, provider: FakeProvider, folder: Path, language: str
) -> None:
    letter, payment = paid(provider, 14_850)
    handle = opened(client, letter)
    client.get(f"/r/{handle}/payment?lang={language}")
    ask(client, handle, payment, TO)
    assert send() == 1
    (file,) = folder.iterdir()
    message = message_from_bytes(file.read_bytes(), policy=SMTP)
    assert isinstance(message, EmailMessage)
    text = message.get_body()
    assert isinstance(text, EmailMessage)
    body = text.get_content()
    with current_app.test_request_context("/"):
        g.language = language
        counts, unread, closing = (
            gettext("Only the German text counts."),
            gettext("No person has checked this translation yet."),
            gettext("Yours sincerely"),
        )
    assert (counts in body) == (unread in body) == (language != "de")
    assert f"{closing} Stadt Musterhausen" in " ".join(body.split())


def test_a_confirmation_is_sent_by_e_mail_with_the_paper(
    client: FlaskClient, provider: FakeProvider, folder: Path
) -> None:
    letter, payment = paid(provider, 14_850)
    handle = opened(client, letter)
    assert address(payment, "/mail", handle) in client.get(f"/r/{handle}/payment/{payment}").text
    answer = ask(client, handle, payment, f" {TO} ")
    assert (answer.status_code, answer.location) == (303, address(payment, "/mail/ordered", handle))
    told = client.get(str(answer.location))
    assert "Die E-Mail ist unterwegs" in told.text
    assert TO not in told.text

    assert send() == 1
    (file,) = folder.iterdir()
    message = message_from_bytes(file.read_bytes(), policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert message["To"].addresses[0].addr_spec == TO
    assert str(message["From"]) == "Stadt Musterhausen <portal@town.example>"
    assert message["Subject"].startswith("Zahlungsbestätigung ")
    assert "148" not in message["Subject"]
    text, attached = message.iter_parts()
    for words in (
        "Guten Tag,",
        "Gezahlt an: Stadt Musterhausen",
        "Mit freundlichen Grüßen",
        "Betrag: 148,50",
        "Prüfcode: ",
        "keine Rechnung",
        "rufen Sie uns bitte",
    ):
        assert words in text.get_content(), words
    for private in ("Grundsteuer", handle, letter.short_code, "/Z/", "&#", "<"):
        assert private not in text.get_content(), private
    assert "Betrag 148,50 €" in said(attached.get_content())


@pytest.mark.parametrize(
    ("typed", "says"),
    [("", "Bitte geben Sie eine E-Mail-Adresse ein."), ("erika@", "Das sieht nicht wie eine")],
)
def test_what_is_no_address_is_kept_and_nothing_is_ordered(
    client: FlaskClient, provider: FakeProvider, folder: Path, typed: str, says: str
) -> None:
    letter, payment = paid(provider)
    page = ask(client, opened(client, letter), payment, typed)
    assert page.status_code == 422
    assert says in page.text
    assert f'value="{typed}"' in page.text
    assert rows() == []


def test_the_language_may_be_switched_without_losing_the_address(
    client: FlaskClient, provider: FakeProvider, folder: Path
) -> None:
    letter, payment = paid(provider)
    where = address(payment, "/mail", opened(client, letter))
    csrf = token(client.get(where))
    page = client.post(f"{where}?lang=en", data={"address": TO, "csrf_token": csrf})
    assert "Confirmation by e-mail" in page.text
    assert f'value="{TO}"' in page.text
    assert rows() == []


def test_a_payment_has_three_mails_at_most(
    client: FlaskClient, provider: FakeProvider, folder: Path
) -> None:
    letter, payment = paid(provider)
    handle = opened(client, letter)
    where = address(payment, "/mail", handle)
    csrf = token(client.get(where))
    answers = [
        client.post(where, data={"address": TO, "csrf_token": csrf}).status_code for _ in range(4)
    ]
    assert answers == [303, 303, 303, 409]
    assert len(rows()) == 3
    assert "schon dreimal gesandt" in client.get(where).text
    assert where not in client.get(f"/r/{handle}/payment/{payment}").text


def test_without_a_mail_server_no_e_mail_is_offered(
    client: FlaskClient, provider: FakeProvider, settings: Settings
) -> None:
    letter, payment = paid(provider)
    handle = opened(client, letter)
    assert mail.post(settings) is None
    assert "E-Mail senden" not in client.get(f"/r/{handle}/payment/{payment}").text


def test_what_cannot_be_drawn_is_not_ordered(
    client: FlaskClient, provider: FakeProvider, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> bytes:
        raise Unavailable("The print process does not answer just now.")

    monkeypatch.setattr(confirming_pages, "draw", down)
    letter, payment = paid(provider)
    assert ask(client, opened(client, letter), payment, TO).status_code == 503
    assert rows() == []


def test_a_payment_that_was_not_confirmed_has_neither_paper_nor_mail(
    client: FlaskClient, provider: FakeProvider, folder: Path
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    handle = opened(client, letter)
    for more in (".pdf", "/mail", "/mail/ordered"):
        assert client.get(address(payment, more, handle)).status_code == 404


def test_the_address_is_in_no_event_no_note_and_no_page(
    client: FlaskClient, provider: FakeProvider, folder: Path
) -> None:
    letter, payment = paid(provider)
    ask(client, opened(client, letter), payment, TO)
    db.session.rollback()
    told = [str(row.data) for row in db.session.query(EventRow)]
    told += [f"{row.subject} {row.detail}" for row in db.session.query(AuditRow)]
    told += [str(vars(row)) for row in db.session.query(Mail)]
    assert not any("erika" in each for each in told)


def rows() -> list[Mail]:
    db.session.rollback()
    return list(db.session.query(Mail))
