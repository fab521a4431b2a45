"""The transfer in a real browser: copied without blanks and said so, saved, shared, read by axe."""

import itertools
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from tests.browser.conftest import DESK, PHONE, Citizen, Comes
from tests.stages import until

pytestmark = pytest.mark.browser

# A phone's share sheet, as far as a page can see it.
SHARE_SHEET = """
navigator.canShare = (what) => what.files.every((file) => file.type === "image/png");
navigator.share = async (what) => {
  window.shared = [what.files[0].name, [...new Uint8Array(await what.files[0].arrayBuffer())]];
};
"""


def wants_to_transfer(citizen: Citizen) -> None:
    citizen.checks(citizen.demo.push(amount_cents=14_850, payment_sign="5.0101.000123.4"))
    citizen.page.click("text=Bank transfer")
    assert citizen.title == "Pay by bank transfer"


def code(picture: Path) -> list[str]:
    (found,) = zxingcpp.read_barcodes(Image.open(picture))
    return found.text.split("\n")


def test_what_is_copied_can_be_pasted_into_a_banking_app_and_the_page_says_so(
    comes: Comes,
) -> None:
    citizen = comes(permissions=["clipboard-read", "clipboard-write"])
    citizen.page.clock.install()
    wants_to_transfer(citizen)
    for button, copied in (
        ("Copy IBAN", "DE02120300000000202051"),
        ("Copy amount", "148.50"),
        ("Copy reference text", "5.0101.000123.4"),
    ):
        citizen.page.click(f"text={button}")
        citizen.page.wait_for_selector("[role=status]:text-is('Copied')", state="attached")
        assert citizen.page.evaluate("navigator.clipboard.readText()") == copied
        citizen.page.clock.fast_forward(5_000)
        citizen.page.wait_for_selector("[role=status]:text-is('')", state="attached")
        assert citizen.page.is_visible(f"text={button}")


def test_the_picture_is_saved_under_a_good_name_and_can_be_read(
    citizen: Citizen, tmp_path: Path
) -> None:
    wants_to_transfer(citizen)
    with citizen.page.expect_download() as download:
        citizen.page.click("text=Save picture")
    assert download.value.suggested_filename == "transfer-5.0101.000123.4.png"
    download.value.save_as(tmp_path / "code.png")
    assert code(tmp_path / "code.png")[7:] == ["EUR148.50", "", "", "5.0101.000123.4"]


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_where_there_is_a_share_sheet_the_picture_can_be_shared(
    comes: Comes, tmp_path: Path, viewport: dict[str, int]
) -> None:
    citizen = comes(viewport=viewport)
    citizen.page.add_init_script(SHARE_SHEET)
    wants_to_transfer(citizen)
    citizen.page.click("text=Share picture")
    until(lambda: citizen.page.evaluate("window.shared"), 15)  # the policy lets no page poll this
    name, raw = citizen.page.evaluate("window.shared")
    assert name == "transfer-5.0101.000123.4.png"
    (tmp_path / "shared.png").write_bytes(bytes(raw))
    assert code(tmp_path / "shared.png")[7] == "EUR148.50"


def test_without_script_account_code_and_picture_are_there(comes: Comes, tmp_path: Path) -> None:
    citizen = comes(javascript=False)
    wants_to_transfer(citizen)
    assert "DE02 1203 0000 0000 2020 51" in citizen.text
    assert not citizen.page.is_visible("text=Copy IBAN")
    assert not citizen.page.is_visible("text=Share picture")
    assert citizen.page.is_visible("text=Save picture")


def test_the_code_can_be_read_from_the_screen_by_day_and_by_night(
    citizen: Citizen, tmp_path: Path
) -> None:
    screen = tmp_path / "screen.png"

    def shows_a_code() -> object:  # a wide screen fetches another picture
        citizen.page.screenshot(path=screen)
        return zxingcpp.read_barcodes(Image.open(screen))

    wants_to_transfer(citizen)
    for viewport, scheme in itertools.product((PHONE, DESK), ("light", "dark")):
        citizen.page.set_viewport_size(viewport)  # type: ignore[arg-type]
        citizen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        until(shows_a_code, 15)
        assert code(screen)[0] == "BCD"
