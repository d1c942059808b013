"""The tables of the operational store; a migration for each change is in ``migrations/versions``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Index, String
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
