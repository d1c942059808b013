"""Alerts on the command line: told when a command ends, listed, sent again; the webhook's address is never printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from customer360.monitoring import delivery
from tests.build.messy import write_dataset, write_files
from tests.cli.test_commands import _free_port, run
from tests.webhook import TOKEN, webhook

pytestmark = pytest.mark.integration

VARIABLE = "CUSTOMER360_ALERT_WEBHOOK"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "BACKOFF", lambda _: 0.01)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The messy company's files and one that is refused; the dataset lies beside them."""
    write_dataset(tmp_path / "dataset")
    files = write_files(tmp_path / "files")
    (files / "products_bad.csv").write_text("")
    return files


def load(home: Path, files: Path) -> tuple[int, str, str]:
    return run("load", str(files.parent / "dataset"), "--from", str(files), home=home)


def lose_bronze(home: Path) -> None:
    """Take away what the next build would read, so that it fails at once."""
    for path in (home / "lake" / "transactions").glob("*.parquet"):
        path.unlink()


@pytest.mark.contract("S2.27")
def test_the_webhook_is_called_when_a_load_ends(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as hook:
        monkeypatch.setenv(VARIABLE, hook.address)
        code, out, err = load(tmp_path / "home", files)
        assert (code, err) == (2, "")
        assert "1 alert open" in out
        assert hook.subjects() == ["products_bad.csv"]
        (files / "products_bad.csv").unlink()
        assert "open" not in load(tmp_path / "home", files)[1]
        assert hook.subjects(resolved=True) == ["products_bad.csv"]


@pytest.mark.contract("S2.27")
@pytest.mark.parametrize("command", ["build", "refresh", "up"])
def test_the_webhook_is_called_when_a_build_fails_and_the_failure_goes_on(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    home = tmp_path / "home"
    load(home, files)
    lose_bronze(home)
    arguments = [] if command == "build" else [str(tmp_path / "dataset"), "--from", str(files)]
    arguments += ["--port", str(_free_port()), "--ui-port", str(_free_port())] if command == "up" else []
    with webhook() as hook:
        monkeypatch.setenv(VARIABLE, hook.address)
        code, _, err = run(command, *arguments, home=home)
    assert code == 5
    assert "not what their manifests say" in err
    assert hook.subjects() == ["products_bad.csv", "messy"]
    assert [alert["severity"] for alert in hook.posted] == ["warning", "critical"]


def test_a_webhook_that_is_gone_fails_nothing_and_is_told_later(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with webhook() as hook:
        gone = hook.address
    monkeypatch.setenv(VARIABLE, gone)
    code, out, err = load(home, files)
    assert code == 2
    assert "Landed 6 files" in out
    assert len(err.splitlines()) == 1
    assert err.startswith("1 alert not sent, because the webhook does not answer")
    code, refused, said = run("alerts", "deliver", home=home)
    assert (code, refused) == (6, "")
    assert "1 alert not sent" in said
    assert TOKEN not in out + err + said
    with webhook() as hook:
        monkeypatch.setenv(VARIABLE, hook.address)
        assert run("alerts", "deliver", home=home) == (0, "✓ Sent 1 alert.\n", "")
        assert "nothing to send" in run("alerts", "deliver", home=home)[1]
        assert json.loads(run("alerts", "deliver", "--json", home=home)[1]) == {"ok": True, "sent": 0}
    assert hook.subjects() == ["products_bad.csv"]


def test_alerts_lists_what_is_open_and_with_all_what_was(tmp_path: Path, files: Path) -> None:
    home = tmp_path / "home"
    load(home, files)
    out = run("alerts", home=home)[1]
    assert "products_bad.csv: the file is empty." in out
    assert "resolved" not in out
    [alert] = json.loads(run("alerts", "--json", home=home)[1])
    assert (alert["component"], alert["subject"], alert["resolved"]) == ("load", "products_bad.csv", False)
    assert alert["next"] == "Fetch the file again."
    (files / "products_bad.csv").unlink()
    load(home, files)
    assert "No alert is open" in run("alerts", home=home)[1]
    assert json.loads(run("alerts", "--json", home=home)[1]) == []
    assert "resolved" in run("alerts", "--all", home=home)[1]
    [alert] = json.loads(run("alerts", "--all", "--json", home=home)[1])
    assert alert["resolved"]


def test_doctor_counts_open_alerts_and_wants_critical_ones_looked_at(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"

    def check() -> tuple[bool, str, str]:
        checks = json.loads(run("doctor", "--json", home=home)[1])["checks"]
        [found] = [check for check in checks if check["name"] == "alerts"]
        return found["ok"], found["found"], found["fix"]

    assert check() == (True, "0 open, 0 of them critical; no webhook is set", "")
    load(home, files)
    assert check() == (True, "1 open, 0 of them critical; no webhook is set", "customer360 alerts lists them.")
    lose_bronze(home)
    run("build", home=home)
    monkeypatch.setenv(VARIABLE, f"http://127.0.0.1:9/{TOKEN}")
    assert check() == (False, "2 open, 1 of them critical; 2 to be sent", "customer360 alerts lists them.")


def test_an_address_that_is_none_is_refused_before_anything_is_done(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"ftp://example.org/{TOKEN}")
    code, out, err = load(tmp_path / "home", files)
    assert code == 2
    assert VARIABLE in err
    assert TOKEN not in out + err
    assert not (tmp_path / "home").exists()


def test_delivering_without_a_webhook_says_how_to_set_one(tmp_path: Path, files: Path) -> None:
    load(tmp_path / "home", files)
    code, _, err = run("alerts", "deliver", home=tmp_path / "home")
    assert code == 2
    assert f"Set {VARIABLE}" in err


def test_an_empty_workspace_has_no_alerts_and_says_what_to_do_first(tmp_path: Path) -> None:
    code, _, err = run("alerts", home=tmp_path / "home")
    assert code == 3
    assert "customer360 load" in err
