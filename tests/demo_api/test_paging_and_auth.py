"""Every kind of paging gives every user once, under every kind of authentication."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from customer360.demo_api import DemoSettings
from customer360.errors import InvalidInput
from tests.demo_api.reading import READERS, Patient
from tests.servers.demo_api import QUIET, DemoApi, running

pytestmark = pytest.mark.integration
KEY = "reqres-free-v1"
WAYS_IN: dict[str, dict[str, object]] = {
    "header": {"headers": {"x-api-key": KEY}},
    "query": {"params": {"api_key": KEY}},
    "bearer": {"headers": {"Authorization": f"Bearer {KEY}"}},
    "basic": {"auth": ("demo", KEY)},
}


@pytest.mark.parametrize("size", [1, 6, 40, 100])
@pytest.mark.parametrize("kind", READERS)
def test_every_user_comes_once(client: httpx.Client, kind: str, size: int) -> None:
    pages = list(READERS[kind](Patient(client), size=size))
    assert [user["id"] for user in itertools.chain(*pages)] == list(range(1, 41))
    assert all(pages)


@pytest.mark.parametrize("path", ["/api/users?page=9", "/offset?offset=99", "/link?page=9", "/next?page=9"])
def test_behind_the_end_there_is_nothing(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    body = response.json()
    assert (
        body if isinstance(body, list) else body.get("data") or body.get("users") or body.get("results") or []
    ) == []
    assert "next" not in response.links


def test_a_cursor_of_somebody_else_is_refused(client: httpx.Client) -> None:
    assert client.get("/cursor?cursor=abc").status_code == 400


def test_an_empty_collection_has_an_empty_page() -> None:
    with running(DemoSettings(users=0, trouble=QUIET)) as api, httpx.Client(base_url=api.address) as client:
        client.headers.update(api.headers)
        for read in READERS.values():
            assert list(itertools.chain(*read(Patient(client)))) == []


@pytest.mark.parametrize("kind", WAYS_IN)
def test_a_path_asks_for_its_authentication(quiet_api: DemoApi, kind: str) -> None:
    address = f"{quiet_api.address}/{kind}/api/users"
    assert httpx.get(address, **WAYS_IN[kind]).status_code == 200  # type: ignore[arg-type]
    for other in WAYS_IN.keys() - {kind}:
        refused = httpx.get(address, **WAYS_IN[other])  # type: ignore[arg-type]
        assert refused.status_code == 401
        assert refused.json()["error"]
        assert "www-authenticate" in refused.headers


def test_without_authentication_anyone_reads(quiet_api: DemoApi) -> None:
    assert httpx.get(f"{quiet_api.address}/none/cursor").status_code == 200
    assert httpx.get(f"{quiet_api.address}/api/users").status_code == 401
    assert httpx.get(f"{quiet_api.address}/api/users", headers={"x-api-key": "wrong"}).status_code == 401


@pytest.mark.parametrize("kind", ["none", "basic"])
def test_unprefixed_paths_ask_for_what_the_settings_say(kind: str) -> None:
    with running(DemoSettings(trouble=QUIET, auth=kind)) as api:  # type: ignore[arg-type]
        assert httpx.get(f"{api.address}/api/users", **WAYS_IN.get(kind, {})).status_code == 200  # type: ignore[arg-type]


def test_an_oauth2_token_lets_in_until_it_expires() -> None:
    shown = [datetime(2026, 1, 1, tzinfo=UTC)]
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": KEY}
    settings = DemoSettings(trouble=QUIET, token_seconds=60)
    with running(settings, clock=lambda: shown[0]) as api, httpx.Client(base_url=api.address) as client:
        assert client.get("/oauth2/api/users").status_code == 401
        given = client.post("/oauth/token", data=form).json()
        assert (given["token_type"], given["expires_in"]) == ("Bearer", 60)
        client.headers["Authorization"] = f"Bearer {given['access_token']}"
        assert client.get("/oauth2/api/users").status_code == 200
        shown[0] += timedelta(seconds=60)
        expired = client.get("/oauth2/api/users")
        assert expired.status_code == 401
        assert "invalid_token" in expired.headers["www-authenticate"]
        again = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=("demo", KEY)).json()
        assert again["access_token"] != given["access_token"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "password"}, 400),
        ({"grant_type": "client_credentials", "client_id": "demo", "client_secret": "wrong"}, 401),
    ],
)
def test_a_token_is_not_given_to_anyone(quiet_api: DemoApi, form: dict[str, str], status: int) -> None:
    assert httpx.post(f"{quiet_api.address}/oauth/token", data=form).status_code == status


def test_a_day_passes_when_told(quiet_api: DemoApi) -> None:
    with running(DemoSettings(users=200, trouble=QUIET)) as api, httpx.Client(base_url=api.address) as client:
        client.headers.update(api.headers)
        later = "/api/users?updated_since=2026-01-01"
        assert client.get(later).json()["total"] == 0
        assert client.post("/revision").json() == {"revision": 1}
        assert 0 < client.get(later).json()["total"] < 40


@pytest.mark.parametrize("name", ["users", "products", "carts"])
def test_dummyjson_is_served_as_it_pages(data_folder: Path, name: str) -> None:
    settings = DemoSettings(trouble=QUIET, dummyjson=data_folder / "dummyjson")
    with running(settings) as api, httpx.Client(base_url=api.address) as client:
        first = client.get(f"/{name}").json()
        assert (first["skip"], first["limit"], len(first[name])) == (0, 30, 30)
        read = first[name]
        while len(read) < first["total"]:
            read += client.get(f"/{name}?limit=30&skip={len(read)}").json()[name]
        assert len({record["id"] for record in read}) == len(read) == first["total"]
        assert client.get(f"/{name}?limit=0").json()[name] == read
        assert client.get(f"/bearer/{name}").status_code == 401


def test_a_folder_without_dummyjson_is_refused(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text(json.dumps([{"id": 1}]))
    with (
        pytest.raises(InvalidInput, match="products of DummyJSON cannot be read"),
        running(DemoSettings(dummyjson=tmp_path)),
    ):
        pass
