"""Cortex Analyst's YAML piece by piece: what arrives, what arrives otherwise, and what hangs on what does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from customer360.errors import InvalidDefinition
from customer360.semantic import Kind, build_query, run_query
from customer360.semantic.importing import Import, import_model
from customer360.warehouse import DuckDBWarehouse

pytestmark = pytest.mark.unit

Content = dict[str, Any]
Given = Callable[..., Import]


@pytest.fixture
def given(tmp_path: Path) -> Given:
    """Import a model of the tables, and further keys, that a test gives."""

    def run(*tables: Content, warehouse: DuckDBWarehouse | None = None, **more: Any) -> Import:
        path = tmp_path / "given.yaml"
        path.write_text(yaml.safe_dump({"name": "given", "tables": list(tables), **more}), encoding="utf-8")
        return import_model(path, warehouse=warehouse)

    return run


def table(name: str = "ORDERS", **parts: Any) -> Content:
    content = {
        "name": name,
        "base_table": {"database": "D", "schema": "S", "table": name},
        "primary_key": {"columns": ["ID"]},
        "dimensions": [field("ID")],
    }
    return {key: one for key, one in (content | parts).items() if one is not None}


def field(name: str, expr: str = "", **parts: Any) -> Content:
    return {"name": name, "expr": expr or name, "data_type": "VARCHAR"} | parts


def metric(name: str, expr: str, **parts: Any) -> Content:
    return {"name": name, "expr": expr} | parts


def related(left: str, right: str, name: str = "r", **parts: Any) -> Content:
    columns = [{"left_column": "CUSTOMER", "right_column": "ID"}]
    return {"name": name, "left_table": left, "right_table": right, "relationship_columns": columns} | parts


def losses(found: Import) -> dict[str, str]:
    return {loss.path: loss.reason for loss in found.losses}


def expressions(found: Import) -> dict[str, str]:
    return {item.full_name: item.expression.sql("duckdb") for item in found.model.items}


# Fields


def test_a_field_may_be_made_of_others(given: Given) -> None:
    facts = [field("NET", "gross - tax", data_type="FLOAT"), field("HALF", "net / 2", data_type="FLOAT")]
    metrics = [metric("TOTAL", "SUM(net)"), metric("MEAN", "total / COUNT(*)")]
    found = expressions(given(table(facts=facts, metrics=metrics)))
    assert found["orders.half"] == "(gross - tax) / 2"
    assert found["orders.mean"] == "SUM(gross - tax) / COUNT(*)"


def test_a_column_that_another_field_hides_is_the_column_and_said_so(given: Given) -> None:
    found = given(table(dimensions=[field("ID"), field("TIER", "UPPER(tier)")], metrics=[metric("N", "COUNT(tier)")]))
    assert expressions(found)["orders.n"] == "COUNT(tier)"
    assert "the column is meant here" in losses(found)["tables.ORDERS.metrics.N.expr"]


def test_fields_defined_by_each_other_are_lost(given: Given) -> None:
    found = losses(given(table(dimensions=[field("ID"), field("A", "B || 'x'"), field("B", "A || 'y'")])))
    assert "defined by itself" in found["tables.ORDERS.dimensions.A"]
    assert "tables.ORDERS.dimensions.B" in found


def test_what_hangs_on_a_field_that_is_lost_is_lost_with_its_name(given: Given) -> None:
    facts = [field("SECRET", "MY_UDF(x)", data_type="FLOAT"), field("TWICE", "secret * 2", data_type="FLOAT")]
    derived = [metric("RATIO", "orders.total / orders.n"), metric("SQUARE", "ratio * ratio")]
    metrics = [metric("TOTAL", "SUM(twice)"), metric("N", "COUNT(*)")]
    found = given(table(facts=facts, metrics=metrics), metrics=derived)
    assert [item.name for item in found.model.items] == ["id", "n"]
    told = losses(found)
    assert "MY_UDF" in told["tables.ORDERS.facts.SECRET"]
    assert "secret, which was not imported" in told["tables.ORDERS.facts.TWICE"]
    assert told["tables.ORDERS.metrics.TOTAL"]
    assert told["metrics.RATIO"]
    assert told["metrics.SQUARE"]


def test_names_that_are_none_are_changed_and_stay_as_labels(given: Given) -> None:
    found = given(table(dimensions=[field("ID"), field("Order Channel", "channel"), field("2nd", "second")]))
    assert {item.name: item.label for item in found.model.items if item.kind is Kind.DIMENSION} == {
        "id": "Id",
        "order_channel": "Order Channel",
        "_2nd": "2nd",
    }
    assert "it is called 'order_channel'" in losses(found)["tables.ORDERS.dimensions.Order Channel.name"]


def test_measures_of_older_files_are_facts_or_metrics(given: Given) -> None:
    measures = [
        field("AMOUNT", data_type="NUMBER(10,2)", default_aggregation="sum"),
        field("TOTAL", "SUM(amount)", data_type="NUMBER(10,2)"),
        field("ODD", "odd", data_type="FLOAT", default_aggregation="mode"),
    ]
    found = given(table(measures=measures))
    kinds = {item.name: item.kind for item in found.model.items}
    assert kinds["amount"] is Kind.FACT
    assert kinds["total"] is kinds["total_amount"] is Kind.METRIC
    assert "total_amount" in losses(found)["tables.ORDERS.measures.AMOUNT.default_aggregation"]
    assert "no aggregate 'mode'" in losses(found)["tables.ORDERS.measures.ODD.default_aggregation"]


def test_what_is_private_is_kept_from_questions(given: Given) -> None:
    found = given(table(metrics=[metric("COST", "SUM(cost)", access_modifier="private_access")]))
    [own] = [one for one in found.model.definition.tables[0].metrics if one.name == "cost"]
    assert own.x_nl.asked is False
    assert losses(found)["tables.ORDERS.metrics.COST.access_modifier"]


def test_days_are_time_dimensions_wherever_they_stand(given: Given) -> None:
    dimensions = [field("ID"), field("DAY", data_type="DATE"), field("AT", data_type="TIMESTAMP_NTZ(9)")]
    found = given(table(dimensions=dimensions, time_dimensions=[field("YEAR", data_type="NUMBER(4,0)")]))
    kinds = {item.name: (item.kind, item.data_type) for item in found.model.items}
    assert kinds["day"] == (Kind.TIME, "DATE")
    assert kinds["at"] == (Kind.TIME, "TIMESTAMP")
    assert kinds["year"] == (Kind.DIMENSION, "BIGINT")
    assert len([path for path in losses(found) if path.endswith(".data_type")]) == 3


def test_a_filter_is_a_dimension_that_questions_can_name(given: Given) -> None:
    found = given(table(filters=[{"name": "OPEN", "expr": "closed IS NULL", "synonyms": ["active"]}]))
    [item] = [one for one in found.model.items if one.name == "open"]
    assert (item.kind, item.data_type, item.synonyms) == (Kind.DIMENSION, "BOOLEAN", ("active",))
    with pytest.raises(InvalidDefinition, match=r"tables.ORDERS.filters.ID.name is the name of another thing"):
        given(table(filters=[{"name": "ID", "expr": "closed IS NULL"}]))


# Keys and relationships


def customers(**parts: Any) -> Content:
    return table("CUSTOMERS", **parts)


def test_a_table_without_a_key_has_what_is_pointed_at(given: Given) -> None:
    found = given(table(), customers(primary_key=None), relationships=[related("ORDERS", "CUSTOMERS")])
    assert found.model.tables["customers"].primary_key == ("id",)
    assert losses(found) == {}


def test_a_table_without_any_key_has_its_columns_and_says_so(given: Given) -> None:
    found = given(table(primary_key=None, dimensions=[field("A"), field("B")]))
    assert found.model.tables["orders"].primary_key == ("a", "b")
    assert "a, b stand for it" in losses(found)["tables.ORDERS.primary_key"]


def test_a_key_that_nobody_names_is_found_in_the_database(given: Given, shop_warehouse: DuckDBWarehouse) -> None:
    orders = table(primary_key=None, dimensions=[field("CHANNEL"), field("ORDER_ID", data_type="NUMBER(38,0)")])
    found = given(orders, warehouse=shop_warehouse)
    assert found.model.tables["orders"].primary_key == ("order_id",)
    told = losses(found)
    assert "in the database order_id tells every row apart" in told["tables.ORDERS.primary_key"]
    assert "in the schema shop" in told["tables.ORDERS.base_table"]


def test_what_the_database_lacks_is_lost(given: Given, shop_warehouse: DuckDBWarehouse) -> None:
    key = {"columns": ["ORDER_ID"]}
    dimensions = [
        field("ORDER_ID", data_type="NUMBER(38,0)"),
        field("COLOUR"),
        field("LOUD", "UPPER(shipping_fee + 'x')"),
    ]
    orders = table(primary_key=key, dimensions=dimensions, metrics=[metric("N", "SUM(weight)")])
    found = losses(given(orders, table("INVOICES"), warehouse=shop_warehouse))
    assert "COLOUR" in found["tables.ORDERS.dimensions.COLOUR"].upper()
    assert "database refuses it" in found["tables.ORDERS.dimensions.LOUD"]
    assert "weight" in found["tables.ORDERS.metrics.N"]
    assert found["tables.INVOICES"] == "The database has no table s.invoices."


def test_a_type_that_the_database_has_otherwise_is_its_own(given: Given, shop_warehouse: DuckDBWarehouse) -> None:
    dimensions = [field("ORDER_ID"), field("ORDERED_ON"), field("SHIPPING_FEE", data_type="NUMBER(38,0)")]
    found = given(table(primary_key={"columns": ["ORDER_ID"]}, dimensions=dimensions), warehouse=shop_warehouse)
    types = {item.name: item.data_type for item in found.model.items}
    assert types["ordered_on"] == "DATE"
    assert types["shipping_fee"] == "DECIMAL(10,2)"
    assert len([path for path in losses(found) if path.endswith("data_type")]) == 3


def test_only_counts_of_a_key_that_is_one_are_counts_of_rows(given: Given, shop_warehouse: DuckDBWarehouse) -> None:
    metrics = [metric("N", "COUNT(id)"), metric("M", "COUNT(DISTINCT id)"), metric("ONES", "SUM(1)")]
    for key, counts in (({"columns": ["ID"]}, True), (None, False)):
        made = expressions(given(table(primary_key=key, metrics=metrics)))
        assert [made[f"orders.{name}"] == "COUNT(*)" for name in ("n", "m", "ones")] == [counts, counts, True]
    key = {"columns": ["CHANNEL"]}
    orders = table(primary_key=key, dimensions=[field("CHANNEL")], metrics=[metric("N", "COUNT(channel)")])
    found = given(orders, warehouse=shop_warehouse)
    assert expressions(found)["orders.n"] == "COUNT(channel)"
    assert "may count twice" in losses(found)["tables.ORDERS.primary_key"]


def test_a_relationship_to_what_is_no_key_there_is_lost(given: Given, shop_warehouse: DuckDBWarehouse) -> None:
    key = {"columns": ["SHOPPER_ID"]}
    orders = table(primary_key={"columns": ["ORDER_ID"]}, dimensions=[field("CHANNEL")])
    shoppers = table("SHOPPERS", primary_key=key, dimensions=[field("COUNTRY")])
    columns = [{"left_column": "SHOPPER_ID", "right_column": "BIRTH_YEAR"}]
    relationship = related("ORDERS", "SHOPPERS", relationship_columns=columns)
    found = losses(given(orders, shoppers, relationships=[relationship], warehouse=shop_warehouse))
    assert "rows that agree in them" in found["relationships.r"]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"join_type": "full_outer"}, "full_outer joins"),
        ({"relationship_type": "many_to_many"}, "many_to_many is not that"),
        ({"relationship_columns": [{"left_column": "a", "right_column": "b", "type": "asof"}]}, "asof joins"),
        ({"right_table": "ORDERS"}, "relates a table to itself"),
        ({"relationship_columns": [{"left_column": "a", "right_column": "the id"}]}, "need quotes"),
    ],
)
def test_a_relationship_that_we_cannot_follow_is_lost(parts: Content, reason: str, given: Given) -> None:
    found = given(table(), customers(), relationships=[related("ORDERS", "CUSTOMERS") | parts])
    assert reason in losses(found)["relationships.r"]
    assert found.model.definition.relationships == ()


def test_one_to_many_is_turned_round_and_a_circle_is_broken(given: Given) -> None:
    turned = related("CUSTOMERS", "ORDERS", relationship_type="one_to_many")
    turned["relationship_columns"] = [{"left_column": "ID", "right_column": "CUSTOMER"}]
    back = related("CUSTOMERS", "ORDERS", "back")
    found = given(table(), customers(), relationships=[turned, back])
    [kept] = found.model.definition.relationships
    assert (kept.left_table, kept.right_table) == ("orders", "customers")
    assert "circle" in losses(found)["relationships.back"]


# Formulas of the model


def test_a_formula_may_name_metrics_without_their_table_and_other_formulas(given: Given) -> None:
    tables = (
        table(metrics=[metric("N", "COUNT(*)"), metric("TOTAL", "SUM(x)")]),
        customers(metrics=[metric("M", "COUNT(*)")]),
    )
    derived = [metric("MEAN", "total / m"), metric("PERCENT", "100 * mean / orders.n")]
    found = expressions(given(*tables, relationships=[related("ORDERS", "CUSTOMERS")], metrics=derived))
    assert found["mean"] == "orders.total / customers.m"
    assert found["percent"] == "100 * (orders.total / customers.m) / orders.n"


def test_a_formula_may_aggregate_fields_itself(given: Given) -> None:
    derived = [
        metric("LATE", "SUM(orders.x) / COUNT(customers.id)"),
        metric("ALONE", "SUM(orders.x) / COUNT(orders.id)"),
    ]
    relationships = [related("ORDERS", "CUSTOMERS")]
    found = expressions(given(table(), customers(), relationships=relationships, metrics=derived))
    assert found["orders.alone"] == "SUM(x) / COUNT(*)"
    assert found["orders.late_part"] == "SUM(x)"
    assert found["late"] == "orders.late_part / customers.late_part"


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        ("orders.n / nothing", "made of nothing"),
        ("n / 2", "several tables have"),
        ("orders.id || 'x'", "a field of single rows"),
        ("SUM(orders.x * customers.y)", "customers and orders together"),
        ("COUNT(*)", "no table"),
        ("1 + 1", "no metric"),
        ("looped + 1", "made of looped"),
    ],
)
def test_a_formula_that_cannot_be_is_lost(expr: str, reason: str, given: Given) -> None:
    tables = table(metrics=[metric("N", "COUNT(*)")]), customers(metrics=[metric("N", "COUNT(*)")])
    found = given(*tables, relationships=[related("ORDERS", "CUSTOMERS")], metrics=[metric("LOOPED", expr)])
    assert reason in losses(found)["metrics.LOOPED"]


# What questions need


def test_rows_are_counted_and_dates_are_asked_by_where_that_is_certain(given: Given) -> None:
    days = [field("DAY", data_type="DATE"), field("SENT", data_type="DATE")]
    found = given(table(time_dimensions=days[:1]), customers(time_dimensions=days))
    orders, people = (one.x_nl for one in found.model.definition.tables)
    assert (orders.default_metric, orders.default_time_dimension) == ("number_of_orders", "day")
    assert (people.default_metric, people.default_time_dimension) == ("number_of_customers", None)


def test_lines_are_asked_by_the_date_of_what_they_are_lines_of(given: Given) -> None:
    lines = table("LINES", primary_key={"columns": ["CUSTOMER", "NO"]}, dimensions=[field("NO")])
    reviews = table("REVIEWS", primary_key={"columns": ["REVIEW"]}, dimensions=[field("REVIEW")])
    orders = table(time_dimensions=[field("DAY", data_type="DATE")])
    relationships = [related("LINES", "ORDERS"), related("REVIEWS", "ORDERS", "s")]
    found = given(lines, reviews, orders, relationships=relationships)
    dates = {one.name: one.x_nl.default_time_dimension for one in found.model.definition.tables}
    assert dates == {"lines": "orders.day", "reviews": None, "orders": "day"}


def test_who_acts_is_said_where_one_table_only_can_be_meant(given: Given) -> None:
    orders = table(time_dimensions=[field("DAY", data_type="DATE")])
    found = given(orders, customers(), relationships=[related("ORDERS", "CUSTOMERS")])
    assert [one.x_nl.activity for one in found.model.definition.tables] == [None, "orders"]
    stores = related("ORDERS", "STORES", "s")
    found = given(orders, customers(), table("STORES"), relationships=[related("ORDERS", "CUSTOMERS"), stores])
    assert [one.x_nl.activity for one in found.model.definition.tables] == [None, None, None]
    counted = orders | {"metrics": [metric("BUYERS", "COUNT(DISTINCT CUSTOMER)")]}
    stores["relationship_columns"] = [{"left_column": "STORE", "right_column": "ID"}]
    found = given(counted, customers(), table("STORES"), relationships=[related("ORDERS", "CUSTOMERS"), stores])
    assert [one.x_nl.activity for one in found.model.definition.tables] == [None, "orders", None]


def test_no_unit_is_guessed(given: Given) -> None:
    metrics = [metric("REVENUE_IN_DOLLARS", "SUM(x)"), metric("RATE_PERCENT", "AVG(x)"), metric("N", "COUNT(*)")]
    found = given(table(metrics=metrics))
    assert {item.name: item.unit for item in found.model.items if item.kind is Kind.METRIC} == {
        "revenue_in_dollars": None,
        "rate_percent": None,
        "n": "count",
    }


def test_columns_that_need_quotes_are_asked_in_quotes(given: Given, tmp_path: Path) -> None:
    path = tmp_path / "quoted.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA s")
        connection.execute('CREATE TABLE s.orders AS SELECT 1 AS id, 2.5 AS "Line Amount", 3 AS "group"')
    metrics = [metric("TOTAL", 'SUM("Line Amount")'), metric("GROUPS", 'MAX("group")')]
    warehouse = DuckDBWarehouse(path, threads=1, memory="256MB")
    found = given(table(metrics=metrics), warehouse=warehouse)
    query = build_query(metrics=["total", "groups"])
    answer = run_query(warehouse, found.model, query, build_id="b", as_of_date=date(2024, 6, 30), timeout=30)
    warehouse.close()
    assert [float(one) for one in answer.table.to_pylist()[0].values()] == [2.5, 3.0]
