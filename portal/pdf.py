"""PDF from HTML: the one place that knows WeasyPrint.

WeasyPrint costs 0.8 s and 70 MB to import, so it is imported by the first page that is drawn;
the web processes never draw, they ask the print process (``portal/printing.py``).
Every PDF is tagged (PDF/UA-1) and embeds its fonts. Nothing is fetched but files of ``static/``
and ``data:`` addresses: what stands in the HTML cannot make us read a file or ask a host.
"""

import atexit
import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

if TYPE_CHECKING:
    from weasyprint import Document

STATIC = Path(__file__).resolve().parent.parent / "static"
VARIANT = "pdf/ua-1"

log = logging.getLogger(__name__)


def render(html: str, *, stylesheets: Iterable[Path] = ()) -> bytes:
    """``html`` as a tagged PDF. ``stylesheets`` are files of the program, read once."""
    return bind([lay_out(html, stylesheets=stylesheets)])


def lay_out(html: str, *, stylesheets: Iterable[Path] = ()) -> "Document":
    """Set ``html`` on pages; ``bind`` makes one PDF of as many of them as you like."""
    press = _press()
    sheets = [press.stylesheet(path) for path in stylesheets]
    source = press.html(string=html, base_url=f"{STATIC.as_uri()}/", url_fetcher=press.fetcher)
    document: Document = source.render(
        stylesheets=sheets, font_config=press.fonts, pdf_variant=VARIANT
    )
    return document


def bind(documents: Sequence["Document"]) -> bytes:
    """All pages in one PDF; title and language are the first document's."""
    first = documents[0]
    whole = first if len(documents) == 1 else first.copy([p for d in documents for p in d.pages])
    try:
        return _written(whole, pdf_variant=VARIANT)
    except Exception as error:
        log.warning("a PDF was written without tags: %s", type(error).__name__)
        return _written(whole)


def warm_up() -> None:
    """Import WeasyPrint now, so that processes forked from this one need not."""
    _press()


def _written(document: "Document", **options: Any) -> bytes:
    pdf: bytes | None = document.write_pdf(**options)
    assert pdf is not None  # noqa: S101 -- without a target it returns the bytes
    return pdf


class _Press:
    """WeasyPrint with our fetcher; fonts and stylesheets are parsed once a process.

    Sharing them makes a page 1.5 times as fast.
    """

    def __init__(self) -> None:
        from weasyprint import CSS, HTML
        from weasyprint.text.fonts import FontConfiguration

        self.html, self._css = HTML, CSS
        self.fonts = FontConfiguration()
        self.fetcher = _fetcher()
        self._sheets: dict[Path, Any] = {}

    def stylesheet(self, path: Path) -> Any:
        if path not in self._sheets:
            self._sheets[path] = self._css(
                string=path.read_text("utf-8"),
                base_url=path.as_uri(),
                font_config=self.fonts,
                url_fetcher=self.fetcher,
            )
        return self._sheets[path]


@lru_cache(maxsize=1)
def _press() -> _Press:
    atexit.register(_press.cache_clear)  # its fonts cannot be cleared away any later
    return _Press()


def _fetcher() -> Any:
    from weasyprint.urls import URLFetcher

    # A plain function dies inside WeasyPrint 70 when it refuses; only a subclass may.
    class OnlyOurOwn(URLFetcher):  # type: ignore[misc,unused-ignore]
        """Files below ``static/`` and ``data:``; everything else is refused and left out."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            if not allowed(url):
                raise ValueError("refused: not one of our own files")
            return super().fetch(url, headers)

    return OnlyOurOwn(allowed_protocols={"file", "data"}, allow_redirects=False)


def allowed(url: str) -> bool:
    """Whether a document may load this address."""
    parts = urlsplit(url)
    if parts.scheme == "data":
        return True
    if parts.scheme != "file" or parts.netloc:
        return False
    return Path(url2pathname(parts.path)).resolve().is_relative_to(STATIC)
