"""What landed in the lake, copied to the emulator: every row once, with its types, and no half of a copy."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from customer360.build.pipeline import run_load
from customer360.build.runner import copy_lake
from customer360.errors import AccessRefused, Conflict, Customer360Error, InvalidQuery, QueryTimeout, Unavailable
from customer360.ingest import find_dataset, load_dataset
from customer360.lake import PROVENANCE, TABLES, Manifest, TableRows, commit_snapshot, parquet_path, read_manifests
from customer360.lake.retention import drop_expired
from customer360.settings import SnowflakeSettings
from customer360.warehouse import open_builds, snowflake_account
from customer360.warehouse.builds import Batch
from customer360.warehouse.snowflake_account import Account
from customer360.warehouse.snowflake_bronze import Copied, copy_batches
from customer360.workspace import Workspace, hash_file
from tests.build.messy import GOOD, write_dataset, write_files
from tests.conftest import account_on, deployed
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_wire import ABORT, HANG_UP, LOGIN, LOSE_ANSWER, QUERY, Answer, Request, Wire, refuses
from tests.warehouse.conftest import BUILD_FILES

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("snowflake")]

BRONZE_FILES = (
    *BUILD_FILES,
    "0007_bronze_tables",
    "0019_customers_of_apis",
    "0020_what_apis_say_of_customers",
    "0021_corrections",
    "0022_churn_scores",
    "0008_stages_and_formats",
)
SESSION_GONE = refuses("390111", "Session no longer exists. New login required to access the service.")
REPEATED_PUT = "put 'file://part"
"""The connector asks again, without the folder, for the address that the emulator gives each file."""
OLD = "T0,C1,O0,P1,gro,2021-02-01,2021-02-01 10:00:00,1.00,1,purchase,approved,EUR,pos"


@pytest.fixture
def place(emulator: Emulator) -> SnowflakeSettings:
    """A database of its own with the tables that a copy needs."""
    return deployed(account_on(emulator), BRONZE_FILES)


@pytest.fixture
def account(place: SnowflakeSettings) -> Iterator[Account]:
    with closing(Account(place)) as opened:
        yield opened


@pytest.fixture(scope="module")
def untouched(emulator: Emulator) -> SnowflakeSettings:
    """The same for tests in which nothing lands."""
    return deployed(account_on(emulator), BRONZE_FILES)


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with the messy company, and a snapshot of segments: every table of the contract."""
    folder = tmp_path_factory.mktemp("landed")
    workspace = Workspace(folder / "home")
    load_dataset(workspace, find_dataset(str(write_dataset(folder / "dataset"))), write_files(folder / "files"))
    land_snapshot(workspace, folder / "segments.parquet")
    return folder


@pytest.fixture
def lake(landed: Path, tmp_path: Path) -> Workspace:
    """A copy of that workspace that a test may change; its files and dataset lie beside it."""
    shutil.copytree(landed, tmp_path, dirs_exist_ok=True)
    return Workspace(tmp_path / "home")


FOUND = {
    "segment_snapshots": "'Stable' as customer_segment",
    "churn_scores": (
        "'churn_1' as model_version, 0.25::double as churn_probability, 71 as churn_risk_score, "
        "'High Risk' as churn_risk_category"
    ),
}
"""What a build would have found of a customer, by the table that remembers it."""


def land_snapshot(workspace: Workspace, written: Path, table: str = "segment_snapshots") -> None:
    """Land what a build would have found."""
    batch_id = f"{table}_1"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select 'C1' as customer_id, {FOUND[table]}, date '2024-06-30' as as_of_date, "
            f"1::bigint as _line, null::varchar as _invalid, 'found' as _source_file, '{batch_id}' as _batch_id, "
            f"timestamp '2026-11-21 04:51:00' as _loaded_at) to '{written}' (format parquet)"
        )
    sha256 = hash_file(written)
    counts = {table: TableRows(1, 0, sha256)}
    manifest = Manifest(batch_id, "messy", "found", sha256, 1, "", 1, None, counts, "2026-11-21T04:51:00")
    commit_snapshot(workspace, manifest, written)


def load_more(lake: Workspace, rows: dict[str, list[str]], part: str, *, replace: bool = False) -> None:
    folder = lake.home.parent
    more = write_files(folder / f"files{part}", rows, part=part)
    report = load_dataset(lake, find_dataset(str(folder / "dataset")), more, replace=replace)
    assert len(report.landed) == len(rows)


def through(wire: Wire, settings: SnowflakeSettings) -> SnowflakeSettings:
    """Return settings that reach the same database through a wire."""
    return settings.model_copy(update={"port": wire.port})


def batches_of(lake: Workspace) -> list[Batch]:
    """Return the batches of a lake as a copy is given them."""
    return [
        Batch(asdict(manifest), {name: parquet_path(lake, name, manifest.batch_id) for name in manifest.tables})
        for manifest in read_manifests(lake)
    ]


def copy(account: Account, lake: Workspace) -> Copied:
    return copy_batches(account, batches_of(lake))


def columns_of(table: str) -> list[str]:
    return [column.name for column in (*TABLES[table].columns, *PROVENANCE)]


def rows_there(account: Account, table: str) -> list[tuple[Any, ...]]:
    """Return all rows of a table of BRONZE, in an order of their own."""
    return sorted(account.execute(f"select {', '.join(columns_of(table))} from BRONZE.{table}"), key=repr)


def rows_here(lake: Workspace, table: str) -> list[tuple[Any, ...]]:
    """Return all rows of the lake's Parquet files of a table, read by Arrow."""
    files = [batch.files[table] for batch in batches_of(lake) if table in batch.files]
    rows = [row for file in files for row in pq.read_table(file, columns=columns_of(table)).to_pylist()]
    return sorted((tuple(row[name] for name in columns_of(table)) for row in rows), key=repr)


def what_is_there(account: Account) -> dict[str, Any]:
    """Return the batches and the rows of every table of BRONZE."""
    known = account.execute("select batch_id, superseded_by, transactions_dropped_on from OPS.BATCHES order by 1")
    return {"batches": known} | {table: rows_there(account, table) for table in TABLES}


def what_is_here(lake: Workspace) -> dict[str, Any]:
    manifests = sorted(read_manifests(lake), key=lambda manifest: manifest.batch_id)
    dropped = [date.fromisoformat(m.transactions_dropped_on) if m.transactions_dropped_on else None for m in manifests]
    known = [(m.batch_id, m.superseded_by, day) for m, day in zip(manifests, dropped, strict=True)]
    return {"batches": known} | {table: rows_here(lake, table) for table in TABLES}


NOTHING: dict[str, Any] = {"batches": []} | {table: [] for table in TABLES}


def there_is_nothing(place: SnowflakeSettings) -> bool:
    with closing(Account(place)) as account:
        return what_is_there(account) == NOTHING


# What lands


def test_every_row_of_every_table_lands_with_its_types(account: Account, lake: Workspace) -> None:
    load_more(lake, {"transactions": ["T9" + GOOD[0][2:]], "products": ["P9,Lamp,Light,product"]}, "_2")
    land_snapshot(lake, lake.home.parent / "scores.parquet", "churn_scores")
    copied = copy(account, lake)
    assert (len(copied.new), copied.changed) == (10, [])
    there = what_is_there(account)
    assert there == what_is_here(lake)
    assert {table for table in TABLES if there[table]} == TABLES.keys() - {
        "api_customers",
        "api_carts",
        "corrections",
    }  # no API was asked, nothing was corrected
    kinds = {type(value) for table in TABLES for row in there[table] for value in row}
    assert {kind.__name__ for kind in kinds} == {
        *("str", "int", "float", "Decimal", "date", "datetime", "bool", "NoneType")
    }


def test_what_a_manifest_says_is_known_of_each_batch(account: Account, lake: Workspace) -> None:
    copy(account, lake)
    names = "batch_id, dataset, source, sha256, bytes, row_count, duplicate_rows, landed_at, tables"
    found = account.execute(f"select {names} from OPS.BATCHES order by batch_id")
    assert [(*row[:-1], json.loads(row[-1])) for row in found] == [
        (
            batch.batch_id,
            batch.dataset,
            batch.source,
            batch.sha256,
            batch.bytes,
            batch.rows,
            batch.duplicate_rows,
            datetime.fromisoformat(batch.landed_at).replace(tzinfo=None),
            {name: asdict(counts) for name, counts in batch.tables.items()},
        )
        for batch in sorted(read_manifests(lake), key=lambda batch: batch.batch_id)
    ]


def test_a_second_copy_asks_once_what_is_known_and_lands_nothing(
    account: Account, place: SnowflakeSettings, lake: Workspace, wire: Wire
) -> None:
    copy(account, lake)
    before = what_is_there(account)
    with closing(Account(through(wire, place))) as watched:
        assert copy(watched, lake) == Copied()
    assert len(wire.asked(QUERY)) == 1
    assert what_is_there(account) == before


def test_only_new_batches_are_sent(account: Account, place: SnowflakeSettings, lake: Workspace, wire: Wire) -> None:
    copy(account, lake)
    load_more(lake, {"products": ["P9,Lamp,Light,product"]}, "_2")
    with closing(Account(through(wire, place))) as watched:
        assert len(copy(watched, lake).new) == 1
    copies = [text for request in wire.asked(QUERY) if "copy into" in (text := request.body["sqlText"])]
    assert len(copies) == 1
    assert what_is_there(account) == what_is_here(lake)


def test_a_batch_that_was_replaced_is_marked_and_keeps_its_rows(account: Account, lake: Workspace) -> None:
    copy(account, lake)
    load_more(lake, {"products": ["P1,Chair,Seats,product"]}, "", replace=True)
    copied = copy(account, lake)
    assert (len(copied.new), len(copied.changed)) == (1, 1)
    [(successor,)] = account.execute("select superseded_by from OPS.BATCHES where batch_id = :1", copied.changed)
    assert successor == copied.new[0]
    assert what_is_there(account) == what_is_here(lake)
    assert copy(account, lake) == Copied()


def test_what_retention_dropped_loses_its_transactions_and_nothing_else(account: Account, lake: Workspace) -> None:
    load_more(lake, {"transactions": [OLD]}, "_old")
    copy(account, lake)
    dropped = drop_expired(lake, months=18, clock=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    assert [batch.rows for batch in dropped.batches] == [1]
    assert copy(account, lake) == Copied([], [dropped.batches[0].batch_id])
    assert what_is_there(account) == what_is_here(lake)
    assert not [row for row in rows_there(account, "transactions") if row[0] == "T0"]
    assert copy(account, lake) == Copied()


def test_what_retention_dropped_before_it_was_ever_copied_is_known_all_the_same(
    account: Account, lake: Workspace
) -> None:
    load_more(lake, {"transactions": [OLD]}, "_old")
    drop_expired(lake, months=18)
    copy(account, lake)
    assert what_is_there(account) == what_is_here(lake)


# What a copy that is cut off leaves


class Cut:
    """Cuts the connection at one statement; the session is gone with it."""

    def __init__(self, wire: Wire, number: int, how: Answer) -> None:
        self._wire, self._countdown, self._how = wire, number, how

    def __call__(self, request: Request) -> Answer | None:
        if REPEATED_PUT in request.body["sqlText"]:
            return None
        self._countdown -= 1
        if self._countdown > 0:
            return None
        if self._countdown == 0:
            return self._how
        self._wire.end_session(request)
        return SESSION_GONE


@pytest.mark.parametrize("how", [HANG_UP, LOSE_ANSWER], ids=["before it ran", "after it ran"])
def test_a_copy_that_is_cut_off_at_any_statement_leaves_all_or_nothing_and_the_next_one_completes(
    account: Account, place: SnowflakeSettings, lake: Workspace, wire: Wire, how: Answer
) -> None:
    load_more(lake, {"transactions": [OLD]}, "_old")
    copy(account, lake)
    drop_expired(lake, months=18)
    load_more(lake, {"products": ["P1,Chair,Seats,product"]}, "", replace=True)
    load_more(lake, {"transactions": ["T9" + GOOD[0][2:]]}, "_new")
    before, after = what_is_there(account), what_is_here(lake)
    seen = []
    for number in itertools.count(1):
        wire.always[QUERY] = Cut(wire, number, how)
        with closing(Account(through(wire, place))) as cut_off:
            try:
                copy(cut_off, lake)
            except Unavailable as error:
                assert error.next_action
                seen.append(what_is_there(account))
            else:
                break
    cut = len(seen)
    print(f"cut at each of {cut} statements")
    assert cut == 11, "what is known, 2 puts, begin, 2 copies, insert, 3 changes, commit"
    assert seen[:-1] == [before] * (cut - 1)
    assert seen[-1] == (after if how is LOSE_ANSWER else before)
    assert what_is_there(account) == after


def fail_at(words: str, answer: Callable[[Request], Answer] | Answer) -> Callable[[Request], Answer | None]:
    """Answer the statements that have these words in our own way."""

    def act(request: Request) -> Answer | None:
        if words not in request.body["sqlText"]:
            return None
        return answer(request) if callable(answer) else answer

    return act


@pytest.mark.parametrize(
    "words", ["from OPS.BATCHES", "put 'file", "copy into BRONZE.PRODUCTS", "insert into", "commit"]
)
@pytest.mark.parametrize(
    ("answer", "kind", "code", "to_do"),
    [
        (
            refuses("000606", "No active warehouse selected.", "57P03"),
            Unavailable,
            "no_warehouse",
            "SNOWFLAKE_WAREHOUSE",
        ),
        (refuses("003001", "Insufficient privileges.", "42501"), AccessRefused, "access_refused", "SNOWFLAKE_ROLE"),
        (refuses("000630", "Statement reached its timeout.", "57014"), QueryTimeout, "query_timeout", "warehouse"),
    ],
    ids=["no warehouse", "no right", "timeout"],
)
def test_a_refusal_anywhere_has_its_type_and_next_action_and_lands_nothing(
    untouched: SnowflakeSettings,
    landed: Path,
    wire: Wire,
    words: str,
    answer: Answer,
    kind: type[Customer360Error],
    code: str,
    to_do: str,
) -> None:
    wire.always[QUERY] = fail_at(words, answer)
    with closing(Account(through(wire, untouched))) as account, pytest.raises(kind) as refused:
        copy(account, Workspace(landed / "home"))
    assert (type(refused.value), refused.value.code) == (kind, code)
    assert to_do in refused.value.next_action
    assert there_is_nothing(untouched)


def test_a_statement_that_takes_too_long_is_stopped_and_lands_nothing(
    untouched: SnowflakeSettings, landed: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snowflake_account, "STATEMENT_SECONDS", 2)

    def runs_until_it_is_cancelled(_: Request) -> Answer:
        patience = time.monotonic() + 20
        while not wire.asked(ABORT) and time.monotonic() < patience:
            time.sleep(0.02)
        return refuses("000604", "SQL execution canceled", "57014")

    wire.always[QUERY] = fail_at("copy into BRONZE.PRODUCTS", runs_until_it_is_cancelled)
    with closing(Account(through(wire, untouched))) as slow, pytest.raises(QueryTimeout, match="2 seconds") as refused:
        copy(slow, Workspace(landed / "home"))
    assert "larger warehouse" in refused.value.next_action
    assert there_is_nothing(untouched)


def test_a_load_whose_credentials_are_refused_keeps_the_lake_and_the_next_one_copies_it(
    account: Account, place: SnowflakeSettings, landed: Path, tmp_path: Path, wire: Wire
) -> None:
    wire.always[LOGIN] = refuses("390100", "Incorrect username or password was specified.")
    dataset = find_dataset(str(landed / "dataset"))
    with pytest.raises(AccessRefused) as refused:
        run_load(Workspace(tmp_path / "home", through(wire, place)), dataset, landed / "files")
    assert "SNOWFLAKE_PASSWORD" in refused.value.next_action
    assert what_is_there(account) == NOTHING
    report = run_load(Workspace(tmp_path / "home", place), dataset, landed / "files")
    assert (len(report.landed), len(report.unchanged)) == (0, 6)
    assert what_is_there(account) == what_is_here(Workspace(tmp_path / "home"))


@pytest.mark.parametrize(
    "deployed_so_far", [(), BUILD_FILES, BRONZE_FILES[:-1]], ids=["nothing", "no bronze", "no stage"]
)
def test_an_account_that_is_not_ready_says_which_command_makes_it_so(
    emulator: Emulator, landed: Path, deployed_so_far: tuple[str, ...]
) -> None:
    place = account_on(emulator)
    if deployed_so_far:
        deployed(place, deployed_so_far)
    builds = open_builds(Workspace(landed / "home", place))
    with pytest.raises(Unavailable) as refused, closing(builds), builds.writing():
        copy_lake(builds, lambda _: None)
    assert (refused.value.code, "customer360 deploy snowflake" in refused.value.next_action) == ("not_deployed", True)
    with closing(Account(place)) as account, suppress(InvalidQuery):
        assert account.execute("select count(*) from OPS.BATCHES") == [(0,)]


def test_a_file_that_changed_on_disk_is_not_copied(untouched: SnowflakeSettings, lake: Workspace) -> None:
    [path] = (lake.lake / "transactions").glob("*.parquet")
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    with closing(Account(untouched)) as account, pytest.raises(Conflict, match="nothing was copied") as raised:
        copy(account, lake)
    assert [detail["field"] for detail in raised.value.details] == [str(path)]
    assert there_is_nothing(untouched)
