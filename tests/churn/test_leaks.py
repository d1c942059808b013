"""Five kinds of planted leaks are refused, each by the name of the column; strong honest columns are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from customer360.churn import evaluate_table
from customer360.churn.folds import make_folds
from customer360.churn.leaks import Leak, find_leaks, probe_column
from customer360.churn.table import Column, type_column
from customer360.errors import InvalidInput
from tests.churn.tables import Array, Table, additive, bank, telecom, usage, write_csv

pytestmark = [pytest.mark.unit, pytest.mark.contract("X.9")]
ROWS = 900


def leaks_of(table: Table, label: str) -> list[Leak]:
    left = np.isin(table[label].astype(str), ["1", "Yes", "True"])
    columns = [type_column(name, pa.array(values.astype(str))) for name, values in table.items() if name != label]
    return find_leaks(columns, left, make_folds(left, 5, 1))[1]


def label_copy(left: Array, rng: np.random.Generator) -> Table:
    return {"churn_value": np.where(left, "gone", "here")}


def noisy_copy(left: Array, rng: np.random.Generator) -> Table:
    return {"status_code": np.where(rng.random(len(left)) < 0.02, ~left, left).astype(int)}


def noisy_number(left: Array, rng: np.random.Generator) -> Table:
    return {"score": np.round(left + rng.normal(0, 0.2, len(left)), 5)}


def same_day_recency(left: Array, rng: np.random.Generator) -> Table:
    return {"days_since_last": np.where(left, rng.integers(60, 200, len(left)), rng.integers(0, 60, len(left)))}


def recency_that_defines_most(left: Array, rng: np.random.Generator) -> Table:
    inactive = left & (rng.random(len(left)) < 0.7)
    return {"days_since_last": np.where(inactive, rng.integers(60, 200, len(left)), rng.integers(0, 60, len(left)))}


def target_encoded_id(left: Array, rng: np.random.Generator) -> Table:
    household = rng.permutation(np.arange(len(left)) // 3)
    rate = (np.bincount(household, weights=left) / np.bincount(household))[household]
    return {"household": np.array([f"H{number}" for number in household]), "household_rate": np.round(rate, 4)}


def future_join(left: Array, rng: np.random.Generator) -> Table:
    return {"orders_next_60_days": np.where(left, 0, 1 + rng.poisson(4, len(left)))}


def reason_text(left: Array, rng: np.random.Generator) -> Table:
    reasons = rng.choice(["price", "moved away", "competitor"], len(left))
    return {"churn_reason": np.where(left & (rng.random(len(left)) < 0.6), reasons, "")}


def reason_in_own_words(left: Array, rng: np.random.Generator) -> Table:
    return {"remark": np.array([f"call {n}: price" if gone else "" for n, gone in enumerate(left)])}


def closing_date(left: Array, rng: np.random.Generator) -> Table:
    days = np.datetime64("2024-01-01") + rng.integers(0, 300, len(left))
    return {"closed_on": np.where(left, days.astype(str), "")}


PLANTED: list[tuple[Callable[[Array, np.random.Generator], Table], str]] = [
    (label_copy, "churn_value"),
    (noisy_copy, "status_code"),
    (noisy_number, "score"),
    (same_day_recency, "days_since_last"),
    (recency_that_defines_most, "days_since_last"),
    (target_encoded_id, "household_rate"),
    (future_join, "orders_next_60_days"),
    (reason_text, "churn_reason"),
    (reason_in_own_words, "remark"),
    (closing_date, "closed_on"),
]


@pytest.mark.parametrize(("plant", "column"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
@pytest.mark.parametrize("base", [telecom, additive])
def test_a_planted_leak_is_refused_by_name_and_nothing_else_is(
    tmp_path: Path, plant: Callable[[Array, np.random.Generator], Table], column: str, base: Callable[..., Table]
) -> None:
    table = base(ROWS, 3)
    label = next(reversed(table))
    planted = plant(np.isin(table[label].astype(str), ["1", "Yes"]), np.random.default_rng(4))
    path = write_csv(tmp_path / "t.csv", table | planted)
    with pytest.raises(InvalidInput, match=column) as refused:
        evaluate_table(path, label=label)
    assert refused.value.code == "leaking_columns"
    assert [detail["field"] for detail in refused.value.details] == [column]
    assert f"--drop '{column}'" in refused.value.next_action


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rows", [300, 3000])
def test_a_strong_but_honest_column_is_not_refused(rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.random(rows) < 0.25
    strong = Column("strong", "number", rng.normal(size=rows) + 1.81 * left)
    skewed = Column("skewed", "number", np.exp(strong.values))
    some = Column("some", "number", np.where(rng.random(rows) < 0.2, np.nan, strong.values))
    probes, leaks = find_leaks([strong, skewed, some], left, make_folds(left, 5, 1))
    assert leaks == []
    assert 0.8 < probes[0].auc < 0.94


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("table", [telecom, bank, usage, additive])
def test_honest_tables_have_no_leaks(table: Callable[..., Table], seed: int) -> None:
    made = table(2500, seed)
    assert leaks_of(made, next(reversed(made))) == []


def test_a_column_with_a_value_for_each_row_tells_nothing_out_of_fold() -> None:
    left = np.random.default_rng(1).random(500) < 0.3
    ids = type_column("id", pa.array([f"C{number}" for number in range(500)]))
    assert probe_column(ids, left, make_folds(left, 5, 1)).auc == pytest.approx(0.5, abs=0.02)
