"""The statement that makes a semantic view, read back token by token: names, order, and texts that cannot break out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
import sqlglot
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import Token, TokenType, exp

from customer360.semantic import SemanticModel, parse_model
from customer360.semantic.exporting import Format, export
from customer360.semantic.model import Kind
from customer360.warehouse.migrations import split

pytestmark = pytest.mark.unit

CLAUSES = ["TABLES", "RELATIONSHIPS", "FACTS", "DIMENSIONS", "METRICS", "AI_VERIFIED_QUERIES"]
AFTER_EXPRESSION = {"WITH", "COMMENT", "SAMPLE_VALUES", "IS_ENUM"}
KINDS = {
    "FACTS": {Kind.FACT},
    "DIMENSIONS": {Kind.DIMENSION, Kind.TIME},
    "METRICS": {Kind.METRIC, Kind.DERIVED},
}


def tokens_of(model: SemanticModel) -> list[Token]:
    return list(sqlglot.tokenize(export(model, Format.SEMANTIC_VIEW).text, dialect="snowflake"))


def entries(tokens: Sequence[Token]) -> Iterator[tuple[str, list[Token]]]:
    """Yield the entries of each clause in brackets, with the clause they are in."""
    depth, clause, entry = 0, "", list[Token]()
    for place, token in enumerate(tokens):
        depth -= token.token_type is TokenType.R_PAREN
        if depth == 0 and token.token_type is TokenType.L_PAREN:
            clause = tokens[place - 1].text.upper()
        elif depth == 0 or (depth == 1 and token.token_type is TokenType.COMMA):
            if entry:
                yield clause, entry
            entry = []
        else:
            entry.append(token)
        depth += token.token_type is TokenType.L_PAREN


def name_of(entry: Sequence[Token]) -> str:
    qualified = len(entry) > 1 and entry[1].token_type is TokenType.DOT
    return "".join(token.text for token in entry[: 3 if qualified else 1])


def expression_of(entry: Sequence[Token], text: str) -> str:
    """Return the text between AS and the first clause after the expression."""
    depth, start = 0, None
    for token in entry:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if start is None and token.token_type is TokenType.ALIAS:
            start = token.end + 1
        elif start is not None and not depth and token.text.upper() in AFTER_EXPRESSION:
            return text[start : token.start]
    return text[start : entry[-1].end + 1]


# Names and order


def test_the_names_are_those_of_the_model_each_once_in_its_clause(either: SemanticModel) -> None:
    found = Counter((clause, name_of(entry)) for clause, entry in entries(tokens_of(either)))
    expected = Counter(
        [("TABLES", name) for name in either.tables]
        + [("RELATIONSHIPS", one.name) for one in either.definition.relationships]
        + [(clause, item.full_name) for clause, kinds in KINDS.items() for item in either.list_items(kinds)]
    )
    assert Counter({one: n for one, n in found.items() if one[0] != "AI_VERIFIED_QUERIES"}) == expected
    assert set(found.values()) == {1}


def test_clauses_stand_in_the_order_of_the_grammar(small: SemanticModel) -> None:
    assert list(dict.fromkeys(clause for clause, _ in entries(tokens_of(small)))) == CLAUSES
    text = export(small, Format.SEMANTIC_VIEW).text
    after = ["METRICS (", "\nCOMMENT =", "\nAI_SQL_GENERATION", "\nAI_QUESTION_CATEGORIZATION", "\nAI_VERIFIED_QUERIES"]
    places = [text.index(clause) for clause in after]
    assert places == sorted(places)
    assert text.endswith("COPY GRANTS;\n")


def test_every_expression_parses_as_snowflake_sql(either: SemanticModel) -> None:
    text = export(either, Format.SEMANTIC_VIEW).text
    seen = 0
    for clause, entry in entries(tokens_of(either)):
        if clause in KINDS:
            sqlglot.parse_one(expression_of(entry, text), into=exp.Condition, read="snowflake")
            seen += 1
    assert seen == len(either.items)


# Texts


def texts(tokens: Sequence[Token]) -> list[str]:
    return [token.text for token in tokens if token.token_type is TokenType.STRING]


def test_every_description_and_synonym_is_read_back_as_it_was(either: SemanticModel) -> None:
    found = set(texts(tokens_of(either)))
    definition = either.definition
    assert {definition.description, *(table.description for table in definition.tables)} <= found
    for item in either.items:
        assert {item.description, *item.synonyms, *item.sample_values} <= found


def test_a_verified_query_whose_name_is_no_identifier_is_quoted(small: SemanticModel) -> None:
    text = export(small, Format.SEMANTIC_VIEW).text
    assert '"how many customers" AS ( QUESTION \'How many' in text
    assert "VERIFIED_BY '(STEWARD = Jane O''Hara)'" in text


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t'\"\\$;-/*(),"))


TAKEN = frozenset({"clients", "buyer's list", "number of customers", "active", "revenue", "average amount"})
"""Synonyms of the small model, of which another thing may not have one."""


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TEXTS.map(str.strip).filter(lambda text: text and text.casefold() not in TAKEN))
def test_no_text_ends_its_literal_or_the_statement(small: SemanticModel, text: str) -> None:
    model, usual = _saying(small, text), _saying(small, "plain")
    found = tokens_of(model)
    assert [token.token_type for token in found] == [token.token_type for token in tokens_of(usual)]
    assert texts(found).count(model.definition.description) >= 5
    assert len(split(export(model, Format.SEMANTIC_VIEW).text)) == 1


def _saying(model: SemanticModel, text: str) -> SemanticModel:
    """Return a model with a text wherever the file takes one."""
    content = yaml.safe_load(model.definition.model_dump_json(by_alias=True))
    content["description"] = content["tables"][0]["description"] = text
    content["tables"][0]["dimensions"][1] |= {"synonyms": [text], "sample_values": [text]}
    content["verified_queries"][0] |= {"name": f"the query {text}", "question": text}
    content["custom_instructions"] = text
    return parse_model(yaml.safe_dump(content, allow_unicode=True))
