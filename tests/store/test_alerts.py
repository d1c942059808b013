"""Alerts in the store: one open alert of a subject, until it is found well again; who is still to be told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from customer360.store import Finding, Store, list_alerts, list_undelivered, mark_delivered, note_findings

pytestmark = pytest.mark.integration

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_on(self, **time: float) -> datetime:
        """Let time pass; returns the new moment as the store holds it."""
        self.now += timedelta(**time)
        return self.now.replace(tzinfo=None)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def store(tmp_path: Path, watch: Watch) -> Iterator[Store]:
    store = Store.beside(tmp_path / "store.db", watch)
    yield store
    store.close()


def finding(subject: str, message: str = "It is wrong.") -> Finding:
    return Finding("warning", subject, message, {"dataset": "bank"})


def test_a_finding_becomes_an_open_alert(store: Store) -> None:
    note_findings(store, "load", [finding("a.csv")])
    [alert] = list_alerts(store)
    assert (alert.severity, alert.component, alert.subject, alert.message) == (
        "warning",
        "load",
        "a.csv",
        "It is wrong.",
    )
    assert (alert.raised_at, alert.resolved_at, alert.delivered_at) == (NOON.replace(tzinfo=None), None, None)


def test_the_same_finding_again_only_changes_what_the_alert_says(store: Store, watch: Watch) -> None:
    note_findings(store, "load", [finding("a.csv")])
    [before] = list_alerts(store)
    watch.pass_on(hours=1)
    note_findings(store, "load", [Finding("critical", "a.csv", "It is worse.", {"dataset": "bank", "rows": 2})])
    [after] = list_alerts(store, resolved=True)
    assert (after.alert_id, after.raised_at, after.severity) == (before.alert_id, before.raised_at, "warning")
    assert (after.message, after.detail) == ("It is worse.", {"dataset": "bank", "rows": 2})


def test_what_is_not_found_again_is_resolved_and_can_be_raised_anew(store: Store, watch: Watch) -> None:
    note_findings(store, "load", [finding("a.csv"), finding("b.csv")])
    moment = watch.pass_on(hours=1)
    note_findings(store, "load", [finding("b.csv")])
    assert [alert.subject for alert in list_alerts(store)] == ["b.csv"]
    note_findings(store, "load", [finding("a.csv"), finding("b.csv")])
    kept = [(alert.subject, alert.resolved_at) for alert in list_alerts(store, resolved=True)]
    assert kept == [("a.csv", None), ("a.csv", moment), ("b.csv", None)]


def test_a_run_resolves_only_what_its_component_raised_and_it_could_judge(store: Store) -> None:
    note_findings(store, "build", [finding("bank")])
    note_findings(store, "load", [finding("a.csv"), finding("b.csv")])
    note_findings(store, "load", [], resolves=lambda alert: alert.subject == "a.csv")
    assert sorted(alert.subject for alert in list_alerts(store)) == ["b.csv", "bank"]


def test_one_run_raises_one_alert_of_a_subject(store: Store) -> None:
    note_findings(store, "load", [finding("a.csv", "first"), finding("a.csv", "second")])
    assert [alert.message for alert in list_alerts(store)] == ["second"]


def test_what_is_too_long_is_cut_and_still_one_subject(store: Store) -> None:
    for _ in range(2):
        note_findings(store, "load", [finding("a" * 300, "m" * 3000)])
    [alert] = list_alerts(store)
    assert (len(alert.subject), len(alert.message)) == (200, 1000)


def test_a_resolved_alert_is_kept_for_90_days_and_an_open_one_for_ever(store: Store, watch: Watch) -> None:
    note_findings(store, "load", [finding("a.csv"), finding("b.csv")])
    note_findings(store, "load", [finding("b.csv")])
    watch.pass_on(days=90)
    note_findings(store, "build", [])
    assert len(list_alerts(store, resolved=True)) == 2
    watch.pass_on(seconds=1)
    note_findings(store, "build", [])
    assert [alert.subject for alert in list_alerts(store, resolved=True)] == ["b.csv"]


def test_somebody_is_told_of_an_alert_once_and_once_more_when_it_is_resolved(store: Store, watch: Watch) -> None:
    note_findings(store, "load", [finding("a.csv")])
    [alert] = list_undelivered(store)
    mark_delivered(store, alert, watch.pass_on(minutes=1))
    assert list_undelivered(store) == []
    watch.pass_on(minutes=1)
    note_findings(store, "load", [])
    [alert] = list_undelivered(store)
    assert alert.resolved_at is not None
    mark_delivered(store, alert, watch.pass_on(minutes=1))
    assert list_undelivered(store) == []


def test_nobody_is_told_that_something_was_resolved_of_which_they_never_knew(store: Store, watch: Watch) -> None:
    note_findings(store, "load", [finding("a.csv")])
    watch.pass_on(minutes=1)
    note_findings(store, "load", [])
    assert list_undelivered(store) == []


def test_what_was_resolved_while_its_raise_was_on_its_way_is_told_next(store: Store, watch: Watch) -> None:
    note_findings(store, "load", [finding("a.csv")])
    [alert] = list_undelivered(store)
    read_at = watch.pass_on(seconds=1)
    watch.pass_on(seconds=1)
    note_findings(store, "load", [])
    mark_delivered(store, alert, read_at)
    assert [alert.subject for alert in list_undelivered(store)] == ["a.csv"]


def test_runs_that_find_the_same_at_the_same_time_raise_one_alert(store: Store, tmp_path: Path) -> None:
    def find(_: int) -> None:
        own = Store(store.url)
        note_findings(own, "load", [finding("a.csv")])
        own.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(find, range(16)))
    assert len(list_alerts(store, resolved=True)) == 1
