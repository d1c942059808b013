"""What words can mean in one model and one build: fields, metrics, tables, values and the grammar's own words.

Compiled once for a build. An entry with a lower rank is preferred; entries of the same rank are all tried, and a
question that they make mean two things is asked back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from sqlglot import exp

from customer360.ask.vocabulary import phrases
from customer360.ask.words import Word, stems_of
from customer360.semantic import ROW_KINDS, Item, Kind, SemanticModel
from customer360.semantic.definition import ItemExtension, ModelDefinition, TableDefinition, TableExtension
from customer360.semantic.query import Grain

MAX_PHRASE = 8
GRAINS: tuple[Grain, ...] = ("day", "week", "month", "quarter", "year")
NUMERIC = ("INTEGER", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL", "NUMBER")

Stems = tuple[str, ...]
Values = Mapping[str, tuple[str, ...]]
"""The values of text dimensions that occur in the build, by the dimension's full name."""


@dataclass(frozen=True)
class Entry:
    """One meaning of a phrase."""

    kind: str
    data: Any
    rank: int = 0
    exact_case: bool = False
    """Whether it only counts when typed in capitals, as "IN" for Indiana."""


@dataclass(frozen=True)
class ValueOf:
    """A value of a dimension as it is stored; several where a name stands for all of them."""

    item: Item
    values: tuple[str, ...]


@dataclass(frozen=True)
class Flag:
    """A field that is true or false, and which it has to be."""

    item: Item
    value: bool


@dataclass(frozen=True)
class Adjective:
    """A word that compares a field: "older", "youngest"."""

    item: Item
    op: str
    superlative: bool


@dataclass(frozen=True)
class Ambiguous:
    """A term that the model says means several things."""

    term: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Missing:
    """Something that people ask for and the model does not have."""

    term: str
    say: str
    reason: str


@dataclass
class Lexicon:
    """All phrases of one build's model."""

    model: SemanticModel
    values: Values
    newest: date
    entries: dict[Stems, list[Entry]] = field(default_factory=dict)
    aggregates: dict[tuple[str, str], Item] = field(default_factory=dict)
    """Metrics that are one aggregate of one field, by both."""
    totals: dict[str, Item] = field(default_factory=dict)
    """Fields of customers that hold a metric of theirs, by the metric's full name."""
    extensions: dict[str, ItemExtension] = field(default_factory=dict)
    """What the model says about questions on an item, by its full name."""

    def add(self, phrase: str | Stems, entry: Entry) -> None:
        """Make a phrase mean something, unless it does so already."""
        stems = stems_of(phrase) if isinstance(phrase, str) else phrase
        if not stems or len(stems) > MAX_PHRASE:
            return
        known = self.entries.setdefault(stems, [])
        if all((one.kind, one.data) != (entry.kind, entry.data) for one in known):
            known.append(entry)

    def find(self, words: tuple[Word, ...]) -> list[Entry]:
        """Return the meanings of exactly these words, the preferred first."""
        found = self.entries.get(tuple(word.stem for word in words), [])
        typed = all(word.is_code for word in words)
        return sorted((one for one in found if typed or not one.exact_case), key=lambda one: one.rank)

    def vocabulary(self, *, without: tuple[str, ...] = ()) -> set[str]:
        """Return all stems that occur in phrases with another meaning than those of some kinds."""
        kept = (stems for stems, entries in self.entries.items() if any(one.kind not in without for one in entries))
        return {stem for stems in kept for stem in stems}


def build_lexicon(model: SemanticModel, values: Values, newest: date) -> Lexicon:
    """Compile the phrases of a model and of the values in a build."""
    lexicon = Lexicon(model, values, newest)
    lexicon.extensions = _extensions(model.definition)
    lexicon.aggregates = dict(_simple_aggregates(model))
    _add_glossary(lexicon, model.definition)
    asked = {name for name, extension in lexicon.extensions.items() if extension.asked}
    for item in model.items:
        if item.full_name in asked and not item.name.endswith("_key"):
            _add_item(lexicon, item, lexicon.extensions[item.full_name])
    for table in model.definition.tables:
        _add_table(lexicon, table)
    named = [
        (model.get_item(name, frozenset({Kind.DIMENSION}), role="dimension"), known)
        for name, known in values.items()
        if name in asked
    ]
    for item, known in named:
        _add_values(lexicon, item, known, lexicon.extensions[item.full_name])
    for item, known in named:
        _add_first_words(lexicon, item, known)
    _add_keys(lexicon)
    for stems, kind, value in phrases():
        if kind == "SORT" and _names_rows(lexicon, stems[0]):
            continue  # "orders by channel" are the orders of a shop, in no order
        lexicon.add(stems, Entry(kind, value, rank=2 if kind == "FILL" else 1))
    return lexicon


def _names_rows(lexicon: Lexicon, stem: str) -> bool:
    return any(one.kind == "ENTITY" for one in lexicon.entries.get((stem,), ()))


def _add_keys(lexicon: Lexicon) -> None:
    """Let "ID" alone mean that of those who do things, where it is not another thing, as it is in Idaho."""
    for table in lexicon.model.definition.tables:
        names = {f"{table.name}.{key}" for key in lexicon.model.tables[table.name].primary_key}
        for item in lexicon.model.items:
            if table.x_nl.activity and item.full_name in names:
                lexicon.add("id", Entry("FIELD", item, rank=1))


def _add_table(lexicon: Lexicon, table: TableDefinition) -> None:
    if not table.x_nl.asked:
        return
    for phrase in (table.name, *table.synonyms):
        known = lexicon.entries.get(stems_of(phrase), ())
        lexicon.add(phrase, Entry("ENTITY", table.name, rank=1 if known else 0))


def table_extension(model: SemanticModel, table: str) -> TableExtension:
    """Return what the model says about questions on a table."""
    return next(one.x_nl for one in model.definition.tables if one.name == table)


def date_of(model: SemanticModel, table: str) -> str:
    """Return the full name of the date that a table is asked by, which a coarser one may have; nothing without one."""
    name = table_extension(model, table).default_time_dimension
    return f"{table}.{name}" if name and "." not in name else name or ""


def counting(model: SemanticModel, table: str) -> Item | None:
    """Return the metric that counts the rows of a table."""
    for item in model.items:
        counts_rows = isinstance(item.expression, exp.Count) and isinstance(item.expression.this, exp.Star)
        if item.table == table and item.kind == "metric" and counts_rows:
            return item
    return None


def is_numeric(item: Item) -> bool:
    """Tell whether an item's values are numbers."""
    return item.data_type.startswith(NUMERIC)


def _extensions(definition: ModelDefinition) -> dict[str, ItemExtension]:
    found = {metric.name: metric.x_nl for metric in definition.metrics}
    for table in definition.tables:
        for group in (table.dimensions, table.time_dimensions, table.facts, table.metrics):
            found |= {f"{table.name}.{one.name}": _inherited(one.x_nl, table.x_nl) for one in group}
    return found


def _inherited(item: ItemExtension, table: TableExtension) -> ItemExtension:
    return item if table.asked else item.model_copy(update={"asked": False})


def _add_item(lexicon: Lexicon, item: Item, extension: ItemExtension) -> None:
    if item.data_type == "BOOLEAN":
        _add_flag(lexicon, item, extension)
        return
    kind = "METRIC" if item.kind in (Kind.METRIC, Kind.DERIVED) else "FIELD"
    for name in (item.name, *item.synonyms):
        lexicon.add(name, Entry(kind, item))
    for verb in extension.verb_phrases:
        lexicon.add(verb, Entry("METRIC", item))
    if item.kind == "time_dimension":
        _add_grains(lexicon, item)
    if extension.total_of:
        lexicon.totals[extension.total_of] = item
    for op, words in ((">", extension.more), ("<", extension.less)):
        for word in words:
            _add_adjective(lexicon, item, op, word)


def _add_grains(lexicon: Lexicon, item: Item) -> None:
    """Let the opening year, and the year of opening, mean that of the opening date."""
    for name in (item.name, *item.synonyms):
        *base, last = stems_of(name)
        for grain in GRAINS if base and last == "date" else ():
            lexicon.add((*base, grain), Entry("GRAINED", (item, grain), rank=1))
            lexicon.add((grain, "of", *base), Entry("GRAINED", (item, grain), rank=1))


def _add_adjective(lexicon: Lexicon, item: Item, op: str, word: str) -> None:
    superlative = any(part.endswith("est") or part in ("most", "least") for part in word.split())
    lexicon.add(word, Entry("ADJ", Adjective(item, op, superlative)))
    if not superlative:
        for joined in ("or", "and"):
            lexicon.add((joined, *stems_of(word)), Entry("ADJMORE", Adjective(item, op, superlative=False)))


def _add_flag(lexicon: Lexicon, item: Item, extension: ItemExtension) -> None:
    bare = item.name.removeprefix("is_").removeprefix("has_")
    for name in (item.name, bare, *item.synonyms):
        lexicon.add(name, Entry("FLAG", Flag(item, value=True), rank=1))
        stems = stems_of(name)
        lexicon.add(("non", *stems), Entry("FLAG", Flag(item, value=False), rank=1))
    for name in extension.less:
        lexicon.add(name, Entry("FLAG", Flag(item, value=False), rank=0))


def _add_values(lexicon: Lexicon, item: Item, values: Iterable[str], extension: ItemExtension) -> None:
    kind = "NAMEDVALUE" if extension.values_named_only else "VALUE"
    found = {value.casefold(): value for value in values}
    for value in found.values():
        ambiguous = any(one.kind == "AMBIGUOUS" for one in lexicon.entries.get(stems_of(value), ()))
        meant = "NAMEDVALUE" if ambiguous or value.casefold() in _NO_NAMES else kind
        lexicon.add(value, Entry(meant, ValueOf(item, (value,)), exact_case=_is_english_code(value)))
        if "-" in value:
            lexicon.add(value.replace("-", ""), Entry(meant, ValueOf(item, (value,))))
    for canonical, aliases in extension.value_aliases.items():
        _add_aliases(lexicon, kind, item, found, (canonical, *aliases))


def _add_first_words(lexicon: Lexicon, item: Item, values: Iterable[str]) -> None:
    """Let "medium" mean Medium Risk beside its field, where nothing else is called so by itself."""
    for short, value in _first_words(values):
        stems = stems_of(short)
        free = all(one.kind == "NAMEDVALUE" for one in lexicon.entries.get(stems, ()))
        if free and stems not in _grammar_words():
            lexicon.add(short, Entry("NAMEDVALUE", ValueOf(item, (value,))))


_NO_NAMES = ("other", "others", "none", "unknown")
"""Values that only count beside the name of their field, because they are words of any question."""


def _add_aliases(lexicon: Lexicon, kind: str, item: Item, found: Mapping[str, str], names: tuple[str, ...]) -> None:
    """Let every name of a value mean whichever of its names the data have."""
    present = tuple(dict.fromkeys(found[name.casefold()] for name in names if name.casefold() in found))
    if not present:
        _add_absent(lexicon, item, names)
        return
    for name in names:
        if name.casefold() not in found and not _ends_with_noun(lexicon, name):
            lexicon.add(name, Entry(kind, ValueOf(item, present), exact_case=_is_english_code(name)))


def _add_absent(lexicon: Lexicon, item: Item, names: Iterable[str]) -> None:
    """Let the names of a value that no row has be known, so that Vermont is taken for no Vernon."""
    say = f"the data have nothing with this {item.label.lower()}."
    for name in names:
        if not name.isupper():
            lexicon.add(name, Entry("MISSING", Missing(name, say, "no_such_value"), rank=3))


def _is_english_code(value: str) -> bool:
    """Tell whether a code is a word of English when it is not in capitals."""
    return len(value) <= 3 and value.isupper() and value.casefold() in _ENGLISH_CODES


@lru_cache(maxsize=1)
def _grammar_words() -> frozenset[Stems]:
    return frozenset(stems for stems, _, _ in phrases())


def _first_words(values: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the first words of a few values, where each has its own: High of High Risk."""
    named = list(values)
    firsts = [value.split()[0] for value in named if len(value.split()) > 1]
    if len(named) <= 12 and len(set(firsts)) == len(firsts):
        yield from ((value.split()[0], value) for value in named if len(value.split()) > 1)


def _ends_with_noun(lexicon: Lexicon, alias: str) -> bool:
    """Tell whether an alias is another one followed by a table's name, which has a meaning of its own."""
    stems = stems_of(alias)
    return len(stems) > 1 and any(one.kind == "ENTITY" for one in lexicon.entries.get(stems[-1:], ()))


_ENGLISH_CODES = frozenset(
    [
        "in",
        "or",
        "me",
        "hi",
        "ok",
        "oh",
        "la",
        "pa",
        "ma",
        "id",
        "de",
        "al",
        "co",
        "mo",
        "md",
        "mt",
        "ms",
        "so",
        "as",
        "at",
        "is",
        "it",
        "on",
        "no",
        "do",
        "us",
        "an",
        "be",
        "by",
    ]
)


def _add_glossary(lexicon: Lexicon, definition: ModelDefinition) -> None:
    for term in definition.x_nl.ambiguous_terms:
        fields = [option.field for option in term.options if option.field]
        for name in fields:
            _add_meant(lexicon, term.term, name)
        if fields:
            continue
        options = tuple((option.label, option.say) for option in term.options)
        lexicon.add(term.term, Entry("AMBIGUOUS", Ambiguous(term.term, options), rank=3))
    for missing in definition.x_nl.not_available:
        for name in missing.term:
            lexicon.add(name, Entry("MISSING", Missing(name, missing.say, missing.reason), rank=3))


def _add_meant(lexicon: Lexicon, term: str, name: str) -> None:
    items = [item for item in lexicon.model.list_items(ROW_KINDS) if item.name == name]
    for item in items[:1]:
        lexicon.add(term, Entry("FIELD", item))


_AGGREGATES: dict[type[exp.Expr], str] = {
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Median: "median",
    exp.Max: "max",
    exp.Min: "min",
}


def _simple_aggregates(model: SemanticModel) -> Iterator[tuple[tuple[str, str], Item]]:
    """Yield metrics that are one aggregate of one field of their table."""
    by_expression: dict[tuple[str, str], Item] = {}
    for item in model.list_items({Kind.DIMENSION, Kind.TIME, Kind.FACT}):
        by_expression.setdefault((item.table, item.expression.sql()), item)
    for metric in model.list_items({Kind.METRIC}):
        agg = _AGGREGATES.get(type(metric.expression))
        inner = metric.expression.this
        operand = inner.this if isinstance(inner, exp.Cast) else inner
        found = by_expression.get((metric.table, operand.sql())) if agg and operand else None
        if agg and found:
            yield (agg, found.full_name), metric
