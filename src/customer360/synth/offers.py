"""Who takes which product besides a card, with every assumed level in one place.

A chance is that of one customer to ever take the product, within the months it was on offer to them; a fair share of
those who took it no longer hold it.
"""

from __future__ import annotations

from dataclasses import dataclass

Chances = tuple[float, float, float, float, float]

GIVING_UP: Chances = (1.0, 1.0, 1.1, 0.6, 1.9)
"""How readily each segment gives a product up, times the product's own share."""

LEAVERS_CANCEL = 0.7
"""Share of those who stop buying that cancel add-ons and insurance within a month."""

LEAST_DAYS, MOST_DAYS = 30, 600
"""How long whoever gives a product up had it."""


@dataclass(frozen=True)
class Offer:
    """One product: chances by segment, of customers who never had a premium card and of those who did.

    ``amount`` is (lowest, highest, step) in dollars: what is owed of a loan at first, or what is insured. ``months``
    is the shortest and longest term of a loan. ``joint`` is the share held by two; a customer below ``user_below``
    uses a relative's account.
    """

    product_id: str
    standard: Chances
    premium: Chances
    given_up: float = 0.0
    ages: tuple[int, int] = (18, 99)
    needs_premium: bool = False
    amount: tuple[int, int, int] | None = None
    months: tuple[int, int] | None = None
    joint: float = 0.0
    user_below: int = 0


OFFERS: tuple[Offer, ...] = (
    Offer("ADD-TRAVEL-INSURANCE", (0.30, 0.05, 0.01, 0.06, 0.05), (0.65, 0.22, 0.06, 0.25, 0.20), given_up=0.12),
    Offer(
        "ADD-LOUNGE",
        (0.0, 0.0, 0.0, 0.0, 0.0),
        (0.72, 0.20, 0.05, 0.24, 0.22),
        given_up=0.10,
        needs_premium=True,
    ),
    Offer("ADD-CASHBACK", (0.12, 0.20, 0.26, 0.22, 0.08), (0.10, 0.14, 0.15, 0.15, 0.06), given_up=0.10),
    Offer("ADD-FRAUD-ALERTS", (0.18, 0.14, 0.10, 0.12, 0.12), (0.26, 0.20, 0.14, 0.18, 0.18), given_up=0.15),
    Offer(
        "ADD-AUTHORISED-USER",
        (0.12, 0.12, 0.05, 0.06, 0.10),
        (0.20, 0.16, 0.07, 0.08, 0.12),
        given_up=0.08,
        user_below=27,
    ),
    Offer("ADD-ROADSIDE", (0.18, 0.14, 0.09, 0.0, 0.12), (0.16, 0.12, 0.08, 0.0, 0.10), given_up=0.35),
    Offer(
        "LOAN-PERSONAL",
        (0.06, 0.12, 0.14, 0.09, 0.20),
        (0.05, 0.09, 0.12, 0.07, 0.16),
        given_up=0.10,
        ages=(22, 70),
        amount=(2_000, 25_000, 500),
        months=(24, 60),
        joint=0.10,
    ),
    Offer(
        "LOAN-AUTO",
        (0.12, 0.15, 0.11, 0.12, 0.13),
        (0.14, 0.14, 0.09, 0.12, 0.12),
        given_up=0.08,
        ages=(23, 72),
        amount=(9_000, 45_000, 500),
        months=(36, 72),
        joint=0.25,
    ),
    Offer(
        "LOAN-HOME-EQUITY",
        (0.10, 0.08, 0.02, 0.01, 0.09),
        (0.16, 0.11, 0.02, 0.02, 0.11),
        given_up=0.05,
        ages=(32, 75),
        amount=(15_000, 150_000, 5_000),
        months=(120, 180),
        joint=0.45,
    ),
    Offer(
        "LOAN-BALANCE-TRANSFER",
        (0.02, 0.06, 0.08, 0.03, 0.14),
        (0.02, 0.04, 0.06, 0.02, 0.10),
        given_up=0.15,
        amount=(1_000, 8_000, 100),
        months=(12, 18),
    ),
    Offer("INS-PAYMENT", (0.03, 0.10, 0.12, 0.05, 0.14), (0.03, 0.08, 0.10, 0.04, 0.11), given_up=0.20),
    Offer(
        "INS-TERM-LIFE",
        (0.16, 0.11, 0.06, 0.04, 0.10),
        (0.22, 0.15, 0.07, 0.05, 0.13),
        given_up=0.05,
        ages=(26, 66),
        amount=(50_000, 500_000, 25_000),
        joint=0.15,
    ),
    Offer("INS-PURCHASE", (0.16, 0.08, 0.04, 0.07, 0.06), (0.34, 0.24, 0.12, 0.18, 0.18), given_up=0.10),
    Offer("INS-CARD-LOSS", (0.10, 0.12, 0.10, 0.0, 0.12), (0.08, 0.10, 0.08, 0.0, 0.10), given_up=0.40),
)
