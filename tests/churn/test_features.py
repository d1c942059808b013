"""The list of what a churn model may see."""

from __future__ import annotations

import pytest

from customer360.churn.features import BARRED, FEATURES, get_feature

pytestmark = pytest.mark.unit


@pytest.mark.contract("S3.80")
def test_there_are_more_than_35_features_each_with_words_and_when_it_is_known() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(names) == len(set(names)) >= 35
    assert len({feature.words for feature in FEATURES}) == len(names)
    for feature in FEATURES:
        assert "cutoff day" in feature.known
        assert get_feature(feature.name) is feature


@pytest.mark.contract("S3.80")
def test_what_the_contract_asks_for_is_among_them() -> None:
    names = {feature.name for feature in FEATURES}
    assert names >= {
        *("age", "state", "employment_status", "card_type", "credit_limit", "account_tenure_months"),
        *("credit_utilization_pct", "lifetime_value", "avg_transaction_value", "spend_change_pct", "spend_momentum"),
        *("travel_spend_pct", "necessities_spend_pct", "days_since_last_transaction", "transaction_count"),
        *("transactions_last_90_days", "recency_status", "seasonally_adjusted_spend_change_pct"),
        *("spend_trend_pct_per_month", "spend_volatility_pct"),
    }
    assert len([feature for feature in FEATURES if feature.words.startswith("segment ")]) == 5


@pytest.mark.contract("X.9")
def test_what_tells_the_label_is_barred_with_a_reason() -> None:
    assert {"churned", "churn_reason", "decline_type", "seed_segment", "recent_spend", "days_inactive"} == BARRED.keys()
    assert not BARRED.keys() & {feature.name for feature in FEATURES}
    assert all(BARRED.values())
