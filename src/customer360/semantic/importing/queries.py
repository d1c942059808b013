"""Verified queries of the source: kept where their SQL reads what the model has, and nothing else."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from customer360.errors import Customer360Error
from customer360.semantic.importing.draft import Draft, DraftQuery
from customer360.semantic.importing.sql import OURS, SNOWFLAKE, NotImported
from customer360.semantic.model import SemanticModel
from customer360.semantic.verified import verified_statement
from customer360.warehouse import DuckDBWarehouse

UNREADABLE = "Its SQL cannot be read, or not be written for both engines."
CHANGED = "Its SQL is written for both engines."


def settle_queries(draft: Draft, model: SemanticModel, warehouse: DuckDBWarehouse | None) -> None:
    """Keep the queries that run over the model; every other one is a loss with the reason."""
    kept = []
    for query in draft.queries:
        try:
            _settle(draft, query, model, warehouse)
        except NotImported as reason:
            draft.lose(query.origin, str(reason))
        else:
            kept.append(query)
    draft.queries = kept


def _settle(draft: Draft, query: DraftQuery, model: SemanticModel, warehouse: DuckDBWarehouse | None) -> None:
    given = query.content["sql"]
    written = _logical(given, model)
    try:
        statement = verified_statement(model, written, OURS)
        if warehouse is not None:
            warehouse.explain(statement)
    except Customer360Error as error:
        raise NotImported(error.message) from error
    except SqlglotError as error:
        raise NotImported(UNREADABLE) from error
    if _bare(written) != _bare(given):
        draft.note(query.origin, "sql", CHANGED)
    query.content["sql"] = written


def _logical(text: str, model: SemanticModel) -> str:
    """Return the SQL over logical names in lower case, without the two underscores that Cortex Analyst puts first."""
    try:
        query = sqlglot.parse_one(text, read=SNOWFLAKE)
        names = {f"__{name}": name for name in model.tables}
        for identifier in list(query.find_all(exp.Identifier)):
            if not identifier.args.get("quoted"):
                lower = identifier.name.lower()
                identifier.set("this", names.get(lower, lower))
        written = query.sql(OURS, unsupported_level=ErrorLevel.RAISE)
        sqlglot.parse_one(written, read=OURS).sql(SNOWFLAKE, unsupported_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError) as error:
        raise NotImported(UNREADABLE) from error
    return text.strip() if _same(text, written) else str(written)


def _same(text: str, written: str) -> bool:
    try:
        return str(sqlglot.parse_one(text, read=OURS).sql(OURS)) == written
    except SqlglotError:
        return False


def _bare(text: str) -> str:
    return "".join(text.split()).casefold().rstrip(";")
