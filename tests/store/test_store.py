"""The operational store: migrations that match the tables, runs that end in one of three ways."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from customer360.clock import fixed
from customer360.errors import Unavailable
from customer360.store import PipelineRun, Store
from customer360.store.database import HEAD, MIGRATIONS
from customer360.store.tables import Base

pytestmark = pytest.mark.integration

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

KILLED = """
import os, signal, sys
from pathlib import Path
from customer360.store import Store
with Store.beside(Path(sys.argv[1])).recording("build", "bank"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "store.db"


def _columns(runs: list[PipelineRun]) -> list[tuple[str, str, str]]:
    return [(run.kind, run.subject, run.status) for run in runs]


def test_the_newest_migration_is_the_one_the_store_asks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_new_store_has_every_table_and_is_up_to_date(path: Path) -> None:
    store = Store.beside(path)
    store.check()
    store.close()
    engine = create_engine(f"sqlite:///{path}")
    assert set(inspect(engine).get_table_names()) == {"alembic_version", *Base.metadata.tables}
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_of_the_code(path: Path) -> None:
    Store.beside(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_migrating_again_keeps_what_is_there(path: Path) -> None:
    first = Store.beside(path)
    with first.recording("load", "bank"):
        pass
    first.close()
    second = Store.beside(path)
    assert _columns(second.list_runs()) == [("load", "bank", "succeeded")]
    second.close()


def test_a_run_that_succeeds_keeps_its_detail(path: Path) -> None:
    store = Store.beside(path, fixed(NOON))
    with store.recording("build", "bank") as detail:
        [running] = store.list_runs()
        assert (running.status, running.finished_at) == ("running", None)
        detail["build_id"] = "b1"
    [run] = store.list_runs()
    assert (run.status, run.detail) == ("succeeded", {"build_id": "b1"})
    assert run.started_at == run.finished_at == NOON.replace(tzinfo=None)
    store.close()


def test_times_are_kept_in_utc_whatever_the_clock_shows(path: Path) -> None:
    from zoneinfo import ZoneInfo

    store = Store.beside(path, fixed(NOON.astimezone(ZoneInfo("Asia/Tokyo"))))
    with store.recording("build", "bank"):
        pass
    assert store.list_runs()[0].started_at == NOON.replace(tzinfo=None)
    store.close()


@pytest.mark.parametrize("failure", [ValueError("bad row"), KeyboardInterrupt("stopped")])
def test_a_run_that_fails_says_why_and_the_failure_goes_on(path: Path, failure: BaseException) -> None:
    store = Store.beside(path)
    with pytest.raises(type(failure)), store.recording("load", "bank") as detail:
        detail["landed"] = 3
        raise failure
    [run] = store.list_runs()
    assert (run.status, run.detail) == ("failed", {"landed": 3, "error": str(failure)})
    store.close()


def test_a_run_whose_process_died_is_interrupted_once_the_next_of_its_kind_starts(path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    store = Store.beside(path)
    with store.recording("load", "bank"):
        assert [run.status for run in store.list_runs()] == ["running", "running"]
    with store.recording("build", "bank"):
        pass
    assert _columns(store.list_runs()) == [
        ("build", "bank", "succeeded"),
        ("load", "bank", "succeeded"),
        ("build", "bank", "interrupted"),
    ]
    store.close()


def test_the_newest_runs_come_first_and_no_more_than_asked_for(path: Path) -> None:
    moments = iter(NOON + timedelta(minutes=n) for n in range(10))
    store = Store.beside(path, lambda: next(moments))
    for dataset in ("a", "b", "c"):
        with store.recording("load", dataset):
            pass
    assert [run.subject for run in store.list_runs(2)] == ["c", "b"]
    store.close()


def test_two_processes_write_at_the_same_time(path: Path) -> None:
    script = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "pass")
    Store.beside(path).close()
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path)]) for _ in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    store = Store.beside(path)
    assert len(store.list_runs()) == 4
    store.close()


@pytest.mark.contract("S1.17")
def test_a_store_without_its_tables_is_not_well(path: Path) -> None:
    path.parent.mkdir()
    store = Store(f"sqlite:///{path}")
    with pytest.raises(Unavailable, match="not up to date") as refused:
        store.check()
    assert refused.value.code == "store_broken"
    store.close()


@pytest.mark.contract("S1.17")
def test_a_store_of_another_revision_is_not_well(path: Path) -> None:
    store = Store.beside(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(Unavailable, match="not up to date"):
        store.check()
    store.close()


@pytest.mark.contract("S1.17")
def test_a_broken_file_is_not_well(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(os.urandom(8192))
    store = Store(f"sqlite:///{path}")
    with pytest.raises(Unavailable, match="does not answer") as refused:
        store.check()
    assert (refused.value.code, refused.value.status) == ("store_broken", 503)
    store.close()


def test_opening_a_broken_file_is_explained(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(os.urandom(8192))
    with pytest.raises(Unavailable):
        Store.beside(path)
