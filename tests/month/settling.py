"""What a settlement does to the model, told from the provider's own books."""

from tests.month.far_side import Line
from tests.month.town import ACCOUNTS, Town

ITEMS = {
    "sale": "payment", "return": "refund", "return_back": "refund-failed",
    "reversal": "reversal", "reversal_won": "reversal-won",
}  # fmt: skip
NEWS = {
    "sale": "payment", "return_back": "refund", "reversal": "reversal", "reversal_won": "won",
}  # fmt: skip


def settled(town: Town, provider: str, theirs: str) -> None:
    """The portal has booked a settlement: first it heard what it did not know, then it settled."""
    lines, account = town.far.lines(theirs), ACCOUNTS[provider]
    for line in lines:
        if line.kind in NEWS:
            town.hears(NEWS[line.kind], line.name)
    fits = fees = held = net = 0
    for line in lines:
        net += line.cents - line.fee
        if line.kind == "reserve":
            fits_there = town.model.reserve(account, line.cents)
            held -= fits_there
            town.explained[account] += fits_there - line.cents  # more is let go than was held
        elif line.kind == "fee":
            fees -= line.cents
        else:
            settles, fee = _fit(town, account, line)
            if line.name in town.left.get("over_there", set()):
                town.explained[account] -= line.cents
            fits, fees = fits + settles, fees + fee
    town.model.settled(account, (fits, fees, held, net))


def _fit(town: Town, account: str, line: Line) -> tuple[int, int]:
    """How much a line settles, and what of its fee is new."""
    name, known = line.name, 0
    if line.kind.startswith("reversal"):
        found = town.taken[line.name]
        name = f"{account}:{line.name}"
        known = found.booked_fee if line.kind == "reversal" else -found.back
        known = max(0, min(known, line.fee)) if line.fee >= 0 else min(0, max(known, line.fee))
    word = ITEMS[line.kind]
    if name in town.returned:
        word = "returned"
    fits = town.model.settle(account, f"{word}:{name}", line.cents - known)
    if line.kind == "sale":
        rest = line.cents - fits
        fits += town.model.settle(account, town.unclear_items.get(line.name, ""), rest)
    return fits, line.fee if known and not fits else line.fee - (known if fits else 0)
