"""A model is told what makes questions mean two things; the shipped ones have no such fault."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from customer360.ask.checks import Fault, lint_model
from customer360.semantic import SemanticModel, load_model, parse_model
from customer360.workspace import Workspace
from tests.conftest import ROOT
from tests.semantic.answers import open_place

VALUES = {"venues.city": ("Rome", "Paris"), "venues.town": ("Rome", "Paris")}


def dimension(name: str, **parts: Any) -> dict[str, Any]:
    return {"name": name, "expr": name, "data_type": "VARCHAR", "description": "D."} | parts


def venues(*dimensions: dict[str, Any], **parts: Any) -> SemanticModel:
    table = {
        "name": "venues",
        "description": "One row per venue.",
        "base_table": {"database": "D", "schema": "GOLD", "table": "VENUES"},
        "primary_key": {"columns": ["venue_id"]},
        "dimensions": [dimension("venue_id"), *dimensions],
        "metrics": [{"name": "stores", "expr": "COUNT(*)", "description": "M.", "x_nl": {"data_type": "BIGINT"}}],
    }
    model = {key: parts.pop(key) for key in ("verified_queries",) if key in parts}
    glossary = {"ambiguous_terms": parts.pop("ambiguous_terms", [])}
    content = {"name": "small", "description": "Small.", "tables": [table | parts], "x_nl": glossary} | model
    return parse_model(yaml.safe_dump(content), source="small.yaml")


def codes(faults: list[Fault]) -> list[tuple[str, str, str]]:
    return [(one.severity, one.code, one.subject) for one in faults]


@pytest.mark.unit
def test_a_model_without_faults_has_none() -> None:
    assert lint_model(venues(dimension("city")), {"venues.city": ("Rome",)}) == []


@pytest.mark.unit
def test_a_phrase_with_two_targets_needs_an_entry_that_says_which() -> None:
    fields = dimension("city", synonyms=["quarters of rome"]), dimension("town", synonyms=["quarter of rome"])
    assert codes(lint_model(venues(*fields), {})) == [("fault", "two_targets", "quarter of rome")]
    meant = {"term": "quarter of rome", "options": [{"label": "City", "say": "city"}, {"label": "Town", "say": "town"}]}
    assert lint_model(venues(*fields, ambiguous_terms=[meant]), {}) == []


@pytest.mark.unit
def test_a_value_that_is_the_name_of_a_field_is_a_fault() -> None:
    [fault] = lint_model(venues(dimension("city"), dimension("kind")), {"venues.kind": ("city", "farm")})
    assert (fault.code, fault.subject, fault.severity) == ("two_targets", "city", "fault")
    assert "value city of venues.kind" in fault.message


@pytest.mark.unit
def test_fields_that_share_their_values_are_a_fault_and_a_value_that_two_happen_to_have_is_a_warning() -> None:
    same = lint_model(venues(dimension("city"), dimension("town")), VALUES)
    assert codes(same) == [("fault", "same_values", "venues.city and venues.town")]
    named = dimension("town", x_nl={"values_named_only": True})
    assert lint_model(venues(dimension("city"), named), VALUES) == []
    values = {"venues.city": ("Rome", "Paris", "Oslo", "Bonn"), "venues.owner": ("Rome", "Ann", "Bob", "Eve")}
    once = lint_model(venues(dimension("city"), dimension("owner")), values)
    assert codes(once) == [("warning", "value_of_two", "rome")]


@pytest.mark.unit
def test_a_word_of_the_grammar_is_a_warning_where_the_model_wins_and_a_fault_where_nothing_does() -> None:
    found = lint_model(venues(dimension("city", synonyms=["trend"])), {})
    assert codes(found) == [("warning", "grammar_word", "trend")]
    flag = dimension("is_recent", data_type="BOOLEAN")
    assert codes(lint_model(venues(flag), {})) == [("fault", "grammar_word", "recent")]


@pytest.mark.unit
def test_another_name_of_a_value_that_no_row_has_is_a_warning() -> None:
    field = dimension("city", x_nl={"value_aliases": {"Roma": ["Rome"], "Lutetia": ["Lutece"]}})
    found = lint_model(venues(field), {"venues.city": ("Rome", "Paris")})
    assert codes(found) == [("warning", "idle_alias", "venues.city=Lutetia")]


@pytest.mark.unit
def test_what_a_table_shows_and_does_must_exist() -> None:
    shown = {"row_fields": ["venue_id", "nowhere"], "size_field": "none", "activity": "sales"}
    assert codes(lint_model(venues(x_nl=shown), {})) == [
        ("fault", "unknown_row_field", "venues.none"),
        ("fault", "unknown_row_field", "venues.nowhere"),
        ("fault", "unreachable_activity", "venues"),
    ]


@pytest.mark.unit
def test_a_verified_query_that_is_not_answered_is_a_fault() -> None:
    queries = [{"name": f"q{n}", "question": f"Question {n}?", "sql": "SELECT 1"} for n in (1, 2)]
    model = venues(verified_queries=queries)
    assert lint_model(model, {}) == []
    found = lint_model(model, {}, answers=lambda question: "1" in question)
    assert codes(found) == [("fault", "unanswered", "q2")]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["customer_analytics", "operations"])
def test_the_shipped_models_have_no_faults_on_a_published_build(
    name: str, small_bank_home: Path, tmp_path: Path
) -> None:
    definition = load_model(ROOT / "semantic" / f"{name}.yaml").definition
    [path] = Workspace(small_bank_home).builds.glob("*/warehouse.duckdb")
    place = open_place(Path(shutil.copy(path, tmp_path)), definition)
    model = SemanticModel(definition)

    def answers(question: str) -> bool:
        return place.engine.read(question).status == "answer"

    assert place.model.items == model.items
    assert [one for one in lint_model(model, place.engine.values, answers=answers) if one.severity == "fault"] == []
    place.warehouse.close()
