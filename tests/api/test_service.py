"""The service as its clients see it."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from customer360.workspace import Workspace
from tests.api.conftest import serve

pytestmark = pytest.mark.api

ERROR_KEYS = {"ok", "status", "code", "error", "next", "errors"}


@pytest.mark.contract("S1.15")
def test_the_root_says_what_answers_here(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.json()["name"] == "Customer Analytics API"
    assert answer.headers["X-Request-ID"]
    for link in ("/docs", "/health", "/openapi.json"):
        assert client.get(link).status_code == 200


@pytest.mark.contract("S1.17")
def test_health_names_the_build_and_turns_503_without_one(client: httpx.Client, empty_client: httpx.Client) -> None:
    assert client.get("/health").json()["status"] == "healthy"
    broken = empty_client.get("/health")
    assert broken.status_code == 503
    assert broken.headers["Retry-After"]
    assert broken.json()["code"] == "nothing_published"


@pytest.mark.contract("S1.16")
def test_the_documentation_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    addresses = [part.split('"')[0] for part in page.split('src="')[1:] + page.split('href="')[1:]]
    assert addresses
    for address in addresses:
        assert not urlsplit(address).netloc
        assert client.get(address).status_code == 200
    assert client.get("/openapi.json").json()["openapi"].startswith("3.")


@pytest.mark.contract("S1.30")
def test_one_customer_comes_with_its_build_and_currency(client: httpx.Client) -> None:
    answer = client.get("/api/customers/14646").json()
    assert answer["customer"]["lifetime_value"] == 279489.02
    assert answer["currency"] == "GBP"
    assert answer["as_of_date"] == "2011-12-09"
    assert answer["build_id"].startswith("b")


@pytest.mark.contract("S1.29")
def test_filters_and_search_agree_with_a_semantic_query(client: httpx.Client) -> None:
    listed = client.get("/api/customers", params={"region": "Europe", "recency_status": "Active", "limit": 1000}).json()
    where = [("region", "Europe"), ("recency_status", "Active")]
    filters = {"and": [{"field": f"customer_360_profile.{name}", "op": "=", "value": value} for name, value in where]}
    counted = client.post("/api/semantic/query", json={"metrics": ["customer_count"], "filters": filters}).json()
    assert listed["rows_available"] == counted["rows"][0]["customer_count"]
    assert {row["region"] for row in listed["rows"]} == {"Europe"}
    assert client.get("/api/customers/", params={"search": "1464"}).json()["rows_available"] >= 1


@pytest.mark.contract("S1.28")
def test_pages_follow_next_url_to_the_end(client: httpx.Client) -> None:
    url: str | None = "/api/customers/?limit=700"
    seen: list[str] = []
    while url:
        page = client.get(url).json()
        seen += [row["customer_id"] for row in page["rows"]]
        assert page["truncated"] is (page["next_url"] is not None)
        url = page["next_url"]
    assert len(seen) == len(set(seen)) == 4372


def test_a_semantic_query_says_how_complete_it_is(client: httpx.Client) -> None:
    query = {"metrics": ["total_spend"], "dimensions": ["country"], "order": ["-total_spend"], "limit": 5}
    first, again = (client.post("/api/semantic/query", json=query).json() for _ in range(2))
    assert first == again
    assert (first["rows_returned"], first["rows_available"], first["truncated"]) == (5, 38, True)
    assert first["columns"][1]["unit"] == "currency"
    assert "SELECT" in first["sql"]


COMPARISONS: list[dict[str, Any]] = [
    {"metrics": ["median(lifetime_value)", "percentile(lifetime_value, 90)"], "dimensions": ["recency_score:2"]},
    {
        "metrics": [{"metric": "total_spend", "show": "share", "as": "share"}],
        "dimensions": ["country"],
        "having": {"field": "share", "op": ">", "value": 1},
        "order": ["-share"],
    },
    {
        "metrics": [
            {
                "op": "percent",
                "left": {"metric": "customer_count", "where": {"measure": "transaction_count", "op": ">", "value": 10}},
                "right": "customer_count",
                "as": "loyal",
            }
        ],
        "filters": {"field": "lifetime_value", "op": ">", "than": {"agg": "avg", "by": ["country"]}, "times": 2},
    },
    {
        "metrics": ["total_spend", {"metric": "total_spend", "show": "change_pct"}],
        "dimensions": ["transaction_date:month", "region"],
        "order": ["-total_spend"],
        "top_per": {"by": ["transaction_date:month"]},
    },
    {"metrics": ["total_spend"], "dimensions": ["transaction_date:month"], "summary": "median"},
]


@pytest.mark.parametrize("query", COMPARISONS)
def test_every_part_of_a_query_comes_through(client: httpx.Client, query: dict[str, Any]) -> None:
    answer = client.post("/api/semantic/query", json=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows_returned"] == len(answer.json()["rows"]) > 0


def test_a_part_that_makes_no_sense_is_refused_with_its_name(client: httpx.Client) -> None:
    refused = client.post("/api/semantic/query", json={"metrics": ["sum(age)"]}).json()
    assert (refused["status"], refused["code"]) == (422, "unsafe_aggregation")
    assert "customer_360_profile.age" in str(refused)
    malformed = client.post("/api/semantic/query", json={"metrics": [{"agg": "percentile", "field": "age"}]}).json()
    assert (malformed["status"], malformed["code"]) == (422, "invalid_request")
    assert "percentile needs its number" in str(malformed)


def test_the_parts_of_a_query_are_in_the_description_of_the_api(client: httpx.Client) -> None:
    parts = client.get("/openapi.json").json()["components"]["schemas"]
    assert {"SemanticQuery", "Measure", "Formula", "Relative", "RowsCondition", "Benchmark", "TopPer"} <= parts.keys()
    assert {"as", "where", "show", "within", "span"} <= parts["Measure"]["properties"].keys()


def test_all_spend_of_the_real_data_is_there_to_the_cent(client: httpx.Client) -> None:
    rows = client.post("/api/semantic/query", json={"metrics": ["total_spend", "transaction_count"]}).json()["rows"]
    assert Decimal(str(rows[0]["total_spend"])).quantize(Decimal("0.01")) == Decimal("9747747.93")
    assert rows[0]["transaction_count"] == 541_909


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "no_such_path"),
        ("DELETE", "/health", None, 405, "method_not_allowed"),
        ("GET", "/api/customers/nobody", None, 404, "customer_not_found"),
        ("GET", "/api/customers/?limit=0", None, 422, "invalid_request"),
        ("GET", "/api/customers/?limit=1001", None, 422, "invalid_request"),
        ("GET", "/api/customers/?cursor=nonsense", None, 400, "invalid_cursor"),
        ("POST", "/api/semantic/query", {}, 422, "invalid_request"),
        ("POST", "/api/semantic/query", {"metrics": ["total_spent"]}, 422, "no_such_field"),
        ("POST", "/api/semantic/query", {"metrics": ["total_spend"], "extra": 1}, 422, "invalid_request"),
        (
            "POST",
            "/api/semantic/query",
            {
                "metrics": ["customer_count"],
                "filters": {"field": "lifetime_value", "op": ">", "value": "a lot"},
            },
            422,
            "invalid_value",
        ),
    ],
)
@pytest.mark.contract("S1.37")
def test_every_error_has_the_same_shape(
    client: httpx.Client, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    error = answer.json()
    assert set(error) == ERROR_KEYS
    assert error["code"] == code
    assert error["status"] == status
    assert error["next"]


def test_a_body_that_is_no_json_is_refused_in_the_same_shape(client: httpx.Client) -> None:
    answer = client.post("/api/semantic/query", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert set(answer.json()) == ERROR_KEYS


def test_text_that_looks_like_sql_stays_data(client: httpx.Client) -> None:
    hostile = "x' OR '1'='1"
    assert client.get(f"/api/customers/{hostile}").status_code == 404
    assert client.get("/api/customers/", params={"search": hostile}).json()["rows_available"] == 0
    assert client.get("/api/customers/", params={"country": hostile}).json()["rows"] == []


@pytest.mark.contract("S1.17")
def test_health_turns_503_when_the_store_is_damaged(online_retail_workspace: Workspace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(online_retail_workspace.home, home, ignore=shutil.ignore_patterns("lake"))
    for file in home.glob("store.db*"):
        file.unlink()
    (home / "store.db").write_bytes(b"not a database" * 1000)
    for client in serve(home, online_retail_workspace.account):
        answer = client.get("/health")
        assert answer.status_code == 503
        assert answer.json()["code"] == "store_broken"
        assert client.get("/api/customers/14646").status_code == 200
