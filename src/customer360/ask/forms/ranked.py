"""The first of something: by a measure, by a field, by date, of each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from customer360.ask.chunks import Chunk
from customer360.ask.forms.base import is_plural, leaves_out, main_table
from customer360.ask.forms.figures import Figures
from customer360.ask.frame import Frame, Rank
from customer360.ask.grammar.figures import aggregated_item, count_of, figure_of, kept_values, metric_figure, size_of
from customer360.ask.grammar.terms import FALLING, WHEN, Cond, Figure, as_cond
from customer360.ask.lexicon import date_of, is_numeric, table_extension
from customer360.ask.ordering import is_worse, sort_frame
from customer360.ask.slots import RESTRICTING, NotUnderstood, build_scope
from customer360.ask.words import stems_of
from customer360.semantic import Condition, Dimension, Item

_COMMON = ("common", "popular", "prevalent", "rarest", "used")
_TARGETS = ("ENTITY", "FIELD", "UNITWORD", "GRAINED")


@dataclass
class Choice:
    """What is ranked, by what, and how many are wanted."""

    targets: Sequence[Chunk]
    measures: Sequence[Chunk]
    words: Sequence[Chunk]
    adjective: Chunk | None
    limit: int | None
    offset: int
    descending: bool
    groups: tuple[Dimension, ...]
    numbers: Sequence[Chunk] = ()
    entities: Sequence[Chunk] = ()
    fields: Sequence[Chunk] = ()
    taken: Sequence[Chunk] = ()
    shown: tuple[Item, ...] = ()
    """What is shown beside it."""
    by: bool = False
    """Whether what it is ranked by was named as such."""
    each: bool = False
    """Whether each row of what was named has one of its own."""


class Ranked(Figures):
    """A question that ranks."""

    def build(self) -> Frame:
        """Return the frame."""
        said = [one.data for one in self.slots.chunks if one.kind == "DIR"]
        if set(said) - {"asc", "desc"}:
            raise NotUnderstood("the order")
        directions = [one == "desc" for one in said]
        return self._in_order(self._ranked(), directions)

    def _in_order(self, frame: Frame, directions: list[bool]) -> Frame:
        """Refuse an order that is another one than that of the ranking."""
        sorting, rank = self.slots.sorting, frame.rank
        if sorting is not None:
            other = sort_frame(self.lexicon, frame, sorting).rank
            if rank is None or other is None or other.by != rank.by:
                raise NotUnderstood("the order")
            directions += [] if sorting.descending is None else [sorting.descending]
        if rank is not None and any(one != rank.descending for one in directions):
            raise NotUnderstood("the order")
        return frame

    def _ranked(self) -> Frame:
        """The first of something: by a measure, by a field, by date."""
        slots = self.slots
        words = slots.take("TOP", "SUP", "RECENT", "GOOD")
        if max(sum(one.kind == kind for one in words) for kind in ("TOP", "SUP")) > 1:
            raise NotUnderstood(words[-1].text)
        if any(one.kind == "RECENT" and one.text.casefold() == "first" for one in words[1:]):
            raise NotUnderstood("first")
        adjective = self._superlative()
        if adjective is not None:
            slots.chunks.remove(adjective)
        nth = slots.take("NTH", "NTHNUM")
        slots.take("SORT", "DIR")
        good = [one for one in words if one.kind == "GOOD"]
        descending = _is_descending(words, good)
        number = self._count_wanted()
        by = self._order_by()
        measures = slots.take("MEASURE", "COUNTED", "COUNTEDFIELD")
        if len(measures) > 1 and slots.asked[0].kind == "COUNTED" and any(one.kind == "THEIR" for one in slots.asked):
            raise NotUnderstood(measures[1].text)  # how many had their highest month then: each has one
        groups, per = self._groups()
        are_groups = any(one.kind == "FIELD" and not is_numeric(one.data) for one in slots.chunks)
        if per is not None and not by and not groups and not (are_groups and measures):
            entity = per.data.table
            slots.chunks.append(Chunk("ENTITY", entity, per.first, per.last, per.text))
        elif per is not None:
            return self._rank_per([*measures, *by], per, number, descending=descending)
        targets = slots.take(*_TARGETS)
        offset = int(nth[0].data) - 1 if nth else 0
        limit = number if number else (1 if offset else None)
        if good and any(self._is_worse(one) for one in (*measures, *by, *targets)):
            descending = not descending
        choice = Choice(
            targets, [*measures, *by], words, adjective, limit, offset, descending, tuple(groups), by=bool(by)
        )
        choice.each = per is not None
        slots.take("BY")
        return self._rank(choice)

    def _rank_per(self, measures: Sequence[Chunk], per: Chunk, number: int | None, *, descending: bool) -> Frame:
        """Groups by what a measure makes for each customer: the bottom 5 states by revenue per customer."""
        fields = [one for one in self.slots.chunks if one.kind == "FIELD"]
        if len(fields) != 1 or is_numeric(fields[0].data):
            raise NotUnderstood(per.text)
        self.slots.take("FIELD", "BY")
        frame = self._per(measures, per, self._as_groups(fields))
        if frame.kind != "figures":
            raise NotUnderstood(per.text)
        limit = number or (10 if is_plural(fields[0]) else 1)
        return frame.model_copy(update={"rank": Rank(by="*", descending=descending, limit=limit)})

    def _is_worse(self, chunk: Chunk) -> bool:
        """Tell whether more of a measure is worse."""
        data = chunk.data[0] if chunk.kind in ("COUNTED", "COUNTEDFIELD") else chunk.data
        item = data.item if isinstance(data, Figure) else data if isinstance(data, Item) else None
        return item is not None and is_worse(self.lexicon, item.full_name)

    def _order_by(self) -> list[Chunk]:
        """Take what a ranking is by: "by lifetime value", "in terms of spend"."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks[:-1]):
            after = chunks[place + 1]
            if one.kind in ("BY", "IN") and after.kind in ("MEASURE", "COUNTED", "FIELD", "ENTITY"):
                if after.kind == "FIELD" and not is_numeric(after.data):
                    continue
                del chunks[place : place + 2]
                return [after]
        return []

    def _rank(self, choice: Choice) -> Frame:
        self._sort_targets(choice)
        choice.taken = self.slots.take(*RESTRICTING)
        self._read_adjective(choice)
        if any(one.kind == "RECENT" and one.text.casefold() == "first" for one in choice.words) and choice.measures:
            raise NotUnderstood("first")
        is_recent = any(one.kind == "RECENT" for one in choice.words) and not choice.measures
        by_date = is_recent and (not choice.numbers or (not choice.by and self._shows_with_dates(choice)))
        if by_date:
            return self._rank_dates(choice)
        if is_recent and choice.by:
            self._turn_to_age(choice)
        if self._is_value_of(choice):
            choice.entities = []
        if self._shows_more(choice):
            return self._rank_by_size_with(choice)
        if choice.fields:
            return self._rank_groups(choice)
        return self._rank_rows(choice) if choice.entities else self._extreme(choice)

    def _turn_to_age(self, choice: Choice) -> None:
        """Longest-standing customers by tenure: the earliest have the longest; of no other number that is said."""
        said = next(one.text for one in choice.words if one.kind == "RECENT")
        if len(choice.numbers) != 1 or choice.numbers[0].data.unit not in ("days", "months", "years"):
            raise NotUnderstood(said)
        choice.descending = not choice.descending

    def _is_value_of(self, choice: Choice) -> bool:
        """Tell whether the value itself is asked for: the lowest credit limit of customers in Texas."""
        if len(choice.numbers) != 1 or not choice.entities or choice.limit or choice.offset or choice.by:
            return False
        number, first = choice.numbers[0], choice.entities[0]
        sups = [one for one in choice.words if one.kind == "SUP" and one.last == number.first]
        return bool(sups) and first.first > number.last and not choice.fields and not choice.measures

    def _shows_more(self, choice: Choice) -> bool:
        """Tell whether fields behind a row are only shown with it: the biggest payment: merchant and amount."""
        sups = [one for one in choice.words if one.kind == "SUP"]
        behind = (*choice.fields, *choice.numbers, *choice.entities[1:])
        is_other = choice.measures or choice.by or choice.groups
        if not choice.entities or not sups or not (choice.fields or choice.numbers) or is_other:
            return False
        entity = choice.entities[0]
        sized = size_of(self.lexicon, entity.data) is not None
        return sized and sups[0].last <= entity.first and all(one.first >= entity.last for one in behind)

    def _rank_by_size_with(self, choice: Choice) -> Frame:
        entity, *others = choice.entities
        shown = [one.data for one in (*choice.fields, *choice.numbers) if one.kind == "FIELD"]
        for one in others:
            key = f"{one.data}.{self.model.tables[one.data].primary_key[0]}"
            shown += [item for item in self.model.items if item.full_name == key]
        choice.fields = choice.numbers = []
        self._rank_by_size(choice, entity)
        size = choice.numbers[0].data
        rank = Rank(by=size.full_name, descending=choice.descending, limit=self._default_limit(choice, entity))
        return self._rows(entity.data, self._counted_rows(size, choice.taken), [size, *shown], rank)

    def _sort_targets(self, choice: Choice) -> None:
        """Tell what is ranked from what it is ranked by."""
        choice.numbers = [one for one in choice.measures if one.kind == "FIELD"]
        choice.measures = [one for one in choice.measures if one.kind != "FIELD"]
        numeric = [one for one in choice.targets if one.kind == "FIELD" and is_numeric(one.data)]
        ends = {one.last for one in choice.words if one.kind != "TOP"}
        numbers = [one for one in numeric if one.data.kind == "fact" or one.first in ends]
        named = [one for one in choice.targets if one not in numbers]
        choice.numbers = [*choice.numbers, *numbers]
        choice.entities = [one for one in named if one.kind == "ENTITY"]
        choice.fields = [one for one in named if one.kind in ("FIELD", "UNITWORD", "GRAINED")]
        self._take_shown(choice)
        if choice.entities and not choice.measures and not choice.numbers:
            self._order_by_group(choice)

    def _take_shown(self, choice: Choice) -> None:
        """Read fields behind the customers that are ranked as shown with them: with their state."""
        tops = [one for one in choice.words if one.kind == "TOP" or (one.kind == "RECENT" and choice.by)]
        tops += [choice.adjective] if choice.adjective is not None else []
        doers = [one for one in choice.entities if one.data in self._doers()]
        ranks = choice.by or choice.numbers or choice.measures or choice.adjective
        if tops and doers and choice.fields and ranks and tops[0].last <= doers[0].first < choice.fields[0].first:
            choice.shown = tuple(one.data for one in choice.fields if one.kind == "FIELD")
            choice.fields = []

    def _order_by_group(self, choice: Choice) -> None:
        """Read "customers by age" as ranked by it: a number that is a dimension, too."""
        for group in choice.groups:
            item = next((one for one in self.model.items if one.full_name == group.name), None)
            if item is not None and is_numeric(item) and not group.rounded:
                choice.groups = tuple(one for one in choice.groups if one != group)
                choice.numbers, choice.by = [Chunk("FIELD", item, 0, 0, item.label)], True
                return

    def _read_adjective(self, choice: Choice) -> None:
        """Rank by what an adjective compares, where nothing else is named to rank by."""
        adjective = choice.adjective
        shown = [one for one in choice.numbers if adjective is not None and one.first > adjective.first]
        if adjective is None or choice.measures:
            return
        if len(shown) < len(choice.numbers) or (shown and choice.by):
            if all(one.data != adjective.data.item for one in choice.numbers):
                raise NotUnderstood(adjective.text)
            return
        item = self._meant_by(adjective, choice.entities)
        choice.descending = adjective.data.op == (">" if item == adjective.data.item else "<")
        if item.kind in ("metric", "derived_metric"):
            choice.measures = [adjective.made("MEASURE", metric_figure(self.model, item))]
        else:
            choice.numbers = [adjective.made("FIELD", item), *shown]

    # Groups

    def _rank_groups(self, choice: Choice) -> Frame:
        """Groups by a measure: which state has the highest average lifetime value."""
        dimensions = tuple(dict.fromkeys(_grouping(one) for one in choice.fields))
        self._require_listed(choice.fields)
        figures = self._group_figures(choice, dimensions)
        self._require_related(figures[0].table, [one.data for one in choice.entities])
        subject, figures = self._activity_of(figures[0].table, figures, (*dimensions, *choice.groups))
        dated = self._dated((*dimensions, *choice.groups), subject)
        self._require_groups(subject, dated)
        if subject not in self._doers() and self._is_held_of_doers(choice.taken):
            choice.taken = self._held_of_doers(choice.taken)
        on_groups = dated if subject not in self._doers() or self._holds_groups(choice.taken) else ()
        scope = build_scope(self.slots, subject, choice.taken, groups=on_groups, of_whom=True)
        per = tuple(dated[len(dimensions) :])
        limit = choice.limit or (1 if per else self._default_limit(choice, choice.fields[0]))
        rank = Rank(by="*", descending=choice.descending, limit=limit, offset=choice.offset, per=per)
        measures = tuple(one.measure for one in figures)
        return Frame(kind="figures", subject=subject, measures=measures, groups=dated, rank=rank, **scope.as_parts())

    def _group_figures(self, choice: Choice, dimensions: Sequence[Dimension]) -> list[Figure]:
        """Return what groups are ranked by; the first counts most."""
        if choice.measures and choice.numbers:
            raise NotUnderstood(choice.numbers[0].text)
        if choice.measures:
            figures = [self._figure(one, dimensions) for one in choice.measures]
            return list({str(one.measure): one for one in figures}.values())
        if choice.numbers:
            number = choice.numbers[0]
            found = figure_of(self.lexicon, "avg", number.data)
            if found is None:
                raise NotUnderstood(number.text)
            self.slots.assume(f"{number.data.label} of a group is its average.")
            return [found]
        held = [one.data for one in choice.taken if one.kind == "HELD"]
        if choice.entities:
            return [self._largest(choice) or self._counted_entity(choice, dimensions)]
        if not held and self._asks_for_the_common(choice):
            return [self._most_common(choice.fields[0])]
        if not held:
            return [self._said_in_name(choice.fields[0])]
        return [held[0].figure]

    def _said_in_name(self, field: Chunk) -> Figure:
        """Return the measure that a name begins with: the top spending category is that of most spend."""
        metrics = self.lexicon.entries.get(stems_of(field.text)[:1], ())
        item = next((one.data for one in metrics if one.kind == "METRIC"), None)
        if item is None or field.kind != "FIELD":
            raise NotUnderstood(field.text, "missing_measure")
        return metric_figure(self.model, item)

    def _asks_for_the_common(self, choice: Choice) -> bool:
        return any(word in one.text.casefold() for one in choice.words for word in _COMMON)

    def _most_common(self, field: Chunk) -> Figure:
        """Return the number of rows that have a value: of those who do things, or else of what they did."""
        people = main_table(self.lexicon)
        near = field.kind == "FIELD" and self.model.relations.reaches(people, field.data.table)
        counted = count_of(self.lexicon, people if near else self._activity())
        if counted is None:
            raise NotUnderstood(field.text, "missing_measure")
        self.slots.assume(f"By {counted.item.label.lower()}.")
        return counted

    def _largest(self, choice: Choice) -> Figure | None:
        """Return the size of the largest row, where one was named: the state with the largest transaction."""
        target = self._sized_first(choice)
        if target is None or is_plural(target):
            return None
        item = size_of(self.lexicon, target.data)
        if item is None:
            return None
        choice.entities = [one for one in choice.entities if one is not target]
        return figure_of(self.lexicon, "max" if choice.descending else "min", item)

    def _counted_entity(self, choice: Choice, dimensions: Sequence[Dimension]) -> Figure:
        """Return the number of what is named: the state with the most customers."""
        entity = choice.entities[0]
        if any(one.kind == "SUP" and one.last == choice.fields[0].first for one in choice.words):
            raise NotUnderstood(choice.fields[0].text)
        counted = count_of(self.lexicon, entity.data)
        if counted is None:
            raise NotUnderstood(entity.text)
        choice.entities = choice.entities[1:]
        return counted if self._reaches_all(counted.table, dimensions) else self._doers_in(counted.table) or counted

    def _default_limit(self, choice: Choice, named: Chunk) -> int:
        """Return 10 where several are asked for without a number, else 1."""
        if choice.limit:
            return choice.limit
        if not self._is_plural(choice, named):
            return 1
        self.slots.assume("The first 10, because no number was given.")
        return 10

    def _meant_by(self, adjective: Chunk, entities: Sequence[Chunk]) -> Item:
        """Return what an adjective compares: the oldest accounts are those opened first, not those of old people."""
        item: Item = adjective.data.item
        if item.name == "age" and any("account" in one.text.casefold() for one in entities):
            name = date_of(self.model, entities[0].data)
            return next((one for one in self.model.items if one.full_name == name), item)
        return item

    def _is_plural(self, choice: Choice, chunk: Chunk) -> bool:
        word = chunk.text.split()[-1].casefold()
        if any(one.kind == "WHICH" and one.text.casefold() == "which one" for one in self.slots.asked):
            return False
        if chunk.kind == "ENTITY" and word in ("who", "people"):
            return word == "people"
        return is_plural(chunk) or any(one.kind == "TOP" for one in choice.words)

    # Rows

    def _rank_dates(self, choice: Choice) -> Frame:
        """The newest or the oldest rows, or the date of them."""
        self.slots.take("WHEN")
        are_named = bool(choice.entities) and all(one.kind == "FIELD" for one in choice.fields)
        lists_rows = are_named and choice.limit is not None and not choice.each
        if choice.fields and not lists_rows and not self._shows_with_dates(choice):
            field = choice.fields[0]
            agg = "max" if choice.descending else "min"
            is_date = field.kind == "FIELD" and field.data.kind == "time_dimension"
            figure = figure_of(self.lexicon, agg, field.data) if is_date else None
            if figure is None:
                raise NotUnderstood(field.text)
            if choice.limit is not None:
                raise NotUnderstood(field.text, "missing_slots")
            if choice.each:
                return self._of_each_row(choice, choice.entities[0], figure)
            return self._figures_of(figure, choice.taken, choice.groups, figure.table)
        if not choice.entities or choice.groups:
            raise NotUnderstood("the newest or the oldest", "missing_slots")
        table = choice.entities[0].data
        if table in self._doers() and any(one.kind == "BUY" for one in choice.taken):
            raise NotUnderstood("who did something last", "missing_slots")
        default = date_of(self.model, table)
        item = next((one for one in self.model.items if one.full_name == default), None)
        strange = [one for one in choice.entities[1:] if not self.model.relations.reaches(table, one.data)]
        if item is None or strange:
            raise NotUnderstood((strange or choice.entities)[0].text)
        limit = choice.limit or (10 if self._is_plural(choice, choice.entities[0]) else 1)
        rank = Rank(by=item.full_name, descending=choice.descending, limit=limit, offset=choice.offset)
        shown = [one.data for one in sorted((*choice.fields, *choice.numbers), key=lambda one: one.first)]
        return self._rows(table, choice.taken, [item, *shown], rank)

    def _shows_with_dates(self, choice: Choice) -> bool:
        """Tell whether fields are shown with the newest rows: the 10 newest accounts with segment."""
        recent = next(one for one in choice.words if one.kind == "RECENT")
        entity = choice.entities[0] if choice.entities else None
        if entity is None or any(one.kind != "FIELD" for one in choice.fields):
            return False
        between = [one for one in self.slots.asked if recent.last <= one.first < entity.first]
        is_next = all(one.kind in ("NUM", "VALUE", "COND", "OPEN", "BUY") for one in between)
        return is_next and all(one.first >= entity.last for one in (*choice.fields, *choice.numbers))

    def _rank_rows(self, choice: Choice) -> Frame:
        """Rows by a number of theirs, or by what a measure makes of their own rows."""
        doers = [one for one in choice.entities if one.data in self._doers()]
        target = self._sized_first(choice) or (doers or choice.entities)[0]
        table = target.data
        self._show_who(choice, target)
        self._rank_by_count(choice, table)
        if not choice.measures and not choice.numbers:
            self._rank_by_size(choice, target)
        reaches = self.model.relations.reaches
        for one in choice.entities:
            if not reaches(one.data, table) and not reaches(table, one.data):
                raise NotUnderstood(one.text)
        if choice.numbers and choice.measures:
            raise NotUnderstood(choice.measures[0].text)
        if choice.numbers:
            return self._rows_by(choice, target, choice.numbers)
        return self._rank_doers(choice, target)

    def _show_who(self, choice: Choice, target: Chunk) -> None:
        """Show whose row it is, where that is asked for: which customer made the largest purchase."""
        who = choice.entities[0]
        if who is not target and who.data in self._doers() and who.first < target.first:
            names = {one.name for one in self._row_groups(who)}
            choice.shown = (*choice.shown, *(one for one in self.model.items if one.full_name in names))

    def _sized_first(self, choice: Choice) -> Chunk | None:
        """Return the rows that a superlative stands before: the customer who made the largest purchase in Texas."""
        sups = [one for one in choice.words if one.kind == "SUP" and not is_often(one)]
        for entity in choice.entities:
            before = [one for one in self.slots.asked if one.last <= entity.first and one.kind not in ("VALUE", "COND")]
            is_next = entity is choice.entities[0] or before[-1:] == sups[:1]
            is_sized = is_next and size_of(self.lexicon, entity.data) is not None
            if is_sized and any(one.last <= entity.first for one in sups):
                return entity
        return None

    def _rank_by_count(self, choice: Choice, table: str) -> None:
        """Read "customers with the most transactions" as ranked by their number."""
        others = [one for one in choice.entities if one.data != table and one is not self._sized_first(choice)]
        if table == self._activity() or choice.measures or choice.numbers or not others:
            return
        counted = count_of(self.lexicon, others[0].data)
        if counted is not None and self.model.relations.reaches(others[0].data, table):
            choice.measures = [others[0].made("MEASURE", counted)]

    def _rank_by_size(self, choice: Choice, target: Chunk) -> None:
        """Read "the largest transactions" as ranked by what makes one of them large."""
        item = size_of(self.lexicon, target.data)
        if (
            item is None
            or any(is_often(one) for one in choice.words)
            or any(one.kind == "GOOD" for one in choice.words)
        ):
            raise NotUnderstood(target.text, "missing_measure")
        amount, other = (aggregated_item(self.lexicon, item, how) for how in ("as", "otherwise"))
        conds = [as_cond(one) for one in choice.taken if one.kind in ("VALUE", "COND")]
        if amount and other and any(leaves_out(amount, one) for one in conds if one.values and not one.negated):
            item = other
        choice.numbers = [target.made("FIELD", item)]

    def _rows_by(self, choice: Choice, target: Chunk, numbers: Sequence[Chunk]) -> Frame:
        """Rows by a field of theirs, or the first of each group."""
        table, item, taken = target.data, numbers[0].data, choice.taken
        if choice.groups:
            return self._rows_of_each(choice, table, item)
        if not self.model.relations.reaches(table, item.table):
            raise NotUnderstood(item.label)
        falls = any(word in numbers[0].text.casefold() for word in FALLING)
        falls = falls and bool(self.lexicon.extensions[item.full_name].change_of)
        if item == size_of(self.lexicon, table) and table == self._activity():
            taken = self._counted_rows(item, taken)
        limit = self._default_limit(choice, target)
        rank = Rank(by=item.full_name, descending=choice.descending != falls, limit=limit, offset=choice.offset)
        return self._rows(table, taken, [*(one.data for one in numbers), *choice.shown], rank)

    def _counted_rows(self, size: Item, taken: Sequence[Chunk]) -> list[Chunk]:
        """Leave rows out of a ranking by size whose size does not count, unless the question is about them."""
        counted = aggregated_item(self.lexicon, size, "as")
        asked = {as_cond(one).item for one in taken if one.kind in ("COND", "VALUE")}
        conds = []
        for item, value in kept_values(self.lexicon, counted) if counted else ():
            if item in asked:
                continue
            cond = Cond(Condition(field=item.full_name, op="=", value=value), item, (value,))
            conds.append(Chunk("COND", cond, 0, 0, value))
            self.slots.assume(f"Only rows whose {item.label.lower()} is {value} are ranked, because only those count.")
        return [*taken, *conds]

    def _rank_doers(self, choice: Choice, target: Chunk) -> Frame:
        """Customers by what a measure makes of their transactions."""
        table, measure = target.data, choice.measures[0]
        figure = self._figure(measure, ())
        total = self.lexicon.totals.get(figure.measure) if isinstance(figure.measure, str) else None
        own, how = self._aggregated_field(figure) if figure.table == table and total is None else (None, figure.agg)
        is_odd = (how or figure.agg) not in ("", "avg", "sum")
        if figure.table == table and total is None and (own is None or is_odd):
            raise NotUnderstood(measure.text)
        fine = self._has_fine(table, choice.taken, choice.groups)
        held = own or (None if fine else total)
        if held is not None:
            if own is None:
                choice.taken = [one for one in choice.taken if one.kind != "BUY"]
            return self._rows_by(choice, target, [measure.made("FIELD", held)])
        return self._ranked_by_measure(choice, target, figure)

    def _row_groups(self, target: Chunk) -> tuple[Dimension, ...]:
        """Return what tells the rows of a table apart as groups of a finer one."""
        names = table_extension(self.model, target.data).row_fields
        if not names:
            raise NotUnderstood(target.text)
        return tuple(Dimension(name=f"{target.data}.{name}") for name in names)

    def _of_each_row(self, choice: Choice, target: Chunk, figure: Figure) -> Frame:
        """Return one figure for each row of a table: the last transaction date of each customer."""
        groups = (*self._row_groups(target), *choice.groups)
        taken = [one for one in choice.taken if one.kind != "BUY"]
        return self._figures_of(figure, taken, groups, figure.table)

    def _ranked_by_measure(self, choice: Choice, target: Chunk, figure: Figure) -> Frame:
        """Return the rows of a table as groups of a finer one, in the order of a measure."""
        names = self._row_groups(target)
        names += tuple(Dimension(name=one.full_name) for one in choice.shown)
        dated = self._dated(choice.groups, figure.table)
        groups = (*names, *dated)
        self._require_groups(figure.table, groups)
        taken = [one for one in choice.taken if one.kind != "BUY"]
        scope = build_scope(self.slots, figure.table, taken, groups=groups)
        limit = choice.limit or (1 if dated else self._default_limit(choice, target))
        rank = Rank(by="*", descending=choice.descending, limit=limit, offset=choice.offset, per=dated)
        return Frame(
            kind="figures",
            subject=figure.table,
            measures=(figure.measure,),
            groups=groups,
            rank=rank,
            **scope.as_parts(),
        )

    def _rows_of_each(self, choice: Choice, table: str, item: Item) -> Frame:
        """The first rows of each group: the customer with the highest value in each segment."""
        self._require_groups(table, choice.groups)
        rank = Rank(by=item.full_name, descending=choice.descending, limit=choice.limit or 1, per=choice.groups)
        frame = self._rows(table, [one for one in choice.taken if one.kind != "BUY"], [item], rank)
        names = tuple(one.name for one in choice.groups)
        return frame.model_copy(update={"fields": tuple(dict.fromkeys((*names, *frame.fields)))})

    def _extreme(self, choice: Choice) -> Frame:
        """The highest or lowest value of a field, or the first of the groups that were named."""
        if choice.numbers and not choice.measures:
            if self._are_people(choice):
                people = Chunk("ENTITY", main_table(self.lexicon), 0, 0, "customers")
                return self._rows_by(choice, people, choice.numbers)
            if choice.limit or choice.offset:
                raise NotUnderstood("how many of what", "missing_slots")
            number = choice.numbers[0]
            figure = figure_of(self.lexicon, "max" if choice.descending else "min", number.data)
            if figure is None:
                raise NotUnderstood(number.text)
            return self._figures_of(figure, choice.taken, choice.groups, figure.table)
        if not choice.measures or not choice.groups:
            raise NotUnderstood("the highest or lowest of what", "missing_measure")
        figure = self._figure(choice.measures[0], choice.groups)
        subject, dated = figure.table, self._dated(choice.groups, figure.table)
        self._require_groups(subject, dated)
        per = tuple(one for one in dated if one.grain) if len(dated) > 1 else ()
        if len(per) not in (0, len(dated) - 1) or (len(dated) > 1 and not per):
            raise NotUnderstood("the first of which", "missing_measure")
        scope = build_scope(self.slots, subject, choice.taken, groups=dated if subject not in self._doers() else ())
        limit = choice.limit or (10 if any(one.kind == "TOP" for one in choice.words) else 1)
        rank = Rank(by="*", descending=choice.descending, limit=limit, offset=choice.offset, per=per)
        measures = (figure.measure,)
        return Frame(kind="figures", subject=subject, measures=measures, groups=dated, rank=rank, **scope.as_parts())

    def _are_people(self, choice: Choice) -> bool:
        """Tell whether a value stands for those who have it: the top 8 Frequent Flyers."""
        values = [as_cond(one).item.table for one in choice.taken if one.kind == "VALUE"]
        return bool(choice.limit) and bool(values) and set(values) == {main_table(self.lexicon)} and not choice.groups


def is_often(word: Chunk) -> bool:
    """Tell whether a superlative is one of number, not of size."""
    return any(part in word.text.casefold() for part in ("most", "least", "fewest"))


def _is_descending(words: Sequence[Chunk], good: Sequence[Chunk]) -> bool:
    """Return the direction that ranking words mean together: the bottom 5 of the highest is the lowest 5."""
    if good:
        return bool(good[0].data == "desc")
    directions = {one.data for one in words}
    return "asc" not in directions


def _grouping(named: Chunk) -> Dimension:
    """Return the group that a unit of time, one of a date or a field names."""
    if named.kind == "UNITWORD":
        return Dimension(name=WHEN, grain=named.data)
    if named.kind == "GRAINED":
        return Dimension(name=named.data[0].full_name, grain=named.data[1])
    item: Item = named.data
    return Dimension(name=item.full_name, grain="day" if item.kind == "time_dimension" else None)
