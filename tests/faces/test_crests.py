"""Crests: what draws is kept, what acts or fetches is refused, everything stays small."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from demo.faces import COLOURS, CRESTS
from portal.faces import crests
from portal.faces.crests import NotACrest

NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(inside: str, of_root: str = 'viewBox="0 0 40 46"', before: str = "") -> bytes:
    return f"{before}<svg {NAMES} {of_root}>{inside}</svg>".encode()


def png(picture: Image.Image, **more: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **more)
    return file.getvalue()


@pytest.mark.parametrize(
    ("inside", "because"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ("<foreignObject><p/></foreignObject>", "<foreignObject>"),
        ("<g><g onload='alert(1)'/></g>", "onload"),
        ("<g ONCLICK='alert(1)'/>", "ONCLICK"),
        ("<image href='https://evil.example/p.png'/>", "<image>"),
        ("<image href='data:image/png;base64,AA=='/>", "<image>"),
        ("<a href='#x'><path d='M0 0'/></a>", "<a>"),
        ("<use href='https://evil.example/a.svg#x'/>", "fetches something"),
        ("<use xlink:href='/static/kern.css#x'/>", "fetches something"),
        ("<path fill='url(https://evil.example/#x)'/>", "fetches something"),
        ("<path style='fill:url( \"//evil.example/#x\")'/>", "fetches something"),
        ("<path style='fill:\\75rl(//evil.example)'/>", "fetches something"),
        ("<style>@import '//evil.example/x.css';</style>", "style sheet that fetches"),
        ("<style>path{fill:url(//evil.example/x)}</style>", "style sheet that fetches"),
        ("<animate attributeName='href' to='javascript:alert(1)'/>", "<animate>"),
        ("<set attributeName='onload' to='alert(1)'/>", "<set>"),
        ("<filter id='f'><feImage href='//evil.example/x'/></filter>", "<filter>"),
        ("<g id='a'><use href='#b'/></g><use href='#a'/>", "repeats a part"),
        ("<g id='a'><use href='#a'/></g>", "repeats a part"),
        ("<path/>" * crests.MOST_ELEMENTS, "more than 2000 parts"),
        ("<g>" * crests.DEEPEST + "</g>" * crests.DEEPEST, "40 deep"),
    ],
)
def test_an_svg_that_acts_or_fetches_is_refused_by_name(inside: str, because: str) -> None:
    with pytest.raises(NotACrest) as refused:
        crests.crest(svg(inside))
    assert because in str(refused.value)


@pytest.mark.parametrize(
    "file",
    [
        svg("&a;", before='<!DOCTYPE svg [<!ENTITY a "b">]>'),
        svg("", before='<!DOCTYPE svg SYSTEM "x" [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        svg("<path/>").decode().encode("utf-16"),
        svg("<path>"), b"<html/>", b"<svg/>", b"", b"GIF89a", b"\xff\xd8\xff\xe0",
        svg("", "width='10mm' height='10mm'"), svg("", ""),
        b"x" * (crests.LARGEST_FILE + 1),
    ],
)  # fmt: skip
def test_what_is_no_plain_svg_is_refused(file: bytes) -> None:
    with pytest.raises(NotACrest):
        crests.crest(file)


def test_what_drawing_programs_note_is_left_out_and_the_drawing_stays() -> None:
    notes = (
        "<!-- made by J. --><metadata><rdf xmlns='r'>J.</rdf></metadata><title>J.</title>"
        "<n:view xmlns:n='http://inkscape.example' n:by='J.'/>"
        "<path xmlns:n='http://inkscape.example' n:label='J.' d='M0 0h1' style='fill:url(#a)'/>"
        "<style>.a{fill:#fff}</style><linearGradient id='a' xlink:href='#b'/><use href='#b'/>"
    )
    before = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1" "x">'
    )
    crest = crests.crest(svg(notes, before=before))
    kept = crest.content.decode()
    assert "J." not in kept
    assert "DOCTYPE" not in kept
    for drawn in ('d="M0 0h1"', "fill:url(#a)", ".a{fill:#fff}", 'xlink:href="#b"', 'href="#b"'):
        assert drawn in kept
    assert kept.startswith("<svg ")
    assert crests.crest(crest.content) == crest


def test_without_a_view_box_the_size_becomes_one() -> None:
    crest = crests.crest(svg("<path/>", "width='40px' height='46'"))
    assert b'viewBox="0 0 40 46"' in crest.content


def test_an_svg_that_stays_large_is_refused_with_its_size() -> None:
    dealt = random.Random(4)
    path = "".join(f"L{dealt.random():.6f} {dealt.random():.6f}" for _ in range(3000))
    with pytest.raises(NotACrest, match=r"KiB packed; 4 are allowed"):
        crests.crest(svg(f"<path d='M0 0{path}'/>"))


def test_a_png_is_drawn_anew_small_and_without_what_it_carried() -> None:
    dealt = random.Random(4)
    picture = Image.frombytes("RGBA", (900, 1035), dealt.randbytes(900 * 1035 * 4))
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", "J. of the town hall")
    crest = crests.crest(png(picture.resize((300, 345)), pnginfo=notes))
    assert crest.name.endswith(".png")
    assert len(crest.content) <= crests.LARGEST
    assert b"J. of" not in crest.content
    drawn = Image.open(io.BytesIO(crest.content))
    assert (drawn.width, drawn.height) == (80, 92)


def test_what_is_clear_in_a_png_stays_clear() -> None:
    picture = Image.new("RGBA", (80, 92), (0, 0, 0, 0))
    picture.paste((200, 0, 0, 255), (20, 20, 60, 60))
    drawn = Image.open(io.BytesIO(crests.crest(png(picture)).content)).convert("RGBA")
    assert drawn.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert drawn.getpixel((40, 40)) == (200, 0, 0, 255)


def test_a_png_that_unpacks_to_gigabytes_is_never_unpacked() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 6, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(NotACrest, match="30000 x 30000 pixels"):
        crests.crest(bomb)


def test_a_torn_png_is_refused() -> None:
    with pytest.raises(NotACrest, match="export it anew"):
        crests.crest(png(Image.new("RGB", (400, 460), "red"))[:90])


@pytest.mark.parametrize("town", COLOURS)
def test_the_crests_of_the_demo_pass_unchanged_in_what_they_draw(town: str) -> None:
    file = (CRESTS / f"{town}.svg").read_bytes()
    assert crests.crest(file).content.count(b"<path") == file.count(b"<path")
