"""What the service writes down about its queries and requests."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from customer360.clock import fixed
from customer360.monitoring import Recorder
from customer360.semantic import Asked
from customer360.store import ApiMetric, QueryRecord, Store
from tests.api.conftest import serve

pytestmark = pytest.mark.integration

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.beside(tmp_path / "store.db", fixed(NOON))


def _asked(seconds: float = 0.5, status: str = "answered") -> Asked:
    return Asked("b1", seconds, 3, from_cache=False, status=status)


def test_requests_are_summed_up_by_route_method_and_status(store: Store) -> None:
    recorder = Recorder(lambda: store, "api", clock=fixed(NOON))
    for milliseconds in range(1, 101):
        recorder.request("/health", "GET", 200, milliseconds)
    recorder.request("/health", "GET", 503, 7.0)
    recorder.close()
    rows = {row.status_code: row for row in store.list_newest(ApiMetric.measured_at, 10)}
    assert (rows[200].requests, rows[200].mean_ms, rows[200].p95_ms) == (100, 50.5, pytest.approx(95.05))
    assert (rows[503].requests, rows[503].p99_ms, rows[503].route) == (1, 7.0, "/health")


def test_queries_are_written_once_and_old_ones_dropped(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for days, status in ((0, "query_timeout"), (29, "answered"), (31, "answered")):
        store = Store.beside(path, fixed(NOON + timedelta(days=days)))
        recorder = Recorder(lambda store=store: store, "api", clock=fixed(NOON + timedelta(days=days)))  # type: ignore[misc]
        recorder.query(_asked(status=status))
        recorder.flush()
        recorder.close()
    assert [(row.asked_at.day, row.status, row.source) for row in store.list_newest(QueryRecord.asked_at, 10)] == [
        (1, "answered", "api"),
        (30, "answered", "api"),
    ]


def test_many_threads_lose_nothing(store: Store) -> None:
    recorder = Recorder(lambda: store, "api", flush_seconds=0.01)

    def ask() -> None:
        for _ in range(500):
            recorder.request("/", "GET", 200, 1.0)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    assert sum(row.requests for row in store.list_newest(ApiMetric.measured_at, 10_000)) == 2_000


def test_a_broken_store_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store.beside(tmp_path / "store.db")
    store.close()
    for file in tmp_path.glob("store.db*"):
        file.unlink()
    (tmp_path / "store.db").write_bytes(b"not a database" * 1000)
    recorder = Recorder(lambda: store, "api")
    recorder.query(_asked())
    recorder.close()
    assert "1 rows of metrics could not be written" in caplog.text


@pytest.mark.contract("S2.28")
def test_the_service_records_what_it_answered_and_refused(small_bank_home: Path) -> None:
    before = Store.beside(Path(small_bank_home) / "store.db")
    seen = {row.query_id for row in before.list_newest(QueryRecord.asked_at, 1000)}
    client: httpx.Client
    for client in serve(small_bank_home):
        query = {"metrics": ["customer_count"]}
        assert client.post("/api/semantic/query", json=query).status_code == 200
        assert client.post("/api/semantic/query", json=query).status_code == 200
        assert client.post("/api/semantic/query", json={"metrics": ["nothing"]}).status_code == 422
        assert client.get("/nowhere/at/all").status_code == 404
        client.get("/api/customers/CUST00000001")
    rows = [row for row in before.list_newest(QueryRecord.asked_at, 1000) if row.query_id not in seen]
    assert [row.from_cache for row in reversed(rows)][:2] == [False, True]
    assert "no_such_field" in {row.status for row in rows}
    routes = {(row.route, row.status_code) for row in before.list_newest(ApiMetric.measured_at, 1000)}
    assert {
        ("/api/customers/{customer_id}", 200),
        ("/api/semantic/query", 422),
        ("no such path", 404),
    } <= routes
