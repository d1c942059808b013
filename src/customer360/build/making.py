"""What a build in the making needs of its engine; the child process goes through it from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from customer360.build.monitoring import History
from customer360.errors import BuildFailed
from customer360.lake import Manifest
from customer360.warehouse import BuildRecord, Warehouse


@dataclass(frozen=True)
class Start:
    """What a build starts from: the day it calls today, the build whose facts it carries, or why it carries none."""

    as_of_date: str
    carried_from: str | None = None
    made_anew_because: str | None = None


SCORING = {
    "churn_scores": (
        "customer_id varchar, model_version varchar, churn_probability double, churn_risk_score integer, "
        "churn_risk_category varchar, churn_margin double"
    ),
    "churn_reasons": "customer_id varchar, rank integer, feature varchar, contribution double, text varchar",
    "value_predictions": (
        "customer_id varchar, expected_purchases_next_12_months double, probability_alive double, "
        "expected_spend double, expected_spend_low double, expected_spend_high double"
    ),
}
"""What models say of the customers while a build is made; the schema is dropped once its tables are read."""


@dataclass(frozen=True)
class Made:
    """What the tables of a build are: their primary keys by ``schema.table``, and the views that must not stay."""

    primary_keys: dict[str, list[str]]
    passing_views: list[str]


class Making(Protocol):
    """One build on one engine, private until it is published."""

    schema_suffix: str
    """What the names of its schemas end with."""

    def begin(self, batches: list[Manifest], base: BuildRecord | None, as_of: str | None, history: History) -> Start:
        """Settle what the build starts from, and give dbt bronze and what was known before.

        Raises:
            BuildFailed: the build cannot start; the message says what to do.
        """

    def keep_scores(self, tables: Mapping[str, pa.Table]) -> None:
        """Fill tables of the schema SCORING, which are empty until then."""

    def dbt_environment(self) -> dict[str, str]:
        """Return the variables by which dbt finds the engine."""

    def release(self) -> None:
        """Take back what dbt's adapter holds of the engine in this process."""

    def asking(self) -> AbstractContextManager[Warehouse]:
        """Open the build for questions, views over bronze included."""

    def finish(self, made: Made, steps: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
        """Keep what dbt did (rows by table of MONITORING), drop what must not stay, and count each table's rows."""


def newest_day(newest: Any) -> str:
    """Return the as-of date that the newest transaction gives, or without any the newest customer of an API.

    Raises:
        BuildFailed: no transaction has a date, and no customer came from an API.
    """
    if newest is None:
        raise BuildFailed(
            "No transaction has a date, so the build has no as-of date.",
            next_action="Load transactions, or give the date: customer360 build --as-of 2026-01-31.",
        )
    return str(newest.isoformat())
