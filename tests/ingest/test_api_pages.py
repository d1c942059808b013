"""Every kind of paging against every kind of trouble: all users arrive, and the counts are the server's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from customer360.demo_api import DemoSettings, Trouble
from customer360.errors import AccessRefused, InvalidSetting, SourceRefused, Unavailable
from customer360.ingest.api_client import Answer, ApiClient, Pace, Position
from customer360.ingest.api_pages import read_pages
from customer360.ingest.api_sources import ApiSource, Endpoint
from tests.servers.demo_api import QUIET, DemoApi, ManyApis, running

pytestmark = pytest.mark.integration

USERS = 57
PAGING: dict[str, dict[str, Any]] = {
    "page": {
        "path": "/api/users",
        "params": {"per_page": 6},
        "paging": {"kind": "page", "pages": "total_pages"},
        "records": "data",
        "count": "total",
    },
    "page without totals": {
        "path": "/api/users",
        "params": {"per_page": 6},
        "paging": {"kind": "page"},
        "records": "data",
    },
    "offset": {
        "path": "/offset",
        "paging": {"kind": "offset", "size": 6},
        "records": "users",
        "count": "total",
    },
    "cursor": {
        "path": "/cursor",
        "params": {"limit": 6},
        "paging": {"kind": "cursor", "path": "next_cursor"},
        "records": "items",
    },
    "link": {"path": "/link", "params": {"per_page": 6}, "paging": {"kind": "link"}, "records": "$"},
    "next": {
        "path": "/next",
        "params": {"per_page": 6},
        "paging": {"kind": "next", "path": "next"},
        "records": "results",
    },
}
AUTH: dict[str, dict[str, str]] = {
    "none": {"kind": "none"},
    "header": {"kind": "api_key", "variable": "A"},
    "query": {"kind": "api_key", "variable": "A", "name": "api_key", "place": "query"},
    "bearer": {"kind": "bearer", "variable": "A"},
    "basic": {"kind": "basic", "user_variable": "U", "password_variable": "A"},
    "oauth2": {"kind": "oauth2", "token_path": "/oauth/token", "id_variable": "U", "secret_variable": "A"},
}
"""Ways to sign in, by the path under which the demo API asks for each."""
TROUBLE = {
    "nothing": QUIET,
    "errors": Trouble(error=0.3),
    "throttled": Trouble(throttled=0.3),
    "resets": Trouble(reset=0.3),
    "truncated": Trouble(truncated=0.3),
    "invalid JSON": Trouble(invalid_json=0.3),
    "errors with 200": Trouble(error_body=0.3),
    "all at once": Trouble(error=0.2, throttled=0.05, reset=0.05, truncated=0.05, invalid_json=0.05, error_body=0.05),
}
MOVING = {
    "repeated pages": Trouble(duplicate=0.3),
    "empty pages": Trouble(empty_page=0.2),
    "wrong totals": Trouble(wrong_total=0.3),
    "moving users": Trouble(moving=0.3),
    "leaving users": Trouble(removed=0.1),
    "arriving users": Trouble(inserted=0.1),
}


@pytest.fixture(scope="module")
def apis() -> Iterator[ManyApis]:
    with ManyApis().serving() as served:
        yield served


def source(paging: str, **given: Any) -> ApiSource:
    """Return a source that asks the demo API in one of the ways."""
    endpoint = {"name": "users", "tables": ["api_customers"], **PAGING[paging]}
    auth = {"kind": "api_key", "variable": "DEMO_API_KEY", "demo": "reqres-free-v1"}
    definition = {"name": "demo", "title": "Demo", "base_url": "http://127.0.0.1:1", "auth": auth}
    options = {"requests_per_second": 10_000, "timeout_seconds": 2, "endpoints": [endpoint]}
    return ApiSource.model_validate(definition | options | given)


def client(api: DemoApi, paging: str, **given: Any) -> ApiClient:
    """Return a client that does not really wait."""
    return ApiClient(source(paging, **given), api.address, sleep=lambda _: None)


def read_ids(asking: ApiClient) -> set[int]:
    [endpoint] = asking.source.endpoints
    pages = read_pages(asking, endpoint, asking.start(endpoint))
    return {record["id"] for page in pages for record in page.records}


@pytest.mark.contract("S4.06")
@pytest.mark.contract("S4.09")
@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("paging", PAGING)
def test_every_user_arrives_whatever_goes_wrong(apis: ManyApis, paging: str, trouble: str) -> None:
    with apis.running(DemoSettings(users=USERS, trouble=TROUBLE[trouble])) as api:
        asking = client(api, paging)
        assert read_ids(asking) == set(range(1, USERS + 1))
        told = api.stats()
    assert asking.counts.requests == told["requests"]
    assert asking.counts.throttled == told["throttled"]
    assert asking.counts.retries == sum(asking.counts.failures.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("trouble", MOVING)
@pytest.mark.parametrize("paging", ["page", "offset"])
def test_no_user_is_lost_while_pages_move(apis: ManyApis, paging: str, trouble: str, seed: int) -> None:
    with apis.running(DemoSettings(users=USERS, trouble=MOVING[trouble], seed=seed)) as api:
        found = read_ids(client(api, paging))
        stays = set(range(4, USERS + 1)) if trouble == "leaving users" else set(range(1, USERS + 1))
        assert found >= stays


@pytest.mark.parametrize("paging", ["page", "offset"])
def test_reading_goes_on_from_any_position(apis: ManyApis, paging: str) -> None:
    with apis.running(DemoSettings(users=USERS, trouble=QUIET)) as api:
        asking = client(api, paging)
        [endpoint] = asking.source.endpoints
        pages = list(read_pages(asking, endpoint, asking.start(endpoint)))
        for page in pages[:-1]:
            assert page.following
            rest = [record["id"] for later in read_pages(asking, endpoint, page.following) for record in later.records]
            assert rest == list(range(pages.index(page) * 6 + 7, USERS + 1))


@pytest.mark.parametrize("paging", ["cursor", "link", "next"])
def test_reading_goes_on_behind_a_page_that_names_the_next(apis: ManyApis, paging: str) -> None:
    with apis.running(DemoSettings(users=USERS, trouble=QUIET)) as api:
        asking = client(api, paging)
        [endpoint] = asking.source.endpoints
        second = list(read_pages(asking, endpoint, asking.start(endpoint)))[1]
        assert second.following
        rest = [record["id"] for page in read_pages(asking, endpoint, second.following) for record in page.records]
    assert rest == list(range(13, USERS + 1))


@pytest.mark.contract("S4.07")
def test_waits_are_one_two_and_four_seconds_and_a_fourth_failure_is_the_last(apis: ManyApis) -> None:
    waits: list[float] = []
    with apis.running(DemoSettings(trouble=Trouble(error=1), failures_in_a_row=100)) as api:
        asking = ApiClient(source("page"), api.address, sleep=waits.append)
        with pytest.raises(Unavailable, match=r"in 4 tries: 50[03]") as raised:
            read_ids(asking)
    assert [int(seconds) for seconds in waits if seconds >= 1] == [1, 2, 4]
    assert asking.counts.requests == 4
    assert "goes on where this run stopped" in raised.value.next_action


@pytest.mark.contract("S4.08")
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_429_is_waited_for_as_long_as_the_server_says_and_has_tries_of_its_own(
    apis: ManyApis,
    form: Literal["seconds", "date"],
) -> None:
    waits: list[float] = []
    trouble = DemoSettings(trouble=Trouble(throttled=1), failures_in_a_row=6, retry_after=9, retry_after_form=form)
    with apis.running(trouble) as api:
        asking = ApiClient(source("page"), api.address, sleep=waits.append)
        assert len(read_ids(asking)) == 12
    asked = [seconds for seconds in waits if seconds > 1]
    assert len(asked) >= 6
    assert all(8 <= seconds <= 10 for seconds in asked), asked


@pytest.mark.contract("S4.10")
def test_no_more_requests_are_made_in_a_second_than_the_source_allows(apis: ManyApis) -> None:
    with apis.running(DemoSettings(users=300, trouble=QUIET)) as api:
        asking = ApiClient(source("page", requests_per_second=40), api.address)
        assert len(read_ids(asking)) == 300
        on_their_way = asking.source.concurrency  # begun in time, they may arrive together
        assert api.stats()["most_requests_in_a_second"] <= 40 + on_their_way


def test_a_request_that_began_late_does_not_bring_the_next_one_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    now, begun = [100.0], list[float]()
    monkeypatch.setattr("customer360.ingest.api_client.time.monotonic", lambda: now[0])

    def sleep_too_long(seconds: float) -> None:
        now[0] += seconds + (0.015 if len(begun) == 2 else 0)

    pace = Pace(50, sleep_too_long)
    for _ in range(5):
        pace.wait()
        begun.append(now[0])
    assert [round(later - before, 3) for before, later in pairwise(begun)] == [0.02, 0.035, 0.02, 0.02]


def test_a_page_that_is_tried_again_holds_up_no_other() -> None:
    """Page 2 comes only when the last one has."""
    all_others = threading.Event()
    with running(DemoSettings(users=USERS, trouble=QUIET)) as api:
        asking = client(api, "page")
        [endpoint] = asking.source.endpoints
        ask = asking.read_page

        def ask_late(endpoint: Endpoint, position: Position) -> Answer:
            if position.params["page"] == 2:
                assert all_others.wait(10)
            answer = ask(endpoint, position)
            if position.params["page"] == 10:
                all_others.set()
            return answer

        asking.read_page = ask_late  # type: ignore[method-assign]
        found = [
            record["id"] for page in read_pages(asking, endpoint, asking.start(endpoint)) for record in page.records
        ]
    assert found == list(range(1, USERS + 1))


@pytest.mark.contract("S4.35")
def test_requests_are_under_way_together_at_the_same_pace_and_give_the_same() -> None:
    slow = DemoSettings(users=60, trouble=Trouble(delay=1), delay_seconds=0.2)
    at_once, found = {}, {}
    for concurrency in (1, 8):
        with running(slow) as api:
            asking = ApiClient(source("page", concurrency=concurrency, requests_per_second=100), api.address)
            found[concurrency] = read_ids(asking)
            told = api.stats()
            at_once[concurrency] = told["most_requests_at_once"]
            assert told["most_requests_in_a_second"] <= 100
    assert found[1] == found[8] == set(range(1, 61))
    assert at_once[1] == 1
    assert 2 < at_once[8] <= 8


@pytest.mark.contract("S4.40")
@pytest.mark.parametrize("paging", PAGING)
def test_connections_are_used_again(paging: str) -> None:
    with running(DemoSettings(users=300, trouble=QUIET)) as api:
        asking = client(api, paging)
        assert len(read_ids(asking)) == 300
        told = api.stats()
    assert told["requests"] >= 50
    assert told["connections"] <= asking.source.concurrency


def test_a_wrong_key_is_refused_at_once_and_names_the_variable(apis: ManyApis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_API_KEY", "wrong-key")
    with apis.running(DemoSettings(trouble=QUIET)) as api:
        asking = client(api, "page")
        with pytest.raises(AccessRefused, match="401") as raised:
            read_ids(asking)
        assert api.stats()["requests"] == 1
    assert "DEMO_API_KEY" in raised.value.next_action
    assert "wrong-key" not in f"{raised.value} {raised.value.next_action}"


@pytest.mark.contract("S4.07")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 451])
def test_a_permanent_refusal_is_not_tried_again(apis: ManyApis, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customer360.demo_api.trouble.PERMANENT_STATUSES", (status,))
    with apis.running(DemoSettings(trouble=Trouble(permanent=1))) as api:
        asking = client(api, "page")
        with pytest.raises((SourceRefused, AccessRefused), match=str(status)):
            read_ids(asking)
        assert api.stats()["requests"] == 1


@pytest.mark.contract("S4.09")
@pytest.mark.parametrize(
    ("address", "reason"),
    {
        "http://no-such-host.invalid": "name not found",
        "https://no-such-host.invalid": "name not found",
        "http://127.0.0.1:9": "connection refused",
    }.items(),
)
def test_a_host_that_cannot_be_reached_is_tried_again_and_named(address: str, reason: str) -> None:
    waits: list[float] = []
    asking = ApiClient(source("page", auth={"kind": "none"}), address, sleep=waits.append)
    with pytest.raises(Unavailable, match=rf"{address.split('//')[1]}.* in 4 tries: {reason}"):
        read_ids(asking)
    assert [int(seconds) for seconds in waits if seconds >= 1] == [1, 2, 4]
    assert asking.counts.failures == {reason: 4}


@pytest.mark.contract("S4.09")
def test_a_server_that_does_not_answer_is_asked_again() -> None:
    with running(DemoSettings(trouble=Trouble(hang=1), failures_in_a_row=1)) as api:
        asking = client(api, "page", timeout_seconds=0.2)
        assert len(read_ids(asking)) == 12
    assert asking.counts.failures == {"timeout": 2}


def test_https_to_a_port_that_does_not_speak_it_is_no_answer() -> None:
    with running(DemoSettings(trouble=QUIET)) as api:
        address = api.address.replace("http:", "https:")
        asking = ApiClient(source("page"), address, sleep=lambda _: None)
        with pytest.raises(Unavailable, match="in 4 tries: TLS failed"):
            read_ids(asking)


def test_a_missing_secret_is_named_before_anything_is_asked() -> None:
    with pytest.raises(InvalidSetting, match="DEMO_API_KEY is empty"):
        ApiClient(source("page"), "https://api.example.com")


@pytest.mark.parametrize(("prefix", "auth"), AUTH.items(), ids=list(AUTH))
def test_every_way_to_sign_in_lets_in(
    apis: ManyApis, prefix: str, auth: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "reqres-free-v1")
    monkeypatch.setenv("U", "demo")
    with apis.running(DemoSettings(trouble=QUIET)) as api:
        endpoint = {"name": "users", "tables": ["api_customers"], **PAGING["page"], "path": f"/{prefix}/api/users"}
        assert len(read_ids(client(api, "page", auth=auth, endpoints=[endpoint]))) == 12


def test_a_key_may_stand_in_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DEMO_API_KEY=reqres-free-v1\nDEMO_BASE_URL=https://api.example.com/v1/\n")
    demo = source("page")
    assert demo.address(None) == ("https://api.example.com/v1", "DEMO_BASE_URL")
    assert demo.address("http://127.0.0.1:9") == ("http://127.0.0.1:9", "--base-url")
    assert demo.secret("DEMO_API_KEY", "https://api.example.com/v1") == "reqres-free-v1"
    with pytest.raises(InvalidSetting, match="--base-url"):
        demo.address("ftp://example.com")
