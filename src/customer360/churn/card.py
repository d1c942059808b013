"""The model card: what is known of a model as one HTML file that needs nothing beside itself, in light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from customer360.churn.evaluation import Evaluation
from customer360.errors import InvalidInput

SIDE = 300
"""Width and height of a chart, in the units of its view box."""
WORDS = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
}


def write_card(found: Evaluation, path: Path) -> None:
    """Write the card of an evaluation.

    Raises:
        InvalidInput: the file cannot be written.
    """
    try:
        path.write_text(render_card(found.as_dict()), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"The model card cannot be written to {path}: {error.strerror}.",
            code="card_unwritable",
            next_action="Give --card a file in a folder that exists and that you may write to.",
        ) from error


def render_card(described: dict[str, Any]) -> str:
    """Return what is known of a model as HTML; whatever came from the data is escaped."""
    environment = Environment(
        loader=PackageLoader("customer360.churn"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = "trained.html" if "origins" in described else "evaluated.html"
    return environment.get_template(template).render(
        card=described, words=WORDS, side=SIDE, points=_points(described), bars=_bars(described)
    )


def _points(described: dict[str, Any]) -> list[dict[str, float]]:
    """Return the calibration curve's points with the ends of their intervals, in the chart's units."""
    return [
        {
            "x": SIDE * tenth["mean_probability"],
            "y": SIDE * (1 - tenth["rate"]["estimate"]),
            "low": SIDE * (1 - tenth["rate"]["interval"][0]),
            "high": SIDE * (1 - tenth["rate"]["interval"][1]),
        }
        for tenth in described["tenths"]
    ]


def _bars(described: dict[str, Any]) -> list[dict[str, float]]:
    """Return the bars of lift, the tallest as high as the chart."""
    lifts = [tenth["lift"]["estimate"] for tenth in described["tenths"]]
    tallest, width = max(*lifts, 1.0), SIDE / len(lifts)
    return [
        {"x": number * width + 2, "width": width - 4, "height": SIDE * lift / tallest, "lift": lift}
        for number, lift in enumerate(lifts)
    ]
