"""The command line as its users meet it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from customer360.cli import app

pytestmark = pytest.mark.integration

COMMANDS = (
    "up",
    "generate",
    "upload",
    "load",
    "refresh",
    "retention",
    "build",
    "builds",
    "rollback",
    "runs",
    "alerts",
    "query",
    "changes",
    "serve",
    "semantic",
    "setup",
    "deploy",
    "doctor",
)


def run(*arguments: str, home: Path | None = None) -> tuple[int, str, str]:
    """Run a command in this process; returns exit code, standard output and standard error."""
    where = ["--home", str(home)] if home else []
    result = CliRunner().invoke(app, [*where, *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Usage" in out
    assert len(out) > 300


def test_query_prints_money_the_way_the_dataset_writes_it(online_retail_home: Path) -> None:
    code, out, _ = run(
        *("query", "--metrics", "customer_count,total_spend", "--by", "country", "--where", "lifetime_value > 1000"),
        *("--order", "-total_spend", "--limit", "3"),
        home=online_retail_home,
    )
    assert code == 0
    assert "United Kingdom" in out
    assert "£5,765,326.83" in out
    assert "3 of 34 rows" in out


def test_query_takes_aggregates_and_classes(online_retail_home: Path) -> None:
    question = (
        "query",
        "--metrics",
        "median(lifetime_value),percentile(lifetime_value, 90)",
        "--by",
        "recency_score:2",
    )
    code, out, _ = run(*question, "--order", "-median_lifetime_value", home=online_retail_home)
    assert code == 0
    assert "3 of 3 rows" in out
    assert re.search(r"£[\d.,]+ +£[\d.,]+", out)
    code, out, _ = run(*question, "--json", home=online_retail_home)
    assert [row["recency_score_from"] for row in json.loads(out)["rows"]] == [0, 2, 4]


@pytest.mark.contract("S2.42")
def test_a_query_may_be_put_to_another_model(online_retail_home: Path) -> None:
    asked = ("query", "--model", "operations", "--metrics", "run_count", "--by", "run_kind", "--json")
    code, out, _ = run(*asked, home=online_retail_home)
    assert code == 0
    assert [row["run_kind"] for row in json.loads(out)["rows"]] == ["load"], "a build knows what ended before it"
    code, _, err = run("query", "--model", "nope", "--metrics", "run_count", home=online_retail_home)
    assert (code, "There are customer_analytics and operations." in err) == (2, True)


def test_query_speaks_json_csv_and_sql(online_retail_home: Path) -> None:
    question = ("query", "--metrics", "customer_count", "--by", "region", "--where", "lifetime_value > 1000")
    code, out, _ = run(*question, "--json", home=online_retail_home)
    answer = json.loads(out)
    assert code == 0
    assert answer["currency"] == "GBP"
    process = subprocess.run(
        [sys.executable, "-m", "customer360.cli", "--home", str(online_retail_home), *question, "--csv"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = list(csv.DictReader(io.StringIO(process.stdout)))
    assert [(row["region"], int(row["customer_count"])) for row in rows] == [
        (row["region"] or "", row["customer_count"]) for row in answer["rows"]
    ]
    _, sql, _ = run(*question, "--sql", home=online_retail_home)
    assert "$1 = 1000" in sql


@pytest.mark.contract("S2.12")
def test_sample_data_never_lands_where_the_environment_is_prod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "prod")
    code, _, err = run("up", "--port", "18123", "--ui-port", "18124", home=tmp_path)
    assert code == 2
    assert "sample data" in err
    assert "ENVIRONMENT=dev" in err
    assert not (tmp_path / "lake").exists()


def test_a_typing_error_is_answered_with_what_was_meant(online_retail_home: Path) -> None:
    code, _, err = run("query", "--metrics", "customer_count", "--by", "contry", home=online_retail_home)
    assert code == 2
    assert "Did you mean 'country'" in err
    code, out, _ = run("query", "--metrics", "customer_count", "--by", "contry", "--json", home=online_retail_home)
    assert code == 2
    assert json.loads(out)["code"] == "no_such_field"


def test_commands_on_an_empty_workspace_say_what_to_do(tmp_path: Path) -> None:
    for command in (("build",), ("query", "--metrics", "customer_count"), ("serve",), ("rollback",)):
        code, _, err = run(*command, home=tmp_path)
        assert code != 0
        assert "customer360 load" in err


def test_load_of_another_dataset_names_the_command_for_a_second_workspace(online_retail_home: Path) -> None:
    code, _, err = run("load", "cdnow", "--from", ".", home=online_retail_home)
    assert code == 4
    assert "CUSTOMER360_HOME=.customer360-cdnow customer360 load cdnow" in " ".join(err.split())


def test_load_needs_to_know_where_from(tmp_path: Path) -> None:
    assert run("load", "online_retail", home=tmp_path)[0] == 2
    assert run("load", "online_retale", "--from", ".", home=tmp_path)[0] == 3
    code, _, err = run("load", "online_retail", "--from", str(tmp_path / "nowhere"), home=tmp_path)
    assert code == 3
    assert "nowhere" in err


def test_builds_lists_shows_and_compares(online_retail_home: Path) -> None:
    _, out, _ = run("builds", "--json", home=online_retail_home)
    [newest, *_] = json.loads(out)
    assert newest["published"]
    build_id = newest["build_id"]
    assert build_id in run("builds", home=online_retail_home)[1]
    assert "541,909" in run("builds", "show", build_id, home=online_retail_home)[1]
    _, out, _ = run("builds", "diff", build_id, build_id, "--json", home=online_retail_home)
    assert all(table["same"] for table in json.loads(out))
    assert run("builds", "show", "b1", home=online_retail_home)[0] == 3
    assert "build" in run("runs", home=online_retail_home)[1]


def test_doctor_finds_nothing_wrong_with_a_published_workspace(online_retail_home: Path, tmp_path: Path) -> None:
    code, out, _ = run("doctor", "--json", home=online_retail_home)
    assert code == 0, out
    code, out, _ = run("doctor", "--json", home=tmp_path)
    assert code == 1
    assert any("customer360 load" in check["fix"] for check in json.loads(out)["checks"])


def test_a_bad_setting_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUSTOMER360_KEEP_BUILDS", "none")
    code, _, err = run("builds", "prune", home=tmp_path)
    assert code == 2
    assert "CUSTOMER360_KEEP_BUILDS='none'" in err


def test_a_busy_port_is_named(online_retail_home: Path) -> None:
    run("builds", "--json", home=online_retail_home)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = run("serve", "--port", str(port), home=online_retail_home)
    assert code == 6
    assert str(port) in err
    assert "PORT=" in err


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_up_makes_a_bank_serves_it_and_stops_cleanly(tmp_path: Path) -> None:
    api, pages = _free_port(), _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "customer360.cli", "up", "--scale", "demo", "--port", str(api), "--ui-port", str(pages)],
        env=os.environ | {"CUSTOMER360_HOME": str(tmp_path / "bank"), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and process.poll() is None:
            try:
                listed = httpx.get(f"http://127.0.0.1:{api}/api/customers/?limit=1").json()
                page = httpx.get(f"http://127.0.0.1:{pages}/")
                break
            except httpx.TransportError:
                time.sleep(0.3)
        else:
            pytest.fail(process.communicate(timeout=10)[0])
        assert listed["rows_available"] == 2000
        assert listed["currency"] == "USD"
        assert page.status_code == 200
    finally:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert re.search(rf"http://127\.0\.0\.1:{pages}\b", out)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{api}/health")
