"""What commands read from settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from customer360.errors import InvalidInput, InvalidQuery
from customer360.settings import (
    DEFAULT_MODEL,
    SEMANTIC_MODELS,
    QuerySettings,
    ResourceSettings,
    WorkspaceSettings,
    load,
    no_such_model,
)
from customer360.workspace import Workspace

if TYPE_CHECKING:
    from customer360.semantic import Reading
    from customer360.store import Store
    from customer360.warehouse import Builds

ModelName = Annotated[
    str, typer.Option("--model", help=f"Semantic model to ask: {', '.join(SEMANTIC_MODELS)}, or a file.")
]


def workspace() -> Workspace:
    """Return the workspace that the command works on."""
    return Workspace.of(load(WorkspaceSettings))


def open_builds() -> Builds:
    """Return the builds of the workspace."""
    from customer360.warehouse import open_builds as of  # noqa: PLC0415

    return of(workspace())


def model_file(given: str) -> Path | None:
    """Return the file that a model is given by, or nothing where it is given by its name.

    Raises:
        InvalidInput: it is neither a name nor looks like a file.
    """
    if given in SEMANTIC_MODELS:
        return None
    file = Path(given)
    if not file.suffix and not file.exists():
        raise no_such_model(given)
    return file


@contextmanager
def pinned(build_id: str | None = None, model: str = DEFAULT_MODEL) -> Iterator[Reading]:
    """Read one build by one of its models, or by the model of a file that fits it, and let go of it.

    Raises:
        InvalidInput: there is no such model, or the build lacks what the file names.
    """
    from customer360.semantic import Reader  # noqa: PLC0415  (half a second that only answers need)

    file = model_file(model)
    with closing(Reader.of(workspace(), load(QuerySettings), load(ResourceSettings))) as reader:
        if file is None:
            with reader.pin(build_id, model) as reading:
                yield reading
        else:
            with reader.pin(build_id) as reading:
                yield _by_file(reading, file)


def _by_file(reading: Reading, file: Path) -> Reading:
    from customer360.semantic import expression_checks, load_model  # noqa: PLC0415

    model, build = load_model(file), reading.build
    try:
        for statement in expression_checks(model, build.warehouse.dialect, schema_suffix=build.schema_suffix):
            build.warehouse.explain(statement)
    except InvalidQuery as error:
        raise InvalidInput(
            f"The build {build.build_id} does not have what {file} names. {error.message}",
            next_action="Ask the database that the model is for: --database FILE.duckdb of ask.",
        ) from error
    return replace(reading, model=model)


def open_store() -> Store:
    """Return the operational store of a workspace that holds something."""
    from customer360.store import Store  # noqa: PLC0415

    if not workspace().store.exists():
        workspace().describe()  # tells a newcomer what to do first
    return Store.beside(workspace().store)
