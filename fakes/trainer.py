"""A page for people who run an exercise: everything in the books, with buttons.

``GET /`` names the fakes, ``GET /<provider>/`` shows one. From this machine only.
"""

from functools import partial

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from fakes import totals
from fakes.doors import books, fake
from fakes.page import page_url
from sandbox.here import from_here_only
from sandbox.states import verbs_from
from sandbox.trainer import SHOWN, busy_first
from sandbox.words import LANGUAGES, texts

trainer = Blueprint("trainer", __name__)
trainer.before_request(from_here_only)


@trainer.get("/")
def start_page() -> ResponseReturnValue:
    """The fakes by name."""
    language = _language()
    names = {name: mine.title for name, mine in current_app.extensions["fakes"].items()}
    return render_template("fakes.html", t=texts(language), language=language, names=names)


@trainer.get("/<provider>/")
def show(provider: str) -> ResponseReturnValue:
    """What there is at one of them."""
    mine, language = fake(provider), _language()
    with books().reading() as db:
        told = totals.books(db, mine)
    words = texts(language)
    words["title"] = f"{words['title']} ({mine.title})"
    return render_template(
        "trainer.html",
        t=words,
        language=language,
        here=f"/{mine.name}",
        merchants=busy_first(told["merchants"]),
        verbs_from=verbs_from,
        edges=mine.edges,
        refund_edges=mine.refund_edges,
        reversal_edges=mine.reversal_edges,
        page_url=partial(page_url, mine),
        shown=SHOWN,
    )


def _language() -> str:
    return request.accept_languages.best_match(LANGUAGES, "de") or "de"
