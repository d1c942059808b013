"""Nothing of the canonical file is dropped in silence: what an exporter does not take is a loss."""

from __future__ import annotations

import pytest
import yaml

from customer360.errors import InvalidDefinition
from customer360.semantic import SemanticModel, parse_model
from customer360.semantic.exporting import Format, Loss, export
from customer360.semantic.exporting.parts import read_parts
from customer360.semantic.parts import Part, reasons

pytestmark = pytest.mark.unit

REASON = reasons({"x_nl": "Ours.", "x_nl.unit": "Units."}, "Unknown.")


def test_what_nobody_takes_is_lost() -> None:
    part = Part({"name": "a", "new_key": [1, 2], "x_nl": {"unit": "count", "newer": 1}, "x_other": {"deep": {}}})
    assert part.take("name") == "a"
    assert list(part.losses(REASON)) == [
        Loss("new_key", "new_key", "Unknown."),
        Loss("x_nl.unit", "x_nl.unit", "Units."),
        Loss("x_nl.newer", "x_nl.newer", "Ours."),
        Loss("x_other.deep", "x_other.deep", "Unknown."),
    ]


def test_named_things_are_lost_one_by_one_and_a_repeated_name_has_a_path_of_its_own() -> None:
    part = Part({"queries": [{"name": "a", "sql": "1"}, {"name": "a", "sql": "2"}, {"name": "b", "sql": "3"}]}, "x")
    assert [loss.path for loss in part.losses(REASON)] == ["x.queries.a", "x.queries.a#2", "x.queries.b"]


def test_what_is_inside_a_part_is_lost_with_its_path() -> None:
    part = Part({"tables": [{"name": "a", "x_nl": {"unit": "count"}}], "modules": {"one": 1, "two": 2}})
    [table] = part.parts("tables")
    assert table.take("name") == "a"
    assert part.part("modules").take("one") == 1
    assert [(loss.path, loss.feature) for loss in part.losses(REASON)] == [
        ("tables.a.x_nl.unit", "x_nl.unit"),
        ("modules.two", "modules.two"),
    ]
    assert part.left() == {"modules": {"two": 2}}


def test_what_says_more_than_is_known_is_reported() -> None:
    known, more = ({"columns": [{"left": "a", **one}]} for one in ({}, {"type": "asof"}))
    for content, lost in ((known, []), (more, ["columns"])):
        part = Part(content)
        assert part.take_known("columns", "left") == content["columns"]
        assert part.take_known("none", "left") == ()
        assert [loss.path for loss in part.losses(REASON)] == lost


def test_a_part_may_be_lost_as_a_whole() -> None:
    part = Part({"metrics": [{"name": "m", "expr": "x", "x_nl": {"unit": "count"}}]})
    [metric] = part.parts("metrics")
    metric.lose_all("metrics", "Because.")
    assert list(part.losses(REASON)) == [Loss("metrics.m", "metrics", "Because.")]


def test_defaults_of_the_file_format_are_nothing_to_lose(small: SemanticModel) -> None:
    assert "custom_instructions" in read_parts(small.definition)
    [_, orders] = read_parts(small.definition).parts("tables")
    assert "synonyms" not in orders
    assert "x_nl" not in orders


@pytest.mark.parametrize("target", [Format.SNOWFLAKE, Format.SEMANTIC_VIEW])
def test_a_name_that_snowflake_reserves_is_refused(small: SemanticModel, target: Format) -> None:
    content = yaml.safe_load(small.definition.model_dump_json(by_alias=True))
    content["tables"][1]["dimensions"][1]["name"] = "Values"
    with pytest.raises(InvalidDefinition, match=r"'Values' is a reserved word of Snowflake") as caught:
        export(parse_model(yaml.safe_dump(content)), target)
    assert "Rename" in caught.value.next_action
