"""Alerts: raised by what a run finds, resolved by a run that finds it well again, and kept for 90 days after that.

Invariant: a component has at most one open alert of a subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, or_, select, update

from customer360.store.database import Store
from customer360.store.tables import Alert

KEPT = timedelta(days=90)
LONGEST_SUBJECT = 200
LONGEST_MESSAGE = 1000


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at: how grave, what about, and what is wrong; the detail is for programs."""

    severity: str
    """critical or warning."""
    subject: str
    message: str
    detail: dict[str, Any]
    """Holds the dataset, and where there are such the build_id and what to do ``next``."""


def note_findings(
    store: Store,
    component: str,
    findings: Iterable[Finding],
    *,
    resolves: Callable[[Alert], bool] = lambda _: True,
) -> None:
    """Raise an alert for each new finding of a component, and resolve what was not found again.

    What is open already takes the newest message and detail. ``resolves`` says which open alerts the run could judge.
    """
    found, now = {finding.subject[:LONGEST_SUBJECT]: finding for finding in findings}, store.now()
    with store.transaction() as session:
        # The delete comes first: it makes SQLite lock the file, so that nobody else raises between look and leap.
        session.execute(delete(Alert).where(Alert.resolved_at < now - KEPT))
        alerts = session.scalars(select(Alert).where(Alert.component == component, Alert.resolved_at.is_(None)))
        for alert in alerts:
            if again := found.pop(alert.subject, None):
                alert.message, alert.detail = again.message[:LONGEST_MESSAGE], again.detail
            elif resolves(alert):
                alert.resolved_at = now
        session.add_all(_raise(component, subject, finding, now) for subject, finding in found.items())


def list_alerts(store: Store, *, resolved: bool = False) -> list[Alert]:
    """Return the open alerts, and the ``resolved`` ones too where they are wanted, newest first."""
    wanted = select(Alert).order_by(Alert.raised_at.desc(), Alert.alert_id)
    with store.transaction() as session:
        return list(session.scalars(wanted if resolved else wanted.where(Alert.resolved_at.is_(None))))


def list_undelivered(store: Store) -> list[Alert]:
    """Return what somebody is still to be told, oldest first: what is open, and that what they know of was resolved."""
    unknown = and_(Alert.delivered_at.is_(None), Alert.resolved_at.is_(None))
    over = Alert.delivered_at < Alert.resolved_at
    with store.transaction() as session:
        return list(session.scalars(select(Alert).where(or_(unknown, over)).order_by(Alert.alert_id)))


def mark_delivered(store: Store, alert: Alert, at: datetime) -> None:
    """Note that somebody was told how the alert was at a moment."""
    with store.transaction() as session:
        session.execute(update(Alert).where(Alert.alert_id == alert.alert_id).values(delivered_at=at))


def _raise(component: str, subject: str, finding: Finding, now: datetime) -> Alert:
    return Alert(
        raised_at=now,
        severity=finding.severity,
        component=component,
        subject=subject,
        message=finding.message[:LONGEST_MESSAGE],
        detail=finding.detail,
    )
