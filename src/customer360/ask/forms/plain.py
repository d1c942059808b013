"""Questions that neither rank nor compare: figures, counts by group, distributions, lists of rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from customer360.ask.chunks import Chunk
from customer360.ask.dates import Unit, grain_of
from customer360.ask.forms.base import main_table
from customer360.ask.forms.figures import Figures
from customer360.ask.frame import Frame, fields_of
from customer360.ask.grammar.figures import count_of, figure_of, metric_figure
from customer360.ask.grammar.groups import width_of
from customer360.ask.grammar.terms import WHEN, Figure, Held, Sorting, as_cond
from customer360.ask.lexicon import is_numeric, table_extension
from customer360.ask.slots import RESTRICTING, NotUnderstood, build_scope, measure_of
from customer360.semantic import Benchmark, Dimension, Item, Relative


class Plain(Figures):
    """A plain question."""

    def build(self) -> Frame:
        """Return the frame."""
        return self._sorted(self._plain())

    def _plain(self) -> Frame:
        slots = self.slots
        self._ranked_groups()
        moving, running = slots.take("MOVING"), slots.take("RUNNING")
        span = self._span() if moving else 3
        distribution = slots.take("DISTRIB")
        measures = slots.take("MEASURE", "COUNTED", "COUNTEDFIELD")
        groups, per = self._groups()
        frame = self._filled(measures, groups, per, distribution)
        if (moving or running) and frame.summary:
            raise NotUnderstood((moving or running)[0].text)
        if moving or running:
            if not any(one.grain for one in frame.groups):
                dated = self._dated([Dimension(name=WHEN, grain=grain_of(frame.window))], frame.subject)
                frame = frame.model_copy(update={"groups": (*frame.groups, *dated)})
            frame = frame.model_copy(update={"show": "moving_average" if moving else "running_total", "span": span})
        return frame

    def _ranked_groups(self) -> None:
        """Read "states by total spend" as the groups that a measure puts in order."""
        chunks = self.slots.chunks
        for by, measure in pairwise(chunks):
            groups = [
                one for one in chunks if one.kind == "FIELD" and one.last <= by.first and not is_numeric(one.data)
            ]
            if by.kind == "BY" and measure.kind in ("MEASURE", "COUNTED") and len(groups) == 1:
                self.slots.sorting = self.slots.sorting or Sorting(measure)
                chunks.remove(by)
                return

    def _filled(
        self, measures: Sequence[Chunk], groups: Sequence[Dimension], per: Chunk | None, distribution: Sequence[Chunk]
    ) -> Frame:
        slots = self.slots
        if per is not None:
            return self._per(measures, per, groups)
        if measures:
            return self._figures(measures, groups)
        fields = slots.take("FIELD")
        entities = [one.data for one in slots.take("ENTITY")] or self._named_people(fields)
        in_classes = slots.has("BINS") and all(is_numeric(one.data) for one in fields)
        in_classes = in_classes or any(one.bin or one.bounds for one in groups)
        if (distribution or in_classes) and (fields or (groups and not entities)):
            return self._distribution(fields, groups, slots.take("BINS"))
        if entities:
            return self._of_entity(entities, fields, groups)
        if fields:
            return self._of_fields(fields, groups)
        return self._nothing_named(groups)

    def _named_people(self, fields: Sequence[Chunk]) -> list[str]:
        """Read "names and cities of the High-Value Travelers", or "list them with their city", as of those people."""
        lists = [one.text.casefold() for one in self.slots.asked if one.kind == "LIST"]
        several = len(fields) > 1 or any(one.kind == "THEIR" for one in self.slots.asked)
        names = (bool(lists) and several) or any(one.startswith("names") for one in lists)
        people = main_table(self.lexicon)
        of_people = bool(fields) and all(one.data.table == people for one in fields)
        return [people] if names and of_people and self.slots.has("VALUE", "COND") else []

    def _distribution(self, fields: Sequence[Chunk], groups: Sequence[Dimension], bins: Sequence[Chunk] = ()) -> Frame:
        """How many rows there are by value of a field, numbers in classes."""
        slots = self.slots
        items = [one.data for one in fields]
        entities = [one.data for one in slots.take("ENTITY")]
        width = next((one.data for one in bins if one.data), None)
        dimensions = tuple(self._binned(item, width) for item in items)
        tables = [item.table for item in items] or [one.name.rpartition(".")[0] for one in groups if one.name != WHEN]
        if entities:
            self._require_related(entities[0], tables)
        subject = (
            entities[0]
            if entities and all(self.model.relations.reaches(entities[0], table) for table in tables)
            else self._finest(tables)
        )
        count = count_of(self.lexicon, subject)
        if count is None:
            raise NotUnderstood(subject)
        return self._figures_of(count, slots.take(*RESTRICTING), (*dimensions, *groups), subject)

    def _binned(self, item: Item, width: float | None = None) -> Dimension:
        if is_numeric(item):
            return Dimension(name=item.full_name, bin=width or width_of(self.lexicon, item))
        return Dimension(name=item.full_name, grain="month" if item.kind == "time_dimension" else None)

    def _of_entity(self, entities: Sequence[str], fields: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """Rows of a table, or how many there are by group."""
        slots, table = self.slots, entities[0]
        if fields and not groups and self._led_by(fields):
            groups, fields = self._as_groups(fields), []
        named = [name for name in dict.fromkeys(entities) if name != table]
        taken = slots.take(*RESTRICTING)
        if groups:
            others = [name for name in named if not self.model.relations.reaches(table, name)]
            if fields or others:
                raise NotUnderstood(fields[0].text if fields else others[0])
            return self._counts_by(table, taken, groups)
        taken = self._with_activity(table, named, taken)
        if fields and any(one.kind == "HELD" and one.data.figure.table == table for one in taken):
            return self._groups_with(fields, taken)
        self._refuse_mean_of_others(table, fields)
        found = count_of(self.lexicon, table)
        is_count = table == self._activity() and not slots.listing and not fields and not self._measured_rows(taken)
        if is_count and found is not None:
            return self._figures_of(found, [one for one in taken if one.kind != "BUY"], (), table)
        return self._rows(table, taken, [one.data for one in fields])

    def _refuse_mean_of_others(self, table: str, fields: Sequence[Chunk]) -> None:
        """Refuse what is a mean of customers beside their transactions: neither a figure nor one of the rows."""
        for one in fields:
            if table == self._activity() and one.text.casefold().startswith("average") and not self.slots.listing:
                raise NotUnderstood(one.text)

    def _counts_by(self, table: str, taken: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """How many rows of a table there are in each group."""
        count = count_of(self.lexicon, table)
        if count is None:
            raise NotUnderstood(table)
        subject, figures = self._activity_of(table, [count], groups)
        if subject != table:
            return self._figures_of(figures[0], [one for one in taken if one.kind != "BUY"], groups, subject)
        dated = self._dated(groups, subject)
        held_groups = dated if subject not in self._doers() or self._holds_groups(taken) else ()
        scope = build_scope(self.slots, subject, taken, groups=held_groups, of_whom=True)
        return Frame(kind="figures", subject=subject, measures=(count.measure,), groups=dated, **scope.as_parts())

    def _with_activity(self, table: str, named: Sequence[str], taken: list[Chunk]) -> list[Chunk]:
        """Return the restrictions with what naming another table beside the first one means."""
        reaches = self.model.relations.reaches
        if any(not reaches(name, table) and not reaches(table, name) for name in named):
            raise NotUnderstood(named[0])
        if named and named[0] == table_extension(self.model, table).activity:
            return [*taken, Chunk("BUY", "", 0, 0, named[0])]
        return taken

    def _measured_rows(self, taken: Sequence[Chunk]) -> bool:
        """Tell whether a condition compares a number of the rows, so that it is they who are wanted."""
        conds = [as_cond(one) for one in taken if one.kind in ("COND", "VALUE")]
        return any(not cond.values or self._is_key(cond) or cond.item.name.endswith("_id") for cond in conds) or any(
            one.kind == "HELD" for one in taken
        )

    def _led_by(self, fields: Sequence[Chunk]) -> bool:
        """Tell whether fields stand before what they are of, so that they are the groups: segments of those who …"""
        things = [one for one in self.slots.asked if one.kind in ("ENTITY", "WHO")]
        if any(one.kind == "LIST" and one.text.casefold().startswith("name") for one in self.slots.asked):
            return False
        if all(self._names_rows(one.data) for one in fields):
            return False
        return bool(things) and all(
            not is_numeric(one.data) and one.data.kind == "dimension" and one.last <= things[0].first for one in fields
        )

    def _names_rows(self, item: Item) -> bool:
        """Tell whether a field only says which row one is: names of customers."""
        return item.name in table_extension(self.model, item.table).row_fields

    def _of_fields(self, fields: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """Fields without a measure: a distribution, a list of values, a mean, or one row's fields."""
        slots = self.slots
        taken = [self._held_by_groups(one, fields) for one in slots.take(*RESTRICTING)]
        items = [one.data for one in fields]
        if any(one.kind == "HELD" for one in taken):
            return self._groups_with(fields, taken, groups)
        keyed = [one for one in taken if one.kind in ("VALUE", "COND") and self._is_key(as_cond(one))]
        if keyed and not groups:
            return self._rows(as_cond(keyed[0]).item.table, taken, items)
        numbers = [item for item in items if is_numeric(item)]
        if numbers and len(numbers) == len(items) and not (numbers[0].kind == "dimension" and not groups):
            return self._means(fields, taken, groups)
        if numbers or groups:
            raise NotUnderstood(fields[0].text)
        if not self.slots.listing and not taken:
            raise NotUnderstood(fields[0].text, "missing_slots")
        self._require_listed(fields)
        if any(one.kind == "COND" and not as_cond(one).values for one in taken):
            raise NotUnderstood(fields[0].text, "missing_measure")
        subject = (
            self._finest([item.table for item in items]) if len({item.table for item in items}) > 1 else items[0].table
        )
        needed = [
            name.rpartition(".")[0]
            for one in taken
            if one.kind in ("COND", "VALUE")
            for name in fields_of(as_cond(one).filter)
        ]
        if needed or any(one.kind in ("TIME", "BUY") for one in taken):
            extra = [self._activity()] if any(one.kind in ("TIME", "BUY") for one in taken) else []
            subject = self._finest([*(item.table for item in items), *needed, *extra])
        scope = build_scope(slots, subject, [one for one in taken if one.kind != "BUY"])
        return Frame(
            kind="values",
            subject=subject,
            groups=tuple(Dimension(name=item.full_name) for item in items),
            **scope.as_parts(),
        )

    def _means(self, fields: Sequence[Chunk], taken: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """Numbers that are named without an aggregate, as averages; a total as that of all."""
        total = self._total_of(fields[0]) if len(fields) == 1 else None
        self._refuse_days_of_some(fields, taken)
        figures = [total or figure_of(self.lexicon, "avg", one.data) for one in fields]
        if total is None:
            self.slots.assume(f"{fields[0].data.label} is shown as an average.")
        made = [figure for figure in figures if figure is not None]
        subject = made[0].table
        dated = self._dated(groups, subject)
        self._require_groups(subject, dated)
        scope = build_scope(self.slots, subject, taken)
        measures = tuple(one.measure for one in made)
        return Frame(kind="figures", subject=subject, measures=measures, groups=dated, **scope.as_parts())

    def _refuse_days_of_some(self, fields: Sequence[Chunk], taken: Sequence[Chunk]) -> None:
        """Refuse what customers spent in the last 90 days beside what it was spent on, or other days."""
        for one in fields:
            known = self.lexicon.extensions[one.data.full_name]
            if (known.days_of or known.per_month_of or known.change_of) and self._has_fine(one.data.table, taken, ()):
                raise NotUnderstood(one.text)

    def _total_of(self, field: Chunk) -> Figure | None:
        """Read the total transactions, of nobody in particular, as those of all: what the field holds for each."""
        name = self.lexicon.extensions[field.data.full_name].total_of
        metric = next((item for item in self.model.items if item.full_name == name), None)
        counts = metric is not None and metric.unit == "count" and field.text.casefold().startswith("total")
        return metric_figure(self.model, metric) if metric is not None and counts else None

    def _held_by_groups(self, cond: Chunk, fields: Sequence[Chunk]) -> Chunk:
        """Read "states with an above-average churn score" as comparing the mean of each with that of all rows."""
        tree = as_cond(cond).filter if cond.kind == "COND" else None
        is_mean = isinstance(tree, Relative) and isinstance(tree.than, Benchmark) and tree.than == Benchmark()
        if not is_mean or not isinstance(tree, Relative) or any(is_numeric(one.data) for one in fields):
            return cond
        figure = figure_of(self.lexicon, "avg", as_cond(cond).item)
        if figure is None:
            return cond
        return cond.made("HELD", Held(figure, tree.op, (), average=True, times=tree.times, overall=True))

    def _groups_with(self, fields: Sequence[Chunk], taken: Sequence[Chunk], groups: Sequence[Dimension] = ()) -> Frame:
        """Groups that a measure fits: states with more than 100 customers."""
        dimensions = (*self._as_groups(fields), *groups)
        helds = [one.data for one in taken if one.kind == "HELD"]
        subject = helds[0].figure.table
        if any(held.figure.table != subject for held in helds) and any(one.kind != "HELD" for one in taken):
            raise NotUnderstood(helds[1].figure.item.label)
        self._require_groups(subject, dimensions)
        scope = build_scope(self.slots, subject, taken, groups=dimensions)
        measures = tuple(measure_of(held) for held in helds)
        counted = count_of(self.lexicon, subject)
        if counted is not None and any(held.filters for held in helds):
            measures = (*measures, counted.measure)  # groups without any such rows are there with those that they have
        return Frame(kind="figures", subject=subject, measures=measures, groups=dimensions, **scope.as_parts())

    def _nothing_named(self, groups: Sequence[Dimension]) -> Frame:
        slots = self.slots
        if slots.has("UNITWORD") and slots.has("HELD") and not groups:
            unit: Unit = slots.take("UNITWORD")[0].data
            is_count = bool(slots.take("COUNT"))
            taken = slots.take(*RESTRICTING)
            held = next(one.data for one in taken if one.kind == "HELD")
            subject = held.figure.table
            dated = self._dated([Dimension(name=WHEN, grain=unit)], subject)
            scope = build_scope(slots, subject, taken, groups=dated)
            return Frame(
                kind="figures",
                subject=subject,
                measures=(measure_of(held),),
                groups=dated,
                summary="count" if is_count else None,
                **scope.as_parts(),
            )
        conds = [one for one in slots.chunks if one.kind in ("VALUE", "COND")]
        near = all(self.model.relations.reaches(main_table(self.lexicon), as_cond(one).item.table) for one in conds)
        asks_how = any(one.kind == "WHAT" and one.text.casefold().startswith("how") for one in slots.asked)
        if conds and not groups and not asks_how and (self.slots.listing or near):
            table = main_table(self.lexicon)
            return self._rows(table, slots.take(*RESTRICTING), [])
        compares = any(one.kind in ("COMPARE", "VS") for one in slots.asked)
        if conds and groups and near and not (asks_how or compares):
            return self._counts_by(main_table(self.lexicon), slots.take(*RESTRICTING), groups)
        raise NotUnderstood("what to work out", "missing_slots")

    def _span(self) -> int:
        """Take the number of periods of a moving average."""
        for place, one in enumerate(self.slots.chunks):
            if one.kind == "DURATION" and one.data.op == "=":
                self.slots.chunks[place] = one.made("GRAIN", one.data.unit)
                return int(one.data.count)
        for place, one in enumerate(self.slots.chunks[:-1]):
            unit = self.slots.chunks[place + 1]
            if one.kind == "NUM" and unit.kind in ("UNITWORD", "GRAIN"):
                self.slots.chunks[place : place + 2] = [Chunk("GRAIN", unit.data, one.first, unit.last, unit.text)]
                return int(one.data[0])
        return 3
