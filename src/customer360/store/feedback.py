"""What people think of answers; kept for a year."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from customer360.errors import Unavailable
from customer360.store.database import Store
from customer360.store.tables import AnswerFeedback

KEPT = timedelta(days=365)


def write_feedback(store: Store, request_id: str, *, positive: bool, message: str = "") -> None:
    """Keep one opinion on the answer to a request, and drop those that are too old.

    Raises:
        Unavailable: the store cannot be written.
    """
    given = AnswerFeedback(request_id=request_id, given_at=store.now(), positive=positive, message=message)
    try:
        with store.transaction() as session:
            session.add(given)
            session.execute(delete(AnswerFeedback).where(AnswerFeedback.given_at < store.now() - KEPT))
    except SQLAlchemyError as error:
        raise Unavailable("The operational store cannot be written.", code="store_broken") from error
