"""The five kinds of customers the generator draws, with every assumed level in one place.

Amounts are dollars a month at the normal level, before seasons, trends and the roughly 2 % of declined attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from customer360.synth.draws import Floats, Ints

EMPLOYMENT = ("Full-Time", "Part-Time", "Self-Employed", "Retired", "Unemployed")
FULL_TIME, PART_TIME, SELF_EMPLOYED, RETIRED, UNEMPLOYED = range(5)
DECLINE_TYPES = ("job_loss", "relocation", "lifestyle")
JOB_LOSS, RELOCATION, LIFESTYLE = range(3)
DECLINE_SHARES = (0.40, 0.25, 0.35)


@dataclass(frozen=True)
class Segment:
    """What customers of one kind are like.

    ``spend`` is (lowest, highest, power): the higher the power, the more customers are near the lowest.
    ``divide`` is the share of spend on leisure, necessities, other and travel.
    """

    name: str
    share: float
    ages: tuple[int, int, float]
    account_days: tuple[int, int]
    premium: float
    upgrade: float
    downgrade: float
    limits: tuple[int, int]
    limit_change: float
    limit_rise: float
    employment: tuple[float, float, float, float, float]
    spend: tuple[float, float, float]
    frequency: float
    divide: tuple[float, float, float, float]


HALF_YEAR_TO_THREE_AND_A_HALF = (183, 1278)

SEGMENTS: tuple[Segment, ...] = (
    Segment(
        name="High-Value Travelers",
        share=0.13,
        ages=(35, 60, 1.0),
        account_days=HALF_YEAR_TO_THREE_AND_A_HALF,
        premium=0.70,
        upgrade=0.12,
        downgrade=0.03,
        limits=(15, 40),
        limit_change=0.16,
        limit_rise=0.95,
        employment=(0.80, 0, 0.20, 0, 0),
        spend=(6100, 10000, 2.0),
        frequency=2.1,
        divide=(0.28, 0.22, 0.10, 0.40),
    ),
    Segment(
        name="Stable Mid-Spenders",
        share=0.44,
        ages=(25, 55, 1.0),
        account_days=HALF_YEAR_TO_THREE_AND_A_HALF,
        premium=0.39,
        upgrade=0.08,
        downgrade=0.05,
        limits=(8, 25),
        limit_change=0.14,
        limit_rise=0.9,
        employment=(0.58, 0.13, 0.13, 0.08, 0.08),
        spend=(1700, 2900, 1.0),
        frequency=1.0,
        divide=(0.36, 0.43, 0.14, 0.07),
    ),
    Segment(
        name="Budget-Conscious",
        share=0.24,
        ages=(22, 45, 1.1),
        account_days=HALF_YEAR_TO_THREE_AND_A_HALF,
        premium=0.10,
        upgrade=0.02,
        downgrade=0.12,
        limits=(5, 10),
        limit_change=0.10,
        limit_rise=0.8,
        employment=(0.55, 0.24, 0.09, 0, 0.12),
        spend=(550, 1300, 1.0),
        frequency=1.2,
        divide=(0.16, 0.76, 0.07, 0.01),
    ),
    Segment(
        name="New & Growing",
        share=0.12,
        ages=(22, 45, 2.0),
        account_days=(15, 180),
        premium=0.30,
        upgrade=0.04,
        downgrade=0.01,
        limits=(5, 15),
        limit_change=0.05,
        limit_rise=1.0,
        employment=(0.74, 0.16, 0.08, 0, 0.02),
        spend=(1600, 3200, 1.0),
        frequency=1.2,
        divide=(0.42, 0.38, 0.12, 0.08),
    ),
    Segment(
        name="Declining",
        share=0.07,
        ages=(25, 75, 1.3),
        account_days=(365, 1095),
        premium=0.35,
        upgrade=0.01,
        downgrade=0.18,
        limits=(8, 30),
        limit_change=0.14,
        limit_rise=0.25,
        employment=(0.58, 0.15, 0.12, 0.10, 0.05),
        spend=(2900, 5200, 1.2),
        frequency=1.3,
        divide=(0.36, 0.42, 0.14, 0.08),
    ),
)

TRAVELERS, STABLE, BUDGET, NEW, DECLINING = range(5)


def of_segment(segment: Ints, value: Callable[[Segment], float]) -> Floats:
    """Return the value of each customer's segment."""
    return np.array([value(kind) for kind in SEGMENTS], dtype=np.float64)[segment]


def shares() -> Sequence[float]:
    """Return the share of customers of each segment."""
    return [kind.share for kind in SEGMENTS]
