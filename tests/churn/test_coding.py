"""Typed columns as numbers: the same value has the same code whatever else is in the table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from customer360.churn.arrays import Rows
from customer360.churn.coding import Coder, learn_coder, read_column
from customer360.churn.features import get_feature
from customer360.churn.table import Column

pytestmark = pytest.mark.unit
STATE, AGE, FLAG = get_feature("state"), get_feature("age"), get_feature("is_declining")


def all_rows(count: int) -> Rows:
    return np.arange(count)


def test_columns_of_any_type_of_arrow_are_read() -> None:
    assert read_column(AGE, pa.array([30, None, 41], pa.int16())).values.tolist()[::2] == [30.0, 41.0]
    assert read_column(FLAG, pa.array([True, None, False])).values.tolist()[::2] == [1.0, 0.0]
    state = read_column(STATE, pa.array(["TX", "CA", None, "TX"]))
    assert (state.levels, state.values.tolist()[:2], state.missing.tolist()) == (
        ("CA", "TX"),
        [1.0, 0.0],
        [False, False, True, False],
    )
    assert read_column(STATE, pa.nulls(2, pa.string())).distinct == 0


def test_a_level_has_the_code_it_was_learnt_with_and_a_new_one_is_rare() -> None:
    learnt = read_column(STATE, pa.array(["CA", "NY", "TX"] * 5 + ["WA"]))
    coder = learn_coder([STATE], {"state": learnt}, all_rows(16))
    assert coder.levels["state"] == ("CA", "NY", "TX")
    later = read_column(STATE, pa.array(["TX", "AK", "CA", None, "WA"]))
    codes = coder.encode({"state": later})[:, 0]
    assert codes[:3].tolist() == [2.0, 3.0, 0.0]
    assert np.isnan(codes[3])
    assert codes[4] == 3.0
    assert coder.categories == (0,)


def test_only_what_varies_among_the_rows_to_learn_from_is_kept() -> None:
    columns = {
        "age": Column("age", "number", np.array([30.0, 30.0, 50.0])),
        "state": read_column(STATE, pa.array(["CA", "CA", "NY"])),
        "is_declining": Column("is_declining", "number", np.array([1.0, np.nan, 0.0])),
        "credit_limit": Column("credit_limit", "number", np.full(3, np.nan)),
    }
    kept = [AGE, STATE, FLAG, get_feature("credit_limit")]
    assert learn_coder(kept, columns, all_rows(3)).names == ("age", "state", "is_declining")
    assert learn_coder(kept, columns, all_rows(2)).names == ("is_declining",)  # there or missing is something to learn


def test_a_whole_table_is_what_the_checks_take() -> None:
    coder = Coder((AGE,), {})
    features = coder.table({"age": Column("age", "number", np.array([1.0, 2.0]))})
    assert (features.names, features.values.tolist(), features.categories) == (("age",), [[1.0], [2.0]], ())
