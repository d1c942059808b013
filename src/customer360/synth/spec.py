"""What a synthetic bank is generated from; two equal specifications give the same bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from customer360.errors import InvalidInput, did_you_mean

AS_OF = date(2025, 10, 31)
"""Last day with transactions; a month end, so that 18 months are 18 whole calendar months."""

MAX_CUSTOMERS = 99_999
MAX_MONTHS = 36
MAX_DENSITY = 200
"""Transactions per customer and month; more would not fit the slots of a transaction id."""

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class BankSpec:
    """How many customers and transactions, over which months, drawn from which seed.

    ``transactions`` is a target: the count that comes out is random and lies within about 2 % of it (0.5 % from
    50,000 customers), because a customer's transactions depend on transactions per customer, never on the others.

    Raises:
        InvalidInput: a field is out of range; the error names the field and the value.
    """

    customers: int
    transactions: int
    months: int = 18
    as_of: date = AS_OF
    seed: int = 42

    def __post_init__(self) -> None:
        _check_whole("customers", self.customers, 1, MAX_CUSTOMERS)
        _check_whole("months", self.months, 1, MAX_MONTHS)
        _check_whole("transactions", self.transactions, 1, self.customers * self.months * MAX_DENSITY)
        _check_whole("seed", self.seed, 0, 2**63 - 1)
        if type(self.as_of) is not date or not date(1990, 1, 1) <= self.as_of <= date(2100, 12, 31):
            raise _refusal("as_of", self.as_of, "must be a date from 1990-01-01 to 2100-12-31")

    @property
    def density(self) -> float:
        """Return the target number of transactions per customer and month."""
        return self.transactions / self.customers / self.months

    @property
    def first_day(self) -> date:
        """Return the first day with transactions: ``months`` before the day after ``as_of``."""
        return _months_before(self.as_of, self.months) + timedelta(days=1)

    @property
    def start(self) -> int:
        """Return the first day with transactions, in days since 1970."""
        return (self.first_day - EPOCH).days

    @property
    def end(self) -> int:
        """Return ``as_of``, the last day with transactions, in days since 1970."""
        return (self.as_of - EPOCH).days


def _check_whole(field: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise _refusal(field, value, f"must be a whole number from {low:,} to {high:,}")


def _refusal(field: str, value: object, message: str) -> InvalidInput:
    return InvalidInput(
        f"{field} {value!r} does not fit a synthetic bank: {message}.",
        next_action=f"Give another {field}, or one of the scales demo, standard, full.",
        details=[{"field": field, "value": value if isinstance(value, int | str) else str(value), "message": message}],
    )


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))


SCALES: Mapping[str, BankSpec] = MappingProxyType(
    {
        "demo": BankSpec(customers=2_000, transactions=500_000),
        "standard": BankSpec(customers=50_000, transactions=13_500_000),
        "full": BankSpec(customers=50_000, transactions=60_000_000),
    }
)


def get_scale(name: str, *, seed: int = 42) -> BankSpec:
    """Return the specification of a named scale.

    Raises:
        InvalidInput: there is no such scale.
    """
    if name not in SCALES:
        raise InvalidInput(
            f"There is no scale {name!r}.",
            next_action=did_you_mean(name, SCALES),
            details=[{"field": "scale", "value": name, "message": "is not a named scale"}],
        )
    return dataclasses.replace(SCALES[name], seed=seed)
