"""The product catalogue: cards, add-ons, loans and insurance, with the months they were on offer.

Dates count back from ``as_of``, so that a bank of any year has products older than its accounts and some that came or
went while it was watched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import NamedTuple

import pyarrow as pa

CARD_PRODUCTS = ("CARD-STANDARD", "CARD-PREMIUM")
"""The product a purchase is paid with, in the order of ``card_type`` Standard, Premium."""

PRODUCT_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("product_name", pa.string()),
        ("category", pa.string()),
        ("type", pa.string()),
        ("attributes", pa.string()),
        ("launch_date", pa.date32()),
        ("end_date", pa.date32()),
    ]
)


class Product(NamedTuple):
    """One product; ``launched`` and ``retired`` are whole months before that of ``as_of``, retired 0 while on offer.

    Attributes are in dollars and in percent a year.
    """

    product_id: str
    product_name: str
    category: str
    type: str
    launched: int
    retired: int
    attributes: Mapping[str, float | bool]

    def launch_date(self, as_of: date) -> date:
        """Return the first day the product was on offer."""
        return _first_of_month(as_of, self.launched)

    def end_date(self, as_of: date) -> date | None:
        """Return the last day the product was on offer, a month's end; ``None`` while it is."""
        return _first_of_month(as_of, self.retired - 1) - timedelta(days=1) if self.retired else None


def _card(product_id: str, name: str, launched: int, **attributes: float | bool) -> Product:
    return Product(product_id, name, "Cards", "credit card", launched, 0, attributes)


def _add_on(product_id: str, name: str, launched: int, monthly_fee: float, *, retired: int = 0) -> Product:
    return Product(product_id, name, "Add-ons", "add-on", launched, retired, {"monthly_fee": monthly_fee})


def _loan(product_id: str, name: str, launched: int, **attributes: float | bool) -> Product:
    return Product(product_id, name, "Loans", "loan", launched, 0, attributes)


def _insurance(product_id: str, name: str, launched: int, monthly_premium: float, *, retired: int = 0) -> Product:
    attributes = {"monthly_premium": monthly_premium}
    return Product(product_id, name, "Insurance", "insurance", launched, retired, attributes)


CATALOGUE: tuple[Product, ...] = (
    _card("CARD-STANDARD", "Everyday Standard Card", 168, annual_fee=0, apr=24.99, cash_back_percent=1),
    _card("CARD-PREMIUM", "Horizon Premium Card", 93, annual_fee=195, apr=21.49, cash_back_percent=2),
    _add_on("ADD-TRAVEL-INSURANCE", "Trip Protection", 88, 9.95),
    _add_on("ADD-LOUNGE", "Airport Lounge Access", 61, 24.50),
    _add_on("ADD-CASHBACK", "Cash Back Boost", 14, 4.95),
    _add_on("ADD-FRAUD-ALERTS", "Fraud Alerts Plus", 75, 2.95),
    _add_on("ADD-AUTHORISED-USER", "Authorised User Card", 160, 1.95),
    _add_on("ADD-ROADSIDE", "Roadside Assistance", 110, 5.95, retired=9),
    _loan("LOAN-PERSONAL", "Personal Loan", 150, apr=13.90, is_secured=False),
    _loan("LOAN-AUTO", "Auto Loan", 140, apr=7.40, is_secured=True),
    _loan("LOAN-HOME-EQUITY", "Home Equity Line", 132, apr=8.60, is_secured=True),
    _loan("LOAN-BALANCE-TRANSFER", "Balance Transfer Plan", 30, apr=3.90, is_secured=False),
    _insurance("INS-PAYMENT", "Payment Protection", 97, 7.90),
    _insurance("INS-TERM-LIFE", "Term Life Cover", 120, 28.00),
    _insurance("INS-PURCHASE", "Purchase Protection", 84, 3.90),
    _insurance("INS-CARD-LOSS", "Lost Card Cover", 125, 1.90, retired=21),
)
PRODUCTS: Mapping[str, Product] = MappingProxyType({product.product_id: product for product in CATALOGUE})


def products_table(as_of: date) -> pa.Table:
    """Return one row per product, as the catalogue stands on a day."""
    rows = [
        {
            **product._asdict(),
            "attributes": json.dumps(product.attributes, sort_keys=True),
            "launch_date": product.launch_date(as_of),
            "end_date": product.end_date(as_of),
        }
        for product in CATALOGUE
    ]
    return pa.Table.from_pylist(rows, PRODUCT_SCHEMA)


def _first_of_month(as_of: date, months_before: int) -> date:
    year, month = divmod(as_of.year * 12 + as_of.month - 1 - months_before, 12)
    return date(year, month + 1, 1)
