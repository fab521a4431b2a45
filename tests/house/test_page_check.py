"""The check that every page goes through sees what is wrong."""

import pytest

from tests.pages import Look

SOUND = """<!doctype html>
<html lang="de"><head><title>Schritt – Stadt</title>
<link rel="stylesheet" href="/static/kern.css"><script src="/static/portal.js" defer></script>
</head><body><header><nav aria-label="Sprache"><a href="/">Deutsch</a></nav></header>
<main id="main"><h1>Bitte prüfen</h1><h2>Zahlungsart</h2>
<form method="post" action="/r/handle/pay"><input type="hidden" name="csrf_token" value="t">
<input type="hidden" name="version" value="1"><input type="hidden" name="amount_cents" value="5">
<label for="offer">Karte</label><input id="offer" name="offer" type="radio" value="1">
<button type="submit">Weiter</button></form><img src="/static/shield.svg" alt=""></main>
<footer><p>Kontakt</p></footer></body></html>"""

# fmt: off
BROKEN = (
    ("</h2>",                   "</h2></p>",                    "parse error"),
    ('<html lang="de">',        "<html>",                       "the language is ''"),
    ("<h2>Zahlungsart</h2>",    "<h1>Zahlungsart</h1>",         "2 h1"),
    ("<h2>Zahlungsart</h2>",    "<h3>Zahlungsart</h3>",         "h3 after h1"),
    ("<h2>Zahlungsart</h2>",    "<h2></h2>",                    "h2 without words"),
    ("<footer><p>Kontakt</p></footer>", "",                     "header or footer is missing"),
    (' aria-label="Sprache"',   "",                             "a nav without a name"),
    ('id="offer"',              'id="main"',                    "id main twice"),
    ('<label for="offer">Karte</label>', "",                    "no label for offer"),
    ('for="offer"',             'for="other"',                  "label refers to other"),
    (' alt=""',                 "",                             "img without alt"),
    ("<h2>",                    '<h2 style="color: red">',      "h2 has style"),
    ("<h2>",                    '<h2 onclick="go()">',          "h2 has onclick"),
    ("<footer>",                "<script>1</script><footer>",   "style or script stands inside"),
    ("/static/portal.js",       "https://cdn.example/x.js",     "script leads to https://cdn"),
    ('href="/"',                'href="https://else.example/"', "a link leads to https://else"),
    ('name="csrf_token" value="t"', 'name="x" value="t"',       "lacks csrf_token"),
    ('name="version"',          'name="x"',                     "lacks version"),
    ('action="/r/handle/pay"',  'action="/r/other/pay"',        "does not carry the handle"),
    ("Schritt –",               "Schritt handle",               "a secret stands in the title"),
    ("Schritt –",               "Schritt 1234 5678",            "a secret stands in the title"),
    ("Schritt –",               "Schritt 7F3K-9QXM-2ABC",       "a secret stands in the title"),
    ("Kontakt",                 "No money was taken.",          "is en on a de page"),
)
# fmt: on


def complaints(html: str) -> list[str]:
    return list(Look(html, "/r/handle/choice", "localhost").wrong())


def test_a_sound_page_is_let_through() -> None:
    assert complaints(SOUND) == []


@pytest.mark.parametrize(("sound", "broken", "complaint"), BROKEN)
def test_a_fault_is_seen(sound: str, broken: str, complaint: str) -> None:
    assert sound in SOUND
    found = complaints(SOUND.replace(sound, broken, 1))
    assert any(complaint in one for one in found), found


def test_the_way_to_the_provider_does_not_tell_the_handle() -> None:
    away = SOUND.replace('href="/"', 'href="https://pay.example/?from=handle"')
    found = list(Look(away, "/r/handle/leaving/1", "localhost").wrong())
    assert found == ["the handle is told to another host"]
