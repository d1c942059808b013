"""An evaluation from file to figures: honest, repeatable, and never an error that is not ours."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.churn import checks, evaluate_table, model
from customer360.churn.boosting import Growth
from customer360.errors import Customer360Error, InvalidInput
from tests.churn.tables import additive, bank, telecom, write_csv

pytestmark = pytest.mark.integration


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make evaluations of tiny tables fast: few rounds, two inner folds, one shuffle, few draws."""
    few = {name: Growth(4, 0.2, 8, 5) for name in ("small trees", "larger trees")}
    monkeypatch.setattr(model, "growths", lambda _rows: few)
    monkeypatch.setattr(model, "INNER_FOLDS", 2)
    monkeypatch.setattr(checks, "SHUFFLES", 1)
    monkeypatch.setattr("customer360.churn.scoring.DRAWS", 200)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an evaluation of a table with a hump and interactions says."""
    path = write_csv(tmp_path_factory.mktemp("churn") / "bank.csv", bank(1200, 1))
    return evaluate_table(path, label="Exited", id_column="CustomerId").as_dict()


@pytest.mark.contract("S3.84")
def test_every_figure_has_an_estimate_within_its_interval(found: dict[str, Any]) -> None:
    metrics = found["metrics"]
    assert {"auc", "pr_auc", "f1", "precision", "recall", "brier"} <= metrics.keys()
    for figure in metrics.values():
        low, high = figure["interval"]
        assert 0 <= low <= figure["estimate"] <= high <= 1
    assert found["draws"] == 1000
    assert json.loads(json.dumps(found))["rows"] == 1200


@pytest.mark.contract("S3.84")
def test_the_model_is_ahead_of_every_baseline_where_there_is_more_to_learn(found: dict[str, Any]) -> None:
    for name in ("base_rate", "one_column", "logistic_regression"):
        assert found["better_than"][name]["auc"]["estimate"] > 0.01
        assert found["better_than"][name]["brier"]["estimate"] < 0
    assert found["baselines"]["base_rate"]["auc"]["estimate"] == 0.5
    assert found["baselines"]["one_column"]["column"] == "Age"


@pytest.mark.contract("X.9")
def test_the_gate_says_what_was_tried(found: dict[str, Any]) -> None:
    gate = found["gate"]
    assert (gate["leaks"], gate["too_good"], gate["shuffled_labels"]["passed"]) == ([], None, True)
    assert abs(gate["shuffled_labels"]["auc"] - 0.5) < 0.1
    assert 0 < gate["learnt_rows"]["gap"] < 0.2
    assert {"RowNumber", "CustomerId"} <= {left_out["column"] for left_out in found["left_out"]}


@pytest.mark.contract("S3.86")
def test_importances_are_of_rows_never_seen_and_say_what_is_seen(found: dict[str, Any]) -> None:
    worth = {importance["column"]: importance for importance in found["importances"]}
    assert found["importances"][0]["column"] == "Age"
    assert "% left" in worth["Age"]["words"]
    assert abs(worth["EstimatedSalary"]["auc_drop"]) < 0.02
    assert worth["Age"]["lowest"] <= worth["Age"]["auc_drop"] <= worth["Age"]["highest"]


def test_two_runs_at_a_seed_give_the_same_and_another_seed_does_not(quick: None, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", telecom(300, 2))
    one, other, third = (evaluate_table(path, label="Churn", seed=seed).as_dict() for seed in (1, 1, 2))
    assert json.dumps(one) == json.dumps(other)
    assert one["metrics"] != third["metrics"]


@pytest.mark.contract("X.9")
def test_allowed_leaks_are_said_and_too_good_a_figure_is_doubted(quick: None, tmp_path: Path) -> None:
    table = additive(300, 3)
    path = write_csv(tmp_path / "t.csv", table | {"closed": np.where(table["left"] == 1, "x", "")})
    found = evaluate_table(path, label="left", allow_leaks=True).as_dict()
    assert found["metrics"]["auc"]["estimate"] > 0.99
    assert [leak["column"] for leak in found["gate"]["leaks"]] == ["closed"]
    assert found["gate"]["too_good"]["strongest"][0][0] == "closed"
    assert found["gate"]["too_good"]["removals"][0]["column"] == "closed"
    assert any("closed give the label away" in note for note in found["notes"])
    assert any("suspicious" in note for note in found["notes"])
    dropped = evaluate_table(path, label="left", drop=["closed"]).as_dict()
    assert dropped["metrics"]["auc"]["estimate"] < 0.9
    assert dropped["gate"]["leaks"] == []


def test_a_recency_column_is_the_one_column_rule(quick: None, tmp_path: Path) -> None:
    table = additive(300, 4)
    path = write_csv(tmp_path / "t.csv", {"days_since_last_order": table["x3"]} | table)
    found = evaluate_table(path, label="left").as_dict()
    assert found["baselines"]["one_column"]["column"] == "days_since_last_order"


def test_an_id_that_comes_more_than_once_is_said(quick: None, tmp_path: Path) -> None:
    table = additive(300, 5)
    path = write_csv(tmp_path / "t.csv", {"customer": np.arange(300) // 2} | table)
    found = evaluate_table(path, label="left", id_column="customer").as_dict()
    assert any("same fold" in note for note in found["notes"])


@pytest.mark.parametrize("folds", [1, 21])
def test_folds_that_cannot_be_made_are_refused(tmp_path: Path, folds: int) -> None:
    with pytest.raises(InvalidInput, match="folds cannot be made"):
        evaluate_table(write_csv(tmp_path / "t.csv", additive(50)), label="left", folds=folds)


CELLS = st.sampled_from(
    ["", " ", "0", "1", "-3.5", "1e9", "nan", "inf", "x", "y", "été", "2024-02-29", 'a "b", c', "?"]
)


@given(
    columns=st.integers(0, 3),
    seed=st.integers(0, 1000),
    cells=st.lists(CELLS, min_size=1, max_size=6),
    labels=st.lists(st.sampled_from(["yes", "no", "1", "0", "", "maybe"]), min_size=1, max_size=3),
    rows=st.sampled_from([0, 1, 5, 40]),
)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_table_is_evaluated_or_refused_with_a_reason(
    quick: None, tmp_path: Path, columns: int, seed: int, cells: list[str], labels: list[str], rows: int
) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"c{number}" for number in range(columns)), "label"])
        writer.writerows([*rng.choice(cells, columns), rng.choice(labels)] for _ in range(rows))
    try:
        found = evaluate_table(path, label="label", folds=2, allow_leaks=True).as_dict()
    except Customer360Error as error:
        assert error.message
        assert error.next_action
    else:
        assert 0 <= found["metrics"]["auc"]["estimate"] <= 1
