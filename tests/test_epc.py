"""The QR code for banking apps, held against EPC069-12, against segno's own, and read by a camera's
reader."""

import io

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from segno import helpers

from portal import epc
from portal.epc import Transfer
from portal.money import Money

IBAN = "DE02120300000000202051"
SIGN = "5.0101.000123.4"


def transfer(
    amount: Money = Money(14_850),  # noqa: B008 -- frozen
    recipient: str = "Stadt Mühlhausen/Thüringen",
    iban: str = IBAN,
    bic: str = "BYLADEM1001",
    text: str = SIGN,
) -> Transfer:
    return Transfer(recipient, iban, bic, amount, text)


def read(picture: bytes) -> zxingcpp.Barcode:
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    return found


def said(wanted: Transfer) -> bytes:
    found = epc.payload(wanted)
    assert found is not None
    return found


def test_the_code_says_what_the_standard_wants_line_by_line() -> None:
    assert said(transfer()).decode().split("\n") == [
        "BCD",  # service tag
        "002",  # version
        "1",  # UTF-8
        "SCT",  # SEPA credit transfer
        "BYLADEM1001",
        "Stadt Mühlhausen/Thüringen",
        IBAN,
        "EUR148.50",
        "",  # purpose code
        "",  # structured remittance text
        SIGN,
    ]


def test_segno_would_say_the_same_but_for_the_last_zero() -> None:
    theirs = helpers._make_epc_qr_data(
        "Stadt Mühlhausen/Thüringen", IBAN, "148.50", SIGN, bic="BYLADEM1001", encoding="utf-8"
    )
    assert said(transfer()) == theirs.replace(b"EUR148.5\n", b"EUR148.50\n")


def test_a_camera_reads_the_picture() -> None:
    found = read(epc.png(said(transfer())))
    assert found.bytes == said(transfer())
    assert found.ec_level == "M"
    assert found.format == zxingcpp.BarcodeFormat.QRCode


def test_the_same_transfer_makes_the_same_bytes() -> None:
    for draw in (epc.png, epc.svg, epc.data_address):
        assert draw(said(transfer())) == draw(said(transfer()))
        assert draw(said(transfer())) != draw(said(transfer(Money(14_851))))


def test_the_quiet_zone_is_white_in_every_kind_of_picture() -> None:
    picture = Image.open(io.BytesIO(epc.png(said(transfer())))).convert("L")
    zone = epc.QUIET_ZONE * epc.PIXELS
    edges = (
        (0, 0, picture.width, zone),
        (0, picture.height - zone, picture.width, picture.height),
        (0, 0, zone, picture.height),
        (picture.width - zone, 0, picture.width, picture.height),
    )
    assert {picture.crop(edge).getextrema() for edge in edges} == {(255, 255)}
    assert b'fill="#fff"' in epc.svg(said(transfer()))


def test_blanks_in_account_numbers_are_left_out_and_a_wrong_bic_is_not_told() -> None:
    lines = said(transfer(iban="de02 1203 0000 0000 2020 51", bic="BYLA")).decode().split("\n")
    assert lines[4] == ""
    assert lines[6] == IBAN
    assert said(transfer(bic="")).decode().split("\n")[4] == ""


# fmt: off
@pytest.mark.parametrize(
    "limit",
    [transfer(Money(1)), transfer(Money(99_999_999_999)),
     transfer(recipient="R" * 70), transfer(text="T" * 140)],
)
def test_at_the_standards_limits_there_is_a_code(limit: Transfer) -> None:
    assert read(epc.png(said(limit))).bytes == said(limit)


@pytest.mark.parametrize(
    "beyond",
    [transfer(Money(0)), transfer(Money(-1)), transfer(Money(100_000_000_000)),
     transfer(Money(14_850, "NOK")), transfer(recipient=""), transfer(recipient="R" * 71),
     transfer(text=""), transfer(text="T" * 141), transfer(iban=""), transfer(iban="123"),
     transfer(recipient="Stadt\nDE99"), transfer(text="1\u2028EUR1"), transfer(text="5.01\rx"),
     transfer(recipient="ü" * 70, text="ü" * 140)],
)
def test_beyond_them_there_is_none(beyond: Transfer) -> None:
    assert epc.payload(beyond) is None
# fmt: on


@settings(max_examples=40)
@given(
    cents=st.integers(1, 99_999_999_999),
    recipient=st.text(min_size=1, max_size=70),
    text=st.text(min_size=1, max_size=35),
)
def test_what_is_drawn_has_eleven_lines_and_is_no_larger_than_allowed(
    cents: int, recipient: str, text: str
) -> None:
    found = epc.payload(transfer(Money(cents), recipient, text=text))
    if found is None:
        return
    lines = found.decode().splitlines()
    assert len(lines) == 11
    assert lines[7].replace(".", "") == f"EUR{cents:03d}"
    assert epc._symbol(found).version <= 13
    assert epc._symbol(found).error == "M"
