"""Offsets of change streams: they move once, from where they were seen, and only when what they promise is done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from customer360.errors import Conflict, NotFound
from customer360.store import Store, advancing, create_stream, drop_stream, get_stream, list_streams

pytestmark = pytest.mark.integration

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    moments = (NOON + timedelta(minutes=n) for n in range(100))
    store = Store.beside(tmp_path / "store.db", lambda: next(moments))
    create_stream(store, "mine", table="gold.t", build_id="b1")
    yield store
    store.close()


def offset(store: Store) -> str:
    return get_stream(store, "mine").build_id


def test_a_stream_remembers_its_table_its_build_and_when(store: Store) -> None:
    stream = get_stream(store, "mine")
    assert (stream.table_name, stream.build_id) == ("gold.t", "b1")
    assert stream.consumed_at == NOON.replace(tzinfo=None)


def test_streams_are_listed_by_name(store: Store) -> None:
    create_stream(store, "first", table="gold.t", build_id="")
    assert [(stream.name, stream.build_id) for stream in list_streams(store)] == [("first", ""), ("mine", "b1")]


def test_a_name_is_taken_once(store: Store) -> None:
    with pytest.raises(Conflict, match=r"a stream 'mine' already, on gold\.t") as refused:
        create_stream(store, "mine", table="gold.other", build_id="b2")
    assert refused.value.code == "stream_exists"
    assert offset(store) == "b1"


def test_an_unknown_stream_is_answered_with_the_nearest_or_how_to_make_one(store: Store) -> None:
    for use in (get_stream, drop_stream):
        with pytest.raises(NotFound, match="no stream 'mime'") as refused:
            use(store, "mime")
        assert refused.value.next_action == "Did you mean 'mine'?"
    drop_stream(store, "mine")
    with pytest.raises(NotFound) as refused:
        get_stream(store, "mine")
    assert "customer360 changes create mine" in refused.value.next_action


def test_the_offset_moves_once_the_block_is_done(store: Store) -> None:
    with advancing(store, get_stream(store, "mine"), "b2"):
        pass
    stream = get_stream(store, "mine")
    assert (stream.build_id, stream.consumed_at) == ("b2", (NOON + timedelta(minutes=1)).replace(tzinfo=None))


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_a_block_that_fails_leaves_the_offset(store: Store, failure: BaseException) -> None:
    with pytest.raises(type(failure)), advancing(store, get_stream(store, "mine"), "b2"):
        raise failure
    assert offset(store) == "b1"


def test_a_reader_that_was_overtaken_is_told_before_it_finishes(store: Store) -> None:
    seen_by_both = get_stream(store, "mine")
    with advancing(store, seen_by_both, "b2"):
        pass
    done = []
    with pytest.raises(Conflict, match="'mine'") as refused, advancing(store, seen_by_both, "b3"):
        done.append("written")
    assert (done, offset(store), refused.value.code) == ([], "b2", "stream_moved")


def test_a_reader_whose_stream_was_dropped_is_told(store: Store) -> None:
    seen = get_stream(store, "mine")
    drop_stream(store, "mine")
    with pytest.raises(Conflict, match="moved or dropped"), advancing(store, seen, "b2"):
        pass


def test_of_many_readers_at_once_exactly_one_moves_the_offset(store: Store) -> None:
    seen = get_stream(store, "mine")
    together = threading.Barrier(8)
    outcomes: list[str] = []

    def consume(number: int) -> None:
        together.wait()
        try:
            with advancing(store, seen, f"c{number}"):
                outcomes.append(f"c{number}")
        except Conflict:
            outcomes.append("told")

    readers = [threading.Thread(target=consume, args=(number,)) for number in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert outcomes.count("told") == 7
    assert offset(store) in outcomes
