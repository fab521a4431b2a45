"""Pages are pressed on their way: Brotli (RFC 7932) or gzip (RFC 1952), as the browser takes it.

The length of what is pressed could tell of a secret beside a stranger's words (BREACH,
CVE-2013-3587). A GET brings no words into a page, and a form is answered only with the token of its
own page; the page that says that the token was wrong repeats what came, and is not pressed.
"""

import gzip
from collections.abc import Callable, Mapping

import brotli
from flask import Flask, Response, request

STRANGE = 400
LEAST = 1024  # bytes; less is not worth it
QUALITY = 5  # of Brotli: 0.3 ms for a page
WAYS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda plain: brotli.compress(plain, quality=QUALITY),
    "gzip": lambda plain: gzip.compress(plain, 6, mtime=0),
}


def init_app(app: Flask) -> None:
    """Press every page that is large enough."""
    app.after_request(_press)


def _press(answer: Response) -> Response:
    if answer.mimetype != "text/html" or answer.status_code == STRANGE:
        return answer
    answer.vary.add("Accept-Encoding")
    way = next((way for way in WAYS if request.accept_encodings[way]), None)
    if way is None or answer.is_streamed or "Content-Encoding" in answer.headers:
        return answer
    plain = answer.get_data()
    if len(plain) >= LEAST:
        answer.set_data(WAYS[way](plain))
        answer.headers["Content-Encoding"] = way
    return answer
