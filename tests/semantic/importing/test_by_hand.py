"""What docs/semantic-imports.md says to add by hand makes questions understood that were not before."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from customer360.ask import Answer, Conversation, open_source
from customer360.semantic import Figures
from customer360.semantic.definition import parse_definition
from customer360.semantic.importing import Import
from tests.conftest import ROOT

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "semantic-imports.md").read_text(encoding="utf-8")
Said = dict[str, Any]
Ask = Callable[..., Answer]


@pytest.fixture
def ask(shop: Import, shop_database: Path, tmp_path: Path) -> Ask:
    """Ask the shop by its imported model with something added: to a thing by ``table.name``, a table, or all."""
    content = yaml.safe_load(shop.text)
    copy = tmp_path / "online.duckdb"
    copy.write_bytes(shop_database.read_bytes())

    def run(question: str, **added: Said) -> Answer:
        for place, block in added.items():
            owner = _find(content, place)
            owner["x_nl"] = owner.get("x_nl", {}) | block
        definition = parse_definition(yaml.safe_dump(content), source="by hand")
        with open_source(copy, definition, figures=Figures("EUR", "en_US")) as source:
            return Conversation(source, suggest=False).ask(question)

    return run


def _find(content: Said, place: str) -> Said:
    table, _, name = place.partition("__")
    if table == "model":
        return content
    found: Said = next(one for one in content["tables"] if one["name"] == table)
    kinds = ("dimensions", "time_dimensions", "facts", "metrics")
    return found if not name else next(one for kind in kinds for one in found.get(kind, ()) if one["name"] == name)


def example(key: str) -> Said:
    """Return the example that the page gives for a key."""
    row = next(line for line in PAGE.splitlines() if line.startswith("|") and f"| `x_nl: {{{key}" in line)
    [text] = re.findall(r"`(x_nl: .*?)` \|", row)
    found: Said = yaml.safe_load(text)["x_nl"]
    return found


def test_a_unit_writes_amounts(ask: Ask) -> None:
    assert "€" in ask("total revenue", order_items__revenue=example("unit")).text


def test_adjectives_compare(ask: Ask) -> None:
    block = example("more")
    assert ask("which product is the most expensive", products__list_price=block).status == "answer"
    assert ask("products cheaper than 20", products__list_price=block).result is not None


def test_verbs_mean_a_metric(ask: Ask) -> None:
    question = "which shoppers spent the most"
    assert ask(question).status == "refuse"
    answer = ask(question, order_items__revenue=example("verb_phrases"))
    assert answer.result is not None
    assert "revenue" in answer.result.table.column_names


def test_values_have_other_names(ask: Ask) -> None:
    assert ask("how many shoppers live in DE").status == "refuse"
    [(code, names)] = example("value_aliases")["value_aliases"].items()
    aliases = {"value_aliases": {code: names}}
    answer = ask("how many shoppers live in DE", shoppers__country=aliases)
    assert answer.result is not None
    assert answer.result.table.to_pylist() == [{"shopper_count": 18}]


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("values_named_only", "orders__status"),
        ("default_time_dimension", "order_items"),
        ("activity", "shoppers"),
        ("row_fields", "orders"),
        ("size_field", "orders"),
    ],
)
def test_every_other_example_fits_the_shop(key: str, place: str, ask: Ask) -> None:
    assert ask("orders by status", **{place: example(key)}).status == "answer"


def test_the_largest_order_is_found(ask: Ask) -> None:
    answer = ask("what was the largest order", orders=example("size_field"))
    assert answer.result is not None
    assert answer.result.table.num_rows == 1


def test_words_that_mean_two_things_are_asked_back_and_what_is_missing_is_said(ask: Ask) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    added = yaml.safe_load(block)["x_nl"]
    answer = ask("total value by category", model=added)
    assert (answer.status, [one.label for one in answer.options]) == ("clarify", ["Revenue", "List price"])
    assert "nothing about staff" in ask("what is the salary of the staff", model=added).text
