"""Models of drawn customers, with few and fast trees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits

from customer360.churn import checks, model
from customer360.churn.boosting import Growth
from customer360.churn.fitted import FittedModel, fit
from customer360.churn.training_data import TrainingData
from tests.churn.drawn import draw_table, make


@pytest.fixture(scope="module")
def few_trees() -> Iterator[None]:
    """Make fits fast: few rounds, two inner folds, one shuffling of labels, few draws."""
    few = {name: Growth(4, 0.2, 12, 5) for name in ("small trees", "larger trees")}
    with pytest.MonkeyPatch.context() as patched, threadpool_limits(1):
        patched.setattr(model, "growths", lambda _rows: few)
        patched.setattr(model, "INNER_FOLDS", 2)
        patched.setattr(checks, "SHUFFLES", 1)
        patched.setattr("customer360.churn.scoring.DRAWS", 200)
        patched.setattr("customer360.churn.holdout.SHUFFLINGS", 1)
        yield


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """What 400 drawn customers did at three cutoffs."""
    return make(draw_table())


@pytest.fixture(scope="module")
def fitted(few_trees: None, data: TrainingData) -> FittedModel:
    """A model of them."""
    return fit(data, data.training, seed=1)
