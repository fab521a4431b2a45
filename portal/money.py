"""Money is a whole number of cents with a currency. It is never a float."""

from dataclasses import dataclass
from typing import Self


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's smallest unit (``cents``) and its ISO 4217 code."""

    cents: int
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if type(self.cents) is not int:
            raise TypeError(f"cents must be an int, not {type(self.cents).__name__}")

    def __add__(self, other: Self) -> Self:
        self._same_currency(other)
        return type(self)(self.cents + other.cents, self.currency)

    def __sub__(self, other: Self) -> Self:
        return self + -other

    def __neg__(self) -> Self:
        return type(self)(-self.cents, self.currency)

    def __lt__(self, other: Self) -> bool:
        self._same_currency(other)
        return self.cents < other.cents

    def __le__(self, other: Self) -> bool:
        self._same_currency(other)
        return self.cents <= other.cents

    def __bool__(self) -> bool:
        return self.cents != 0

    def _same_currency(self, other: Self) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} is not {other.currency}")
