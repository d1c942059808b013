"""The tables of the operational store; a migration for each change is in ``migrations/versions``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Double, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of every table of the store."""


class PipelineRun(Base):
    """One load or build: what it worked on, how it ended and what it measured. Times are UTC."""

    __tablename__ = "pipeline_runs"
    __table_args__ = (Index("ix_pipeline_runs_started_at", "started_at"),)

    run_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime] = mapped_column(DateTime())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime())
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    @property
    def seconds(self) -> float | None:
        """How long it took; ``None`` until it ends."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


class Alert(Base):
    """Something a person should look at, from when it was found until it was no longer so. Times are UTC."""

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_resolved_at", "resolved_at"),)

    alert_id: Mapped[int] = mapped_column(primary_key=True)
    raised_at: Mapped[datetime] = mapped_column(DateTime())
    severity: Mapped[str] = mapped_column(String(20))
    component: Mapped[str] = mapped_column(String(50))
    subject: Mapped[str] = mapped_column(String(200))
    """What the alert is about; a component has at most one open alert of a subject."""
    message: Mapped[str] = mapped_column(String(1000))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime())
    delivered_at: Mapped[datetime | None] = mapped_column(DateTime())
    """When the webhook took it; null where there is none, or it did not answer yet."""


class QueryRecord(Base):
    """One semantic query that was answered or refused: how long it took and what it gave. Times are UTC."""

    __tablename__ = "query_performance"
    __table_args__ = (Index("ix_query_performance_asked_at", "asked_at"),)

    query_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(DateTime())
    source: Mapped[str] = mapped_column(String(20))
    build_id: Mapped[str] = mapped_column(String(40))
    seconds: Mapped[float] = mapped_column(Double())
    rows_returned: Mapped[int]
    from_cache: Mapped[bool]
    status: Mapped[str] = mapped_column(String(40))


class ApiMetric(Base):
    """The requests of one route, method and status within a minute or so. Times are UTC, durations milliseconds."""

    __tablename__ = "api_metrics"
    __table_args__ = (Index("ix_api_metrics_measured_at", "measured_at"),)

    metric_id: Mapped[int] = mapped_column(primary_key=True)
    measured_at: Mapped[datetime] = mapped_column(DateTime())
    route: Mapped[str] = mapped_column(String(200))
    method: Mapped[str] = mapped_column(String(10))
    status_code: Mapped[int]
    requests: Mapped[int]
    mean_ms: Mapped[float] = mapped_column(Double())
    p95_ms: Mapped[float] = mapped_column(Double())
    p99_ms: Mapped[float] = mapped_column(Double())


class ChangeStream(Base):
    """How far a reader of a table's changes has come: the build up to which it has read. Times are UTC."""

    __tablename__ = "change_streams"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    table_name: Mapped[str] = mapped_column(String(200))
    build_id: Mapped[str] = mapped_column(String(40))
    """Empty where nothing was read yet, so that every row is still to come."""
    consumed_at: Mapped[datetime] = mapped_column(DateTime())
    """When the build was set: by creating, consuming or resetting."""


class AnswerFeedback(Base):
    """What somebody thinks of the answer to a question. Times are UTC."""

    __tablename__ = "answer_feedback"
    __table_args__ = (Index("ix_answer_feedback_request_id", "request_id"),)

    feedback_id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(String(200))
    given_at: Mapped[datetime] = mapped_column(DateTime())
    positive: Mapped[bool]
    message: Mapped[str] = mapped_column(String(10_000))
