"""The formats that can be read, and the way of a file into a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from customer360.errors import Customer360Error, InvalidDefinition
from customer360.semantic.importing.database import Database
from customer360.semantic.importing.dbt import read_dbt
from customer360.semantic.importing.defaults import fill_defaults
from customer360.semantic.importing.draft import Draft
from customer360.semantic.importing.given import Given
from customer360.semantic.importing.ossie import read_ossie
from customer360.semantic.importing.queries import settle_queries
from customer360.semantic.importing.settling import settle
from customer360.semantic.importing.snowflake_yaml import read_snowflake
from customer360.semantic.importing.source_file import Content, read_source
from customer360.semantic.importing.writing import write_model
from customer360.semantic.model import SemanticModel, parse_model
from customer360.semantic.parts import Loss
from customer360.warehouse import DuckDBWarehouse


class SourceFormat(StrEnum):
    """What a file can be read as."""

    AUTO = "auto"
    SNOWFLAKE = "snowflake"
    OSSIE = "ossie"
    DBT = "dbt"


COMMENT = "From {file} ({format}). docs/semantic-imports.md says what to add by hand."
_READERS: Mapping[SourceFormat, Callable[[Given], Draft]] = {
    SourceFormat.SNOWFLAKE: read_snowflake,
    SourceFormat.OSSIE: read_ossie,
    SourceFormat.DBT: read_dbt,
}


@dataclass(frozen=True)
class Import:
    """A model in our own format, as text and ready for use, and what of its source is not in it or otherwise."""

    format: SourceFormat
    model: SemanticModel
    text: str
    losses: tuple[Loss, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"text": self.text, "losses": [asdict(loss) for loss in self.losses]}


def import_model(
    path: Path, source: SourceFormat = SourceFormat.AUTO, *, warehouse: DuckDBWarehouse | None = None
) -> Import:
    """Return the model that a file of another tool describes, held against a database where one is given.

    Raises:
        NotFound: there is no such file.
        InvalidDefinition: it is not of the format, two things have one name, or nothing of it can be imported.
    """
    content = read_source(path)
    chosen = find_format(content, path) if source is SourceFormat.AUTO else source
    draft = _READERS[chosen](Given(content, file=path))
    database = Database.of(warehouse) if warehouse is not None else None
    settle(draft, path, database)
    fill_defaults(draft)
    comment = COMMENT.format(file=path.name, format=chosen.value)
    model = _parsed(write_model(draft, comment=comment), path)
    settle_queries(draft, model, warehouse)
    text = write_model(draft, comment=comment)
    return Import(chosen, _parsed(text, path), text, tuple(outermost(draft.losses)))


def find_format(content: Content, path: Path) -> SourceFormat:
    """Return the format that a file's keys tell.

    Raises:
        InvalidDefinition: they are those of none.
    """
    if "tables" in content:
        return SourceFormat.SNOWFLAKE
    if "semantic_model" in content or "datasets" in content:
        return SourceFormat.OSSIE
    if "semantic_models" in content:
        return SourceFormat.DBT
    raise InvalidDefinition(
        f"{path} is of no format that can be imported: it has neither tables, nor datasets, nor semantic_models.",
        next_action="Give Cortex Analyst's YAML, an Ossie document, or the semantic_manifest.json of dbt.",
        details=[{"field": str(key), "message": "a key of no format"} for key in list(content)[:5]],
    )


def outermost(losses: Iterable[Loss]) -> list[Loss]:
    """Return losses once for each place, without those inside of what is lost as a whole."""
    found: dict[str, list[Loss]] = defaultdict(list)
    for loss in losses:
        found[loss.path].append(loss)
    whole = {path for path, each in found.items() for one in each if one.feature in _WHOLE}
    kept = {path: each for path, each in found.items() if not any(_is_in(path, one) for one in whole)}
    return [
        Loss(path, each[0].feature, " ".join(dict.fromkeys(one.reason for one in each))) for path, each in kept.items()
    ]


_WHOLE = frozenset(
    (
        *("tables", "dimensions", "time_dimensions", "facts", "measures", "metrics", "filters", "relationships"),
        *("verified_queries", "datasets", "fields", "semantic_models", "entities"),
    )
)


def _is_in(path: str, outer: str) -> bool:
    return path.startswith(f"{outer}.")


def _parsed(text: str, path: Path) -> SemanticModel:
    try:
        return parse_model(text, source=str(path))
    except Customer360Error as error:
        raise InvalidDefinition(
            f"{path} cannot be imported: {error.message}", next_action=error.next_action or "Correct it by hand."
        ) from error
