"""Rows that were corrected, through builds: each is used once, and whatever else lands nothing is counted twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from customer360.build.duckdb_making import DuckDBMaking
from customer360.build.pipeline import needs_build, run_build, run_load, run_replay
from customer360.errors import Conflict, InvalidInput
from customer360.ingest import find_dataset
from customer360.ingest.corrections import Correction
from customer360.ingest.quarantine import Reject, list_rejects
from customer360.ingest.replaying import Replay
from customer360.lake import count_source_rows, live_batches
from customer360.lake.retention import drop_expired
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.store import Store
from customer360.warehouse import BuildRecord, open_builds
from customer360.warehouse.compare import diff_builds
from customer360.workspace import Workspace
from tests.build.messy import ROWS, write_dataset, write_files

pytestmark = pytest.mark.integration

Changes = Mapping[str, Mapping[str, str | None]]

REPEAT = "transactions transactions.csv 9"
"""The second row of T1."""
FACTS = "select transaction_id, customer_id, status from gold{suffix}.fct_transactions"
COUNTS = "select bronze_rows - silver_rows - rejected_rows as lost from monitoring{suffix}.row_reconciliation"
QUALITY = """
select failed_rows from monitoring{suffix}.data_quality_results
where table_name = 'transactions' and rule_name = 'customer_known'
"""
X1 = "X1,C2,O9,P1,gro,2024-06-03,,3.00,1,purchase,approved,EUR,pos"
OLD = "A1,C1,O1,P1,gro,2022-03-05,2022-03-05 10:00:00,1.00,1,purchase,approved,EUR,pos"


def build(workspace: Workspace, *, anew: bool = False) -> BuildRecord:
    return run_build(workspace, load(ResourceSettings), load(WorkspaceSettings), anew=anew)


def ask(workspace: Workspace, statement: str) -> list[dict[str, Any]]:
    with closing(open_builds(workspace)) as builds, builds.pin() as published:
        rows: list[dict[str, Any]] = published.warehouse.query(
            statement.format(suffix=published.schema_suffix)
        ).to_pylist()
    return rows


def facts(workspace: Workspace) -> dict[str, str | None]:
    """Return the customer of each transaction in gold, each of which is there once."""
    rows = ask(workspace, FACTS)
    found = {row["transaction_id"]: row["customer_id"] for row in rows}
    assert len(found) == len(rows)
    assert {row["lost"] for row in ask(workspace, COUNTS)} == {0}
    return found


def rejects(workspace: Workspace, state: str = "all") -> dict[str, Reject]:
    """Return the rejects by table, file and line."""
    with closing(open_builds(workspace)) as builds, builds.pin() as published:
        found = list_rejects(published, state=state, limit=1000).rejects
    return {f"{reject.table_name} {reject.source_file} {reject.source_line}": reject for reject in found}


def line(key: str) -> str:
    """Return the place of a row of the messy company's transactions."""
    [number] = [n for n, row in enumerate(ROWS["transactions"], start=2) if row.startswith(key)]
    return f"transactions transactions.csv {number}"


def correct(workspace: Workspace, changes: Changes) -> Replay:
    """Correct rows by their place."""
    ids = {place: reject.reject_id for place, reject in rejects(workspace).items()}
    return run_replay(workspace, [Correction(ids[place], wanted) for place, wanted in changes.items()])


def land(workspace: Workspace, folder: Path, rows: Sequence[str], part: str = "") -> None:
    dataset = find_dataset(str(write_dataset(folder / "dataset")))
    files = write_files(folder / f"files{part}", {"transactions": rows}, part=part)
    report = run_load(workspace, dataset, files, replace=True)
    assert report.landed and not report.refused


def same_as_anew(workspace: Workspace) -> bool:
    """Tell whether the published build is, value for value, the one that reads every batch."""
    published = open_builds(workspace).current_id()
    whole = build(workspace, anew=True)
    return all(difference.is_same for difference in diff_builds(open_builds(workspace), published, whole.build_id))


@pytest.fixture
def town(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Iterator[Workspace]:
    """The messy company on the engine under test, to be changed; on Snowflake the first build is published again."""
    if engine == "duckdb":
        yield request.getfixturevalue("company")
        return
    shared: Workspace = request.getfixturevalue("messy_on_snowflake")
    with closing(open_builds(shared)) as builds:
        first = builds.current_id()
        shutil.copytree(shared.home, tmp_path / "town")
        yield Workspace(tmp_path / "town", shared.account)
        builds.publish(first)
        builds.prune(1)


@pytest.mark.contract("S3.51")
@pytest.mark.contract("E.07")
def test_a_corrected_row_is_used_and_its_original_stays_as_replayed(town: Workspace, engine: str) -> None:
    before = rejects(town)
    assert before[line("B6")].reject_id == "5ae1c9012932dd86", "the same on both engines"
    assert needs_build(town) is False
    changes = {
        line("B6"): {"customer_id": "C2"},
        line("B2"): {"transaction_date": "2024-06-02"},
        "customers customers.csv 4": {"age": "41"},
    }
    batch = correct(town, changes).batch_id
    assert needs_build(town) is True
    record = build(town)
    assert (record.carried_from is not None, record.made_anew_because) == (engine == "duckdb", None)
    assert facts(town).items() >= {"B6": "C2", "B2": "C1"}.items()
    assert ask(town, "select age from gold{suffix}.customer_360_profile where customer_id = 'C4'") == [{"age": 41}]
    replayed = rejects(town, "replayed")
    assert {place: reject.replayed_by_batch_id for place, reject in replayed.items()} == dict.fromkeys(changes, batch)
    now = rejects(town)
    assert now.keys() == before.keys()
    for place, reject in now.items():
        as_before = replace(reject, state="quarantined", replayed_by_batch_id=None, payload="")
        assert as_before == replace(before[place], payload="")
    assert ask(town, QUALITY) == [{"failed_rows": 0}], "what was corrected no longer counts"
    if engine == "duckdb":
        assert same_as_anew(town)


def test_what_is_recorded_of_a_replay_holds_no_values(company: Workspace) -> None:
    correct(company, {line("B6"): {"customer_id": "C2", "merchant_name": "Somebody's Shop"}})
    with pytest.raises(InvalidInput):
        correct(company, {line("B7"): {"quantity": "Somebody's secret"}})
    runs = Store.beside(company.store).list_runs(2)
    assert [(run.kind, run.status) for run in runs] == [("replay", "failed"), ("replay", "succeeded")]
    assert "Somebody" not in str([run.detail for run in runs])


# Facts that are carried, or not


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({line("B6"): {"customer_id": "C2"}}, None),
        ({line("B6"): {"transaction_id": "B60", "customer_id": "C2"}}, None),
        ({"customers customers.csv 4": {"age": "41"}}, None),
        ({REPEAT: {"transaction_id": "T100"}}, "the place of a repeated transaction"),
        ({"merchant_categories categories.csv 5": {"category_group": "Other"}}, "the place of a merchant category"),
        ({line("B7"): {"merchant_category_id": "gro", "transaction_id": "T2"}}, "repeats a transaction"),
        ({line("B7"): {"merchant_category_id": "gro", "transaction_id": "B8"}}, "repeats a transaction"),
    ],
)
def test_facts_are_carried_only_where_no_other_row_is_judged_by_what_was_corrected(
    company: Workspace, changes: Changes, reason: str | None
) -> None:
    correct(company, changes)
    builds, batches = open_builds(company), live_batches(company)
    base = builds.get(builds.current_id())
    record = replace(base, source_rows=count_source_rows(batches), batches=[batch.batch_id for batch in batches])
    start = DuckDBMaking(company, record, threads=1, memory="1GB").settle(batches, base, None)
    assert (start.carried_from is None) == bool(reason)
    assert (reason or "") in (start.made_anew_because or "")


def test_a_correction_loses_against_a_file_and_frees_what_its_row_stood_in_the_way_of(
    company: Workspace, tmp_path: Path
) -> None:
    """X1 came twice, first with a customer that nobody knows: neither row is used until the first is corrected."""
    land(company, tmp_path, [X1.replace("C2", "C98"), X1], "_x")
    land(company, tmp_path, [OLD], "_2022")
    build(company)
    assert facts(company).keys().isdisjoint({"X1", "A1"})
    correct(
        company,
        {
            "transactions transactions_x.csv 2": {"transaction_id": "X2", "customer_id": "C1"},
            "transactions transactions_2022.csv 2": {"transaction_date": "2024-06-05"},
            REPEAT: {"transaction_id": "T100", "customer_id": "C2"},
            line("B7"): {"merchant_category_id": "gro", "transaction_id": "T2", "customer_id": "C2"},
            line("B8"): {"product_id": "P1", "merchant_category_id": "bad"},
            "merchant_categories categories.csv 5": {"category_group": "Other"},
        },
    )
    assert [batch.source for batch in drop_expired(company, 18).batches] == ["transactions_2022.csv"]
    build(company)
    expected = {"X1": "C2", "X2": "C1", "T1": "C1", "T100": "C2", "T2": "C1", "B8": "C1", "A1": "C1"}
    assert facts(company).items() >= expected.items()
    [again] = [reject for place, reject in rejects(company, "quarantined").items() if "corrections" in place]
    assert (again.record_key, again.reason_code) == ("T2", "transaction_id_once")


# What else lands


def test_a_correction_stands_when_its_file_is_mapped_anew_and_falls_when_it_is_replaced(
    company: Workspace, tmp_path: Path
) -> None:
    """The id was missing, so that only the line tells which row was corrected; the correction is corrected, too."""
    nameless = line(",C1")
    first = correct(company, {nameless: {"transaction_id": "N1", "customer_id": "C98"}})
    build(company)
    second = correct(company, {f"transactions {first.source} 1": {"customer_id": "C2"}})
    dataset = write_dataset(tmp_path / "dataset")
    mapping = dataset / "transactions.sql"
    text = mapping.read_text("utf-8")
    mapping.write_text(text.replace("transaction_id,", "coalesce(transaction_id, 'M1') as transaction_id,"), "utf-8")
    assert run_load(company, find_dataset(str(dataset)), None).landed
    build(company)
    used = facts(company)
    assert ("M1" in used, used["N1"]) == (False, "C2"), "the row as it is mapped now was corrected all the same"
    assert rejects(company)[nameless].state == "replayed"

    land(company, tmp_path, ["N9" + row if row.startswith(",") else row for row in ROWS["transactions"]])
    build(company)
    used = facts(company)
    assert (used["N9"], "N1" in used) == ("C1", False), "the file speaks for itself again"
    fallen = [rejects(company)[f"transactions {done.source} 1"] for done in (first, second)]
    assert [(reject.state, reject.reason_code) for reject in fallen] == [
        ("replayed", "customer_known"),
        ("quarantined", "file_replaced"),
    ]
    with pytest.raises(Conflict, match="landed anew"):
        correct(company, {f"transactions {second.source} 1": {"customer_id": "C1"}})
