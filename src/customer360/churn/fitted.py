"""A model as it is kept: all that is needed to score a customer and to say why, without the rows it learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from customer360.churn.arrays import Floats, Rows
from customer360.churn.coding import Coder, learn_coder, read_column
from customer360.churn.features import FEATURES
from customer360.churn.model import ChurnModel, fit_model
from customer360.churn.reasons import Typical, learn_typical
from customer360.churn.risk import ScoreMap, freeze_scores
from customer360.churn.rules import DEFAULT_LEAVING, Leaving
from customer360.churn.stability import Spread, learn_spread
from customer360.churn.table import Column
from customer360.churn.training_data import TrainingData

PROBABILITY = "churn_probability"


@dataclass(frozen=True)
class FittedModel:
    """A fitted model, with what was usual among the customers it learnt from."""

    coder: Coder
    model: ChurnModel
    scores: ScoreMap
    """From calibrated log-odds to the risk score."""
    typical: Mapping[str, Typical]
    spreads: Mapping[str, Spread]
    """Of each feature, and of the probability."""
    leaving: Leaving = DEFAULT_LEAVING
    """What it tells; models kept before this was knew the default alone."""

    def read(self, table: pa.Table) -> dict[str, Column]:
        """Return the columns of ``gold.churn_features`` that the model sees."""
        return {
            feature.name: read_column(feature, table[feature.name].combine_chunks()) for feature in self.coder.features
        }

    def probability(self, columns: Mapping[str, Column]) -> Floats:
        """Return the calibrated probability that each customer leaves."""
        return self.model.probability(self.coder.encode(columns))


def fit(data: TrainingData, rows: Rows, *, seed: int) -> FittedModel:
    """Fit on these rows alone."""
    coder = learn_coder(FEATURES, data.columns, rows)
    values = coder.encode(data.columns)[rows]
    groups = np.unique(data.groups[rows], return_inverse=True)[1].astype(np.int64)
    model = fit_model(values, data.left[rows], categories=coder.categories, seed=seed, groups=groups)
    calibration, margins = model.calibration, model.learnt_margins
    spreads = {name: learn_spread(column) for name, column in zip(coder.names, values.T, strict=True)}
    return FittedModel(
        coder=coder,
        model=model,
        scores=freeze_scores(calibration.log_odds(margins)),
        typical=learn_typical(coder.features, data.columns, rows),
        spreads=spreads | {PROBABILITY: learn_spread(calibration.probability(margins))},
        leaving=data.leaving,
    )


def without_rows(fitted: FittedModel) -> FittedModel:
    """Return the model without the margins of the rows it was fitted on."""
    members = {name: replace(member, margins=np.empty(0)) for name, member in fitted.model.members.items()}  # type: ignore[type-var]
    return replace(fitted, model=replace(fitted.model, members=members))
