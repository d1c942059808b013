"""Measures, by whatever they are broken down by: totals, means for each customer, counts of different values."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from customer360.ask.chunks import Chunk
from customer360.ask.forms.base import Form
from customer360.ask.frame import Frame, Rank, fields_of
from customer360.ask.grammar.figures import added_up, count_of, doers_with, figure_of, metric_figure
from customer360.ask.grammar.terms import WHEN, Cond, Figure, Held, as_cond
from customer360.ask.lexicon import table_extension
from customer360.ask.slots import RESTRICTING, NotUnderstood, build_scope, measure_of
from customer360.semantic import Condition, Dimension, Formula, Item
from customer360.semantic.query import Summary

_OVER_EACH = ("avg", "median", "min", "max")
"""What may be made of a figure that each of several groups has."""


class Figures(Form):
    """Questions that name a measure."""

    def _figures(self, measures: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """One or more measures, by whatever they are broken down by."""
        slots = self.slots
        entities = [one.data for one in slots.take("ENTITY")]
        if measures[0].kind == "COUNTEDFIELD":
            return self._counted_field(measures, entities, groups)
        fields = [one for one in slots.take("FIELD") if not self._only_says_which(one)]
        self._refuse_owned(fields)
        groups = self._with_fields(measures, fields, groups) if fields else groups
        self._require_listed(measures)
        figures = [self._figure(one, groups) for one in measures]
        subject = figures[0].table
        if figures[0].item.unit == "percent" and not groups and len(figures) == 1:
            groups = self._each_value()
        self._require_related(subject, entities)
        dated = self._dated(groups, subject)
        is_said = slots.has("AGG")
        summary = self._over_each(figures[0], dated)
        if figures[0].of is not None and summary is not None and not is_said:
            figures[0] = metric_figure(self.model, figures[0].of)
        elif figures[0].of is not None and summary is None:
            of, agg = figures[0].of.label.lower(), figures[0].agg.replace("avg", "average")
            slots.assume(f"The {agg} of {of} is taken over transactions, not over customers.")
        taken = slots.take(*RESTRICTING)
        self._refuse_mean_beside(figures[0], taken)
        self._refuse_formula_beside(figures[0], taken, dated)
        asked = [one for one in taken if not self.slots.is_deed(one)]
        figures = self._of_what_is_asked(figures, asked, dated)
        subject, figures = self._activity_of(subject, figures, dated)
        self._refuse_held_of_doers(measures[0], subject, taken, fields)
        dated = self._dated(groups, subject)
        if subject not in self._doers() and (self._is_held_of_doers(taken) or not dated):
            taken = self._held_of_doers(taken)
        held_groups = dated if subject not in self._doers() or self._holds_groups(taken) else ()
        scope = build_scope(slots, subject, taken, groups=held_groups, of_whom=True)
        self._require_groups(subject, dated)
        held = [measure_of(one.data) for one in taken if scope.having and one.kind == "HELD" and one.data.filters]
        return Frame(
            kind="figures",
            subject=subject,
            measures=(*(one.measure for one in figures), *held),
            groups=dated,
            summary=summary,
            **scope.as_parts(),
        )

    def _is_said_of(self, held: Chunk, fields: Sequence[Chunk]) -> bool:
        """Tell whether a condition on a measure stands right behind a field: states with at least 300 customers."""
        before = [one for one in self.slots.asked if one.last <= held.first and one.kind not in ("IS", "WHO")]
        return bool(before) and before[-1] in fields

    def _only_says_which(self, field: Chunk) -> bool:
        """Tell whether a field only carries a condition: spend in categories that are not discretionary."""
        behind = [one for one in self.slots.asked if one.first >= field.last and one.kind not in ("IS", "WHICH", "WHO")]
        held = behind[0] if behind and behind[0].kind in ("COND", "VALUE") else None
        said = [one for one in self.slots.asked if held and field.last <= one.first < held.first]
        same = held is not None and as_cond(held).item.table == field.data.table and as_cond(held).item != field.data
        return same and bool(said) and field.data.table not in self._doers()

    def _refuse_mean_beside(self, figure: Figure, taken: Sequence[Chunk]) -> None:
        """Refuse what customers spend a month beside what it was spent on, unless they are said to have bought it."""
        item = self._aggregated_field(figure)[0] if figure.table in self._doers() else None
        extension = self.lexicon.extensions[item.full_name] if item is not None else None
        of_a_time = extension is not None and (extension.per_month_of or extension.days_of or extension.change_of)
        said = any(one.kind in ("BUY", "NEVER", "HELD", "LACKED", "OPEN", "ASSIGNED") for one in taken)
        if of_a_time and not said and self._has_fine(figure.table, taken, ()):
            raise NotUnderstood(figure.item.label)

    def _with_fields(
        self, measures: Sequence[Chunk], fields: Sequence[Chunk], groups: Sequence[Dimension]
    ) -> tuple[Dimension, ...]:
        """Return the groups with the fields that stand beside a measure."""
        tables = {self._figure(one, ()).table for one in measures}
        held = [one for one in self.slots.chunks if one.kind == "HELD" and one.data.figure.table in tables]
        named = self._as_groups(fields)
        self._require_listed(fields)
        values = {one.last: one for one in self.slots.asked if one.kind in ("VALUE", "COND")}
        for one in fields:
            if one.first in values and as_cond(values[one.first]).item != one.data:
                raise NotUnderstood(one.text)
        if held and (set(groups) - set(named) or any(not self._is_said_of(one, fields) for one in held)):
            raise NotUnderstood(fields[0].text)
        return tuple(dict.fromkeys((*groups, *named)))

    def _refuse_held_of_doers(
        self, measured: Chunk, subject: str, taken: Sequence[Chunk], fields: Sequence[Chunk]
    ) -> None:
        """Refuse "customers with more than 3 declines by category": the condition would be one on the categories."""
        counted = measured.data[1] if measured.kind == "COUNTED" else self._figure(measured, ()).table
        if counted not in self._doers() or subject in self._doers():
            return
        for one in taken:
            if one.kind == "HELD" and one.data.figure.table == subject and not self._is_said_of(one, fields):
                raise NotUnderstood(one.text)

    def _is_held_of_doers(self, taken: Sequence[Chunk]) -> bool:
        """Tell whether a condition on a measure is said of people, whatever they are grouped by.

        Raises:
            NotUnderstood: it is one on some days alone, which the profile does not hold.
        """
        for one in taken:
            before = [
                other for other in self.slots.asked if other.last <= one.first and other.kind not in ("IS", "WHO")
            ]
            if one.kind != "HELD" or not before or before[-1].kind != "ENTITY" or before[-1].data not in self._doers():
                continue
            if not self.slots.is_deed(one) and any(other.kind == "TIME" and other.first >= one.last for other in taken):
                raise NotUnderstood(one.text)
            return True
        return False

    def _refuse_owned(self, fields: Sequence[Chunk]) -> None:
        """Refuse "their own segment" as what an answer is broken down by."""
        owners = [one.last for one in self.slots.asked if one.kind == "THEIR"]
        for one in fields:
            if one.first in owners:
                raise NotUnderstood(one.text)

    def _each_value(self) -> tuple[Dimension, ...]:
        """Return the field of several values that a rate is asked for, each on its own."""
        lists = [
            one
            for one in self.slots.chunks
            if one.kind == "VALUE" and len(one.data.values) > 1 and " or " not in one.text.casefold()
        ]
        if len(lists) != 1:
            return ()
        self.slots.assume("The rate is shown for each of them.")
        return (Dimension(name=lists[0].data.item.full_name),)

    def _held_of_doers(self, taken: Sequence[Chunk]) -> list[Chunk]:
        """Turn "of customers with more than 100 transactions" into a condition on the customer's total."""
        kept: list[Chunk] = []
        for one in taken:
            total = None
            if (
                one.kind == "HELD"
                and isinstance(one.data.figure.measure, str)
                and not one.data.filters
                and not one.data.average
            ):
                total = self.lexicon.totals.get(one.data.figure.measure)
            if one.kind != "HELD" or self.slots.is_deed(one):
                kept.append(one)
            elif total is None:
                raise NotUnderstood(one.text)
            else:
                op, values = one.data.op, one.data.values
                tree = Condition.model_validate(
                    {
                        "field": total.full_name,
                        "op": op,
                        **({"values": values} if op == "between" else {"value": values[0]}),
                    }
                )
                kept.append(one.made("COND", Cond(tree, total)))
        return kept

    def _refuse_formula_beside(self, figure: Figure, taken: Sequence[Chunk], groups: Sequence[Dimension]) -> None:
        """Refuse a formula over those who do things beside what they did: it would be of all that they ever did."""
        of_doers = figure.item.kind == "derived_metric" and figure.table in self._doers()
        if of_doers and self._has_fine(figure.table, taken, groups):
            raise NotUnderstood(figure.item.label)

    def _over_each(self, figure: Figure, groups: Sequence[Dimension]) -> Summary | None:
        """Return what is made of a metric's groups: average daily spend, most customers per state; often nothing."""
        averaged = self.slots.take("AGG") if self.slots.has("AGG") else []
        if averaged and (len(averaged) > 1 or averaged[0].data not in _OVER_EACH):
            raise NotUnderstood(averaged[0].text)
        if averaged and len(groups) > 1:
            raise NotUnderstood(averaged[0].text)
        if averaged and groups and (self._said_each or groups[0].grain):
            agg: Summary = averaged[0].data
            return agg
        if averaged:
            raise NotUnderstood(averaged[0].text)
        is_mean = figure.of is not None and len(groups) == 1 and groups[0].grain and self._said_per
        return "avg" if is_mean else None

    def _counted_field(self, measures: Sequence[Chunk], entities: Sequence[str], groups: Sequence[Dimension]) -> Frame:
        """How many states, merchants, categories: different values, or groups that a measure fits."""
        slots = self.slots
        if len(measures) > 1:
            raise NotUnderstood(measures[1].text)
        _, item = measures[0].data
        taken = slots.take(*RESTRICTING)
        if any(one.kind == "HELD" for one in taken):
            if groups:
                raise NotUnderstood("by", "not_understood")
            subject = self._held_subject(taken)
            dimension = Dimension(name=item.full_name)
            scope = build_scope(slots, subject, taken, groups=(dimension,))
            held = next(one.data for one in taken if one.kind == "HELD")
            self._require_groups(subject, (dimension,))
            return Frame(
                kind="figures",
                subject=subject,
                measures=(measure_of(held),),
                groups=(dimension,),
                summary="count",
                **scope.as_parts(),
            )
        needed = [
            item.table,
            *(
                name.rpartition(".")[0]
                for one in taken
                if one.kind in ("COND", "VALUE")
                for name in fields_of(as_cond(one).filter)
            ),
            *(one.name.rpartition(".")[0] for one in groups if one.name != WHEN),
            *entities,
        ]
        if any(one.kind in ("TIME", "BUY") for one in taken):
            needed.append(self._activity())
        subject = self._finest(needed)
        figure = (
            figure_of(self.lexicon, "count_distinct", item, over=subject)
            if subject != self.model.relations.home(item.table)
            else figure_of(self.lexicon, "count_distinct", item)
        )
        if figure is None:
            raise NotUnderstood(measures[0].text)
        scope = build_scope(slots, subject, [one for one in taken if one.kind != "BUY"])
        dated = self._dated(groups, subject)
        return Frame(kind="figures", subject=subject, measures=(figure.measure,), groups=dated, **scope.as_parts())

    def _held_subject(self, taken: Sequence[Chunk]) -> str:
        held: Held = next(one.data for one in taken if one.kind == "HELD")
        return held.figure.table

    def _per(self, measures: Sequence[Chunk], per: Chunk, groups: Sequence[Dimension]) -> Frame:
        """A measure for each row of a table: the mean per customer, or a list by customer."""
        slots, table = self.slots, per.data.table
        if measures and measures[0].kind == "COUNTEDFIELD":
            return self._counted_per(measures, per, groups)
        figure = self._figure(self._measured_per(measures, per), ())
        averaged = slots.take("AGG")
        if len(averaged) > 1:
            raise NotUnderstood(averaged[1].text)
        slots.take("ENTITY")
        taken = slots.take(*RESTRICTING)
        reaches = self.model.relations.reaches
        if reaches(table, figure.table):
            figure = self._each_row(figure, per)
            return self._figures_of(figure, taken, groups, figure.table)
        if not reaches(figure.table, table):
            raise NotUnderstood(per.text)
        base = figure.of or figure.item
        total, fine = self.lexicon.totals.get(base.full_name), self._has_fine(table, taken, groups)
        is_list = not averaged and not figure.agg and not per.text.casefold().startswith("per")
        if is_list and not groups:
            return self._listed_by(figure, None if fine else total, table, taken)
        agg = averaged[0].data if averaged else figure.agg or "avg"
        found = figure_of(self.lexicon, agg, total) if total is not None and not fine else None
        if found is not None:
            return self._figures_of(found, taken, groups, table)
        if agg != "avg" or (total is not None and not fine):
            raise NotUnderstood(per.text)
        return self._divided(figure.table, base, table, taken, groups)

    def _counted_per(self, measures: Sequence[Chunk], per: Chunk, groups: Sequence[Dimension]) -> Frame:
        """Count the values of a field for each row of a table, on average: distinct categories per customer."""
        slots, table, activity = self.slots, per.data.table, self._activity()
        item = measures[0].data[1]
        averaged = slots.take("AGG")
        figure = figure_of(self.lexicon, "count_distinct", item, over=activity)
        is_fine = self._reaches_all(activity, (Dimension(name=item.full_name),)) and table in self._doers()
        if len(measures) != 1 or len(averaged) > 1 or groups or figure is None or not is_fine:
            raise NotUnderstood(per.text)
        summary: Summary = averaged[0].data if averaged else "avg"
        if summary not in _OVER_EACH:
            raise NotUnderstood(averaged[0].text)
        slots.take("ENTITY")
        taken = [one for one in slots.take(*RESTRICTING) if one.kind != "BUY"]
        scope = build_scope(slots, activity, taken)
        keys = tuple(Dimension(name=f"{table}.{name}") for name in self.model.tables[table].primary_key)
        slots.assume("Those without such transactions do not count.")
        return Frame(
            kind="figures",
            subject=activity,
            measures=(figure.measure,),
            groups=keys,
            summary=summary,
            **scope.as_parts(),
        )

    def _each_row(self, figure: Figure, per: Chunk) -> Figure:
        """Return the mean of what a metric adds up: spend per transaction."""
        added = None if figure.agg else added_up(self.lexicon, figure.item)
        found = figure_of(self.lexicon, "avg", added) if added is not None else None
        if not figure.agg and found is None:
            raise NotUnderstood(per.text)
        return found or figure

    def _measured_per(self, measures: Sequence[Chunk], per: Chunk) -> Chunk:
        """Return what is measured for each row: a measure, or how many rows of another table."""
        things = [one for one in self.slots.chunks if one.kind == "ENTITY" and one.data != per.data.table]
        if not measures and len(things) == 1:
            self.slots.chunks.remove(things[0])
            found = count_of(self.lexicon, things[0].data)
            measures = [things[0].made("COUNTED", (found, things[0].data, False))] if found else []
        if len(measures) != 1:
            raise NotUnderstood(per.text)
        return measures[0]

    def _divided(
        self, subject: str, base: Item, table: str, taken: Sequence[Chunk], groups: Sequence[Dimension]
    ) -> Frame:
        """Return a measure divided by the rows of a table that have a part in it."""
        doers = doers_with(self.lexicon, table, base)
        if doers is None or not isinstance(base.expression, exp.Sum | exp.Count):  # no mean is divided once more
            raise NotUnderstood(base.label)
        self.slots.assume("Per customer means: divided by the customers with such transactions.")
        scope = build_scope(self.slots, subject, [one for one in taken if one.kind != "BUY"])
        dated = self._dated(groups, subject)
        parts = {"op": "ratio", "left": base.full_name, "right": doers, "as": f"{base.name}_per_customer"}
        ratio = Formula.model_validate(parts)
        return Frame(kind="figures", subject=subject, measures=(ratio,), groups=dated, **scope.as_parts())

    def _listed_by(self, figure: Figure, total: Item | None, table: str, taken: Sequence[Chunk]) -> Frame:
        """Return a measure for every row of a table."""
        names = tuple(f"{table}.{name}" for name in table_extension(self.model, table).row_fields)
        if total is not None and not any(one.kind in ("HELD", "BUY", "NEVER") for one in taken):
            scope = build_scope(self.slots, table, taken)
            rank = Rank(by=total.full_name)
            return Frame(kind="rows", subject=table, fields=(*names, total.full_name), rank=rank, **scope.as_parts())
        groups = tuple(Dimension(name=name) for name in names)
        scope = build_scope(self.slots, figure.table, [one for one in taken if one.kind != "BUY"], groups=groups)
        return Frame(
            kind="figures",
            subject=figure.table,
            measures=(figure.measure,),
            groups=groups,
            rank=Rank(by="*"),
            **scope.as_parts(),
        )
