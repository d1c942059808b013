"""The value model that builds predict with: kept whole, read back the same, and refused when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from customer360.errors import Conflict, NotFound
from customer360.value import find_value, keep_value, load_value
from customer360.value.bg_nbd import BgNbd
from customer360.value.gamma_gamma import GammaGamma
from customer360.workspace import Workspace
from tests.value.conftest import PAPER_MODEL, statistics_of
from tests.value.test_simulation import known

pytestmark = pytest.mark.unit

MODEL = known(PAPER_MODEL, GammaGamma(6.25, 3.74, 15.44), doubt=0.1)
STATISTICS = statistics_of([(0, 0, 40, 0, 0), (2, 30, 38, 2, 22.5)])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def test_a_kept_model_is_read_back_to_the_last_digit(workspace: Workspace) -> None:
    kept = keep_value(workspace, MODEL, STATISTICS, build_id="b1")
    assert (kept.customers, kept.calibration_end, kept.build_id) == (2, "2024-06-30", "b1")
    assert find_value(workspace) == kept
    found = load_value(workspace)
    assert found.bg_nbd == BgNbd(*MODEL.purchases.values)
    assert np.array_equal(found.spend.covariance, MODEL.spend.covariance)


def test_a_later_model_takes_the_place_of_the_first(workspace: Workspace) -> None:
    first, second = (keep_value(workspace, MODEL, STATISTICS, build_id=build) for build in ("b1", "b2"))
    known_now = find_value(workspace)
    assert known_now is not None
    assert known_now.version == second.version != first.version


def test_before_one_is_kept_there_is_none(workspace: Workspace) -> None:
    assert find_value(workspace) is None
    with pytest.raises(NotFound, match="No value model is in use yet"):
        load_value(workspace)


def test_a_changed_digit_is_found_by_the_checksum(workspace: Workspace) -> None:
    keep_value(workspace, MODEL, STATISTICS, build_id="b1")
    path = workspace.models / "value.json"
    content = json.loads(path.read_text())
    content["content"]["spend"]["logarithms"][0] += 1e-9
    path.write_text(json.dumps(content))
    with pytest.raises(Conflict, match="checksum differs") as refused:
        load_value(workspace)
    assert "customer360 value fit --use" in str(refused.value.next_action)
