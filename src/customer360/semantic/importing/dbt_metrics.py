"""Measures and metrics of MetricFlow: aggregates with filters, ratios and formulas of them.

Invariant: a metric that is kept gives the figure that MetricFlow gives, for any dimensions that both can split it by.
What needs another time than that of the rows (windows, offsets, conversions) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from customer360.semantic.importing.dbt_parts import Manifest, Measure, Node, dialects, label_of_part, meta_synonyms
from customer360.semantic.importing.draft import Draft, DraftItem, Origin
from customer360.semantic.importing.given import Given, plain_name
from customer360.semantic.importing.sql import NotImported, read_sql, replaced, wrapped, write_sql
from customer360.semantic.model import Kind

OTHER_TABLE = "Its filter reads {name} of {table}; a metric here reads its own table, so narrow the question instead."
NO_DIMENSION = "Its filter reads {name}, which is no dimension of {table}."
NO_TEMPLATE = "Its filter {text!r} is more than conditions on dimensions and entities."
NO_MEASURE = "Its measure {name} was not imported: {reason}"
NO_METRIC = "It is made of {name}, which was not imported."
NOT_ADDED = "It may not be added up over {name}, which our compiler would do."
CUMULATIVE = "It runs over time; ask for the cumulative figure, or for one of the last days, instead."
CONVERSION = "Conversions of one event into another are not carried out."
OFFSET = "It compares with another time; ask how the figure changed instead."
UNFILLED = "Days without rows have no figure here; counts are zero where nothing is."
APPROXIMATE = "It is worked out exactly."
AS_METRIC = "No metric of dbt uses it; it is a metric of its own here."
NO_AGGREGATE = "Our format has no aggregate {how!r}."
OTHER_DATE = "It is asked by {name} there; here by the date of its table."
SEVERAL_DATES = "Over time each part is by a date of its own there, of {dates}; here all are by one."
KINDS = {"cumulative": CUMULATIVE, "conversion": CONVERSION}
_REFERENCE = re.compile(
    r"\{\{\s*(?P<kind>Dimension|TimeDimension|Entity)\(\s*(?P<q>['\"])(?P<name>\w+)(?P=q)"
    r"(?:\s*,\s*(?:time_granularity_name\s*=\s*)?['\"](?P<grain>\w+)['\"])?\s*\)"
    r"(?:\s*\.\s*grain\(\s*['\"](?P<dotted>\w+)['\"]\s*\))?\s*\}\}"
)
_MARK = "c360_reference_"


def read_measure(part: Given, node: Node) -> None:
    """Read one measure, with the reason where it cannot be had."""
    name = part.name()
    measure = Measure(name, part, Origin(part.path, "measures"), exp.column(name), part.text("agg"))
    measure.description, measure.label = part.text("description"), label_of_part(part, name)
    measure.date = plain_name(part.text("agg_time_dimension") or node.default_date or "none")
    if measure.date not in ("none", node.default_date):
        part.note("agg_time_dimension", OTHER_DATE.format(name=measure.date))
    part.take("create_metric")
    meta_synonyms(part)
    _read_parameters(part, measure)
    try:
        measure.inner = read_sql(part.text("expr") or name, dialects)
        aggregate(measure, None)
    except NotImported as reason:
        measure.fault = str(reason)
    unadded = part.part("non_additive_dimension") if "non_additive_dimension" in part else None
    if unadded is not None:
        measure.fault = NOT_ADDED.format(name=unadded.text("name"))
    if measure.fault:
        part.lose_all("measures", measure.fault)
    node.measures[name] = measure


def _read_parameters(part: Given, measure: Measure) -> None:
    if "agg_params" not in part:
        return
    parameters = part.part("agg_params")
    given = parameters.take("percentile")
    measure.percentile = float(given) if isinstance(given, (int, float)) else None
    measure.is_discrete = parameters.flag("use_discrete_percentile")
    if parameters.flag("use_approximate_percentile"):
        part.note("agg_params.use_approximate_percentile", APPROXIMATE)


def aggregate(measure: Measure, condition: exp.Expr | None) -> exp.Expr:
    """Return the aggregate of a measure, of those rows only that fulfil a condition.

    Raises:
        NotImported: our format has no such aggregate.
    """
    inner, how = measure.inner, measure.how
    one = exp.Literal.number(1)
    if how == "sum_boolean":
        inner, how = exp.Case(ifs=[exp.If(this=wrapped(inner), true=one.copy())], default=exp.Literal.number(0)), "sum"
    counts_rows = isinstance(inner, exp.Literal) and inner.name == "1" and how in ("sum", "count")
    if counts_rows and condition is None:
        return exp.Count(this=exp.Star())
    if counts_rows:
        how = "count"
    if condition is not None:
        inner = exp.Case(ifs=[exp.If(this=condition.copy(), true=wrapped(inner))])
    if how == "count_distinct":
        return exp.Count(this=exp.Distinct(expressions=[inner.copy()]))
    if how == "percentile" and measure.percentile is not None:
        return _percentile(measure, inner)
    if how not in _AGGREGATES:
        raise NotImported(NO_AGGREGATE.format(how=how))
    return _AGGREGATES[how](this=inner.copy())


def _percentile(measure: Measure, inner: exp.Expr) -> exp.Expr:
    kind = exp.PercentileDisc if measure.is_discrete else exp.PercentileCont
    order = exp.Order(expressions=[exp.Ordered(this=inner.copy())])
    made = exp.WithinGroup(this=kind(this=exp.Literal.number(measure.percentile or 0)), expression=order)
    return read_sql(made.sql("snowflake"))


_AGGREGATES: Mapping[str, type[exp.Func]] = {
    "sum": exp.Sum,
    "average": exp.Avg,
    "min": exp.Min,
    "max": exp.Max,
    "median": exp.Median,
    "count": exp.Count,
}


class Metrics:
    """The metrics of a manifest, each made when another one needs it or its turn comes."""

    def __init__(self, manifest: Manifest, draft: Draft) -> None:
        self._manifest = manifest
        self._draft = draft
        self._parts: dict[str, Given] = {}
        self._used: set[str] = set()

    def read(self, parts: Sequence[Given]) -> None:
        """Read all metrics into the draft, and the measures that none of them uses."""
        self._parts = {plain_name(str(part.left().get("name", ""))): part for part in parts}
        if len(self._parts) < len(parts):
            names = [plain_name(str(part.left().get("name", ""))) for part in parts]
            twice = next(name for name in names if names.count(name) > 1)
            raise parts[0].fault("name", twice, "is the name of two metrics", "Rename one of them.")
        contents = {name: part.left() for name, part in self._parts.items()}
        for name, part in self._parts.items():
            self._read_metric(name, part, contents)
        for node in self._manifest.nodes.values():
            for measure in node.measures.values():
                if measure.name not in self._used and not measure.fault:
                    self._add_measure(node, measure)

    def _read_metric(self, name: str, part: Given, contents: Mapping[str, Mapping[str, Any]]) -> None:
        part.name()
        description, label, synonyms = part.text("description"), label_of_part(part, name), meta_synonyms(part)
        origin, kind = Origin(part.path, "metrics"), part.text("type")
        content = contents[name]
        _take_known(part)
        self._used |= _measures_of(content)
        try:
            item = self._made(name, content, kind, origin)
        except NotImported as reason:
            part.lose_all("metrics", str(reason))
            self._draft.gone[name] = str(reason)
            return
        item.description, item.label, item.synonyms = description, label, synonyms
        if _is_filled(content):
            part.note("type_params.measure.fill_nulls_with", UNFILLED)

    def _made(self, name: str, content: Mapping[str, Any], kind: str, origin: Origin) -> DraftItem:
        if kind in KINDS:
            raise NotImported(KINDS[kind])
        if kind == "simple":
            node, tree = self._simple(content, ())
            self._require_free(node, name)
            item = DraftItem(Kind.METRIC, name, tree, origin, text=write_sql(tree))
            node.table.items.append(item)
            return item
        tree = self._formula(content, kind, (), (name,), origin)
        item = DraftItem(Kind.DERIVED, name, tree, origin, text=write_sql(tree))
        self._draft.metrics.append(item)
        dates = {self._manifest.nodes[column.table].default_date for column in tree.find_all(exp.Column)}
        if len(dates) > 1:
            self._draft.note(origin, "type_params", SEVERAL_DATES.format(dates=" and ".join(sorted(dates))))
        return item

    def _require_free(self, node: Node, name: str) -> None:
        """Let a metric have its name, and a dimension of the same table give way to it by being left out."""
        other = node.table.find(name)
        if other is not None:
            self._draft.drop_item(node.table, other, f"The metric {name} has its name, of which a table has one only.")

    # Simple metrics

    def _simple(self, content: Mapping[str, Any], filters: Sequence[str]) -> tuple[Node, exp.Expr]:
        """Return the table and the aggregate of a simple metric, with its filters and those of whoever uses it."""
        given = _mapping(content.get("type_params")).get("measure") or {}
        named = given if isinstance(given, str) else str(_mapping(given).get("name", ""))
        found = self._manifest.find_measure(plain_name(named))
        if found is None or found[1].fault:
            raise NotImported(NO_MEASURE.format(name=named, reason=found[1].fault if found else "there is none."))
        node, measure = found
        own = given.get("filter") if isinstance(given, Mapping) else None
        texts = [*_texts(content.get("filter")), *_texts(own), *filters]
        conditions = [self._condition(text, node, measure) for text in texts]
        whole = exp.and_(*(wrapped(one) for one in conditions)) if conditions else None
        return node, aggregate(measure, whole)

    def _condition(self, text: str, node: Node, measure: Measure) -> exp.Expr:
        """Return a filter as a condition on columns of the measure's table."""
        trees: list[exp.Expr] = []

        def mark(found: re.Match[str]) -> str:
            trees.append(self._referred(found, node, measure))
            return f"{_MARK}{len(trees) - 1}"

        marked = _REFERENCE.sub(mark, text)
        if "{{" in marked or "{%" in marked:
            raise NotImported(NO_TEMPLATE.format(text=text))
        condition = read_sql(marked, dialects)

        def put(column: exp.Column) -> exp.Expr:
            if column.name.startswith(_MARK):
                return wrapped(trees[int(column.name.removeprefix(_MARK))])
            return column.copy()

        return replaced(condition, put)

    def _referred(self, found: re.Match[str], node: Node, measure: Measure) -> exp.Expr:
        """Return what a reference of a filter names: a dimension, maybe by its grain, or an entity."""
        *path, name = found["name"].lower().split("__")
        if name == "metric_time":
            path, name = [], measure.date
        tree = self._own(path, name, node, is_entity=found["kind"] == "Entity")
        grain = found["grain"] or found["dotted"]
        if grain and grain not in ("day", "date"):
            return read_sql(f"DATE_TRUNC('{grain}', {write_sql(tree)})", dialects)
        return tree

    def _own(self, path: Sequence[str], name: str, node: Node, *, is_entity: bool) -> exp.Expr:
        own = {one.name: one for one in node.entities}
        if is_entity and name in own and own[name].column:
            return exp.column(own[name].column)
        is_here = not path or (len(path) == 1 and path[0] in own and node.key_of(path[0]) is not None)
        is_here = is_here or (len(path) == 1 and path[0] == node.primary_entity)
        item = node.table.find(name)
        if is_here and item is not None:
            return item.tree.copy()
        if is_here:
            raise NotImported(NO_DIMENSION.format(name=name, table=node.table.name))
        raise NotImported(OTHER_TABLE.format(name=name, table="__".join(path)))

    # Formulas

    def _formula(
        self, content: Mapping[str, Any], kind: str, filters: Sequence[str], trail: tuple[str, ...], origin: Origin
    ) -> exp.Expr:
        """Return a ratio or formula over metrics of tables."""
        parameters = _mapping(content.get("type_params"))
        filters = (*filters, *_texts(content.get("filter")))
        if kind == "ratio":
            over, under = (
                self._operand(parameters.get(key), filters, trail, origin) for key in ("numerator", "denominator")
            )
            return exp.Div(this=wrapped(over), expression=wrapped(under))
        inputs = {str(one.get("alias") or one.get("name")): one for one in _mappings(parameters.get("metrics"))}
        made = {plain_name(key): self._operand(one, filters, trail, origin) for key, one in inputs.items()}
        tree = read_sql(str(parameters.get("expr") or ""), dialects)

        def put(column: exp.Column) -> exp.Expr:
            if column.name not in made:
                raise NotImported(NO_METRIC.format(name=column.name))
            return wrapped(made[column.name])

        return replaced(tree, put)

    def _operand(self, given: Any, filters: Sequence[str], trail: tuple[str, ...], origin: Origin) -> exp.Expr:
        """Return an input of a formula as a metric of a table, made for it where it has a filter of its own."""
        one = {"name": given} if isinstance(given, str) else _mapping(given)
        if one.get("offset_window") or one.get("offset_to_grain"):
            raise NotImported(OFFSET)
        name = plain_name(str(one.get("name", "")))
        part = self._manifest.find_metric(name)
        if part is None or name in trail:
            raise NotImported(NO_METRIC.format(name=name))
        narrowed = (*filters, *_texts(one.get("filter")))
        kind = str(part.get("type"))
        if kind in KINDS:
            raise NotImported(NO_METRIC.format(name=name))
        if kind != "simple":
            return self._formula(part, kind, narrowed, (*trail, name), origin)
        node, tree = self._simple(part, narrowed)
        known = next((item for item in node.table.of_kind(Kind.METRIC) if item.tree == tree), None)
        if known is None and not narrowed:
            return exp.column(name, table=node.table.name)
        if known is None:
            known = DraftItem(Kind.METRIC, node.table.free(f"{trail[0]}_part"), tree, origin, text=write_sql(tree))
            known.description, known.x_nl = f"A part of {trail[0]}.", {"asked": False}
            node.table.items.append(known)
        return exp.column(known.name, table=node.table.name)

    def _add_measure(self, node: Node, measure: Measure) -> None:
        """Let a measure that no metric uses be asked for."""
        name = measure.name if node.table.is_free(measure.name) else node.table.free(f"{measure.how}_{measure.name}")
        tree = aggregate(measure, None)
        item = DraftItem(Kind.METRIC, name, tree, measure.origin, text=write_sql(tree), is_number=measure.adds)
        item.description, item.label = measure.description, measure.label
        node.table.items.append(item)
        measure.part.note("name", AS_METRIC)


def _take_known(part: Given) -> None:
    """Take the parameters and the filter of a metric: what of them is understood is decided as a whole."""
    part.take("filter")
    if "type_params" not in part:
        return
    parameters = part.part("type_params")
    for key in ("measure", "numerator", "denominator", "expr", "metrics", "input_measures"):
        parameters.take(key)


def _measures_of(content: Mapping[str, Any]) -> set[str]:
    inputs = _mappings(_mapping(content.get("type_params")).get("input_measures"))
    return {plain_name(str(one.get("name", ""))) for one in inputs}


def _is_filled(content: Mapping[str, Any]) -> bool:
    measure = _mapping(_mapping(content.get("type_params")).get("measure"))
    return "fill_nulls_with" in measure or bool(measure.get("join_to_timespine"))


def _texts(given: Any) -> list[str]:
    """Return the templates of a filter, in any form that dbt has written them."""
    if not given:
        return []
    if isinstance(given, str):
        return [given]
    if isinstance(given, Mapping):
        return _texts(given.get("where_filters") or given.get("where_sql_template"))
    return [text for one in given for text in _texts(one)] if isinstance(given, list) else [str(given)]


def _mapping(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def _mappings(given: Any) -> list[Mapping[str, Any]]:
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
