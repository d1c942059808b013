"""What the models need to know of each customer: how often, how lately, since when, and how much a purchase was.

The engine does the counting; one row per customer leaves it. Purchases of one customer on one day count once, with the
sum of their amounts; those are decimals, whose sums do not depend on the order. Time is in weeks, from the customer's
first purchase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from customer360.errors import InvalidInput, NotFound, NotIdentified
from customer360.value.fitting import Floats
from customer360.value.purchases import Purchases

DAYS_A_WEEK = 7.0

SPAN = "select min(purchase_date) as oldest, max(purchase_date) as newest from purchases"

PER_CUSTOMER = """
with days as (
    select customer_id, purchase_date, sum(amount) as amount
    from purchases
    group by customer_id, purchase_date
),
firsts as (
    select customer_id, min(purchase_date) as first_date from days group by customer_id
),
placed as (
    select
        days.customer_id,
        firsts.first_date,
        days.purchase_date,
        days.amount,
        days.purchase_date > firsts.first_date and days.purchase_date <= calibration_end as is_repeat,
        days.purchase_date > calibration_end and days.purchase_date <= holdout_end as is_later
    from days
    inner join firsts on days.customer_id = firsts.customer_id
    where firsts.first_date <= calibration_end
)
select
    customer_id,
    sum(case when is_repeat then 1 else 0 end) as repeats,
    coalesce(date_diff('day', first_date, max(case when is_repeat then purchase_date end)), 0) as recency_days,
    date_diff('day', first_date, calibration_end) as age_days,
    sum(case when is_repeat and amount > 0 then 1 else 0 end) as valued,
    coalesce(sum(case when is_repeat and amount > 0 then amount end), 0) as total_value,
    sum(case when is_later then 1 else 0 end) as later_purchases,
    coalesce(sum(case when is_later then amount end), 0) as later_spend
from placed
group by customer_id, first_date
order by customer_id
"""


@dataclass(frozen=True)
class CustomerStatistics:
    """One entry per customer who had bought by the end of the calibration, in the order of ``customer_ids``."""

    calibration_end: date
    holdout_days: int
    customer_ids: pa.ChunkedArray
    frequency: Floats
    """Days with a purchase after the first one."""
    recency: Floats
    """Weeks from the first purchase to the last one."""
    age: Floats
    """Weeks from the first purchase to the end of the calibration."""
    value_frequency: Floats
    """Repeat days with an amount above 0."""
    mean_value: Floats
    """Mean amount of those days; 0 where there is none."""
    later_purchases: Floats
    later_spend: Floats

    def __len__(self) -> int:
        return len(self.frequency)

    @property
    def repeating(self) -> int:
        """Customers who came back."""
        return int((self.frequency > 0).sum())

    @property
    def spend_correlation(self) -> float | None:
        """Correlation of frequency and mean value among those who came back; the spend model takes it to be nil."""
        valued = self.value_frequency > 0
        x, z = self.value_frequency[valued], self.mean_value[valued]
        return float(np.corrcoef(x, z)[0, 1]) if len(x) > 1 and np.ptp(x) > 0 and np.ptp(z) > 0 else None

    def places_of(self, customer_ids: Sequence[str]) -> list[int]:
        """Return where customers stand.

        Raises:
            NotFound: one of them had bought nothing by the end of the calibration.
        """
        known = pc.cast(self.customer_ids, pa.string())
        places = [pc.index(known, pa.scalar(wanted, pa.string())).as_py() for wanted in customer_ids]
        if -1 in places:
            wanted = customer_ids[places.index(-1)]
            raise NotFound(
                f"Customer {wanted!r} had bought nothing by {self.calibration_end}.",
                code="customer_not_found",
                next_action="Check the id, or let the calibration end later.",
                details=[{"field": "customer_id", "value": wanted, "message": "no purchase"}],
            )
        return places


def summarise(
    purchases: Purchases, *, calibration_end: date | None = None, holdout_days: int = 0
) -> CustomerStatistics:
    """Count what each customer had bought by ``calibration_end``, and in the ``holdout_days`` after it.

    Without a date the calibration ends so that the holdout ends with the newest purchase.

    Raises:
        NotIdentified: there are no purchases.
        InvalidInput: the calibration or the holdout is not within the days that the purchases cover.
    """
    oldest, newest = _span(purchases)
    end = calibration_end or newest - timedelta(days=holdout_days)
    _check_days(oldest, newest, end, holdout_days)
    found = purchases.ask(
        PER_CUSTOMER, calibration_end=_literal(end), holdout_end=_literal(end + timedelta(days=holdout_days))
    )
    return CustomerStatistics(
        calibration_end=end,
        holdout_days=holdout_days,
        customer_ids=found["customer_id"],
        frequency=_numbers(found, "repeats"),
        recency=_numbers(found, "recency_days") / DAYS_A_WEEK,
        age=_numbers(found, "age_days") / DAYS_A_WEEK,
        value_frequency=_numbers(found, "valued"),
        mean_value=_numbers(found, "total_value") / np.maximum(_numbers(found, "valued"), 1),
        later_purchases=_numbers(found, "later_purchases"),
        later_spend=_numbers(found, "later_spend"),
    )


def _span(purchases: Purchases) -> tuple[date, date]:
    [row] = purchases.ask(SPAN).to_pylist()
    if row["oldest"] is None:
        raise NotIdentified(
            f"There are no purchases by customers in {purchases.name}.",
            next_action="Give transactions with a customer and an amount of 0 or more.",
        )
    return row["oldest"], row["newest"]


def _check_days(oldest: date, newest: date, end: date, holdout_days: int) -> None:
    covered = f"The purchases run from {oldest} to {newest}"
    latest = newest - timedelta(days=holdout_days)
    if end < oldest or end > newest:
        field, value, fault = "calibration_end", str(end), f"the calibration cannot end on {end}"
    elif end > latest:
        field, value, fault = "holdout_days", str(holdout_days), f"{holdout_days} days after {end} are not all in them"
    else:
        return
    last = f" and {latest}" if latest >= oldest else ""
    raise InvalidInput(
        f"{covered}: {fault}.",
        code="outside_the_data",
        next_action=f"Let the calibration end between {oldest}{last}."
        if last
        else f"Ask for a holdout of fewer than {(newest - oldest).days:,} days.",
        details=[{"field": field, "value": value, "message": fault}],
    )


def _literal(day: date) -> exp.Expr:
    return exp.cast(exp.Literal.string(day.isoformat()), "date")


def _numbers(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
