"""A shop next door that keeps some of the messy company's customers, and others, behind an API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from customer360.build.pipeline import run_ingest
from customer360.demo_api import DemoSettings
from customer360.ingest.api import IngestReport
from customer360.ingest.api_sources import find_api_source
from customer360.workspace import Workspace
from tests.servers.demo_api import QUIET, running

SOURCE = """
name: next_door
title: The shop next door
base_url: http://127.0.0.1
endpoints:
  - name: users
    path: /users
    paging: {kind: offset, param: skip, size_param: limit, size: 100}
    records: users
    count: total
    tables: [api_customers]
  - name: carts
    path: /carts
    paging: {kind: offset, param: skip, size_param: limit, size: 100}
    records: carts
    count: total
    tables: [api_carts]
"""
FETCHED = "_line, source_system, payload, page, fetched_at, run_id"
CUSTOMERS = f"""
select
    payload ->> '$.id' as source_customer_id, payload ->> '$.name' as first_name, payload ->> '$.surname' as last_name,
    payload ->> '$.email' as email, payload ->> '$.image' as avatar, payload ->> '$.country' as country, {FETCHED}
from source
"""
CARTS = f"""
select
    payload ->> '$.id' as source_cart_id, payload ->> '$.userId' as source_customer_id,
    try_cast(payload ->> '$.total' as decimal(18, 4)) as total_amount, {FETCHED}
from source
"""
USERS: list[dict[str, Any]] = [
    {"id": 1, "name": "Ana", "surname": "Elan", "email": "ana@example.org", "image": "a.png", "country": "Spain"},
    {"id": 2, "name": "Cy", "surname": "D.", "email": "cy@example.org", "image": "c.png"},
    {"id": 3, "name": "Eve", "email": "eve@example.org", "country": "Germany"},
    {"id": 3, "name": "Eve", "surname": "Moe", "email": "eve@example.org", "country": "Germany"},
    {"name": "Nobody", "email": "nobody@example.org"},
]
BASKETS: list[dict[str, Any]] = [
    {"id": 10, "userId": 1, "total": 12.5},
    {"id": 11, "userId": 3, "total": 99.94999999999999},
    {"id": 12, "userId": 3, "total": "plenty"},
]


def ingest_neighbours(workspace: Workspace, folder: Path) -> IngestReport:
    """Land what the shop next door knows; ``folder`` is for its files."""
    source, served = folder / "source", folder / "served"
    for place in (source, served):
        place.mkdir(parents=True)
    (source / "source.yml").write_text(SOURCE, encoding="utf-8")
    (source / "api_customers.sql").write_text(CUSTOMERS, encoding="utf-8")
    (source / "api_carts.sql").write_text(CARTS, encoding="utf-8")
    for name, records in {"users": USERS, "carts": BASKETS, "products": []}.items():
        (served / f"{name}.json").write_text(json.dumps(records), encoding="utf-8")
    with running(DemoSettings(dummyjson=served, trouble=QUIET)) as api:
        return run_ingest(workspace, find_api_source(str(source)), api.address)
