"""Scores the customers of a build in the making: a probability, a risk score, a band and reasons for each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from customer360.churn.fitted import FittedModel
from customer360.churn.reasons import list_reasons
from customer360.churn.risk import band
from customer360.errors import Conflict
from customer360.warehouse import Warehouse

TO_SCORE = """
select * from gold{suffix}.churn_features
where split = 'score' and eligibility = 'Eligible'
order by customer_id
"""
CHUNK = 20_000
"""Customers that are explained at once."""

SCORES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("model_version", pa.string()),
        ("churn_probability", pa.float64()),
        ("churn_risk_score", pa.int32()),
        ("churn_risk_category", pa.string()),
        ("churn_margin", pa.float64()),
    ]
)
REASONS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("rank", pa.int32()),
        ("feature", pa.string()),
        ("contribution", pa.float64()),
        ("text", pa.string()),
    ]
)


def read_customers_to_score(warehouse: Warehouse, schema_suffix: str = "") -> pa.Table:
    """Return what is known of every customer that can be scored."""
    table = warehouse.query(TO_SCORE.format(suffix=schema_suffix))
    return table.rename_columns([name.lower() for name in table.column_names])


def score_customers(fitted: FittedModel, version: str, customers: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows of ``gold.churn_predictions`` and of ``gold.churn_insights``.

    Raises:
        Conflict: the model needs a feature that the build does not have.
    """
    missing = [name for name in fitted.coder.names if name not in customers.column_names]
    if missing:
        raise Conflict(
            f"Model {version} needs {', '.join(missing)}, which the build does not have.",
            code="model_outdated",
            next_action="Train again: customer360 churn train.",
            details=[{"field": name, "message": "no such feature"} for name in missing],
        )
    if not customers.num_rows:
        return SCORES.empty_table(), REASONS.empty_table()
    with threadpool_limits(1):
        parts = list(_score_chunks(fitted, version, customers))
    return pa.concat_tables([scores for scores, _ in parts]), pa.concat_tables([reasons for _, reasons in parts])


def _score_chunks(fitted: FittedModel, version: str, customers: pa.Table) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Score and explain so many customers at a time that memory does not grow with their number."""
    for start in range(0, customers.num_rows, CHUNK):
        chunk = customers.slice(start, CHUNK)
        columns = fitted.read(chunk)
        ids = chunk["customer_id"].combine_chunks().cast(pa.string())
        contributions = fitted.model.contributions(fitted.coder.encode(columns))
        margin = contributions.sum(axis=1)
        scores = fitted.scores.score(margin)
        values = {
            "customer_id": ids,
            "model_version": pa.repeat(pa.scalar(version), len(ids)),
            "churn_probability": pa.array(fitted.probability(columns)),
            "churn_risk_score": pa.array(scores.astype(np.int32)),
            "churn_risk_category": pa.array(band(scores).tolist(), pa.string()),
            "churn_margin": pa.array(margin),
        }
        yield (
            pa.table(values, schema=SCORES),
            list_reasons(
                contributions, fitted.coder.names, columns, fitted.typical, ids, days=fitted.leaving.days
            ).cast(REASONS),
        )
