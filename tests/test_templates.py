"""The templates and their catalogues: complete, safe under the CSP, sound as documents."""

import datetime
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.faces.fields import FIELDS, METHODS, STATES, Written
from portal.money import Money
from portal.payments import confirmations
from portal.payments.showing import ShownMove, ShownMoves, ShownPart
from portal.requests.notes import Asks, How, Noted, SaysPaid, Topic, Unfit
from portal.requests.typed import Fault
from portal.web.language import LANGUAGES

HOUSE = Path(__file__).parents[1]
TEMPLATES = HOUSE / "templates"
STATIC = HOUSE / "static"
SPOKEN = ("de", "en")
FILES = sorted(TEMPLATES.rglob("*.html"))
ON_PAPER = TEMPLATES / "letter"  # drawn by WeasyPrint, never seen by a browser
IN_A_BROWSER = [file for file in FILES if ON_PAPER not in file.parents]

DAY = datetime.date(2026, 11, 15)
MOMENT = datetime.datetime(2026, 11, 21, 19, 14, tzinfo=datetime.UTC)
LONG = "Fremdenverkehrsbeitragsvorauszahlungsbescheid mit Grundstücksentwässerungsgebühr"
ITEMS = [SimpleNamespace(label=LONG, amount=Money(14_350)), SimpleNamespace(label="B", amount=500)]
REQUEST = SimpleNamespace(
    amount=Money(14_850), purpose=LONG, payment_sign="4711-0815-26", due_on=DAY, items=ITEMS,
    whole=Money(20_000), paid=Money(5_000), waived=Money(150),
    instalments=[SimpleNamespace(on=DAY, amount=Money(5_000))],
)  # fmt: skip
PAYMENT = SimpleNamespace(
    amount=Money(14_850), method="PayPal", started_at=MOMENT, confirmed_at=MOMENT, number="Q7K2"
)
OFFER = SimpleNamespace(id="1", label="PayPal", hint=Written("Konto nötig", "de"), fee_note="")
LAW = Written("Mit der Zahlung sind Sie mit der Verwarnung einverstanden.", "de")
REFUSED = SimpleNamespace(label="Karte", reason="Nur bis 100,00 €.")
TENANT = SimpleNamespace(
    name="Stadt Musterhausen", portal_name=None, phone="01234 567", hours="Mo–Fr 8–12 Uhr",
    street="Rathausplatz 1", postcode_city="12345 Musterhausen", iban="DE02120300000000202051",
    bic="BYLADEM1001", account_holder="Stadt Musterhausen", email="kasse@musterhausen.example",
    crest_url=None, style_url=None, contact="Stadtkasse", language="de", retention_days=180,
    books_years=10, easy_tested_by="Prüfgruppe", easy_tested_on=DAY, takes_transfers=True,
)  # fmt: skip
FRAME: dict[str, Any] = {
    "tenant": TENANT,
    "languages": [(language, f"?{code}") for code, language in LANGUAGES.items()],
    "reviewed": True,
    "pages": {
        key: "/" + key for key in ("start", "imprint", "privacy", "accessibility", "easy", "letter")
    },
    "demo": True,
}
CHOICE = {
    "action": "/a", "request": REQUEST, "offers": [OFFER], "refused": [REFUSED], "chosen": None,
    "version": 1, "back": "/b", "end_action": "/e", "part": ShownPart("whole", Money(14_850), []),
    "rest": Money(0), "parts_url": None, "parts_help": False, "transfer_url": "/t",
    "kind_says": LAW, "why_not": "No longer available.",
}  # fmt: skip
NOTE = {
    "action": "/a", "purpose": LONG, "amount": Money(1), "version": 1, "days": (DAY, DAY),
    "ways": list(How), "topics": list(Topic), "noted_url": "/n", "back": "/b", "end_action": "/e",
    "entered": {"paid_on": "", "how": "cash", "topic": ""},
}  # fmt: skip
NOTE_ERRORS = (
    *(("says_paid", {"paid_on": word}) for word in Unfit), ("says_paid", {"how": "missing"}),
    ("asks", {"topic": "missing"}), ("asks", {"form": "changed"}), ("asks", {}), ("says_paid", {}),
)  # fmt: skip
NOTED = [
    *(Noted(number, SaysPaid(how, DAY)) for number, how in enumerate(How)),
    *(Noted(number, Asks(topic)) for number, topic in enumerate(Topic)),
]
PAGE = {"labels": {name: name for name in FIELDS}}
NOTHING: dict[str, Any] = {
    "own": {}, "gaps": list(FIELDS), "providers": [], "state": None, "method": None,
    "made_on": None, "checked_on": None,
}  # fmt: skip
ALL: dict[str, Any] = {
    "own": {name: Written(f"# {LONG}\n\n{LONG}\n{LONG}", "de") for name in FIELDS}, "gaps": [],
    "providers": ["PayPal"], "state": STATES["partial"], "method": METHODS["self"],
    "made_on": DAY, "checked_on": DAY,
}  # fmt: skip
KEPT = [
    confirmations.Kept(
        word, Money(0), Money(back), Money(0), Money(much), Money(much), Money(14_850 - back - much)
    )
    for word, back, much in zip(
        confirmations.Word, (0, 0, 0, 1, 14_850, 14_850), (0, 100, 14_850, 0, 0, 0), strict=True
    )
]
PAPER: dict[str, Any] = {
    "payment": PAYMENT, "request": REQUEST, "kept": KEPT[0], "title": "T", "paid_on": DAY,
    "reference": "K-2026-1", "open_amount": None, "shown": None, "drawn_at": MOMENT,
    "receipt": SimpleNamespace(code="7F3K-9QXM", url="https://a.example/receipt",
                               address="a.example/receipt"),
}  # fmt: skip
HOWS = ("transfer", "cash", "debit", "offset", "other")
MOVES = ShownMoves(
    [
        ShownMove("paid", Money(5_000), "PayPal", DAY, "0" * 32),
        *(ShownMove("elsewhere", Money(5_000), how, DAY) for how in HOWS),
        ShownMove("refunded", Money(2_000), "PayPal", DAY),
        ShownMove("taken_back", Money(1_000), "PayPal", DAY),
        ShownMove("returning", Money(500), "PayPal", None),
    ],
    surplus=Money(500),
    online=True,
)
ONLINE = ShownMoves(MOVES.moves[:1], Money(0), online=True)
NO_MOVES = ShownMoves([], Money(0), online=False)
MONEY = {"moves": MOVES, "confirmation_url": lambda payment: f"/p/{payment}"}
PARTS = [
    ShownPart("whole", Money(14_850), []),
    ShownPart("due", Money(5_000), ["PayPal"], DAY),
    ShownPart("due", Money(5_000), ["PayPal"], DAY, later=True),
    ShownPart("amount", Money(1_000), ["PayPal"]),
]
AMOUNT = {
    "action": "/a", "request": REQUEST, "parts": PARTS, "least": Money(1_000),
    "most": Money(13_850), "entered": {"which": "amount", "amount": "5"}, "back": "/b",
}  # fmt: skip
AMOUNT_ERRORS = (
    {}, {"which": "missing"}, {"which": "changed"},
    *({"amount": word} for word in ("missing", "unreadable", "below", "above", "rest", "no_parts")),
)  # fmt: skip
BLOCKS = ("7F3K", "", "2B44")
OUTCOMES = ("paid", "processing", "failed", "cancelled", "expired", "let_go", "unknown")
REASONS = ("cancelled", "paid", "deferred", "debit", "enforcement", "other")
CODE_ERRORS: tuple[dict[str, Any], ...] = (
    {"code": Fault("missing")}, {"code": Fault("short", 2, 1)}, {"code": Fault("short", 3, 4)},
    {"code": Fault("long", 1, 2)}, {"code": Fault("sign", 2, sign="U")}, {"code": Fault("check")},
    {"secret": "missing"}, {"secret": "unreadable"}, {"form": "refused"}, {},
)  # fmt: skip

# fmt: off
PAGES: list[tuple[str, dict[str, Any]]] = [
    *(("code", {"action": "/", "blocks": BLOCKS, "entered": {"secret": ""}, "errors": errors})
      for errors in CODE_ERRORS),
    *(("letter_real", {"action": "/", "blocks": BLOCKS, "errors": errors, "found": found,
                       "address": "https://stadt.example"})
      for errors, found in (({}, None), ({"code": Fault("check")}, None), ({}, "known"),
                            ({}, "unknown"))),
    *(("tan", {"action": "/", "entered": {"tan": "1"}, "errors": errors, "tries_left": tries})
      for errors, tries in (({}, None), ({"tan": "missing"}, None), ({"tan": "length"}, 4),
                            ({"tan": "wrong"}, 1), ({"tan": "wrong"}, None))),
    *(("review", {"standing": standing, "request": REQUEST, "next_url": "/n", "renew_action": "/r",
                  "session_seconds": 9, "has_parts": parts, "transfer_url": "/t",
                  "kind_says": LAW, **MONEY})
      for standing, parts in (("review", False), ("partly_paid", True), ("taken_back", False),
                              ("asked_again", False))),
    *(("amount", {**AMOUNT, "errors": errors}) for errors in AMOUNT_ERRORS),
    ("amount", {**AMOUNT, "least": None, "errors": {}}),
    *(("choice", {**CHOICE, "errors": errors})
      for errors in ({}, {"offer": "missing"}, {"offer": "refused"})),
    ("choice", {**CHOICE, "offers": [], "errors": {}}),
    ("choice", {**CHOICE, "part": PARTS[1], "rest": Money(9_850), "parts_url": "/a",
                "parts_help": True, "errors": {}}),
    ("leaving", {"target": "/away", "provider_label": "PayPal", "amount": Money(1)}),
    *(("processing", {"payment": PAYMENT, "here": "/h", "refresh_seconds": 3, "long": long})
      for long in (False, True)),
    *(("confirmed", {**PAPER, "kept": kept, "open_amount": rest, "pdf_url": "/p",
                     "mail_url": url, "status_url": "/s", "end_action": "/e"})
      for kept in KEPT for rest, url in ((None, "/m"), (Money(100), None))),
    *(("mail", {"action": "/a", "entered": {"address": "a"}, "errors": errors, "possible": may,
                "practice": True, "back": "/b"})
      for errors, may in (({}, True), ({"address": "form"}, True), ({"address": "missing"}, True),
                          ({}, False))),
    ("mail_sent", {"back": "/b"}),
    *(("receipt", {"action": "/", "entered": {"code": "7F3K"}, "errors": errors})
      for errors in ({}, {"code": "missing"}, {"code": "length"}, {"code": "sign"},
                     {"code": "check"}, {"form": "unknown"})),
    *(("receipt_found", {"receipt": SimpleNamespace(
        kept=kept, settled=True, reference_end="26-1", paid_on=DAY),
        "amount": Money(14_850), "lines": [("A", Money(1))], "again": "/", "action": "/",
        "entered": {"code": "7F3K"}})
      for kept in (*KEPT, None)),
    *((name, {"payment": PAYMENT, "money_taken": taken, "retry_url": "/r"})
      for name in ("failed", "cancelled", "run_out") for taken in (False, None)),
    *(("pending", {"payment": PAYMENT, "days": 6, "here": "/h"}),
      ("let_go", {"payment": PAYMENT, "letter_url": "/l"}),
      ("held", {"payment": PAYMENT, "here": "/h"})),
    *(("already_paid", {**MONEY, "standing": standing, "moves": moves})
      for standing in ("already_paid", "paid_elsewhere", "paid_twice", "returning", "refunded")
      for moves in (MOVES, ONLINE, NO_MOVES)),
    *(("withdrawn", {**MONEY, "reason": reason, "paid": Money(5_000)}) for reason in REASONS),
    *(("expired", {**MONEY, "payable_until": day, "closes": closes})
      for day in (DAY, None) for closes in (True, False)),
    *(("replaced", {"newer_from": day, "newer_url": url})
      for day in (DAY, None) for url in ("/n", None)),
    *(("changed", {"old_amount": Money(1), "new_amount": Money(new), "review_url": "/r",
                   "version": 1, "action": "/pay"})
      for new in (1, 2)),
    *(("transfer", {"hindrance": why, "request": REQUEST, "digits": "148,50", "closes_on": day,
                    "svg_url": code, "png_url": code, "file_name": "Ueberweisung.png",
                    "status_url": "/s", "back": "/b", "renew_action": "/r", "session_seconds": 9,
                    "part": PARTS[1], "rest": Money(9_850), "parts_url": "/a", "kind_says": LAW})
      for why, day, code in ((None, None, "/c"), (None, DAY, None), ("undecided", None, None),
                             ("too_late", DAY, None))),
    ("unknown", {}),
    *(("locked", {"until": until, "action": "/", "code": code})
      for until, code in ((MOMENT, None), (None, {"code1": "7F3K"}))),
    *(("elsewhere", {"minutes": minutes, "payment": PAYMENT, "continue_action": "/c",
                     "restart_action": "/r", "asked": True, "too_much": False})
      for minutes in (0, 1, 4, 60, 3000)),
    *(("elsewhere", {"minutes": 4, "payment": PAYMENT, "continue_action": None,
                     "restart_action": "/r", "asked": asked, "too_much": True})
      for asked in (True, False)),
    *(("outcome", {"state": state, "amount": Money(1), "money_taken": None, "here": "/h",
                   "refresh_seconds": 3, "tan_url": "/t", "kept": kept})
      for state, kept in [*((state, None) for state in OUTCOMES),
                          *((kept.word.value, kept) for kept in KEPT[1:3])]),
    *(("note", {**NOTE, "what": what, "errors": errors}) for what, errors in NOTE_ERRORS),
    *(("note_sent", {"noted": noted, "others": NOTED, "back": "/b"}) for noted in NOTED),
    *(("deferral", {"text": text, "back": "/b"}) for text in (None, Written(LONG, "de"))),
    ("session_over", {"code_url": "/t"}),
    *(("error", {"title": "Not now", "text": "Please try again.", "status": 503, **more})
      for more in ({}, {"back": "/b"}, {"again": ("/", [("code1", "7F3K")])})),
    ("ended", {"action": "/end"}),
    *(("page", {**PAGE, "page": page, **says})
      for page in ("imprint", "privacy", "accessibility", "easy")
      for says in (NOTHING, ALL)),
]
# fmt: on


class Document(HTMLParser):
    """What the tests ask about a page: its headings, ids and what refers to an id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.references += found.get("aria-describedby", "").split()
        self.references += [found["for"]] if "for" in found else []
        if found.get("href", "").startswith("#"):
            self.references.append(found["href"][1:])


def catalogue(language: str) -> Catalog:
    with (HOUSE / f"translations/{language}/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale=language)


def asked_for() -> Catalog:
    """Every message that a template or the code asks for."""
    with (HOUSE / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    asked = Catalog()
    for _, _, message, _, context in extract_from_dir(HOUSE, methods, options):
        asked.add(message, context=context)
    return asked


def key(message: Any) -> tuple[str | None, str]:
    return message.context, message.id if isinstance(message.id, str) else message.id[0]


@pytest.fixture(scope="module", params=SPOKEN)
def pages(request: pytest.FixtureRequest) -> Environment:
    """Jinja as the portal sets it up, with plain stand-ins for the portal's filters."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(request.param))
    compiled.seek(0)
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_translations(Translations(compiled), newstyle=True)
    env.filters.update(
        dict.fromkeys(("money", "currency", "day", "moment", "iban", "sign", "dial"), str)
    )
    spoken = LANGUAGES[request.param]
    env.globals.update(
        FRAME, language=request.param, spoken=spoken, csrf_token=lambda: "t", static_url=str
    )
    return env


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_a_template_is_well_formed(file: Path) -> None:
    Environment(extensions=["jinja2.ext.i18n"]).parse(file.read_text("utf-8"))


@pytest.mark.parametrize(("name", "given"), PAGES)
def test_a_page_needs_only_what_it_names_and_is_a_sound_document(
    pages: Environment, name: str, given: dict[str, Any]
) -> None:
    html = pages.get_template(f"citizen/{name}.html").render(given)
    document = Document(html)

    assert document.tags.count("h1") == 1
    assert len(document.ids) == len(set(document.ids))
    assert set(document.references) <= set(document.ids)
    title = re.search("<title>(.+) – (Bezahlportal|Payment portal) – Stadt Musterhausen<", html)
    assert title
    assert title[1].startswith(("Fehler: ", "Error: ")) == bool(given.get("errors"))


@pytest.mark.parametrize("name", ["review", "choice", "confirmed", "tan", "page"])
def test_what_the_town_wrote_is_marked_on_a_page_of_another_language(
    pages: Environment, name: str
) -> None:
    given = next(given for page, given in PAGES if page == name)
    html = pages.get_template(f"citizen/{name}.html").render(given)
    is_english = pages.globals["language"] == "en"
    wrote = [TENANT.hours]
    wrote += [LONG] if name in {"review", "choice", "confirmed"} else []
    wrote += [OFFER.label, REFUSED.label] if name == "choice" else []
    for text in wrote:
        assert (f'<span lang="de">{text}</span>' in html) == is_english, text
    if name == "review":
        assert html.count(f'<span lang="de">{LONG}</span>') == (2 if is_english else 0)


@pytest.mark.parametrize(
    "name",
    ["failed", "held", "pending", "processing", "leaving", "review", "already_paid", "elsewhere",
     "withdrawn", "expired", "confirmed"],
)  # fmt: skip
def test_the_towns_name_of_a_provider_is_marked_inside_a_sentence_too(
    pages: Environment, name: str
) -> None:
    is_english = pages.globals["language"] == "en"
    for given in (given for page, given in PAGES if page == name):
        html = pages.get_template(f"citizen/{name}.html").render(given)
        named, marked = html.count(OFFER.label), html.count(f'<span lang="de">{OFFER.label}</span>')
        assert marked == (named if is_english else 0)


def test_a_confirmation_marks_the_purpose_in_another_language(pages: Environment) -> None:
    html = pages.get_template("confirmation.html").render(PAPER)
    is_english = pages.globals["language"] == "en"
    assert (f'<span lang="de">{LONG}</span>' in html) == is_english


def test_every_page_of_the_citizen_is_among_the_samples() -> None:
    shown_without_a_town = {"without_town"}  # tests/web/test_errors.py
    known = {name for name, _ in PAGES} | shown_without_a_town
    assert {file.stem for file in (TEMPLATES / "citizen").glob("*.html")} == known


def test_the_page_before_the_tan_says_nothing_about_the_claim(pages: Environment) -> None:
    given = {"action": "/", "entered": {"tan": ""}, "errors": {}, "tries_left": None}
    html = pages.get_template("citizen/tan.html").render(given, request=REQUEST)

    assert not any(word in html for word in (LONG, "4711", "14850", "14_850", str(DAY)))


@pytest.mark.parametrize("name", ["failed", "cancelled"])
def test_no_page_says_that_no_money_was_taken_before_it_is_proven(
    pages: Environment, name: str
) -> None:
    page = pages.get_template(f"citizen/{name}.html")
    sentence = pages.from_string("{{ _('No money was taken.') }}").render()

    assert sentence in page.render(payment=PAYMENT, retry_url="/r", money_taken=False)
    assert sentence not in page.render(payment=PAYMENT, retry_url="/r", money_taken=None)


def test_the_confirmation_is_one_page_with_its_two_sentences(pages: Environment) -> None:
    from pypdfium2 import PdfDocument
    from weasyprint import HTML

    html = pages.get_template("confirmation.html").render(PAPER)
    drawn = HTML(string=html, base_url=f"{STATIC}/").write_pdf(pdf_variant="pdf/ua-1")

    sheets = PdfDocument(drawn)
    assert len(sheets) == 1
    assert "UStG" in sheets[0].get_textpage().get_text_range()


@pytest.mark.parametrize("file", IN_A_BROWSER, ids=lambda f: str(f.relative_to(TEMPLATES)))
def test_a_template_has_nothing_inline_and_names_no_other_host(file: Path) -> None:
    text = file.read_text("utf-8")

    assert not re.search(
        r"""<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)""", text
    )
    assert not re.search(r"""https?://(?!\{\{)|(src|href)=["']//""", text)


@pytest.mark.parametrize("file", IN_A_BROWSER, ids=lambda f: str(f.relative_to(TEMPLATES)))
def test_every_form_that_posts_carries_the_csrf_token(file: Path) -> None:
    forms = re.findall(r"<form\b.*?</form>", file.read_text("utf-8"), re.DOTALL | re.IGNORECASE)

    assert all("csrf_token()" in form for form in forms if 'method="post"' in form)


def test_the_german_catalogue_is_complete_and_sound() -> None:
    found, asked = catalogue("de"), asked_for()
    have = {key(message): message for message in found if message.id}
    need = {key(message) for message in asked if message.id}

    assert need - have.keys() == set(), "missing"
    assert have.keys() - need == set(), "stale"
    assert [k for k, message in have.items() if message.fuzzy] == []
    assert [k for k, m in have.items() if not m.string or not all(m.string)] == [], "untranslated"
    assert [(message.id, errors) for message, errors in found.check()] == []


def test_the_english_catalogue_names_the_same_messages() -> None:
    assert {key(m) for m in catalogue("en") if m.id} == {key(m) for m in asked_for() if m.id}


def test_style_sheets_name_only_files_of_ours() -> None:
    for sheet in STATIC.glob("*.css"):
        for address in re.findall(r"""url\(["']?([^"')]+)""", sheet.read_text("utf-8")):
            assert address.startswith("data:") or (STATIC / address).is_file(), address


def test_the_script_stays_small() -> None:
    assert len((STATIC / "portal.js").read_bytes()) < 4608
