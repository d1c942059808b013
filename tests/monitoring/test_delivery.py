"""Delivery to a real webhook that works, fails, refuses, dawdles or is gone."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from customer360.clock import fixed
from customer360.monitoring import Delivery, deliver_alerts, describe_alert
from customer360.settings import AlertSettings, load
from customer360.store import Finding, Store, list_alerts, list_undelivered, note_findings
from tests.webhook import TOKEN, Answer, webhook

pytestmark = pytest.mark.integration

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = fixed(NOON + timedelta(minutes=1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with two open alerts."""
    store = Store.beside(tmp_path / "store.db", fixed(NOON))
    detail = {"dataset": "bank", "build_id": "b1", "next": "Look.", "failed_rows": 3}
    note_findings(store, "data quality", [Finding("warning", "customers.email", "3 rows break it.", detail)])
    note_findings(store, "load", [Finding("warning", "a.csv", "a.csv: the file is empty.", {"dataset": "bank"})])
    yield store
    store.close()


def settings(address: str, seconds: float = 5) -> AlertSettings:
    return load(AlertSettings, webhook=SecretStr(address), timeout_seconds=seconds)


def test_an_alert_is_posted_in_the_documented_shape_and_only_once(store: Store) -> None:
    with webhook() as hook:
        assert deliver_alerts(store, settings(hook.address), LATER) == Delivery(sent=2)
        assert deliver_alerts(store, settings(hook.address), LATER) == Delivery()
    assert hook.posted[0] == {
        "alert_id": 1,
        "dataset": "bank",
        "build_id": "b1",
        "severity": "warning",
        "component": "data quality",
        "subject": "customers.email",
        "message": "3 rows break it.",
        "next": "Look.",
        "raised_at": "2026-03-01T12:00:00Z",
        "resolved": False,
        "resolved_at": None,
        "detail": {"failed_rows": 3},
    }
    documented = re.search(r"^```json\n(.+?)^```$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert documented
    assert json.loads(documented.group(1)).keys() == hook.posted[0].keys()
    assert hook.posted == [describe_alert(alert) for alert in list_alerts(store)]


def test_the_end_of_an_alert_is_posted_once_with_a_key_of_its_own(store: Store) -> None:
    with webhook() as hook:
        deliver_alerts(store, settings(hook.address), LATER)
        later = Store(store.url, fixed(NOON + timedelta(hours=1)))
        note_findings(later, "load", [])
        for minutes in (61, 62):
            deliver_alerts(later, settings(hook.address), fixed(NOON + timedelta(minutes=minutes)))
        later.close()
    assert [(alert["subject"], alert["resolved_at"]) for alert in hook.posted if alert["resolved"]] == [
        ("a.csv", "2026-03-01T13:00:00Z")
    ]
    assert hook.keys == [
        "bank-1-20260301T120000000000-raised",
        "bank-2-20260301T120000000000-raised",
        "bank-2-20260301T120000000000-resolved",
    ]


def test_without_a_webhook_nothing_is_sent_and_nothing_is_lost(store: Store) -> None:
    assert deliver_alerts(store, load(AlertSettings)) == Delivery()
    assert len(list_undelivered(store)) == 2


def test_a_webhook_that_fails_for_a_moment_is_tried_again_with_the_same_key(store: Store) -> None:
    pauses: list[float] = []
    with webhook(500, 503) as hook:
        assert deliver_alerts(store, settings(hook.address), LATER, sleep=pauses.append) == Delivery(sent=2)
    assert hook.subjects() == ["customers.email"] * 3 + ["a.csv"]
    assert len(set(hook.keys)) == 2
    assert 1 <= pauses[0] <= 2 <= pauses[1] <= 3


def test_the_pause_between_two_tries_is_really_made(store: Store) -> None:
    started = time.monotonic()
    with webhook(Answer(503, {"Retry-After": "1"})) as hook:
        assert deliver_alerts(store, settings(hook.address), LATER).sent == 2
    assert time.monotonic() - started >= 1


def test_a_webhook_that_goes_on_failing_is_left_alone_after_three_tries(store: Store) -> None:
    with webhook(500, 500, 500) as hook:
        delivery = deliver_alerts(store, settings(hook.address), LATER, sleep=lambda _: None)
        assert delivery == Delivery(left=2, fault="the webhook answered 500")
        assert len(hook.posted) == 3
        assert deliver_alerts(store, settings(hook.address), LATER) == Delivery(sent=2)


@pytest.mark.parametrize("status", [302, 400, 401, 404])
def test_what_the_webhook_refuses_is_not_tried_again_and_keeps_nothing_back(store: Store, status: int) -> None:
    with webhook(status) as hook:
        delivery = deliver_alerts(store, settings(hook.address), LATER, sleep=_never)
    assert delivery == Delivery(sent=1, left=1, fault=f"the webhook answered {status}")
    assert hook.subjects() == ["customers.email", "a.csv"]
    assert [alert.subject for alert in list_undelivered(store)] == ["customers.email"]


@pytest.mark.parametrize(
    ("asked", "pause"), [("7", 7), ("Sun, 01 Mar 2026 12:01:09 GMT", 9), ("Sun, 01 Mar 2026 11:00:00 GMT", 0)]
)
def test_the_webhook_is_given_the_time_it_asks_for(store: Store, asked: str, pause: float) -> None:
    pauses: list[float] = []
    with webhook(Answer(429, {"Retry-After": asked})) as hook:
        assert deliver_alerts(store, settings(hook.address), LATER, sleep=pauses.append).sent == 2
    assert pauses == [pause]


def test_a_retry_after_that_says_nothing_is_passed_over(store: Store) -> None:
    pauses: list[float] = []
    with webhook(Answer(429, {"Retry-After": "soon"})) as hook:
        assert deliver_alerts(store, settings(hook.address), LATER, sleep=pauses.append).sent == 2
    assert 1 <= pauses[0] <= 2


def test_nobody_waits_for_a_webhook_that_asks_for_an_hour(store: Store) -> None:
    with webhook(Answer(429, {"Retry-After": "3600"})) as hook:
        delivery = deliver_alerts(store, settings(hook.address), LATER, sleep=_never)
    assert delivery == Delivery(left=2, fault="the webhook answered 429")
    assert len(hook.posted) == 1


def test_a_webhook_that_dawdles_is_given_up_and_told_again_under_the_same_key(store: Store) -> None:
    slow = Answer(seconds=30)
    with webhook(slow, slow, slow) as hook:
        started = time.monotonic()
        delivery = deliver_alerts(store, settings(hook.address, 0.2), LATER, sleep=lambda _: None)
        assert time.monotonic() - started < 10
        assert delivery == Delivery(left=2, fault="the webhook does not answer (timed out)")
        assert deliver_alerts(store, settings(hook.address), LATER).sent == 2
    assert hook.keys[:4] == [hook.keys[0]] * 4


def test_a_webhook_that_is_gone_is_tried_three_times(store: Store) -> None:
    with webhook() as hook:
        address = hook.address
    pauses: list[float] = []
    delivery = deliver_alerts(store, settings(address), LATER, sleep=pauses.append)
    assert (delivery.sent, delivery.left, len(pauses)) == (0, 2, 2)
    assert "Connection refused" in delivery.fault
    assert len(list_undelivered(store)) == 2


def test_the_address_of_the_webhook_is_nowhere_to_be_read(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with webhook(400) as hook:
        delivery = deliver_alerts(store, settings(hook.address), LATER)
    gone = deliver_alerts(store, settings(hook.address), LATER, sleep=lambda _: None)
    assert delivery.fault
    assert gone.fault
    assert TOKEN not in f"{delivery} {gone} {caplog.text} {hook.posted}"


def _never(_: float) -> None:
    pytest.fail("it waited to try again")
