"""The town's crest and colour, under addresses that change with them and are kept for a year.

The content security policy allows no style inside a page, so the colour is a style sheet of its
own. A crest that is opened by itself may draw, and nothing else (CSP, ``sandbox``).
"""

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from portal.db import db
from portal.errors import NotFound
from portal.faces import town
from portal.faces.crests import MEDIA_TYPES
from portal.faces.models import TenantCrest
from portal.web.current import tenant, tenant_id

bp = Blueprint("faces", __name__, url_prefix=town.FOLDER)

KEPT = "public, max-age=31536000, immutable"
DRAWING = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


@bp.get("/<fingerprint>.css")
def style(fingerprint: str) -> ResponseReturnValue:
    pair = town.colour(tenant())
    if pair is None or pair.fingerprint != fingerprint:
        raise NotFound("The town has another colour now.")
    return Response(pair.css, mimetype="text/css", headers={"Cache-Control": KEPT})


@bp.get("/<name>")
def crest(name: str) -> ResponseReturnValue:
    found = db.session().get(TenantCrest, tenant_id())
    if found is None or found.file != name:
        raise NotFound("The town has another crest now.")
    return Response(
        found.content,
        mimetype=MEDIA_TYPES[name.rpartition(".")[2]],
        headers={"Cache-Control": KEPT, "Content-Security-Policy": DRAWING},
    )
