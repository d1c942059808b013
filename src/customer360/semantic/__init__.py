"""The one way to ask gold: a semantic query over the model, compiled for the engine, with values bound."""

from customer360.semantic.checks import expression_checks, key_checks
from customer360.semantic.compiler import Compiled, cache_info, compile_query
from customer360.semantic.definition import ModelDefinition
from customer360.semantic.expression import parse_condition, query_from_text
from customer360.semantic.figures import Figures
from customer360.semantic.filters import (
    MAX_LIMIT,
    AllOf,
    Among,
    AnyOf,
    Benchmark,
    Condition,
    Filter,
    Measure,
    Negation,
    Relative,
    RowsCondition,
    Top,
)
from customer360.semantic.model import (
    ROW_KINDS,
    Item,
    Kind,
    SemanticModel,
    load_model,
    parse_model,
    without_rollups,
)
from customer360.semantic.query import (
    DEFAULT_LIMIT,
    Dimension,
    Formula,
    Order,
    SemanticQuery,
    TopPer,
    build_query,
)
from customer360.semantic.reading import Asked, Reader, Reading
from customer360.semantic.result import Column, SemanticResult, json_value
from customer360.semantic.run import run_query

__all__ = [
    "DEFAULT_LIMIT",
    "MAX_LIMIT",
    "ROW_KINDS",
    "AllOf",
    "Among",
    "AnyOf",
    "Asked",
    "Benchmark",
    "Column",
    "Compiled",
    "Condition",
    "Dimension",
    "Figures",
    "Filter",
    "Formula",
    "Item",
    "Kind",
    "Measure",
    "ModelDefinition",
    "Negation",
    "Order",
    "Reader",
    "Reading",
    "Relative",
    "RowsCondition",
    "SemanticModel",
    "SemanticQuery",
    "SemanticResult",
    "Top",
    "TopPer",
    "build_query",
    "cache_info",
    "compile_query",
    "expression_checks",
    "json_value",
    "key_checks",
    "load_model",
    "parse_condition",
    "parse_model",
    "query_from_text",
    "run_query",
    "without_rollups",
]
