from __future__ import annotations

import pytest

from customer360 import semantic

pytestmark = pytest.mark.unit


def test_everything_public_exists_and_is_sorted() -> None:
    assert all(hasattr(semantic, name) for name in semantic.__all__)
    assert sorted(semantic.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name)) == semantic.__all__


def test_the_public_surface_is_what_other_packages_rely_on() -> None:
    assert {"SemanticQuery", "build_query", "compile_query", "load_model", "query_from_text", "run_query"} <= set(
        semantic.__all__
    )
