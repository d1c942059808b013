"""The order of an answer: which of its columns "highest score first", "by age descending" or "newest first" mean."""

from __future__ import annotations

from customer360.ask.chunks import Chunk
from customer360.ask.frame import Frame, Rank, fields_of
from customer360.ask.grammar.figures import count_of
from customer360.ask.grammar.terms import Figure, Sorting
from customer360.ask.lexicon import Lexicon, date_of, is_numeric
from customer360.ask.plan import name_of
from customer360.ask.slots import NotUnderstood
from customer360.ask.words import stems_of
from customer360.semantic import Item, Measure

RANKED_BY_PERCENT = "Ranked by the change in percent."


def sort_frame(lexicon: Lexicon, frame: Frame, sorting: Sorting, *, limit: int | None = None) -> Frame:
    """Return a frame whose answer comes in the order that is asked for.

    Raises:
        NotUnderstood: the answer has nothing that the order could be by, or several things.
    """
    return _Sorter(lexicon, frame, sorting).sort(limit)


def measure_named(lexicon: Lexicon, chunk: Chunk) -> Figure | None:
    """Return the measure that a chunk names: itself, a count, or how many rows of a table there are."""
    if chunk.kind == "ENTITY":
        return count_of(lexicon, chunk.data)
    if chunk.kind in ("COUNTED", "COUNTEDFIELD"):
        counted: Figure = chunk.data[0]
        return counted
    return chunk.data if chunk.kind == "MEASURE" else None


def is_aggregate_of(lexicon: Lexicon, measure: object, item: Item) -> bool:
    """Tell whether a measure is an aggregate of a field."""
    if isinstance(measure, Measure):
        return measure.field == item.full_name
    return any(name == item.full_name and one.full_name == measure for (_, name), one in lexicon.aggregates.items())


def is_worse(lexicon: Lexicon, name: str) -> bool:
    """Tell whether more of a field, or of what a metric aggregates, is worse."""
    fields = [field for (_, field), metric in lexicon.aggregates.items() if metric.full_name == name]
    return any(one in lexicon.extensions and lexicon.extensions[one].higher_is_worse for one in (name, *fields))


def is_percent(lexicon: Lexicon, name: str) -> bool:
    """Tell whether a field or metric of the model is a percentage."""
    return any(one.full_name == name and one.unit == "percent" for one in lexicon.model.items)


class _Sorter:
    def __init__(self, lexicon: Lexicon, frame: Frame, sorting: Sorting) -> None:
        self.lexicon = lexicon
        self.items = {item.full_name: item for item in lexicon.model.items}
        self.frame = frame
        self.sorting = sorting
        self.text = sorting.by.text if sorting.by is not None else "the order"

    def sort(self, limit: int | None) -> Frame:
        frame = self.frame
        if frame.kind == "values" or frame.summary or (frame.kind == "figures" and not frame.groups):
            if frame.kind == "values" and self.sorting.by_name:
                return frame
            raise NotUnderstood(self.text)
        name = self._name()
        fields = frame.fields if frame.kind != "rows" or name in frame.fields else (*frame.fields, name)
        told = self.sorting.descending
        descending = self._falls(name) if told is None else told
        if self.sorting.by is not None and self.sorting.by.kind == "ADJ" and name in self._dates():
            descending = not told
        if self.sorting.best is not None:
            descending = self.sorting.best != self._is_worse(name)
        rank = frame.rank or Rank(by=name)
        parts = {"by": name, "descending": descending, "limit": limit or rank.limit}
        return frame.model_copy(update={"rank": rank.model_copy(update=parts), "fields": fields})

    def _falls(self, name: str) -> bool:
        """Tell whether the most comes first where nothing is said: of numbers, not of names and dates."""
        item = self.items.get(name)
        return item is None or is_numeric(item) or item.kind in ("metric", "derived_metric")

    def _is_worse(self, name: str) -> bool:
        """Tell whether more of a number is worse."""
        shown = self.frame.measures[0] if name == "*" else name
        if not isinstance(shown, str) or not self._falls(shown):
            raise NotUnderstood(self.text)
        return is_worse(self.lexicon, shown)

    def _name(self) -> str:
        by = self.sorting.by
        if self.sorting.by_name:
            return self._text_shown()
        if by is None:
            return self._number_shown()
        if by.kind in ("RECENT", "GRAIN"):
            return self._date()
        if by.kind == "ADJ":
            return self._compared(by)
        if by.kind == "FIELD":
            self._refuse_name_of_number(by)
            return self._field(by.data)
        return self._measure(by)

    def _refuse_name_of_number(self, by: Chunk) -> None:
        """Refuse the bands of a number, where the same words mean the number itself."""
        meant = [one.data for one in self.lexicon.entries.get(stems_of(by.text), ()) if one.kind == "FIELD"]
        if not is_numeric(by.data) and any(is_numeric(item) for item in meant):
            raise NotUnderstood(by.text)

    def _measure(self, by: Chunk) -> str:
        figure = measure_named(self.lexicon, by)
        if figure is None:
            raise NotUnderstood(by.text)
        if self.frame.kind == "rows":
            total = self.lexicon.totals.get(figure.measure) if isinstance(figure.measure, str) else None
            if total is None or self.frame.clauses:
                raise NotUnderstood(by.text)
            return self._field(total)
        return self._among(figure.measure, by.text)

    def _among(self, measure: object, text: str) -> str:
        """Return the name of a measure that the answer has; of its first one that of what is shown of it."""
        if measure not in self.frame.measures:
            raise NotUnderstood(text)
        found = next(one for one in self.frame.measures if one == measure)
        if found == self.frame.measures[0]:
            return "*"
        return found if isinstance(found, str) else name_of(found)

    def _field(self, item: Item) -> str:
        frame = self.frame
        if frame.kind == "rows":
            if not self.lexicon.model.relations.reaches(frame.subject, item.table):
                raise NotUnderstood(item.label)
            return item.full_name
        if any(group.name == item.full_name for group in frame.groups):
            return item.full_name
        made = [one for one in frame.measures if is_aggregate_of(self.lexicon, one, item)]
        if len(made) != 1:
            raise NotUnderstood(item.label)
        return self._among(made[0], item.label)

    def _compared(self, by: Chunk) -> str:
        """Return what an adjective compares; the oldest of what has no age is the one of the earliest date."""
        item: Item = by.data.item
        of_accounts = item.name == "age" and "account" in by.text.casefold()
        if self.frame.kind == "rows" and item.table == self.frame.subject and not of_accounts:
            return item.full_name
        if by.text.casefold().startswith("oldest") or of_accounts:
            return self._date()
        if item.kind in ("metric", "derived_metric"):
            return self._among(item.full_name, by.text)
        return self._field(item)

    def _date(self) -> str:
        dates = self._dates()
        if len(dates) != 1:
            raise NotUnderstood(self.text)
        return dates[0]

    def _dates(self) -> list[str]:
        """Return the dates of the answer's rows."""
        frame = self.frame
        if frame.kind != "rows":
            return [group.name for group in frame.groups if group.grain]
        name = date_of(self.lexicon.model, frame.subject)
        return [name] if name else []

    def _number_shown(self) -> str:
        """Return the only number that rows show, or the first measure."""
        frame = self.frame
        if frame.rank or frame.kind != "rows":
            return frame.rank.by if frame.rank else "*"
        numbers = [name for name in frame.fields if is_numeric(self.items[name])]
        compared = [name for name in numbers if any(name in fields_of(tree) for tree in frame.filters)]
        found = numbers if len(numbers) == 1 else compared
        if len(found) != 1:
            raise NotUnderstood(self.text, "missing_measure")
        return found[0]

    def _text_shown(self) -> str:
        """Return the only name that the answer shows."""
        frame = self.frame
        keys = {f"{frame.subject}.{name}" for name in self.lexicon.model.tables[frame.subject].primary_key}
        shown = frame.fields if frame.kind == "rows" else [group.name for group in frame.groups if not group.rounded]
        names = [name for name in shown if self.items[name].data_type == "VARCHAR" and name not in keys]
        if not names or (len(names) > 1 and frame.kind != "rows"):
            raise NotUnderstood(self.text)
        return names[0]
