"""A source of users behind an API, written into a folder as a person would write it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from customer360.ingest.api_sources import ApiSourceFolder

SOURCES = Path(__file__).parents[2] / "sources"
USERS: dict[str, Any] = {"name": "users", "path": "/users", "tables": ["api_customers"]}


def write_source(folder: Path, *endpoints: dict[str, Any], name: str = "shop", **keys: Any) -> ApiSourceFolder:
    """Return a source with these endpoints, by default of users; its mappings are those of the shipped sources."""
    folder.mkdir(parents=True, exist_ok=True)
    definition = {
        "name": name,
        "title": "A shop",
        "base_url": "http://127.0.0.1:1",
        "requests_per_second": 10_000,
        "max_retries": 0,
        "endpoints": [USERS | endpoint for endpoint in endpoints or ({},)],
    }
    (folder / "source.yml").write_text(yaml.safe_dump(definition | keys, sort_keys=False))
    shutil.copy(SOURCES / "reqres" / "api_customers.sql", folder)
    for table in ("products", "api_carts"):
        shutil.copy(SOURCES / "dummyjson" / f"{table}.sql", folder)
    return ApiSourceFolder(folder)
