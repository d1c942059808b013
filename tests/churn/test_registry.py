"""The registry of models: whole or not at all, never read where damaged, one pointer with a way back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from customer360.churn import registry as module
from customer360.churn.fitted import FittedModel, without_rows
from customer360.churn.registry import ModelRecord, Registry, library_versions, new_version
from customer360.churn.scores import score_customers
from customer360.clock import fixed
from customer360.errors import Conflict, NotFound, WorkspaceBusy
from customer360.workspace import Workspace, locked
from tests.churn.drawn import draw_table

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.88")]
FIGURE = {"estimate": 0.8, "interval": [0.7, 0.9]}


def record(version: str, **fields: object) -> ModelRecord:
    said = ModelRecord(
        version=version,
        engine="LightGBM",
        trained_at="2025-11-01T00:00:00+00:00",
        build_id="b1",
        as_of_date="2025-10-31",
        cutoff_date="2025-09-01",
        seed=1,
        rows=800,
        holdout_rows=400,
        metrics={"auc": FIGURE},
        libraries=library_versions(),
    )
    return replace(said, **fields)  # type: ignore[arg-type]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(Workspace(tmp_path / "home"))


@pytest.fixture
def model(fitted: FittedModel) -> FittedModel:
    return without_rows(fitted)


def add(registry: Registry, model: FittedModel, version: str, **fields: object) -> ModelRecord:
    return registry.add(record(version, **fields), model, "<html></html>", {"version": version})


@pytest.mark.contract("S3.83")
def test_a_version_is_read_as_it_was_kept(registry: Registry, model: FittedModel) -> None:
    kept = add(registry, model, "churn_1")
    assert registry.get("churn_1") == kept
    assert registry.card("churn_1").read_text() == "<html></html>"
    assert json.loads(registry.card("churn_1").with_suffix(".json").read_text()) == {"version": "churn_1"}
    table = draw_table(20)
    one, other = (score_customers(found, "churn_1", table)[0] for found in (model, registry.load("churn_1")))
    assert one.equals(other)


@pytest.mark.contract("S3.83")
def test_the_same_model_is_the_same_bytes(registry: Registry, model: FittedModel) -> None:
    checksums = {add(registry, model, f"churn_{number}").artefact_sha256 for number in range(2)}
    assert len(checksums) == 1


def test_an_artefact_holds_nothing_of_the_customers_learnt_from(model: FittedModel) -> None:
    assert all(len(member.margins) == 0 for member in model.model.members.values())


@pytest.mark.parametrize("broken", ["write_json", "hash_file", "sync"])
def test_a_version_that_was_not_written_whole_does_not_exist(
    registry: Registry, model: FittedModel, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, broken, die)
    with pytest.raises(KeyboardInterrupt):
        add(registry, model, "churn_1")
    monkeypatch.undo()
    assert registry.list() == []
    assert list(registry.folder.iterdir()) == []


def test_what_a_killed_process_left_is_no_version(registry: Registry, model: FittedModel) -> None:
    add(registry, model, "churn_1")
    (registry.folder / "churn_1").rename(registry.folder / ".churn_1")
    assert registry.list() == []
    with pytest.raises(NotFound):
        registry.get(".churn_1")
    registry.folder.joinpath(".champion.json.1.tmp").touch()
    add(registry, model, "churn_2")
    assert sorted(path.name for path in registry.folder.iterdir()) == [".champion.json.1.tmp", "churn_2"]


def test_what_another_process_is_writing_is_not_swept(registry: Registry, model: FittedModel) -> None:
    registry.folder.joinpath(".churn_1").mkdir(parents=True)
    with locked(registry.folder, exclusive=True), pytest.MonkeyPatch.context() as impatient:
        impatient.setattr(module, "LOCK_WAIT_SECONDS", 0.1)
        with pytest.raises(WorkspaceBusy, match="keeping a model"):
            add(registry, model, "churn_2")
    assert [path.name for path in registry.folder.iterdir()] == [".churn_1"]


@pytest.mark.parametrize("asked", ["churn_9", "", "../churn_1", "churn_1/."])
def test_an_unknown_version_is_not_found_and_a_near_one_is_named(
    registry: Registry, model: FittedModel, asked: str
) -> None:
    add(registry, model, "churn_1")
    with pytest.raises(NotFound) as refused:
        registry.get(asked)
    assert refused.value.code == "model_not_found"
    if asked == "churn_9":
        assert "churn_1" in refused.value.next_action


def test_a_damaged_artefact_is_never_read(registry: Registry, model: FittedModel) -> None:
    add(registry, model, "churn_1")
    registry.promote("churn_1")
    path = registry.folder / "churn_1" / "model.pkl"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Conflict, match="checksum differs") as refused:
        registry.load("churn_1")
    assert refused.value.code == "artefact_damaged"
    with pytest.raises(Conflict, match="checksum differs"):
        registry.load_champion()
    path.unlink()
    with pytest.raises(Conflict):
        registry.load("churn_1")


def test_an_artefact_of_other_libraries_is_never_read(registry: Registry, model: FittedModel) -> None:
    add(registry, model, "churn_1", libraries=library_versions() | {"numpy": "1.0"})
    with pytest.raises(Conflict, match="other versions of") as refused:
        registry.load("churn_1")
    assert refused.value.code == "model_outdated"


def test_versions_are_promoted_retired_and_brought_back(registry: Registry, model: FittedModel) -> None:
    for version in ("churn_1", "churn_2", "churn_3"):
        add(registry, model, version)
    clock = fixed(datetime(2025, 11, 1, tzinfo=UTC))
    assert registry.champion().version is None
    registry.promote("churn_1", clock)
    champion = registry.promote("churn_2", clock)
    assert (champion.version, champion.promoted_at, champion.before) == (
        "churn_2",
        "2025-11-01T00:00:00+00:00",
        ("churn_1",),
    )
    assert registry.promote("churn_2", clock) == champion  # again is nothing new
    assert {kept.version: kept.status for kept in registry.list()} == {
        "churn_3": "candidate",
        "churn_2": "champion",
        "churn_1": "retired",
    }
    assert registry.roll_back(clock).version == "churn_1"
    assert registry.get("churn_2").status == "candidate"
    with pytest.raises(Conflict, match="no model before"):
        registry.roll_back()


def test_a_refused_version_is_never_promoted(registry: Registry, model: FittedModel) -> None:
    add(registry, model, "churn_1", refused_because=["age alone tells who left"])
    assert registry.get("churn_1").status == "refused"
    with pytest.raises(Conflict, match="age alone tells who left") as refused:
        registry.promote("churn_1")
    assert refused.value.code == "model_refused"
    assert registry.champion().version is None


def test_a_damaged_version_is_neither_promoted_nor_gone_back_to(registry: Registry, model: FittedModel) -> None:
    for version in ("churn_1", "churn_2"):
        add(registry, model, version)
        registry.promote(version)
    (registry.folder / "churn_1" / "model.pkl").write_bytes(b"")
    with pytest.raises(Conflict, match="checksum"):
        registry.roll_back()
    with pytest.raises(Conflict, match="checksum"):
        registry.promote("churn_1")
    assert registry.champion().version == "churn_2"


def test_without_a_promoted_model_the_command_that_makes_one_is_named(registry: Registry) -> None:
    with pytest.raises(NotFound) as refused:
        registry.load_champion()
    assert (refused.value.code, "churn train" in refused.value.next_action) == ("no_model", True)


def test_names_of_versions_are_in_the_order_of_time() -> None:
    days = [new_version(fixed(datetime(2025, 11, day, tzinfo=UTC))) for day in (1, 2, 30)]
    assert days == sorted(days)
    assert days[0].startswith("churn_20251101t000000_")
