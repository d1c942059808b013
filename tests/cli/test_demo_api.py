"""customer360 demo-api as its users start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from typer.testing import CliRunner

from customer360.cli import app

pytestmark = pytest.mark.integration


def refused(*arguments: str) -> tuple[int, str]:
    """Run ``customer360 demo-api`` with what it does not take; returns exit code and message."""
    result = CliRunner().invoke(app, ["demo-api", *arguments])
    return result.exit_code, " ".join(result.stderr.split())


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command on a free port and wait until it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "customer360.cli", "demo-api", "--port", str(port), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            deadline = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < deadline:
                with socket.socket() as knock:
                    if knock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def test_it_serves_the_twelve_until_ctrl_c() -> None:
    with started("--quiet") as (process, address):
        answer = httpx.get(f"{address}/api/users?per_page=12", headers={"x-api-key": "reqres-free-v1"}).json()
        assert (answer["total"], answer["data"][0]["first_name"]) == (12, "George")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "Goes wrong: nothing" in said
        assert "Traceback" not in said


def test_trouble_is_chosen_by_kind() -> None:
    chosen = ("--chaos", "1", "--trouble", "delay=0.5", "--failures-in-a-row", "2", "--auth", "none")
    with started("--quiet", *chosen) as (_process, address):
        statuses = [httpx.get(f"{address}/api/users").status_code for _ in range(3)]
        assert statuses[2] == 200
        assert set(statuses[:2]) <= {500, 503}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--trouble", "resets=0.1"), "Did you mean 'reset'?"),
        (("--trouble", "reset=often"), "reset: Input should be a valid number"),
        (("--chaos", "0.9", "--trouble", "reset=0.5"), "are more than 1 together"),
        (("--auth", "magic"), "auth: Input should be 'none', 'header'"),
        (("--users", "-1"), "users: Input should be greater than or equal to 0"),
    ],
)
def test_what_it_does_not_take_is_named(arguments: tuple[str, ...], said: str) -> None:
    code, message = refused(*arguments)
    assert code == 2
    assert said in message


def test_a_busy_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, message = refused("--port", str(taken.getsockname()[1]))
    assert code == 6
    assert "is in use" in message


@pytest.mark.contract("S4.12")
def test_production_has_no_trouble_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "ENVIRONMENT", "prod")
    code, message = refused()
    assert code == 2
    assert "ENVIRONMENT" in message
