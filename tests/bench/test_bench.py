"""The helpers count right, and the script that ours is held against makes the same tables from any of the files."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from bench.__main__ import KEPT, PAGE, read_runs
from bench.baseline import build
from bench.load_generator import due_times
from bench.measure import MeasurementFailed, Target, median, per_second, percentile
from bench.online_retail import TABLES, compare, warehouse
from bench.report import merge, render

from bench import ingest, value
from customer360.build.pipeline import run_build, run_load
from customer360.ingest import find_dataset
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.workspace import Workspace

FILES = 3


@pytest.mark.unit
@pytest.mark.parametrize(("share", "expected"), [(50, 50), (95, 95), (99, 99), (99.5, 100), (100, 100), (0, 1)])
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


@pytest.mark.unit
def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(MeasurementFailed):
        percentile([], 99)


@pytest.mark.unit
def test_median_is_the_middle_value() -> None:
    assert median([9.0, 1.0, 5.0]) == 5.0


@pytest.mark.unit
def test_a_rate_is_a_count_over_time() -> None:
    assert per_second(500, 2.0) == 250
    assert per_second(500, 0.0) == 0


@pytest.mark.unit
def test_requests_are_due_at_a_fixed_rate() -> None:
    assert due_times(4, 1.0) == [0.0, 0.25, 0.5, 0.75]


@pytest.mark.unit
@pytest.mark.parametrize(("measured", "holds"), [(2.9, True), (3.0, True), (3.1, False)])
def test_a_target_holds_up_to_its_limit(measured: float, holds: bool) -> None:
    assert Target("ratio", measured, 3.0, "×").as_dict()["holds"] is holds


@pytest.mark.unit
def test_a_page_shows_what_each_step_on_snowflake_sends_beside_its_target() -> None:
    target = Target("Snowflake, statements: load", 24, 30, "")
    machine = {"at": "today", "cores": 2, "processor": "", "memory_gb": 1, "system": "", "python": "3", "versions": {}}
    result = {
        "customers": 400,
        "transactions": 40_000,
        "steps": {"load": {"statements": 24, "requests": 25, "seconds": 6.5}},
        "targets": [target.as_dict()],
    }
    page = render([{"machine": machine | {"load_average": 0}, "snowflake": result}])
    assert "| load |         24 |      30 |       25 |    6.50 |" in page
    assert "400 customers and 40,000 transactions" in page


@pytest.mark.unit
def test_a_page_shows_both_readers_of_an_api_and_what_holds_for_them() -> None:
    machine = {"at": "today", "cores": 2, "processor": "", "memory_gb": 1, "system": "", "python": "3", "versions": {}}
    bare = {"seconds": 200.0, "cpu_seconds": 30.0, "peak_mb": 40.0, "records_per_second": 5000.0, "throttled": 0}
    ours = bare | {"seconds": 220.0, "peak_mb": 400.0}
    case = {
        "readers": {"the bare loop": bare, "customer360 ingest": ours},
        "rate": 50,
        "per_page": 100,
        "stages": {"fetch and land": 205.0},
    }
    targets = [target.as_dict() for target in ingest.targets(case, case)]
    page = render(
        [
            {
                "machine": machine | {"load_average": 0},
                "ingest": {"records": 1_000_000, "cases": {"throttled": case}, "targets": targets},
            }
        ]
    )
    assert "| throttled, pages of 100: customer360 ingest |   220.0 |" in page
    assert "| ingest, throttled: time against the bare loop |    1.10 × |  1.25 × | PASS |" in page
    assert "fetch and land 205.0 s" in page


@pytest.mark.unit
def test_a_page_shows_how_long_customers_take_to_value_and_what_was_drawn_beside_what_was_found() -> None:
    machine = {"at": "today", "cores": 2, "processor": "", "memory_gb": 1, "system": "", "python": "3", "versions": {}}
    result = {
        "customers": 1_000_000,
        "repeating": 500_000,
        "purchases": 2_900_000,
        "simulated": 50_000,
        "draws": 2_000,
        "seconds": {
            "count purchases by customer": 1.9,
            "fit both models": 5.5,
            "predict a year": 0.2,
            "intervals": 3.0,
        },
        "peak_mb": 1000.4,
        "drawn_with": value.PARAMETERS,
        "found": {name: {"estimate": 1.01 * one} for name, one in value.PARAMETERS.items()},
    }
    targets = [target.as_dict() for target in value.targets(result)]
    page = render([{"machine": machine | {"load_average": 0}, "value": result | {"targets": targets}}])
    assert "| value, 1,000,000 customers: fit         |     5.50 s |     5 s | FAIL |" in page
    assert "| intervals of 50,000 customers |    3.00 |" in page
    assert "| drawn with | 0.243 | 4.414 |" in page


@pytest.mark.unit
def test_what_is_measured_anew_takes_the_place_of_its_section_alone() -> None:
    first = {"machine": {"at": "then"}, "remark": "of old", "bank": {"a": 1}, "churn": {"a": 2}}
    again = {"machine": {"at": "now"}, "churn": {"a": 3}}
    rest = {"machine": {"at": "then"}, "remark": "of old", "bank": {"a": 1}}
    assert merge([first, again]) == [rest, again]
    assert merge([again, {"machine": {"at": "later"}, "churn": {"a": 4}}]) == [
        {"machine": {"at": "later"}, "churn": {"a": 4}}
    ]


@pytest.mark.unit
def test_the_page_is_what_its_figures_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(merge(read_runs(KEPT)))


@pytest.mark.integration
def test_the_purchases_of_the_benchmark_are_counted_and_fitted(tmp_path: Path) -> None:
    result = value.run(tmp_path, 20_000)
    assert (result["customers"], result["simulated"]) == (20_000, 20_000)
    for name in ("r", "a", "b", "p", "q"):
        assert result["found"][name]["estimate"] == pytest.approx(value.PARAMETERS[name], rel=0.25)
    assert 50 < result["peak_mb"] < 1_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.performance
def test_the_script_makes_the_tables_of_the_product(data_folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "files"
    source.mkdir()
    with tarfile.open(data_folder / "online_retail" / "by-day.tar.gz") as archive:
        members = sorted((m for m in archive if m.isfile()), key=lambda member: member.name)
        archive.extractall(source, members[:FILES], filter="data")
    workspace = Workspace(tmp_path / "home")
    run_load(workspace, find_dataset("online_retail"), source)
    run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    build(sorted(map(str, source.glob("*.csv"))), tmp_path / "script.duckdb")
    rows = compare(tmp_path / "script.duckdb", warehouse(workspace.home))
    assert set(rows) == set(TABLES)
    assert rows["gold.fct_transactions"] > 5_000
