"""Manifests: what they say survives, and the successor's word decides which batch is live."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from customer360.lake import Manifest, TableRows, live_manifests, read_manifests, write_manifest
from customer360.workspace import Workspace

pytestmark = pytest.mark.unit

FIRST = Manifest(
    batch_id="a_csv_1",
    dataset="shop",
    source="2026/Größe.csv",
    sha256="1" * 64,
    bytes=10,
    mapping_sha256="2" * 64,
    rows=3,
    duplicate_rows=None,
    tables={"transactions": TableRows(3, 1)},
    landed_at="2026-01-01T00:00:00",
)
SECOND = replace(FIRST, batch_id="a_csv_2", supersedes="a_csv_1")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def test_an_empty_workspace_has_no_manifests(workspace: Workspace) -> None:
    assert read_manifests(workspace) == []


def test_a_manifest_is_read_back_as_written(workspace: Workspace) -> None:
    write_manifest(workspace, FIRST)
    assert read_manifests(workspace) == [FIRST]


def test_a_successor_is_named_in_the_manifest_it_replaces(workspace: Workspace) -> None:
    write_manifest(workspace, FIRST)
    write_manifest(workspace, SECOND)
    assert read_manifests(workspace) == [replace(FIRST, superseded_by="a_csv_2"), SECOND]


def test_only_the_last_of_a_chain_is_live() -> None:
    third = replace(FIRST, batch_id="a_csv_1_r2", supersedes="a_csv_2")
    other = replace(FIRST, batch_id="b_csv_1", source="b.csv")
    assert live_manifests([FIRST, SECOND, third, other]) == [third, other]


def test_the_successor_counts_even_where_the_mark_is_missing() -> None:
    assert live_manifests([FIRST, SECOND]) == [SECOND]


def test_a_half_written_file_beside_the_manifests_is_not_one(workspace: Workspace) -> None:
    write_manifest(workspace, FIRST)
    (workspace.lake / "manifests" / ".a_csv_2.json.17.tmp").write_text('{"batch_id": ')
    assert read_manifests(workspace) == [FIRST]
