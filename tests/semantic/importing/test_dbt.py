"""The semantic manifest of dbt: its shape is dbt's own, and its metrics give what MetricFlow's would."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dbt_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest

from customer360.errors import InvalidDefinition
from customer360.semantic import build_query, run_query
from customer360.semantic.importing import Import, import_model
from customer360.warehouse import DuckDBWarehouse
from tests.semantic.importing.conftest import MANIFEST

pytestmark = pytest.mark.unit

Change = Callable[[dict[str, Any]], None]


def changed(tmp_path: Path, change: Change) -> Import:
    content = json.loads(MANIFEST.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "semantic_manifest.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return import_model(path)


def test_the_manifest_is_what_dbt_itself_reads() -> None:
    parsed = PydanticSemanticManifest.parse_raw(MANIFEST.read_text(encoding="utf-8"))
    assert len(parsed.semantic_models) == 4
    assert {metric.type.value for metric in parsed.metrics} == {
        *("simple", "ratio", "derived", "cumulative", "conversion")
    }


REVENUE = "sum(quantity * unit_price * (1 - discount))"
NUMBERS = {
    "orders_placed": "SELECT count(*) FROM shop.orders",
    "total_shipping": "SELECT sum(shipping_fee) FROM shop.orders",
    "average_shipping": "SELECT avg(shipping_fee) FROM shop.orders",
    "dear_shipping": "SELECT quantile_disc(shipping_fee, 0.9) FROM shop.orders",
    "shoppers_known": "SELECT count(DISTINCT shopper_id) FROM shop.shoppers",
    "median_birth_year": "SELECT median(birth_year) FROM shop.shoppers",
    "returned_orders": "SELECT count(*) FROM shop.orders WHERE status = 'returned'",
    "web_orders": "SELECT count(*) FROM shop.orders WHERE channel = 'web'",
    "orders_since_june": "SELECT count(*) FROM shop.orders WHERE ordered_on >= '2024-06-01'",
    "total_revenue": f"SELECT {REVENUE} FROM shop.order_items",
    "buyers": "SELECT count(DISTINCT shopper_id) FROM shop.orders",
    "web_share": "SELECT count(*) FILTER (channel = 'web') / count(*) FROM shop.orders",
    "store_share": "SELECT count(*) FILTER (channel = 'store') / count(*) FROM shop.orders",
    "revenue_per_order": f"SELECT {REVENUE} / 500 FROM shop.order_items",
    "shipping_in_percent": f"SELECT (SELECT 1e2 * sum(shipping_fee) FROM shop.orders)/{REVENUE} FROM shop.order_items",
}


@pytest.mark.parametrize(("metric", "sql"), NUMBERS.items())
def test_a_metric_gives_the_number_of_its_definition(
    metric: str, sql: str, dbt_shop: Import, shop_warehouse: DuckDBWarehouse
) -> None:
    query = build_query(metrics=[metric])
    answer = run_query(shop_warehouse, dbt_shop.model, query, build_id="b", as_of_date=date(2024, 12, 20), timeout=30)
    [row], [[expected]] = answer.table.to_pylist(), shop_warehouse.query(sql).to_pandas().to_numpy().tolist()
    assert float(row[metric]) == pytest.approx(float(expected))


def test_dates_are_of_the_grain_that_dbt_gives_them(dbt_shop: Import) -> None:
    items = {item.full_name: item for item in dbt_shop.model.items}
    assert items["order_items.item_date"].expression.sql("duckdb") == "CAST(shipped_on AS DATE)"
    assert items["order_items.item_date"].data_type == "DATE"
    assert items["orders.ordered_on"].expression.sql("duckdb") == "ordered_on"


def test_entities_are_keys_and_relationships(dbt_shop: Import) -> None:
    found = {(one.left_table, one.right_table) for one in dbt_shop.model.definition.relationships}
    assert found == {("orders", "shoppers"), ("order_items", "orders"), ("order_items", "products")}
    assert dbt_shop.model.tables["shoppers"].primary_key == ("shopper_id",)


def test_a_composite_filter_and_its_spellings_are_understood(tmp_path: Path) -> None:
    spelled = (
        "{{ Dimension('order__channel') }} = 'web' and {{ Entity('shopper') }} > 10",
        "{{Dimension( \"order__status\" )}} in ('completed')",
        "{{ TimeDimension('order__ordered_on', 'day') }} > '2024-01-01'",
        "{{ Dimension('metric_time').grain('month') }} = '2024-01-01'",
    )
    for text in spelled:

        def filtered(content: dict[str, Any], text: str = text) -> None:
            content["metrics"][0]["filter"] = {"where_filters": [{"where_sql_template": text}]}

        found = changed(tmp_path, filtered)
        assert [loss.path for loss in found.losses if loss.path == "metrics.orders_placed"] == [], text
        metric = next(item for item in found.model.items if item.name == "orders_placed")
        assert "CASE WHEN" in metric.expression.sql("duckdb")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ Dimension('shopper__country') }} = 'Spain'", "Its filter reads country of shopper"),
        ("{{ Dimension('order__shopper__country') }} = 'Spain'", "Its filter reads country of order__shopper"),
        ("{{ Metric('total_revenue', ['shopper']) }} > 1", "more than conditions"),
        ("{{ Dimension('order__nothing') }} = 1", "is no dimension"),
        ("{% if x %} 1 = 1 {% endif %}", "more than conditions"),
    ],
)
def test_a_filter_that_is_not_understood_costs_the_metric_and_what_it_makes(
    text: str, reason: str, tmp_path: Path
) -> None:
    def filtered(content: dict[str, Any]) -> None:
        content["metrics"][0]["filter"] = text

    losses = {loss.path: loss.reason for loss in changed(tmp_path, filtered).losses}
    assert reason in losses["metrics.orders_placed"]
    assert losses["metrics.web_share"]
    assert losses["metrics.revenue_per_order"]


def test_what_dbt_has_transformed_already_means_the_same(tmp_path: Path) -> None:
    def transformed(content: dict[str, Any]) -> None:
        measures = {one["name"]: one for model in content["semantic_models"] for one in model["measures"]}
        measures["median_birth_year"] |= {"agg": "percentile", "agg_params": {"percentile": 0.5}}
        measures["returned"] |= {"agg": "sum", "expr": "CASE WHEN status = 'returned' THEN 1 ELSE 0 END"}

    items = {item.name: item for item in changed(tmp_path, transformed).model.items}
    assert items["median_birth_year"].expression.sql("duckdb") == "QUANTILE_CONT(birth_year, 0.5 ORDER BY birth_year)"
    assert items["returned_orders"].counts or items["returned_orders"].data_type == "BIGINT"


def test_a_measure_of_an_aggregate_that_we_lack_is_lost_with_its_metrics(tmp_path: Path) -> None:
    def strange(content: dict[str, Any]) -> None:
        content["semantic_models"][1]["measures"][0]["agg"] = "mode_of_modes"

    losses = {loss.path: loss.reason for loss in changed(tmp_path, strange).losses}
    assert "no aggregate 'mode_of_modes'" in losses["semantic_models.orders.measures.order_count"]
    assert "Its measure order_count was not imported" in losses["metrics.orders_placed"]


def test_two_metrics_of_one_name_are_refused(tmp_path: Path) -> None:
    def twice(content: dict[str, Any]) -> None:
        content["metrics"].append(dict(content["metrics"][0]))

    with pytest.raises(InvalidDefinition, match="is the name of two metrics, not 'orders_placed'"):
        changed(tmp_path, twice)


def test_twins_of_one_entity_are_related(tmp_path: Path) -> None:
    def twin(content: dict[str, Any]) -> None:
        extra = json.loads(json.dumps(content["semantic_models"][0]))
        extra |= {"name": "shopper_scores", "measures": []}
        extra["node_relation"]["alias"] = "shopper_scores"
        content["semantic_models"].append(extra)

    relationships = changed(tmp_path, twin).model.definition.relationships
    assert ("shoppers", "shopper_scores") in {(one.left_table, one.right_table) for one in relationships}
