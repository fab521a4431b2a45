"""Contact sheets: the pictures of many pages on one, to be looked through by eye.

Beside them the trees (``tests.look.trees``) of the same pages, to be read through.
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

COLUMNS = 12
SMALL = (200, 420)  # pixels of a phone's page
WIDE = (320, 300)  # of a desktop's
LONG = {SMALL: (200, 640), WIDE: (420, 560)}  # in the admin view, whose pages say more
EDGE, NAME = 6, 16
PAPER, INK = "#888888", "#ffffff"


def draw(pictures: Path, target: Path) -> Iterator[Path]:
    """One sheet for each folder of ``pictures``, named after it."""
    target.mkdir(parents=True, exist_ok=True)
    for tree in sorted(pictures.glob("*/*.txt")):
        page = target / "trees" / tree.parent.name / tree.name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(tree.read_bytes())
    for folder in sorted(path for path in pictures.iterdir() if path.is_dir()):
        sheet = _sheet(sorted(folder.glob("*.jpg")))
        file = target / f"{folder.name}.png"
        sheet.quantize(128).save(file, optimize=True)
        yield file


def _sheet(files: list[Path]) -> Image.Image:
    shape = SMALL if _is_narrow(files[0]) else WIDE
    width, height = LONG[shape] if files[0].parent.name.startswith("desk-") else shape
    columns = min(len(files), COLUMNS * SMALL[0] // width)
    rows = -(-len(files) // columns)
    across, down = width + EDGE, height + NAME + EDGE
    sheet = Image.new("RGB", (columns * across + EDGE, rows * down + EDGE), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, file in enumerate(files):
        left, top = EDGE + number % columns * across, EDGE + number // columns * down
        pen.text((left, top), file.stem, INK)
        sheet.paste(_small(file, (width, height)), (left, top + NAME))
    return sheet


def _small(file: Path, size: tuple[int, int]) -> Image.Image:
    """The upper part of a picture that has this shape, in this size."""
    with Image.open(file) as picture:
        shape = Image.new("RGB", (picture.width, picture.width * size[1] // size[0]), PAPER)
        shape.paste(picture)
        return ImageOps.fit(shape, size, centering=(0, 0))


def _is_narrow(file: Path) -> bool:
    with Image.open(file) as picture:
        return picture.width < 600
