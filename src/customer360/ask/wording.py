"""What a frame asks, said back in English: from the frame alone, never from the question."""

from __future__ import annotations

from customer360.ask.conditions import name_window, say_clause, say_filter, say_filters, say_measure, say_window
from customer360.ask.frame import AskMeasure, Frame, Rank
from customer360.ask.lexicon import date_of, table_extension
from customer360.ask.naming import PLAIN, Names, listed, upper
from customer360.semantic import Dimension, Figures, Formula, Measure, SemanticModel

_SHOWN = {
    "share": "share of {measure}",
    "running_total": "running total of {measure}",
    "moving_average": "moving average of {measure} over {span} periods",
    "change": "change in {measure} from one period to the next",
    "change_pct": "change in {measure} from one period to the next, in percent",
}
_SUMMARIES = {
    "avg": "average",
    "median": "median",
    "min": "lowest",
    "max": "highest",
    "sum": "sum",
}
_COMPARISONS = {
    "difference": "with the difference",
    "ratio": "with their ratio",
    "change": "with the change in percent",
    "both": "with the difference",
}


def restate(frame: Frame, model: SemanticModel, figures: Figures = PLAIN) -> str:
    """Return one sentence that says what will be worked out."""
    return upper(f"{_Sentence(frame, Names(model, figures)).build()}.")


class _Sentence:
    def __init__(self, frame: Frame, names: Names) -> None:
        self.frame = frame
        self.names = names
        self.rows = names.rows(frame.subject)

    def build(self) -> str:
        frame = self.frame
        head = {"figures": self._figures, "rows": self._list, "values": self._values}[frame.kind]()
        return f"{head}{self._whose()}{self._compared()}{self._having()}{self._ranked()}{self._sorted()}"

    # What is worked out

    def _figures(self) -> str:
        frame = self.frame
        if frame.summary:
            return self._summary()
        if frame.part or frame.part_clauses:
            return self._part()
        measures = listed([self._measure(one) for one in frame.measures])
        return f"{measures}{self._by(frame.groups)}"

    def _measure(self, measure: AskMeasure) -> str:
        said = self.names.measure(measure) if isinstance(measure, Formula) else say_measure(self.names, measure)
        if isinstance(measure, Formula):
            said = self._formula(measure)
        shown = self.frame.show
        if shown == "value":
            return said
        within = (
            f" within each {listed([self.names.field(name) for name in self.frame.within])}"
            if self.frame.within
            else ""
        )
        return _SHOWN[shown].format(measure=said, span=self.frame.span) + within

    def _formula(self, formula: Formula) -> str:
        """Say a formula with the conditions of its parts."""
        left, right = (say_measure(self.names, one) for one in (formula.left, formula.right))
        return (
            self.names.measure(formula) if not _has_where(formula) else f"{left} against {right} ({_OPS[formula.op]})"
        )

    def _summary(self) -> str:
        frame, groups = self.frame, listed([self._group(one) for one in self.frame.groups])
        if frame.summary == "count" and frame.comparison:
            return f"number of {self._counted_groups(groups)} by {self._measure(frame.measures[0])}"
        if frame.summary == "count":
            return f"number of different values of {groups} that there are"
        measure = self._measure(frame.measures[0])
        if frame.top:
            of = f"{frame.top.percent:g}% of the groups" if frame.top.percent else f"{frame.top.rows:,}"
            return f"share of {measure} that the top {of} by {groups} have"
        return f"{_SUMMARIES[frame.summary or 'avg']} of {measure} over each {groups}"

    def _counted_groups(self, groups: str) -> str:
        """Return what groups are called that are counted: customers where each is one, values elsewhere."""
        table, _, name = self.frame.groups[0].name.rpartition(".")
        keys = self.names.model.tables[table].primary_key
        return self.names.rows(table) if (name,) == tuple(keys) else f"{groups} values"

    def _part(self) -> str:
        frame, measure = self.frame, self.frame.measures[0]
        counts = self.names.unit(measure) == "count"
        of = self.rows if counts else say_measure(self.names, measure) if not isinstance(measure, Formula) else ""
        part = [f"whose {say_filters(self.names, frame.part)}"] if frame.part else []
        part += [say_clause(self.names, one, self._activity()) for one in frame.part_clauses]
        link = "" if counts else f" from {self.rows}"
        return f"percentage of {of}{link} {listed(part)}{self._by(frame.groups)}"

    def _list(self) -> str:
        shown = listed([self.names.field(name) for name in self.frame.fields])
        return f"list of {self.rows} ({shown})"

    def _values(self) -> str:
        return f"every {listed([self._group(one) for one in self.frame.groups])} there is"

    def _by(self, groups: tuple[Dimension, ...]) -> str:
        return f" by {listed([self._group(one) for one in groups])}" if groups else ""

    def _group(self, group: Dimension) -> str:
        if group.grain:
            return group.grain if self._is_main_date(group.name) else f"{group.grain} of {self.names.field(group.name)}"
        bins = f" in classes of {group.bin:g}" if group.bin else ""
        if group.bounds:
            bins = f" in classes from {listed([f'{one:,g}' for one in group.bounds])}"
        return f"{self.names.field(group.name)}{bins}"

    # What restricts it

    def _whose(self) -> str:
        frame = self.frame
        parts = [f"whose {say_filters(self.names, frame.filters)}"] if frame.filters else []
        parts += [say_clause(self.names, one, self._activity()) for one in frame.clauses]
        if frame.of_whom:
            parts.append(f"of {self._people()}")
        window = self._window()
        if not parts:
            return window
        of = "" if frame.kind == "rows" or self._names_rows() else f", of {self.rows}"
        among = f", among {self.rows}" if frame.part or frame.part_clauses else of
        return f"{among} {listed(parts)}{window if window.startswith(',') or not window else f',{window}'}"

    def _people(self) -> str:
        """Say whose rows they are, by what they did."""
        tables = self.names.model.definition.tables
        doer = next(one.name for one in tables if one.x_nl.activity == self.frame.subject)
        deeds = [say_clause(self.names, one, self.rows) for one in self.frame.of_whom]
        return f"{self.names.rows(doer)} {listed(deeds)}"

    def _names_rows(self) -> bool:
        """Tell whether the head already ends with the rows that are restricted."""
        frame = self.frame
        counted = len(frame.measures) == 1 and self._measure(frame.measures[0]) == f"number of {self.rows}"
        return counted and not (frame.groups or frame.summary or frame.part or frame.part_clauses)

    def _window(self) -> str:
        frame = self.frame
        if frame.window is None or (frame.comparison and frame.comparison.windows):
            return ""
        if self._is_main_date(frame.window_field):
            return f" {say_window(frame.window)}"
        return f", with {self.names.field(frame.window_field)} {say_window(frame.window)}"

    def _is_main_date(self, name: str) -> bool:
        model, subject = self.names.model, self.frame.subject
        is_own = name == date_of(model, subject) and name.startswith(f"{subject}.")
        return is_own and not table_extension(model, subject).activity

    def _activity(self) -> str:
        extension = table_extension(self.names.model, self.frame.subject)
        return self.names.rows(extension.activity) if extension.activity else "rows"

    def _having(self) -> str:
        if not self.frame.having:
            return ""
        said = listed([say_filter(self.names, one) for one in self.frame.having])
        return f", only where {said}"

    # How it is set out

    def _compared(self) -> str:
        comparison = self.frame.comparison
        if comparison is None:
            return ""
        parts = [name_window(one) for one in comparison.windows[:: 1 if comparison.show == "ratio" else -1]]
        parts = parts or [f"where {say_filter(self.names, one)}" for one in comparison.filters]
        return f", {' against '.join(parts)}, {_COMPARISONS[comparison.show]}"

    def _ranked(self) -> str:
        rank = self.frame.rank
        if rank is None:
            return ""
        by = f" by {self._rank_by(rank)}"
        first, reverse = ("latest", "earliest") if self._is_date(rank.by) else ("highest", "lowest")
        word = first if rank.descending else reverse
        if rank.limit is None:
            return f", {word} first{by}"
        per = f" of each {listed([self._group(one) for one in rank.per])}" if rank.per else ""
        if rank.offset and rank.limit == 1:
            return f", number {rank.offset + 1} from the {word}{by}{per}"
        after = f" after the first {rank.offset}" if rank.offset else ""
        many = f"the {word}" if rank.limit == 1 else f"the {rank.limit:,} {word}"
        return f", {many}{per}{by}{after}"

    def _rank_by(self, rank: Rank) -> str:
        measures = self.frame.measures
        if rank.by == "*" and (self.frame.part or self.frame.part_clauses):
            return "that percentage"
        comparison = self.frame.comparison
        if rank.by == "*" and comparison is not None:
            is_percent = comparison.show == "change" or (comparison.windows and comparison.show != "ratio")
            return "the change in percent" if is_percent else f"the {comparison.show.replace('both', 'difference')}"
        if rank.by == "*":
            return self._measure(measures[0]) if measures else "value"
        return self.names.field(rank.by)

    def _is_date(self, name: str) -> bool:
        item = self.names.items.get(name)
        return item is not None and item.data_type in ("DATE", "TIMESTAMP")

    def _sorted(self) -> str:
        sort = self.frame.sort
        if sort is None:
            return ""
        return f", sorted by {self._rank_by(sort)}{', highest first' if sort.descending else ''}"


_OPS = {"difference": "difference", "ratio": "ratio", "percent": "in percent", "change_pct": "change in percent"}


def _has_where(formula: Formula) -> bool:
    return any(isinstance(one, Measure) and one.where is not None for one in (formula.left, formula.right))
