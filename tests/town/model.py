"""What must come out, told plainly: a second telling of the rules that shares no line with ours.

Amounts are cents of one town. Suspense and custody are kept item by item, by the item's name.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date


@dataclass
class Demand:
    """A payment request."""

    name: str
    amount: int
    kind: str
    until: date | None
    state: str = "open"
    version: int = 1
    covered: int = 0
    closed: int = 0
    replaced_by: str | None = None
    moved: bool = False  # what was paid on it counts for the one in its place
    body: dict[str, object] = field(default_factory=dict)  # as it was pushed last

    @property
    def open(self) -> int:
        return max(0, self.amount - self.closed - self.covered)

    def look(self) -> None:
        """Say anew how far it is covered, if that is still of interest."""
        if self.state in {"open", "partly_paid", "paid", "expired"}:
            done = self.covered >= self.amount - self.closed
            if done or self.state != "expired":
                self.state = "paid" if done else "partly_paid" if self.covered else "open"


@dataclass
class Paid:
    """Money that came through a provider."""

    name: str
    account: str
    demand: str
    amount: int
    claim: int = 0
    gone: int = 0
    given: int = 0  # of its surplus, to another demand or kept


@dataclass
class Model:
    """A town."""

    demands: dict[str, Demand] = field(default_factory=dict)
    paid: dict[str, Paid] = field(default_factory=dict)
    owed: dict[tuple[str, str], int] = field(default_factory=dict)  # (account, item)
    kept: dict[str, int] = field(default_factory=dict)  # item
    kept_of: dict[str, str] = field(default_factory=dict)  # lowered item -> demand
    told: dict[tuple[str, str], int] = field(default_factory=dict)  # paid elsewhere
    taken: Counter[str] = field(default_factory=Counter)
    unheard: Counter[str] = field(default_factory=Counter)
    fees: Counter[str] = field(default_factory=Counter)
    reserves: Counter[str] = field(default_factory=Counter)
    transit: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    bank: int = 0
    income: int = 0

    # requests

    def last(self, name: str) -> Demand:
        return self.line(name)[-1]

    def line(self, name: str) -> list[Demand]:
        found = [self.demands[name]]
        while found[-1].state == "replaced" and found[-1].replaced_by:
            found.append(self.demands[found[-1].replaced_by])
        return found

    def push(self, new: Demand, replaces: str | None, today: date) -> None:
        known = self.demands.get(new.name)
        if known is None:
            self.demands[new.name] = known = new
        elif known.body == new.body:
            return
        else:
            self.change(known, new, today)
        if replaces:
            self.replace(known, self.demands[replaces])
        if known.covered > known.amount:
            item = f"lowered:{known.name}:{known.version}"
            self.kept[item], self.kept_of[item] = known.covered - known.amount, known.name
            known.covered = known.amount
        known.closed = min(known.closed, known.amount - known.covered)
        known.look()

    def change(self, known: Demand, new: Demand, today: date) -> None:
        known.closed = known.closed if known.amount == new.amount else 0
        known.amount, known.kind, known.until = new.amount, new.kind, new.until
        known.version, known.body = known.version + 1, new.body
        if known.state == "expired" and (new.until is None or new.until >= today):
            known.state = "open"

    def replace(self, newer: Demand, older: Demand) -> None:
        if older.state != "replaced":
            older.state, older.replaced_by = "replaced", newer.name
            older.moved = older.covered > 0
            newer.covered, older.covered = newer.covered + older.covered, 0

    def expire(self, today: date) -> None:
        for each in self.demands.values():
            if each.state in {"open", "partly_paid"} and each.until and each.until < today:
                each.state = "expired"

    def withdraw(self, name: str) -> None:
        if self.demands[name].state != "replaced":
            self.demands[name].state = "withdrawn"

    def restore(self, name: str) -> None:
        found = self.demands[name]
        found.state, found.replaced_by, found.until = "open", None, None
        found.look()

    def cover(self, found: Demand, cents: int) -> None:
        found.covered += cents
        found.look()

    def close_rest(self, name: str) -> None:
        found = self.demands[name]
        found.closed += found.open
        found.look()

    def elsewhere(self, name: str, fact: str, cents: int) -> None:
        self.told[name, fact] = cents
        self.cover(self.last(name), cents)

    def undone(self, name: str, fact: str) -> None:
        cents = self.told.pop((name, fact))
        names = {each.name for each in self.line(name)}
        for item, of in self.kept_of.items():
            back = min(cents, self.kept[item]) if of in names else 0
            self.kept[item] -= back
            cents -= back
        self.cover(self.last(name), -cents)

    # money

    def clears(self, found: Demand, cents: int) -> int:
        return min(cents, found.open) if found.state in {"open", "partly_paid", "expired"} else 0

    def success(self, one: Paid) -> None:
        found = self.last(one.demand)
        one.claim = self.clears(found, one.amount)
        self.cover(found, one.claim)
        self.paid[one.name] = one
        self.taken[one.account] += one.amount
        self.owed[one.account, f"payment:{one.name}"] = one.amount
        if one.amount > one.claim:
            self.kept[f"payment:{one.name}"] = one.amount - one.claim

    def unclear(self, account: str, reference: str, cents: int) -> None:
        name = f"unclear:{account}:{reference}"
        self.owed[account, name] = self.kept[name] = cents
        self.taken[account] += cents

    def cleared_up(self, account: str, reference: str) -> None:
        name = f"unclear:{account}:{reference}"
        self.taken[account] -= self.kept[name]
        self.owed[account, name] = self.kept[name] = 0

    def give_away(self, item: str, cents: int) -> None:
        """Surplus, or unclear money, finds another place; to its payment it never comes back."""
        self.kept[item] -= cents
        sort, _, rest = item.partition(":")
        if sort == "payment":
            self.paid[rest.partition(":")[0]].given += cents

    def still(self, one: Paid) -> int:
        """What did not go back and was not given away."""
        return max(0, one.amount - one.gone - one.given)

    def take(self, one: Paid, cents: int) -> tuple[int, int, int]:
        own = f"payment:{one.name}"
        mine = [item for item in self.kept if item == own or item.startswith(f"{own}:")]
        for each in self.line(one.demand):
            mine += [item for item, of in self.kept_of.items() if of == each.name]
        rest = cents
        for item in mine:
            back = min(self.kept[item], rest)
            self.kept[item] -= back
            rest -= back
        found = self.last(one.demand)
        claim = max(0, min(rest, one.claim, found.covered))
        one.claim -= claim
        self.cover(found, -claim)
        return cents - rest, claim, rest - claim

    def give(self, one: Paid, parts: tuple[int, int, int], name: str) -> None:
        surplus, claim, _ = parts
        found = self.last(one.demand)
        again = self.clears(found, claim)
        one.claim += again
        self.cover(found, again)
        if surplus + claim > again:
            self.kept[f"payment:{one.name}:{name}"] = surplus + claim - again

    def refund(self, one: Paid, name: str, cents: int, *, reopens: bool) -> tuple[int, int, int]:
        parts = self.take(one, cents)
        if not reopens:
            found = self.last(one.demand)
            found.closed += parts[1]
            found.look()
        one.gone += cents
        self.owed[one.account, f"refund:{name}"] = -cents
        return parts

    def refund_failed(self, one: Paid, name: str, parts: tuple[int, int, int]) -> None:
        self.give(one, parts, f"refund:{name}")
        one.gone -= sum(parts)
        self.back(one.account, "refund", name, sum(parts))

    def reversal(self, one: Paid, name: str, cents: int, fee: int) -> tuple[tuple[int, ...], int]:
        counted = min(cents, self.still(one))
        parts = self.take(one, counted)
        one.gone += counted
        self.fees[one.account] += fee
        self.owed[one.account, f"reversal:{one.account}:{name}"] = -cents - fee
        return parts, counted

    def won(
        self,
        one: Paid,
        name: str,
        parts: tuple[int, int, int],
        counted: int,
        sums: tuple[int, int, int],
    ) -> None:
        """Its amount and fee, and what of the fee comes back."""
        cents, _, back = sums
        self.give(one, parts, f"reversal:{one.account}:{name}")
        one.gone -= counted
        self.fees[one.account] -= back
        name = f"{one.account}:{name}"
        self.back(one.account, "reversal", name, cents + back)

    def back(self, account: str, word: str, name: str, cents: int) -> None:
        after = {"refund": "refund-failed", "reversal": "reversal-won",
                 "returned": "return-failed"}[word]  # fmt: skip
        self.owed[account, f"{after}:{name}"] = cents

    def settle(self, account: str, item: str, gross: int) -> int:
        there = self.owed.get((account, item), 0)
        fits = min(gross, there, key=abs) if gross * there > 0 else 0
        if fits:
            self.owed[account, item] -= fits
        return fits

    def reserve(self, account: str, gross: int) -> int:
        """What is held back fits; of what is let go as much as was held back."""
        fits = gross if gross < 0 else min(gross, max(0, self.reserves[account]))
        self.reserves[account] -= fits
        return fits

    def settled(self, account: str, sums: tuple[int, int, int, int]) -> None:
        """A report: what of it fitted, the fees that are new, what it holds back, its net."""
        fitting, fee, held, net = sums
        self.transit[account] += net
        self.fees[account] += fee
        self.differences[account] += fitting - fee - held - net

    def undone_report(
        self, account: str, fits: list[tuple[str, int]], sums: tuple[int, int, int, int]
    ) -> None:
        """A report was booked wrongly: its items are open again."""
        for item, cents in fits:
            self.owed[account, item] += cents
        self.reserves[account] -= sums[2]
        self.settled(account, tuple(-cents for cents in sums))  # type: ignore[arg-type]

    def arrived(self, account: str, net: int) -> None:
        self.transit[account] -= net
        self.bank += net

    # what the portal must say

    def figures(self) -> dict[tuple[str, str], int]:
        """By figure and part; nothing where there is nothing."""
        found: Counter[tuple[str, str]] = Counter()
        rests = {"partly_paid": "open", "paid": "open"}
        for each in self.demands.values():
            found["requested", ""] += each.amount
            found["cleared", ""] += each.covered
            found["covered_of_kind", each.kind] += each.covered
            found["closed", ""] += each.closed
            state = rests.get(each.state, each.state)
            found[state, ""] += each.amount - each.covered - each.closed
        for (account, _), cents in self.owed.items():
            found["suspense", account] += cents
        for item, cents in self.kept.items():
            unclear = item.startswith(("unclear:", "return-failed:"))
            found["custody", "unclear" if unclear else "surplus"] += cents
        for figure, by_account in (
            ("received", self.taken), ("fees", self.fees), ("transit", self.transit),
            ("differences", self.differences), ("reserves", self.reserves),
        ):  # fmt: skip
            for account, cents in by_account.items():
                found[figure, account] += cents
        found["elsewhere_booked", ""] = sum(self.told.values())
        found["bank", ""], found["kept", ""] = self.bank, self.income
        return {place: cents for place, cents in found.items() if cents}
