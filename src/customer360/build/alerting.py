"""Turns what a load or build found into alerts of the operational store.

A build that fails is critical until one passes. Data of a published build that breaks a rule more often than
``alert_rejected_pct`` allows, or a test that only warns, is a warning until a build finds it well. A refused file is a
warning until it lands, or is gone from where it was. Alerts name rules, counts and files, and quote no rows of a build.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from customer360.errors import BuildFailed, Customer360Error, WorkspaceBusy
from customer360.ingest import LoadReport
from customer360.settings import business_rules
from customer360.store import Finding, Store, note_findings
from customer360.warehouse import BuildRecord, open_builds
from customer360.workspace import Workspace

BUILD, LOAD, DATA_QUALITY = "build", "load", "data quality"
THRESHOLD = "alert_rejected_pct"

BROKEN_RULES = """
select table_name, rule_name, consequence, message, checked_rows, failed_rows
from monitoring{suffix}.data_quality_results
where (consequence = 'warn' and not passed) or 100 * failed_rows > {threshold} * checked_rows
order by table_name, rule_name
"""

WHERE_TO_LOOK = {
    "reject": "customer360 quarantine list --table {table_name} --reason {rule_name} shows the rows.",
    "score": "The customers are in silver.customer_quality of the build, each with its invalid fields.",
    "warn": "The SQL of the test, in transform/, finds the rows.",
}


@contextmanager
def watching(store: Store, dataset: str) -> Iterator[None]:
    """Raise an alert where the block, a build, fails; that another process is writing is no failure."""
    try:
        yield
    except WorkspaceBusy:
        raise
    except Exception as error:
        note_findings(store, BUILD, [_failure(dataset, error)])
        raise


def note_passed(store: Store, workspace: Workspace, record: BuildRecord) -> None:
    """Resolve what was wrong with building, and raise what the published data breaks."""
    note_findings(store, BUILD, [])
    note_findings(store, DATA_QUALITY, _broken_rules(workspace, record))


def note_load(store: Store, path: Path | None, report: LoadReport) -> None:
    """Raise an alert for each file that was refused, and resolve those of files that landed or are gone.

    ``path`` is what was loaded; ``None`` where kept files were mapped anew.
    """
    place = str(path.resolve()) if path else ""
    landed = {manifest.source for manifest in report.landed} | set(report.unchanged)
    findings = [
        Finding(
            "warning",
            refusal.source or Path(place).name,
            refusal.message,
            {"dataset": report.dataset, "next": refusal.next_action, "loaded_from": place},
        )
        for refusal in report.refused
    ]
    note_findings(
        store,
        LOAD,
        findings,
        resolves=lambda alert: alert.subject in landed or alert.detail["loaded_from"] == place,
    )


def _failure(dataset: str, error: Exception) -> Finding:
    detail: dict[str, Any] = {"dataset": dataset}
    if isinstance(error, BuildFailed):
        detail["build_id"] = error.build_id
    if isinstance(error, Customer360Error):
        detail |= {"next": error.next_action, "checks": [fault.get("field") for fault in error.details]}
    return Finding("critical", dataset, str(error) or type(error).__name__, detail)


def _broken_rules(workspace: Workspace, record: BuildRecord) -> list[Finding]:
    threshold = _threshold(record)
    with closing(open_builds(workspace)) as builds, builds.pin(record.build_id) as build:
        statement = BROKEN_RULES.format(suffix=build.schema_suffix, threshold=threshold)
        rows = build.warehouse.query(statement).to_pylist()
    detail = {"dataset": record.dataset["name"], "build_id": record.build_id, "threshold_pct": threshold}
    return [_broken_rule(row, detail) for row in rows]


def _threshold(record: BuildRecord) -> int:
    default = next(rule.value for rule in business_rules() if rule.name == THRESHOLD)
    return int(record.dataset.get("rules", {}).get(THRESHOLD, default))


def _broken_rule(row: dict[str, Any], detail: dict[str, Any]) -> Finding:
    table, rule, failed, checked = (row[name] for name in ("table_name", "rule_name", "failed_rows", "checked_rows"))
    reason = row.pop("message")
    detail = detail | row | {"next": WHERE_TO_LOOK[row["consequence"]].format(**row)}
    if checked is None:
        return Finding("warning", rule, f"{failed:,} rows fail the test {rule}. {reason}".strip(), detail)
    share = f"{failed:,} of {checked:,} rows of {table} ({failed / checked:.1%})"
    return Finding("warning", f"{table}.{rule}", f"{share} break the rule {rule}: {reason}.", detail)
