"""What a fake of a provider brings along; the rest is common."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flask import Blueprint

from sandbox import states
from sandbox.courier import Parcel
from sandbox.fields import Reader

Edges = Mapping[tuple[str, str], str]  # what may become of something: (status, verb) -> status

# fmt: off
REVERSAL_EDGES = {  # a dispute of which a part is won alone is partly_won
    ("taken",      "win"):      "won",
    ("partly_won", "win"):      "won",
    ("partly_won", "withdraw"): "taken",
    ("won",        "withdraw"): "taken",
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to something: ``what`` is payment, refund, reversal or settlement.

    ``verb`` is what was done (start and order for new ones), ``row`` how it stands afterwards.
    """

    what: str
    verb: str
    row: sqlite3.Row


@dataclass(frozen=True, slots=True)
class Notice:
    """What the provider says of a change: its own name for it, and the unsigned body.

    ``told`` says whether a merchant is told by a notification, or it is only kept.
    """

    id: str
    body: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice on its way: to whom, and when it is (said to be) signed. ``forged``: sign it with
    a key that nobody has.
    """

    event: str
    body: str
    merchant: sqlite3.Row
    credentials: Mapping[str, str] = field(repr=False)
    at: datetime
    forged: bool


class Fake(ABC):
    """One provider. Statuses are the common books' (``sandbox.states``) unless it has own edges;
    its published words it makes of them when it speaks.
    """

    name: str
    title: str  # as people write it
    routes: Blueprint  # its own API, mounted under ``/<name>``
    credentials: Mapping[str, Reader]  # of a merchant, besides its address
    edges: Edges = states.EDGES
    refund_edges: Edges = states.REFUND_EDGES
    reversal_edges: Edges = REVERSAL_EDGES

    @abstractmethod
    def tell(self, db: sqlite3.Connection, change: Change) -> Sequence[Notice]:
        """The notices of a change, in order; none if the provider says nothing of it.

        In the same transaction it may write down what else follows (``payments.keep``).
        """

    @abstractmethod
    def parcel(self, letter: Letter) -> Parcel:
        """The notification, signed by the provider's rule."""

    @abstractmethod
    def back_url(self, payment: sqlite3.Row) -> str:
        """Where the payer goes when the payment is decided or left."""

    @abstractmethod
    def new_id(self, what: str) -> str:
        """A new name for a payment, refund, reversal, settlement or movement."""
