"""The formats there are, by the name that a command line uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from customer360.semantic.exporting.ossie import to_ossie
from customer360.semantic.exporting.parts import Export
from customer360.semantic.exporting.semantic_view import to_semantic_view
from customer360.semantic.exporting.snowflake_yaml import to_snowflake_yaml
from customer360.semantic.model import SemanticModel


class Format(StrEnum):
    """What a model can be exported as."""

    SNOWFLAKE = "snowflake"
    SEMANTIC_VIEW = "semantic-view"
    OSSIE = "ossie"


_WRITERS: Mapping[Format, Callable[..., Export]] = {
    Format.SNOWFLAKE: to_snowflake_yaml,
    Format.SEMANTIC_VIEW: to_semantic_view,
    Format.OSSIE: to_ossie,
}


def export(model: SemanticModel, target: Format, *, database: str | None = None) -> Export:
    """Return a model in another format, with what of it is lost there; ``database`` replaces that of its tables.

    Raises:
        InvalidDefinition: the target cannot have a name or an expression of the model.
    """
    return _WRITERS[target](model, database=database)
