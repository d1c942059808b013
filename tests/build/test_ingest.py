"""Customers of an API beside those of files: they land, the run is remembered, and a build knows of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from customer360.build.pipeline import run_build, run_ingest, run_load
from customer360.demo_api import DemoSettings
from customer360.ingest import find_dataset
from customer360.ingest.api_sources import find_api_source
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.warehouse import open_builds
from customer360.workspace import Workspace
from tests.servers.demo_api import QUIET, running

pytestmark = pytest.mark.integration

RUNS = """
select source_system, status, pages, records_fetched, records_landed, duplicates, records_rejected, errors
from monitoring.ingestion_runs
"""
BATCHES = "select rows_landed from monitoring.batches where table_name = 'api_customers'"


@pytest.mark.contract("S4.29")
@pytest.mark.contract("S4.43")
def test_what_a_run_counted_is_in_monitoring_after_the_next_build(messy: Workspace, tmp_path: Path) -> None:
    workspace = Workspace(Path(shutil.copytree(messy.home, tmp_path / "home")))
    with running(DemoSettings(users=150, messy=0.3, trouble=QUIET)) as api:
        figures = run_ingest(workspace, find_api_source("reqres"), api.address).figures
        told = api.stats()
    assert told["records_sent"] == figures.records
    remapped = run_load(workspace, find_dataset(str(messy.home.parent / "dataset")), None)
    assert (remapped.landed, remapped.refused) == ([], []), "what an API gave is left alone"
    record = run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    file = open_builds(workspace).folder(record.build_id) / "warehouse.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute(RUNS).fetchall() == [
            ("reqres", "succeeded", 2, figures.records, figures.landed, figures.duplicates, figures.quarantined, 0)
        ]
        assert connection.execute(BATCHES).fetchall() == [(figures.records,)]
