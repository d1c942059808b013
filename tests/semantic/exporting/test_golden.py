"""The small model in every format, to the letter, with exactly what is lost there."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from customer360.semantic import SemanticModel
from customer360.semantic.exporting import Format, Loss, export

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parent / "golden"
FILES = {Format.SNOWFLAKE: "snowflake.yaml", Format.SEMANTIC_VIEW: "semantic_view.sql", Format.OSSIE: "ossie.yaml"}


@pytest.mark.parametrize("target", Format)
def test_the_text_is_the_golden_one(small: SemanticModel, target: Format) -> None:
    assert export(small, target).text == (GOLDEN / FILES[target]).read_text(encoding="utf-8")


@pytest.mark.parametrize("target", Format)
def test_the_losses_are_exactly_the_golden_ones(small: SemanticModel, target: Format) -> None:
    golden = yaml.safe_load((GOLDEN / "losses.yaml").read_text(encoding="utf-8"))[target.value]
    expected = [
        Loss(path, feature, reason)
        for reason, places in golden.items()
        for path, _, feature in (place.partition(" | ") for place in places)
    ]
    found = export(small, target).losses
    assert sorted(found, key=lambda loss: loss.path) == sorted(expected, key=lambda loss: loss.path)


@pytest.mark.parametrize("target", Format)
def test_every_loss_has_a_path_of_its_own_and_a_reason(either: SemanticModel, target: Format) -> None:
    losses = export(either, target).losses
    assert len({loss.path for loss in losses}) == len(losses)
    assert all(loss.path and loss.feature and loss.reason.endswith(".") for loss in losses)


@pytest.mark.parametrize("target", Format)
def test_an_export_does_not_change_the_model_and_is_the_same_again(small: SemanticModel, target: Format) -> None:
    before = small.definition.model_dump()
    first, second = (export(small, target) for _ in range(2))
    assert first == second
    assert small.definition.model_dump() == before


@pytest.mark.parametrize("target", Format)
def test_the_tables_may_be_in_another_database(small: SemanticModel, target: Format) -> None:
    text = export(small, target, database="ELSEWHERE").text
    assert "CUSTOMER_ANALYTICS" not in text
    assert text.count("ELSEWHERE") == len(small.tables)


def test_golden_files_are_all_read() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {*FILES.values(), "losses.yaml"}
    assert all((GOLDEN / name).stat().st_size for name in itertools.chain(FILES.values(), ["losses.yaml"]))
