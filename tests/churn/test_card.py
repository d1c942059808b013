"""The model card: one file, readable by itself, with nothing of the table taken for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from customer360.churn import Evaluation, evaluate_table, write_card
from customer360.errors import InvalidInput
from tests.churn.tables import additive, write_csv

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.84")]
VOID = {"meta", "path", "circle", "rect"}


class _Balance(HTMLParser):
    """Keeps which elements are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Take an element that closes itself as closed."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    table = additive(200, 1)
    renamed = {"<b>x0</b>": table["x0"], "x1": table["x1"], "left": table["left"]}
    return evaluate_table(write_csv(tmp_path_factory.mktemp("card") / "t.csv", renamed), label="left", folds=2)


def test_the_card_is_one_file_that_asks_for_nothing_else(found: Evaluation, tmp_path: Path) -> None:
    write_card(found, tmp_path / "card.html")
    text = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=|https?://|@import|<script", text)
    assert "prefers-color-scheme: dark" in text
    balance = _Balance()
    balance.feed(text)
    assert balance.open == []
    assert text.count("<circle") == text.count("<rect") == 10
    assert f"{found.judgement.figures['model']['auc'].estimate:.4f}" in text


def test_names_of_columns_are_text_not_markup(found: Evaluation, tmp_path: Path) -> None:
    write_card(found, tmp_path / "card.html")
    text = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "<b>x0" not in text
    assert "&lt;b&gt;x0" in text


def test_a_card_that_cannot_be_written_is_refused(found: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_card(found, tmp_path / "no" / "card.html")
