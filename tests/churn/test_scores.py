"""Why a score is what it is: contributions of each member and of the whole sum to the margin, whoever else is asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from threadpoolctl import threadpool_limits

from customer360.churn import boosting, scores
from customer360.churn.fitted import FittedModel, fit
from customer360.churn.model import ChurnModel, fit_model
from customer360.churn.reasons import MEAN, OTHERS
from customer360.churn.scores import score_customers
from customer360.churn.training_data import TrainingData
from tests.churn.drawn import draw_table, make

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.89")]
TO_SCORE = draw_table(300, seed=5).slice(0, 300)


@pytest.fixture(scope="module", params=["LightGBM", "scikit-learn"])
def model(request: pytest.FixtureRequest, few_trees: None) -> Iterator[FittedModel]:
    """A model whose every member weighs something, by either library of trees."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "scikit-learn":
            patched.setattr(boosting, "_lightgbm", lambda: None)
        data = make(draw_table())
        yield fit(data, data.training, seed=1)


def encoded(model: FittedModel) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return model.coder.encode(model.read(TO_SCORE))


def test_contributions_of_every_member_sum_to_its_margin(model: FittedModel) -> None:
    values = encoded(model)
    assert len(model.model.members) == 4
    for name, member in model.model.members.items():
        found = member.contributions(values)
        assert found.shape == (300, values.shape[1] + 1)
        np.testing.assert_allclose(found.sum(axis=1), member.margin(values), atol=1e-9, err_msg=name)
        assert np.ptp(found[:, -1]) < 1e-9


def test_what_all_members_add_sums_to_the_calibrated_log_odds(model: FittedModel) -> None:
    values = encoded(model)
    log_odds = model.model.contributions(values).sum(axis=1)
    probability = model.model.probability(values)
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), probability, atol=1e-12)


def test_reasons_rest_and_mean_sum_to_the_margin(model: FittedModel) -> None:
    scored, reasons = score_customers(model, "v1", TO_SCORE)
    summed = reasons.group_by("customer_id").aggregate([("contribution", "sum")]).sort_by("customer_id")
    assert summed["customer_id"].to_pylist() == scored["customer_id"].to_pylist()
    np.testing.assert_allclose(summed["contribution_sum"], scored["churn_margin"], atol=1e-9)
    assert reasons.num_rows == 7 * 300
    last = reasons.filter(pa.array([rank >= 6 for rank in reasons["rank"].to_pylist()]))
    assert set(last["feature"].to_pylist()) == {OTHERS, MEAN}


def test_neither_chunks_nor_the_order_of_rows_change_a_score(
    model: FittedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, why = score_customers(model, "v1", TO_SCORE)
    monkeypatch.setattr(scores, "CHUNK", 37)
    backwards = TO_SCORE.take(pa.array(np.arange(300)[::-1]))
    parts, parts_why = (table.sort_by("customer_id") for table in score_customers(model, "v1", backwards))
    for name in ("customer_id", "churn_risk_score", "churn_risk_category"):
        assert parts[name].to_pylist() == whole[name].to_pylist()
    np.testing.assert_allclose(parts["churn_margin"], whole["churn_margin"], atol=1e-9)
    order = [("customer_id", "ascending"), ("rank", "ascending")]
    why, parts_why = why.sort_by(order), parts_why.sort_by(order)
    assert parts_why["text"].to_pylist() == why["text"].to_pylist()
    np.testing.assert_allclose(parts_why["contribution"], why["contribution"], atol=1e-9)


@pytest.mark.contract("S3.83")
def test_the_same_seed_gives_the_same_scores(model: FittedModel, data: TrainingData) -> None:
    again = fit(data, data.training, seed=1)
    one, other = (score_customers(found, "v1", TO_SCORE) for found in (model, again))
    assert one[0].equals(other[0])
    assert one[1].equals(other[1])


def test_nobody_to_score_is_no_error(model: FittedModel) -> None:
    scored, reasons = score_customers(model, "v1", TO_SCORE.slice(0, 0))
    assert (scored.num_rows, reasons.num_rows) == (0, 0)


def test_columns_with_gaps_and_levels_are_told_apart_in_a_regression() -> None:
    """One column decides; what it adds is its own, though gaps and levels make several columns of others."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(600, 4))
    values[rng.random(600) < 0.2, 0] = np.nan
    values[:, 2] = rng.integers(0, 4, 600)
    left = rng.random(600) < 1 / (1 + np.exp(-3 * values[:, 3]))
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patched:
        patched.setattr("customer360.churn.model.growths", lambda _rows: {})
        model: ChurnModel = fit_model(values, left, categories=[2], seed=1)
    for name in ("logistic regression", "bent logistic regression"):
        added = np.abs(model.members[name].contributions(values)[:, :-1]).mean(axis=0)
        assert added.argmax() == 3
        assert added[3] > 5 * np.delete(added, 3).max()
