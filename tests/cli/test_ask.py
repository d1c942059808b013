"""Questions at a terminal, in a conversation, and from a file."""

from __future__ import annotations

import json
import runpy
import shutil
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from customer360.ask import Engine
from customer360.cli import app
from tests.ask.conftest import questions_folder, small_database

__all__ = ["questions_folder", "small_database"]
pytestmark = pytest.mark.integration


def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["ask", *arguments], input=typed, env={"COLUMNS": "160"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def write_questions(path: Path, *questions: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in questions), encoding="utf-8")
    return path


def predictions(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def database(small_database: Path) -> list[str]:
    return ["--database", str(small_database)]


def test_an_answer_shows_the_sentence_the_rows_and_where_they_are_from(database: list[str]) -> None:
    code, out, err = run("total spend by channel", *database)
    assert code == 0
    assert "Total spend by channel. 3 rows." in out
    assert "In-Store" in out
    assert "3 of 3 rows · build small.duckdb · as of 2025-11-18 · local grammar" in out
    assert "Next:" in out
    assert err.count("switched off") == 1
    assert "dim_product" in err


def test_the_published_build_is_asked_where_no_database_is_named(
    small_bank_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER360_HOME", str(small_bank_home))
    code, out, _ = run("how many customers do we have", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["rows"] == [{"customer_count": 400}]
    assert told["build_id"].startswith("b")


@pytest.fixture
def bank(small_bank_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands work on the published bank."""
    monkeypatch.setenv("CUSTOMER360_HOME", str(small_bank_home))


@pytest.mark.usefixtures("bank")
def test_nothing_goes_on_after_a_question_to_a_build() -> None:
    before = set(threading.enumerate())
    assert run("how many customers")[0] == 0
    assert set(threading.enumerate()) <= before


@pytest.mark.contract("S2.41")
@pytest.mark.contract("S2.42")
@pytest.mark.usefixtures("bank")
def test_another_model_answers_from_other_tables() -> None:
    code, out, _ = run("How is the system doing?", "--model", "operations", "--json")
    told = json.loads(out)
    assert code == 0
    assert 0 <= told["rows"][0]["system_health"] <= 100
    assert told["build_id"].startswith("b")
    code, out, _ = run("How is the system doing?", "--model", "operations", "--sql")
    assert (code, "FROM reporting.operational_status" in out) == (0, True)
    code, out, _ = run("How is the system doing?", "--model", "operations", "--explain")
    assert (code, "METRIC components.system_health" in out) == (0, True)


@pytest.mark.usefixtures("bank")
def test_a_conversation_stays_with_its_model() -> None:
    typed = "how many runs are there by kind of run\nonly builds\nhow many customers do we have\nquit\n"
    code, out, _ = run("--chat", "--model", "operations", typed=typed)
    assert code == 0
    assert "Number of runs by run kind" in out
    assert "The model customer_analytics answers this." in out


@pytest.mark.parametrize(
    ("model", "question", "other"),
    [
        ("customer_analytics", "how many failed checks are there", "operations"),
        ("customer_analytics", "How is the system doing?", "operations"),
        ("operations", "total spend by state", "customer_analytics"),
    ],
)
@pytest.mark.usefixtures("bank")
def test_a_question_that_another_model_answers_is_not_answered_and_that_model_is_named(
    model: str, question: str, other: str
) -> None:
    code, out, _ = run(question, "--model", model)
    assert code == 2
    assert f"The model {other} answers this." in out
    assert run(question, "--model", other)[0] == 0


@pytest.mark.parametrize("question", ["show me the frobnicators", "delete all customers", "why did spend fall?"])
@pytest.mark.usefixtures("bank")
def test_what_no_model_answers_names_none(question: str) -> None:
    code, out, _ = run(question)
    assert (code, "answers this" in out) == (2, False)


@pytest.mark.parametrize("place", [[], ["--database", "any.duckdb"]])
@pytest.mark.usefixtures("bank")
def test_a_model_that_there_is_not_is_refused_with_those_there_are(place: list[str]) -> None:
    code, _, err = run("how many customers", "--model", "nope", *place)
    assert code == 2
    assert "There is no semantic model 'nope'" in err
    assert "There are customer_analytics and operations." in err


def test_a_build_older_than_a_model_is_said_to_lack_it(
    small_bank_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(shutil.copytree(small_bank_home, tmp_path / "older", ignore=shutil.ignore_patterns("store.db*")))
    for model in home.glob("builds/*/operations.yaml"):
        model.unlink()
    monkeypatch.setenv("CUSTOMER360_HOME", str(home))
    code, _, err = run("How is the system doing?", "--model", "operations")
    assert code == 2
    assert "has no semantic model 'operations': it was made before there was one" in " ".join(err.split())
    code, out, _ = run("How is the system doing?")
    assert (code, "answers this" in out) == (2, False)
    assert run("how many customers do we have")[0] == 0


@pytest.mark.contract("S2.42")
def test_any_file_with_the_tables_of_a_model_is_asked_by_it(small_bank_home: Path, tmp_path: Path) -> None:
    [build] = small_bank_home.glob("builds/*/warehouse.duckdb")
    file = shutil.copy(build, tmp_path / "elsewhere.duckdb")
    asked = write_questions(tmp_path / "asked.jsonl", {"id": "a", "question": "How is the system doing?"})
    code, out, _ = run("--batch", str(asked), "--model", "operations", "--database", str(file))
    assert code == 0
    assert [(one["status"], one["columns"]) for one in predictions(out)] == [("answer", ["system_health"])]


def test_a_file_without_the_tables_of_a_model_is_refused(database: list[str]) -> None:
    code, _, err = run("How is the system doing?", "--model", "operations", *database)
    assert code == 2
    assert "monitoring.alerts" in err


def test_the_same_is_told_to_programs(database: list[str]) -> None:
    code, out, _ = run("how many custmers in Texas", "--json", *database)
    told = json.loads(out)
    assert code == 0
    assert (told["status"], told["read_by"]) == ("answer", "local grammar")
    assert told["corrections"] == [{"typed": "custmers", "read": "customers"}]
    assert told["chart"]["kind"] == "figure"


def test_the_sql_comes_with_its_values_and_gives_the_answer(database: list[str], small_database: Path) -> None:
    code, out, _ = run("how many Premium customers are there", "--sql", *database)
    assert code == 0
    sql, _, values = out.partition("-- ")
    assert values == "$1 = 'Premium'\n"
    with duckdb.connect(str(small_database), read_only=True) as connection:
        [(found,)] = connection.execute(sql, ["Premium"]).fetchall()
    assert (
        found
        == json.loads(run("how many Premium customers are there", "--json", *database)[1])["rows"][0]["customer_count"]
    )


def test_explain_shows_how_it_was_read(database: list[str]) -> None:
    code, out, _ = run("total spend by channel", "--explain", *database)
    assert code == 0
    assert "total | spend | by | channel" in out
    assert "METRIC fct_transactions.total_spend" in out
    assert '"kind": "figures"' in out


def test_a_refusal_says_why_and_ends_with_two(database: list[str]) -> None:
    code, out, _ = run("average salary by state", *database)
    assert code == 2
    assert "salary" in out
    assert "What comes nearest:" in out


def test_a_question_back_numbers_what_may_be_meant(database: list[str]) -> None:
    code, out, _ = run("who are our best customers", *database)
    assert code == 2
    assert "1. Who are our best customers by lifetime value" in out


def test_a_conversation_goes_on_until_somebody_leaves(database: list[str]) -> None:
    typed = "who are our best customers\n1\nhow many customers are in Texas\nand in Florida?\nquit\nnever asked\n"
    code, out, _ = run("--chat", *database, typed=typed)
    assert code == 0
    assert "whose state is Texas" in out
    assert "whose state is Florida" in out
    assert "highest by lifetime value" in out
    assert "never asked" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Ask one thing"),
        (["how many customers", "--batch", "x.jsonl"], "Ask one thing"),
        (["how many customers", "--database", "nowhere.duckdb"], "does not exist"),
        (["how many customers", "--database", "x.duckdb", "--build", "b1"], "exclude each other"),
        (["how many customers", "--database", __file__], "cannot be opened"),
    ],
)
def test_what_cannot_be_asked_is_said(arguments: list[str], said: str) -> None:
    code, _, err = run(*arguments)
    assert code in (2, 3)
    assert said in err.replace("\n", " ")


def test_a_database_without_the_tables_is_refused(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute("CREATE TABLE things (a INTEGER)")
    code, _, err = run("how many customers", "--database", str(tmp_path / "other.duckdb"))
    assert code == 2
    assert "none of the model's tables" in err


def test_a_batch_is_answered_line_by_line_in_the_form_of_predictions(database: list[str], tmp_path: Path) -> None:
    file = write_questions(
        tmp_path / "asked.jsonl",
        {"id": "a", "question": "how many customers are in Texas", "previous": []},
        {"id": "b", "question": "and in Florida?", "previous": ["how many customers are in Texas"], "gold_sql": "x"},
        {"id": "c", "question": "tell me a joke"},
        {"id": "d", "question": "what about last year?"},
    )
    code, out, err = run("--batch", str(file), *database)
    assert code == 0
    made = predictions(out)
    assert [(one["id"], one["status"]) for one in made] == [
        ("a", "answer"),
        ("b", "answer"),
        ("c", "refuse"),
        ("d", "clarify"),
    ]
    assert made[1]["columns"] == ["customer_count"]
    assert len(made[1]["rows"]) == 1
    assert made[0]["sql"] == made[1]["sql"]
    assert made[2]["reason"] == "out_of_scope"
    assert "4 of 4 questions, 2 answered" in err


def test_a_batch_may_come_from_standard_input(database: list[str]) -> None:
    asked = json.dumps({"id": "a", "question": "how many customers are in Texas"})
    code, out, _ = run("--batch", "-", *database, typed=asked)
    assert code == 0
    assert [one["status"] for one in predictions(out)] == ["answer"]


def test_a_batch_from_a_folder_is_refused(database: list[str], tmp_path: Path) -> None:
    code, _, err = run("--batch", str(tmp_path), *database)
    assert code == 2
    assert "is a folder" in err


def test_a_question_that_breaks_is_refused_and_the_rest_go_on(
    database: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Engine.read

    def break_on_boom(self: Engine, question: str, previous: Any = None) -> Any:
        if question == "boom":
            raise IndexError(question)
        return read(self, question, previous)

    monkeypatch.setattr(Engine, "read", break_on_boom)
    file = write_questions(
        tmp_path / "asked.jsonl", {"id": 1, "question": "boom"}, {"id": 2, "question": "how many customers"}
    )
    code, out, _ = run("--batch", str(file), *database)
    assert code == 0
    assert [(one["id"], one["status"], one.get("reason")) for one in predictions(out)] == [
        (1, "refuse", "internal_error"),
        (2, "answer", ""),
    ]


def test_a_line_that_is_no_question_is_named(database: list[str], tmp_path: Path) -> None:
    (tmp_path / "asked.jsonl").write_text('{"id": "a", "question": "how many customers"}\n{"id": "b"}\n')
    code, _, err = run("--batch", str(tmp_path / "asked.jsonl"), *database)
    assert code == 2
    assert "line 2" in err


def test_the_given_questions_are_right_by_the_given_scorer(
    database: list[str], small_database: Path, questions_folder: Path
) -> None:
    code, out, _ = run("--batch", str(questions_folder / "dev.jsonl"), *database)
    assert code == 0
    made = {one["id"]: one for one in predictions(out)}
    judge = runpy.run_path(str(questions_folder / "score.py"))["judge"]
    lines = (questions_folder / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    with duckdb.connect(str(small_database), read_only=True) as connection:
        connection.execute("SET search_path='gold'")
        judged = {record["id"]: judge(record, made[record["id"]], connection) for record in map(json.loads, lines)}
    assert [one for one, verdict in judged.items() if verdict == "wrong"] == []
    assert sum(verdict == "correct" for verdict in judged.values()) >= 0.95 * len(judged)
