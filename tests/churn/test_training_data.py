"""What a model may learn from, and what is refused with the column's name."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from customer360.churn.features import BARRED, FEATURES
from customer360.churn.rules import DEFAULT_LEAVING, Leaving, leaving_of
from customer360.churn.training_data import make_training_data
from customer360.errors import InvalidInput
from tests.churn.drawn import CUTOFFS, draw_table, make, replaced

pytestmark = pytest.mark.unit
TABLE = draw_table()


def refused(table: pa.Table) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        make(table)
    assert refusal.value.message.endswith(".")
    assert refusal.value.next_action
    return refusal.value


def only(table: pa.Table, left: bool, *, at: date | None = None) -> pa.Table:
    """Return the table without those who left, or stayed, at one cutoff or at all."""
    which = pc.equal(table["churned"], left)
    return table.filter(pc.or_(which, pc.not_equal(table["cutoff_date"], pa.scalar(at))) if at else which)


def test_rows_are_parted_by_cutoff_and_the_newest_is_held_out() -> None:
    data = make(TABLE)
    assert data.cutoff_dates == CUTOFFS
    assert (len(data.training), len(data.holdout), data.last) == (800, 400, 2)
    assert data.rows_before(1).tolist() == data.rows_at(0).tolist()
    assert (data.groups[data.rows_at(0)] == data.groups[data.holdout]).all()
    assert set(data.columns) == {feature.name for feature in FEATURES}


def test_columns_in_capitals_as_snowflake_gives_them_are_the_same() -> None:
    shouted = TABLE.rename_columns([name.upper() for name in TABLE.column_names])
    assert make(shouted).left.tolist() == make(TABLE).left.tolist()


@pytest.mark.contract("X.9")
@pytest.mark.parametrize("name", sorted(BARRED.keys() - {"churned"}))
def test_what_is_known_only_afterwards_is_refused_by_name_and_reason(name: str) -> None:
    refusal = refused(TABLE.append_column(name, TABLE["churned"]))
    assert (refusal.code, name in refusal.message) == ("leaking_columns", True)
    assert refusal.details == [{"field": name, "message": BARRED[name]}]


@pytest.mark.contract("X.9")
@pytest.mark.parametrize("name", ["spend_next_30_days", "account_id", "churn_label_copy"])
def test_a_column_that_nobody_declared_is_refused_by_name(name: str) -> None:
    refusal = refused(TABLE.append_column(name, TABLE["churned"]))
    assert refusal.details == [{"field": name, "message": "nothing says when it becomes known"}]


def test_a_feature_that_is_not_there_is_named() -> None:
    assert refused(TABLE.drop_columns(["age", "state"])).message == "ml_training_data lacks age, state."


@pytest.mark.contract("X.9")
def test_a_cutoff_whose_outcome_is_not_known_yet_is_refused() -> None:
    day = CUTOFFS[-1] + timedelta(days=30)
    future = replaced(
        TABLE,
        "cutoff_date",
        pc.if_else(pc.equal(TABLE["cutoff_date"], CUTOFFS[-1]), day, TABLE["cutoff_date"]).combine_chunks(),
    )
    refusal = refused(future)
    assert (refusal.code, str(day) in refusal.message) == ("outcome_unknown", True)
    make_training_data(future, leaving=DEFAULT_LEAVING, newest_cutoff=day)


@pytest.mark.parametrize(
    ("table", "code", "said"),
    [
        (TABLE.slice(0, 0), "no_history", "the build has none"),
        (TABLE.slice(0, 400), "no_history", f"the build has only {CUTOFFS[0]}"),
        (only(TABLE, False), "single_class", "Of the customers to learn from, 0 left"),
        (only(TABLE, True), "single_class", "Of the customers to learn from, 0 stayed"),
        (only(TABLE, False, at=CUTOFFS[-1]), "single_class", "Of the customers held out, 0 left"),
        (draw_table(60), "too_few_rows", "Of the customers held out, "),
    ],
    ids=["empty", "one cutoff", "nobody left", "all left", "nobody left at last", "few customers"],
)
def test_too_little_to_learn_from_is_refused_with_what_there_is(table: pa.Table, code: str, said: str) -> None:
    refusal = refused(table)
    assert (refusal.code, said in refusal.message) == (code, True)


def test_features_without_any_value_are_refused() -> None:
    empty = TABLE
    for feature in FEATURES:
        empty = replaced(empty, feature.name, pa.nulls(TABLE.num_rows, TABLE[feature.name].type))
    assert refused(empty).code == "no_features"


def test_values_that_are_no_numbers_are_missing_not_an_error() -> None:
    ages = np.where(np.arange(TABLE.num_rows) % 2, np.nan, 40.0)
    assert make(replaced(TABLE, "age", ages)).columns["age"].missing.sum() == TABLE.num_rows // 2


@pytest.mark.contract("S3.76")
def test_what_counts_as_leaving_is_what_the_dataset_says_or_the_rules_of_the_project() -> None:
    assert leaving_of({}) == DEFAULT_LEAVING
    assert leaving_of({"rules": {"churn_months": 3, "churn_spend_pct": 40}}) == Leaving(90, 40)
