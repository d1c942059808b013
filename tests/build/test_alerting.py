"""What loads and builds find becomes alerts, and their end: from defects in files to a webhook that is called."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from customer360.build import pipeline
from customer360.build.alerting import note_passed, watching
from customer360.build.pipeline import run_build, run_load
from customer360.errors import BuildFailed, ErrorDetail, WorkspaceBusy
from customer360.ingest import LoadReport, find_dataset
from customer360.monitoring import deliver_alerts
from customer360.settings import AlertSettings, ResourceSettings, WorkspaceSettings, load
from customer360.store import Alert, ApiMetric, Finding, QueryRecord, Store, list_alerts, note_findings
from customer360.warehouse import BuildRecord, open_builds
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files
from tests.webhook import Webhook, webhook

pytestmark = pytest.mark.integration

MOMENT = datetime(2024, 7, 1, 8, tzinfo=UTC).replace(tzinfo=None)
QUERY: dict[str, Any] = {
    "query_id": "q1",
    "asked_at": MOMENT,
    "source": "api",
    "build_id": "b1",
    "seconds": 0.5,
    "rows_returned": 7,
    "from_cache": True,
    "status": "succeeded",
}
REQUESTS: dict[str, Any] = {
    "measured_at": MOMENT,
    "route": "/health",
    "method": "GET",
    "status_code": 200,
    "requests": 9,
    "mean_ms": 1.5,
    "p95_ms": 2.5,
    "p99_ms": 3.5,
}
DEFECTS = {
    "customers": ["C5,2024-01-09 09:00:00,Ed,Fox,no address,33,TX,Standard,1000,2024-01-09"],
    "transactions": [f"D{number},C1,O10,P1,gro,2024-06-02,,1.00,1,purchase,approved,USD,pos" for number in range(1, 3)],
}
DEFECT_RULES = ["customers.email_plausible", "transactions.currency_of_dataset"]
CORRECTED = {
    "customers": [DEFECTS["customers"][0].replace("no address", "ed@example.org")],
    "transactions": [line.replace("USD", "EUR") for line in DEFECTS["transactions"]],
}


def build(workspace: Workspace) -> BuildRecord:
    return run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))


def rows(workspace: Workspace, build_id: str, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(
        str(open_builds(workspace).folder(build_id) / "warehouse.duckdb"), read_only=True
    ) as connection:
        return connection.execute(sql).fetchall()


def copy(messy: Workspace, folder: Path) -> tuple[Workspace, Store]:
    home = shutil.copytree(messy.home, folder / "home", ignore=shutil.ignore_patterns("store.db*"))
    workspace = Workspace(Path(home))
    with closing(sqlite3.connect(messy.store)) as shared, closing(sqlite3.connect(workspace.store)) as own:
        shared.backup(own)  # other workers may have the shared one open
    return workspace, Store.beside(workspace.store)


def open_alerts(store: Store, *components: str) -> dict[str, Alert]:
    return {alert.subject: alert for alert in list_alerts(store) if not components or alert.component in components}


# Data that breaks a rule, and data that was corrected


@dataclass(frozen=True)
class Story:
    """Two builds of the same workspace: one with defects, one with the defects corrected, each told to the webhook.

    Before them two failed, while a file of bronze was away.
    """

    workspace: Workspace
    failed: dict[str, Alert]
    defective: BuildRecord
    found: dict[str, Alert]
    """Open alerts of the defective build, by subject."""
    corrected: BuildRecord
    left: dict[str, Alert]
    hook: Webhook


one_worker = pytest.mark.xdist_group("story_of_alerts")
"""The story is four builds: one worker tells it."""


@pytest.fixture(scope="module")
def story(messy: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    workspace, store = copy(messy, folder)
    dataset, files = find_dataset(str(write_dataset(folder / "dataset"))), folder / "files"
    with store.transaction() as session:
        session.add_all([QueryRecord(**QUERY), ApiMetric(**REQUESTS)])
    with webhook() as hook:
        settings = load(AlertSettings, webhook=SecretStr(hook.address))
        write_files(files, DEFECTS, part="_defect")
        (files / "products_bad.csv").write_text("")
        run_load(workspace, dataset, files)
        failed = fail_twice(workspace, store)
        defective = build(workspace)
        found = open_alerts(store)
        deliver_alerts(store, settings)
        write_files(files, CORRECTED, part="_defect")
        (files / "products_bad.csv").unlink()
        run_load(workspace, dataset, files, replace=True)
        corrected = build(workspace)
        deliver_alerts(store, settings)
        yield Story(workspace, failed, defective, found, corrected, open_alerts(store), hook)
    store.close()


def fail_twice(workspace: Workspace, store: Store) -> dict[str, Alert]:
    """Build while a file of bronze is away; returns the alerts of that."""
    [path, *_] = sorted((workspace.lake / "transactions").glob("*.parquet"))
    path.rename(path.with_suffix(".away"))
    for _ in range(2):
        with pytest.raises(BuildFailed):
            build(workspace)
    path.with_suffix(".away").rename(path)
    return open_alerts(store, "build")


@one_worker
@pytest.mark.contract("S2.27")
def test_a_defect_becomes_a_monitoring_row_an_alert_and_a_call_of_the_webhook(story: Story) -> None:
    monitoring = """
        select table_name || '.' || rule_name, consequence, failed_rows, checked_rows, passed
        from monitoring.data_quality_results where table_name || '.' || rule_name in ({}, {}) order by 1
    """.format(*map(repr, DEFECT_RULES))
    assert rows(story.workspace, story.defective.build_id, monitoring) == [
        ("customers.email_plausible", "score", 1, 4, False),
        ("transactions.currency_of_dataset", "reject", 3, 22, False),
    ]
    alert = story.found["transactions.currency_of_dataset"]
    assert (alert.severity, alert.component) == ("warning", "data quality")
    assert alert.message == (
        "3 of 22 rows of transactions (13.6%) break the rule currency_of_dataset: currency is not EUR."
    )
    assert alert.detail["build_id"] == story.defective.build_id
    assert set(story.hook.subjects()) == set(story.found)
    [posted] = [posted for posted in story.hook.posted if posted["subject"] == alert.subject and not posted["resolved"]]
    assert (posted["dataset"], posted["build_id"]) == ("messy", story.defective.build_id)
    assert (posted["detail"]["failed_rows"], posted["detail"]["threshold_pct"]) == (3, 5)


@one_worker
@pytest.mark.contract("S2.27")
def test_corrected_data_resolves_the_alert_and_the_webhook_is_told(story: Story) -> None:
    assert set(story.found) - set(story.left) == {*DEFECT_RULES, "products_bad.csv"}
    assert sorted(story.hook.subjects(resolved=True)) == sorted([*DEFECT_RULES, "products_bad.csv"])


@one_worker
@pytest.mark.contract("X.41")
def test_rejects_scores_monitoring_and_alerts_say_the_same_of_each_rule(story: Story) -> None:
    """What the alert counts is what was rejected for the rule's reason, or scored lower for its field."""
    build_id = story.defective.build_id
    rejects = rows(story.workspace, build_id, "select table_name, reject_reason from silver.rejects")
    rejected = Counter((table, reason) for table, reasons in rejects for reason in reasons.split("; "))
    scored = "select count(*) from silver.customer_quality where invalid_fields = 'email' and data_quality_score < 100"
    counted = """
        select table_name || '.' || rule_name, failed_rows from monitoring.data_quality_results
        where checked_rows > 0 and failed_rows / checked_rows > 0.05
    """
    expected = dict(rows(story.workspace, build_id, counted))
    rules = {subject: alert for subject, alert in story.found.items() if alert.component == "data quality"}
    assert expected == {subject: alert.detail["failed_rows"] for subject, alert in rules.items()}
    for subject, alert in rules.items():
        reason = alert.message.partition(": ")[2].removesuffix(".")
        if alert.detail["consequence"] == "reject":
            assert alert.detail["failed_rows"] == rejected[subject.partition(".")[0], reason], subject
    assert rows(story.workspace, build_id, scored) == [(expected["customers.email_plausible"],)]


@one_worker
def test_a_build_keeps_what_the_operational_store_knew_when_it_began(story: Story) -> None:
    kept = "select component, count(*), count(resolved_at) from monitoring.alerts group by component order by component"
    build_id = story.corrected.build_id
    assert rows(story.workspace, build_id, kept) == [
        ("build", 1, 1),
        ("data quality", len(story.found) - 1, 0),
        ("load", 1, 1),
    ]
    status = "select status, detail from reporting.operational_status where component = 'alerts'"
    assert rows(story.workspace, build_id, status) == [("degraded", f"{len(story.found) - 1} open")]
    assert rows(story.workspace, build_id, "from monitoring.query_performance") == [tuple(QUERY.values())]
    assert rows(story.workspace, build_id, "from monitoring.api_metrics") == [tuple(REQUESTS.values())]
    assert rows(story.workspace, build_id, "select kind from monitoring.pipeline_runs order by run_id") == [
        (kind,) for kind in ("load", "build", "load", "build", "build", "build", "load")
    ]


def test_no_more_than_the_newest_rows_of_a_table_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "ROWS_COPIED", 2)
    store = Store.beside(tmp_path / "store.db")
    note_findings(store, "load", [Finding("warning", name, name, {}) for name in "abc"])
    assert [alert["message"] for alert in pipeline._history(store)["alerts"]] == ["c", "b"]
    store.close()


def test_a_test_that_only_warns_is_an_alert_however_few_rows_fail_it(messy: Workspace, tmp_path: Path) -> None:
    workspace, store = copy(messy, tmp_path)
    builds = open_builds(workspace)
    record = builds.get(builds.current_id())
    with duckdb.connect(str(builds.folder(record.build_id) / "warehouse.duckdb")) as connection:
        connection.execute(
            """
            insert into monitoring.data_quality_results values
            ('customer_segments', 'assert_shares', 'test', 'warn', 'A share is odd.', null, 2, false),
            ('customer_segments', 'assert_fine', 'test', 'warn', '', null, 0, true)
            """
        )
    note_passed(store, workspace, record)
    found = open_alerts(store, "data quality")
    assert "assert_fine" not in found
    assert found["assert_shares"].message == "2 rows fail the test assert_shares. A share is odd."
    store.close()


def test_a_dataset_sets_the_share_of_rows_that_raises_an_alert(messy: Workspace, tmp_path: Path) -> None:
    workspace, store = copy(messy, tmp_path)
    builds = open_builds(workspace)
    record = builds.get(builds.current_id())
    note_passed(store, workspace, replace(record, dataset=record.dataset | {"rules": {"alert_rejected_pct": 20}}))
    assert list(open_alerts(store, "data quality")) == ["merchant_categories.category_group_known"]
    store.close()


# Builds that fail


@one_worker
def test_a_build_that_fails_is_critical_until_one_passes(story: Story) -> None:
    """It failed twice; the build after that passed."""
    [alert] = story.failed.values()
    assert (alert.severity, alert.subject) == ("critical", "messy")
    assert alert.message == "1 files of bronze are not what their manifests say."
    assert open_builds(story.workspace).get(alert.detail["build_id"]).status == "failed"
    assert "messy" not in story.found


def test_an_alert_names_the_checks_that_failed_and_quotes_no_row(tmp_path: Path) -> None:
    store = Store.beside(tmp_path / "store.db")
    fault: ErrorDetail = {"field": "unique_email", "value": [{"email": "ana@example.org"}], "message": "1 rows fail"}
    with pytest.raises(BuildFailed), watching(store, "bank"):
        raise BuildFailed("The build does not pass its gate: unique_email.", details=[fault], next_action="Look.")
    [alert] = list_alerts(store)
    assert alert.detail == {"dataset": "bank", "build_id": None, "next": "Look.", "checks": ["unique_email"]}
    assert "ana@example.org" not in alert.message
    store.close()


@pytest.mark.parametrize(
    ("error", "messages"),
    [(MemoryError(), ["MemoryError"]), (OSError("no such disk"), ["no such disk"]), (WorkspaceBusy("busy"), [])],
)
def test_whatever_ends_a_build_is_told_unless_another_was_under_way(
    tmp_path: Path, error: Exception, messages: list[str]
) -> None:
    store = Store.beside(tmp_path / "store.db")
    with pytest.raises(type(error)), watching(store, "bank"):
        raise error
    assert [alert.message for alert in list_alerts(store)] == messages
    store.close()


# Files that are refused


@pytest.fixture
def landing(tmp_path: Path) -> tuple[Workspace, Path]:
    """An empty workspace, and a folder with one file that fits and one that does not."""
    files = write_files(tmp_path / "files", {"products": ["P1,Chair,Furniture,product"]})
    (files / "holdings.csv").write_text("")
    write_dataset(tmp_path / "dataset")
    return Workspace(tmp_path / "home"), files


def land(workspace: Workspace, files: Path) -> tuple[LoadReport, dict[str, Alert]]:
    report = run_load(workspace, find_dataset(str(workspace.home.parent / "dataset")), files)
    store = Store.beside(workspace.store)
    found = open_alerts(store, "load")
    store.close()
    return report, found


def test_a_refused_file_is_a_warning_until_it_lands(landing: tuple[Workspace, Path]) -> None:
    workspace, files = landing
    for _ in range(2):
        _, found = land(workspace, files)
        assert [alert.message for alert in found.values()] == ["holdings.csv: the file is empty."]
    write_files(files, {"customer_products": ["C1,P1,owner,2024-01-05,,"]})
    report, found = land(workspace, files / "holdings.csv")
    assert ([manifest.source for manifest in report.landed], found) == (["holdings.csv"], {})


def test_a_refused_file_that_is_taken_away_is_no_longer_a_warning(landing: tuple[Workspace, Path]) -> None:
    workspace, files = landing
    land(workspace, files)
    elsewhere = write_files(files.parent / "elsewhere", {"products": ["P2,Stool,Furniture,product"]}, part="_more")
    assert set(land(workspace, elsewhere)[1]) == {"holdings.csv"}
    (files / "holdings.csv").unlink()
    assert land(workspace, files)[1] == {}


def test_a_damaged_archive_is_a_warning_until_it_is_whole(landing: tuple[Workspace, Path]) -> None:
    workspace, files = landing
    (files / "holdings.csv").unlink()
    archive = Path(shutil.make_archive(str(files.parent / "delivery"), "gztar", files))
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-20])
    assert set(land(workspace, archive)[1]) == {"delivery.tar.gz"}
    archive.write_bytes(whole)
    assert land(workspace, archive)[1] == {}
