"""The value model that builds predict with: parameters and their covariance as JSON, with a checksum.

models/value.json     the version in use; replaced whole
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from customer360.clock import Clock, utc_now
from customer360.errors import Conflict, NotFound
from customer360.value.fitting import Estimate
from customer360.value.model import ValueModel
from customer360.value.statistics import CustomerStatistics
from customer360.workspace import Workspace, write_json

FILE = "value.json"


@dataclass(frozen=True)
class KeptValue:
    """What ``value.json`` says of the model in use."""

    version: str
    fitted_at: str
    build_id: str
    calibration_end: str
    customers: int
    content: Mapping[str, Any]
    sha256: str


def keep_value(
    workspace: Workspace,
    model: ValueModel,
    statistics: CustomerStatistics,
    *,
    build_id: str,
    clock: Clock = utc_now,
) -> KeptValue:
    """Let builds predict with a model from now on."""
    content = {"purchases": _describe(model.purchases), "spend": _describe(model.spend)}
    now = clock()
    kept = KeptValue(
        version=f"value_{now:%Y%m%dt%H%M%S}_{secrets.token_hex(2)}",
        fitted_at=now.isoformat(timespec="seconds"),
        build_id=build_id,
        calibration_end=statistics.calibration_end.isoformat(),
        customers=len(statistics),
        content=content,
        sha256=_hash(content),
    )
    write_json(workspace.models / FILE, asdict(kept))
    return kept


def find_value(workspace: Workspace) -> KeptValue | None:
    """Return what is known of the model in use, or None before one was kept."""
    path = workspace.models / FILE
    return KeptValue(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def load_value(workspace: Workspace) -> ValueModel:
    """Return the model in use.

    Raises:
        NotFound: none was kept yet.
        Conflict: its content is not what was kept.
    """
    kept = find_value(workspace)
    if kept is None:
        raise NotFound("No value model is in use yet.", code="no_model", next_action="customer360 value fit --use")
    if _hash(kept.content) != kept.sha256:
        raise Conflict(
            f"The value model {kept.version} is not what was kept: its checksum differs.",
            code="artefact_damaged",
            next_action="Fit it again: customer360 value fit --use.",
            details=[{"field": "artefact", "value": FILE, "message": "checksum differs"}],
        )
    return ValueModel(purchases=_read(kept.content["purchases"]), spend=_read(kept.content["spend"]))


def _describe(estimate: Estimate) -> dict[str, Any]:
    return {
        "names": list(estimate.names),
        "logarithms": estimate.logarithms.tolist(),
        "covariance": estimate.covariance.tolist(),
        "log_likelihood": estimate.log_likelihood,
        "fixed": dict(estimate.fixed),
    }


def _read(described: Mapping[str, Any]) -> Estimate:
    return Estimate(
        names=tuple(described["names"]),
        logarithms=np.array(described["logarithms"]),
        covariance=np.array(described["covariance"]),
        log_likelihood=described["log_likelihood"],
        fixed=described["fixed"],
    )


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
