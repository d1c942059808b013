from __future__ import annotations

import pytest

from customer360 import semantic

pytestmark = pytest.mark.unit

EXPORTED = """
DEFAULT_LIMIT MAX_LIMIT ROW_KINDS AllOf Among AnyOf Asked Benchmark Column Compiled Condition Dimension Figures Filter
Formula Item Kind Measure ModelDefinition Negation Order Reader Reading Relative RowsCondition SemanticModel
SemanticQuery SemanticResult Top TopPer build_query cache_info compile_query expression_checks json_value key_checks
load_model parse_condition parse_model query_from_text run_query without_rollups
"""


def test_the_public_surface_changes_only_on_purpose() -> None:
    assert semantic.__all__ == EXPORTED.split()
    assert all(hasattr(semantic, name) for name in semantic.__all__)
