"""Which value of a label means leaving, and labels that no model can be judged by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from customer360.churn.labels import read_label, require_enough
from customer360.errors import InvalidInput

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["0", "1"], "1"),
        (["0.0", "1.0"], "1.0"),
        (["True", "False"], "True"),
        (["No", "Yes"], "Yes"),
        (["Existing Customer", "Attrited Customer"], "Attrited Customer"),
        (["Stayed", "Churned"], "Churned"),
    ],
)
def test_the_usual_words_need_no_option(values: list[str], positive: str) -> None:
    labelled, left, chosen = read_label("churn", pa.array([*values, "", None]), None)
    assert chosen == positive
    assert labelled.tolist() == [True, True, False, False]
    assert left.tolist() == [value == positive for value in values]


def test_the_value_asked_for_is_found_in_any_spelling() -> None:
    assert read_label("s", pa.array(["Kept", "Quit"]), "quit")[2] == "Quit"
    assert read_label("s", pa.array(["0.0", "1.0"]), "0")[2] == "0.0"
    labelled, left, _ = read_label("s", pa.array(["Stayed", "Joined", "Quit"]), "Quit")
    assert labelled.all()
    assert left.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("values", "positive", "said"),
    [
        (["1", "1"], None, "only '1'"),
        (["", ""], None, "nothing"),
        (["a", "b"], None, "'a' or 'b'"),
        (["yes", "1"], None, "'1' or 'yes'"),
        (["a", "b", "c"], None, "3 values"),
        (["a", "b"], "d", "never 'd'"),
    ],
)
def test_a_label_that_does_not_say_who_left_is_refused(values: list[str], positive: str | None, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        read_label("churn", pa.array(values), positive)
    assert refused.value.details[0]["value"] == "churn"
    assert "--positive" in refused.value.next_action


def test_too_few_customers_for_the_folds_are_refused_with_how_many_would_do() -> None:
    left = np.arange(100) < 9
    require_enough("churn", left, 3)
    with pytest.raises(InvalidInput, match="9 customers who left; 5 folds need 15") as refused:
        require_enough("churn", left, 5)
    assert "--folds 3" in refused.value.next_action
    with pytest.raises(InvalidInput, match="2 customers who stayed"):
        require_enough("churn", np.arange(100) < 98, 5)
