"""What docs/querying.md shows of queries runs, and its answers have the columns that the page names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from .conftest import ROOT

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask

pytestmark = pytest.mark.integration

SHOWN = re.compile(r"^```json columns=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = SHOWN.findall((ROOT / "docs" / "querying.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("columns", "query"), EXAMPLES, ids=[columns for columns, _ in EXAMPLES])
def test_an_example_has_the_columns_that_the_page_names(ask: Ask, columns: str, query: str) -> None:
    found = ask(**json.loads(query))
    assert [column.name for column in found.columns] == columns.split(",")
    assert found.rows_returned
