"""What Snowflake refuses, stops and sends in pieces, replayed in its own words: the emulator can do none of it.

None of these answers came from a real account; codes and texts are those of Snowflake's documents and of its connector.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from customer360.errors import AccessRefused, Customer360Error, InvalidQuery, QueryTimeout, Unavailable
from tests.servers.snowflake_wire import (
    ABORT,
    HANG_UP,
    HEARTBEAT,
    LOGIN,
    QUERY,
    Answer,
    Request,
    Wire,
    chunk_of,
    column,
    gives,
    lets_in,
    refuses,
    says,
)
from tests.warehouse.conftest import PASSWORD, Connect

pytestmark = pytest.mark.integration

NUMBER = [column("N", "fixed", 38, 0)]
ONE = gives(NUMBER, pa.table({"N": pa.array([1], pa.int8())}))
NOT_VALID_JWT = "JWT token is invalid. [2b3c]"


@pytest.mark.contract("S1.41")
@pytest.mark.parametrize(
    ("code", "message", "to_do"),
    [
        ("390100", "Incorrect username or password was specified.", "SNOWFLAKE_PASSWORD"),
        ("390102", "User temporarily locked. Try again later.", "SNOWFLAKE_USER"),
        ("390144", NOT_VALID_JWT, "SNOWFLAKE_PRIVATE_KEY_PATH"),
        ("394304", NOT_VALID_JWT, "RSA_PUBLIC_KEY"),
        ("390114", "Authentication token has expired. The user must authenticate again.", "SNOWFLAKE_USER"),
        ("390318", "OAuth access token expired.", "SNOWFLAKE_TOKEN"),
        ("390303", "Invalid OAuth access token.", "SNOWFLAKE_TOKEN"),
        (
            "390189",
            "Role 'ANALYST' specified in the connect string does not exist or not authorized.",
            "SNOWFLAKE_ROLE",
        ),
        ("390420", "Incoming request with IP/Token 10.0.0.1 is not allowed.", "network policy"),
    ],
)
def test_a_refused_sign_in_says_what_to_correct_and_is_tried_once(
    replay: Wire, connect: Connect, code: str, message: str, to_do: str
) -> None:
    replay.always[LOGIN] = refuses(code, message)
    with pytest.raises(AccessRefused) as refused:
        connect(replay).query("select 1")
    assert message in str(refused.value)
    assert to_do in refused.value.next_action
    assert (refused.value.status, refused.value.code) == (503, "access_refused")
    assert len(replay.asked(LOGIN)) == 1


def test_refused_credentials_are_not_tried_again_by_everybody(replay: Wire, connect: Connect) -> None:
    replay.always[LOGIN] = refuses("390100", "Incorrect username or password was specified.")
    warehouse = connect(replay, pool_size=8)

    def ask(_: int) -> str:
        try:
            warehouse.query("select 1")
        except AccessRefused as error:
            return error.next_action
        return "let in"

    with ThreadPoolExecutor(8) as people:
        assert set(people.map(ask, range(24))) == {
            "Correct SNOWFLAKE_USER and SNOWFLAKE_PASSWORD, or what else the user signs in with."
        }
    assert len(replay.asked(LOGIN)) == 1


def test_credentials_that_were_put_right_are_tried_again_after_a_while(
    replay: Wire, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer360.warehouse.snowflake_sessions.REFUSED_SECONDS", 0.05)
    replay.plan(LOGIN, refuses("390100", "Incorrect username or password was specified."))
    replay.always[QUERY] = ONE
    warehouse = connect(replay)
    with pytest.raises(AccessRefused):
        warehouse.query("select 1 as n")
    time.sleep(0.1)
    assert warehouse.query("select 1 as n").num_rows == 1


def test_those_who_wait_for_a_sign_in_share_that_it_got_no_answer(replay: Wire, connect: Connect) -> None:
    replay.always[LOGIN] = HANG_UP
    warehouse = connect(replay, pool_size=8, login_timeout=1)

    def ask(_: int) -> str:
        with pytest.raises(Unavailable) as refused:
            warehouse.query("select 1")
        return refused.value.code

    with ThreadPoolExecutor(8) as people:
        assert set(people.map(ask, range(8))) == {"unreachable"}
    assert len(replay.asked(LOGIN)) <= 20, "each of them tried a sign-in of its own"


@pytest.mark.parametrize("status", [403, 404])
def test_an_account_that_does_not_exist_is_named(replay: Wire, connect: Connect, status: int) -> None:
    replay.always[LOGIN] = Answer(status)
    with pytest.raises(Unavailable, match="no such account") as refused:
        connect(replay).query("select 1")
    assert (refused.value.code, refused.value.next_action) == ("account_unknown", "Correct SNOWFLAKE_ACCOUNT.")
    assert len(replay.asked(LOGIN)) == 1


@pytest.mark.parametrize(
    ("code", "state", "message", "kind", "our_code", "to_do"),
    [
        ("000606", "57P03", "No active warehouse selected.", Unavailable, "no_warehouse", "SNOWFLAKE_WAREHOUSE"),
        ("090073", "22000", "Warehouse 'WH' cannot be resumed.", Unavailable, "no_warehouse", "quota"),
        ("002003", "02000", "Object 'NOPE' does not exist or not authorized.", InvalidQuery, "object_missing", "ANAL"),
        ("002003", "42S02", "Object 'NOPE' does not exist or not authorized.", InvalidQuery, "object_missing", "ANAL"),
        ("001003", "42000", "SQL compilation error.", InvalidQuery, "invalid_query", "Correct"),
        ("100035", "22007", "Timestamp 'x' is not recognized.", InvalidQuery, "invalid_query", "Correct"),
        ("003001", "42501", "Insufficient privileges.", AccessRefused, "access_refused", "SNOWFLAKE_ROLE"),
        ("000604", "57014", "SQL execution canceled.", Unavailable, "query_cancelled", "again"),
        ("000630", "57014", "Statement reached its timeout.", QueryTimeout, "query_timeout", "QUERY_TIMEOUT"),
    ],
)
@pytest.mark.contract("S1.39")
def test_a_refused_statement_has_its_error_and_is_asked_once(
    replay: Wire,
    connect: Connect,
    code: str,
    state: str,
    message: str,
    kind: type[Customer360Error],
    our_code: str,
    to_do: str,
) -> None:
    replay.always[QUERY] = refuses(code, message, state)
    with pytest.raises(kind) as refused:
        connect(replay).query("select 1")
    assert (type(refused.value), refused.value.code) == (kind, our_code)
    assert to_do.lower() in refused.value.next_action.lower()
    assert len(replay.asked(QUERY)) == 1


@pytest.mark.contract("S1.22")
def test_a_statement_past_its_deadline_is_cancelled_in_snowflake_too(replay: Wire, connect: Connect) -> None:
    def runs_until_it_is_cancelled(_: Request) -> Answer:
        patience = time.monotonic() + 20
        while not replay.asked(ABORT) and time.monotonic() < patience:
            time.sleep(0.02)
        return refuses("000604", "SQL execution canceled", "57014")

    replay.always[QUERY] = runs_until_it_is_cancelled
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match="longer than 1 seconds") as refused:
        connect(replay).query("select 1", timeout=1)
    assert time.monotonic() - started < 10
    assert (refused.value.status, "QUERY_TIMEOUT" in refused.value.next_action) == (504, True)
    [asked], [cancelled] = replay.asked(QUERY), replay.asked(ABORT)
    assert asked.query["requestId"] == cancelled.body["requestId"]


@pytest.mark.contract("S1.22")
def test_snowflake_is_told_the_deadline_of_each_statement(replay: Wire, connect: Connect) -> None:
    replay.always[QUERY] = ONE
    warehouse = connect(replay, timeout=30)
    warehouse.query("select 1 as n", timeout=2.5)
    warehouse.query("select 1 as n")
    limits = [request.body["parameters"]["STATEMENT_TIMEOUT_IN_SECONDS"] for request in replay.asked(QUERY)]
    assert limits == [3, 30]


@pytest.mark.contract("S1.40")
@pytest.mark.parametrize(
    "gone",
    [
        refuses("390104", "User must login again to access the service."),
        refuses("390111", "Session no longer exists. New login required to access the service."),
        refuses("390114", "Authentication token has expired. The user must authenticate again."),
        Answer(401),
    ],
    ids=["390104", "390111", "390114", "401"],
)
def test_a_session_that_ended_is_replaced_and_the_question_answered(
    replay: Wire, connect: Connect, gone: Answer
) -> None:
    replay.plan(QUERY, ONE, gone)
    replay.always[QUERY] = ONE
    warehouse = connect(replay)
    warehouse.query("select 1 as n")
    assert warehouse.query("select 1 as n").num_rows == 1
    assert len(replay.asked(LOGIN)) == 2


def test_where_one_session_broke_the_others_are_asked_before_they_are_used(replay: Wire, connect: Connect) -> None:
    gone = refuses("390111", "Session no longer exists. New login required to access the service.")
    alive = says({"data": None, "code": None, "message": None, "success": True})
    numbers = itertools.count()
    replay.always[LOGIN] = lambda _: lets_in(f"session-{next(numbers)}")
    replay.always[QUERY] = ONE
    warehouse = connect(replay, pool_size=8)
    held = [warehouse.stream("select 1 as n") for _ in range(8)]
    assert sum(reader.read_all().num_rows for reader in held) == 8
    del held
    old = {request.authorization for request in replay.asked(QUERY)}
    replay.always[QUERY] = lambda request: gone if request.authorization in old else ONE
    replay.always[HEARTBEAT] = lambda request: gone if request.authorization in old else alive
    replay.requests.clear()
    in_use = [warehouse.stream("select 1 as n") for _ in range(8)]
    refused = [request for request in replay.asked(QUERY) if request.authorization in old]
    assert (len(old), len(refused), len(replay.asked(LOGIN)), len(in_use)) == (8, 1, 8, 8)


def test_a_token_that_ran_out_is_renewed_without_a_sign_in(replay: Wire, connect: Connect) -> None:
    replay.plan(QUERY, refuses("390112", "Your session has expired. Please login again."))
    replay.always[QUERY] = ONE
    renewed = {"sessionToken": "second", "masterToken": "second-master", "validityInSecondsST": 3600}
    replay.always["/session/token-request"] = says({"data": renewed, "success": True, "code": None, "message": None})
    assert connect(replay).query("select 1 as n").num_rows == 1
    assert [request.authorization for request in replay.asked(QUERY)][1] == 'Snowflake Token="second"'
    assert len(replay.asked(LOGIN)) == 1


def test_a_user_who_was_disabled_meanwhile_is_named_after_a_few_tries(replay: Wire, connect: Connect) -> None:
    replay.always[QUERY] = refuses("390114", "Authentication token has expired. The user must authenticate again.")
    with pytest.raises(AccessRefused, match="has expired") as refused:
        connect(replay).query("select 1")
    assert "disabled" in refused.value.next_action
    assert 1 < len(replay.asked(QUERY)) <= 5


def test_a_warehouse_that_wakes_up_is_waited_for(replay: Wire, connect: Connect) -> None:
    replay.plan(QUERY, refuses("000625", "Warehouse 'WH' is being resumed.", "57P03"))
    replay.always[QUERY] = ONE
    assert connect(replay).query("select 1 as n").num_rows == 1
    assert len(replay.asked(QUERY)) == 2


@pytest.mark.contract("S1.40")
def test_a_session_without_a_heartbeat_is_replaced_before_use(replay: Wire, connect: Connect) -> None:
    replay.always[QUERY] = ONE
    replay.always[HEARTBEAT] = refuses("390111", "Session no longer exists. New login required to access the service.")
    warehouse = connect(replay, trusted=0.0)
    for _ in range(2):
        warehouse.query("select 1 as n")
    assert (len(replay.asked(LOGIN)), len(replay.asked(QUERY))) == (2, 2)


def test_ping_tells_a_service_that_does_not_answer(replay: Wire, connect: Connect) -> None:
    warehouse = connect(replay, timeout=2, network_timeout=1)
    assert 0 < warehouse.ping() < 2
    replay.always[HEARTBEAT] = Answer(503)
    with pytest.raises(Unavailable, match="does not answer"):
        warehouse.ping()


def test_closing_ends_the_sessions_that_rest_and_later_those_in_use(replay: Wire, connect: Connect) -> None:
    replay.always[QUERY] = ONE
    warehouse = connect(replay)
    reader = warehouse.stream("select 1 as n")
    warehouse.query("select 1 as n")
    warehouse.close()
    warehouse.close()
    assert [request.query.get("delete") for request in replay.asked("/session")] == ["true"]
    assert reader.read_all().num_rows == 1
    del reader
    assert len(replay.asked("/session")) == 2
    with pytest.raises(Unavailable, match="was closed"):
        warehouse.query("select 1")


# Results in pieces

AMOUNTS = [column("ID", "fixed", 38, 0), column("amount", "fixed", 18, 4), column("SEEN_AT", "timestamp_ntz", 0, 9)]


def piece(ids: list[int], width: pa.DataType, amounts: list[int | None], seconds: list[int | None]) -> pa.Table:
    """Return rows as Snowflake encodes them: whole numbers as small as they fit, decimals unscaled."""
    epoch = pa.array([None if s is None else {"epoch": s, "fraction": 0} for s in seconds], STRUCT)
    return pa.table({"ID": pa.array(ids, width), "amount": pa.array(amounts, pa.int32()), "SEEN_AT": epoch})


STRUCT = pa.struct([pa.field("epoch", pa.int64()), pa.field("fraction", pa.int32())])
FIRST = piece([1, 2], pa.int8(), [15_000, None], [0, None])
SECOND = piece([70_000], pa.int32(), [-5], [86_400])


def in_pieces(replay: Wire, broken: Callable[[Request], Answer] | None = None) -> None:
    """Let statements answer with two chunks, the second one fetched from an address of its own."""
    replay.always[QUERY] = lambda _: gives(AMOUNTS, FIRST, {f"http://127.0.0.1:{replay.port}/chunk": 1})
    replay.always["/chunk"] = broken or Answer(200, chunk_of(AMOUNTS, SECOND))


@pytest.mark.parametrize("how", ["query", "stream"])
def test_chunks_of_different_widths_are_one_result_of_the_declared_types(
    replay: Wire, connect: Connect, how: str
) -> None:
    in_pieces(replay)
    warehouse = connect(replay)
    found = warehouse.query("…") if how == "query" else warehouse.stream("…").read_all()
    assert found.schema == pa.schema({"id": pa.int64(), "amount": pa.decimal128(18, 4), "seen_at": pa.timestamp("us")})
    assert [[str(value) for value in row.values()] for row in found.to_pylist()] == [
        ["1", "1.5000", "1970-01-01 00:00:00"],
        ["2", "None", "None"],
        ["70000", "-0.0005", "1970-01-02 00:00:00"],
    ]


def test_a_stream_gives_the_first_chunk_before_the_last_one_is_there(replay: Wire, connect: Connect) -> None:
    first_is_read, waited = threading.Event(), []

    def later(_: Request) -> Answer:
        waited.append(first_is_read.wait(20))
        return Answer(200, chunk_of(AMOUNTS, SECOND))

    in_pieces(replay, later)
    reader = connect(replay).stream("…")
    assert reader.read_next_batch().num_rows == 2
    first_is_read.set()
    assert reader.read_next_batch().num_rows == 1
    assert waited == [True]


def test_a_chunk_that_cannot_be_fetched_ends_the_stream_and_frees_the_session(
    replay: Wire, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snowflake.connector.result_batch.MAX_DOWNLOAD_RETRY", 1)
    in_pieces(replay, lambda _: Answer(404))
    warehouse = connect(replay, pool_size=1)
    reader = warehouse.stream("…")
    reader.read_next_batch()
    with pytest.raises(Unavailable, match="404"):
        reader.read_next_batch()
    replay.always[QUERY] = ONE
    assert warehouse.query("select 1 as n").num_rows == 1


@pytest.mark.parametrize(
    ("precision", "kind"),
    [(1, pa.int64()), (18, pa.int64()), (20, pa.decimal128(20, 0)), (38, pa.int64())],
)
def test_whole_numbers_are_int64_unless_their_digits_say_that_they_do_not_fit(
    replay: Wire, connect: Connect, precision: int, kind: pa.DataType
) -> None:
    replay.always[QUERY] = gives([column("N", "fixed", precision, 0)], pa.table({"N": pa.array([1], pa.int8())}))
    found = connect(replay).query("…")
    assert (found.schema.field("n").type, int(found["n"][0].as_py())) == (kind, 1)


def test_a_whole_number_beyond_64_bits_is_named_and_not_cut(replay: Wire, connect: Connect) -> None:
    huge = pa.array([pa.scalar(2**63, pa.decimal128(38, 0)).as_py()], pa.decimal128(38, 0))
    replay.always[QUERY] = gives(NUMBER, pa.table({"N": huge}))
    with pytest.raises(InvalidQuery, match="A value of n does not fit int64") as refused:
        connect(replay).query("…")
    assert "Cast n to" in refused.value.next_action


@pytest.mark.contract("S1.45")
def test_no_error_repeats_a_secret(replay: Wire, connect: Connect) -> None:
    replay.always[LOGIN] = refuses("390100", "Incorrect username or password was specified.")
    with pytest.raises(AccessRefused) as refused:
        connect(replay).query("select 1")
    chain: list[BaseException] = [refused.value]
    while chain[-1].__cause__ or chain[-1].__context__:
        chain.append(chain[-1].__cause__ or chain[-1].__context__ or chain[-1])
    assert not any(PASSWORD in f"{error} {error!r} {vars(error)}" for error in chain)
