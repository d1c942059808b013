"""Makes a draft a model that holds: what is left stands on tables, columns, keys and types that are there.

Invariant: the steps go from what others stand on to what stands on others, so that whatever hangs on a thing that was
taken out is taken out after it, with a reason that names it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlglot import exp

from customer360.errors import InvalidDefinition
from customer360.semantic.importing.database import Database
from customer360.semantic.importing.draft import Draft, DraftItem, DraftTable
from customer360.semantic.importing.formulas import settle_formulas
from customer360.semantic.importing.inlining import DERIVED_FROM, inline_tables
from customer360.semantic.importing.keyed import settle_keys, settle_relationships
from customer360.semantic.importing.sql import write_sql
from customer360.semantic.importing.typed import settle_fields, settle_metrics
from customer360.semantic.model import Kind, fault_of

TABLES = frozenset({"tables", "datasets", "semantic_models"})
NOT_OURS = "Its expression {fault}."
SAME_SYNONYM = "{texts}: another thing of the model has that synonym already."


def settle(draft: Draft, file: Path, database: Database | None) -> None:
    """Take out of a draft what cannot be, and find out what its source does not say.

    Raises:
        InvalidDefinition: two things have one name, a relationship is to no table, or nothing is left.
    """
    refuse_repeated(draft, file)
    if database is not None:
        for table in list(draft.tables):
            database.place(draft, table)
    if not draft.names_columns:
        inline_tables(draft, {table.name: database.of_table(table) for table in draft.tables} if database else {})
    _require_fitting(draft)
    settle_fields(draft, database)
    settle_relationships(draft, file, database)
    settle_keys(draft, database)
    settle_formulas(draft)
    _count_rows_by_star(draft)
    settle_metrics(draft, database)
    _lose_formulas_of_the_lost(draft)
    _keep_first_synonyms(draft)
    _add_labels(draft)
    if not draft.tables:
        reasons = " ".join(dict.fromkeys(loss.reason for loss in draft.losses if loss.feature in TABLES))
        raise InvalidDefinition(
            f"{file}: {f'none of its tables can be imported. {reasons}' if reasons else 'it has no tables.'}",
            next_action="Correct its tables, or give the database that has them.",
        )


def refuse_repeated(draft: Draft, file: Path) -> None:
    """Refuse two things of one name, of which one would be lost."""
    groups: list[tuple[str, list[str]]] = [("tables", [table.name for table in draft.tables])]
    groups += [(f"tables.{table.name}", [item.name for item in table.items]) for table in draft.tables]
    groups += [("metrics", [item.name for item in draft.metrics])]
    groups += [("relationships", [one.name for one in draft.relationships])]
    for where, names in groups:
        for name, times in Counter(names).items():
            if times > 1:
                raise InvalidDefinition(
                    f"{file}: {where} has the name {name!r} {times} times, upper and lower case alike.",
                    next_action="Rename all but one of them.",
                    details=[{"field": where, "value": name, "message": f"{name!r} is there {times} times"}],
                )


def _require_fitting(draft: Draft) -> None:
    """Take out expressions that our model refuses: metrics that do not aggregate, fields that do."""
    for table, item in draft.items():
        if fault := fault_of(item.kind, item.tree):
            draft.drop_item(table, item, NOT_OURS.format(fault=fault))


def _count_rows_by_star(draft: Draft) -> None:
    """Write counts of a key, and sums of ones, as the counts of rows that they are."""
    for table, item in draft.items():
        if item.kind is Kind.METRIC:
            whole: exp.Expr = exp.Paren(this=item.tree.copy())
            key = table.key if table.is_keyed else []
            counts = [one for one in whole.find_all(exp.Count, exp.Sum) if is_row_count(one, key)]
            for one in counts:
                one.replace(exp.Count(this=exp.Star()))
            if counts and whole.this != item.tree:
                item.tree, item.text = whole.this, write_sql(whole.this)


def is_row_count(tree: exp.Expr, key: list[str]) -> bool:
    """Tell whether an aggregate counts the rows of a table with this key."""
    if isinstance(tree, exp.Sum):
        return isinstance(tree.this, exp.Literal) and tree.this.name == "1"
    if not isinstance(tree, exp.Count):
        return False
    inner = tree.this.expressions if isinstance(tree.this, exp.Distinct) else [tree.this, *tree.expressions]
    if isinstance(tree.this, exp.Distinct) or len(inner) > 1:
        return bool(key) and all(isinstance(one, exp.Column) for one in inner) and [one.name for one in inner] == key
    [counted] = inner
    bare = counted.this if isinstance(counted, exp.Cast) else counted
    is_constant = isinstance(counted, (exp.Star, exp.Literal))
    return is_constant or (isinstance(bare, exp.Column) and bare.name in key)


def _keep_first_synonyms(draft: Draft) -> None:
    """Let a synonym belong to the first thing that has it, because it can mean only one."""
    taken: set[str] = set()
    owners: list[DraftTable | DraftItem] = [*draft.tables, *draft.metrics, *(item for _, item in draft.items())]
    for owner in owners:
        twice = [one for one in owner.synonyms if one.casefold() in taken]
        owner.synonyms = [one for one in dict.fromkeys(owner.synonyms) if one.casefold() not in taken]
        taken |= {one.casefold() for one in owner.synonyms}
        if twice:
            draft.note(owner.origin, "synonyms", SAME_SYNONYM.format(texts=", ".join(twice)))


def _add_labels(draft: Draft) -> None:
    """Let things be asked for by their labels, which people read, where those mean nothing else."""
    owners: list[DraftTable | DraftItem] = [*draft.tables, *draft.metrics, *(item for _, item in draft.items())]
    taken = {words for one in owners for words in (_words(one.name), *map(_words, one.synonyms))}
    for one in owners:
        if one.label and _words(one.label) not in taken:
            taken.add(_words(one.label))
            one.synonyms.append(one.label.lower())
    _call_rows_by_name(draft, owners)


def _call_rows_by_name(draft: Draft, owners: list[DraftTable | DraftItem]) -> None:
    """Put the name of a table before its singular, because sentences call rows by the first synonym: orders, order."""
    for table in draft.tables:
        others = {words for one in owners if one is not table for words in (one.name, *one.synonyms)}
        words, singular = _words(table.name), _words(table.synonyms[0]) if table.synonyms else ""
        if singular and words.startswith(singular) and words not in map(_words, [*others, *table.synonyms]):
            table.synonyms.insert(0, words)


def _words(name: str) -> str:
    return name.replace("_", " ").casefold()


def _lose_formulas_of_the_lost(draft: Draft) -> None:
    """Take out formulas over metrics that the database refused."""
    for item in list(draft.metrics):
        for column in item.tree.find_all(exp.Column):
            table = draft.table(column.table)
            if table is None or table.find(column.name) is None:
                draft.metrics.remove(item)
                draft.lose(item.origin, DERIVED_FROM.format(name=f"{column.table}.{column.name}"))
                break
