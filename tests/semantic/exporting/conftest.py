"""The small model that the exporters are held against, and the shipped one."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer360.semantic import SemanticModel, load_model

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def small() -> SemanticModel:
    return load_model(HERE / "small.yaml")


@pytest.fixture(params=["small", "model"], ids=["small", "shipped"])
def either(request: pytest.FixtureRequest) -> SemanticModel:
    """The small model and the shipped one."""
    found: SemanticModel = request.getfixturevalue(request.param)
    return found
