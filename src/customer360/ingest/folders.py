"""What datasets and sources behind APIs have in common: a folder with a definition in YAML and a select per table."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from customer360.errors import InvalidDefinition, NotFound, did_you_mean
from customer360.settings import project_files

Definition = TypeVar("Definition", bound=BaseModel)


def list_shipped(kind: str, file: str) -> list[str]:
    """Return the names of the folders of one kind (``datasets``, ``sources``) that come with the product."""
    return sorted(path.parent.name for path in project_files(kind).glob(f"*/{file}"))


def find_folder(name_or_folder: str, kind: str, file: str) -> Path:
    """Return a folder by the name of a shipped one, or by its path.

    Raises:
        NotFound: neither holds the file.
    """
    shipped = list_shipped(kind, file)
    folder = project_files(kind) / name_or_folder if name_or_folder in shipped else Path(name_or_folder)
    if not (folder / file).is_file():
        noun = kind.removesuffix("s")
        raise NotFound(
            f"There is no {noun} {name_or_folder!r}.",
            code=f"{noun}_not_found",
            next_action=f"{did_you_mean(name_or_folder, shipped)} Or give the path of a folder that holds {file}.",
        )
    return folder


def read_definition(path: Path, kind: type[Definition], *, explained_in: str) -> Definition:
    """Return what a folder's YAML file says.

    Raises:
        InvalidDefinition: names file, key and value.
    """
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidDefinition(f"{path} is not valid YAML: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"]) or path.name
        raise InvalidDefinition(
            f"{path}: {field}: {fault['msg']}.",
            next_action=f"Correct the file; {explained_in} explains each key.",
            details=[{"field": field, "value": fault["input"], "message": fault["msg"]}],
        ) from error


def read_select(folder: Path, table: str, *, owner: str) -> str:
    """Return the SQL select of one bronze table.

    Raises:
        InvalidDefinition: the folder has none.
    """
    path = folder / f"{table}.sql"
    if not path.is_file():
        raise InvalidDefinition(
            f"{owner}: {table}.sql is missing from {folder}.",
            next_action=f"Write a select that maps the relation source to the columns of {table}.",
        )
    return path.read_text(encoding="utf-8").strip().rstrip(";")
