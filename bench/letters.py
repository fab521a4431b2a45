"""Prints the letters of the sample and reads every QR code back, as a phone would.

    python bench/letters.py [--count 200] [--out FOLDER]

Each page of the run is drawn at 150 dpi by PDFium and decoded by ZXing; its QR code must hold the
link of that very letter. Says how long printing took and how many codes were read.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pypdfium2
import zxingcpp

from demo import sample
from office import invoices, town
from office.importing import claim_of
from office.models import Claim, Debtor, Link
from office.printing import volume_name, write_letters
from office.web import create_app
from portal.config import Settings
from tests.office import fake_portal

ROOT = Path(__file__).resolve().parent.parent
DPI = 150
NOWHERE = "postgresql://nobody@/none"  # printing needs no database


def main() -> None:
    """Print, decode, report; exit 1 when a code does not hold its own link."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=sample.COUNT)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    facts = town.read((ROOT / "demo" / "musterhausen.toml").read_bytes())
    claims = _claims(given.count, facts)
    with tempfile.TemporaryDirectory() as scratch:
        out = given.out or Path(scratch)
        app = create_app(Settings(), NOWHERE)
        with app.app_context():
            began = time.perf_counter()
            files = write_letters(
                out, claims, facts, lambda *_: None, bound=True, keep=lambda _volume: None
            )
            took = time.perf_counter() - began
        size = sum(file.stat().st_size for file in files)
        print(f"{len(claims)} letters and the run: {took:.1f} s, {size / 1e6:.1f} MB")
        began = time.perf_counter()
        right = sum(map(_holds_its_link, claims, _codes(out, len(claims))))
        took = time.perf_counter() - began
    print(f"{right} of {len(claims)} QR codes hold their own link ({DPI} dpi, {took:.1f} s)")
    sys.exit(right != len(claims))


def _claims(count: int, facts: town.Facts) -> list[Claim]:
    reading = invoices.read(sample.as_bytes(sample.rows(count)), facts.kinds)
    assert not reading.refused, reading.refused
    return [_with_link(invoice) for invoice in reading.invoices]


def _with_link(invoice: invoices.Invoice) -> Claim:
    claim = Claim(**claim_of(invoice, 0), cleared_cents=0)
    claim.debtor = Debtor(identity=invoice.debtor_identity, **invoices.address_of(invoice))
    told = fake_portal.link(invoice.reference)
    tan = fake_portal.tan(invoice.reference) if invoice.wants_tan else None
    claim.link = Link(
        url=told["url"], qr=told["qr"], short_code=told["short_code"], tan=tan,
        state="open", open_cents=claim.cents,
    )  # fmt: skip
    return claim


def _codes(out: Path, letters: int) -> list[list[str]]:
    """What is read on each letter of the run; the list in front holds no code."""
    found = []
    for file in [out / volume_name(number) for number in range(1, letters + 1)]:
        if not file.exists():
            break
        with pypdfium2.PdfDocument(file) as run:
            found += [_read(page) for page in run]
    return [codes for codes in found if codes]


def _read(page: pypdfium2.PdfPage) -> list[str]:
    image = page.render(scale=DPI / 72, grayscale=True).to_pil()
    return [code.text for code in zxingcpp.read_barcodes(image)]


def _holds_its_link(claim: Claim, codes: list[str]) -> bool:
    return codes == [claim.link.qr] if claim.link else not codes


if __name__ == "__main__":
    main()
