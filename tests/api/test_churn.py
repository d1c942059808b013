"""How likely a customer is to leave, and why, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.conftest import serve
from tests.conftest import ScoredBank

pytestmark = [pytest.mark.integration, pytest.mark.contract("S3.90")]


@pytest.fixture(scope="module")
def scored(scored_bank: ScoredBank) -> Iterator[httpx.Client]:
    yield from serve(scored_bank.workspace.home)


def first_of(client: httpx.Client, category: str) -> str:
    query = {
        "fields": ["customer_id"],
        "filters": {"field": "churn_risk_category", "op": "=", "value": category},
        "order": ["customer_id"],
        "limit": 1,
    }
    answer = client.post("/api/semantic/query", json=query)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["rows"][0]["customer_id"])


def test_a_scored_customer_has_a_score_and_reasons_that_sum_to_its_log_odds(scored: httpx.Client) -> None:
    answer = scored.get(f"/api/customers/{first_of(scored, 'High Risk')}/churn").json()
    assert answer["category"] == "High Risk"
    assert 70 <= answer["score"] <= 100
    assert sum(reason["contribution"] for reason in answer["reasons"]) == pytest.approx(answer["margin"])
    assert [reason["rank"] for reason in answer["reasons"]] == list(range(1, 8))


def test_a_customer_who_is_not_scored_has_the_reason(scored: httpx.Client) -> None:
    answer = scored.get(f"/api/customers/{first_of(scored, 'Not Scored')}/churn").json()
    assert (answer["score"], answer["probability"], answer["reasons"]) == (None, None, [])
    assert answer["not_scored_reason"] in ("Inactive for 60 days or more", "Fewer than 5 transactions")


def test_an_unknown_customer_is_refused(scored: httpx.Client) -> None:
    answer = scored.get("/api/customers/NOBODY/churn")
    assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")
