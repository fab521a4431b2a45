"""Crests (Wappen): a picture that a town hands in, made harmless and small. Pure.

An SVG (W3C, SVG 1.1) is read, and only drawing is kept: what acts or fetches is refused by name, so
that nobody wonders why a crest looks otherwise; what other programs note in it is left out. A PNG
is drawn anew, which leaves behind everything but its picture.
"""

import gzip
import hashlib
import io
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from PIL import Image, UnidentifiedImageError

from portal.errors import Invalid

LARGEST_FILE = 1024 * 1024  # bytes that are read at all
LARGEST = 4 * 1024  # bytes over the wire: the first page has little to spare
LARGEST_PICTURE = 4_000_000  # pixels
SHOWN = (160, 184)  # pixels: 40 x 46 on a screen of four times the usual density
END = b"IEND\xaeB`\x82"  # PNG, 11.2.5, with its check sum
# Pixels and colours, until it is small enough; the last always is.
TRIED = ((SHOWN, 256), (SHOWN, 64), (SHOWN, 16), ((80, 92), 64), ((80, 92), 16), ((60, 69), 16))
MOST_ELEMENTS, DEEPEST = 2_000, 40

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
DRAWS = {
    "svg", "g", "defs", "symbol", "use", "title", "desc", "style",
    "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "linearGradient", "radialGradient", "stop", "clipPath", "mask", "pattern",
}  # fmt: skip
NOTES = {"metadata", "title", "desc"}  # of no use in a picture beside the town's name
DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*>")
FETCHES = re.compile(r"@import|url\(\s*['\"]?(?!\s*['\"]?#)|\\|expression\(", re.IGNORECASE)

Refused = Iterator[str]


class NotACrest(Invalid):
    """A file that cannot be shown as a crest; the message says why."""

    code = "not_a_crest"


@dataclass(frozen=True, slots=True)
class Crest:
    """A harmless picture, with the name under which it is served."""

    name: str
    content: bytes


def crest(file: bytes) -> Crest:
    """Make a crest of a file; raises ``NotACrest``."""
    if len(file) > LARGEST_FILE:
        raise NotACrest(f"The file has {len(file) // 1024} KiB; {LARGEST_FILE // 1024} are read.")
    is_png = file.startswith(b"\x89PNG\r\n\x1a\n")
    content = _png(file) if is_png else _svg(file)
    suffix = "png" if is_png else "svg"
    return Crest(f"{hashlib.sha256(content).hexdigest()[:12]}.{suffix}", content)


def _png(file: bytes) -> bytes:
    width, height = struct.unpack(">II", file[16:24].ljust(8, b"\0"))  # PNG, 11.2.2 IHDR
    if width * height > LARGEST_PICTURE:
        raise NotACrest(
            f"The picture has {width} x {height} pixels; a crest of {SHOWN[0]} x {SHOWN[1]} is"
            " sharp on every screen."
        )
    if END not in file:  # WeasyPrint lets Pillow take torn pictures, in the whole process
        raise NotACrest("This PNG is torn: export it anew.")
    try:
        drawn = Image.open(io.BytesIO(file), formats=["PNG"]).convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise NotACrest("This PNG cannot be read: export it anew.") from error
    for size, colours in TRIED:
        drawn.thumbnail(size)
        kept = io.BytesIO()
        drawn.quantize(colours, method=Image.Quantize.FASTOCTREE).save(kept, "PNG", optimize=True)
        if kept.tell() <= LARGEST:
            break
    return kept.getvalue()


def _svg(file: bytes) -> bytes:
    root = _parsed(file)
    if refused := next(_refused(root), None):
        raise NotACrest(f"The SVG {refused}. Export it as a plain drawing.")
    if root.get("viewBox") is None:
        if not (root.get("width") and root.get("height")):
            raise NotACrest("The SVG says neither viewBox nor width and height.")
        root.set("viewBox", f"0 0 {_number(root, 'width')} {_number(root, 'height')}")
    _forget(root)
    ET.register_namespace("", SVG[1:-1])
    ET.register_namespace("xlink", XLINK[1:-1])
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=False)
    packed = len(gzip.compress(content))
    if packed > LARGEST:
        raise NotACrest(
            f"The SVG has {packed // 1024 + 1} KiB packed; {LARGEST // 1024} are allowed, so that"
            " the first page stays light. Simplify it, or use a PNG."
        )
    return content


def _parsed(file: bytes) -> ET.Element:
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotACrest("This is neither a PNG nor an SVG in UTF-8.") from None
    text = DOCTYPE.sub("", re.sub(r"^\s*<\?xml[^>]*\?>", "", text), count=1)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotACrest("The SVG has entities of its own. Export it as a plain drawing.")
    try:
        root = ET.fromstring(text)  # noqa: S314 -- without DOCTYPE there is nothing to expand
    except (ET.ParseError, ValueError):
        raise NotACrest("This is neither a PNG nor a sound SVG.") from None
    if root.tag != f"{SVG}svg":
        raise NotACrest("This XML is no SVG.")
    return root


def _refused(root: ET.Element) -> Refused:
    """What the drawing must not hold, in words; the first is told."""
    yield from _too_much(root)
    for each in root.iter():
        tag = _own(each.tag)
        if tag is None or tag in NOTES:
            continue
        if tag not in DRAWS:
            yield f"holds <{tag}>"
        if tag == "style" and FETCHES.search(each.text or ""):
            yield "has a style sheet that fetches something"
        for name, value in each.attrib.items():
            yield from _in_attribute(name, value)
    yield from _nested_uses(root)


def _too_much(root: ET.Element) -> Refused:
    if sum(1 for _ in root.iter()) > MOST_ELEMENTS:
        yield f"has more than {MOST_ELEMENTS} parts"
    row, depth = [root], 0
    while row:
        row, depth = [child for each in row for child in each], depth + 1
    if depth > DEEPEST:
        yield f"is nested more than {DEEPEST} deep"


def _in_attribute(name: str, value: str) -> Refused:
    short = name.removeprefix(XLINK)
    if short.lower().startswith("on"):
        yield f"acts by itself ({short})"
    if short in {"href", "src"} and not value.strip().startswith("#"):
        yield f"fetches something ({short})"
    if FETCHES.search(value):
        yield f"fetches something ({short})"


def _nested_uses(root: ET.Element) -> Refused:
    """A few <use> of <use> can ask for millions of shapes."""
    by_id = {each.get("id"): each for each in root.iter()}
    for use in root.iter(f"{SVG}use"):
        meant = (use.get("href") or use.get(f"{XLINK}href") or "").strip().removeprefix("#")
        target = by_id.get(meant)
        if target is not None and any(True for _ in target.iter(f"{SVG}use")):
            yield "repeats a part that repeats a part"


def _forget(element: ET.Element) -> None:
    """Leave out what other programs noted: foreign elements and attributes, comments."""
    for name in list(element.attrib):
        if name.startswith("{") and not name.startswith(XLINK):
            del element.attrib[name]
    for child in list(element):
        tag = _own(child.tag)
        if tag is None or tag in NOTES:
            element.remove(child)
        else:
            _forget(child)


def _own(tag: object) -> str | None:
    """The name of an SVG element; ``None`` for anything else."""
    return tag.removeprefix(SVG) if isinstance(tag, str) and tag.startswith(SVG) else None


def _number(root: ET.Element, name: str) -> str:
    found = re.match(r"\s*(\d+(\.\d+)?)(px)?\s*$", root.get(name, ""))
    if not found:
        raise NotACrest(f"The SVG says no viewBox, and its {name} is not in pixels.")
    return found[1]


MEDIA_TYPES: Mapping[str, str] = {"svg": "image/svg+xml", "png": "image/png"}
