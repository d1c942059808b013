"""Each kind of trouble as a client meets it, how often, how long, and what the server says it did."""

from __future__ import annotations

import http.client
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from customer360.clock import fixed
from customer360.demo_api import USUAL_TROUBLE, DemoSettings, Trouble
from customer360.demo_api.settings import FAILURES
from customer360.demo_api.trouble import RateLimit, Troubles
from tests.demo_api.reading import READERS, RETRIES, Patient, is_whole
from tests.servers.demo_api import QUIET, DemoApi, running

pytestmark = pytest.mark.integration
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ADDRESS = "/api/users?page=2"
EVERYONE = set(range(1, 41))
NO_WAIT = {"delay_seconds": 0, "retry_after": 0}


@contextmanager
def troubled(trouble: Trouble, **settings: Any) -> Iterator[tuple[DemoApi, httpx.Client]]:
    """Serve forty users with trouble, and give a client that may read them."""
    chosen = DemoSettings(**({"users": 40} | settings), trouble=trouble)
    with (
        running(chosen, clock=fixed(NOON)) as api,
        httpx.Client(base_url=api.address, headers=api.headers, timeout=5) as client,
    ):
        yield api, client


def always(kind: str, **settings: Any) -> Any:
    """Serve so that an address fails in one way, once, and is fine the next time."""
    return troubled(Trouble(**{kind: 1.0}), **({"failures_in_a_row": 1} | settings))


def ids(response: httpx.Response) -> list[int]:
    return [user["id"] for user in response.json()["data"]]


def assert_fine(client: httpx.Client, api: DemoApi, kind: str) -> None:
    """Show that the address works now and that the server counted the one failure."""
    assert ids(client.get(ADDRESS)) == list(range(7, 13))
    assert api.stats()["failures"] == {kind: 1}


def test_errors_are_500_and_503_and_pass() -> None:
    with troubled(Trouble(error=1), failures_in_a_row=1) as (api, client):
        seen = Counter(client.get(f"/api/users?page={page}").status_code for page in range(1, 31))
        assert set(seen) == {500, 503}
        assert client.get("/api/users?page=1").status_code == 200
        assert api.stats()["by_status"] == {"200": 1} | {str(status): count for status, count in sorted(seen.items())}


@pytest.mark.contract("S4.12")
def test_throttling_says_when_to_come_back_in_seconds_or_as_a_date() -> None:
    with troubled(Trouble(throttled=1), retry_after=7, failures_in_a_row=1) as (api, client):
        waits = []
        for page in range(1, 13):
            response = client.get(f"/api/users?page={page}")
            assert response.status_code == 429
            waits.append(response.headers["retry-after"])
        assert {wait for wait in waits if wait.isdigit()} == {"7"}
        assert {parsedate_to_datetime(wait) for wait in waits if not wait.isdigit()} == {NOON + timedelta(seconds=7)}
        assert api.stats()["throttled"] == 12


def test_a_reset_ends_the_connection_before_an_answer() -> None:
    with always("reset") as (api, client):
        with pytest.raises(httpx.ReadError) as caught:
            client.get(ADDRESS)
        causes = [caught.value.__cause__, getattr(caught.value.__cause__, "__context__", None)]
        assert any(isinstance(cause, ConnectionResetError) for cause in causes)
        assert_fine(client, api, "reset")
        assert api.stats()["connections"] == 2
        assert api.stats()["resets"] == 1


def test_a_truncated_body_is_shorter_than_it_says() -> None:
    with always("truncated") as (api, client):
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            client.get(ADDRESS)
        assert_fine(client, api, "truncated")
        assert api.stats()["truncated"] == 1
        assert api.stats()["records_sent"] == 6


def test_invalid_json_is_complete_and_cannot_be_read() -> None:
    with always("invalid_json") as (api, client):
        response = client.get(ADDRESS)
        assert response.status_code == 200
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            response.json()
        assert_fine(client, api, "invalid_json")


def test_an_error_can_come_with_200() -> None:
    with always("error_body") as (api, client):
        response = client.get(ADDRESS)
        assert response.status_code == 200
        assert response.json()["error"]
        assert_fine(client, api, "error_body")


def test_the_page_before_can_come_again() -> None:
    with always("duplicate") as (api, client):
        assert ids(client.get(ADDRESS)) == list(range(1, 7))
        assert_fine(client, api, "duplicate")


def test_a_hang_outlasts_the_client() -> None:
    with always("hang") as (api, client):
        with pytest.raises(httpx.ReadTimeout):
            client.get(ADDRESS, timeout=0.1)
        assert_fine(client, api, "hang")


def test_a_patient_client_gets_what_hung() -> None:
    with always("hang", hang_seconds=0.05) as (_api, client):
        assert ids(client.get(ADDRESS)) == list(range(7, 13))


def test_a_server_stops_while_a_request_hangs() -> None:
    with always("hang") as (_api, client), pytest.raises(httpx.ReadTimeout):
        client.get(ADDRESS, timeout=0.05)
    started = time.monotonic()
    with always("hang") as (api, _client):
        connection = http.client.HTTPConnection(api.address.removeprefix("http://"))
        connection.request("GET", ADDRESS, headers=api.headers)
    connection.close()
    assert time.monotonic() - started < 5


def test_a_total_can_be_wrong() -> None:
    with always("wrong_total") as (api, client):
        response = client.get(ADDRESS)
        assert response.json()["total"] == 47
        assert ids(response) == list(range(7, 13))
        assert_fine(client, api, "wrong_total")


@pytest.mark.parametrize("kind", ["cursor", "link", "next"])
def test_who_follows_an_empty_page_loses_nothing(kind: str) -> None:
    with always("empty_page") as (_api, client):
        pages = list(READERS[kind](Patient(client)))
        assert [] in pages
        assert {user["id"] for user in itertools.chain(*pages)} == EVERYONE


def test_an_empty_page_still_says_how_many_there_are() -> None:
    with always("empty_page") as (api, client):
        response = client.get(ADDRESS)
        assert (ids(response), response.json()["total"]) == ([], 40)
        assert_fine(client, api, "empty_page")


def test_what_is_permanent_stays() -> None:
    with troubled(Trouble(permanent=0.5)) as (_api, client):
        seen = [{client.get(f"/api/users?page={page}").status_code for _ in range(6)} for page in range(1, 31)]
        assert all(len(statuses) == 1 for statuses in seen)
        assert {200, 403, 404, 410, 422} == set().union(*seen)


def test_a_delay_is_as_long_as_it_may_be() -> None:
    troubles = Troubles(DemoSettings(trouble=Trouble(delay=0.5), delay_seconds=2))
    delays = [troubles.delay(f"/{number}") for number in range(1000)]
    late = [delay for delay in delays if delay]
    assert 400 < len(late) < 600
    assert min(late) < 0.1
    assert 1.9 < max(late) <= 2


def test_a_user_that_moves_is_missed_by_who_reads_once_and_the_total_does_not_tell() -> None:
    with troubled(Trouble(moving=1), moves_at_most=1) as (_api, client):
        pages = [client.get(f"/api/users?page={page}").json() for page in range(1, 8)]
        assert {page["total"] for page in pages} == {40}
        seen = [user["id"] for page in pages for user in page["data"]]
        assert EVERYONE - set(seen) == {7}
        assert seen.count(1) == 2
        assert 7 in ids(client.get("/api/users?page=1"))


def test_users_that_come_or_go_shift_the_others() -> None:
    with troubled(Trouble(inserted=1), moves_at_most=1) as (_api, client):
        assert ids(client.get("/api/users?page=1")) == [1, 2, 3, 4, 5, 6]
        assert ids(client.get("/api/users?page=2")) == [6, 7, 8, 9, 10, 11]
        assert (ids(client.get("/api/users?page=1"))[0], client.get("/offset").json()["total"]) == (41, 41)
    with troubled(Trouble(removed=1), moves_at_most=1) as (_api, client):
        assert ids(client.get("/api/users?page=1")) == [1, 2, 3, 4, 5, 6]
        assert ids(client.get("/api/users?page=2")) == [8, 9, 10, 11, 12, 13]
        assert client.get("/offset").json()["total"] == 39
        assert client.get("/api/users/1").status_code == 404


def test_the_rate_limit_is_one_of_any_second() -> None:
    limit = RateLimit(3)
    assert [limit.admits(at) for at in (0, 0.1, 0.9, 0.95, 1.0, 1.05, 1.1)] == [True] * 3 + [False, True, False, True]
    with troubled(QUIET, rate_limit=5) as (api, client):
        statuses = [client.get("/api/users").status_code for _ in range(8)]
        assert statuses == [200] * 5 + [429] * 3
        assert 5 < api.stats()["most_requests_in_a_second"] <= 8


# How often, and how long


@pytest.mark.contract("S4.12")
def test_one_call_in_five_fails_over_five_thousand_calls() -> None:
    with troubled(USUAL_TROUBLE, **NO_WAIT) as (api, _client):
        statuses = Counter(_status(call) for call in _calls(api, 5000))
        stats = api.stats()
    assert statuses[500] + statuses[503] == pytest.approx(0.2 * 5000, abs=0.02 * 5000)
    assert statuses[429] == pytest.approx(0.03 * 5000, abs=0.01 * 5000)
    assert stats["by_status"] == {str(status): count for status, count in sorted(statuses.items()) if status}
    assert stats["requests"] == 5000
    assert statuses[0] == stats["resets"]


def _calls(api: DemoApi, count: int) -> Iterator[Callable[[], int]]:
    """Yield calls of as many addresses, over http.client, which is several times as fast as httpx."""
    connection = http.client.HTTPConnection(api.address.removeprefix("http://"))
    for number in range(count):

        def call(number: int = number) -> int:
            connection.request(
                "GET", f"/api/users?per_page=1&page={number % 40 + 1}&call={number}", headers=api.headers
            )
            response = connection.getresponse()
            try:
                response.read()
            except http.client.IncompleteRead:
                connection.close()
            return response.status

        yield call
    connection.close()


def _status(call: Callable[[], int]) -> int:
    """Return the status of a call; 0 where the connection was reset."""
    try:
        return call()
    except ConnectionResetError:
        return 0


@pytest.mark.unit
@pytest.mark.parametrize("most", [0, 1, 3])
def test_an_address_never_fails_more_often_in_a_row(most: int) -> None:
    troubles = Troubles(DemoSettings(trouble=Trouble(error=0.7, reset=0.2), failures_in_a_row=most))
    failed = [bool(troubles.next_failure("/api/users?page=1")) for _ in range(5000)]
    runs = [len(list(group)) for is_failure, group in itertools.groupby(failed) if is_failure]
    assert max(runs, default=0) == most


STEADY = USUAL_TROUBLE.model_copy(update={"moving": 0})
WORSE = STEADY.model_copy(update={"error": 0.3, "reset": 0.1, "truncated": 0.1, "duplicate": 0.1})


@pytest.mark.contract("S4.12")
@pytest.mark.parametrize("trouble", [STEADY, WORSE], ids=["usual", "worse"])
@pytest.mark.parametrize("seed", range(3))
def test_three_retries_get_through_with_every_kind_of_paging(seed: int, trouble: Trouble) -> None:
    assert DemoSettings().failures_in_a_row <= RETRIES
    with troubled(trouble, seed=seed, **NO_WAIT) as (_api, client):
        for read in READERS.values():
            assert {user["id"] for user in itertools.chain(*read(Patient(client)))} == EVERYONE


@pytest.mark.parametrize("seed", range(3))
def test_who_reads_again_gets_everyone_though_users_move(seed: int) -> None:
    trouble = USUAL_TROUBLE.model_copy(update={"moving": 0.5})
    with troubled(trouble, seed=seed, **NO_WAIT) as (api, client):
        seen: set[int] = set()
        for _ in range(1 + api.settings.moves_at_most):
            seen |= {user["id"] for user in itertools.chain(*READERS["page"](Patient(client)))}
        assert seen == EVERYONE


@pytest.mark.contract("S4.12")
def test_the_same_seed_gives_the_same_run_and_another_does_not() -> None:
    def run(seed: int) -> list[tuple[int, str]]:
        with troubled(USUAL_TROUBLE, seed=seed, messy=0.5, **NO_WAIT) as (api, client):
            seen = []
            for number in range(80):
                try:
                    response = client.get(f"/offset?limit=5&offset={number % 8 * 5}")
                except httpx.TransportError as error:
                    seen.append((0, type(error).__name__))
                else:
                    text = response.text.replace(api.address, "")
                    seen.append((response.status_code, response.headers.get("retry-after", "") + text))
            return seen

    assert run(11) == run(11)
    assert run(11) != run(12)


def test_another_order_of_requests_meets_the_same_failures() -> None:
    addresses = [f"/api/users?page={page}" for page in range(1, 8)] * 30
    one, other = (Troubles(DemoSettings(trouble=USUAL_TROUBLE)) for _ in range(2))
    met: list[dict[str, list[str]]] = [{address: [] for address in addresses} for _ in range(2)]
    for address in addresses:
        met[0][address].append(one.next_failure(address))
    for address in sorted(addresses):
        met[1][address].append(other.next_failure(address))
    assert met[0] == met[1]


# What the server counts


def test_the_counts_are_those_of_the_client() -> None:
    trouble = Trouble(error=0.2, throttled=0.1, reset=0.05, truncated=0.05, invalid_json=0.05, error_body=0.05)
    with troubled(trouble, users=300, **NO_WAIT) as (api, client):
        patient = Patient(client)
        read = list(itertools.chain(*READERS["page"](patient)))
        stats = api.stats()
    assert stats["requests"] == patient.requests
    assert stats["records_sent"] == len(read) == 300
    assert stats["resets"] + stats["truncated"] == patient.broken > 0
    answered = Counter(map(str, patient.statuses)) + Counter({"200": stats["truncated"]})
    assert stats["by_status"] == stats["by_path"]["/api/users"] == dict(answered)
    assert stats["throttled"] == answered["429"]
    assert stats["connections"] == 1 + patient.broken
    assert 0 < stats["most_requests_in_a_second"] <= patient.requests


def test_counting_starts_again_when_told(quiet_api: DemoApi) -> None:
    httpx.get(f"{quiet_api.address}/none/api/users/3")
    httpx.get(f"{quiet_api.address}/nowhere")
    stats = quiet_api.stats()
    assert stats["by_path"]["/none/api/users/{id}"] == {"200": 1}
    assert stats["by_path"]["/nowhere"] == {"404": 1}
    quiet_api.reset_stats()
    assert {count for count in quiet_api.stats().values() if isinstance(count, int)} == {0}


def test_quiet_means_that_nothing_goes_wrong(client: httpx.Client) -> None:
    assert all(client.get(f"/api/users?page={page % 7 + 1}").status_code == 200 for page in range(100))


@pytest.mark.unit
def test_shares_are_shares() -> None:
    assert set(FAILURES) < set(Trouble.model_fields)
    assert USUAL_TROUBLE.error == 0.2
    for wrong in ({"error": 1.5}, {"error": 0.6, "reset": 0.6}, {"eror": 0.1}):
        with pytest.raises(ValidationError):
            Trouble(**wrong)


@pytest.mark.unit
def test_an_answer_is_whole_when_it_is_json_without_an_error() -> None:
    answers = [httpx.Response(200, text=text) for text in ("[]", "{}", '{"a', '{"error": ""}')]
    assert [is_whole(answer) for answer in answers] == [True, True, False, False]
