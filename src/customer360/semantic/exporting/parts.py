"""What an exporter returns, and the model's file as it takes it apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from customer360.semantic.definition import ModelDefinition
from customer360.semantic.parts import Loss, Part


@dataclass(frozen=True)
class Export:
    """The text in the target's format, and what of the model is not in it."""

    text: str
    losses: tuple[Loss, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"text": self.text, "losses": [asdict(loss) for loss in self.losses]}


def read_parts(definition: ModelDefinition, *, database: str | None = None) -> Part:
    """Return a model's file to be taken apart: what it says beyond defaults, in another database if one is named."""
    content = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if database:
        for table in content["tables"]:
            table["base_table"]["database"] = database
    return Part(content)
