"""What S-Public Services publishes of GiroCheckout; the sources stand in the files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "samples"


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_FOLDER / name).read_text())
    return found


VECTORS = _read("girocheckout_vectors.json")
_API = _read("girocheckout_api.json")
CODES: Sequence[str] = _API["codes"]
CALLS: Mapping[str, Mapping[str, Any]] = _API["calls"]

# Our word for a method -> its start, its refund.
CALL_OF = {
    "wero": ("WeroTransaction", "WeroRefund"),
    "paypal": ("PaypalTransaction", "PaypalRefund"),
    "card": ("CreditCardTransaction", "CreditCardRefund"),
    "transfer": ("DirektubwTransaction", ""),
    "page": ("PaypageTransaction", "PaypageRefund"),
}


def names(fields: Sequence[str]) -> list[str]:
    """The names of a table of fields, in its order."""
    return [field.rstrip("!") for field in fields]


def fits(table: Sequence[str], told: Sequence[str]) -> bool:
    """Whether names are of a table, in its order, each once, and none that is required lacks."""
    required = {field[:-1] for field in table if field.endswith("!")}
    return list(told) == [name for name in names(table) if name in told] and required <= set(told)
