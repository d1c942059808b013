"""Records held against the fields that a source declares: each way to drift, and each way to take it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.errors import InvalidDefinition, SourceRefused
from customer360.ingest import api_run
from customer360.ingest.api import IngestReport, ingest
from customer360.ingest.api_contract import LONGEST_NAME, MOST_DRIFTS, OTHERS, Contract, Drifts
from customer360.ingest.api_sources import ApiSourceFolder, Endpoint
from customer360.lake import live_batches, parquet_path
from customer360.workspace import Workspace
from tests.ingest.api_source import USERS, write_source
from tests.servers.records_api import RecordsApi, giving

FIELDS = {"id": "integer", "email": "string", "first_name": "string", "address.city": "string"}
GOOD = {"id": 1, "email": "ada@example.com", "first_name": None, "address": {"city": "Rome"}}
MODES = ["evolve", "discard_value", "discard_row"]


def contract(**keys: Any) -> Contract:
    return Contract(Endpoint.model_validate(USERS | {"fields": FIELDS} | keys))


def check_one(record: Any, **keys: Any) -> tuple[Any, str | None, list[tuple[object, ...]]]:
    """Return what lands of a record, why it is quarantined, and what drifted."""
    found = Drifts()
    checked = contract(**keys).check([record], found)
    drifts: list[tuple[object, ...]] = [
        (drift.field, drift.kind, drift.found, drift.records) for drift in found.found.values()
    ]
    return json.loads(checked.lines[0]), checked.codes[0], drifts


@pytest.mark.unit
@pytest.mark.parametrize("record", [GOOD, {}, {"id": None, "address": None}, {"id": 7.0}])
def test_what_is_declared_is_passed_on_as_it_came(record: dict[str, Any]) -> None:
    frozen = {"on_new_field": "freeze", "on_changed_type": "freeze"}
    assert check_one(record, **frozen) == (record, None, [])


@pytest.mark.unit
@pytest.mark.parametrize(
    ("mode", "kept", "code"),
    [
        ("evolve", {"id": 1, "phone": "1", "address": {"zip": 5}}, None),
        ("discard_value", {"id": 1, "address": {}}, None),
        ("discard_row", {"id": 1, "phone": "1", "address": {"zip": 5}}, "contract:phone"),
    ],
)
def test_a_new_field_is_kept_dropped_or_quarantines_its_record(mode: str, kept: object, code: str | None) -> None:
    record = {"id": 1, "phone": "1", "address": {"zip": 5}}
    drifts = [("phone", "new_field", "string", 1), ("address.zip", "new_field", "integer", 1)]
    assert check_one(record, on_new_field=mode) == (kept, code, drifts)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("mode", "kept", "code"),
    [
        ("evolve", {"email": ["x"], "address": "Rome"}, None),
        ("discard_value", {"email": None, "address": None}, None),
        ("discard_row", {"email": ["x"], "address": "Rome"}, "contract:email"),
    ],
)
def test_a_changed_type_is_kept_made_null_or_quarantines_its_record(mode: str, kept: object, code: str | None) -> None:
    drifts = [("email", "changed_type", "array", 1), ("address", "changed_type", "string", 1)]
    assert check_one({"email": ["x"], "address": "Rome"}, on_changed_type=mode) == (kept, code, drifts)


@pytest.mark.unit
def test_a_field_may_have_a_word_of_its_own() -> None:
    fields = {"id": {"type": "integer", "on_change": "discard_row"}, "email": "string"}
    assert check_one({"id": "1", "email": 5}, fields=fields, on_changed_type="discard_value") == (
        {"id": "1", "email": None},
        "contract:id",
        [("id", "changed_type", "string", 1), ("email", "changed_type", "integer", 1)],
    )


@pytest.mark.unit
@pytest.mark.parametrize(
    ("declared", "fits", "not_"),
    [
        ("string", ["", "x"], [1, True, [], {}]),
        ("integer", [1, -1, 2.0], [1.5, True, "1"]),
        ("number", [1, 1.5], [False, "1"]),
        ("boolean", [True], [1, "true"]),
        ("object", [{}], [[], "x"]),
        ("array", [[]], [{}, "x"]),
    ],
)
def test_types_are_those_of_json(declared: str, fits: list[Any], not_: list[Any]) -> None:
    for value in (*fits, None):
        assert check_one({"id": value}, fields={"id": declared})[2] == []
    for value in not_:
        assert len(check_one({"id": value}, fields={"id": declared})[2]) == 1


@pytest.mark.unit
def test_what_is_no_object_is_quarantined_and_kept_unless_undeclared_values_are_not() -> None:
    assert check_one(["secret"]) == (["secret"], "not_an_object", [])
    assert check_one(["secret"], on_new_field="discard_value") == (None, "not_an_object", [])


@pytest.mark.unit
@pytest.mark.parametrize("kind", ["on_new_field", "on_changed_type"])
def test_freezing_names_endpoint_field_value_and_what_to_do(kind: str) -> None:
    record: dict[str, Any] = {"phone": "+1-555"} if kind == "on_new_field" else {"email": 555}
    name = next(iter(record))
    with pytest.raises(SourceRefused, match=f"users: '{name}' .*555") as raised:
        check_one(record, **{kind: "freeze"})
    assert raised.value.code == "schema_drift"
    assert "under fields" in raised.value.next_action
    assert kind in raised.value.next_action


@pytest.mark.unit
def test_a_source_that_invents_fields_without_end_is_counted_in_little_room() -> None:
    records = [{f"{'x' * 1_000}{number}": 1} for number in range(MOST_DRIFTS + 50)]
    found = Drifts()
    contract().check(records, found)
    drifts = list(found.found.values())
    assert len(drifts) == MOST_DRIFTS + 1
    assert (drifts[-1].field, drifts[-1].records) == (OTHERS, 50)
    assert max(len(drift.field) for drift in drifts) == LONGEST_NAME


@pytest.mark.unit
@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"on_new_field": "freeze"}, "need fields"),
        ({"fields": {"a": "object", "a.b": "string"}}, "declared as a whole"),
        ({"fields": {"a": "text"}}, "type"),
        ({"fields": {"a": "string"}, "on_new_field": "drop"}, "on_new_field"),
        ({"fields": {"a": "string"}, "on_new_field": "discard_row", "tables": ["products"]}, "use discard_value"),
    ],
)
def test_a_contract_that_cannot_hold_is_refused_when_it_is_read(
    tmp_path: Path, keys: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InvalidDefinition, match=fault):
        write_source(tmp_path, keys)


# A whole run


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture(scope="module")
def api() -> Iterator[RecordsApi]:
    with giving() as server:
        yield server


def run(workspace: Workspace, folder: ApiSourceFolder, api: RecordsApi) -> IngestReport:
    return ingest(workspace, folder, api.address)


def landed(workspace: Workspace, report: IngestReport, columns: str, table: str = "api_customers") -> list[Any]:
    """Return columns of what a run landed, in order."""
    with duckdb.connect() as connection:
        rows = connection.read_parquet([str(parquet_path(workspace, table, batch)) for batch in report.run.batches])
        return rows.order("_batch_id, _line").project(columns).fetchall()


DRIFTING = [
    {"id": 1, "email": "a@example.com"},
    {"id": 2, "email": {"address": "b@example.com"}},
    {"id": 3, "email": "c@example.com", "phone": "1"},
    {"email": "nobody@example.com"},
    "no object",
    {"id": 1, "email": "a@example.com", "first_name": "A"},
]


@pytest.mark.integration
@pytest.mark.contract("S4.14")
def test_quarantined_records_land_as_they_came_and_are_counted_by_reason(
    workspace: Workspace, tmp_path: Path, api: RecordsApi
) -> None:
    keys = {"fields": FIELDS, "on_new_field": "discard_row", "on_changed_type": "discard_row"}
    api.give("/users", DRIFTING)
    report = run(workspace, write_source(tmp_path / "shop", keys), api)
    [outcome] = report.outcomes
    reasons = {"contract:email": 1, "contract:phone": 1, "no_id": 1, "not_an_object": 1}
    assert (outcome.landed, outcome.duplicates, outcome.quarantined, outcome.reasons) == (1, 1, 4, reasons)
    assert report.figures.reasons == reasons
    kept = landed(workspace, report, "payload, reject_code")
    assert [json.loads(payload) for payload, _ in kept] == DRIFTING
    assert [code for _, code in kept] == [None, "contract:email", "contract:phone", None, "not_an_object", None]
    summary = json.loads(report.files[1].read_text())["statistics"]["endpoints"]["users"]
    assert [(drift["field"], drift["records"]) for drift in summary["drifts"]] == [("email", 1), ("phone", 1)]
    assert summary["tables"]["api_customers"]["reasons"] == reasons


@pytest.mark.integration
def test_a_mapping_need_not_pass_on_why_a_record_is_quarantined(
    workspace: Workspace, tmp_path: Path, api: RecordsApi
) -> None:
    folder = write_source(tmp_path / "shop", {"fields": FIELDS, "on_changed_type": "discard_row"})
    mapping = tmp_path / "shop" / "api_customers.sql"
    mapping.write_text(mapping.read_text().replace("run_id,\n    reject_code", "run_id"))
    api.give("/users", DRIFTING[:2])
    report = run(workspace, ApiSourceFolder(folder.folder), api)
    assert landed(workspace, report, "_line, reject_code") == [(1, None), (2, "contract:email")]


@pytest.mark.integration
def test_a_frozen_run_keeps_what_landed_and_goes_on_under_the_changed_contract(
    workspace: Workspace, tmp_path: Path, api: RecordsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_run, "CHUNK_RECORDS", 2)
    paged = {"paging": {"kind": "next", "path": "next"}, "records": "results"}
    keys = paged | {"fields": {"id": "integer", "email": "string"}, "on_new_field": "freeze"}
    pages = [[{"id": 1}, {"id": 2}], [{"id": 3}, {"id": 4, "phone": "1"}]]
    following = f"{api.address}/more"
    api.documents["/users"] = json.dumps({"results": pages[0], "next": following}).encode()
    api.documents["/more"] = json.dumps({"results": pages[1], "next": None}).encode()
    with pytest.raises(SourceRefused, match="phone"):
        run(workspace, write_source(tmp_path / "shop", keys), api)
    assert [batch.rows for batch in live_batches(workspace)] == [2]
    keys["fields"] = {"id": "integer", "email": "string", "phone": "string"}
    report = run(workspace, write_source(tmp_path / "shop", keys), api)
    assert (report.run.resumed, report.figures.landed, report.run.endpoints["users"].drifts) == (1, 4, [])


@pytest.mark.integration
def test_a_column_in_which_nothing_fits_is_no_reason_to_refuse_records(
    workspace: Workspace, tmp_path: Path, api: RecordsApi
) -> None:
    folder = write_source(tmp_path / "shop", {"name": "carts", "path": "/carts", "tables": ["api_carts"]})
    api.give("/carts", [{"id": 1, "userId": 1, "discountedTotal": "a lot"}, {"id": 2, "discountedTotal": {}}])
    report = run(workspace, folder, api)
    assert report.figures.landed == 2
    kept = landed(workspace, report, "total_amount, _invalid", "api_carts")
    assert kept[0] == (None, '{"total_amount":"a lot"}')
    assert kept[1][0] is None


@pytest.mark.integration
@pytest.mark.contract("S4.11")
def test_every_endpoint_accounts_for_its_records_by_their_own_keys(
    workspace: Workspace, tmp_path: Path, api: RecordsApi
) -> None:
    folder = write_source(
        tmp_path / "shop",
        {},
        {"name": "products", "path": "/products", "tables": ["products"]},
        {"name": "carts", "path": "/carts", "tables": ["api_carts"]},
    )
    api.give("/users", [{"id": 1}, {"id": 1}, {"id": " "}])
    api.give("/products", [{"id": "a"}, {"id": "b"}, {"id": "a", "title": "newer"}, {}, 5])
    api.give("/carts", [{"id": 1}, {}])
    report = run(workspace, folder, api)
    assert [(o.table, o.landed, o.duplicates, o.quarantined, o.reasons) for o in report.outcomes] == [
        ("api_customers", 1, 1, 1, {"no_id": 1}),
        ("products", 2, 1, 2, {"no_id": 2}),
        ("api_carts", 1, 0, 1, {"no_id": 1}),
    ]
    figures = report.figures
    assert (figures.records, figures.landed, figures.duplicates, figures.quarantined) == (10, 4, 2, 4)
    assert (figures.customers, figures.reasons) == (1, {"no_id": 4})
