"""Alembic's entry point: runs the migrations on the URL that the store gives."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from customer360.store.tables import Base


def run() -> None:
    """Run the migrations in one transaction."""
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
