"""Ossie in each of its versions, and what stands in the extensions of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from customer360.errors import InvalidDefinition
from customer360.semantic import Kind, load_model
from customer360.semantic.exporting import Format, export
from customer360.semantic.importing import Import, import_model
from customer360.settings import semantic_model_file
from customer360.warehouse import DuckDBWarehouse
from tests.semantic.importing.conftest import HERE

pytestmark = pytest.mark.unit

OLD = HERE / "ossie_0_1_1.yaml"


def imported(tmp_path: Path, content: Any, warehouse: DuckDBWarehouse | None = None) -> Import:
    path = tmp_path / "given.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return import_model(path, warehouse=warehouse)


def test_the_model_may_stand_at_the_top_of_the_document(tmp_path: Path) -> None:
    document = yaml.safe_load(OLD.read_text(encoding="utf-8"))
    found = imported(tmp_path, {"version": "0.2.0.dev0", **document["semantic_model"][0]})
    assert found.model == import_model(OLD).model
    assert "datasets.recent" in [loss.path for loss in found.losses]


def test_types_of_the_newer_version_are_taken(tmp_path: Path) -> None:
    document = yaml.safe_load(OLD.read_text(encoding="utf-8"))
    [orders, *_] = document["semantic_model"][0]["datasets"]
    types = {"order_id": "Integer", "channel": "String", "ordered_on": "DateTime", "shipping_fee": "Decimal"}
    for field in orders["fields"]:
        if field["name"] in types:
            field["datatype"] = types[field["name"]]
    found = {item.name: item for item in imported(tmp_path, document).model.items if item.table == "orders"}
    assert {name: found[name].data_type for name in types} == {
        "order_id": "BIGINT",
        "channel": "VARCHAR",
        "ordered_on": "TIMESTAMP",
        "shipping_fee": "DOUBLE",
    }
    assert found["shipping_fee"].kind is Kind.FACT


def test_the_database_tells_the_types_that_the_older_version_lacks(shop_warehouse: DuckDBWarehouse) -> None:
    found = import_model(OLD, warehouse=shop_warehouse)
    types = {item.full_name: item.data_type for item in found.model.items}
    assert types["orders.ordered_on"] == "DATE"
    assert types["order_items.revenue"] == "DECIMAL(38,2)"
    assert [loss for loss in found.losses if loss.feature == "data_type"] == []


def test_our_extension_brings_back_what_no_other_tool_reads(tmp_path: Path) -> None:
    own = load_model(semantic_model_file("customer_analytics"))
    path = tmp_path / "exported.yaml"
    path.write_text(export(own, Format.OSSIE).text, encoding="utf-8")
    back = import_model(path).model
    assert back.definition.x_nl == own.definition.x_nl
    units = {item.full_name: (item.unit, item.label) for item in own.items if item.table}
    found = {item.full_name: (item.unit, item.label) for item in back.items}
    assert {name: found[name] for name in units} == units


def test_an_extension_of_ours_that_does_not_fit_is_reported(tmp_path: Path) -> None:
    document = yaml.safe_load(OLD.read_text(encoding="utf-8"))
    extension = {"vendor_name": "CUSTOMER360", "data": '{"x_nl": {"unit": "bananas"}}'}
    document["semantic_model"][0]["metrics"][0]["custom_extensions"] = [extension]
    [loss] = [one for one in imported(tmp_path, document).losses if one.feature == "x_nl"]
    assert loss.path == "semantic_model.shop_analytics.metrics.revenue.x_nl"
    assert "unit" in loss.reason


def test_columns_that_do_not_pair_are_refused(tmp_path: Path) -> None:
    document = yaml.safe_load(OLD.read_text(encoding="utf-8"))
    document["semantic_model"][0]["relationships"][0]["to_columns"] = ["order_id", "line_no"]
    with pytest.raises(InvalidDefinition, match="to_columns has to have as many columns as from_columns"):
        imported(tmp_path, document)
