"""Record alerts, queries, requests and how far readers of changes have come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create alerts, query_performance, api_metrics and change_streams."""
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Integer(), primary_key=True),
        sa.Column("raised_at", sa.DateTime(), nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("component", sa.String(50), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("message", sa.String(1000), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(), nullable=True),
    )
    op.create_index("ix_alerts_resolved_at", "alerts", ["resolved_at"])
    op.create_table(
        "query_performance",
        sa.Column("query_id", sa.String(32), primary_key=True),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("build_id", sa.String(40), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("rows_returned", sa.Integer(), nullable=False),
        sa.Column("from_cache", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
    )
    op.create_index("ix_query_performance_asked_at", "query_performance", ["asked_at"])
    op.create_table(
        "api_metrics",
        sa.Column("metric_id", sa.Integer(), primary_key=True),
        sa.Column("measured_at", sa.DateTime(), nullable=False),
        sa.Column("route", sa.String(200), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("mean_ms", sa.Double(), nullable=False),
        sa.Column("p95_ms", sa.Double(), nullable=False),
        sa.Column("p99_ms", sa.Double(), nullable=False),
    )
    op.create_index("ix_api_metrics_measured_at", "api_metrics", ["measured_at"])
    op.create_table(
        "change_streams",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("table_name", sa.String(200), nullable=False),
        sa.Column("build_id", sa.String(40), nullable=False),
        sa.Column("consumed_at", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    """Drop what upgrade created."""
    for table in ("change_streams", "api_metrics", "query_performance", "alerts"):
        op.drop_table(table)
