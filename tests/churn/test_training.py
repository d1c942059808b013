"""A challenger against the model in use: better beyond noise, or not promoted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from customer360.churn.fitted import FittedModel, fit, without_rows
from customer360.churn.model import Calibration
from customer360.churn.registry import Registry
from customer360.churn.training import compare
from customer360.churn.training_data import TrainingData
from customer360.workspace import Workspace
from tests.churn.drawn import draw_table, make
from tests.churn.test_registry import add

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.88")]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(Workspace(tmp_path / "home"))


def put_in_use(registry: Registry, model: FittedModel) -> None:
    add(registry, without_rows(model), "churn_1")
    registry.promote("churn_1")


@pytest.fixture(scope="module")
def ignorant(few_trees: None, data: TrainingData) -> FittedModel:
    """A model of the same customers with the labels of others: it knows nothing."""
    shuffled = np.random.default_rng(3).permutation(data.left)
    return fit(replace(data, left=shuffled), data.training, seed=1)


def test_the_first_model_has_to_be_better_than_the_base_rate(
    registry: Registry, data: TrainingData, fitted: FittedModel, ignorant: FittedModel
) -> None:
    good, bad = compare(registry, data, fitted), compare(registry, data, ignorant)
    assert (good.better, good.champion, "against the base rate" in good.reason) == (True, None, True)
    assert not bad.better


def test_a_better_model_is_better_and_a_worse_or_equal_one_is_not(
    registry: Registry, data: TrainingData, fitted: FittedModel, ignorant: FittedModel
) -> None:
    put_in_use(registry, ignorant)
    found = compare(registry, data, fitted)
    assert (found.better, found.champion) == (True, "churn_1")
    low, high = found.differences["auc"].interval
    assert 0 < low < found.differences["auc"].estimate < high
    assert found.as_dict()["figures"].keys() == {"challenger", "champion"}


def test_an_equal_or_a_worse_model_is_not_better(
    registry: Registry, data: TrainingData, fitted: FittedModel, ignorant: FittedModel
) -> None:
    put_in_use(registry, fitted)
    same, worse = compare(registry, data, fitted), compare(registry, data, ignorant)
    assert (same.better, worse.better) == (False, False)
    assert same.reason == "AUC +0.0000 against model churn_1 (+0.0000 to +0.0000): within noise"


def test_a_better_order_with_worse_probabilities_is_not_better(
    registry: Registry, data: TrainingData, fitted: FittedModel, ignorant: FittedModel
) -> None:
    put_in_use(registry, ignorant)
    bold = replace(fitted, model=replace(fitted.model, calibration=Calibration(1.0, 20.0, None)))
    found = compare(registry, data, bold)
    assert not found.better
    assert found.reason.endswith("and its probabilities are worse")


def test_a_model_in_use_that_cannot_be_read_gives_way_to_one_that_is_better_than_the_base_rate(
    registry: Registry, data: TrainingData, fitted: FittedModel
) -> None:
    put_in_use(registry, fitted)
    (registry.folder / "churn_1" / "model.pkl").write_bytes(b"")
    assert compare(registry, data, fitted).better


@pytest.mark.contract("S3.83")
def test_the_same_seed_gives_the_same_model_and_another_another(few_trees: None, fitted: FittedModel) -> None:
    data = make(draw_table())
    columns = {name: data.columns[name] for name in fitted.coder.names}
    again, other = (fit(data, data.training, seed=seed) for seed in (1, 2))
    assert (again.probability(columns) == fitted.probability(columns)).all()
    assert (other.probability(columns) != fitted.probability(columns)).any()
