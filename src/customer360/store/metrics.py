"""How queries and requests went; kept for 30 days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from customer360.errors import Unavailable
from customer360.store.database import Store
from customer360.store.tables import ApiMetric, QueryRecord

KEPT = timedelta(days=30)


def write_metrics(store: Store, rows: Iterable[QueryRecord | ApiMetric]) -> None:
    """Add rows and drop those that are too old.

    Raises:
        Unavailable: the store cannot be written.
    """
    try:
        with store.transaction() as session:
            session.add_all(rows)
            session.execute(delete(QueryRecord).where(QueryRecord.asked_at < store.now() - KEPT))
            session.execute(delete(ApiMetric).where(ApiMetric.measured_at < store.now() - KEPT))
    except SQLAlchemyError as error:
        raise Unavailable("The operational store cannot be written.", code="store_broken") from error
