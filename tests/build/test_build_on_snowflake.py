"""The messy company built on the emulator: what is published, and what a failure, a kill and pruning leave.

One build is made by all of dbt; further ones that have only to be told apart are one table each.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from customer360.build import runner
from customer360.build.pipeline import run_build
from customer360.errors import BuildFailed, WorkspaceBusy
from customer360.settings import (
    SEMANTIC_MODELS,
    ResourceSettings,
    SnowflakeSettings,
    WorkspaceSettings,
    environment_of,
    load,
    project_files,
)
from customer360.warehouse import BuildRecord, open_builds
from customer360.warehouse.snowflake_account import Account
from customer360.warehouse.snowflake_builds import SERVED, SnowflakeBuilds
from customer360.workspace import Workspace
from tests.build.messy import GOOD
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_wire import HANG_UP, QUERY, Answer, Request, Wire, listening
from tests.warehouse.conftest import make_build

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("snowflake")]

PROFILE = "GOLD.CUSTOMER_360_PROFILE"
SCHEMAS = "select schema_name from information_schema.schemata where schema_name like '%B20%' order by 1"
VIEWS = "select table_schema || '.' || table_name from information_schema.views where table_schema in ({}) order by 1"
LATER = pa.table({"id": [1, 2]})
YEARS = 60 * 24 * 3650
"""In minutes: these builds are younger than one that is made while the tests run."""


@dataclass(frozen=True)
class Town:
    """The workspace of the messy company on the emulator, and the build that was published first."""

    workspace: Workspace
    record: BuildRecord

    @property
    def settings(self) -> SnowflakeSettings:
        assert self.workspace.account
        return self.workspace.account

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, asked in a session of its own."""
        with closing(Account(self.settings)) as account:
            return account.execute(sql)

    def schemas(self) -> list[str]:
        """Return the schemas that carry a build's id."""
        return [name for (name,) in self.ask(SCHEMAS)]

    def own_schemas(self, build_id: str) -> list[str]:
        return [name for name in self.schemas() if name.endswith(build_id.upper())]

    def views(self) -> list[str]:
        """Return the lasting views."""
        return [name for (name,) in self.ask(VIEWS.format(", ".join(f"'{schema}'" for schema in SERVED)))]

    def served(self) -> dict[str, Any]:
        """Return all that readers see: the pointer, what the views show, and every schema of a build."""
        return {
            "pointer": self.ask("select build_id, published_at, views_build_id from OPS.CURRENT_BUILD"),
            "views": self.views(),
            "profiles": sorted(self.ask(f"select customer_id, lifetime_value from {PROFILE}")),
            "schemas": self.schemas(),
        }

    def sweep(self) -> None:
        """Do what every writer does first."""
        with closing(open_builds(self.workspace)) as builds, builds.writing():
            builds.sweep()


@pytest.fixture(scope="module")
def town(messy_on_snowflake: Workspace) -> Town:
    with closing(open_builds(messy_on_snowflake)) as builds:
        return Town(messy_on_snowflake, builds.get(builds.current_id()))


@pytest.fixture
def builds(town: Town) -> Iterator[SnowflakeBuilds]:
    """The builds of the town, with the first one published again and alone when the test ends."""
    with closing(open_builds(town.workspace)) as opened:
        assert isinstance(opened, SnowflakeBuilds)
        yield opened
        if opened.current_id() != town.record.build_id:
            opened.publish(town.record.build_id)
        with opened.writing():  # takes back, and returns, the lease of a command that was killed
            opened.prune(1)
            opened.sweep()
        assert opened.current_id() == town.record.build_id


# A build that passes


def test_a_build_is_recorded_and_published(town: Town) -> None:
    build_id = town.record.build_id
    assert town.record.status == "passed"
    assert town.record.tables["gold.fct_transactions"] == {"rows": len(GOOD), "primary_key": ["transaction_key"]}
    [(status, as_of, model, others)] = town.ask(
        f"select status, as_of_date, semantic_model, other_models from OPS.BUILDS where build_id = '{build_id}'"
    )
    assert (status, as_of.isoformat()) == ("passed", "2024-06-30")
    assert {"customer_analytics": model, **json.loads(others)} == {
        name: (project_files("semantic") / f"{name}.yaml").read_text(encoding="utf-8") for name in SEMANTIC_MODELS
    }
    assert town.ask("select build_id, views_build_id from OPS.CURRENT_BUILD") == [(build_id, build_id)]


def test_what_a_build_needed_on_its_way_is_gone(town: Town) -> None:
    own = town.own_schemas(town.record.build_id)
    assert own == sorted(name for name in own if not name.startswith("BRONZE"))
    assert own
    leftover = town.ask(
        f"select table_name from information_schema.views where table_schema = 'SILVER_{town.record.build_id.upper()}'"
    )
    assert leftover == []


def test_every_table_of_the_build_has_its_lasting_view(town: Town) -> None:
    views = town.views()
    assert PROFILE in views
    assert {name.upper() for name in town.record.tables} <= set(views)
    for name in views:
        assert town.ask(f"select count(*) >= 0 from {name}") == [(True,)]


def test_what_dbt_did_is_kept_over_all_builds(town: Town) -> None:
    for table in ("PIPELINE_STEPS", "LINEAGE_EDGES", "DATA_QUALITY_RESULTS"):
        own = f"MONITORING_{town.record.build_id}.{table}"
        columns = [
            name
            for (name,) in town.ask(
                f"select column_name from information_schema.columns where table_schema = 'OPS' "
                f"and table_name = '{table}' and column_name <> 'BUILD_ID' order by ordinal_position"
            )
        ]
        listed = ", ".join(columns)
        kept = town.ask(f"select {listed} from OPS.{table} where build_id = '{town.record.build_id}'")
        assert sorted(kept, key=repr) == sorted(town.ask(f"select {listed} from {own}"), key=repr)
        assert len(kept) > 20
    steps = "select count(*) from OPS.PIPELINE_STEPS where step_name = 'customer_360_profile' and status = 'success'"
    assert town.ask(steps) == [(1,)]


# Which build is shown


def test_the_views_follow_a_publication_and_a_way_back(town: Town, builds: SnowflakeBuilds) -> None:
    before = town.served()
    later = make_build(builds, YEARS, LATER).build_id
    assert town.served()["views"] == before["views"]
    builds.publish(later)
    assert town.views() == ["GOLD.T"]
    assert town.ask("select count(*) from GOLD.T") == [(2,)]
    builds.publish(builds.before_current())
    after = town.served()
    assert (after["views"], after["profiles"]) == (before["views"], before["profiles"])
    assert town.own_schemas(later)


def test_pruning_drops_the_schemas_of_old_builds(town: Town, builds: SnowflakeBuilds) -> None:
    before = town.schemas()
    old = [make_build(builds, YEARS + minute, LATER).build_id for minute in (1, 2, 3)]
    assert len(town.schemas()) == len(before) + 3
    assert builds.prune(2) == [old[1], old[0]]
    assert town.own_schemas(old[0]) == town.own_schemas(old[1]) == []
    assert town.own_schemas(old[2])
    assert {name for (name,) in town.ask("select build_id from OPS.BUILDS where status = 'passed'")} == {
        old[2],
        town.record.build_id,
    }
    assert not builds.folder(old[0]).exists()


# A build that does not pass, or does not end


def test_a_build_that_fails_its_gate_changes_nothing_for_readers(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = town.served()
    folder = Path(shutil.copytree(project_files("semantic"), tmp_path / "semantic"))
    file = folder / "customer_analytics.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("expr: full_name", "expr: fool_name", 1), encoding="utf-8")
    monkeypatch.setattr(runner, "project_files", lambda _: folder)
    with pytest.raises(BuildFailed, match="does not pass its gate") as failure:
        run_build(town.workspace, load(ResourceSettings), load(WorkspaceSettings))
    assert "fool_name" in str(failure.value.details).lower()
    assert town.served() == before
    found = town.ask(f"select status from OPS.BUILDS where build_id = '{failure.value.build_id}'")
    assert found == [("failed",)]


class Kill:
    """Kills a command and all it started as soon as a statement with these words arrives."""

    def __init__(self, words: str) -> None:
        self._words = words.lower()
        self.process: subprocess.Popen[bytes] | None = None
        self.started = threading.Event()

    def __call__(self, request: Request) -> Answer | None:
        if self._words not in request.body["sqlText"].lower():
            return None
        assert self.started.wait(30)
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        return HANG_UP


def run_until(town: Town, wire: Wire, words: str, *arguments: str) -> None:
    """Run a command, which is killed when it sends a statement with these words."""
    kill = wire.always[QUERY] = Kill(words)
    settings = town.settings.model_copy(update={"port": wire.port})
    kill.process = subprocess.Popen(
        [sys.executable, "-m", "customer360.cli", "--home", str(town.workspace.home), *arguments],
        env=os.environ | environment_of(settings) | {"CUSTOMER360_ENGINE": "snowflake"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    kill.started.set()
    out, errors = kill.process.communicate(timeout=60)
    assert kill.process.returncode == -signal.SIGKILL, (out + errors).decode()


@pytest.fixture
def wire(emulator: Emulator) -> Iterator[Wire]:
    with listening(Wire(upstream=emulator.port)) as found:
        yield found


@pytest.mark.parametrize("words", ["create table MONITORING_", "silver_b20"], ids=["at its start", "among its models"])
def test_a_build_that_is_killed_changes_nothing_and_the_next_writer_sweeps_it(
    town: Town, wire: Wire, tmp_path: Path, words: str
) -> None:
    before = town.served()
    run_until(town, wire, words, "build")
    other = open_builds(Workspace(tmp_path / "other", town.settings))
    with pytest.raises(WorkspaceBusy, match=str(town.workspace.home)), closing(other), other.writing():
        pytest.fail("the lease of the dead is not over")
    killed = town.served()
    assert {name: value for name, value in killed.items() if name != "schemas"} == {
        name: value for name, value in before.items() if name != "schemas"
    }
    [(build_id,)] = town.ask("select build_id from OPS.BUILDS where status = 'running'")
    assert town.own_schemas(build_id)
    town.sweep()
    assert town.served() == before
    assert town.ask(f"select status from OPS.BUILDS where build_id = '{build_id}'") == [("interrupted",)]


def test_views_that_a_killed_publication_left_behind_follow_with_the_next_writer(
    town: Town, builds: SnowflakeBuilds, wire: Wire
) -> None:
    before = town.views()
    later = make_build(builds, YEARS, LATER).build_id
    run_until(town, wire, "create or replace view", "rollback", later)
    assert town.ask("select build_id, views_build_id from OPS.CURRENT_BUILD") == [(later, town.record.build_id)]
    assert town.views() == before
    town.sweep()
    assert town.views() == ["GOLD.T"]
    assert town.ask("select build_id, views_build_id from OPS.CURRENT_BUILD") == [(later, later)]


def test_a_publication_that_is_killed_at_the_pointer_leaves_the_one_before(
    town: Town, builds: SnowflakeBuilds, wire: Wire
) -> None:
    before = town.served()
    later = make_build(builds, YEARS, LATER).build_id
    run_until(town, wire, "update OPS.CURRENT_BUILD", "rollback", later)
    after = town.served()
    assert {name: after[name] for name in ("pointer", "views", "profiles")} == {
        name: before[name] for name in ("pointer", "views", "profiles")
    }
