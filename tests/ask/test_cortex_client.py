"""Cortex Analyst asked over real HTTP, at a server that replays its public wire shapes, in every way it may end."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from customer360.ask.cortex_client import NAME, TRIES, CortexAnalyst, iter_events
from customer360.ask.readers import Proposal, Turn
from customer360.errors import InvalidSetting, Unavailable
from customer360.settings import CortexSettings, load
from tests.servers.cortex_server import (
    MESSAGE,
    NOT_JSON,
    OTHER_JSON,
    SAID,
    STATEMENT,
    SUGGESTED,
    CortexServer,
    Reply,
    refuses,
    replaying,
    streams,
    streams_error,
    streams_suggestions,
    success,
    suggestions,
)

pytestmark = pytest.mark.integration

TOKEN = "hunter22-token"
QUESTION = "What is total spend by state?"
VERIFIED = {"name": "spend", "question": QUESTION, "sql": STATEMENT, "verified_at": 1714497970, "verified_by": "Jane"}


@pytest.fixture
def server() -> Iterator[CortexServer]:
    with replaying() as found:
        yield found


def reader(address: str, **settings: Any) -> CortexAnalyst:
    """Return the reader under test; it never waits between tries."""
    given = {"url": address, "token": SecretStr(TOKEN), "semantic_model": "@db.s.stage/m.yaml", "ask": "first"}
    return CortexAnalyst(load(CortexSettings, **(given | settings)), sleep=lambda _: None)


def failure(address: str, **settings: Any) -> Unavailable:
    """Return the error with which a question ends."""
    with pytest.raises(Unavailable) as raised:
        reader(address, **settings).propose(QUESTION, ())
    assert TOKEN not in str(raised.value.as_dict())
    return raised.value


@pytest.mark.parametrize("reply", [success(), streams()])
def test_a_statement_is_proposed_as_its_own(server: CortexServer, reply: Reply) -> None:
    server.plan.append(reply)
    proposal = reader(server.address, stream=reply.kind != "application/json").propose(QUESTION, ())
    assert proposal == Proposal(NAME, statement=STATEMENT, text=SAID)


def test_the_verified_query_it_used_is_passed_on(server: CortexServer) -> None:
    server.plan.append(success(VERIFIED))
    proposal = reader(server.address).propose(QUESTION, ())
    assert proposal
    assert proposal.verified_query == VERIFIED


@pytest.mark.parametrize("reply", [suggestions(), streams_suggestions()])
def test_questions_back_are_proposed_without_a_statement(server: CortexServer, reply: Reply) -> None:
    server.plan.append(reply)
    proposal = reader(server.address).propose(QUESTION, ())
    assert proposal == Proposal(NAME, text="Your question is ambiguous.", suggestions=SUGGESTED)


@pytest.mark.parametrize(
    ("model", "key"), [("@db.s.stage/m.yaml", "semantic_model_file"), ("DB.S.VIEW", "semantic_view")]
)
def test_what_is_sent_is_what_the_api_takes(server: CortexServer, model: str, key: str) -> None:
    history = [Turn("first", "We read it so.", "SELECT 1"), Turn("unanswered")]
    reader(server.address, semantic_model=model, token_type="KEYPAIR_JWT").propose("and by month?", history)
    [asked] = server.asked
    assert asked.path == MESSAGE
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["X-Snowflake-Authorization-Token-Type"] == "KEYPAIR_JWT"
    assert asked.body.keys() == {"messages", "stream", key}
    assert asked.body[key] == model
    assert [message["role"] for message in asked.body["messages"]] == ["user", "analyst", "user"]
    assert asked.body["messages"][1]["content"][1] == {"type": "sql", "statement": "SELECT 1"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_refusal_is_final(server: CortexServer, status: int) -> None:
    server.default = refuses(status, "Role X may not use it.")
    error = failure(server.address)
    assert error.code == "cortex_4xx"
    assert f"{status} Role X may not use it." in error.message
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(429, "cortex_4xx"), (500, "cortex_5xx"), (503, "cortex_5xx"), (504, "cortex_5xx")]
)
def test_what_may_pass_is_tried_again(server: CortexServer, status: int, code: str) -> None:
    server.default = refuses(status)
    assert failure(server.address).code == code
    assert len(server.asked) == TRIES
    server.plan.extend([refuses(status), success()])
    proposal = reader(server.address).propose(QUESTION, ())
    assert proposal
    assert proposal.statement == STATEMENT


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_answer_that_takes_too_long_is_a_timeout(server: CortexServer, is_stream: bool) -> None:
    server.default = replace(streams() if is_stream else success(), wait=5)
    assert failure(server.address, timeout_seconds=0.3, stream=is_stream).code == "cortex_timeout"


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    assert failure(address).code == "cortex_unreachable"


@pytest.mark.parametrize(
    "reply",
    [
        NOT_JSON,
        OTHER_JSON,
        Reply(302, b""),
        Reply(200, b""),
        Reply(200, b"[]"),
        Reply(200, b'{"message": {"content": [{"type": "sql"}]}}'),
        Reply(200, b'{"message": {"content": ["x"]}}'),
        Reply(200, b'{"message": {"content": [{"type": "suggestions", "suggestions": 5}]}}'),
        Reply(200, b"event: status\ndata: {not json}\n\n", "text/event-stream"),
        Reply(200, b'event: message.content.delta\ndata: {"type": "text"}\n\n', "text/event-stream"),
        Reply(200, b'event: status\ndata: {"status": "generating_sql"}\n\n', "text/event-stream"),
        Reply(200, b"\xff\xfe\n\n", "text/event-stream"),
        replace(success(), cut=20),
        streams(cut=200),
    ],
    ids=lambda reply: f"{reply.status}-{reply.body[:30]!r}-{reply.cut}",
)
def test_what_the_api_does_not_promise_is_unreadable(server: CortexServer, reply: Reply) -> None:
    server.default = reply
    assert failure(server.address).code == "cortex_unreadable"


def test_an_error_within_a_stream_is_its_failure(server: CortexServer) -> None:
    server.plan.append(streams_error())
    error = failure(server.address)
    assert (error.code, "internal" in error.message) == ("cortex_5xx", True)


def test_an_answer_without_end_is_not_read_to_its_end(server: CortexServer) -> None:
    server.default = Reply(200, b"x" * (5 * 2**20))
    assert failure(server.address).code == "cortex_unreadable"


def test_the_token_is_in_no_log(server: CortexServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reader(server.address).propose(QUESTION, ())
    server.default = refuses(401)
    failure(server.address)
    assert TOKEN not in caplog.text


def test_events_are_read_as_the_standard_says() -> None:
    lines = [": comment", "event: a", "data: 1", "data:2", "id: 7", "", "data: 3", "", "event: empty", "", "data: lost"]
    assert list(iter_events(lines)) == [("a", "1\n2"), ("message", "3")]


def test_it_is_off_by_default() -> None:
    assert load(CortexSettings).ask == "off"


@pytest.mark.parametrize("ask", ["unsure", "first"])
def test_switching_it_on_says_what_is_missing(ask: str) -> None:
    with pytest.raises(InvalidSetting, match="CUSTOMER360_CORTEX_URL and CUSTOMER360_CORTEX_TOKEN and"):
        load(CortexSettings, ask=ask)


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("https://org-account.snowflakecomputing.com/", True),
        ("http://127.0.0.1:8000", True),
        ("http://org-account.snowflakecomputing.com", False),
        ("org-account", False),
        ("https://a.example/path", False),
        ("https://user@a.example", False),
    ],
)
def test_the_token_leaves_this_machine_encrypted(address: str, is_taken: bool) -> None:
    if is_taken:
        assert load(CortexSettings, url=address).url == address.rstrip("/")
    else:
        with pytest.raises(InvalidSetting, match="CUSTOMER360_CORTEX_URL"):
            load(CortexSettings, url=address)
