"""customer360 setup snowflake as a person meets it at a terminal, against the emulator; no secret is ever shown."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dotenv import dotenv_values
from typer.testing import CliRunner

import customer360
from customer360.cli import app
from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings
from customer360.warehouse.deployment import Target, deploy, values_of
from customer360.warehouse.snowflake_sessions import open_session
from tests.servers.snowflake_emulator import Emulator, free_port
from tests.servers.snowflake_wire import LOGIN, Answer, Request, Wire, listening, refuses

pytestmark = [pytest.mark.integration, pytest.mark.contract("S1.49")]

PASSWORD = "hunter2 #'\"$\\ §wörd"
PASSPHRASE = "correct-horse-§"
COMMAND = ["-m", "customer360.cli", "setup", "snowflake"]
METHOD = "Sign in by"
SOURCES = str(Path(customer360.__file__).parents[1])
CONTROL = r"\x1b\[[0-9;?]*[A-Za-z]"
INTERRUPTED = 130


class Person:
    """Somebody at a terminal: reads the questions and types answers."""

    def __init__(self, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        self._seen = io.StringIO()
        self._terminal = pexpect.spawn(
            sys.executable,
            [*COMMAND, *arguments],
            cwd=str(folder),
            env=environment,
            encoding="utf-8",
            timeout=60,
            dimensions=(60, 250),
        )
        self._terminal.logfile_read = self._seen

    @property
    def seen(self) -> str:
        """Everything that the terminal showed."""
        return re.sub(CONTROL, "", self._seen.getvalue())

    def asked(self, label: str) -> str:
        """Wait for a question; returns what stands between its label and the colon."""
        self._terminal.expect(rf"\n(?:{CONTROL})*{re.escape(label)}([^\n]*): $")
        return re.sub(CONTROL, "", str(self._terminal.match[1]))

    def answers(self, label: str, text: str = "") -> str:
        shown = self.asked(label)
        self._terminal.sendline(text)
        return shown

    def answers_unseen(self, label: str, text: str = "") -> str:
        shown = self.asked(label)
        assert self._terminal.waitnoecho(10), f"{label} would be echoed"
        self._terminal.sendline(text)
        return shown

    def interrupts(self) -> None:
        self._terminal.sendintr()

    def leaves(self) -> int:
        """Wait for the end; returns the exit code."""
        self._terminal.expect(pexpect.EOF)
        self._terminal.close()
        return int(self._terminal.exitstatus)

    def close(self) -> None:
        self._terminal.close(force=True)


@dataclass
class HidesPlaces(Wire):
    """Answers as an account does where a role, warehouse or database is not there or hidden."""

    hidden: str = ""

    def answer(self, request: Request, headers: dict[str, str], method: str, content: bytes) -> Answer:
        if str(request.body.get("sqlText", "")).startswith(f"use {self.hidden} "):
            return refuses("002043", "Object does not exist, or operation cannot be performed.", "02000")
        return super().answer(request, headers, method, content)


Sit = Callable[..., Person]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, which is also where connections.toml would be."""
    path = tmp_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("SNOWFLAKE_HOME", str(path))
    return path


def emulator_at(port: int, **more: str) -> dict[str, str]:
    """Return the environment in which the emulator is found."""
    place = {"SNOWFLAKE_HOST": "127.0.0.1", "SNOWFLAKE_PORT": str(port), "SNOWFLAKE_PROTOCOL": "http"}
    limits = {"SNOWFLAKE_LOGIN_TIMEOUT": "3", "SNOWFLAKE_NETWORK_TIMEOUT": "3"}
    return {**place, **limits, **more}


@pytest.fixture
def sit(folder: Path, emulator: Emulator) -> Iterator[Sit]:
    """Sit somebody down in the working folder."""
    with ExitStack() as opened:

        def start(*arguments: str, port: int = emulator.port, **more: str) -> Person:
            environment = (
                os.environ | {"TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": SOURCES} | emulator_at(port, **more)
            )
            person = Person(folder, environment, *arguments)
            opened.callback(person.close)
            return person

        yield start


@pytest.fixture
def deployed(account: SnowflakeSettings) -> str:
    """A database that is set up; returns its name."""
    target = Target(
        values_of(account.model_copy(update={"warehouse": "WH"}), SnowflakeSetupSettings.model_construct()),
        emulator=True,
    )
    deploy(lambda: open_session(account.model_copy(update={"database": ""})), target)
    return account.database


def answer_all(person: Person, database: str) -> None:
    """Answer every question of a first run, by password."""
    person.answers("Account", "org-acme.snowflakecomputing.com")
    person.answers(METHOD, "password")
    person.answers("User", "JANE")
    person.answers_unseen("Password", PASSWORD)
    person.answers("Role", "-")
    person.answers("Warehouse", "WH")
    person.answers("Database", database)


ENV = {
    "SNOWFLAKE_ACCOUNT": "org-acme",
    "SNOWFLAKE_USER": "JANE",
    "SNOWFLAKE_PASSWORD": PASSWORD,
    "SNOWFLAKE_AUTHENTICATOR": "snowflake",
    "SNOWFLAKE_WAREHOUSE": "WH",
}


def env() -> dict[str, str | None]:
    return dict(dotenv_values(".env"))


def mode() -> int:
    return stat.S_IMODE(Path(".env").stat().st_mode)


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command in this process; returns exit code, standard output and standard error."""
    result = CliRunner().invoke(app, [*arguments], terminal_width=250)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert PASSWORD not in result.output
    return result.exit_code, result.stdout, result.stderr


# Asking


def test_a_first_run_writes_env_and_ends_with_its_checks(sit: Sit, deployed: str) -> None:
    person = sit()
    answer_all(person, deployed)
    assert person.leaves() == 0, person.seen
    assert env() == ENV | {"SNOWFLAKE_DATABASE": deployed}
    assert mode() == 0o600
    for found in ("JANE is let in", r"round trip +\d+ ms", f"{deployed} is up to date", "Snowflake is ready"):
        assert re.search(found, person.seen), person.seen
    assert "hunter2" not in person.seen


def test_a_second_run_keeps_every_answer_by_enter(sit: Sit, deployed: str) -> None:
    first = sit()
    answer_all(first, deployed)
    assert first.leaves() == 0, first.seen
    before = Path(".env").read_bytes()
    person = sit()
    shown = {label: person.answers(label) for label in ("Account", METHOD, "User")}
    shown |= {"Password": person.answers_unseen("Password")}
    shown |= {label: person.answers(label) for label in ("Role", "Warehouse", "Database")}
    assert person.leaves() == 0, person.seen
    assert shown["Account"] == " (org-acme)"
    assert shown[METHOD].endswith("(password)")
    assert "kept" in shown["Password"]
    assert shown["Database"] == f" ({deployed})"
    assert Path(".env").read_bytes() == before
    assert "hunter2" not in person.seen


def test_other_lines_of_env_stay_and_a_loose_file_is_tightened(sit: Sit, deployed: str) -> None:
    Path(".env").write_text("# mine\nAPP_NAME='My API' # shown\nSNOWFLAKE_USER=old # who\n")
    Path(".env").chmod(0o644)
    person = sit()
    answer_all(person, deployed)
    assert person.leaves() == 0, person.seen
    assert Path(".env").read_text().startswith("# mine\nAPP_NAME='My API' # shown\nSNOWFLAKE_USER=JANE # who\n")
    assert mode() == 0o600
    assert "could be read by others (mode 0644)" in person.seen


def test_a_wrong_answer_is_explained_and_asked_again(sit: Sit, folder: Path, deployed: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    protection = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    (folder / "key.p8").write_bytes(pem)
    person = sit()
    person.answers("Account", "no such/account")
    person.answers("Account", "ab12345.eu-central-1")
    person.answers(METHOD, "guess")
    person.answers(METHOD, "key")
    person.answers("User")
    person.answers("User", "SERVICE")
    person.answers("Private key", "nowhere.p8")
    person.answers("Private key", "key.p8")
    person.answers_unseen("Passphrase", "wrong-horse")
    person.answers_unseen("Passphrase", PASSPHRASE)
    person.answers("Role", "it's")
    person.answers("Role", "-")
    person.answers("Warehouse", "WH")
    person.answers("Database", deployed)
    assert person.leaves() == 0, person.seen
    for said in (
        "write account.region, organisation-account",
        "User is needed",
        "nowhere.p8 cannot be read: No such file or directory",
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE does not open key.p8",
        "cannot be a role",
    ):
        assert said in person.seen
    assert "horse" not in person.seen
    assert env()["SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"] == PASSPHRASE
    assert env()["SNOWFLAKE_AUTHENTICATOR"] == "snowflake_jwt"


@pytest.mark.parametrize("given_by", ["typing", "file"])
def test_a_token_takes_the_place_of_a_password_that_was_there(
    sit: Sit, folder: Path, deployed: str, given_by: str
) -> None:
    Path(".env").write_text("SNOWFLAKE_PASSWORD=hunter2\nSNOWFLAKE_ACCOUNT=no such/account\n")
    (folder / "token").write_text("a-token-of-some-length")
    person = sit()
    assert person.answers("Account", "org-acme") == ""
    person.answers(METHOD, "token")
    if given_by == "file":
        person.answers("Token file", "nowhere")
        person.answers("Token file", "token")
    else:
        person.answers("Token file", "-")
        person.answers_unseen("Token", "a-token-of-some-length")
    for label, answer in (("Role", "-"), ("Warehouse", "WH"), ("Database", deployed)):
        person.answers(label, answer)
    assert person.leaves() == 0, person.seen
    assert "SNOWFLAKE_ACCOUNT='no such/account' does not fit" in person.seen
    assert env()["SNOWFLAKE_PASSWORD"] == ""
    assert env().get("SNOWFLAKE_TOKEN") == (None if given_by == "file" else "a-token-of-some-length")
    assert env().get("SNOWFLAKE_TOKEN_FILE_PATH") == ("token" if given_by == "file" else None)
    assert not re.search("hunter2|a-token", person.seen)


def test_a_database_that_is_not_there_may_be_kept_for_the_deployment(sit: Sit, account: SnowflakeSettings) -> None:
    person = sit()
    answer_all(person, account.database)
    person.answers("Keep it", "n")
    person.answers("Database", account.database)
    person.answers("Keep it", "y")
    assert person.leaves() == 0, person.seen
    assert f"The database {account.database} is not there" in person.seen
    assert f"{account.database} is not set up yet" in person.seen
    assert "Next: customer360 deploy snowflake --emulator" in person.seen


def test_a_refused_sign_in_can_be_corrected(sit: Sit, emulator: Emulator, deployed: str) -> None:
    with listening(Wire(upstream=emulator.port)) as wire:
        wire.plan(LOGIN, refuses("390100", "Incorrect username or password was specified."))
        person = sit(port=wire.port)
        person.answers("Account", "org-acme")
        person.answers(METHOD)
        person.answers("User", "JAN")
        person.answers_unseen("Password", "hunter1")
        person.answers("What now")
        assert not Path(".env").exists()
        assert person.answers("Account") == " (org-acme)"
        person.answers(METHOD)
        assert person.answers("User", "JANE") == " (JAN)"
        person.answers_unseen("Password", PASSWORD)
        for label, answer in (("Role", "ANALYST"), ("Warehouse", "WH"), ("Database", deployed)):
            person.answers(label, answer)
        assert person.leaves() == 0, person.seen
        names = [login.body["data"]["LOGIN_NAME"] for login in wire.asked(LOGIN)]
        assert names == ["JAN", "JANE", "JANE"]
        assert wire.asked(LOGIN)[-1].query["roleName"] == "ANALYST"
    assert "Snowflake refuses JAN" in person.seen
    assert "hunter" not in person.seen


@pytest.mark.parametrize("choice", ["save", "quit"])
def test_an_account_that_cannot_be_reached_is_saved_only_when_asked_to(sit: Sit, choice: str) -> None:
    person = sit(port=free_port())
    person.answers("Account", "org-acme")
    person.answers(METHOD, "password")
    person.answers("User", "JANE")
    person.answers_unseen("Password", PASSWORD)
    person.answers("What now", choice)
    if choice == "save":
        for label, answer in (("Role", "-"), ("Warehouse", "WH"), ("Database", "DB")):
            person.answers(label, answer)
    assert person.leaves() == (1 if choice == "save" else 6), person.seen
    assert "Snowflake did not answer" in person.seen
    assert Path(".env").exists() == (choice == "save")
    assert "hunter2" not in person.seen


@pytest.mark.parametrize("question", ["Account", "Password"])
def test_an_interrupt_leaves_env_as_it_was(sit: Sit, folder: Path, question: str) -> None:
    Path(".env").write_text("SNOWFLAKE_USER=old\n")
    person = sit()
    if question == "Password":
        person.answers("Account", "org-acme")
        person.answers(METHOD, "password")
        person.answers("User", "JANE")
    person.asked(question)
    person.interrupts()
    assert person.leaves() == INTERRUPTED, person.seen
    assert ".env is as it was" in person.seen
    assert Path(".env").read_text() == "SNOWFLAKE_USER=old\n"
    assert [file.name for file in folder.iterdir() if file.name.startswith(".env")] == [".env"]


def test_a_connection_of_ones_own_is_used_by_its_name(
    sit: Sit, folder: Path, emulator: Emulator, deployed: str
) -> None:
    (folder / "connections.toml").write_text(
        f'[work]\naccount = "org-acme"\nuser = "JANE"\npassword = "hunter2"\nwarehouse = "OWN_WH"\n'
        f'host = "127.0.0.1"\nport = {emulator.port}\nprotocol = "http"\n[other]\naccount = "x"\n'
    )
    (folder / "connections.toml").chmod(0o600)
    Path(".env").write_text("SNOWFLAKE_PASSWORD=of-before\n")
    nothing = {"SNOWFLAKE_HOST": "", "SNOWFLAKE_PORT": "443", "SNOWFLAKE_PROTOCOL": "https"}
    person = sit(**nothing)
    assert "other/work/-" in person.answers("Connection", "work")
    person.answers("Role", "-")
    assert person.answers("Warehouse") == " (OWN_WH)"
    person.answers("Database", deployed)
    assert person.leaves() == 0, person.seen
    assert env() == {
        "SNOWFLAKE_PASSWORD": "",
        "SNOWFLAKE_WAREHOUSE": "OWN_WH",
        "SNOWFLAKE_DATABASE": deployed,
        "SNOWFLAKE_CONNECTION_NAME": "work",
    }
    assert "hunter2" not in person.seen


def test_a_variable_of_the_environment_that_wins_is_named(sit: Sit, deployed: str) -> None:
    person = sit(SNOWFLAKE_USER="ENVIRONMENT", SNOWFLAKE_PASSWORD="kept-where-it-is")
    person.answers("Account", "org-acme")
    person.answers(METHOD)
    assert person.answers("User", "JANE") == " (ENVIRONMENT)"
    assert "kept" in person.answers_unseen("Password")
    for label, answer in (("Role", "-"), ("Warehouse", "WH"), ("Database", deployed)):
        person.answers(label, answer)
    assert person.leaves() == 0, person.seen
    assert "SNOWFLAKE_USER: set otherwise in the environment" in person.seen
    assert "SNOWFLAKE_PASSWORD" not in env()
    assert "kept-where" not in person.seen


def test_without_a_terminal_it_refuses_and_says_what_to_do(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, *COMMAND],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "no terminal" in done.stderr
    assert "--validate-only" in done.stderr
    assert list(folder.iterdir()) == []


def test_a_link_is_refused_before_anything_is_asked(sit: Sit, folder: Path) -> None:
    (folder / "elsewhere").write_text("")
    Path(".env").symlink_to("elsewhere")
    person = sit()
    assert person.leaves() == 4
    assert "not written through a link" in person.seen


def test_questions_and_json_do_not_go_together(folder: Path) -> None:
    code, text, _ = run("setup", "snowflake", "--json")
    assert code == 2
    assert json.loads(text)["next"] == "Add --validate-only."


# Only checking


@pytest.fixture
def _set(folder: Path, account: SnowflakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ENV | emulator_at(account.port) | {"SNOWFLAKE_DATABASE": account.database}
    for name, value in given.items():
        monkeypatch.setenv(name, value)


def states(text: str) -> dict[str, str]:
    return {check["name"]: check["state"] for check in json.loads(text)["checks"]}


@pytest.mark.contract("S1.50")
@pytest.mark.usefixtures("_set")
def test_validating_passes_on_an_account_that_answers(deployed: str) -> None:
    code, text, _ = run("setup", "snowflake", "--validate-only")
    assert (code, "Snowflake is ready" in text) == (0, True)
    code, text, _ = run("setup", "snowflake", "--validate-only", "--json")
    assert (code, json.loads(text)["ok"], set(states(text).values())) == (0, True, {"ok"})
    assert not Path(".env").exists()


@pytest.mark.contract("S1.50")
@pytest.mark.usefixtures("_set")
def test_validating_passes_and_names_the_deployment_that_is_due() -> None:
    code, text, _ = run("setup", "snowflake", "--validate-only")
    assert code == 0
    assert "Next: customer360 deploy snowflake --emulator" in text


@pytest.mark.contract("S1.50")
@pytest.mark.usefixtures("_set")
def test_validating_fails_with_the_reason_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_PORT", str(free_port()))
    code, text, _ = run("setup", "snowflake", "--validate-only", "--json")
    assert code == 1
    assert states(text) == {"connector": "ok", "account": "ok", "sign-in": "fault"}
    last = json.loads(text)["checks"][-1]
    assert "did not answer" in last["found"]
    assert "SNOWFLAKE_ACCOUNT" in last["fix"]


@pytest.mark.contract("S1.50")
@pytest.mark.usefixtures("_set")
@pytest.mark.parametrize(
    ("variable", "found"),
    [
        ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_ACCOUNT must be set"),
        ("SNOWFLAKE_PASSWORD", "Signing in by snowflake needs SNOWFLAKE_PASSWORD"),
        ("SNOWFLAKE_WAREHOUSE", "SNOWFLAKE_WAREHOUSE is empty"),
    ],
)
def test_validating_names_a_setting_that_lacks(variable: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variable)
    code, text, _ = run("setup", "snowflake", "--validate-only", "--json")
    assert code == 1
    assert found in text


@pytest.mark.contract("S1.50")
@pytest.mark.usefixtures("_set")
def test_validating_refuses_a_value_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_ACCOUNT", "no such/account")
    code, text, _ = run("setup", "snowflake", "--validate-only", "--json")
    assert code == 2
    assert json.loads(text)["errors"][0]["field"] == "SNOWFLAKE_ACCOUNT"


@pytest.mark.usefixtures("_set")
@pytest.mark.parametrize("what", ["role", "warehouse", "database"])
def test_a_place_that_is_not_there_comes_with_its_statement(
    what: str, emulator: Emulator, deployed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixes = {
        "role": "GRANT ROLE R TO USER JANE;",
        "warehouse": "GRANT USAGE ON WAREHOUSE WH TO ROLE R;",
        "database": f"GRANT USAGE ON DATABASE {deployed} TO ROLE R;",
    }
    monkeypatch.setenv("SNOWFLAKE_ROLE", "R")
    with listening(HidesPlaces(upstream=emulator.port, hidden=what)) as wire:
        monkeypatch.setenv("SNOWFLAKE_PORT", str(wire.port))
        code, text, _ = run("setup", "snowflake", "--validate-only", "--json")
    [check] = [check for check in json.loads(text)["checks"] if check["name"] == what]
    assert (code, check["state"]) == (1, "fault")
    reason = "not granted to the user" if what == "role" else "hidden from the role R"
    assert f"is not there, or {reason}" in check["found"]
    assert fixes[what] in check["fix"]


@pytest.mark.usefixtures("_set")
def test_doctor_looks_at_the_account_when_asked(deployed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text, _ = run("doctor", "--engine", "snowflake", "--json")
    checks = {check["name"]: check for check in json.loads(text)["checks"]}
    assert code == 0, text
    assert {"connector", "account", "sign-in", "round trip", "role", "warehouse", "database", "set up"} <= checks.keys()
    monkeypatch.setenv("SNOWFLAKE_DATABASE", f"{deployed}_NEW")
    code, text, _ = run("doctor", "--engine", "snowflake", "--json")
    assert code == 1
    assert json.loads(text)["checks"][-1]["fix"] == "customer360 deploy snowflake --emulator"
