"""What is said of a customer's churn score; tests/build/test_scoring.py asks for those of a published build."""

from __future__ import annotations

from dataclasses import replace

import pytest

from customer360.customers.churn import ChurnExplanation, Reason

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.89")]
SCORED = ChurnExplanation(
    customer_id="C1",
    name="Ada Diaz",
    category="High Risk",
    probability=0.314,
    score=88,
    not_scored_reason=None,
    reasons=(
        Reason(1, "days_since_last_transaction", 1.25, "last transaction: 41 days ago (usual: 4 days ago)"),
        Reason(2, "age", -0.25, "age: 44 (usual: 40)"),
        Reason(3, "all other features", 0.5, "all other features"),
        Reason(4, "the average customer", -3.0, "the average customer"),
    ),
    build_id="b1",
    as_of_date="2025-10-31",
)


def test_a_score_is_said_in_one_sentence_and_its_reasons_sum_to_the_margin() -> None:
    assert SCORED.headline == "Ada Diaz: High Risk, score 88 of 100, 31.4% likely to leave within 60 days."
    assert replace(SCORED, within_days=90).headline.endswith("31.4% likely to leave within 90 days.")
    assert SCORED.margin == -1.5
    assert SCORED.as_dict()["margin"] == -1.5


def test_each_reason_says_which_way_it_moves_the_risk_and_what_is_no_reason_says_nothing() -> None:
    directions = [reason.direction for reason in SCORED.reasons]
    assert directions == ["raises the risk", "lowers the risk", "", ""]
    assert [reason["direction"] for reason in SCORED.as_dict()["reasons"]] == directions


@pytest.mark.parametrize(
    ("reason", "said"), [("Fewer than 5 transactions", "Fewer than 5 transactions"), (None, "no model yet")]
)
def test_without_a_score_the_reason_for_that_is_said(reason: str | None, said: str) -> None:
    unscored = replace(SCORED, probability=None, score=None, not_scored_reason=reason, reasons=())
    assert unscored.headline == f"Ada Diaz is Not Scored: {said}."
    assert unscored.as_dict()["margin"] is None
