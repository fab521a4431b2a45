"""What citizens wait for on a bad line: bytes over the wire, as the server sends them."""

import io
import random
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import CDPSession

from demo.faces import CRESTS
from portal import create_app
from portal.db import db
from portal.faces import setting
from portal.faces.crests import LARGEST, SHOWN, crest
from portal.web.language import LANGUAGES
from tests.browser.citizen import Citizen
from tests.browser.conftest import Comes
from tests.look.inside import settings_of
from tests.stages import Demo

pytestmark = pytest.mark.browser

KILOBYTE = 1024
FIRST_PAGE = dict.fromkeys(LANGUAGES, 100 * KILOBYTE) | {"de": 60 * KILOBYTE}


class Wire:
    """What went over the wire for a page: kind of file and bytes, with its headers."""

    def __init__(self, citizen: Citizen) -> None:
        self.kinds: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self.cdp: CDPSession = citizen.page.context.new_cdp_session(citizen.page)
        self.cdp.on("Network.responseReceived", self._begin)
        self.cdp.on("Network.loadingFinished", self._end)
        self.cdp.send("Network.enable")

    def bytes(self, kind: str | None = None) -> int:
        return sum(
            size for id_, size in self.sizes.items() if kind in {None, self.kinds.get(id_, "")}
        )

    def _begin(self, said: dict[str, Any]) -> None:
        self.kinds[said["requestId"]] = said["type"]

    def _end(self, said: dict[str, Any]) -> None:
        self.sizes[said["requestId"]] = int(said["encodedDataLength"])


@pytest.fixture
def missing(demo: Demo) -> Iterator[int]:
    """The town has a large crest while the test runs: by how many bytes one might be larger."""
    noise = Image.frombytes("RGBA", SHOWN, random.Random(4).randbytes(SHOWN[0] * SHOWN[1] * 4))
    file = io.BytesIO()
    noise.save(file, "PNG")
    size = len(crest(file.getvalue()).content)
    assert 0.75 * LARGEST < size <= LARGEST
    town = demo.facts["tenant"]
    _put_crest(demo, file.getvalue())
    yield LARGEST - size
    _put_crest(demo, (CRESTS / f"{town}.svg").read_bytes())


def _put_crest(demo: Demo, content: bytes) -> None:
    with create_app(settings_of(demo)).app_context():
        setting.put_crest(demo.facts["tenant"], content, "test")
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_of_a_letter_is_light(comes: Comes, missing: int, language: str) -> None:
    citizen = comes(language="de-DE")
    letter = citizen.demo.push(language=None)
    wire = Wire(citizen)
    citizen.page.goto(f"{letter['link']['url']}?lang={language}", wait_until="networkidle")
    assert citizen.page.locator("input[name=tan]").count()
    assert 20 * KILOBYTE < wire.bytes() + missing < FIRST_PAGE[language]
