"""Languages: choosing one, and writing money, days and account numbers in it.

The order: what the reader chose, what the finance system said of the request, what the browser
wants, what the tenant speaks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime, get_timezone
from babel.numbers import format_currency, format_decimal, get_currency_name
from babel.support import Translations
from flask import Flask, current_app, g, request, session, url_for
from flask_babel import Babel
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from portal import catalogues
from portal.catalogues import DEFAULT, FOLDER
from portal.errors import NotFound
from portal.money import Money
from portal.web.current import tenant


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the pages.

    ``code`` stands in addresses and requests, ``tag`` on the pages (BCP 47), ``locale`` says how
    money and days are written (CLDR). What a catalogue lacks is said in ``instead``.
    """

    code: str
    name: str
    tag: str
    locale: str
    instead: str | None = None
    clock: str = "HH:mm"
    right_to_left: bool = False

    @property
    def folder(self) -> str:
        """Where its catalogue lies."""
        return self.code.replace("-", "_")


LANGUAGES: Mapping[str, Language] = {
    language.code: language
    for language in (
        Language("de", "Deutsch", "de", "de", clock="HH:mm 'Uhr'"),
        Language("de-simple", "Einfache Sprache", "de", "de", instead="de", clock="HH:mm 'Uhr'"),
        Language("en", "English", "en", "en_GB"),
        Language("uk", "Українська", "uk", "uk"),
        Language("pl", "Polski", "pl", "pl"),
        Language("tr", "Türkçe", "tr", "tr"),
        Language("nb", "Norsk", "nb", "nb"),
        Language("ar", "العربية", "ar", "ar", right_to_left=True),
    )
}
UNSIGNED = "FULL NAME"  # in the header Last-Translator, where nobody answers for a catalogue
TELEPHONE = re.compile(r"\+?[0-9(][0-9 ()/.\-–]{2,}")
STAFF = ("de", "en")  # what staff read; the first by default
ALIASES = {"no": "nb", "nn": "nb"}
ANSWERED = "answered"  # a field of the answers' hidden forms (macros.html, told_again)
# What of an address's query stays in another language. A stranger, who knows no handle, cannot have
# words of his choice stand in a page that is pressed.
STAYS = {
    "part": "due|amount",
    "cents": r"\d{1,15}",
    "number": r"\d{1,15}",
    "again": r"\d{1,2}",
    "over": "1",
}

_catalogues: dict[str, Translations] = {}


def init_app(app: Flask) -> None:
    """Bind the catalogues once a request: 40 sentences would cost a millisecond otherwise."""
    catalogues.compile_all()
    _catalogues.clear()
    app.config.update(BABEL_TRANSLATION_DIRECTORIES=str(FOLDER), BABEL_DEFAULT_LOCALE=DEFAULT)
    Babel(app, locale_selector=lambda: spoken().locale, timezone_selector=zone)
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda sentence: _catalogue().ugettext(sentence),
        lambda one, many, count: _catalogue().ungettext(one, many, count),
        newstyle=True,
    )
    app.jinja_env.filters.update(
        money=money,
        currency=currency,
        day=day,
        moment=moment,
        iban=iban,
        dial=dial,
        sign=lambda sign: sign or "",
    )


def current() -> str:
    """The language of this answer, by its code."""
    if g.get("language") is None:
        g.language = _choose()
    found: str = g.language
    return found


def spoken() -> Language:
    """The language of this answer."""
    return LANGUAGES[current()]


def reviewed() -> bool:
    """Whether a person who speaks it has read this language's catalogue and signed it."""
    info: Mapping[str, str] = _catalogue().info()
    return not info.get("last-translator", UNSIGNED).startswith(UNSIGNED)


def switched() -> bool:
    """Whether a form was sent only to read its page in another language: nothing is done then."""
    return request.method == "POST" and request.args.get("lang") in LANGUAGES


def answered() -> bool:
    """Whether the page to be read in another language is the answer to a form, not the form."""
    return switched() and ANSWERED in request.form


def prefer(language: str | None) -> None:
    """The language that the finance system named for the request being shown."""
    if _chosen() is None and language in offered():  # in this order: a choice is always kept
        g.language = language


def only(codes: Sequence[str]) -> None:
    """Answer in one of these, whatever citizens are offered; the first by default."""
    g.only, g.language = codes, None


def offered() -> Sequence[str]:
    """The languages of this answer: those that the town offers, in their order.

    Without a town, and where the database does not answer, these are all.
    """
    if "only" in g:
        return tuple(g.only)
    if g.get("found_tenant") is None:
        return tuple(LANGUAGES)
    try:
        town = tenant()
    except SQLAlchemyError:
        return tuple(LANGUAGES)
    mine = {*town.languages, DEFAULT, town.language}
    return [code for code in LANGUAGES if not town.languages or code in mine]


def choices() -> list[tuple[Language, str]]:
    """Each language with the address of this step in it."""
    endpoint, view = _step()
    view = view | _stays(view)
    return [(LANGUAGES[code], url_for(endpoint, **view, lang=code)) for code in offered()]


def _step() -> tuple[str, dict[str, Any]]:
    """What this path shows when it is asked for; where it takes forms only, the first page."""
    try:
        endpoint, values = current_app.url_map.bind("").match(request.path, method="GET")
    except HTTPException:
        handle = (request.view_args or {}).get("handle")
        return ("visits.overview", {"handle": handle}) if handle else ("visits.code", {})
    return endpoint, dict(values)


def _stays(view: Mapping[str, Any]) -> dict[str, str]:
    names = STAYS if "handle" in view or "payment_id" in view else {"over"}
    given = {name: request.args.get(name, "") for name in names}
    return {name: text for name, text in given.items() if re.fullmatch(STAYS[name], text)}


def zone() -> str:
    """The tenant's time zone; UTC where no tenant answers."""
    try:
        return tenant().time_zone
    except NotFound:
        return "UTC"


def gettext(sentence: str, **values: Any) -> str:
    """A sentence in the language of this answer."""
    text: str = _catalogue().ugettext(sentence)
    return text % values if values else text


def ngettext(one: str, many: str, number: int) -> str:
    """A sentence with a number, which stands in it as ``%(num)s``."""
    text: str = _catalogue().ungettext(one, many, number)
    return text % {"num": number}


def money(amount: Money) -> str:
    """148,50 €"""
    return format_currency(Decimal(amount.cents) / 100, amount.currency, locale=spoken().locale)


def currency(code: str) -> str:
    """The name of a currency, as of an amount: Euro, norske kroner."""
    return get_currency_name(code, 2, locale=spoken().locale)


def digits(amount: Money) -> str:
    """148,50, as one types it: for the clipboard."""
    return format_decimal(Decimal(amount.cents) / 100, "0.00", locale=spoken().locale)


def day(value: date) -> str:
    """15. November 2026"""
    return format_date(value, "long", locale=spoken().locale)


def moment(value: datetime) -> str:
    """21. November 2026, 20:14 Uhr, in the tenant's time zone."""
    zoned = get_timezone(zone())
    how = spoken()
    time = format_datetime(value, how.clock, tzinfo=zoned, locale=how.locale)
    return f"{day(value.astimezone(zoned).date())}, {time}"


def iban(number: str) -> str:
    """An account number in groups of four."""
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def dial(number: str) -> str:
    """A telephone number as a ``tel:`` address has it (RFC 3966); empty where it holds words."""
    if not TELEPHONE.fullmatch(number):
        return ""
    return re.sub(r"[^+0-9]", "", number.replace("(0)", ""))


def _chosen() -> str | None:
    """What the reader chose, now or earlier in this visit."""
    asked = request.args.get("lang", "")
    if asked in offered():
        session["language"] = asked
    chosen = session.get("language")
    return str(chosen) if chosen in offered() else None


def _choose() -> str:
    if chosen := _chosen():
        return chosen
    wanted = [ALIASES.get(code.split("-")[0], code.split("-")[0]) for code, _ in _browser()]
    there = offered()
    for code in wanted:
        if code in there:
            return code
    own = _of_tenant()
    return own if own in there else there[0]


def _browser() -> list[tuple[str, float]]:
    return [(code.lower(), quality) for code, quality in request.accept_languages]


def _of_tenant() -> str:
    try:
        language = tenant().language
    except (NotFound, SQLAlchemyError):  # without a database, too, it is said in some language
        return DEFAULT
    return language if language in LANGUAGES else DEFAULT


def _catalogue() -> Translations:
    code = current()
    if code not in _catalogues:
        _catalogues[code] = _loaded(LANGUAGES[code])
    return _catalogues[code]


def _loaded(language: Language) -> Translations:
    found: Any = Translations.load(FOLDER, [language.folder])
    if language.instead:
        found.add_fallback(_loaded(LANGUAGES[language.instead]))
    return found  # type: ignore[no-any-return]
