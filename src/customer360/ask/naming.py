"""What the things of a model are called in a sentence: fields, tables, values. Nothing here reads a question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from customer360.semantic import Figures, Formula, Item, Measure, SemanticModel
from customer360.semantic.filters import Aggregation

PLAIN = Figures("USD", "en_US")
_AGGREGATES: dict[Aggregation, str] = {
    "sum": "total {field}",
    "avg": "average {field}",
    "median": "median {field}",
    "min": "lowest {field}",
    "max": "highest {field}",
    "stddev": "standard deviation of {field}",
    "percentile": "{percentile} percentile of {field}",
    "corr": "correlation between {field} and {other}",
    "count_distinct": "number of different values of {field}",
}
_FORMULAS = {
    "difference": "{left} minus {right}",
    "ratio": "ratio of {left} to {right}",
    "percent": "{left} as a percentage of {right}",
    "change_pct": "change from {right} to {left} in percent",
}
_SPOKEN = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"^(?:is|has) ", ""),
        (r"^avg ", "average "),
        (r" pct$", ""),
        (r"\bid$", "ID"),
        (r"(?<!full)(?<!first)(?<!last)(?<=\w) name$", ""),
        (r"^(.*[^y]) count$", r"number of \1s"),
        (r"^(.*)y count$", r"number of \1ies"),
    )
)
_UNITS = {"days": "days", "months": "months"}


@dataclass(frozen=True)
class Names:
    """The names of one model's things, with its way to write figures."""

    model: SemanticModel
    figures: Figures = PLAIN
    items: Mapping[str, Item] = field(init=False)

    def __post_init__(self) -> None:
        by_name = {item.name: item for item in reversed(self.model.items)}
        object.__setattr__(self, "items", by_name | {item.full_name: item for item in self.model.items})

    def field(self, name: str) -> str:
        """Return the label of a field or metric, as it stands within a sentence."""
        item = self.items.get(name)
        return spoken(item.label if item else name.rpartition(".")[2].replace("_", " "))

    def measure(self, measure: str | Measure | Formula) -> str:
        """Return what a measure is, without its conditions."""
        if isinstance(measure, str):
            return self.field(measure)
        if isinstance(measure, Formula):
            return _FORMULAS[measure.op].format(left=self.measure(measure.left), right=self.measure(measure.right))
        if measure.metric:
            return self.field(measure.metric)
        return _AGGREGATES[measure.agg or "avg"].format(
            field=self.field(measure.field or ""),
            other=self.field(measure.other or ""),
            percentile=say_ordinal(measure.percentile),
        )

    def unit(self, measure: str | Measure | Formula) -> str | None:
        """Return the unit in which a measure is written."""
        if isinstance(measure, str):
            item = self.items.get(measure)
            return item.unit if item else None
        if isinstance(measure, Formula):
            return {"percent": "percent", "change_pct": "percent", "ratio": "number"}.get(
                measure.op, self.unit(measure.left)
            )
        if measure.agg in ("corr", "count_distinct"):
            return "number"
        return self.unit(measure.metric or measure.field or "")

    def rows(self, table: str) -> str:
        """Return what the rows of a table are called."""
        found = next(one for one in self.model.definition.tables if one.name == table)
        return found.synonyms[0] if found.synonyms else table.replace("_", " ")

    def value(self, name: str, value: Any) -> str:
        """Return one value of a field as text, by its name where it is stored as a code."""
        item = self.items.get(name)
        if isinstance(value, str):
            return self._long_name(name, value)
        return self.number(value, item.unit if item else None)

    def number(self, value: Any, unit: str | None) -> str:
        """Return a figure with its unit; whole amounts without their empty cents."""
        if isinstance(value, (date, datetime)):
            return f"{value:%-d %B %Y}"
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            return self.figures.write(value, unit)
        written = self.figures.write(int(value) if float(value).is_integer() else value, unit)
        if unit == "currency" and float(value).is_integer():
            written = written.removesuffix("00").removesuffix(".") if written.endswith(".00") else written
        return f"{written} {_UNITS[unit]}" if unit in _UNITS else written

    def _long_name(self, name: str, value: str) -> str:
        table, _, bare = name.rpartition(".")
        for one in self.model.definition.tables:
            for dimension in one.dimensions if one.name == table else ():
                aliases = dimension.x_nl.value_aliases.get(value, ())
                if dimension.name == bare and aliases and len(value) <= 3 and value.isupper():
                    return aliases[0]
        return value


def spoken(label: str) -> str:
    """Return a label as it stands within a sentence: "Avg x count" and the like as one would say them."""
    text = label if label[1:2].isupper() else label[:1].lower() + label[1:]
    for pattern, said in _SPOKEN:
        text = pattern.sub(said, text)
    return text


def upper(sentence: str) -> str:
    """Return a sentence with a capital at its start."""
    return sentence[:1].upper() + sentence[1:]


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Return things one after another: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}" if parts else ""


def say_ordinal(number: float | None) -> str:
    if number is None:
        return ""
    last = {1: "st", 2: "nd", 3: "rd"}.get(int(number) % 10 if int(number) % 100 not in (11, 12, 13) else 0, "th")
    return f"{number:g}{last}"
