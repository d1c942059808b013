"""The columns of an answer: what each is, what it is called, how the answer is sorted by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from customer360.errors import InvalidQuery, did_you_mean
from customer360.semantic.model import ROW_KINDS, Item, Kind, SemanticModel
from customer360.semantic.query import Dimension, Grain, Order, digits
from customer360.semantic.result import Column
from customer360.semantic.source import Source
from customer360.semantic.values import family_of


@dataclass(frozen=True)
class Asked:
    """One column that was asked for: an item, rounded to a grain if it is a date, to a class if it is a number."""

    item: Item
    grain: Grain | None = None
    bin: float | None = None
    bounds: tuple[float, ...] = ()
    field: str = ""
    """What the column is in the model, where that is not the item itself."""

    @property
    def classes(self) -> tuple[float, ...]:
        """What tells the classes of a number apart: their one width, or their bounds."""
        return (self.bin,) if self.bin else self.bounds

    @property
    def name(self) -> str:
        if self.classes:
            return f"{self.item.name}_from"
        return f"{self.item.name}_{self.grain}" if self.grain else self.item.name

    @property
    def data_type(self) -> str:
        if self.classes:
            return "BIGINT" if all(one.is_integer() for one in self.classes) else "DOUBLE"
        return "DATE" if self.grain else self.item.data_type

    @property
    def label(self) -> str:
        classes = f"from, classes of {digits(self.bin)}" if self.bin else "from" if self.bounds else ""
        rounded = self.grain or classes
        return f"{self.item.label} ({rounded})" if rounded else self.item.label

    def called(self) -> set[str]:
        """Return the names under which ``order`` may mean this column."""
        bare = {self.item.name, self.item.full_name}
        rounded = Dimension(name=self.item.name, grain=self.grain, bin=self.bin, bounds=self.bounds).rounded
        return bare | {self.name} | ({f"{name}:{rounded}" for name in bare} if rounded else set())


def ask(model: SemanticModel, field: Dimension, kinds: frozenset[Kind], role: str) -> Asked:
    """Return the column that a dimension or field of a query means."""
    item = model.get_item(field.name, ROW_KINDS if field.bin or field.bounds else kinds, role=role)
    if field.grain and item.data_type not in ("DATE", "TIMESTAMP"):
        raise _not_rounded(field, item, "Give a grain to dates only.", "not a date")
    if (field.bin or field.bounds) and family_of(item.data_type) not in ("integer", "decimal", "float"):
        raise _not_rounded(field, item, "Give classes to numbers only.", "not a number")
    return Asked(item, field.grain, field.bin, field.bounds)


def _not_rounded(field: Dimension, item: Item, hint: str, message: str) -> InvalidQuery:
    return InvalidQuery(
        f"{item.full_name} is {item.data_type} and cannot be rounded to a {field.grain or 'class'}.",
        next_action=hint,
        details=[{"field": str(field), "message": message}],
    )


def value_of(source: Source, asked: Asked) -> exp.Expr:
    """Return a dimension or field, rounded as asked."""
    value = source.value(asked.item)
    if asked.grain:
        return exp.cast(exp.TimestampTrunc(this=value, unit=exp.var(asked.grain.upper())), "DATE")
    if not asked.classes:
        return value
    made = _class_of(value, asked.bin) if asked.bin else _class_between(value, asked.bounds)
    return exp.cast(made, asked.data_type, dialect="duckdb")


def _class_between(value: exp.Expr, bounds: Sequence[float]) -> exp.Expr:
    """Return the highest bound that a number reaches; the first one where it reaches none."""
    first, *others = (exp.Literal.number(digits(one)) for one in bounds)
    case = exp.Case()
    for bound in reversed(others):
        case = case.when(exp.GTE(this=value.copy(), expression=bound), bound.copy(), copy=False)
    known = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
    return case.when(known, first, copy=False)


def _class_of(value: exp.Expr, width: float) -> exp.Expr:
    """Return the lower bound of a number's class.

    A width with a fraction is a fraction here too (0.1 is 1/10), because a double divided by another puts numbers on
    the bound of a class into the one below.
    """
    over, under = (exp.Literal.number(str(part)) for part in Decimal(repr(width)).as_integer_ratio())
    number: exp.Expr = exp.cast(value, "DOUBLE")
    if not width.is_integer():
        number = exp.Round(this=exp.Mul(this=number, expression=under), decimals=exp.Literal.number(6))
    bound = exp.Mul(this=exp.Floor(this=exp.Div(this=number, expression=over)), expression=over.copy())
    return bound if width.is_integer() else exp.Div(this=exp.cast(bound, "DOUBLE"), expression=under.copy())


def some(names: Sequence[str]) -> str:
    """Return the first names of a list."""
    return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")


def columns_of(asked: Sequence[Asked]) -> tuple[Column, ...]:
    """Return the columns of the answer; where two would share a name, both carry their table's."""
    _refuse_repeated(asked)
    times = Counter(one.name.casefold() for one in asked)
    single = [times[one.name.casefold()] == 1 for one in asked]
    names = [one.name if alone else f"{one.item.table}.{one.name}" for one, alone in zip(asked, single, strict=True)]
    _refuse_same(names)
    return tuple(_column(one, name) for one, name in zip(asked, names, strict=True))


def _column(asked: Asked, name: str) -> Column:
    return Column(name, asked.field or asked.item.full_name, asked.data_type, asked.item.unit, asked.label)


def _refuse_repeated(asked: Sequence[Asked]) -> None:
    repeated = [one for one, times in Counter(asked).items() if times > 1]
    if repeated:
        raise _twice(repeated[0].name)


def _refuse_same(names: Sequence[str]) -> None:
    """Refuse names that an engine could not tell apart, be it by their case alone."""
    repeated = [name for name, times in Counter(name.casefold() for name in names).items() if times > 1]
    if repeated:
        raise _twice(repeated[0])


def _twice(name: str) -> InvalidQuery:
    return InvalidQuery(
        f"{name!r} is asked for twice.",
        next_action="Name every column once; a metric takes another name under 'as'.",
        details=[{"field": name, "message": "more than one column has this name"}],
    )


def aliased(values: Sequence[exp.Expr], columns: Sequence[Column]) -> list[exp.Expr]:
    """Return the values under the names of their columns."""
    pairs = zip(values, columns, strict=True)
    return [exp.Alias(this=value, alias=exp.to_identifier(column.name, quoted=True)) for value, column in pairs]


def order_of(order: Sequence[Order], asked: Sequence[Asked], values: Sequence[exp.Expr]) -> list[exp.Expr]:
    """Return the order that a query asks for."""
    return [ordered(values[place_of(one.by, asked)].copy(), descending=one.descending) for one in order]


def ordered(value: exp.Expr, *, descending: bool = False) -> exp.Expr:
    """Return an expression to sort by; empty values come last."""
    return exp.Ordered(this=value, desc=descending, nulls_first=False)


def place_of(by: str, asked: Sequence[Asked]) -> int:
    """Return which column of the answer a name means."""
    places = [place for place, one in enumerate(asked) if by in one.called()]
    if len(places) == 1:
        return places[0]
    names = [one.name for one in asked]
    meant = f"can mean several columns of the answer: {some([names[place] for place in places])}"
    raise InvalidQuery(
        f"The answer has no column {by!r} to sort by." if not places else f"{by!r} {meant}.",
        next_action=f"Sort by something that is asked for. {did_you_mean(by, names)}",
        details=[{"field": "order", "value": by, "message": "not one column of the answer"}],
    )


def completed(order: Sequence[exp.Expr], keys: Sequence[exp.Expr]) -> tuple[exp.Expr, ...]:
    """Return the order with the keys after it that it lacks, so that the same rows always come the same way."""
    given = [one.this for one in order]
    return (*order, *(ordered(key) for key in keys if key not in given))
