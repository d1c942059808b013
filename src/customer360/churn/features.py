"""What the churn model may see: each feature, what it is in plain words, and when it is known.

A column that is not here does not reach a model, whatever the table it is read from holds; a test holds the list
against the columns of ``gold.churn_features``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "category", "flag"]
Unit = Literal["", "days", "money", "%", "months"]

TRANSACTIONS = "transactions up to the end of the cutoff day"
STATEMENTS = "the attribute as last stated by the end of the cutoff day"
HOLDINGS = "products held on the cutoff day"


@dataclass(frozen=True)
class Feature:
    """A column of ``gold.churn_features``; ``known`` says from what, and hence when, it is known.

    ``{days}`` in its words is how far the model looks ahead, which a dataset may set.
    """

    name: str
    words: str
    known: str = TRANSACTIONS
    kind: Kind = "number"
    unit: Unit = ""

    def say(self, days: int) -> str:
        """Return its words for a model that looks so many days ahead."""
        return self.words.format(days=days)


FEATURES = (
    Feature("age", "age", STATEMENTS),
    Feature("country", "country", STATEMENTS, "category"),
    Feature("state", "state", STATEMENTS, "category"),
    Feature("employment_status", "employment", STATEMENTS, "category"),
    Feature("customer_type", "kind of customer", STATEMENTS, "category"),
    Feature("card_type", "card", STATEMENTS, "category"),
    Feature("credit_limit", "credit limit", STATEMENTS, unit="money"),
    Feature(
        "account_tenure_months", "customer for", f"{STATEMENTS}, or the first of the {TRANSACTIONS}", unit="months"
    ),
    Feature("product_count", "products held", HOLDINGS),
    Feature("days_since_last_transaction", "last transaction", unit="days"),
    Feature("recency_status", "recency", kind="category"),
    Feature("days_between_active_days", "usual gap between active days", unit="days"),
    Feature("recency_to_usual_gap", "time since the last transaction, in usual gaps"),
    Feature("transaction_count", "transactions so far"),
    Feature("transactions_last_30_days", "transactions in 30 days"),
    Feature("transactions_last_90_days", "transactions in 90 days"),
    Feature("transactions_prior_90_days", "transactions in the 90 days before those"),
    Feature("transactions_change_pct", "transactions, 90 days against the 90 before", unit="%"),
    Feature("active_days_last_30_days", "active days in 30 days"),
    Feature("active_days_last_90_days", "active days in 90 days"),
    Feature("active_days_change_pct", "active days, 90 days against the 90 before", unit="%"),
    Feature("declined_pct", "declined transactions", unit="%"),
    Feature("declined_last_90_days_pct", "declined transactions in 90 days", unit="%"),
    Feature("returned_last_90_days_pct", "returns in 90 days", unit="%"),
    Feature("lifetime_value", "spent so far", unit="money"),
    Feature("avg_transaction_value", "mean transaction", unit="money"),
    Feature("baseline_monthly_spend", "usual spend a month", unit="money"),
    Feature("spend_last_90_days", "spend in 90 days", unit="money"),
    Feature("spend_prior_90_days", "spend in the 90 days before those", unit="money"),
    Feature("spend_change_pct", "spend, 90 days against the 90 before", unit="%"),
    Feature("seasonally_adjusted_spend_change_pct", "the same, less what all customers share", unit="%"),
    Feature("spend_momentum", "spend of 30 days against the mean of 90", unit="%"),
    Feature("spend_to_baseline_pct", "spend of {days} days against the usual", unit="%"),
    Feature("spend_month_1", "spend in 30 days", unit="money"),
    *(
        Feature(f"spend_month_{month}", f"spend {30 * (month - 1)} to {30 * month} days ago", unit="money")
        for month in range(2, 7)
    ),
    Feature("spend_trend_pct_per_month", "trend of the spend over 6 months, a month", unit="%"),
    Feature("spend_volatility_pct", "how much the spend varies over 6 months", unit="%"),
    Feature("travel_spend_pct", "travel in the spend", unit="%"),
    Feature("necessities_spend_pct", "necessities in the spend", unit="%"),
    Feature("travel_last_90_days_pct", "travel in the spend of 90 days", unit="%"),
    Feature("necessities_last_90_days_pct", "necessities in the spend of 90 days", unit="%"),
    Feature("credit_utilization_pct", "use of the credit limit", f"{STATEMENTS}; {TRANSACTIONS}", unit="%"),
    Feature("is_high_value_travelers", "segment High-Value Travelers", kind="flag"),
    Feature("is_new_and_growing", "segment New & Growing", kind="flag"),
    Feature("is_budget_conscious", "segment Budget-Conscious", kind="flag"),
    Feature("is_declining", "segment Declining", kind="flag"),
    Feature("is_stable_mid_spenders", "segment Stable Mid-Spenders", kind="flag"),
)

BARRED = {
    "churned": "it is the label",
    "churn_reason": "it is known only once the customer has left",
    "recent_spend": "it is the spend after the cutoff",
    "days_inactive": "it counts days after the cutoff",
    "decline_type": "only the generator of the bank knows it",
    "seed_segment": "only the generator of the bank knows it",
}
"""Columns that look like features and are not, and why."""


def get_feature(name: str) -> Feature:
    """Return a feature by name."""
    return _BY_NAME[name]


_BY_NAME = {feature.name: feature for feature in FEATURES}
