"""The change feed, on small tables: applied to the table of the earlier build, it gives that of the published one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.errors import Conflict, Gone, NotFound, Unavailable
from customer360.warehouse import Builds, open_builds
from customer360.warehouse.changes import ChangeCounts, Changes, open_changes
from customer360.workspace import Workspace
from tests.warehouse.conftest import make_build

pytestmark = pytest.mark.integration

START = datetime(2026, 11, 21, 4, 51, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("part", pa.string()),
        ("label", pa.string()),
        ("share", pa.float64()),
        ("amount", pa.decimal128(18, 4)),
    ]
)
KEY = ["id", "part"]

Row = dict[str, Any]


def publish(builds: Builds, number: int, select: str, *, key: Sequence[str] = ("id",), rows: pa.Table = None) -> str:
    """Publish a build whose gold.t is what a statement of DuckDB selects; it may read ``rows``."""
    with duckdb.connect() as connection:
        if rows is not None:
            connection.register("rows", rows)
        record = make_build(builds, number, connection.sql(select).to_arrow_table(), key=key)
    builds.publish(record.build_id)
    return record.build_id


def read(builds: Builds, since: str) -> tuple[list[Row], Changes]:
    with open_changes(builds, "mine", table="gold.t", since=since) as changes:
        return [row for batch in changes for row in batch.to_pylist()], changes


def lines(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows]


def test_rows_that_came_left_and_changed_are_told_apart(builds: Builds) -> None:
    first = publish(builds, 1, "select * from (values (1, 'a'), (2, 'b'), (3, null)) t(id, label)")
    publish(builds, 2, "select * from (values (4, 'd'), (3, 'c'), (1, 'a')) t(id, label)")
    rows, changes = read(builds, first)
    assert [*rows[0]] == ["_action", "_is_update", "id", "label"]
    assert lines(rows) == [
        ("DELETE", False, 2, "b"),
        ("DELETE", True, 3, None),
        ("INSERT", True, 3, "c"),
        ("INSERT", False, 4, "d"),
    ]
    assert changes.counts == ChangeCounts(inserted=1, updated=1, deleted=1)
    assert (changes.counts.changed, changes.counts.rows) == (3, 4)


def test_going_back_to_an_older_build_gives_the_changes_backwards(builds: Builds) -> None:
    first = publish(builds, 1, "select 1 as id, 'a' as label")
    second = publish(builds, 2, "select 2 as id, 'b' as label")
    builds.publish(first)
    assert lines(read(builds, second)[0]) == [("INSERT", False, 1, "a"), ("DELETE", False, 2, "b")]


def test_noise_behind_the_ninth_decimal_is_no_change_beside_one_that_is(builds: Builds) -> None:
    first = publish(builds, 1, "select i as id, i / 3.0::double as share from range(3) r(i)")
    publish(builds, 2, "select i as id, if(i = 1, 0.4, i / 3.0::double + 1e-13) as share from range(3) r(i)")
    assert lines(read(builds, first)[0]) == [("DELETE", True, 1, 1 / 3), ("INSERT", True, 1, 0.4)]


def test_values_that_are_null_or_not_a_number_on_both_sides_are_equal(builds: Builds) -> None:
    both = "select 1 as id, null::int as a, 'nan'::double as b, -0.0::double as c"
    first = publish(builds, 1, f"{both}, 'x' as label union all select 2, 2, 2, 2, 'x'")
    publish(builds, 2, f"{both.replace('-0.0', '0.0')}, 'x' as label union all select 2, 2, 2, 2, 'y'")
    assert [row["id"] for row in read(builds, first)[0]] == [2, 2]


def test_a_table_that_is_the_same_gives_nothing(builds: Builds) -> None:
    first = publish(builds, 1, "select i as id, i / 3.0::double as share from range(1000) r(i)")
    publish(builds, 2, "select i as id, i / 3.0::double as share from range(1000) r(i) order by i desc")
    rows, changes = read(builds, first)
    assert (rows, changes.counts.rows) == ([], 0)
    assert changes.schema.names == ["_action", "_is_update", "id", "share"]


def test_nothing_is_new_while_the_same_build_is_published(builds: Builds) -> None:
    first = publish(builds, 1, "select 1 as id")
    rows, changes = read(builds, first)
    assert (rows, changes.since, changes.build_id) == ([], first, first)


def test_from_the_start_every_row_is_an_insert(builds: Builds) -> None:
    publish(builds, 1, "select i as id from range(3) r(i)")
    rows, changes = read(builds, "")
    assert sorted(lines(rows)) == [("INSERT", False, 0), ("INSERT", False, 1), ("INSERT", False, 2)]
    assert changes.counts == ChangeCounts(inserted=3)


def test_columns_that_only_one_build_has_are_named_and_nothing_is_lost(builds: Builds) -> None:
    first = publish(builds, 1, "select i as id, 'x' as gone from range(2) r(i)")
    publish(builds, 2, "select i as id, if(i = 1, 'new', null) as come from range(2) r(i)")
    rows, changes = read(builds, first)
    assert (changes.added_columns, changes.dropped_columns) == (["come"], ["gone"])
    assert lines(rows) == [("DELETE", True, 1, None), ("INSERT", True, 1, "new")]


def test_a_column_of_another_type_is_compared_as_it_is_now(builds: Builds) -> None:
    first = publish(builds, 1, "select * from (values (1, '7'), (2, 'many'), (3, '5')) t(id, number)")
    publish(builds, 2, "select * from (values (1, 7), (2, 8), (3, 6)) t(id, number)")
    assert lines(read(builds, first)[0]) == [
        ("DELETE", True, 2, None),
        ("INSERT", True, 2, 8),
        ("DELETE", True, 3, 5),
        ("INSERT", True, 3, 6),
    ]


@pytest.mark.parametrize(
    ("select", "key"),
    [
        ("select 1 as id, 1 as part", ["id", "part"]),
        ("select '1' as id, 1 as part", ["id"]),
        ("select 1 as part", ["part"]),
    ],
    ids=["another column", "another type", "the column is gone"],
)
def test_rows_are_not_matched_by_another_key(builds: Builds, select: str, key: list[str]) -> None:
    first = publish(builds, 1, "select 1 as id, 1 as part")
    publish(builds, 2, select, key=key)
    with pytest.raises(Conflict, match=f"primary key of gold.t is now {', '.join(key)}") as refused:
        read(builds, first)
    assert refused.value.code == "stream_key_changed"
    assert "customer360 changes reset mine" in refused.value.next_action


def test_a_stream_whose_build_was_pruned_is_stale(builds: Builds) -> None:
    first = publish(builds, 1, "select 1 as id")
    publish(builds, 2, "select 2 as id")
    assert builds.prune(1) == [first]
    with pytest.raises(Gone, match=f"'mine' has read gold.t up to build {first}, which was pruned") as stale:
        read(builds, first)
    assert stale.value.code == "stream_stale"
    assert "customer360 changes reset mine" in stale.value.next_action
    assert "--from-start" in stale.value.next_action


def test_an_unknown_table_is_answered_with_the_nearest(builds: Builds) -> None:
    publish(builds, 1, "select 1 as id")
    with (
        pytest.raises(NotFound, match=r"no table 'gold.tt'") as refused,
        open_changes(builds, "m", table="gold.tt", since=""),
    ):
        pass
    assert "'gold.t'" in refused.value.next_action


def test_nothing_published_is_said(builds: Builds) -> None:
    with pytest.raises(Unavailable, match="Nothing is published"):
        read(builds, "")


def test_both_builds_are_kept_while_they_are_read(builds: Builds) -> None:
    first = publish(builds, 1, "select 1 as id")
    publish(builds, 2, "select 2 as id")
    with open_changes(builds, "mine", table="gold.t", since=first) as changes:
        third = publish(builds, 3, "select 3 as id")
        assert builds.prune(1) == []
        assert lines(row for batch in changes for row in batch.to_pylist()) == [
            ("DELETE", False, 1),
            ("INSERT", False, 2),
        ]
    assert len(builds.prune(1)) == 2
    assert builds.current_id() == third


def test_many_changes_come_in_batches_and_updates_in_pairs(builds: Builds) -> None:
    first = publish(builds, 1, "select i as id, 0::bigint as value from range(200000) r(i)")
    publish(builds, 2, "select i as id, i % 2 as value from range(200000) r(i)")
    with open_changes(builds, "mine", table="gold.t", since=first) as changes:
        batches = list(changes)
    assert len(batches) > 1
    table = pa.Table.from_batches(batches)
    assert table["id"].to_pylist() == [i for i in range(1, 200_000, 2) for _ in range(2)]
    assert table["_action"].to_pylist() == ["DELETE", "INSERT"] * 100_000
    assert changes.counts == ChangeCounts(updated=100_000)


# Any two tables


tables = st.dictionaries(
    st.tuples(st.integers(0, 6), st.sampled_from(["a", "b", None])),
    st.tuples(
        st.sampled_from(["x", "y", "", None]),
        st.none() | st.sampled_from([0.0, -0.0, 1 / 3, 1 / 3 + 1e-13, 1e300]) | st.floats(),
        st.none() | st.decimals(-1000, 1000, places=4),
    ),
    max_size=12,
)


def as_rows(table: dict[tuple[Any, ...], tuple[Any, ...]]) -> list[Row]:
    return [dict(zip(SCHEMA.names, (*key, *values), strict=True)) for key, values in table.items()]


def agree(one: Row, other: Row) -> bool:
    return all(_equal(one[name], other[name]) for name in SCHEMA.names)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or math.isclose(one, other, rel_tol=1e-12, abs_tol=1.1e-9)
    return bool(one == other)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=tables, new=tables, kept=st.sets(st.integers(0, 6)))
def test_applied_to_the_old_table_the_changes_give_the_new_one(
    tmp_path_factory: pytest.TempPathFactory,
    old: dict[tuple[Any, ...], tuple[Any, ...]],
    new: dict[tuple[Any, ...], tuple[Any, ...]],
    kept: set[int],
) -> None:
    new = new | {key: values for key, values in old.items() if key[0] in kept}
    builds = open_builds(Workspace(tmp_path_factory.mktemp("builds")))
    before, after = (pa.Table.from_pylist(as_rows(table), SCHEMA) for table in (old, new))
    first = publish(builds, 1, "from rows", key=KEY, rows=before)
    publish(builds, 2, "from rows", key=KEY, rows=after)
    changes, found = read(builds, first)

    table = {(row["id"], row["part"]): row for row in as_rows(old)}
    for change in changes:
        key = change["id"], change["part"]
        assert change["_is_update"] == (key in old and key in new)
        if change["_action"] == "DELETE":
            assert agree(table.pop(key), change)
        else:
            assert key not in table
            table[key] = change
    wanted = {(row["id"], row["part"]): row for row in as_rows(new)}
    assert table.keys() == wanted.keys()
    assert all(agree(table[key], wanted[key]) for key in wanted)
    assert not any(change["id"] in kept and (change["id"], change["part"]) in old for change in changes)
    assert found.counts.rows == len(changes)
