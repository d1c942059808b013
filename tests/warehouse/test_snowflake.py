"""Snowflake's side of the protocol with the real connector, against the emulator; nothing here met a real account."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from customer360.errors import InvalidQuery, Unavailable
from customer360.warehouse.snowflake import SnowflakeWarehouse
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_wire import HANG_UP, HEARTBEAT, LOGIN, QUERY, Answer, Wire, listening
from tests.warehouse.conftest import Connect

pytestmark = pytest.mark.integration

TEN = datetime(2024, 1, 1, 10)  # noqa: DTZ001
COLUMNS = {
    "id": pa.int64(),
    "amount": pa.decimal128(18, 4),
    "seen_at": pa.timestamp("us"),
    "name": pa.string(),
    "day": pa.date32(),
    "is_new": pa.bool_(),
    "share": pa.float64(),
}
ROWS = [
    {
        "id": 1,
        "amount": Decimal("1.5000"),
        "seen_at": TEN,
        "name": "Zoë",
        "day": date(2024, 1, 1),
        "is_new": True,
        "share": 0.25,
    },
    {name: 2 if name == "id" else None for name in COLUMNS},
]


@pytest.fixture
def warehouse(wire: Wire, connect: Connect) -> SnowflakeWarehouse:
    """A warehouse with one table, ``things``."""
    opened = connect(wire)
    opened.query(
        "create or replace table things (id number(38,0), amount number(18,4), seen_at timestamp_ntz, name varchar,"
        " day date, is_new boolean, share double)"
    )
    opened.query(
        "insert into things values (1, 1.5, '2024-01-01 10:00:00', 'Zoë', '2024-01-01', true, 0.25),"
        " (2, null, null, null, null, null, null)"
    )
    return opened


def test_rows_come_with_the_types_that_duckdb_gives(warehouse: SnowflakeWarehouse) -> None:
    found = warehouse.query("select * from things order by id")
    assert dict(zip(found.schema.names, found.schema.types, strict=True)) == COLUMNS
    assert found.to_pylist() == ROWS


def test_an_answer_without_rows_has_its_types_all_the_same(warehouse: SnowflakeWarehouse) -> None:
    found = warehouse.query("select * from things where id > 2")
    assert (found.num_rows, found.schema) == (0, pa.schema(COLUMNS))


def test_names_come_as_they_were_asked(warehouse: SnowflakeWarehouse) -> None:
    found = warehouse.query('select id, ID as two, id as "three", id as "Four" from things')
    assert found.schema.names == ["id", "two", "three", "Four"]


def test_values_are_bound_by_number_and_may_recur(warehouse: SnowflakeWarehouse) -> None:
    found = warehouse.query("select :2 as a, :1 as b, :2 as c", ["'; drop table things; --", 7])
    assert found.to_pylist() == [{"a": 7, "b": "'; drop table things; --", "c": 7}]


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("id = :1", 1),
        ("amount = :1", Decimal("1.5")),
        ("seen_at = :1", TEN),
        ("name = :1", "Zoë"),
        ("day = :1", date(2024, 1, 1)),
        ("is_new = :1", True),
        ("share = :1", 0.25),
    ],
)
def test_every_kind_of_value_can_be_bound(warehouse: SnowflakeWarehouse, condition: str, value: object) -> None:
    assert warehouse.query(f"select id from things where {condition}", [value])["id"].to_pylist() == [1]


def test_rows_can_be_streamed_and_the_session_is_free_again(warehouse: SnowflakeWarehouse) -> None:
    for _ in range(5):
        reader = warehouse.stream("select * from things order by id")
        assert (reader.schema, reader.read_all().to_pylist()) == (pa.schema(COLUMNS), ROWS)


def test_streams_that_nobody_reads_to_their_end_hold_no_session(warehouse: SnowflakeWarehouse) -> None:
    for _ in range(5):
        warehouse.stream("select * from things")
        begun = warehouse.stream("select * from things")
        begun.read_next_batch()
        del begun
    assert warehouse.query("select 1 as x").num_rows == 1


def test_statements_that_give_no_arrow_give_a_table(warehouse: SnowflakeWarehouse) -> None:
    assert warehouse.query("update things set id = 3 where id = 2").to_pylist() == [
        {"number of rows updated": 1, "number of multi-joined rows updated": 0}
    ]


def test_a_statement_can_be_checked_without_running_it(warehouse: SnowflakeWarehouse) -> None:
    warehouse.explain("select id from things where name = :1")
    with pytest.raises(InvalidQuery) as refused:
        warehouse.explain("select nothing_like_it from things")
    assert "nothing_like_it" in str(refused.value).lower()


def test_the_catalogue_lists_tables_in_small_letters(warehouse: SnowflakeWarehouse) -> None:
    assert ("gold", "things") in warehouse.tables()
    assert all(schema != "information_schema" for schema, _ in warehouse.tables())


@pytest.mark.contract("S1.43")
@pytest.mark.contract("S1.47")
def test_a_session_is_signed_in_with_its_role_place_and_tag(wire: Wire, warehouse: SnowflakeWarehouse) -> None:
    [login] = wire.asked(LOGIN)
    named = {name: login.query[name] for name in ("roleName", "warehouse", "databaseName", "schemaName")}
    assert named == {"roleName": "ANALYST", "warehouse": "WH", "databaseName": "C360", "schemaName": "GOLD"}
    assert (login.body["data"]["ACCOUNT_NAME"], login.body["data"]["LOGIN_NAME"]) == ("ab12345", "JANE")
    parameters = login.body["data"]["SESSION_PARAMETERS"]
    assert (parameters["QUERY_TAG"], parameters["TIMEZONE"], parameters["WEEK_START"]) == ("customer360", "UTC", 1)


def test_nothing_but_the_questions_is_sent(wire: Wire, warehouse: SnowflakeWarehouse) -> None:
    with pytest.raises(InvalidQuery):
        warehouse.query("select * from nowhere")
    warehouse.close()
    assert {request.path for request in wire.requests} <= {LOGIN, QUERY, HEARTBEAT, "/session"}
    environment = wire.asked(LOGIN)[0].body["data"]["CLIENT_ENVIRONMENT"]
    assert not [name for name in environment["PLATFORM"] if name.endswith("_timeout")]


@pytest.mark.contract("S1.38")
def test_fifty_queries_at_once_open_no_more_sessions_than_the_pool_holds(wire: Wire, connect: Connect) -> None:
    warehouse = connect(wire, pool_size=4, timeout=60)
    with ThreadPoolExecutor(50) as people:
        answers = people.map(lambda n: warehouse.query("select :1 as n", [n])["n"][0].as_py(), range(50))
        assert list(answers) == list(range(50))
    assert 1 <= len(wire.asked(LOGIN)) <= 4


@pytest.mark.contract("S1.38")
def test_a_statement_that_gets_no_session_is_told_what_to_raise(
    wire: Wire, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer360.warehouse.snowflake_sessions.WAIT_SECONDS", 0.2)
    warehouse = connect(wire, pool_size=1)
    held = warehouse.stream("select 1 as x")
    with pytest.raises(Unavailable, match="1 sessions with Snowflake were busy") as refused:
        warehouse.query("select 1 as x")
    assert "CONNECTION_POOL_SIZE" in refused.value.next_action
    assert held.read_all().num_rows == 1


@pytest.mark.contract("S1.39")
@pytest.mark.parametrize("lost", [HANG_UP, Answer(503), Answer(429)], ids=["dropped", "503", "429"])
def test_a_question_whose_first_requests_get_lost_is_answered(wire: Wire, connect: Connect, lost: Answer) -> None:
    warehouse = connect(wire, timeout=20)
    warehouse.ping()
    wire.plan(QUERY, lost, lost)
    started = time.monotonic()
    assert warehouse.query("select 1 as x").to_pylist() == [{"x": 1}]
    assert time.monotonic() - started > 0.5, "it asked again without a pause"
    assert len(wire.asked(QUERY)) == 3
    assert len({request.query["requestId"] for request in wire.asked(QUERY)}) == 1


@pytest.mark.contract("S1.39")
@pytest.mark.parametrize("lost", [HANG_UP, Answer(503), Answer(429)], ids=["dropped", "503", "429"])
def test_a_sign_in_whose_first_requests_get_lost_succeeds(wire: Wire, connect: Connect, lost: Answer) -> None:
    wire.plan(LOGIN, lost, lost)
    assert connect(wire, timeout=20).query("select 1 as x").num_rows == 1
    assert len(wire.asked(LOGIN)) == 3


@pytest.mark.contract("S1.39")
def test_a_statement_that_is_refused_is_not_repeated(wire: Wire, warehouse: SnowflakeWarehouse) -> None:
    before = len(wire.asked(QUERY))
    with pytest.raises(InvalidQuery) as refused:
        warehouse.query("select * from nowhere")
    assert len(wire.asked(QUERY)) == before + 1
    assert refused.value.code == "object_missing"
    assert "role ANALYST" in refused.value.next_action


def test_a_refused_statement_keeps_its_session(wire: Wire, warehouse: SnowflakeWarehouse) -> None:
    with pytest.raises(InvalidQuery, match="001003"):
        warehouse.query("selec 1")
    warehouse.query("select 1 as x")
    assert len(wire.asked(LOGIN)) == 1


@pytest.fixture
def mortal() -> Iterator[Emulator]:
    """An emulator of the test's own, which it may kill."""
    started = Emulator()
    started.start()
    yield started
    started.kill()


@pytest.mark.contract("S1.40")
@pytest.mark.parametrize("trusted", [0.0, 60.0], ids=["asked before use", "found out in use"])
def test_after_a_restart_the_next_question_is_answered(mortal: Emulator, connect: Connect, trusted: float) -> None:
    with listening(Wire(upstream=mortal.port)) as wire:
        warehouse = connect(wire, trusted=trusted, timeout=20)
        warehouse.query("select 1 as x")
        mortal.kill()
        mortal.start()
        assert warehouse.query("select 2 as x").to_pylist() == [{"x": 2}]
        assert len(wire.asked(LOGIN)) == 2


@pytest.mark.contract("S1.40")
def test_while_it_is_down_one_is_told_so_and_afterwards_answered(mortal: Emulator, connect: Connect) -> None:
    with listening(Wire(upstream=mortal.port)) as wire:
        warehouse = connect(wire, trusted=0.0, timeout=2, login_timeout=1, network_timeout=1)
        assert warehouse.ping() > 0
        mortal.kill()
        with pytest.raises(Unavailable) as refused:
            warehouse.query("select 1 as x")
        assert (refused.value.code, refused.value.status) == ("unreachable", 503)
        assert "SNOWFLAKE_ACCOUNT" in refused.value.next_action
        mortal.start()
        assert warehouse.query("select 2 as x").num_rows == 1


@pytest.mark.contract("S1.40")
def test_a_session_that_just_answered_is_not_asked_for_a_sign_of_life(wire: Wire, connect: Connect) -> None:
    for trusted, heartbeats in ((60.0, 0), (0.0, 2)):
        wire.requests.clear()
        warehouse = connect(wire, trusted=trusted)
        for _ in range(3):
            warehouse.query("select 1 as x")
        assert len(wire.asked(HEARTBEAT)) == heartbeats


def test_no_thread_stays_behind(wire: Wire, connect: Connect) -> None:
    before = threading.active_count()
    warehouse = connect(wire)
    warehouse.query("select 1 as x")
    warehouse.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before + 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before + 1
