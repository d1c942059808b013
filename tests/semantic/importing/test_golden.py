"""What becomes of the shop's models, to the letter, and exactly what of them does not arrive."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from customer360.semantic import parse_model
from customer360.semantic.importing import Import, Loss, SourceFormat, import_model
from tests.semantic.importing.conftest import HERE, MANIFEST, SHOP

pytestmark = pytest.mark.unit

GOLDEN = HERE / "golden"
OSSIE = HERE / "ossie_0_1_1.yaml"
ALONE = {"shop_alone": SHOP, "dbt_alone": MANIFEST, "ossie_alone": OSSIE}


def golden_losses(name: str) -> list[Loss]:
    golden = yaml.safe_load((GOLDEN / "losses.yaml").read_text(encoding="utf-8"))[name]
    return [
        Loss(path, feature, reason)
        for reason, places in golden.items()
        for path, _, feature in (place.partition(" | ") for place in places)
    ]


def by_path(losses: list[Loss]) -> list[Loss]:
    return sorted(losses, key=lambda loss: loss.path)


@pytest.mark.parametrize("name", ["shop", "dbt_shop"])
def test_the_model_and_its_losses_are_the_golden_ones(name: str, request: pytest.FixtureRequest) -> None:
    imported: Import = request.getfixturevalue(name)
    assert imported.text == (GOLDEN / f"{name}.yaml").read_text(encoding="utf-8")
    assert by_path(list(imported.losses)) == by_path(golden_losses(name))


@pytest.mark.parametrize(("name", "path"), ALONE.items())
def test_without_a_database_the_losses_are_the_golden_ones(name: str, path: Path) -> None:
    imported = import_model(path)
    assert by_path(list(imported.losses)) == by_path(golden_losses(name))


@pytest.mark.parametrize("path", ALONE.values())
def test_no_two_losses_share_a_place(path: Path) -> None:
    times = Counter(loss.path for loss in import_model(path).losses)
    assert [place for place, n in times.items() if n > 1] == []


@pytest.mark.parametrize("path", ALONE.values())
def test_the_text_is_a_model_that_says_the_same_when_it_is_imported_again(path: Path, tmp_path: Path) -> None:
    imported = import_model(path)
    again = tmp_path / "again.yaml"
    again.write_text(imported.text, encoding="utf-8")
    assert parse_model(imported.text) == imported.model
    assert import_model(again, SourceFormat.SNOWFLAKE).model == imported.model


@pytest.mark.parametrize(
    ("path", "found"), [(SHOP, SourceFormat.SNOWFLAKE), (MANIFEST, SourceFormat.DBT), (OSSIE, SourceFormat.OSSIE)]
)
def test_the_format_is_told_from_the_content(path: Path, found: SourceFormat) -> None:
    assert import_model(path).format is found
