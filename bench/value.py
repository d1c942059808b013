"""What a million customers will buy and spend: from their purchases in the engine to intervals of each.

Customers come in the first of two years, buy as BG/NBD says and spend as Gamma-Gamma does, with the parameters that the
papers find in CDNOW; a purchase has a day. A process of its own (``bench/value_steps.py``) counts, fits and predicts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench.measure import MeasurementFailed, Target, measure

CUSTOMERS = 1_000_000
SIMULATED = 50_000
AT_A_TIME = 100_000
SEED = 42
WEEKS = 104
PARAMETERS = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "p": 6.25, "q": 3.74, "gamma": 15.44}
MOST_SECONDS_OF_FIT, MOST_MEMORY_MB, MOST_SECONDS_OF_INTERVALS = 5.0, 2048.0, 8.0

TABLE = """
create schema gold;
create table gold.fct_transactions (
    customer_id varchar,
    transaction_date date,
    transaction_amount decimal(18, 4),
    status varchar,
    transaction_type varchar
);
"""
INSERT = """
insert into gold.fct_transactions
select format('CUST{:08d}', customer), date '2025-12-31' - days_ago, amount, 'approved', 'purchase'
from drawn
"""

Numbers = npt.NDArray[np.float64]


def run(folder: Path, customers: int = CUSTOMERS) -> dict[str, Any]:
    """Measure every step.

    Raises:
        MeasurementFailed: a step failed, or customers are missing.
    """
    path = folder / "purchases.duckdb"
    rows = write_purchases(path, customers)
    found = json.loads(measure([sys.executable, "-m", "bench.value_steps", str(path), str(SIMULATED)]).output)
    path.unlink()
    if found["customers"] != customers:
        raise MeasurementFailed(f"{customers:,} customers bought, of whom {found['customers']:,} were counted.")
    result = {"purchases": rows, "drawn_with": PARAMETERS, **found}
    return result | {"targets": [target.as_dict() for target in targets(result)]}


def targets(result: dict[str, Any]) -> list[Target]:
    """Return what has to hold."""
    seconds, name = result["seconds"], f"value, {result['customers']:,} customers"
    simulated = f"value: intervals of {result['simulated']:,} customers"
    return [
        Target(f"{name}: fit", seconds["fit both models"], MOST_SECONDS_OF_FIT, "s"),
        Target(f"{name}: peak memory", result["peak_mb"], MOST_MEMORY_MB, "MB"),
        Target(simulated, seconds["intervals"], MOST_SECONDS_OF_INTERVALS, "s"),
    ]


def write_purchases(path: Path, customers: int) -> int:
    """Write purchases as a build holds them, and return how many they are."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLE)
        for first in range(0, customers, AT_A_TIME):
            for drawn in draw_purchases(first, min(AT_A_TIME, customers - first)):
                connection.register("drawn", drawn)
                connection.execute(INSERT)
                connection.unregister("drawn")
        [(rows,)] = connection.execute("select count(*) from gold.fct_transactions").fetchall()
    return int(rows)


def draw_purchases(first: int, customers: int) -> Iterator[pa.Table]:
    """Yield the first, second … purchases of customers, until none of them buys: customer, days_ago and amount."""
    r, alpha, a, b, p, q, gamma = PARAMETERS.values()
    generator = np.random.default_rng([SEED, first])
    rate = np.maximum(generator.gamma(r, 1 / alpha, customers), np.finfo(float).tiny)
    leaving, rate_of_value = generator.beta(a, b, customers), generator.gamma(q, 1 / gamma, customers)
    weeks_left, who = generator.uniform(WEEKS / 2, WEEKS, customers), np.arange(customers)
    stays = np.ones(customers, dtype=bool)  # nobody leaves after the first purchase
    while len(who):
        yield _table(first + who, weeks_left[who], generator.gamma(p, size=len(who)) / rate_of_value[who])
        who = who[stays]
        weeks_left[who] -= generator.exponential(1 / rate[who])
        who = who[weeks_left[who] > 0]
        stays = generator.random(len(who)) >= leaving[who]


def _table(customer: npt.NDArray[np.int64], weeks_left: Numbers, amounts: Numbers) -> pa.Table:
    days = (weeks_left * 7).astype(np.int32)
    return pa.table({"customer": customer, "days_ago": days, "amount": np.round(amounts, 2)})
