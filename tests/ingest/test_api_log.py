"""The log of a run says what happened, each kind of event, and never a secret or a whole e-mail address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.demo_api import DemoSettings, Trouble
from customer360.demo_api.draws import key_of
from customer360.demo_api.users import Users
from customer360.errors import SourceRefused, Unavailable
from customer360.ingest import api_log
from customer360.ingest.api import ingest
from customer360.ingest.api_log import LOGGER, log_path, logging_run, mask
from customer360.ingest.api_sources import ApiSource, ApiSourceFolder, find_api_source
from customer360.workspace import Workspace
from tests.ingest.test_api_pages import AUTH, PAGING
from tests.servers.demo_api import QUIET, running

pytestmark = pytest.mark.integration
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) +(-|\d{8}t\d{6}_\w+) \S.*")
KEY = "k3y&of+some=body/else"
USERS = 40
TROUBLED = DemoSettings(users=USERS, trouble=Trouble(error=0.3, throttled=0.2, reset=0.1), api_key=KEY)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace, in which nobody really waits."""
    monkeypatch.setattr("customer360.ingest.api_client.time.sleep", lambda _: None)
    monkeypatch.setenv("A", KEY)
    monkeypatch.setenv("U", "demo")
    return Workspace(tmp_path / "home")


def source(way: str = "header", paging: str = "page", **given: Any) -> ApiSourceFolder:
    """Return the shipped source, asked in another way."""
    found = find_api_source("reqres")
    asked = PAGING[paging]
    endpoint = {"name": "users", "tables": ["api_customers"], **asked, "path": f"/{way}{asked['path']}"}
    said = {"auth": AUTH[way], "endpoints": [endpoint], "requests_per_second": 10_000}
    found.source = ApiSource.model_validate(found.source.model_dump() | said | given)
    return found


def read(workspace: Workspace) -> str:
    text = log_path(workspace).read_text(encoding="utf-8")
    assert all(LINE.fullmatch(line) for line in text.splitlines()), text
    return text


@pytest.mark.contract("S4.05")
@pytest.mark.parametrize("paging", ["page", "next"])
@pytest.mark.parametrize("way", AUTH)
def test_no_secret_and_no_address_is_written_whichever_way_a_source_is_signed_in_to(
    way: str, paging: str, workspace: Workspace
) -> None:
    with running(TROUBLED) as api:
        ingest(workspace, source(way, paging), api.address, log_level="DEBUG")
    text = read(workspace)
    assert "request: GET" in text
    assert "retry: GET" in text
    tokens = [f"{key_of(TROUBLED.seed, 'token', number):016x}" for number in range(1, 5)]
    assert not [secret for secret in (KEY, "k3y%26of", *tokens) if secret in text]
    users = Users(seed=TROUBLED.seed).records(np.arange(1, USERS + 1))
    assert not [user["email"] for user in users if user["email"] in text]


@pytest.mark.contract("S4.28")
def test_every_kind_of_event_is_written_with_its_figures(workspace: Workspace) -> None:
    with running(TROUBLED) as api:
        report = ingest(workspace, source(), api.address)
    text = read(workspace)
    assert f" {report.run.run_id} run started: reqres at {api.address}" in text
    assert "landed: users, 40 records of 7 pages, 40 so far" in text
    assert len(re.findall("throttled: GET", text)) == report.requests["throttled"]
    assert len(re.findall("(throttled|retry): GET", text)) == report.requests["retries"]
    assert re.search(r"retry: GET /header/api/users\?per_page=6&page=\d, 50[03], try 2 of 4 in 1\.\d s", text)
    assert "records: 40 fetched, 40 landed, 0 duplicates, 0 quarantined" in text
    assert "quality: high 40, medium 0, low 0; missing: none" in text
    assert f"requests: {report.requests['requests']}, {report.requests['retries']} of them again" in text
    assert all(f"stage: {stage} took {took:.3f} s" in text for stage, took in report.seconds.items())
    assert "run ended" in text
    assert "request: " not in text


def test_a_run_that_fails_says_why(workspace: Workspace) -> None:
    broken = DemoSettings(trouble=Trouble(error=1), failures_in_a_row=100, api_key=KEY)
    with running(broken) as api, pytest.raises(Unavailable):
        ingest(workspace, source(), api.address)
    assert re.search(
        r"ERROR +\S+ run failed: Unavailable: reqres: 127.0.0.1:\d+/header/api/users gave no usable answer",
        read(workspace),
    )


def test_an_address_in_the_message_of_an_error_is_masked(workspace: Workspace, tmp_path: Path) -> None:
    """The engine quotes the value that it cannot cast."""
    folder = tmp_path / "strict"
    folder.mkdir()
    shipped = find_api_source("reqres").folder
    (folder / "source.yml").write_text((shipped / "source.yml").read_text())
    mapping = (shipped / "api_customers.sql").read_text()
    (folder / "api_customers.sql").write_text(mapping.replace("payload ->> '$.email'", "(payload ->> '$.email')::int"))
    with running(DemoSettings(trouble=QUIET)) as api, pytest.raises(SourceRefused, match=r"george\.bluth@reqres\.in"):
        ingest(workspace, ApiSourceFolder(folder), api.address)
    assert "g***@reqres.in" in read(workspace)
    assert "bluth" not in read(workspace)


@pytest.mark.unit
@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{1,12}", fullmatch=True),
    around=st.tuples(
        st.sampled_from(["", "<", "mailto:", '"email": "', "?e="]), st.sampled_from(["", ">", '"', "&x=1"])
    ),
    at=st.sampled_from(["@", "%40"]),
)
def test_an_address_is_masked_wherever_it_stands(name: str, around: tuple[str, str], at: str) -> None:
    before, behind = around
    masked = mask(f"{before}{name}{at}example.com{behind}")
    assert masked == f"{before}{name[0]}***{at}example.com{behind}"


@pytest.mark.unit
def test_a_password_in_an_address_and_a_line_break_are_no_problem(workspace: Workspace) -> None:
    with logging_run(workspace, "INFO", ["s3cret"]) as log:
        log.run_id = "20260501t120000_ab12"
        LOGGER.info("asked https://ann:hunter2@example.com/?key=s3cret\n2026-05-01 ERROR forged")
    assert "https://***@example.com/?key=*** | 2026" in read(workspace).replace("****@", "***@")


@pytest.mark.unit
def test_the_log_is_turned_over_before_it_is_too_large(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_log, "LARGEST_BYTES", 2_000)
    with logging_run(workspace, "INFO"):
        for number in range(1_000):
            LOGGER.info("landed: chunk %d", number)
    files = sorted(workspace.logs.iterdir())
    assert len(files) == 1 + api_log.KEPT_FILES
    assert max(file.stat().st_size for file in files) <= 2_000
