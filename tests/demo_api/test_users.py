"""The users: those of reqres.in first, the others a function of seed and number, some of them messy."""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest

from customer360.demo_api.lists import MovingUsers
from customer360.demo_api.users import FIRST_SLUGS, LAST_SLUGS, REQRES, Record, Users

pytestmark = pytest.mark.unit
MANY = np.arange(1, 2001)
PLAIN_FIELDS = {"id", "email", "first_name", "last_name", "avatar", "updated_at"}


def is_plain(record: Record) -> bool:
    """Tell whether a record has the fields and types that it should have."""
    texts = [record.get(name) for name in PLAIN_FIELDS - {"id"}]
    is_filled = all(isinstance(text, str) and text.strip() for text in texts)
    if record.keys() != PLAIN_FIELDS or not is_filled or not isinstance(record["id"], int):
        return False
    user, at, domain = record["email"].partition("@")
    return bool(user and at and "." in domain) and " " not in record["email"]


def test_the_first_page_is_that_of_reqres(client: httpx.Client) -> None:
    body = client.get("/api/users").json()
    assert {name: body[name] for name in ("page", "per_page", "total", "total_pages")} == {
        "page": 1,
        "per_page": 6,
        "total": 40,
        "total_pages": 7,
    }
    assert body["support"].keys() == {"url", "text"}
    assert body["data"][0] | {"updated_at": ""} == {
        "id": 1,
        "email": "george.bluth@reqres.in",
        "first_name": "George",
        "last_name": "Bluth",
        "avatar": "https://reqres.in/img/faces/1-image.jpg",
        "updated_at": "",
    }


def test_the_twelve_of_reqres_come_in_their_order(client: httpx.Client) -> None:
    names = [(user["first_name"], user["last_name"]) for user in client.get("/api/users?per_page=12").json()["data"]]
    assert names == list(REQRES)
    assert len(names) == 12


def test_one_user_is_the_one_of_the_list(client: httpx.Client) -> None:
    listed = client.get("/api/users?per_page=40").json()["data"]
    assert client.get("/api/users/17").json()["data"] == listed[16]
    assert client.get("/api/users/41").status_code == 404
    assert client.get("/api/users/41").json() == {"error": "There is no such user."}


def test_a_user_depends_on_seed_and_number_only() -> None:
    few, many = Users(seed=1).records(np.array([900, 3])), Users(seed=1).records(MANY)
    assert few == [many[899], many[2]]
    assert Users(seed=2).records(MANY)[899] != many[899]


def test_clean_users_are_all_plain_and_their_addresses_differ() -> None:
    records = Users(seed=3).records(MANY)
    assert all(is_plain(record) for record in records)
    assert len({record["email"] for record in records}) == len(records)
    assert all(slug.isascii() for slug in FIRST_SLUGS + LAST_SLUGS)


def test_a_share_of_the_others_is_messy_in_every_way_and_never_the_first_twelve() -> None:
    users = Users(seed=4, messy=0.3)
    records, plain = users.records(MANY), Users(seed=4).records(MANY)
    assert records[:12] == plain[:12]
    changed = [made for made, clean in zip(records, plain, strict=True) if made != clean]
    assert len(changed) == users.is_messy(MANY).sum()
    assert len(changed) == pytest.approx(0.3 * len(MANY), rel=0.1)
    ids = [str(record["id"]) for record in records]
    assert len(set(ids)) < len(ids)
    assert not {str(number) for number in range(1, 13)} & set(ids[12:])
    assert sum(not is_plain(record) for record in changed) > 0.5 * len(changed)
    assert {"phone", "meta"} < set().union(*records)
    json.dumps(records)


def test_users_that_changed_are_found_by_when(client: httpx.Client) -> None:
    everyone = client.get("/api/users?per_page=40").json()["data"]
    since = sorted(user["updated_at"] for user in everyone)[25]
    for address in (f"/api/users?per_page=40&updated_since={since}", f"/offset?updated_since={since}"):
        body = client.get(address).json()
        assert body["total"] == 15
        found = body.get("data") or body["users"]
        assert found == [user for user in everyone if user["updated_at"] >= since]
    assert client.get("/next?per_page=4&updated_since=" + since).json()["next"].count("updated_since=") == 1


def test_a_revision_changes_one_user_in_twenty_later_than_all_before() -> None:
    first, second = Users(seed=5), Users(seed=5, revision=1)
    changed = [b for a, b in zip(first.records(MANY), second.records(MANY), strict=True) if a != b]
    assert 60 < len(changed) < 140
    assert min(record["updated_at"] for record in changed) >= "2026-01-01"
    collection = MovingUsers(second, len(MANY))
    assert collection.total(np.datetime64("2026-01-01T00:00:00")) == len(changed)


def test_a_million_users_are_not_held() -> None:
    users = MovingUsers(Users(seed=6), 1_000_000)
    assert users.total(None) == 1_000_000
    assert [user["id"] for user in users.slice(999_998, 1_000_010, None)] == [999_999, 1_000_000]


@pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=-1", "updated_since=soon", "page=1e3"])
def test_what_cannot_be_read_is_refused(client: httpx.Client, query: str) -> None:
    response = client.get(f"/api/users?{query}")
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_page_has_a_largest_size(client: httpx.Client) -> None:
    assert client.get("/api/users?per_page=5000").json()["per_page"] == 1000
