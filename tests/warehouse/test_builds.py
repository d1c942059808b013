"""The pointer, pins and pruning, without dbt: a build here is one small DuckDB file."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from customer360.errors import Conflict, Gone, InvalidQuery, NotFound, QueryTimeout, Unavailable
from customer360.warehouse import Builds, DuckDBWarehouse, open_builds
from customer360.warehouse.compare import diff_builds
from tests.conftest import Gap
from tests.warehouse.conftest import make_build

pytestmark = pytest.mark.integration

HEAVY = {
    "duckdb": "select count(*) from range(10000000) a, range(10000000) b where a.range % 7 = b.range % 5",
    "snowflake": "select system$wait(5)",
}
START = datetime(2026, 11, 21, 4, 51, tzinfo=UTC)


def make(
    builds: Builds, number: int, *, rows: int = 3, status: str = "passed", publish: bool = True, noise: float = 0
) -> str:
    """Make a build with one table, ``number`` minutes after the start."""
    ids = range(rows)
    values = {"id": ids, "value": [number * i for i in ids], "share": [i / 3 + noise for i in ids]}
    record = make_build(builds, number, pa.table(values), status=status)
    if publish and status == "passed":
        builds.publish(record.build_id)
    return record.build_id


def test_a_build_id_is_an_identifier_on_both_engines(builds: Builds) -> None:
    build_id = make(builds, 0)
    assert build_id.startswith("b20261121t045100_")
    assert build_id.isidentifier()


def test_nothing_published_is_an_error_that_says_what_to_do(builds: Builds) -> None:
    with pytest.raises(Unavailable, match="Nothing is published") as raised, builds.pin():
        pass
    assert "customer360 build" in raised.value.next_action


def test_a_reader_keeps_its_build_while_another_is_published(builds: Builds) -> None:
    first = make(builds, 1)
    with builds.pin() as reading:
        second = make(builds, 2)
        assert reading.build_id == first
        largest = reading.warehouse.query(f"select max(value) from gold{reading.schema_suffix}.t")
        assert largest.column(0).to_pylist() == [2]
    with builds.pin() as reading:
        assert reading.build_id == second


def test_pruning_spares_the_published_build_and_those_in_use(builds: Builds) -> None:
    ids = [make(builds, number) for number in range(1, 6)]
    reader = open_builds(builds.workspace)
    with reader.pin(ids[0]):
        assert builds.prune(2) == [ids[2], ids[1]]
    reader.close()
    assert builds.prune(2) == [ids[0]]
    assert [record.build_id for record in builds.records()] == [ids[4], ids[3]]
    with pytest.raises(Gone), builds.pin(ids[0]):
        pass


def test_pruning_after_a_rollback_keeps_what_is_served(builds: Builds) -> None:
    ids = [make(builds, number) for number in range(1, 5)]
    builds.publish(ids[0])
    builds.prune(1)
    assert builds.current_id() == ids[0]
    assert [record.build_id for record in builds.records()] == [ids[0]]


def test_rollback_goes_to_the_newest_build_before_the_published_one(builds: Builds) -> None:
    first = make(builds, 1)
    make(builds, 2, status="failed")
    make(builds, 3)
    builds.publish(builds.before_current())
    assert builds.current_id() == first
    with pytest.raises(NotFound):
        builds.before_current()


def test_only_a_build_that_passed_can_be_published(builds: Builds) -> None:
    with pytest.raises(Conflict, match="failed"):
        builds.publish(make(builds, 1, status="failed"))
    with pytest.raises(NotFound):
        builds.publish("b20000101t000000_0000")


def test_a_build_of_another_format_is_refused_with_the_command_that_rebuilds(builds: Builds) -> None:
    build_id = make(builds, 1)
    builds.write(replace(builds.get(build_id), format=99))
    with pytest.raises(Conflict, match="format 99") as raised:
        builds.get(build_id)
    assert "customer360 build" in raised.value.next_action


def test_what_a_dead_process_left_is_marked_and_its_space_freed(builds: Builds) -> None:
    build_id = make(builds, 1, status="running", publish=False)
    builds.sweep()
    assert builds.get(build_id).status == "interrupted"
    assert not builds.is_kept(build_id)


def test_two_builds_are_compared_row_by_row(builds: Builds) -> None:
    first, second = make(builds, 1), make(builds, 2, rows=4)
    [difference] = diff_builds(builds, first, second)
    assert (difference.added, difference.removed, difference.changed) == (1, 0, 2)
    assert difference.columns == {"value": 2}
    [same] = diff_builds(builds, second, second)
    assert same.is_same


def test_noise_behind_the_ninth_decimal_is_no_change_beside_one_that_is(builds: Builds) -> None:
    first, second = make(builds, 1), make(builds, 2, noise=1e-13)
    [difference] = diff_builds(builds, first, second)
    assert (difference.changed, difference.columns) == (2, {"value": 2})


def test_a_reader_cannot_write_nor_reach_files_nor_change_settings(builds: Builds, gap: Gap) -> None:
    gap("snowflake", pytest.fail.Exception, "what a role may do is up to its grants, and the emulator has none")
    make(builds, 1)
    with builds.pin() as reading:
        for statement in ("create table x (a int)", "set threads = 4", "copy gold.t to '/tmp/x.csv'"):
            with pytest.raises(duckdb.Error):
                reading.warehouse.query(statement)
        with pytest.raises(duckdb.Error):
            reading.warehouse.query("select * from read_csv('/etc/passwd')")


@pytest.mark.contract("S1.22")
def test_a_query_past_its_deadline_is_stopped_and_the_reader_stays_usable(builds: Builds, gap: Gap) -> None:
    gap("snowflake", InvalidQuery, "the emulator cannot stop a statement; test_snowflake_answers.py replays it")
    make(builds, 1)
    with builds.pin() as reading:
        heavy = HEAVY[reading.warehouse.dialect]
        with pytest.raises(QueryTimeout, match=r"0\.2 seconds"):
            reading.warehouse.query(heavy, timeout=0.2)
        assert reading.warehouse.query("select 1").num_rows == 1


def test_explain_checks_a_statement_without_running_it(builds: Builds) -> None:
    make(builds, 1)
    with builds.pin() as reading:
        schema = f"gold{reading.schema_suffix}"
        reading.warehouse.explain(f"select value from {schema}.t")
        with pytest.raises(InvalidQuery, match=r"(?i)nothing"):
            reading.warehouse.explain(f"select nothing from {schema}.t")
        assert (schema, "t") in reading.warehouse.tables()


def test_many_threads_ask_one_build_at_the_same_time(builds: Builds) -> None:
    make(builds, 1, rows=1000)
    answers: list[int] = []

    def ask() -> None:
        for number in range(50):
            with builds.pin() as reading:
                place = {"duckdb": "$1", "snowflake": ":1"}[reading.warehouse.dialect]
                statement = f"select value from gold{reading.schema_suffix}.t where id = {place}"
                table = reading.warehouse.query(statement, [number])
                answers.append(table.column(0)[0].as_py())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted(list(range(50)) * 8)


def test_results_stream_batch_by_batch(tmp_path: Path) -> None:
    file = tmp_path / "x.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table t as from range(300000)")
    warehouse = DuckDBWarehouse(file, threads=1, memory="1GB")
    reader = warehouse.stream("select * from t where range < $1", [250_000])
    assert sum(batch.num_rows for batch in reader) == 250_000
    warehouse.close()
