"""One session that changes something, against the emulator: transactions, values, uploads and the writer's lease."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from customer360.errors import Unavailable, WorkspaceBusy
from customer360.settings import SnowflakeSettings
from customer360.warehouse import snowflake_account
from customer360.warehouse.snowflake_account import Account
from tests.conftest import account_on, deployed
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_wire import HANG_UP, QUERY, Wire
from tests.warehouse.conftest import BUILD_FILES

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("snowflake")]

EXPIRE = "update OPS.LEASES set expires_at = dateadd('minute', -1, sysdate()) where name = 'writer'"


@pytest.fixture(scope="module")
def place(emulator: Emulator) -> SnowflakeSettings:
    """A database with what this module needs, for all its tests."""
    ready = deployed(account_on(emulator), (*BUILD_FILES, "0007_bronze_tables", "0008_stages_and_formats"))
    return ready.model_copy(update={"network_timeout": 1})


class Open:
    """Opens sessions; they are closed when the test ends."""

    def __init__(self, settings: SnowflakeSettings, opened: ExitStack) -> None:
        self._settings, self._opened = settings, opened

    def __call__(self, wire: Wire | None = None) -> Account:
        settings = self._settings.model_copy(update={"port": wire.port}) if wire else self._settings
        account = Account(settings)
        self._opened.callback(account.close)
        return account


@pytest.fixture
def sign_in(place: SnowflakeSettings) -> Iterator[Open]:
    with ExitStack() as opened:
        yield Open(place, opened)


@pytest.fixture
def person(sign_in: Open) -> Account:
    """A session with an empty table, ``OPS.THINGS``."""
    account = sign_in()
    account.execute("create or replace table OPS.THINGS (id bigint, name varchar)")
    return account


def names(account: Account) -> list[str]:
    return [name for (name,) in account.execute("select name from OPS.THINGS order by id")]


def sent(wire: Wire) -> list[str]:
    return [request.body["sqlText"] for request in wire.asked(QUERY)]


# Transactions


def test_others_see_all_of_a_transaction_once_it_is_over_and_nothing_before(person: Account, sign_in: Open) -> None:
    other = sign_in()
    with person.transaction():
        person.change("insert into OPS.THINGS values (1, :1)", ["first"])
        person.change("insert into OPS.THINGS values (2, :1)", ["second"])
        assert (names(person), names(other)) == (["first", "second"], [])
    assert names(other) == ["first", "second"]


@pytest.mark.parametrize("fault", [KeyError, KeyboardInterrupt])
def test_a_block_that_raises_leaves_nothing_and_the_session_usable(
    person: Account, sign_in: Open, fault: type[BaseException]
) -> None:
    with pytest.raises(fault), person.transaction():
        person.change("insert into OPS.THINGS values (1, 'first')")
        raise fault
    assert names(person) == []
    person.change("insert into OPS.THINGS values (2, 'second')")
    assert names(sign_in()) == ["second"]


def test_a_statement_that_is_refused_undoes_those_before_it(person: Account, sign_in: Open) -> None:
    with pytest.raises(Exception, match="NOWHERE"), person.transaction():
        person.change("insert into OPS.THINGS values (1, 'first')")
        person.change("insert into OPS.NOWHERE values (1)")
    assert names(sign_in()) == []


@pytest.mark.parametrize("ending", ["commit", "begin"])
def test_what_follows_a_transaction_that_could_not_be_undone_is_no_part_of_it(
    person: Account, sign_in: Open, wire: Wire, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(snowflake_account, "STATEMENT_SECONDS", 1)
    cut_off = sign_in(wire)
    cut_off.execute("select 1")
    lost = False

    def hang_up_from_the_end_on(request: Any) -> Any:
        nonlocal lost
        lost = lost or request.body["sqlText"] == ending
        return HANG_UP if lost else None

    wire.always[QUERY] = hang_up_from_the_end_on
    with pytest.raises(Unavailable), cut_off.transaction():
        cut_off.change("insert into OPS.THINGS values (1, 'lost')")
    del wire.always[QUERY]
    with cut_off.transaction():
        cut_off.change("insert into OPS.THINGS values (2, 'kept')")
    assert names(person) == ["kept"]


DDL = [
    "create table OPS.X (a int)",
    "CREATE OR REPLACE VIEW OPS.X as select 1",
    "alter table OPS.THINGS add column x int",
    "drop table OPS.THINGS",
    "undrop table OPS.THINGS",
    "truncate table OPS.THINGS",
    "grant usage on schema OPS to role PUBLIC",
    "revoke usage on schema OPS from role PUBLIC",
    "comment on table OPS.THINGS is 'x'",
    "use schema GOLD",
]


@pytest.mark.parametrize(
    "before", ["", "\n\t ", "-- why\n", "// why\n", "/* why\n */ ", " -- one\n/* two */\n-- three\n"]
)
@pytest.mark.parametrize("statement", DDL)
def test_ddl_is_refused_in_a_transaction_before_it_is_sent(
    sign_in: Open, wire: Wire, statement: str, before: str
) -> None:
    account = sign_in(wire)
    with pytest.raises(AssertionError, match="would commit"), account.transaction():
        account.execute(before + statement)
    assert sent(wire) == ["begin", "rollback"]


@pytest.mark.parametrize(
    "statement",
    [
        "-- create table x\nselect name from OPS.THINGS",
        "/* drop */ select '*/ drop'",
        "select 'create table x' as created",
        "insert into OPS.THINGS select 7, 'drop table OPS.THINGS'",
    ],
)
def test_what_only_speaks_of_ddl_may_run_in_a_transaction(person: Account, statement: str) -> None:
    with person.transaction():
        person.execute(statement)


def test_ddl_runs_outside_a_transaction(person: Account) -> None:
    with person.transaction():
        person.change("insert into OPS.THINGS values (1, 'first')")
    person.execute("truncate table OPS.THINGS")
    assert names(person) == []


# Values

TYPES = {
    "id": "bigint",
    "words": "varchar",
    "day": "date",
    "seen_at": "timestamp_ntz",
    "amount": "number(18,4)",
    "share": "double",
    "is_new": "boolean",
    "facts": "variant",
}
WORDS = [
    "plain",
    "",
    "it's \"quoted\" and ''doubled''",
    "back\\slash \\n \\' \\\\",
    "two\nlines\tand a tab",
    "Zoë 東京 🙂 \u2028",
    ":1 ? %s $1 {{ x }}",
    "'); drop table OPS.THINGS; --",
    "null",
    '{"not": "parsed"}',
]
ROWS: list[dict[str, Any]] = [
    {
        "id": number,
        "words": words,
        "day": date(2024, 2, 29),
        "seen_at": datetime(2024, 2, 29, 23, 59, 59, 123456),  # noqa: DTZ001
        "amount": Decimal("-12345678901234.5678"),
        "share": 0.1,
        "is_new": number % 2 == 0,
        "facts": {"words": words, "many": [1, None, {"deep": True}]},
    }
    for number, words in enumerate(WORDS)
] + [{name: 2**60 if name == "id" else None for name in TYPES}]


def test_rows_come_back_as_they_were_inserted(person: Account) -> None:
    declared = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    person.execute(f"create or replace table OPS.VALUES_OF_ALL_KINDS ({declared})")
    person.insert("OPS.VALUES_OF_ALL_KINDS", TYPES, ROWS)
    found = person.execute(f"select {', '.join(TYPES)} from OPS.VALUES_OF_ALL_KINDS order by id")
    rows = [dict(zip(TYPES, values, strict=True)) for values in found]
    for row in rows:
        row["facts"] = json.loads(row["facts"]) if row["facts"] else None
    assert rows == ROWS


def test_no_rows_send_no_statement(sign_in: Open, wire: Wire) -> None:
    sign_in(wire).insert("OPS.THINGS", {"id": "bigint"}, [])
    assert wire.requests == []


def test_many_rows_are_one_statement(person: Account, sign_in: Open, wire: Wire) -> None:
    rows = [{"id": number, "name": f"name {number}"} for number in range(5000)]
    sign_in(wire).insert("OPS.THINGS", {"id": "bigint", "name": "varchar"}, rows)
    assert len(wire.asked(QUERY)) == 1
    assert person.execute("select count(*), min(name), max(id) from OPS.THINGS") == [(5000, "name 0", 4999)]


# The lease


def holder(account: Account) -> str | None:
    [(found,)] = account.execute("select holder from OPS.LEASES where name = 'writer'")
    return None if found is None else str(found)


def test_a_second_holder_is_told_who_writes_and_what_to_do(person: Account, sign_in: Open) -> None:
    with person.lease("writer", "home on one"):
        second = sign_in().lease("writer", "home on two")
        with pytest.raises(WorkspaceBusy, match="home on one is loading or building") as refused, second:
            pytest.fail("two held it")
        assert "Wait for it to end" in refused.value.next_action
        assert "UTC" in refused.value.next_action
        assert holder(person) == "home on one"


def test_the_holder_may_take_its_lease_again_after_it_died(person: Account, sign_in: Open) -> None:
    with person.lease("writer", "home on one"), sign_in().lease("writer", "home on one"):
        assert holder(person) == "home on one"


def test_a_lease_that_expired_is_taken_over_and_the_late_one_does_not_give_it_away(
    person: Account, sign_in: Open
) -> None:
    late = person.lease("writer", "home on one")
    late.__enter__()
    person.change(EXPIRE)
    with sign_in().lease("writer", "home on two"):
        late.__exit__(None, None, None)
        assert holder(person) == "home on two"


def test_a_lease_is_given_back_after_the_block_and_after_a_fault(person: Account, sign_in: Open) -> None:
    with person.lease("writer", "home on one"):
        assert holder(person) == "home on one"
    assert holder(person) is None
    with pytest.raises(KeyError), person.lease("writer", "home on one"):
        raise KeyError
    with sign_in().lease("writer", "home on two"):
        assert holder(person) == "home on two"


# Uploads

CUT = "the connector cuts the path at a quote where a stage gives signed addresses, as the emulator's and some GCS do"
DECODED = "the emulator reads the path as an address and decodes it"


def mark(name: str, reason: str) -> Any:
    return pytest.param(name, marks=pytest.mark.xfail(raises=Unavailable, strict=True, reason=reason))


@pytest.mark.parametrize(
    "folder", ["a b", 'say "x"', "back\\slash", "Zoë", mark("it's", CUT), mark("50%20", DECODED), mark("a#b", DECODED)]
)
def test_a_file_is_uploaded_from_a_folder_of_any_name(
    person: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr(snowflake_account, "STATEMENT_SECONDS", 1)
    file = tmp_path / folder / "part_0.parquet"
    file.parent.mkdir()
    for content in (b"first", b"second, over it"):
        file.write_bytes(content)
        person.put(file, "BRONZE.LANDING/uploaded")
        [listed] = person.execute("list @BRONZE.LANDING")
        assert (listed[0], listed[1]) == ("landing/uploaded/part_0.parquet", len(content))


def test_an_upload_that_did_not_arrive_says_so(
    person: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snowflake_account, "STATEMENT_SECONDS", 1)
    with pytest.raises(Unavailable, match="exist") as refused:
        person.put(tmp_path / "gone.parquet", "BRONZE.LANDING/uploaded")
    assert refused.value.next_action
