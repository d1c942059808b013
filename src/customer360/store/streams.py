"""Change streams: how far the readers of a table's changes have come.

Invariant: an offset only moves from the build that its reader had seen it at, so that of two readers of one stream one
moves it and the other is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from customer360.errors import Conflict, NotFound, did_you_mean
from customer360.store.database import Store
from customer360.store.tables import ChangeStream


def create_stream(store: Store, name: str, *, table: str, build_id: str) -> None:
    """Let a stream start behind a build; an empty ``build_id`` is the start, before any.

    Raises:
        Conflict: there is a stream of that name.
    """
    try:
        with store.transaction() as session:
            session.add(ChangeStream(name=name, table_name=table, build_id=build_id, consumed_at=store.now()))
    except IntegrityError:
        raise Conflict(
            f"There is a stream {name!r} already, on {get_stream(store, name).table_name}.",
            code="stream_exists",
            next_action=f"Choose another name, or drop it first: customer360 changes drop {name}.",
        ) from None


def get_stream(store: Store, name: str) -> ChangeStream:
    """Return a stream.

    Raises:
        NotFound: there is none of that name.
    """
    with store.transaction() as session:
        stream = session.get(ChangeStream, name)
    if stream is None:
        raise NotFound(
            f"There is no stream {name!r}.",
            code="stream_not_found",
            next_action=did_you_mean(name, [stream.name for stream in list_streams(store)])
            or f"Create it: customer360 changes create {name} --table gold.customer_segments.",
        )
    return stream


def list_streams(store: Store) -> list[ChangeStream]:
    """Return every stream, by name."""
    with store.transaction() as session:
        return list(session.scalars(select(ChangeStream).order_by(ChangeStream.name)))


@contextmanager
def advancing(store: Store, stream: ChangeStream, build_id: str) -> Iterator[None]:
    """Move a stream's offset to a build when the block ends well.

    The store is locked for writing while the block runs, so it should only finish what is prepared.

    Raises:
        Conflict: the offset is no longer where ``stream`` says; the block does not run.
    """
    offset = (ChangeStream.name == stream.name, ChangeStream.build_id == stream.build_id)
    with store.transaction() as session:
        moved = update(ChangeStream).where(*offset).values(build_id=build_id, consumed_at=store.now())
        if session.connection().execute(moved).rowcount != 1:
            raise Conflict(
                f"Somebody else has moved or dropped the stream {stream.name!r} since it was read.",
                code="stream_moved",
                next_action="This reading does not count. Read again, from where the stream is now: "
                f"customer360 changes read {stream.name}.",
            )
        yield


def drop_stream(store: Store, name: str) -> None:
    """Forget a stream.

    Raises:
        NotFound: there is none of that name.
    """
    get_stream(store, name)
    with store.transaction() as session:
        session.execute(delete(ChangeStream).where(ChangeStream.name == name))
