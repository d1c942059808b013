"""Landing files: each whole or not at all, none twice, and everything that does not land says why."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from customer360.cli.app import app
from customer360.clock import utc_now
from customer360.errors import Conflict, InvalidDefinition, NotFound, Unavailable, WorkspaceBusy
from customer360.ingest import DatasetFolder, find_dataset, load_dataset, remap_dataset
from customer360.lake import Manifest, incoming_folder, live_batches, parquet_path, raw_folder, read_manifests
from customer360.workspace import Workspace
from tests.ingest.shop import (
    DEFINITION,
    HEADER,
    PRODUCTS,
    TRANSACTIONS,
    bronze,
    land,
    landed,
    pack,
    put,
    refusals,
    sale,
    sales,
    write_shop,
)

pytestmark = pytest.mark.integration

TOTALS = "select count(*), sum(transaction_amount) from transactions"


def lake_files(workspace: Workspace) -> set[str]:
    return {str(path.relative_to(workspace.lake)) for path in workspace.lake.rglob("*") if path.is_file()}


def assert_nothing_half_there(workspace: Workspace) -> None:
    """Every file of the lake belongs to a manifest, and every manifest has all its files."""
    wanted = set()
    for manifest in read_manifests(workspace):
        wanted.add(f"manifests/{manifest.batch_id}.json")
        wanted.add(f"raw/{manifest.batch_id}/{Path(manifest.source).name}")
        wanted.update(f"{table}/{manifest.batch_id}.parquet" for table in manifest.tables)
    assert lake_files(workspace) == wanted


def test_each_file_becomes_one_batch_with_a_manifest(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    put(inbox, a=sales(1, 2), b=sales(3))
    report = load_dataset(workspace, shop, inbox, clock=lambda: utc_now().replace(2026, 2, 3, 4, 5, 6))
    assert landed(report) == ["a.csv", "b.csv"]
    first = next(manifest for manifest in live_batches(workspace) if manifest.source == "a.csv")
    assert (first.dataset, first.rows, first.duplicate_rows, first.landed_at) == ("shop", 2, 0, "2026-02-03T04:05:06")
    assert first.sha256 == hashlib.sha256((inbox / "a.csv").read_bytes()).hexdigest()
    assert first.bytes == (inbox / "a.csv").stat().st_size
    assert {table: rows.rows for table, rows in first.tables.items()} == {"transactions": 2, "products": 2}
    assert (raw_folder(workspace, first.batch_id) / "a.csv").read_bytes() == (inbox / "a.csv").read_bytes()
    assert bronze(workspace, "select _source_file, _batch_id, _line from transactions where transaction_id = '2'") == [
        ("a.csv", first.batch_id, 3)
    ]
    assert_nothing_half_there(workspace)


def test_the_same_files_again_land_nothing_and_say_so(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    put(inbox, a=sales(1), b=sales(2))
    land(workspace, shop, inbox)
    before = lake_files(workspace)
    again = land(workspace, shop, inbox)
    assert (again.landed, sorted(again.unchanged), again.refused) == (
        [],
        ["a.csv", "b.csv", "merchant_categories.sql"],
        [],
    )
    assert (again.batches, again.rows) == (3, 2)
    assert lake_files(workspace) == before


def test_a_folder_an_archive_and_a_file_are_the_same_source(
    workspace: Workspace, shop: DatasetFolder, inbox: Path, tmp_path: Path
) -> None:
    put(inbox, a=sales(1))
    land(workspace, shop, inbox)
    archive = pack(tmp_path / "all.tar.gz", {"./a.csv": sales(1)})
    assert "a.csv" in land(workspace, shop, archive).unchanged
    assert "a.csv" in land(workspace, shop, inbox / "a.csv").unchanged


def test_changed_content_is_refused_by_default(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    land(workspace, shop, put(inbox, a=sales(1)))
    report = land(workspace, shop, put(inbox, a=sales(1, 2), b=sales(3)))
    assert landed(report) == ["b.csv"]
    assert [refusal.code for refusal in report.refused] == ["source_changed"]
    assert "--replace" in report.refused[0].next_action
    assert bronze(workspace, TOTALS) == [(2, Decimal("5.0000"))]
    assert_nothing_half_there(workspace)


def test_replace_supersedes_and_keeps_the_old_batch(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    [old] = [m for m in land(workspace, shop, put(inbox, a=sales(1))).landed if m.source == "a.csv"]
    [new] = land(workspace, shop, put(inbox, a=sales(1, 2)), replace=True).landed
    manifests = {manifest.batch_id: manifest for manifest in read_manifests(workspace)}
    assert manifests[new.batch_id].supersedes == old.batch_id
    assert manifests[old.batch_id].superseded_by == new.batch_id
    assert old.batch_id not in {manifest.batch_id for manifest in live_batches(workspace)}
    assert parquet_path(workspace, "transactions", old.batch_id).is_file()
    assert bronze(workspace, TOTALS) == [(2, Decimal("5.0000"))]
    assert_nothing_half_there(workspace)


def test_replace_may_go_back_to_earlier_content(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    for content, rows in [(sales(1), 1), (sales(1, 2), 2), (sales(1), 1), (sales(1, 2), 2)]:
        report = land(workspace, shop, put(inbox, a=content), replace=True)
        assert landed(report) == ["a.csv"]
        assert bronze(workspace, "select count(*) from transactions") == [(rows,)]
    assert len([m for m in read_manifests(workspace) if m.source == "a.csv"]) == 4
    assert len(live_batches(workspace)) == 2
    assert_nothing_half_there(workspace)


@pytest.mark.parametrize("at_once", [True, False])
def test_the_same_content_under_another_name_is_refused(
    workspace: Workspace, shop: DatasetFolder, inbox: Path, at_once: bool
) -> None:
    put(inbox, a=sales(1))
    if not at_once:
        land(workspace, shop, inbox)
    report = land(workspace, shop, put(inbox, b=sales(1)))
    assert refusals(report) == ["b.csv: the same content landed as a.csv."]
    assert bronze(workspace, "select count(*) from transactions") == [(1,)]


def test_a_copy_of_a_file_that_does_not_fit_is_refused_for_what_is_wrong_with_it(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    report = land(workspace, shop, put(inbox, a="x\n1\n", b="x\n1\n"))
    assert [message.split(":")[1] for message in sorted(refusals(report))] == [
        " column 'sale' is missing; the file has x."
    ] * 2


def test_a_name_that_comes_twice_in_an_archive_lands_once(
    workspace: Workspace, shop: DatasetFolder, tmp_path: Path
) -> None:
    archive = pack(tmp_path / "a.tar", {"a.csv": sales(1), "./a.csv": sales(1, 2)}, mode="w")
    report = land(workspace, shop, archive)
    assert landed(report) == ["a.csv"]
    assert [refusal.code for refusal in report.refused] == ["source_changed"]
    assert landed(land(workspace, shop, archive, replace=True)) == ["a.csv"]
    assert bronze(workspace, "select count(*) from transactions") == [(2,)]


MISFITS: dict[str, tuple[str | bytes, str]] = {
    "missing": ("sale,sold_at,customer,pieces,price\n1,2,3,4,5\n", "missing.csv, line 1: column 'note' is missing"),
    "never_parses": (
        "\n".join([HEADER, sale(1, price="x"), sale(2, price="y")]),
        "never_parses.csv, line 2, column transaction_amount: no value of the file is a DECIMAL",
    ),
    "cut": (sales(1) + '2,"2026-', "cut.csv, line 3, column 2: the file ends inside a quoted field"),
    "latin": (sales(1).encode() + sale(2, note="Größe").encode("latin-1"), "latin.csv, line 3, column 6: byte 0xf6"),
    "empty": ("", "empty.csv: the file is empty"),
    "header": (HEADER + "\n", "header.csv: the file has no rows"),
    "odd, name: 1": ("x\n", "odd, name: 1.csv, line 1: column 'sale' is missing"),
}


def test_files_that_do_not_fit_are_refused_whole_and_the_others_land(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    put(inbox, good=sales(1), **{name: content for name, (content, _) in MISFITS.items()})
    seen: list[str] = []
    report = load_dataset(workspace, shop, inbox, progress=seen.append)
    assert landed(report) == ["good.csv"]
    messages = sorted(refusals(report))
    assert len(messages) == len(MISFITS)
    for message, (_, expected) in zip(messages, sorted(MISFITS.values(), key=lambda one: one[1]), strict=True):
        assert message.startswith(expected)
    assert sorted(seen) == sorted(["good.csv", "merchant_categories.sql", *(f"{name}.csv" for name in MISFITS)])
    assert_nothing_half_there(workspace)


def test_the_exit_code_says_that_files_were_refused(
    workspace: Workspace, shop: DatasetFolder, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER360_HOME", str(workspace.home))
    put(inbox, good=sales(1), empty="")
    arguments = ["load", str(shop.folder), "--from", str(inbox)]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    (inbox / "empty.csv").unlink()
    assert CliRunner().invoke(app, arguments).exit_code == 0


def test_rows_with_values_that_do_not_fit_land_with_them(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    rows = [HEADER, sale(1), sale(2, price="n/a"), sale(3, pieces="2.5", price="?")]
    report = land(workspace, shop, put(inbox, a="\n".join(rows)))
    assert (report.tables["transactions"], report.invalid["transactions"]) == (3, 2)
    invalid = "select _line, _invalid from transactions where _invalid is not null order by _line"
    assert [(line, json.loads(text)) for line, text in bronze(workspace, invalid)] == [
        (3, {"transaction_amount": "n/a"}),
        (4, {"transaction_amount": "?", "quantity": "2.5"}),
    ]


def test_exact_repeats_are_counted_and_kept(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    report = land(workspace, shop, put(inbox, a=sales(1, 1, 1, 2)))
    assert (report.rows, report.duplicate_rows, report.tables["transactions"]) == (4, 2, 4)


@pytest.mark.parametrize("cut", [0.4, 0.999])
def test_a_cut_archive_lands_what_came_out_and_says_so(
    workspace: Workspace, shop: DatasetFolder, tmp_path: Path, cut: float
) -> None:
    files = {
        "00.csv": sales(1),
        **{f"1{number}.csv": sales(*range(number * 500, number * 500 + 500)) for number in range(1, 9)},
    }
    archive = pack(tmp_path / "all.tar.gz", dict(files))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * cut)])
    report = land(workspace, shop, archive)
    assert 0 < len(landed(report)) < len(files) + (cut > 0.9)
    assert re.match(r"all\.tar\.gz: the archive is damaged after \d files", refusals(report)[-1])
    assert_nothing_half_there(workspace)
    archive.write_bytes(whole)
    repaired = land(workspace, shop, archive)
    assert not repaired.refused
    assert repaired.rows == 4_001


def test_a_compressed_file_that_is_no_archive_is_refused(
    workspace: Workspace, shop: DatasetFolder, tmp_path: Path
) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(b"hello" * 1000))
    report = land(workspace, shop, tmp_path / "a.tar.gz")
    assert "the archive is damaged after 0 files" in refusals(report)[0]
    assert not workspace.description.exists()


def test_the_first_batch_names_the_dataset_of_the_workspace(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    land(workspace, shop, put(inbox, a=sales(1)))
    held = workspace.describe()
    assert (held["dataset"], held["definition"]["currency"]) == ("shop", "EUR")


def test_a_load_of_nothing_binds_the_workspace_to_nothing(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    with pytest.raises(NotFound):
        land(workspace, shop, inbox / "typo")
    report = land(workspace, shop, put(inbox, a="x\n1\n"))
    assert (len(report.refused), report.landed) == (1, [])
    assert not workspace.description.exists()


def test_a_second_dataset_is_refused_with_the_command_that_opens_another_workspace(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    land(workspace, shop, put(inbox, a=sales(1)))
    before = lake_files(workspace)
    with pytest.raises(Conflict) as conflict:
        land(workspace, find_dataset("cdnow"), inbox)
    assert conflict.value.code == "other_dataset"
    assert conflict.value.next_action == "CUSTOMER360_HOME=.customer360-cdnow customer360 load cdnow --from PATH"
    assert lake_files(workspace) == before


def test_a_changed_definition_reaches_the_workspace_with_the_next_load(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    land(workspace, shop, put(inbox, a=sales(1)))
    created = workspace.describe()["created_at"]
    land(workspace, write_shop(shop.folder, definition=DEFINITION.replace("EUR", "CHF")), inbox)
    assert workspace.describe()["definition"]["currency"] == "CHF"
    assert workspace.describe()["created_at"] == created


def test_a_load_beside_another_writer_is_refused(
    workspace: Workspace, shop: DatasetFolder, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = Workspace.writing.__wrapped__.__kwdefaults__  # type: ignore[attr-defined]
    monkeypatch.setitem(defaults, "wait", 0.1)
    put(inbox, a=sales(1))
    with workspace.writing(), pytest.raises(WorkspaceBusy):
        land(workspace, shop, inbox)
    assert landed(land(workspace, shop, inbox)) == ["a.csv"]


def test_a_reference_table_follows_its_select_without_replace(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    put(inbox, a=sales(1))
    land(workspace, shop, inbox)
    sql = (shop.folder / "merchant_categories.sql").read_text()
    for changed in (sql.replace("'All'", "'Everything'"), sql):
        report = land(workspace, write_shop(shop.folder, merchant_categories=changed), inbox)
        assert [manifest.source for manifest in report.landed] == ["merchant_categories.sql"]
        name = "Everything" if changed != sql else "All"
        assert bronze(workspace, "select category_name from merchant_categories") == [(name,)]
    assert_nothing_half_there(workspace)


def test_a_changed_mapping_is_told_and_remap_lands_it_from_the_kept_files(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    put(inbox, a=sales(1), b=sales(2))
    land(workspace, shop, inbox)
    changed = write_shop(shop.folder, transactions=TRANSACTIONS.replace("'purchase'", "'fee'"))
    again = land(workspace, changed, inbox)
    assert (again.outdated_mappings, again.landed) == (2, [])
    for file in inbox.iterdir():
        file.unlink()
    remapped = remap_dataset(workspace, changed)
    assert landed(remapped) == ["a.csv", "b.csv"]
    assert all(manifest.supersedes for manifest in remapped.landed)
    assert bronze(workspace, "select distinct transaction_type from transactions") == [("fee",)]
    assert (remap_dataset(workspace, changed).landed, remapped.rows) == ([], 2)
    assert_nothing_half_there(workspace)


def test_remap_takes_what_dataset_yml_says_about_reading(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    land(workspace, shop, put(inbox, a="\n".join([HEADER, sale(1), sale(2, price="NA")])))
    changed = write_shop(shop.folder, definition=DEFINITION.replace('"*.csv"', '"*.csv"\n    null_values: ["", NA]'))
    assert landed(remap_dataset(workspace, changed)) == ["a.csv"]
    assert bronze(workspace, "select count(*) from transactions where _invalid is not null") == [(0,)]


def test_remap_lands_the_reference_select_as_it_is_now(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    land(workspace, shop, put(inbox, a=sales(1)))
    sql = (shop.folder / "merchant_categories.sql").read_text().replace("'All'", "'Everything'")
    changed = write_shop(shop.folder, merchant_categories=sql)
    assert [manifest.source for manifest in remap_dataset(workspace, changed).landed] == ["merchant_categories.sql"]
    assert "merchant_categories.sql" in land(workspace, changed, inbox).unchanged


def test_remap_refuses_a_kept_file_that_is_not_what_landed(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    report = land(workspace, shop, put(inbox, a=sales(1), b=sales(2)))
    first, second = (
        raw_folder(workspace, m.batch_id) / m.source for m in report.landed if m.source != "merchant_categories.sql"
    )
    first.write_text(sales(7))
    second.unlink()
    changed = write_shop(shop.folder, transactions=TRANSACTIONS.replace("'purchase'", "'fee'"))
    told = refusals(remap_dataset(workspace, changed))
    assert told[0].startswith("a.csv: the copy kept in the lake is not what landed")
    assert told[1].startswith("b.csv: the file cannot be read to its end")
    assert bronze(workspace, "select count(*), min(transaction_type) from transactions") == [(2, "purchase")]


def test_remap_of_an_empty_workspace_says_what_to_load(workspace: Workspace, shop: DatasetFolder) -> None:
    with pytest.raises(NotFound, match="is empty"):
        remap_dataset(workspace, shop)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (PRODUCTS.replace("_line, ", ""), "does not give '_line'"),
        (PRODUCTS.replace("product_name", "product_title"), "gives a column 'product_title'"),
        (PRODUCTS + "; select 1", "must be one select"),
    ],
)
def test_a_fault_in_a_mapping_is_met_before_anything_lands(
    workspace: Workspace, shop: DatasetFolder, inbox: Path, sql: str, message: str
) -> None:
    put(inbox, a=sales(1))
    with pytest.raises(InvalidDefinition, match=message):
        land(workspace, write_shop(shop.folder, products=sql), inbox)
    assert not workspace.lake.exists()


def test_a_file_without_a_column_that_only_the_mapping_knows_is_refused_and_the_others_land(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    changed = write_shop(shop.folder, products=PRODUCTS.replace("note as", "coalesce(note, remark) as"))
    put(inbox, a=sales(1), b=f"{HEADER},remark\n{sale(2)},said\n")
    report = land(workspace, changed, inbox)
    assert landed(report) == ["b.csv"]
    assert re.match(r'a\.csv: products\.sql fails on this file: .*"remark" not found', refusals(report)[0])
    assert_nothing_half_there(workspace)


def test_a_reference_select_cannot_read_a_file(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    broken = write_shop(
        shop.folder,
        merchant_categories="select _line, sale as category_id, 'a' as category_name, "
        "'Other' as category_group from source",
    )
    with pytest.raises(InvalidDefinition, match=r"merchant_categories\.sql does not run"):
        land(workspace, broken, put(inbox, a=sales(1)))


def test_a_fault_in_the_report_names_it_and_what_landed_stays(
    workspace: Workspace, shop: DatasetFolder, inbox: Path
) -> None:
    (shop.folder / "report.sql").write_text("select figure from nowhere")
    with pytest.raises(InvalidDefinition, match=r"report\.sql does not run"):
        land(workspace, shop, put(inbox, a=sales(1)))
    (shop.folder / "report.sql").write_text("select 'sales' as figure, count(*)::varchar as value from transactions")
    assert land(workspace, shop, inbox).figures == {"sales": "1"}


def test_big_and_small_files_land_alike(
    workspace: Workspace, shop: DatasetFolder, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer360.ingest.landing.IN_MEMORY_BYTES", 500)
    monkeypatch.setattr("customer360.ingest.loading.GROUP_BYTES", 300)
    monkeypatch.setattr("customer360.ingest.loading._Landing.workers", 1)
    monkeypatch.setattr("customer360.ingest.reading.BLOCK", 300)
    put(inbox, a=sales(1), b=sales(*range(10, 40)), c=sales(2), d=sales(*range(50, 80)), e="x\n" * 400, f=sales(3, 3))
    report = land(workspace, shop, inbox)
    assert [(m.source, m.rows, m.duplicate_rows) for m in report.landed if m.source.endswith("csv")] == [
        ("a.csv", 1, 0),
        ("b.csv", 30, 0),
        ("c.csv", 1, 0),
        ("d.csv", 30, 0),
        ("f.csv", 2, 1),
    ]
    sums = "select _source_file, count(*), min(transaction_id), max(_line) from transactions group by 1 order by 1"
    assert bronze(workspace, sums) == [
        ("a.csv", 1, "1", 2),
        ("b.csv", 30, "10", 31),
        ("c.csv", 1, "2", 2),
        ("d.csv", 30, "50", 31),
        ("f.csv", 2, "3", 3),
    ]
    assert_nothing_half_there(workspace)


def test_files_that_arrive_together_land_as_each_would_alone(
    workspace: Workspace, shop: DatasetFolder, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, a=sales(1, 1), b="x\n" * 4, c=sales(2), d=sales(*range(3, 9)), e=sales(1, 1) + "\n", f=sales(9))
    other_order = [",".join(reversed(line.split(","))) for line in sales(10, 11).splitlines()]
    put(inbox, g="\n".join(other_order))
    alone = Workspace(tmp_path / "alone")
    with monkeypatch.context() as patch:
        patch.setattr("customer360.ingest.loading.GROUP_FILES", 1)
        expected = land(alone, shop, inbox)
    report = land(workspace, shop, inbox)
    assert [timeless(m) for m in report.landed] == [timeless(m) for m in expected.landed]
    assert [refusal.message for refusal in report.refused] == [refusal.message for refusal in expected.refused]
    everything = "select * exclude (_loaded_at) from transactions order by _source_file, _line"
    assert bronze(workspace, everything) == bronze(alone, everything)


def timeless(manifest: Manifest) -> Manifest:
    """Return what a manifest says beside when its batch landed, which is in the hashes of its files too."""
    tables = {name: replace(counts, sha256="") for name, counts in manifest.tables.items()}
    return replace(manifest, landed_at="", tables=tables)


def test_landing_starts_without_pandas(shop: DatasetFolder, inbox: Path, tmp_path: Path) -> None:
    """Some calls of pyarrow import it, which takes longer than many a load."""
    put(inbox, a=sales(1), b=sales(2))
    program = (
        "import sys; from pathlib import Path; from customer360.ingest import *; "
        "from customer360.workspace import Workspace; home, dataset, inbox = sys.argv[1:]; "
        "report = load_dataset(Workspace(Path(home)), find_dataset(dataset), Path(inbox)); "
        "print(len(report.landed), 'pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "home"), str(shop.folder), str(inbox)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "3 False\n"


def test_parquet_sources_land(workspace: Workspace, tmp_path: Path, inbox: Path) -> None:
    definition = DEFINITION.replace('"*.csv"', '"*.parquet"\n    format: parquet')
    shop = write_shop(tmp_path / "parquet", definition=definition)
    columns: dict[str, list[Any]] = {
        "sale": [1, 2],
        "sold_at": ["2026-01-05 09:12:00"] * 2,
        "customer": ["C1", None],
        "pieces": [1, 2],
        "price": [2.5, 0.1],
        "note": ["x", "y"],
    }
    pq.write_table(pa.table(columns), inbox / "a.parquet")
    pq.write_table(pa.table({**columns, "sale": ["3", "4"]}), inbox / "b.parquet")
    (inbox / "c.parquet").write_bytes(b"PAR1 not")
    report = land(workspace, shop, inbox)
    assert landed(report) == ["a.parquet", "b.parquet"]
    assert "c.parquet: the file cannot be read as Parquet" in refusals(report)[0]
    assert bronze(workspace, "select transaction_id, transaction_amount from transactions order by 1") == [
        ("1", Decimal("2.5000")),
        ("2", Decimal("0.1000")),
        ("3", Decimal("2.5000")),
        ("4", Decimal("0.1000")),
    ]


def full_disk(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "place",
    [
        "customer360.ingest.mapping.pq.ParquetWriter",
        "customer360.lake.bronze.sync",
        "customer360.workspace.sync",
        "customer360.ingest.files._chunks",
    ],
)
def test_a_full_disk_is_said_and_leaves_nothing_half_there(
    workspace: Workspace, shop: DatasetFolder, inbox: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    land(workspace, shop, put(inbox, a=sales(1)))
    put(inbox, b=sales(2), c=sales(3))
    with monkeypatch.context() as patch:
        patch.setattr(place, full_disk)
        with pytest.raises(Unavailable) as fault:
            land(workspace, shop, inbox)
    assert fault.value.code == "disk_full"
    known = {manifest.source for manifest in read_manifests(workspace)}
    if place != "customer360.workspace.sync":  # there the manifest was in place already, and only its sync failed
        assert known == {"a.csv", "merchant_categories.sql"}
    assert_nothing_half_there(workspace)
    assert {*known, *landed(land(workspace, shop, inbox))} == {"a.csv", "b.csv", "c.csv", "merchant_categories.sql"}
    assert bronze(workspace, "select count(*) from transactions") == [(3,)]


def test_a_refused_file_leaves_nothing_on_its_way_in(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    land(workspace, shop, put(inbox, a=sales(1)))
    land(workspace, shop, put(inbox, a=sales(2), b="x\n", c=sales(1), d=""))
    assert list(incoming_folder(workspace).iterdir()) == []


def test_no_file_of_an_archive_is_written_outside_the_workspace(
    workspace: Workspace, shop: DatasetFolder, tmp_path: Path
) -> None:
    archive = pack(tmp_path / "a.tar.gz", {"../../evil.csv": sales(1), "/tmp/evil.csv": sales(2), "ok/a.csv": sales(3)})
    before = set(tmp_path.iterdir())
    report = land(workspace, shop, archive)
    assert landed(report) == ["ok/a.csv"]
    assert ["the name leads out of its folder" in message for message in refusals(report)] == [True, True]
    assert set(tmp_path.iterdir()) - before == {workspace.home}
    assert_nothing_half_there(workspace)


notes = st.text(
    st.one_of(st.sampled_from('",\n\r\t\u2028é😀'), st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(values=st.lists(notes, min_size=1, max_size=12))
def test_every_text_survives_landing(
    tmp_path_factory: pytest.TempPathFactory, shop: DatasetFolder, values: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    quoted = ['"' + value.replace('"', '""') + '"' for value in values]
    text = "\n".join([HEADER, *(sale(number, note=note) for number, note in enumerate(quoted))])
    workspace = Workspace(folder / "home")
    land(workspace, shop, put(folder / "in", a=text))
    got = bronze(workspace, "select product_name, _line from products order by product_id::integer")
    starts = [2 + sum(value.count("\n") + 1 for value in values[:place]) for place in range(len(values))]
    assert got == [(value or None, start) for value, start in zip(values, starts, strict=True)]


def test_the_writer_sees_each_file_once_in_progress(workspace: Workspace, shop: DatasetFolder, inbox: Path) -> None:
    seen: list[str] = []
    note: Callable[[str], None] = seen.append
    load_dataset(workspace, shop, put(inbox, **{f"f{n}": sales(n) for n in range(12)}), progress=note)
    load_dataset(workspace, shop, inbox, progress=note)
    assert sorted(seen) == sorted([*(f"f{n}.csv" for n in range(12)), "merchant_categories.sql"] * 2)
