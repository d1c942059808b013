"""customer360 ingest, as a person and a program use it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from customer360.cli import console
from customer360.demo_api import DemoSettings
from customer360.ingest import api_run
from tests.cli.test_commands import run
from tests.servers.demo_api import QUIET, running

pytestmark = pytest.mark.integration


@pytest.mark.contract("S4.01")
def test_a_source_is_asked_where_the_variable_says_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(DemoSettings(trouble=QUIET)) as api:
        monkeypatch.setenv("REQRES_BASE_URL", api.address)
        code, out, err = run("ingest", "reqres", "--out", str(tmp_path / "out"), home=tmp_path / "home")
        assert (code, err) == (0, "")
        assert f"{api.address} (said by REQRES_BASE_URL)" in out
        assert "12 customers exported" in out
        code, out, _ = run("ingest", "reqres", "--json", home=tmp_path / "home")
    told = json.loads(out)
    assert (code, told["records"]["landed"], told["api"]["retries"]) == (0, 12, 0)
    assert json.loads((tmp_path / "out" / "processed_customers.json").read_text())["metadata"]["total_customers"] == 12


def test_an_unknown_source_is_answered_with_the_nearest(tmp_path: Path) -> None:
    code, _, err = run("ingest", "reqes", home=tmp_path)
    assert code != 0
    assert "Did you mean 'reqres'" in err


def test_a_source_that_is_not_there_is_told_apart_from_one_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer360.ingest.api_client.time.sleep", lambda _: None)
    code, _, err = run("ingest", "reqres", "--base-url", "http://127.0.0.1:9", home=tmp_path)
    assert code != 0
    assert "127.0.0.1:9/api/users gave no usable answer in 4 tries: connection refused" in err
    log = tmp_path / "logs" / "pipeline.log"
    assert f"What happened before is in {log}" in err
    assert "try 4 of 4" in log.read_text()
    with running(DemoSettings(trouble=QUIET)) as api:
        monkeypatch.setenv("REQRES_API_KEY", "someone-elses-key")
        code, _, err = run("ingest", "reqres", "--base-url", api.address, home=tmp_path)
    assert code != 0
    assert "REQRES_API_KEY" in err
    assert "someone-elses-key" not in err


def test_the_level_of_the_log_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER360_LOG_LEVEL", "DEBUG")
    with running(DemoSettings(trouble=QUIET)) as api:
        assert run("ingest", "reqres", "--base-url", api.address, home=tmp_path)[0] == 0
    assert "request: GET /api/users?per_page=100&page=1, 200 in " in (tmp_path / "logs" / "pipeline.log").read_text()
    monkeypatch.setenv("CUSTOMER360_LOG_LEVEL", "LOUD")
    code, _, err = run("ingest", "reqres", home=tmp_path)
    assert code != 0
    assert "CUSTOMER360_LOG_LEVEL" in err


@pytest.mark.contract("S4.41")
@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_a_bar_on_a_terminal_and_plain_lines_elsewhere(
    terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=shown, force_terminal=terminal, width=100))
    monkeypatch.setattr(api_run, "CHUNK_RECORDS", 200)
    with running(DemoSettings(users=600, trouble=QUIET)) as api:
        assert run("ingest", "reqres", "--base-url", api.address, home=tmp_path)[0] == 0
    text = shown.getvalue()
    assert ("\x1b[" in text) is terminal
    assert ("Fetching: users: 200\n" in text) is not terminal
    assert text.count("Fetching: users") <= 1  # the next line is due five seconds later
