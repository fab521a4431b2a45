"""What a person types from a letter: the short code in three blocks, and the second thing. Pure.

Whatever was put into which block, the three are read as one; where that is no code, the block is
named in which something is missing, too much or impossible. The one check character stands for
the whole, so a code that only does not fit is wrong in *one of its characters*.

>>> read(["7f3k", "9qxm", "2b44"]).code
'7F3K9QXM2B44'
>>> read(["", "7F3K-9QXM-2B44", ""]).code
'7F3K9QXM2B44'
>>> read(["7F3K", "9QX", "2B44"]).fault
Fault(word='short', block=2, count=1, sign='')
>>> [cents(each) for each in ("148,50", "148.50", "1.234,50 €", "1'234.50", "148")]
[14850, 14850, 123450, 123450, 14800]
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portal import references

BLOCKS = 3
BLOCK_LENGTH = 4
CODE_LENGTH = BLOCKS * BLOCK_LENGTH
TAN_LENGTH = 8

_NOISE = re.compile(r"€|EUR|[\s\u200b-\u200f\u2060-\u2069]", re.IGNORECASE)
_AMOUNT = re.compile(r"(\d{1,3}(?:[.,'’\u066c]\d{3})+|\d+)(?:[.,\u066b](?:(\d{2})|[-–—]))?")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a typed code.

    ``word``: missing, or of a ``block`` (1 to 3) that it is short or long by ``count`` or holds an
    impossible ``sign``, or check: one of the characters is wrong.
    """

    word: str
    block: int = 0
    count: int = 0
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """A code as typed: its blocks as they are shown again, and the code or what is wrong."""

    blocks: tuple[str, ...]
    code: str = ""
    fault: Fault | None = None


def read(typed: Sequence[str]) -> Typed:
    """The code that stands in the blocks together, or in one of them whole."""
    folded = [references.fold(each) for each in typed]
    for whole in (*folded, "".join(folded)):
        if len(whole) == CODE_LENGTH and references.is_valid(whole):
            return Typed(_split(whole), whole)
    if sum(map(bool, folded)) == 1 or len("".join(folded)) == CODE_LENGTH:
        folded = list(_split("".join(folded)))
        return Typed(tuple(folded), fault=_fault(folded))
    return Typed(tuple(typed), fault=_fault(folded))


def can_be_second(typed: str) -> bool:
    """Whether this may be a TAN or an amount at all: what cannot be costs no try."""
    return bool(re.fullmatch(rf"[0-9]{{{TAN_LENGTH}}}", tan(typed))) or cents(typed) is not None


def tan(typed: str) -> str:
    """A TAN as it is compared: digits of any script as ours, without blanks and dashes."""
    return references.digits(typed)


def cents(typed: str) -> int | None:
    """An amount as cents, however it is written; ``None`` for anything else."""
    found = _AMOUNT.fullmatch(_NOISE.sub("", typed))
    if not found:
        return None
    euros = int(re.sub(r"\D", "", found[1]))  # int reads the digits of every script
    return euros * 100 + int(found[2] or 0)


def _split(code: str) -> tuple[str, ...]:
    """The code in its blocks; whatever is too much stands in the last."""
    ends = (BLOCK_LENGTH, 2 * BLOCK_LENGTH, max(len(code), CODE_LENGTH))
    return tuple(code[i * BLOCK_LENGTH : end] for i, end in enumerate(ends))


def _fault(folded: Sequence[str]) -> Fault:
    if not any(folded):
        return Fault("missing")
    return next(_of_blocks(folded), Fault("check"))


def _of_blocks(folded: Sequence[str]) -> Iterator[Fault]:
    for number, block in enumerate(folded, 1):
        strange = [sign for sign in block if not references.is_written_right(sign)]
        if strange:
            yield Fault("sign", number, sign=strange[0])
        elif len(block) != BLOCK_LENGTH:
            short = len(block) < BLOCK_LENGTH
            yield Fault("short" if short else "long", number, abs(len(block) - BLOCK_LENGTH))
