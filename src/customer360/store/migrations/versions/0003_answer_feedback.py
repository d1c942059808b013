"""Record what people think of answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create answer_feedback."""
    op.create_table(
        "answer_feedback",
        sa.Column("feedback_id", sa.Integer(), primary_key=True),
        sa.Column("request_id", sa.String(200), nullable=False),
        sa.Column("given_at", sa.DateTime(), nullable=False),
        sa.Column("positive", sa.Boolean(), nullable=False),
        sa.Column("message", sa.String(10_000), nullable=False),
    )
    op.create_index("ix_answer_feedback_request_id", "answer_feedback", ["request_id"])


def downgrade() -> None:
    """Drop answer_feedback."""
    op.drop_table("answer_feedback")
