"""Values that a query compares with: checked against the field's declared type and converted to it, then bound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from customer360.errors import InvalidQuery
from customer360.semantic.filters import Scalar

MAX_TEXT = 10_000
MAX_NUMBER = Decimal(10) ** 34

Bound = str | bool | int | float | Decimal | date | datetime


class _Misfit(ValueError):
    """A value that its field cannot be compared with; never leaves this module."""


def family_of(data_type: str) -> str:
    """Return the family of a declared type: text, integer, decimal, float, boolean, date or timestamp."""
    base, _, scale = data_type.partition("(")
    if base in ("DECIMAL", "NUMBER"):
        return "integer" if scale.rstrip(")").split(",")[-1].strip() == "0" else "decimal"
    return _FAMILIES[base]


def convert(value: Scalar, data_type: str, *, field: str) -> Bound:
    """Return the value as the field's type.

    Raises:
        InvalidQuery: it does not fit; the message names the field, the value and what is expected.
    """
    family = family_of(data_type)
    convert_one, expected = _CONVERTERS[family]
    try:
        return convert_one(value)
    except _Misfit:
        raise InvalidQuery(
            f"{field} cannot be compared with {_shown(value)}: it is {expected}.",
            code="invalid_value",
            next_action=f"Give {expected}.",
            details=[{"field": field, "value": _shown(value), "message": f"expected {expected}"}],
        ) from None


def _shown(value: Scalar) -> str:
    text = repr(value) if isinstance(value, (str, bool, int, float)) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _text(value: Scalar) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _Misfit
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Misfit from None
    if len(text) > MAX_TEXT or "\x00" in text:
        raise _Misfit
    return text


def _decimal(value: Scalar) -> Decimal:
    """Return a number that a DECIMAL(38) can hold, written without an exponent."""
    number = Decimal(format(_parsed(value), "f"))
    if len(number.as_tuple().digits) > 38:
        raise _Misfit
    return number


def _parsed(value: Scalar) -> Decimal:
    if isinstance(value, (bool, date)):
        raise _Misfit
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError):
        raise _Misfit from None
    if not number.is_finite() or abs(number) >= MAX_NUMBER:
        raise _Misfit
    return number


def _number(value: Scalar) -> int | Decimal:
    """Return a number that an integer can be compared with; a fraction stays one (``age > 30.5``)."""
    number = _decimal(value)
    return int(number) if number == number.to_integral_value() else number


def _float(value: Scalar) -> float:
    return float(_parsed(value))


def _boolean(value: Scalar) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "false": False}
    if isinstance(value, str) and value.casefold() in known:
        return known[value.casefold()]
    raise _Misfit


def _date(value: Scalar) -> date:
    if isinstance(value, datetime):
        raise _Misfit
    if isinstance(value, date):
        return value
    try:
        return datetime.strptime(value, "%Y-%m-%d").date() if isinstance(value, str) else _refuse()  # noqa: DTZ007
    except ValueError:
        raise _Misfit from None


def _timestamp(value: Scalar) -> datetime:
    """Return a moment in UTC without a time zone, as timestamps are stored."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise _Misfit from None


def _refuse() -> date:
    raise _Misfit


_FAMILIES = {
    "VARCHAR": "text",
    "TEXT": "text",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "DOUBLE": "float",
    "FLOAT": "float",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}

_CONVERTERS: dict[str, tuple[Callable[[Scalar], Bound], str]] = {
    "text": (_text, f"a text of at most {MAX_TEXT:,} characters"),
    "integer": (_number, "a number"),
    "decimal": (_decimal, "a number"),
    "float": (_float, "a number"),
    "boolean": (_boolean, "true or false"),
    "date": (_date, "a date such as '2024-03-31'"),
    "timestamp": (_timestamp, "a moment such as '2024-03-31T12:00:00'"),
}
