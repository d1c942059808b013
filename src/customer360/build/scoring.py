"""What the models in use say of the customers of a build that is being made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from customer360.churn import DEFAULT_LEAVING, FittedModel, Registry, read_customers_to_score, score_customers
from customer360.errors import BuildFailed, Conflict, NotFound
from customer360.value import ValueModel, find_value, load_value, predict_worth, purchases_in
from customer360.warehouse import Warehouse
from customer360.workspace import Workspace

CHURN, VALUE = "churn", "value"


@dataclass(frozen=True)
class Models:
    """The models in use, each with its version; what there is none of is not predicted."""

    churn: tuple[str, FittedModel] | None
    value: ValueModel | None


def versions_in_use(workspace: Workspace) -> dict[str, str]:
    """Return the version of each kind of model that scores customers; empty before one is promoted."""
    churn, value = Registry(workspace).champion().version, find_value(workspace)
    return ({CHURN: churn} if churn else {}) | ({VALUE: value.version} if value else {})


def days_ahead(workspace: Workspace) -> int:
    """Return within how many days the churn model in use says that customers leave."""
    registry = Registry(workspace)
    version = registry.champion().version
    leaving = registry.get(version).leaving if version else {}
    return leaving.get("days", DEFAULT_LEAVING.days)


def list_models(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the rows of MONITORING.CHURN_MODELS: every version of a churn model."""
    return [
        {
            "model_version": record.version,
            "engine": record.engine,
            "trained_at": record.trained_at,
            "data_build": record.build_id,
            "cutoff_date": record.cutoff_date,
            "metrics": json.dumps(record.metrics),
            "status": record.status,
            "artefact_uri": f"models/churn/{record.version}/model.pkl",
            "artefact_sha256": record.artefact_sha256,
        }
        for record in reversed(Registry(workspace).list())
    ]


def load_models(workspace: Workspace, versions: Mapping[str, str]) -> Models:
    """Read the models of these versions.

    Raises:
        BuildFailed: one is damaged or gone; nothing is built, and what is published stays served.
    """
    try:
        version = versions.get(CHURN)
        return Models(
            churn=(version, Registry(workspace).load(version)) if version else None,
            value=load_value(workspace) if VALUE in versions else None,
        )
    except (Conflict, NotFound) as error:
        raise BuildFailed(error.message, next_action=error.next_action, details=error.details) from error


def score(warehouse: Warehouse, schema_suffix: str, models: Models) -> dict[str, pa.Table]:
    """Return the rows of the tables of SCORING."""
    tables: dict[str, pa.Table] = {}
    if models.churn:
        version, fitted = models.churn
        customers = read_customers_to_score(warehouse, schema_suffix)
        tables["churn_scores"], tables["churn_reasons"] = score_customers(fitted, version, customers)
    if models.value:
        tables["value_predictions"] = predict_worth(models.value, purchases_in(warehouse, schema_suffix))
    return tables
