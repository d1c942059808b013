"""customer360 ingest, as a person and a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from customer360.demo_api import DemoSettings
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
    assert "connection lost" in err
    with running(DemoSettings(trouble=QUIET)) as api:
        monkeypatch.setenv("REQRES_API_KEY", "someone-elses-key")
        code, _, err = run("ingest", "reqres", "--base-url", api.address, home=tmp_path)
    assert code != 0
    assert "REQRES_API_KEY" in err
    assert "someone-elses-key" not in err
