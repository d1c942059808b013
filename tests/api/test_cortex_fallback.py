"""With Cortex Analyst switched on: a question is answered whatever becomes of it, and the answer says who read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from customer360.settings import semantic_model_file
from tests.api.conftest import serve
from tests.ask.cortex_spec_client import CortexClient
from tests.servers.cortex_server import (
    NOT_JSON,
    STATEMENT,
    CortexServer,
    Reply,
    refuses,
    replaying,
    success,
    suggestions,
)

pytestmark = pytest.mark.api

MESSAGE = "/api/v2/cortex/analyst/message"
MODEL = {"semantic_view": "customer_analytics"}
CLEAR, UNCLEAR = "What is total spend by state?", "show me the zorgles"
OURS, THEIRS = "customer360-grammar", "cortex-analyst"


def serving(home: Path, address: str, ask: str) -> Iterator[httpx.Client]:
    """Serve with Cortex Analyst at an address."""
    told = {"": ask, "_URL": address, "_TOKEN": "hunter22", "_MODEL": "@db.s.stage/m.yaml", "_TIMEOUT": "1"}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in told.items():
            environment.setenv(f"CUSTOMER360_CORTEX{name}", value)
        yield from serve(home)


@pytest.fixture(scope="module")
def remote() -> Iterator[CortexServer]:
    with replaying() as server:
        yield server


@pytest.fixture(scope="module")
def first(small_bank_home: Path, remote: CortexServer) -> Iterator[httpx.Client]:
    """Our service, which asks Cortex Analyst first."""
    yield from serving(small_bank_home, remote.address, "first")


@pytest.fixture(scope="module")
def unsure(small_bank_home: Path, remote: CortexServer) -> Iterator[httpx.Client]:
    """Our service, which asks Cortex Analyst where it has no answer itself."""
    yield from serving(small_bank_home, remote.address, "unsure")


@pytest.fixture(autouse=True)
def _afresh(remote: CortexServer) -> None:
    remote.default = success()
    remote.asked.clear()


def ask(client: httpx.Client, question: str) -> dict[str, Any]:
    """Ask one question and return the answer."""
    messages = [{"role": "user", "content": [{"type": "text", "text": question}]}]
    answer = client.post(MESSAGE, json={"messages": messages, **MODEL})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def statement_of(answer: dict[str, Any]) -> str:
    """Return the statement of an answer."""
    return str(answer["message"]["content"][1]["statement"])


@pytest.mark.contract("S2.40")
def test_what_cortex_analyst_answers_is_shown_as_its_own(first: httpx.Client) -> None:
    answer = ask(first, CLEAR)
    assert statement_of(answer) == STATEMENT
    assert answer["response_metadata"]["model_names"] == [THEIRS]
    assert answer["response_metadata"]["customer360"]["badge"] == f"read by {THEIRS}"
    assert "not checked against this model" in answer["warnings"][0]["message"]


WAYS_TO_FAIL: list[tuple[Reply, str]] = [
    (refuses(400), "cortex_4xx"),
    (refuses(401), "cortex_4xx"),
    (refuses(403), "cortex_4xx"),
    (refuses(404), "cortex_4xx"),
    (refuses(429), "cortex_4xx"),
    (refuses(500), "cortex_5xx"),
    (refuses(503), "cortex_5xx"),
    (replace(success(), wait=5), "cortex_timeout"),
    (replace(success(), cut=20), "cortex_unreadable"),
    (NOT_JSON, "cortex_unreadable"),
    (suggestions(), "abstained"),
]


@pytest.mark.parametrize(("reply", "outcome"), WAYS_TO_FAIL, ids=[f"{r.status}-{o}" for r, o in WAYS_TO_FAIL])
@pytest.mark.contract("X.19")
@pytest.mark.contract("S3.09")
def test_an_answer_comes_whatever_becomes_of_cortex_analyst_and_says_so(
    first: httpx.Client, remote: CortexServer, reply: Reply, outcome: str
) -> None:
    remote.default = reply
    answer = ask(first, CLEAR)
    said = answer["response_metadata"]["customer360"]
    assert "gold.transactions_by_customer AS" in statement_of(answer)
    assert said["engine"] == OURS
    assert said["badge"] == f"read by {OURS} ({THEIRS}: {outcome})"
    assert [attempt["outcome"] for attempt in said["attempts"]] == [outcome, "ok"]
    assert answer["warnings"][0]["message"].startswith(f"{THEIRS} did not answer ({outcome}")
    assert "hunter22" not in str(answer)


@pytest.mark.contract("X.19")
def test_nobody_there_is_told_as_such(small_bank_home: Path) -> None:
    with replaying() as gone:
        address = gone.address
    for client in serving(small_bank_home, address, "first"):
        said = ask(client, CLEAR)["response_metadata"]["customer360"]
        assert said["badge"] == f"read by {OURS} ({THEIRS}: cortex_unreachable)"


def test_only_what_we_cannot_read_is_passed_on(unsure: httpx.Client, remote: CortexServer) -> None:
    assert "gold.transactions_by_customer AS" in statement_of(ask(unsure, CLEAR))
    assert remote.asked == []
    answer = ask(unsure, UNCLEAR)
    assert statement_of(answer) == STATEMENT
    badge = answer["response_metadata"]["customer360"]["badge"]
    assert badge == f"read by {THEIRS} ({OURS}: abstained)"


OPERATIONS = [
    {"semantic_view": "operations"},
    {"semantic_model": semantic_model_file("operations").read_text(encoding="utf-8")},
]


@pytest.mark.parametrize("model", OPERATIONS, ids=["view", "text"])
def test_questions_to_another_model_are_not_passed_on(
    first: httpx.Client, remote: CortexServer, model: dict[str, str]
) -> None:
    for question in ("What is the system health?", CLEAR):
        messages = [{"role": "user", "content": [{"type": "text", "text": question}]}]
        answer = first.post(MESSAGE, json={"messages": messages, **model}).json()
        assert answer["response_metadata"]["customer360"]["badge"] == f"read by {OURS}"
    assert remote.asked == []


def test_neither_knowing_is_a_question_back_of_ours(unsure: httpx.Client, remote: CortexServer) -> None:
    remote.default = refuses(404)
    answer = ask(unsure, UNCLEAR)
    assert [block["type"] for block in answer["message"]["content"]] == ["text", "suggestions"]
    assert answer["response_metadata"]["customer360"]["reason"] == "no_such_field"


def test_the_conversation_goes_along(first: httpx.Client, remote: CortexServer) -> None:
    client = CortexClient(str(first.base_url), MODEL, stream=True)
    client.ask(CLEAR)
    client.ask("and by month?")
    sent = remote.asked[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "analyst", "user"]
    assert sent[1]["content"][1]["statement"] == STATEMENT


def test_an_attack_is_passed_on_to_nobody(first: httpx.Client, remote: CortexServer) -> None:
    kinds = [block["type"] for block in ask(first, "'; DROP TABLE x; --")["message"]["content"]]
    assert (kinds, remote.asked) == (["text", "suggestions"], [])
