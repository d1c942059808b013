"""Questions in plain English over HTTP, on both engines."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.test_service import ERROR_KEYS

pytestmark = pytest.mark.api


def ask(client: httpx.Client, question: str, *previous: str) -> dict[str, Any]:
    answer = client.post("/api/ask", json={"question": question, "previous": previous})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_question_is_answered_with_all_that_shows_how(bank_client: httpx.Client) -> None:
    told = ask(bank_client, "Number of customers by card type")
    assert (told["ok"], told["status"], told["read_by"]) == (True, "answer", "local grammar")
    assert sum(row["customer_count"] for row in told["rows"]) == 400
    assert told["chart"]["kind"] == "bar"
    assert told["restatement"] == "Number of customers by card type."
    assert told["build_id"]
    assert told["rows_returned"] == told["rows_available"] == len(told["rows"])


def test_the_query_of_an_answer_gives_the_same_rows(bank_client: httpx.Client) -> None:
    told = ask(bank_client, "Total spend by channel for Premium customers")
    again = bank_client.post("/api/semantic/query", json=told["query"]).json()
    assert again["rows"] == told["rows"]
    assert again["sql"] == told["sql"]


def test_the_questions_before_are_given_anew_each_time(bank_client: httpx.Client) -> None:
    told = ask(bank_client, "and for Standard?", "Average credit limit of Premium customers")
    assert told["status"] == "answer"
    assert "card type is Standard" in told["restatement"]
    assert ask(bank_client, "and for Standard?")["status"] == "clarify"


def test_what_is_asked_back_or_refused_is_no_error(bank_client: httpx.Client) -> None:
    back = ask(bank_client, "Who are our best customers?")
    assert back["status"] == "clarify"
    assert ask(bank_client, back["options"][0]["question"])["status"] == "answer"
    refused = ask(bank_client, "Delete all inactive customers")
    assert (refused["status"], refused["reason"]) == ("refuse", "write_operation")
    assert (refused["rows"], refused["sql"]) == ([], "")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"question": ""}, 422, "invalid_request"),
        ({"question": "x" * 4001}, 422, "invalid_request"),
        ({"question": "how many customers", "extra": 1}, 422, "invalid_request"),
        ({"question": "how many customers", "previous": ["x"] * 51}, 422, "invalid_request"),
        ({"question": "how many customers", "build": "b20000101t000000_0000"}, 410, "build_gone"),
        ({"question": "how many customers", "model": "nope"}, 422, "no_such_model"),
        ({"question": "how many customers", "model": "x" * 201}, 422, "invalid_request"),
    ],
)
def test_errors_have_the_shape_of_all_others(
    bank_client: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    answer = bank_client.post("/api/ask", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == ERROR_KEYS


def test_completions_are_questions_that_are_answered(bank_client: httpx.Client) -> None:
    told = bank_client.get("/api/ask/complete", params={"q": "number of customers by c", "limit": 3}).json()
    texts = [one["text"] for one in told["completions"]]
    assert 0 < len(texts) <= 3
    assert all(one.casefold().startswith("number of customers by c") for one in texts)
    assert {ask(bank_client, one)["status"] for one in texts} == {"answer"}
    assert bank_client.get("/api/ask/complete", params={"limit": 0}).status_code == 422


def test_every_key_that_is_typed_is_answered(bank_client: httpx.Client) -> None:
    question = "average credit limit by customer segment in Texas"
    for end in range(1, len(question) + 1):
        found = bank_client.get("/api/ask/complete", params={"q": question[:end]})
        assert found.status_code == 200, question[:end]


def test_examples_are_answered(bank_client: httpx.Client) -> None:
    examples = bank_client.get("/api/ask/examples").json()["examples"]
    assert len(examples) == 5
    for questions in examples.values():
        assert {ask(bank_client, one)["status"] for one in questions} == {"answer"}


# Another model


@pytest.mark.contract("S2.41")
@pytest.mark.contract("S2.42")
def test_another_model_answers_from_other_tables(bank_client: httpx.Client) -> None:
    asked = {"question": "How is the system doing?", "model": "operations"}
    told = bank_client.post("/api/ask", json=asked).json()
    assert (told["status"], told["rows_returned"]) == ("answer", 1)
    assert "operational_status" in told["sql"]
    again = bank_client.post("/api/semantic/query", params={"model": "operations"}, json=told["query"]).json()
    assert (again["rows"], again["sql"]) == (told["rows"], told["sql"])


def test_a_follow_up_stays_with_the_model(bank_client: httpx.Client) -> None:
    asked = {"question": "by component status", "previous": ["How is the system doing?"], "model": "operations"}
    told = bank_client.post("/api/ask", json=asked).json()
    assert (told["status"], told["restatement"]) == ("answer", "System health by component status.")


@pytest.mark.parametrize(
    ("model", "question", "other"),
    [
        ("operations", "Number of customers by card type", "customer_analytics"),
        ("customer_analytics", "how many failed checks are there", "operations"),
    ],
)
def test_the_model_that_would_answer_is_named(bank_client: httpx.Client, model: str, question: str, other: str) -> None:
    told = bank_client.post("/api/ask", json={"question": question, "model": model}).json()
    assert (told["status"], told["sql"]) == ("refuse", "")
    assert told["text"].endswith(f"The model {other} answers this.")


def test_completions_and_examples_are_those_of_the_model(bank_client: httpx.Client) -> None:
    typed = {"q": "number of failed ", "model": "operations"}
    texts: list[str] = []
    for _ in range(20):  # each request reads for some milliseconds, and the next one goes on from there
        texts = [one["text"] for one in bank_client.get("/api/ask/complete", params=typed).json()["completions"]]
        if "number of failed checks" in texts:
            break
    assert "number of failed checks" in texts
    examples = bank_client.get("/api/ask/examples", params={"model": "operations"}).json()["examples"]
    questions = [one for listed in examples.values() for one in listed]
    assert "How is the system doing?" in questions
    for question in questions:
        told = bank_client.post("/api/ask", json={"question": question, "model": "operations"}).json()
        assert told["status"] == "answer", question


def test_an_answer_that_is_kept_is_that_of_its_model(bank_client: httpx.Client) -> None:
    query = {"metrics": ["component_count"]}
    for _ in range(2):
        found = bank_client.post("/api/semantic/query", params={"model": "operations"}, json=query)
        assert found.json()["rows"][0]["component_count"] > 0
    refused = bank_client.post("/api/semantic/query", json=query)
    assert (refused.status_code, refused.json()["code"]) == (422, "no_such_field")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/ask/complete", None),
        ("GET", "/api/ask/examples", None),
        ("POST", "/api/semantic/query", {"metrics": ["customer_count"]}),
    ],
)
def test_a_model_that_there_is_not_is_refused_everywhere(
    bank_client: httpx.Client, method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = bank_client.request(method, path, params={"model": "nope"}, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_such_model")
    assert answer.json()["next"] == "There are customer_analytics and operations."
    assert set(answer.json()) == ERROR_KEYS
