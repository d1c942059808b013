"""The gate of a training: honest customers pass it, planted leaks do not and are named."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from customer360.churn import checks
from customer360.churn.holdout import HoldoutGate, Trial, try_model
from customer360.churn.leaks import Leak, Probe
from customer360.churn.point_in_time import Shuffle
from customer360.churn.training_data import TrainingData
from tests.churn.drawn import CUTOFFS, draw_table, make, replaced

pytestmark = [pytest.mark.unit, pytest.mark.contract("X.9"), pytest.mark.usefixtures("few_trees")]
UNCHANGED = Shuffle(CUTOFFS[-1], {}, 300)
TABLE = draw_table()
LEFT = TABLE["churned"].to_numpy(zero_copy_only=False).astype(np.float64)


def tried(data: TrainingData, future: Shuffle = UNCHANGED) -> Trial:
    return try_model(data, future, seed=1, progress=lambda *_: None)


@pytest.fixture(scope="module")
def honest(few_trees: None, data: TrainingData) -> Trial:
    return tried(data)


def test_honest_customers_pass(honest: Trial) -> None:
    assert honest.gate.refusals == []
    assert honest.holdout.judgement.figures["model"]["auc"].estimate > 0.6
    assert honest.gate.shuffled.passed


@pytest.mark.contract("S3.84")
def test_every_cutoff_is_judged_by_a_model_of_those_before_it(honest: Trial) -> None:
    assert [(origin.cutoff_date, origin.learnt_rows, origin.rows) for origin in honest.origins] == [
        (CUTOFFS[1], 400, 400),
        (CUTOFFS[2], 800, 400),
    ]
    assert honest.holdout.one_column in ("days_since_last_transaction", "recency_status", "recency_to_usual_gap")


def test_segments_are_judged_apart_and_so_are_those_who_spent_as_usual(honest: Trial) -> None:
    assert sum(part.rows for part in honest.parts[:-1]) == 400
    assert honest.parts[-1].name == "all who still spent as usual"
    assert all((part.figures is None) == (min(part.left, part.rows - part.left) < 20) for part in honest.parts)


@pytest.mark.contract("S3.86")
def test_the_features_that_decide_are_worth_most(honest: Trial) -> None:
    worth = {importance.column: importance.auc_drop for importance in honest.importances}
    assert max(worth, key=lambda name: worth[name]) in ("days_since_last_transaction", "spend_change_pct")
    assert abs(worth["spend_month_6"]) < 0.03


@pytest.mark.contract("S3.84")
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("spend_month_1", 1000 - 900 * LEFT),
        ("product_count", np.where(LEFT > 0, np.nan, 2)),
        ("is_declining", LEFT > 0),
        ("credit_limit", "mean of the label"),
    ],
    ids=["the label as a number", "filled in for who stayed", "the label as a flag", "the label's mean by customer"],
)
def test_a_feature_that_gives_the_label_away_is_named(name: str, values: object) -> None:
    if isinstance(values, str):
        values = np.tile(LEFT.reshape(3, -1).mean(axis=0), 3)
    gate = tried(make(replaced(TABLE, name, values))).gate
    assert any(refusal.startswith(name) for refusal in gate.refusals), gate.refusals


def test_text_of_a_reason_in_a_category_is_named() -> None:
    stated = np.where(LEFT > 0, "moved abroad", TABLE["card_type"].to_pylist()).tolist()
    refusals = tried(make(replaced(TABLE, "card_type", stated))).gate.refusals
    assert any(refusal.startswith("card_type: alone it tells who left") for refusal in refusals), refusals


def test_a_feature_that_the_future_changes_is_named(data: TrainingData) -> None:
    gate = tried(data, Shuffle(CUTOFFS[-1], {"spend_month_1": 17}, 300)).gate
    assert gate.refusals == [
        f"spend_month_1 changes when what happened after {CUTOFFS[-1]} is dealt out anew (17 customers)"
    ]


def test_an_early_cutoff_that_few_left_after_is_not_judged_and_is_no_error() -> None:
    """Nobody left after the first cutoff, so no model can learn from it alone."""
    first = pc.equal(TABLE["cutoff_date"], CUTOFFS[0])
    stayed = pc.and_(TABLE["churned"], pc.invert(first))
    found = tried(make(replaced(TABLE, "churned", stayed.combine_chunks())))
    assert [origin.cutoff_date for origin in found.origins] == [CUTOFFS[2]]


def gate(**fields: object) -> HoldoutGate:
    passing: dict[str, object] = {
        "future": UNCHANGED,
        "probes": (Probe("age", 0.6, np.zeros(1)),),
        "leaks": (),
        "shuffled": checks.ShuffledLabels(0.5, 0.4, 0.6),
        "gap": checks.Gap(0.8, 0.75),
        "too_good": None,
    }
    return HoldoutGate(**(passing | fields))  # type: ignore[arg-type]


def test_what_speaks_against_a_model_refuses_it_and_what_may_be_so_is_said() -> None:
    assert (gate().refusals, gate().suspicions) == ([], [])
    assert "shows nothing" in gate(future=Shuffle(date(2025, 9, 1), {}, 0)).refusals[0]
    assert "AUC is 0.700" in gate(shuffled=checks.ShuffledLabels(0.7, 0.4, 0.6)).refusals[0]
    doubted = checks.TooGood(0.995, (("age", 0.993), ("state", 0.6)), (checks.Removal("state", 0.8),))
    assert gate(too_good=doubted).refusals == [
        "age alone carries an AUC above 0.99",
        "state alone carries an AUC above 0.99",
    ]
    part = Leak("spend_month_1", "tells_part_of_the_label", "its values single out 60 %", 0.9)
    said = gate(leaks=(part,))
    assert said.refusals == []
    assert said.suspicions == ["spend_month_1: its values single out 60 %"]
    assert "much better (AUC 0.950) than later ones (0.800)" in gate(gap=checks.Gap(0.95, 0.8)).refusals[0]


def test_other_honest_customers_pass_too() -> None:
    """A gate that refuses what is honest would be switched off."""
    assert tried(make(draw_table(300, seed=3))).gate.refusals == []


def test_a_table_in_another_order_is_the_same_table(honest: Trial) -> None:
    shuffled = TABLE.take(pa.array(np.random.default_rng(1).permutation(TABLE.num_rows)))
    ordered = shuffled.sort_by([("cutoff_date", "ascending"), ("customer_id", "ascending")])
    assert tried(make(ordered)).holdout.judgement.figures == honest.holdout.judgement.figures
