"""What a frame asks, said back in English: from the frame alone, never from the question."""

from __future__ import annotations

from customer360.ask.frame import Frame
from customer360.semantic import SemanticModel


def restate(frame: Frame, model: SemanticModel) -> str:
    """Return one sentence that says what will be worked out."""
    labels = {item.full_name: item.label for item in model.items}
    names = [labels.get(str(measure), "figure") for measure in frame.measures] or ["Rows"]
    by = ", ".join(labels.get(group.name, group.name).lower() for group in frame.groups)
    when = f" {frame.window.label}" if frame.window else ""
    return f"{', '.join(names)}{f' by {by}' if by else ''}{when}."
