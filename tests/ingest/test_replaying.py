"""Correcting rows of the messy company: they land whole or not at all, once, and nothing that landed changes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.errors import Conflict, Customer360Error, InvalidInput, NotFound
from customer360.ingest import find_dataset, load_dataset, remap_dataset
from customer360.ingest.corrections import Correction
from customer360.ingest.quarantine import get_rejects, list_rejects, read_corrected
from customer360.ingest.replaying import Replay, replay
from customer360.lake import find_damage, live_batches, parquet_path, raw_folder, read_manifests, sweep
from customer360.lake.manifests import manifest_path
from customer360.warehouse import open_builds
from customer360.workspace import Workspace, hash_file
from tests.build.messy import ROWS, write_dataset, write_files

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ids_of(workspace: Workspace) -> dict[str, str]:
    """Return the ids of the rejects by table and line."""
    with closing(open_builds(workspace)) as builds, builds.pin() as build:
        found = list_rejects(build, limit=1000).rejects
    return {f"{reject.table_name} {reject.source_line}": reject.reject_id for reject in found}


def row_with(workspace: Workspace, key: str) -> str:
    """Return the id of the rejected transaction with this key."""
    with closing(open_builds(workspace)) as builds, builds.pin() as build:
        [found] = [reject for reject in list_rejects(build, limit=1000).rejects if reject.record_key == key]
    return found.reject_id


def correct(workspace: Workspace, key: str, **changes: str | None) -> Replay:
    return replay(workspace, [Correction(row_with(workspace, key), changes)], clock=lambda: NOON)


def landed(workspace: Workspace, table: str, batch_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(parquet_path(workspace, table, batch_id)).to_pylist()
    return rows


def content(workspace: Workspace) -> dict[str, str]:
    """Return the hash of every file of the lake that is of a batch."""
    return {str(path): hash_file(path) for path in workspace.lake.rglob("*") if path.is_file()}


def test_a_corrected_row_lands_with_its_types_and_says_where_it_comes_from(company: Workspace) -> None:
    before = content(company)
    reject_id = row_with(company, "B2")
    done = correct(company, "B2", transaction_date="2024-06-13", transaction_amount="2.50", channel="Online")
    [row] = landed(company, "transactions", done.batch_id)
    assert (row["transaction_id"], row["transaction_date"].isoformat()) == ("B2", "2024-06-13")
    assert (row["transaction_amount"], row["channel"], row["_invalid"]) == (Decimal("2.5000"), "Online", None)
    assert (row["_source_file"], row["_line"], row["_batch_id"]) == (done.source, 1, done.batch_id)
    kept = raw_folder(company, done.batch_id) / Path(done.source).name
    assert json.loads(kept.read_text(encoding="utf-8")) == {
        "reject_id": reject_id,
        "set": {"transaction_date": "2024-06-13", "transaction_amount": "2.50", "channel": "Online"},
    }
    [correction] = landed(company, "corrections", done.batch_id)
    assert correction["reject_reason"].startswith("does not fit its type:")
    assert (correction["reason_code"], correction["source_line"]) == ("type,transaction_date_present", 11)
    assert correction["corrected_at"] == NOON.replace(tzinfo=None)
    assert content(company).items() >= before.items(), "what had landed is as it was"
    assert find_damage(company, live_batches(company)) == {}


def test_rows_of_several_tables_land_as_one_batch(company: Workspace) -> None:
    ids = ids_of(company)
    done = replay(
        company,
        [
            Correction(ids["transactions 15"], {"customer_id": "C1"}),
            Correction(ids["products 6"], {"product_id": "P3"}),
            Correction(ids["customers 4"], {"age": None}),
        ],
    )
    assert done.rows == {"transactions": 1, "products": 1, "customers": 1}
    [manifest] = [manifest for manifest in read_manifests(company) if manifest.is_correction]
    assert {table: counts.rows for table, counts in manifest.tables.items()} == done.rows | {"corrections": 3}
    assert [landed(company, table, done.batch_id)[0]["_line"] for table in done.rows] == [1, 2, 3]


@pytest.mark.parametrize(
    ("key", "changes", "error", "message"),
    [
        ("B6", {"customer": "C1"}, InvalidInput, "Did you mean 'customer_id'"),
        ("B6", {"_batch_id": "x"}, InvalidInput, "no such column"),
        ("B6", {"quantity": "lots"}, InvalidInput, "'lots' is no INTEGER"),
        ("B6", {"quantity": "1.5"}, InvalidInput, "'1.5' is no INTEGER"),
        ("B6", {"transaction_date": None}, InvalidInput, "cannot do without"),
        ("B6", {"customer_id": "C99"}, InvalidInput, "holds these values already"),
        ("B6", {"transaction_amount": "1.000"}, InvalidInput, "holds these values already"),
        ("B6", {}, InvalidInput, "holds these values already"),
        ("B5", {"customer_id": "C1"}, InvalidInput, "'many' is no INTEGER; it came so"),
    ],
)
def test_a_correction_that_cannot_be_used_lands_nothing(
    company: Workspace, key: str, changes: dict[str, str | None], error: type[Customer360Error], message: str
) -> None:
    before = content(company)
    with pytest.raises(error) as refused:
        correct(company, key, **changes)
    assert message in str(refused.value.details)
    assert not any(value and len(value) > 1 and f"'{value}'" in refused.value.message for value in changes.values())
    assert content(company) == before


def test_one_bad_correction_keeps_the_others_from_landing(company: Workspace) -> None:
    before, ids = content(company), ids_of(company)
    good = Correction(ids["transactions 15"], {"customer_id": "C1"})
    for bad, error in ((Correction("0" * 16, {"city": "Bonn"}), NotFound), (good, InvalidInput)):
        with pytest.raises(error):
            replay(company, [good, bad])
    assert content(company) == before


def test_a_row_is_corrected_once_also_before_the_next_build(company: Workspace) -> None:
    done = correct(company, "B6", customer_id="C1")
    with pytest.raises(Conflict, match=f"landed anew in {done.batch_id}") as refused:
        correct(company, "B6", customer_id="C2")
    assert refused.value.code == "reject_replayed"
    assert list(read_corrected(company).values()) == [done.batch_id]


def test_a_row_whose_file_landed_anew_is_to_be_looked_up_in_the_next_build(company: Workspace, tmp_path: Path) -> None:
    dataset = find_dataset(str(write_dataset(tmp_path / "dataset")))
    files = write_files(tmp_path / "files", {"transactions": ROWS["transactions"][:-1]})
    load_dataset(company, dataset, files, replace=True)
    with pytest.raises(Conflict) as refused:
        correct(company, "B6", customer_id="C1")
    assert (refused.value.code, "customer360 build" in refused.value.next_action) == ("reject_moved", True)


def test_a_line_that_became_several_rows_is_not_guessed_at(company: Workspace) -> None:
    [batch] = [batch for batch in live_batches(company) if batch.source == "transactions.csv"]
    path = parquet_path(company, "transactions", batch.batch_id)
    rows = pq.read_table(path)
    path.unlink()  # the file is a link to one of other tests
    pq.write_table(rows.take([*range(rows.num_rows), 13]), path)
    with pytest.raises(Conflict, match=r"Line 15 of transactions\.csv gives 2 rows"):
        correct(company, "B6", customer_id="C1")


def test_mapping_the_files_anew_leaves_corrections_alone(company: Workspace, tmp_path: Path) -> None:
    done = correct(company, "B6", customer_id="C1")
    dataset = write_dataset(tmp_path / "dataset")
    mapping = dataset / "transactions.sql"
    mapping.write_text(
        mapping.read_text(encoding="utf-8").replace(" from", ", 'Mobile' as channel from"), encoding="utf-8"
    )
    report = remap_dataset(company, find_dataset(str(dataset)))
    assert [manifest.source for manifest in report.landed] == ["transactions.csv"]
    assert done.batch_id in {batch.batch_id for batch in live_batches(company)}


KILLED = """
import os, signal, sys
from pathlib import Path
from customer360.ingest.corrections import Correction
from customer360.ingest.replaying import replay
from customer360.lake import bronze
from customer360.workspace import Workspace

bronze.write_manifest = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
replay(Workspace(Path(sys.argv[1])), [Correction(sys.argv[2], {"customer_id": "C1"})])
"""


def test_a_replay_that_is_killed_before_its_manifest_leaves_nothing(company: Workspace) -> None:
    reject_id = row_with(company, "B6")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(company.home), reject_id], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list(company.lake.glob("corrections/*.parquet")), "the kill came behind the rows"
    assert (read_corrected(company), [m for m in read_manifests(company) if m.is_correction]) == ({}, [])
    sweep(company)
    assert [*company.lake.glob("corrections/*"), *company.lake.glob("raw/corrections*")] == []
    assert correct(company, "B6", customer_id="C1").rows == {"transactions": 1}


# Whatever somebody asks for


@pytest.fixture(scope="module")
def ids(messy: Workspace) -> list[str]:
    return [*ids_of(messy).values()]


def forget(workspace: Workspace) -> None:
    """Take back what was corrected."""
    for manifest in read_manifests(workspace):
        if manifest.is_correction:
            manifest_path(workspace, manifest.batch_id).unlink()
    sweep(workspace)


COLUMNS = ["transaction_id", "customer_id", "quantity", "transaction_date", "start_date", "age", "new_value", "nothing"]
SETTABLE = (
    st.none() | st.sampled_from(["C1", "2024-06-01", "7", "x"]) | st.text(st.characters(codec="utf-8"), max_size=8)
)
CHANGES = st.dictionaries(st.sampled_from(COLUMNS), SETTABLE.map(lambda value: value or None), max_size=3)


@pytest.mark.contract("S4.14")
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_corrections_land_whole_or_are_refused_and_nothing_is_lost(
    data: st.DataObject, company: Workspace, ids: list[str]
) -> None:
    before = content(company)
    wanted = data.draw(
        st.lists(st.builds(Correction, st.sampled_from([*ids, "nobody"]), CHANGES), max_size=3), label="corrections"
    )
    try:
        done = replay(company, wanted)
    except Customer360Error as refused:
        assert refused.exit_code in (2, 3, 4)
        assert content(company) == before
        return
    rows = [row for table in done.rows for row in landed(company, table, done.batch_id)]
    assert sorted(row["_line"] for row in rows) == list(range(1, len(wanted) + 1))
    assert read_corrected(company) == dict.fromkeys([c.reject_id for c in wanted], done.batch_id)
    assert content(company).items() >= before.items()
    with closing(open_builds(company)) as builds, builds.pin() as build:
        tables = {name: reject.table_name for name, reject in get_rejects(build, done.reject_ids).items()}
    for correction in wanted:
        [line] = [place for place, c in enumerate(wanted, start=1) if c is correction]
        [row] = [r for r in landed(company, tables[correction.reject_id], done.batch_id) if r["_line"] == line]
        assert all((row[column] is None) == (value is None) for column, value in correction.changes.items())
    forget(company)
