"""What counts as leaving: the business rules that a churn model learns by, and the words that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from customer360.settings import rules_of

DAYS_OF_MONTH = 30
"""As in the macro days_of_month of the dbt project."""


@dataclass(frozen=True)
class Leaving:
    """No transaction for ``days``, or a spend in them below ``spend_pct`` percent of the usual."""

    days: int
    spend_pct: int


DEFAULT_LEAVING = Leaving(days=60, spend_pct=30)
"""As transform/dbt_project.yml says; a test holds them equal."""


def leaving_of(definition: Mapping[str, Any]) -> Leaving:
    """Return what counts as leaving by the rules of a dataset."""
    rules = rules_of(definition)
    return Leaving(int(rules["churn_months"]) * DAYS_OF_MONTH, int(rules["churn_spend_pct"]))
