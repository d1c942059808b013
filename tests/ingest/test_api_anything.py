"""Whatever JSON an API sends, every record has an outcome: a real server, three contracts, one workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.ingest.api import ingest
from customer360.ingest.api_json import read_document, write_record
from customer360.ingest.api_sources import ApiSourceFolder
from customer360.lake import parquet_path
from customer360.workspace import Workspace
from tests.ingest.api_source import write_source
from tests.servers.records_api import RecordsApi, giving

FIELDS = {"id": "integer", "email": "string", "updated_at": "string", "address.city": "string"}
ENDPOINTS: tuple[dict[str, Any], ...] = (
    {"path": "/any", "incremental": {"field": "updated_at", "param": "since"}},
    {"name": "carts", "path": "/any", "tables": ["api_carts"], "fields": FIELDS}
    | {"on_new_field": "discard_row", "on_changed_type": "discard_row"},
    {"name": "products", "path": "/any", "tables": ["products"], "fields": FIELDS}
    | {"on_new_field": "discard_value", "on_changed_type": "discard_value"},
)
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from(["", " ", "\0", "\ud800", "x" * 100_000, 2**70, "2026-05-01T00:00:00Z", "0001-01-01T00:00+14:00"])
)
ANYTHING = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
NAMES = ("id", "first_name", "last_name", "email", "avatar", "updated_at", "address", "title", "discountedTotal")
RECORD = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, ANYTHING)) | ANYTHING
FEW_IDS = st.fixed_dictionaries({"id": st.integers(1, 3), "email": LEAF, "updated_at": LEAF})


def nested(depth: int) -> Any:
    """Return lists in lists."""
    inner: Any = 1
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("any")
    with giving() as api:
        yield Workspace(folder / "home"), write_source(folder / "shop", *ENDPOINTS), api


Shop = tuple[Workspace, ApiSourceFolder, RecordsApi]
HOSTILE = [
    {"id": "\0\ud83d", "email": "\ud800@example.com"},
    {"id": 10**400},
    {"id": float("nan"), "address": {"city": float("-inf")}},
    {"id": 1, "first_name": nested(300), "address": {"city": nested(300)}},
    nested(900),
    {"id": nested(900)},
    {"id": 7, "a.b": 1, "": 2, "\0": 3},
    [],
    7,
]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(records=st.lists(RECORD | FEW_IDS, min_size=15, max_size=40))
@pytest.mark.integration
@pytest.mark.contract("S4.14")
def test_any_json_is_landed_a_duplicate_or_quarantined(shop: Shop, records: list[Any]) -> None:
    check_all_have_an_outcome(shop, records)


@pytest.mark.integration
def test_what_is_meant_to_hurt_is_landed_a_duplicate_or_quarantined(shop: Shop) -> None:
    check_all_have_an_outcome(shop, HOSTILE)


def check_all_have_an_outcome(shop: Shop, records: list[Any]) -> None:
    """Run the source over records, and hold what it says against what it was given."""
    workspace, folder, api = shop
    api.documents["/any"] = json.dumps(records).encode()
    report = ingest(workspace, folder, api.address)
    assert [outcome.records for outcome in report.outcomes] == [len(records)] * 3
    assert sum(report.figures.reasons.values()) == report.figures.quarantined
    export = json.loads(report.files[0].read_text(encoding="utf-8"))
    assert len(export["customers"]) == report.figures.customers
    received = [write_record(record).decode() for record in read_document(api.documents["/any"])]
    with duckdb.connect() as connection:
        for table, batch in zip(("api_customers", "api_carts"), report.run.batches[:2], strict=True):
            kept = connection.read_parquet(str(parquet_path(workspace, table, batch))).order("_line")
            assert [text for (text,) in kept.project("payload").fetchall()] == received


@pytest.mark.unit
@pytest.mark.parametrize(
    ("content", "read"),
    [
        (b'"\\ud800x"', "\ufffdx"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b"[1e400, -1e400]", ["1e400", "-1e400"]),
        (b"[NaN, Infinity, -Infinity]", [None, None, None]),
        (b"1" * 5_000, "1" * 5_000),
        (b"\xef\xbb\xbf[1]", [1]),
    ],
)
def test_what_json_spells_and_nothing_holds_is_read_as_the_next_best(content: bytes, read: Any) -> None:
    document = read_document(content)
    assert document == read
    assert json.loads(write_record(document)) == read


@pytest.mark.unit
@pytest.mark.parametrize("content", [b"", b"[1", b"\xff", b"{'a': 1}", b"[" * 100_000 + b"]" * 100_000])
def test_what_is_no_json_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_document(content)
