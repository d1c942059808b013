"""Writes figures the way the dataset's country does: currency, separators, dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal

MISSING = "–"


@dataclass(frozen=True)
class Figures:
    """The currency (ISO 4217) and the locale of a dataset."""

    currency: str
    locale: str

    def write(self, value: Any, unit: str | None = None) -> str:
        """Return a value as text: money with its sign, shares with a percent sign, nothing as a dash."""
        if value is None:
            return MISSING
        if isinstance(value, datetime):
            return str(format_datetime(value, format="medium", locale=self.locale))
        if isinstance(value, date):
            return str(format_date(value, format="medium", locale=self.locale))
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float | Decimal):
            return self._number(value, unit)
        return str(value)

    def _number(self, value: float | Decimal, unit: str | None) -> str:
        if unit == "currency":
            return str(format_currency(value, self.currency, locale=self.locale))
        if unit == "percent":
            return f"{format_decimal(value, format='#,##0.0', locale=self.locale)} %"
        pattern = "#,##0" if isinstance(value, int) else "#,##0.##"
        return str(format_decimal(value, format=pattern, locale=self.locale))
