"""What all tests share: real data, published workspaces, and the list of skips at the end of a run."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from customer360.build.migrating import migrate
from customer360.build.models import run_training, run_value_fit
from customer360.build.pipeline import run_build, run_load
from customer360.churn.boosting import Growth
from customer360.ingest import find_dataset
from customer360.semantic import Reader
from customer360.settings import (
    QuerySettings,
    ResourceSettings,
    SnowflakeSettings,
    SnowflakeSetupSettings,
    WorkspaceSettings,
    load,
)
from customer360.synth import BankSpec, generate_bank
from customer360.warehouse.deployment import Target, deploy, values_of
from customer360.warehouse.snowflake_sessions import open_session
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files
from tests.build.neighbours import ingest_neighbours
from tests.groups import pytest_collection_modifyitems
from tests.servers.snowflake_emulator import Emulator

__all__ = ["pytest_collection_modifyitems"]
ROOT = Path(__file__).parents[1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with every skip and its reason, so that nothing is left out in silence."""
    skipped = terminalreporter.getreports("skipped")
    terminalreporter.section("skips and their reasons")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.line(f"{report.nodeid}: {reason}")
    if not skipped:
        terminalreporter.line("none")


def skip_or_fail(reason: str) -> None:
    """Skip for want of something; where CI is set, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (a failure, because CI is set)")
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def _nobodys_settings() -> Iterator[None]:
    """Keep the settings of the person who runs the tests out of them, and out of what is set up once for all."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith(("CUSTOMER360_HOME", "CUSTOMER360_ENGINE", "CUSTOMER360_KEEP", "SNOWFLAKE_", "APP_")):
                environment.delenv(name)
        yield


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give each test a home of its own."""
    monkeypatch.setenv("CUSTOMER360_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CUSTOMER360_ALERT_WEBHOOK", "")  # not even what .env says: nobody is told what tests break


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the real data; CUSTOMER360_DATA overrides ../shared/data."""
    folder = Path(os.environ.get("CUSTOMER360_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        skip_or_fail(f"the real data is not at {folder}; set CUSTOMER360_DATA")
    return folder


@pytest.fixture(scope="session")
def shared_tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of one run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


def publish(home: Path, dataset: str, source: Path) -> Workspace:
    """Load and build a dataset into ``home``; the workers of one run share the result."""
    workspace = Workspace(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "builds" / "current.json").exists():
            report = run_load(workspace, find_dataset(dataset), source)
            assert not report.refused
            run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    return workspace


@pytest.fixture(scope="session")
def online_retail_home(data_folder: Path, shared_tmp: Path) -> Path:
    """A published workspace of the whole of Online Retail."""
    return publish(shared_tmp / "online_retail", "online_retail", data_folder / "online_retail").home


@pytest.fixture(scope="session")
def cdnow_home(data_folder: Path, shared_tmp: Path) -> Path:
    """A published workspace of the whole of CDNOW."""
    return publish(shared_tmp / "cdnow", "cdnow", data_folder / "cdnow").home


@pytest.fixture(scope="session")
def small_bank_home(shared_tmp: Path) -> Path:
    """A published workspace of a small synthetic bank; its files lie beside it, in ``small_bank_files``."""
    files, home = shared_tmp / "small_bank_files", shared_tmp / "small_bank"
    with files.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "builds" / "current.json").exists():
            generate_bank(BankSpec(customers=400, transactions=40_000), files)
    return publish(home, "bank", files).home


@contextmanager
def quick_training() -> Iterator[None]:
    """Train as ever with fewer trees, inner folds, resamples and rows to weigh features on; all checks are made."""
    grown = {"small trees": Growth(4, 0.12, 120, 20), "larger trees": Growth(10, 0.08, 120, 20)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("customer360.churn.model.growths", lambda _rows: grown)
        patched.setattr("customer360.churn.model.INNER_FOLDS", 3)
        patched.setattr("customer360.churn.scoring.DRAWS", 300)
        patched.setattr("customer360.churn.holdout.SHUFFLINGS", 1)
        patched.setattr("customer360.churn.holdout.ROWS_TO_WEIGH", 300)
        yield


@pytest.fixture
def quick() -> Iterator[None]:
    """Train as the scored bank was trained."""
    with quick_training():
        yield


@dataclass(frozen=True)
class ScoredBank:
    """A bank with a model: the published build has its scores, and those of a day two months before as history."""

    workspace: Workspace
    version: str
    unscored: str
    """The build that the model learnt from, as of the same day as the published one."""
    earlier: str
    published: str
    value: str
    """Version of the value model."""
    trained: dict[str, Any]

    def folder(self, build_id: str) -> Path:
        return self.workspace.builds / build_id

    def copy(self, home: Path) -> ScoredBank:
        """Copy it whole, to change it."""
        shutil.copytree(self.workspace.home, home, ignore=shutil.ignore_patterns("store.db*"))
        return replace(self, workspace=Workspace(home))


EARLIER = date(2025, 8, 31)
"""A day of the bank old enough for the published build to know what became of its customers."""


@pytest.fixture(scope="session")
def scored_bank(shared_tmp: Path) -> ScoredBank:
    """A bank whose customers a model scored, made once for all workers."""
    home, made = shared_tmp / "scored_bank", shared_tmp / "scored_bank.json"
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            made.write_text(json.dumps(_score_bank(home)))
    return ScoredBank(Workspace(home), **json.loads(made.read_text()))


def _score_bank(home: Path) -> dict[str, Any]:
    files, workspace = home.with_name("scored_bank_files"), Workspace(home)
    generate_bank(BankSpec(customers=1800, transactions=80_000), files)
    run_load(workspace, find_dataset("bank"), files)
    settings = load(ResourceSettings), load(WorkspaceSettings)
    unscored = run_build(workspace, *settings)
    value = run_value_fit(workspace)
    assert value is not None
    with quick_training():
        training = run_training(workspace, seed=42)
    assert training is not None
    assert training.promoted
    version = training.trained.record.version
    earlier, published = run_build(workspace, *settings, as_of=EARLIER), run_build(workspace, *settings)
    builds = {"unscored": unscored.build_id, "earlier": earlier.build_id, "published": published.build_id}
    builds["value"] = value.version
    return builds | {"version": version, "trained": json.loads(json.dumps(training.as_dict(), default=str))}


@pytest.fixture(scope="session")
def messy(shared_tmp: Path) -> Workspace:
    """The workspace of the messy company, published once."""
    folder = shared_tmp / "messy"
    dataset, files = write_dataset(folder / "dataset"), write_files(folder / "files")
    return publish(folder / "home", str(dataset), files)


@pytest.fixture
def company(messy: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the messy company with its published build."""
    shutil.copytree(messy.home, tmp_path / "home", ignore=shutil.ignore_patterns("store.db*"))
    return Workspace(tmp_path / "home")


@pytest.fixture(
    scope="session", params=["duckdb", pytest.param("snowflake", marks=pytest.mark.xdist_group("snowflake"))]
)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that a test runs on, once each; Snowflake is the emulator."""
    return str(request.param)


Gap = Callable[[str, type[BaseException], str], None]


@pytest.fixture
def gap(request: pytest.FixtureRequest, engine: str) -> Gap:
    """Say that a test fails on one engine, by which error and why; should it pass one day, that is a failure."""

    def expect(of: str, raises: type[BaseException], reason: str) -> None:
        if engine == of:
            request.applymarker(pytest.mark.xfail(raises=raises, reason=reason, strict=True))

    return expect


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulator of Snowflake, once for each worker."""
    started = Emulator()
    started.start()
    yield started
    started.kill()


databases = itertools.count(1)
FILES_OF_BUILDS = (
    "0003_database_and_schemas",
    "0004_batches_and_builds",
    "0006_observability",
    "0007_bronze_tables",
    "0019_customers_of_apis",
    "0020_what_apis_say_of_customers",
    "0021_corrections",
    "0022_churn_scores",
    "0008_stages_and_formats",
    "0018_models_of_builds",
    "0023_more_models_of_builds",
)
"""The files of infra/snowflake that loads and builds need."""


def deployed(account: SnowflakeSettings, only: Collection[str] = ()) -> SnowflakeSettings:
    """Make the database of an account of the emulator ready; ``only`` these files of infra/snowflake."""
    target = Target(values_of(account, SnowflakeSetupSettings.model_construct()), emulator=True)
    deploy(lambda: open_session(account), target, only=only)
    return account


def account_on(emulator: Emulator) -> SnowflakeSettings:
    """Return settings that lead to the emulator, with a database that is not there yet."""
    place = {"host": "127.0.0.1", "port": emulator.port, "protocol": "http", "network_timeout": 5}
    person = {"account": "fakesnow", "user": "fake", "password": SecretStr("snow")}
    return load(SnowflakeSettings, **place, **person, database=f"COMPANY_{next(databases)}")


@pytest.fixture
def account(emulator: Emulator) -> SnowflakeSettings:
    """Settings that lead to the emulator, with a database that is not there yet."""
    return account_on(emulator)


def move(emulator: Emulator, published: Path, home: Path) -> Workspace:
    """Move a copy of a published workspace to the emulator; ``home`` is where the copy will be."""
    shutil.copytree(published, home, copy_function=os.link, ignore=shutil.ignore_patterns("store.db*"))
    account = deployed(account_on(emulator))
    migrate(Workspace(home), account, load(ResourceSettings), load(WorkspaceSettings))
    return Workspace(home, account)


@pytest.fixture(scope="session")
def online_retail_on_snowflake(
    emulator: Emulator, online_retail_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A workspace whose build of the whole of Online Retail is on the emulator."""
    return move(emulator, online_retail_home, tmp_path_factory.mktemp("snowflake") / "online_retail")


@pytest.fixture(scope="session")
def small_bank_on_snowflake(
    emulator: Emulator, small_bank_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A workspace whose build of the small synthetic bank is on the emulator."""
    return move(emulator, small_bank_home, tmp_path_factory.mktemp("snowflake") / "small_bank")


@pytest.fixture(scope="session")
def online_retail_workspace(engine: str, request: pytest.FixtureRequest) -> Workspace:
    """The whole of Online Retail, published on the engine under test."""
    return _on(engine, "online_retail", request)


@pytest.fixture(scope="session")
def small_bank_workspace(engine: str, request: pytest.FixtureRequest) -> Workspace:
    """A small synthetic bank, published on the engine under test."""
    return _on(engine, "small_bank", request)


def _on(engine: str, dataset: str, request: pytest.FixtureRequest) -> Workspace:
    """Return a dataset's workspace; Snowflake's is asked for by name, so that DuckDB's tests need not wait for it."""
    if engine == "duckdb":
        return Workspace(request.getfixturevalue(f"{dataset}_home"))
    found: Workspace = request.getfixturevalue(f"{dataset}_on_snowflake")
    return found


@pytest.fixture(scope="session")
def online_retail(online_retail_workspace: Workspace) -> Iterator[Reader]:
    """A reader of the published Online Retail."""
    reader = Reader.of(online_retail_workspace, load(QuerySettings), load(ResourceSettings))
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def messy_on_snowflake(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The messy company and the shop next door with builds on the emulator, published once for each worker."""
    folder = tmp_path_factory.mktemp("messy_on_snowflake")
    workspace = Workspace(folder / "home", deployed(account_on(emulator), FILES_OF_BUILDS))
    dataset = find_dataset(str(write_dataset(folder / "dataset")))
    assert not run_load(workspace, dataset, write_files(folder / "files")).refused
    ingest_neighbours(workspace, folder)
    run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    return workspace
