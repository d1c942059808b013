"""From a frame to the semantic query that answers it. Nothing of the question's text gets here but its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from customer360.ask.dates import Window
from customer360.ask.frame import AskMeasure, Clause, Comparison, Frame, Rank, all_of, within
from customer360.ask.lexicon import counting
from customer360.errors import InvalidQuery
from customer360.semantic import (
    Condition,
    Dimension,
    Filter,
    Formula,
    Measure,
    Negation,
    Order,
    RowsCondition,
    SemanticModel,
    SemanticQuery,
    build_query,
)

MANY_ROWS = 1000


def plan_query(frame: Frame, model: SemanticModel, activity: dict[str, str]) -> SemanticQuery:
    """Return the query of a frame; ``activity`` names the finer table and its date for each table that does things."""
    return _Planner(frame, model, activity).plan()


class _Planner:
    def __init__(self, frame: Frame, model: SemanticModel, activity: dict[str, str]) -> None:
        self.frame = frame
        self.model = model
        self.activity = activity

    def plan(self) -> SemanticQuery:
        frame = self.frame
        filters = self._filters(frame.filters, frame.clauses, None if self._compares_windows() else frame.window)
        limit = frame.rank.limit if frame.rank and frame.rank.limit and not frame.rank.per else MANY_ROWS
        offset = frame.rank.offset if frame.rank else 0
        if frame.kind == "rows":
            fields = tuple(Dimension(name=name) for name in frame.fields)
            order = self._order(frame.rank, list(frame.fields)) if frame.rank else ()
            return build_query(
                fields=fields, filters=filters, order=order, limit=limit, offset=offset, top_per=self._top(frame.rank)
            )
        if frame.kind == "values":
            return build_query(dimensions=frame.groups, filters=filters, limit=limit)
        metrics = self._metrics()
        having = all_of(frame.having)
        if frame.summary:
            return build_query(
                metrics=metrics if frame.summary == "count" else metrics[:1],
                dimensions=frame.groups,
                filters=filters,
                having=having,
                summary=frame.summary,
                top=frame.top,
            )
        order = self._order(frame.rank, [name_of(metric) for metric in metrics])
        return build_query(
            metrics=metrics,
            dimensions=frame.groups,
            filters=filters,
            having=having,
            order=order,
            limit=limit,
            offset=offset,
            top_per=self._top(frame.rank),
        )

    def _compares_windows(self) -> bool:
        return self.frame.comparison is not None and bool(self.frame.comparison.windows)

    def _filters(self, near: Sequence[Filter], clauses: Sequence[Clause], window: Window | None) -> Filter | None:
        parts = [*near]
        if window is not None and self.frame.window_field:
            parts.append(within(self.frame.window_field, window))
        parts += [self._clause(clause) for clause in clauses]
        parts += [self._deed(clause) for clause in self.frame.of_whom]
        return all_of(parts)

    def _deed(self, clause: Clause) -> Filter:
        """Return the condition that those whose rows are kept have so many rows like these."""
        doer, date = next(one for one in self.activity.items() if one[1].startswith(f"{self.frame.subject}."))
        if clause.measure is not None:
            return self._held(clause, date, of=doer)
        rows = counting(self.model, self.frame.subject)
        if rows is None:
            raise InvalidQuery(f"Nothing counts the rows of {self.frame.subject}.", code="unreachable_field")
        counted = {"measure": rows.full_name, "op": "=" if clause.negated else ">", "values": (0,), "negated": False}
        return self._held(clause.model_copy(update=counted), date, of=doer)

    def _clause(self, clause: Clause) -> Filter:
        """Return the condition that the subject has rows like these, has none, or has so many."""
        date = self.activity[self.frame.subject]
        if clause.measure is not None:
            return self._held(clause, date)
        exists = all_of(_rows_like(clause, date) or [Condition(field=date, op="is_not_null")])
        none = Negation.model_validate({"not": exists})
        if clause.negated:
            return none
        # A "not" never shares its rows with a neighbour: two of them keep the clauses apart.
        return Negation.model_validate({"not": none})

    def _held(self, clause: Clause, date: str, of: str | None = None) -> Filter:
        """Return the condition that there are so many rows like these, for each row of the subject or of a table."""
        measure = clause.measure if isinstance(clause.measure, Measure) else Measure(metric=clause.measure)
        measure = measure.model_copy(update={"where": all_of(_rows_like(clause, date))})
        many = clause.op in ("between", "in", "not_in")
        given = ("values", clause.values) if many else ("value", clause.values[0])
        held = RowsCondition.model_validate({"measure": measure, "of": of, "op": clause.op, given[0]: given[1]})
        return Negation.model_validate({"not": held}) if clause.negated else held

    def _metrics(self) -> tuple[AskMeasure, ...]:
        frame = self.frame
        if frame.part or frame.part_clauses:
            return (self._percentage(frame.measures[0]),)
        if frame.comparison is not None:
            return self._compared(frame.measures[0])
        if frame.show == "value":
            return frame.measures
        shown = [self._shown(measure) for measure in frame.measures]
        return tuple(one for pair in zip(frame.measures, shown, strict=True) for one in pair)

    def _shown(self, measure: AskMeasure) -> AskMeasure:
        more = {"show": self.frame.show, "within": self.frame.within, "span": self.frame.span}
        if isinstance(measure, Formula):
            return measure.model_copy(update={"show": self.frame.show})
        made = Measure(metric=measure) if isinstance(measure, str) else measure
        return made.model_copy(update=more)

    def _percentage(self, measure: AskMeasure) -> Formula:
        part = self._filters(self.frame.part, self.frame.part_clauses, None)
        whole = _as_measure(measure)
        return Formula.model_validate(
            {"op": "percent", "left": _where(whole, part), "right": whole, "as": "percentage"}
        )

    def _compared(self, measure: AskMeasure) -> tuple[AskMeasure, ...]:
        comparison = self.frame.comparison or Comparison()
        whole = _as_measure(measure)
        if comparison.windows and not self.frame.window_field:
            raise InvalidQuery(comparison.windows[0].label, code="window_of_rows")
        if comparison.windows:
            before, after = (
                _named(_where(whole, within(self.frame.window_field, window)), place)
                for place, window in zip(comparison.places, comparison.windows, strict=True)
            )
            both: list[AskMeasure] = [before, after]
            if comparison.show in ("change", "difference", "both"):
                op = "difference"
                both.append(Formula.model_validate({"op": op, "left": after, "right": before, "as": "difference"}))
                both.append(
                    Formula.model_validate({"op": "change_pct", "left": after, "right": before, "as": "change_pct"})
                )
            elif comparison.show == "ratio":
                both.append(Formula.model_validate({"op": "ratio", "left": before, "right": after, "as": "ratio"}))
            return tuple(both)
        parts = [_where(whole, tree) for tree in comparison.filters]
        sides = (*parts, whole)[:2]  # one part alone is set against all rows
        names = column_names(comparison.labels)
        left, right = (_named(one, name) for one, name in zip(sides, names, strict=True))
        op = {"ratio": "ratio", "change": "change_pct"}.get(comparison.show, "difference")
        return left, right, Formula.model_validate({"op": op, "left": left, "right": right, "as": op})

    def _order(self, rank: Rank | None, names: Sequence[str]) -> tuple[Order, ...]:
        if rank is None:
            return ()
        by = rank.by
        if by == "*":
            shown = list(names)
            is_last = self.frame.show in ("share", "change", "change_pct") or self.frame.comparison
            by = shown[-1] if is_last else (shown[0] if shown else "")
        return (Order(by=by, descending=rank.descending),) if by else ()

    def _top(self, rank: Rank | None) -> dict[str, Any] | None:
        return {"by": rank.per, "rows": rank.limit or 1} if rank is not None and rank.per else None


def _rows_like(clause: Clause, date: str) -> list[Filter]:
    """Return the conditions on the rows that a clause is about."""
    dated = [within(date, clause.window)] if clause.window is not None else []
    return [*clause.filters, *dated]


def _as_measure(measure: AskMeasure) -> Measure:
    if isinstance(measure, Formula):
        raise TypeError("a formula cannot be compared")
    return Measure(metric=measure) if isinstance(measure, str) else measure


def _where(measure: Measure, tree: Filter | None) -> Measure:
    parts = [one for one in (measure.where, tree) if one is not None]
    return measure.model_copy(update={"where": all_of(parts)})


def _named(measure: Measure, name: str) -> Measure:
    return measure.model_copy(update={"name": name})


def column_names(labels: Sequence[str]) -> list[str]:
    """Return names of columns for the values that are compared."""
    made = [
        "".join(letter if letter.isalnum() else "_" for letter in label.casefold()).strip("_") or "part"
        for label in labels
    ]
    made = [f"v_{one}" if one[0].isdigit() else one for one in made]
    return made if len(set(made)) == len(made) else [f"{one}_{place}" for place, one in enumerate(made)]


def name_of(metric: AskMeasure) -> str:
    """Return the name by which the answer calls a measure."""
    if isinstance(metric, str):
        return metric
    if isinstance(metric, Formula):
        return metric.name or "formula"
    if metric.name:
        return metric.name
    base = (metric.metric or "").rpartition(".")[2] or _aggregate_name(metric)
    return base if metric.show == "value" else f"{base}_{metric.show}"


def _aggregate_name(metric: Measure) -> str:
    prefix = f"p{metric.percentile:g}".replace(".", "_") if metric.agg == "percentile" else metric.agg
    other = f"_{metric.other.rpartition('.')[2]}" if metric.other else ""
    return f"{prefix}_{(metric.field or '').rpartition('.')[2]}{other}"
