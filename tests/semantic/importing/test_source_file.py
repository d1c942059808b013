"""A file that is no model, or means harm, is refused by name, place and value, with what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from customer360.errors import InvalidDefinition, NotFound
from customer360.semantic.importing import SourceFormat, import_model
from tests.semantic.importing.conftest import MANIFEST, SHOP

pytestmark = pytest.mark.unit

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
TABLE = "{name: t, base_table: {database: d, schema: s, table: t}, primary_key: {columns: [i]}}"
SCHEMA = "tables: [{name: t, base_table: {database: d, table: t}}]"
TWICE = f"tables: [{TABLE}, {TABLE.replace('name: t', 'name: T', 1)}]"
BAD: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "is empty"),
    "blank": (" \n ", "is empty"),
    "binary": (b"\x80\x81\xff\x00" * 50, "is no text of UTF-8"),
    "text": ("hello", "is a text and no mapping"),
    "list": ("[1, 2]", "is a list and no mapping"),
    "not yaml": ("tables: [", "is not valid YAML"),
    "not json": ('{"tables": [}', "is not valid YAML"),
    "key twice": ("tables: []\ntables: []", "key 'tables' is given twice"),
    "json key twice": ('{"tables": [], "tables": []}', "gives the key 'tables' twice"),
    "key that is a list": ("? [a, b]\n: c\ntables: []", "unhashable key"),
    "bomb": (BOMB + "tables: [*h]", "with its aliases written out"),
    "holds itself": ("a: &a [*a]\ntables: []", "holds itself"),
    "too deep": ("[" * 3000, "nested too deeply"),
    "object": ('!!python/object/apply:os.system ["id"]', "could not determine a constructor"),
    "no such day": ("tables: []\nday: 2024-13-45", "month must be in 1..12"),
    "no format": ("cubes: []", "is of no format that can be imported"),
    "no tables": ("name: x\ntables: []", "it has no tables"),
    "tables are a text": ("tables: abc", r"tables has to be a list, not 'abc'"),
    "a table is a text": ("tables: [abc]", r"tables has to be a list of mappings, not 'abc'"),
    "a table without a name": ("tables: [{description: d}]", r"tables.1.name is needed here"),
    "no schema": (SCHEMA, r"tables.t.base_table.schema is needed here"),
    "names twice": (TWICE, r"tables has the name 't' 2 times"),
    "dbt's yaml": ("semantic_models: [{name: a, model: ref('a')}]", r"semantic_models.a.node_relation is needed here"),
    "two models": ("semantic_model: [{name: a}, {name: b}]", "has to hold one model"),
}


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_it_is_refused_with_its_name_and_what_to_do(content: bytes | str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "given.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidDefinition, match=said) as caught:
        import_model(path)
    assert str(path) in caught.value.message
    assert caught.value.next_action


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nothing\.yaml does not exist"):
        import_model(tmp_path / "nothing.yaml")
    with pytest.raises(InvalidDefinition, match="cannot be read"):
        import_model(tmp_path)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("name: " + "x" * 1_000_000, encoding="utf-8")
    with pytest.raises(InvalidDefinition, match="larger than 1 MB"):
        import_model(path)
    path.write_text("{" + " " * 20_000_001, encoding="utf-8")
    with pytest.raises(InvalidDefinition, match="larger than 20 MB"):
        import_model(path)


def test_aliases_that_people_write_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "aliases.yaml"
    text = SHOP.read_text(encoding="utf-8").replace(
        "primary_key: {columns: [ORDER_ID]}", "primary_key: &id {columns: [ORDER_ID]}"
    )
    path.write_text(text.replace("columns: [PRODUCT_ID]", "columns: [PRODUCT_ID], x: *id"), encoding="utf-8")
    found = import_model(path)
    assert found.model == import_model(SHOP).model
    assert "tables.PRODUCTS.primary_key.x" in [loss.path for loss in found.losses]


def test_a_relationship_to_an_unknown_table_is_refused_with_what_may_be_meant(tmp_path: Path) -> None:
    path = tmp_path / "typo.yaml"
    path.write_text(SHOP.read_text(encoding="utf-8").replace("right_table: PRODUCTS", "right_table: PRODUCT"))
    with pytest.raises(InvalidDefinition, match=r"relationships.ITEMS_TO_PRODUCTS relates 'product'") as caught:
        import_model(path)
    assert "'products'" in caught.value.next_action


def test_what_is_read_as_another_format_is_refused(tmp_path: Path) -> None:
    for path, source in ((SHOP, SourceFormat.DBT), (SHOP, SourceFormat.OSSIE), (MANIFEST, SourceFormat.SNOWFLAKE)):
        with pytest.raises(InvalidDefinition, match=re.escape(str(path))):
            import_model(path, source)


def test_json_is_as_good_as_yaml(tmp_path: Path) -> None:
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(yaml.safe_load(SHOP.read_text(encoding="utf-8"))), encoding="utf-8")
    assert import_model(path).model == import_model(SHOP).model
