"""Carrying facts over from the published build: nothing may differ from a build that reads everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from customer360.build import carrying
from customer360.build.duckdb_making import DuckDBMaking
from customer360.build.making import Start
from customer360.build.pipeline import run_build, run_load
from customer360.ingest import find_dataset
from customer360.lake import count_source_rows, live_batches
from customer360.lake.retention import drop_expired
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.warehouse import BuildRecord, open_builds
from customer360.warehouse.compare import diff_builds
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files

pytestmark = pytest.mark.integration

NEXT_DAY = {
    "customers": ["C99,2024-01-02 09:00:00,Late,Comer,late@example.org,44,NY,Standard,1000,2024-01-02"],
    "customer_changes": ["H8,C1,2024-02-15 12:00:00,credit_limit,5000,6000"],
    "products": ["P99,Lamp,Lighting,product", "P1,Chairs,Furniture,product", "P1,Chairs,Furniture,product"],
    "transactions": [
        "T7,C2,O7,P1,gro,2024-07-01,2024-07-01 10:00:00,7.00,1,purchase,approved,EUR,pos",
        "T7,C2,O7,P1,gro,2024-07-01,2024-07-01 10:00:00,7.00,1,purchase,approved,EUR,pos",
        "T8,C99,O8,P99,gro,2024-02-20,2024-02-20 10:00:00,8.00,1,purchase,approved,EUR,pos",
    ],
}
DAY_AFTER = {
    "customer_changes": ["H9,C2,2024-06-30 10:30:00,card_type,Premium,Standard"],
    "transactions": ["T9,C2,O9,P2,trv,2024-07-02,2024-07-02 10:00:00,9.00,1,purchase,declined,EUR,pos"],
}


def _land(workspace: Workspace, dataset: Path, files: Path, rows: Mapping[str, list[str]], part: str) -> None:
    report = run_load(workspace, find_dataset(str(dataset)), write_files(files / part, rows, part=part))
    assert report.landed and not report.refused


def _build(workspace: Workspace, *, anew: bool = False) -> BuildRecord:
    return run_build(workspace, load(ResourceSettings), load(WorkspaceSettings), anew=anew)


def test_days_that_are_carried_make_the_build_that_reads_everything(company: Workspace, tmp_path: Path) -> None:
    """What lacked a customer or a product is used once they come; a late change renumbers versions."""
    dataset, first = write_dataset(tmp_path / "dataset"), open_builds(company).current_id()
    _land(company, dataset, tmp_path, NEXT_DAY, "_next_day")
    second = _build(company)
    _land(company, dataset, tmp_path, DAY_AFTER, "_day_after")
    third = _build(company)
    assert (second.carried_from, third.carried_from) == (first, second.build_id)
    assert (second.appended_builds, third.appended_builds) == (1, 2)
    assert third.tables["gold.fct_transactions"]["rows"] == 6 + 2 + 3, "six, B6 and B8, and T7 to T9"

    whole = _build(company, anew=True)
    assert (whole.carried_from, whole.appended_builds) == (None, 0)
    differing = [difference for difference in diff_builds(open_builds(company), third.build_id, whole.build_id)
                 if not difference.is_same]  # fmt: skip
    assert differing == []


def _start(workspace: Workspace, **changes: object) -> Start:
    """Settle what the next build of a workspace would start from."""
    builds, batches = open_builds(workspace), live_batches(workspace)
    base = builds.get(builds.current_id())
    record = replace(base, source_rows=count_source_rows(batches), batches=[batch.batch_id for batch in batches])
    as_of = changes.pop("as_of", None)
    making = DuckDBMaking(workspace, record, threads=1, memory="1GB")
    return making.settle(batches, replace(base, **changes), as_of)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ({"customers": ["C2,2024-08-01 09:00:00,Bo,,bo@example.net,28,CA,Premium,9000,"]}, None),
        ({"merchant_categories": ["gro,Grocery,Necessities,,false,true"]}, None),
        ({"transactions": ["T1,C1,,P1,gro,2024-07-01,,1.00,1,purchase,approved,EUR,pos"]}, "repeats a transaction"),
        ({"transactions": ["B9,C1,,P1,gro,2024-07-01,,1.00,1,purchase,approved,EUR,pos"]}, "repeats a transaction"),
        ({"merchant_categories": ["gro,Food,Necessities,,false,true"]}, "other merchant categories"),
        ({"merchant_categories": ["pet,Pets,Other,,false,false"]}, "other merchant categories"),
        (
            {"customers": ["C2,2024-08-01 09:00:00,Bo,,bo@example.net,28,CA,Premium,9000,2024-06-30"]},
            "another account_open_date",
        ),
        (
            {"customers": [" C2 ,2024-08-01 09:00:00,Bo,,bo@example.net,28,CA,Premium,9000,2024-06-30"]},
            "another account_open_date",
        ),
        (
            {"customer_changes": ["H9,C1,2024-07-01 12:00:00,account_open_date,2024-01-05,2024-06-01"]},
            "another account_open_date",
        ),
    ],
)
def test_facts_are_carried_only_where_new_batches_cannot_change_them(
    company: Workspace, tmp_path: Path, rows: dict[str, list[str]], reason: str | None
) -> None:
    _land(company, write_dataset(tmp_path / "dataset"), tmp_path, rows, "_new")
    start = _start(company)
    if reason is None:
        assert (start.carried_from, start.made_anew_because) == (open_builds(company).current_id(), None)
    else:
        assert start.carried_from is None
        assert reason in (start.made_anew_because or "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"models_sha256": "another"}, "the models changed"),
        ({"dataset": {}}, "the dataset's definition changed"),
        ({"source_rows": {"gone": 1}}, "a batch was replaced or dropped"),
        ({"as_of": "2024-06-29"}, "the as-of date lies before 2024-06-30"),
        ({"appended_builds": carrying.MOST_IN_A_ROW}, "30 builds in a row have appended"),
    ],
)
def test_facts_are_not_carried_from_a_build_of_other_things(
    messy: Workspace, changes: dict[str, object], reason: str
) -> None:
    assert _start(messy, **changes) == Start(str(changes.get("as_of", "2024-06-30")), made_anew_because=reason)


def test_transactions_that_retention_dropped_are_not_carried(company: Workspace, tmp_path: Path) -> None:
    old = "A1,C1,O1,P1,gro,2022-03-05,2022-03-05 10:00:00,1.00,1,purchase,approved,EUR,pos"
    _land(company, write_dataset(tmp_path / "dataset"), tmp_path, {"transactions": [old]}, "_2022")
    built = count_source_rows(live_batches(company))
    assert drop_expired(company, 18).batches
    assert count_source_rows(live_batches(company)) != built, "and so a refresh builds again"
    assert _start(company, source_rows=built).made_anew_because == "a batch was replaced or dropped"
