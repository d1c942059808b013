"""Batches land whole, what was interrupted is swept, and views show exactly the batches asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer360.errors import InvalidDefinition
from customer360.lake import (
    PROVENANCE,
    TABLES,
    Manifest,
    TableRows,
    commit_batches,
    create_bronze_views,
    discard_batch,
    get_contract,
    incoming_folder,
    live_batches,
    new_batch_id,
    parquet_path,
    raw_folder,
    read_manifests,
    sweep,
)
from customer360.workspace import Workspace
from tests.lake.test_manifests import FIRST

pytestmark = pytest.mark.unit


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def write_rows(workspace: Workspace, batch_id: str, rows: int = 1) -> Path:
    """Write a batch's Parquet file and the file it came from, without its manifest."""
    path = parquet_path(workspace, "products", batch_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"product_id": ["P"] * rows, "_batch_id": [batch_id] * rows}), path)
    received = incoming_folder(workspace) / batch_id
    received.parent.mkdir(parents=True, exist_ok=True)
    received.write_text("as received")
    return received


def commit(workspace: Workspace, batch_id: str, *, supersedes: str | None = None, source: str = "a.csv") -> Manifest:
    manifest = replace(
        FIRST, batch_id=batch_id, source=source, tables={"products": TableRows(1, 0)}, supersedes=supersedes
    )
    commit_batches(workspace, [(manifest, write_rows(workspace, batch_id))])
    return manifest


@pytest.mark.parametrize(
    ("source", "revision", "batch_id"),
    [
        ("2010-12-01.csv", 1, "2010_12_01_csv_aaaaaaaaaaaa"),
        ("2010/Größe 1.csv", 2, "2010_gr_e_1_csv_aaaaaaaaaaaa_r2"),
        ("x" * 100, 1, "x" * 60 + "_aaaaaaaaaaaa"),
    ],
)
def test_a_batch_id_tells_source_content_and_revision(source: str, revision: int, batch_id: str) -> None:
    assert new_batch_id(source, "a" * 64, revision) == batch_id


def test_a_committed_batch_keeps_the_file_as_received(workspace: Workspace) -> None:
    manifest = commit(workspace, "a_1", source="2026/a.csv")
    assert read_manifests(workspace) == [manifest]
    assert (raw_folder(workspace, "a_1") / "a.csv").read_text() == "as received"
    assert not list(incoming_folder(workspace).iterdir())


def test_a_batch_without_its_parquet_file_cannot_be_committed(workspace: Workspace) -> None:
    received = write_rows(workspace, "a_1")
    parquet_path(workspace, "products", "a_1").unlink()
    with pytest.raises(FileNotFoundError):
        manifest = replace(FIRST, batch_id="a_1", tables={"products": TableRows(1, 0)})
        commit_batches(workspace, [(manifest, received)])
    assert read_manifests(workspace) == []


def test_sweeping_removes_what_has_no_manifest_and_nothing_else(workspace: Workspace) -> None:
    commit(workspace, "a_1")
    write_rows(workspace, "b_1")
    raw_folder(workspace, "b_1").mkdir()
    unfinished = workspace.lake / "manifests" / ".b_1.json.17.tmp"
    unfinished.write_text("{")
    other = workspace.lake / "of_nobody" / "c_1.parquet"
    other.parent.mkdir()
    other.write_text("of another table")
    sweep(workspace)
    left = {str(path.relative_to(workspace.lake)) for path in workspace.lake.rglob("*") if path.is_file()}
    assert left == {"manifests/a_1.json", "products/a_1.parquet", "raw/a_1/a.csv", "of_nobody/c_1.parquet"}


def test_sweeping_an_empty_workspace_does_nothing(workspace: Workspace) -> None:
    sweep(workspace)
    assert not workspace.home.exists()


def test_sweeping_finishes_a_replacement_cut_between_its_two_writes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(workspace, "a_1")
    with monkeypatch.context() as patch:
        patch.setattr("customer360.lake.manifests.name_successor", lambda *_: None)
        commit(workspace, "a_2", supersedes="a_1")
    assert [manifest.batch_id for manifest in live_batches(workspace)] == ["a_2"]
    sweep(workspace)
    assert read_manifests(workspace)[0].superseded_by == "a_2"


def test_discarding_removes_a_failed_batch_but_never_one_that_landed(workspace: Workspace) -> None:
    commit(workspace, "a_1")
    write_rows(workspace, "b_1")
    raw_folder(workspace, "b_1").mkdir()
    discard_batch(workspace, "a_1")
    discard_batch(workspace, "b_1")
    discard_batch(workspace, "never_there")
    assert parquet_path(workspace, "products", "a_1").is_file()
    assert not parquet_path(workspace, "products", "b_1").exists()
    assert not raw_folder(workspace, "b_1").exists()


def test_live_batches_come_by_source(workspace: Workspace) -> None:
    commit(workspace, "z_1", source="b.csv")
    commit(workspace, "y_1", source="c.csv")
    commit(workspace, "x_1", source="a.csv")
    commit(workspace, "w_1", source="c.csv", supersedes="y_1")
    assert [manifest.batch_id for manifest in live_batches(workspace)] == ["x_1", "z_1", "w_1"]


def test_views_show_the_batches_given_and_no_others(workspace: Workspace) -> None:
    first, _ = commit(workspace, "a_1"), commit(workspace, "b_1", source="b.csv")
    with duckdb.connect() as connection:
        create_bronze_views(connection, workspace, [first])
        assert connection.execute("select _batch_id from bronze.products").fetchall() == [("a_1",)]
        create_bronze_views(connection, workspace, live_batches(workspace))
        assert connection.execute("select count(*) from bronze.products").fetchall() == [(2,)]


def test_views_of_nothing_have_the_columns_and_types_of_the_contract(workspace: Workspace) -> None:
    with duckdb.connect() as connection:
        create_bronze_views(connection, workspace, [])
        for name, contract in TABLES.items():
            described = connection.execute(f"describe bronze.{name}").fetchall()
            expected = [(column.name, column.type) for column in (*contract.columns, *PROVENANCE)]
            assert [tuple(row[:2]) for row in described] == expected
            assert connection.execute(f"select count(*) from bronze.{name}").fetchall() == [(0,)]


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(InvalidDefinition) as fault:
        get_contract("transaction")
    assert "'transactions'" in fault.value.next_action


def test_batches_that_landed_before_their_table_got_columns_are_read_with_the_others(workspace: Workspace) -> None:
    old, new = {"source_customer_id": ["1"]}, {"source_customer_id": ["2"], "reject_code": ["no_id"]}
    batches = []
    for batch_id, columns in {"old": old, "new": new}.items():
        path = parquet_path(workspace, "api_customers", batch_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
        batches.append(replace(FIRST, batch_id=batch_id, tables={"api_customers": TableRows(1, 0)}))
    for chosen, expected in ((batches, [("1", None, None), ("2", "no_id", None)]), (batches[:1], [("1", None, None)])):
        with duckdb.connect() as connection:
            create_bronze_views(connection, workspace, chosen)
            rows = connection.sql("select source_customer_id, reject_code, age from bronze.api_customers order by 1")
            assert rows.fetchall() == expected
