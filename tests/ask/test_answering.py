"""An answer says what was read, what came out, how complete it is and what to ask next; nothing it proposes is idle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from customer360.ask import Answer, Conversation, Frame, Guide, Source, propose_chart
from customer360.ask.dates import Window
from customer360.ask.outcome import describe_outcome
from customer360.errors import QueryTimeout
from customer360.semantic import Column, SemanticQuery, SemanticResult

pytestmark = pytest.mark.integration


def ask(source: Source, *questions: str) -> Answer:
    """Return the answer to the last of several questions of one conversation."""
    return Conversation.replay(source, questions[:-1]).ask(questions[-1])


def test_a_figure_stands_in_the_sentence(source: Source) -> None:
    answer = ask(source, "How many customers do we have?")
    assert answer.status == "answer"
    assert answer.text == "Number of customers: 300."
    assert answer.cells() == [[300]]
    assert answer.read_by == "local grammar"


def test_rows_come_with_their_sql_and_how_many_there_are(source: Source) -> None:
    told = ask(source, "Total spend by channel").as_dict()
    assert told["text"] == "Total spend by channel. 3 rows."
    assert [row["channel"] for row in told["rows"]] == ["In-Store", "Mobile", "Online"]
    assert (told["rows_returned"], told["rows_available"], told["truncated"]) == (3, 3, False)
    assert told["sql"].startswith("SELECT")
    assert told["interpretation"]["measures"] == ["fct_transactions.total_spend"]
    assert SemanticQuery.model_validate(told["query"]).dimensions[0].name == "fct_transactions.channel"


def test_values_of_a_question_are_bound_and_never_in_the_sql(source: Source) -> None:
    told = ask(source, "How many Premium customers are there?").as_dict()
    assert "Premium" not in told["sql"]
    assert told["parameters"] == ["Premium"]


def test_corrections_are_said(source: Source) -> None:
    answer = ask(source, "how many custmers in ohoi")
    assert answer.status == "answer"
    assert "Read “ohoi” as “ohio”." in answer.text


def test_assumptions_are_said(source: Source) -> None:
    answer = ask(source, "top customers by dining spend")
    assert answer.assumptions
    assert f"Assuming: {answer.assumptions[0]}" in answer.text


def test_a_time_outside_the_data_is_said_to_be_outside(source: Source) -> None:
    answer = ask(source, "Total spend in 2019")
    assert answer.reason == "outside_data_range"
    assert "no data" in answer.text
    assert "18 November 2025" in answer.text


def test_figures_of_a_time_outside_the_data_are_never_a_bare_zero(source: Source) -> None:
    window = Window(start=date(2019, 1, 1), end=date(2019, 12, 31), unit="year", label="in 2019")
    frame = Frame(
        kind="figures",
        subject="fct_transactions",
        measures=("fct_transactions.transaction_count",),
        window=window,
        window_field="fct_transactions.transaction_date",
    )
    outcome = describe_outcome(frame, source, source.ask(SemanticQuery(metrics=frame.measures)))
    assert outcome.reason == "outside_data_range"
    assert "2019 lies outside of it, so there is no data for that." in outcome.text


def test_nothing_that_fits_is_said_to_be_nothing(source: Source) -> None:
    answer = ask(source, "List customers older than 120")
    assert (answer.status, answer.reason, answer.cells()) == ("answer", "nothing_fits", [])
    assert "No customers fit these conditions." in answer.text
    counted = ask(source, "How many customers are older than 120?")
    assert counted.text == "Number of customers whose age is above 120: 0. No customers fit these conditions."


def test_the_newest_day_is_said_where_days_count_from_it(source: Source) -> None:
    assert "The newest day is 18 November 2025." in ask(source, "Spend in the last 30 days").text


def test_follow_ups_lean_on_what_was_asked_and_on_its_rows(source: Source) -> None:
    florida = ask(source, "How many customers are in Texas?", "and in Florida?")
    assert "whose state is Florida" in florida.text
    first = ask(source, "Total spend by channel")
    second = ask(source, "Total spend by channel", "the second one")
    assert first.result is not None
    assert second.cells()[0][-1] == first.cells()[1][1]


@pytest.mark.parametrize("question", ["and the second one?", "the runner-up?", "and the next one?", "the 2nd one"])
def test_after_the_first_of_a_ranking_comes_the_second(question: str, source: Source) -> None:
    ranked = ask(source, "Top 2 merchant categories by number of transactions").cells()
    assert ask(source, "Which merchant category has the most transactions?", question).cells() == ranked[1:]


def test_a_sorted_answer_is_sorted_by_what_was_named_again(source: Source) -> None:
    rows = ask(source, "list customers with churn score over 40, highest score first").cells()
    scores = [row[-1] for row in rows]
    assert len(set(scores)) > 1
    assert scores == sorted(scores, reverse=True)


def test_what_is_no_question_leaves_the_conversation_as_it_was(source: Source) -> None:
    conversation = Conversation.replay(source, ["How many customers are in Texas?", "Tell me a joke"])
    assert "Florida" in conversation.ask("and in Florida?").text


def test_nothing_leans_on_a_question_that_was_not_answered(source: Source) -> None:
    conversation = Conversation.replay(source, ["How many customers are in Texas?", "Average salary by state"])
    assert conversation.ask("and in Florida?").reason == "no_context"
    assert conversation.ask("How many customers are in Florida?").status == "answer"


def test_a_proposal_is_asked_in_the_place_of_what_was_not_answered(source: Source) -> None:
    conversation = Conversation(source)
    conversation.ask("How many customers are in Texas?")
    asked = conversation.ask("average value by state")
    assert asked.status == "clarify"
    assert [conversation.pick(one.question).status for one in asked.options] == ["answer"] * len(asked.options)


NEXT_OF = ("Total spend by channel", "How many customers do we have?", "Top 10 customers by lifetime value")


@pytest.mark.parametrize("question", NEXT_OF)
def test_three_questions_go_on_and_each_is_answered(question: str, source: Source) -> None:
    proposed = ask(source, question).next_questions
    assert len(set(proposed)) == 3
    assert question not in proposed
    assert [ask(source, one).status for one in proposed] == ["answer"] * 3


def test_what_is_asked_back_has_options_that_are_answered(source: Source) -> None:
    for question in ("Who are our best customers?", "What about last year?"):
        answer = ask(source, question)
        assert answer.status == "clarify"
        assert answer.options
        assert {ask(source, one.question).status for one in answer.options} == {"answer"}


def test_a_refusal_says_why_and_what_comes_nearest(source: Source) -> None:
    answer = ask(source, "Show the average salary by state")
    assert (answer.status, answer.reason) == ("refuse", "no_such_field")
    assert "salary" in answer.text.casefold()
    assert answer.alternatives
    assert {ask(source, one.question).status for one in answer.alternatives} == {"answer"}
    assert answer.result is None


@pytest.mark.parametrize("question", ["Delete all inactive customers", "x'; drop table customers; --"])
def test_what_would_harm_is_refused_without_proposals(question: str, source: Source) -> None:
    answer = ask(source, question)
    assert answer.status == "refuse"
    assert answer.alternatives == answer.options == ()


@pytest.mark.parametrize("question", ["top 100000 customers by spend", "best 100000 categories in each group by spend"])
def test_more_rows_than_can_be_shown_are_refused_with_the_most_there_can_be(question: str, source: Source) -> None:
    answered = Conversation(source).ask(question)
    assert answered.status == "refuse"
    assert "50000" in answered.text


def test_the_same_question_is_answered_the_same(source: Source) -> None:
    told = [ask(source, "avg LTV by card, only in Texas").as_dict() for _ in range(3)]
    for one in told:
        one.pop("read_ms")
        one.pop("answer_ms")
    assert told[0] == told[1] == told[2]


def test_a_query_that_takes_too_long_is_an_error_and_no_refusal(source: Source) -> None:
    def never(_: SemanticQuery) -> SemanticResult:
        raise QueryTimeout("It took too long.")

    with pytest.raises(QueryTimeout):
        ask(replace(source, ask=never), "How many customers do we have?")


def test_fields_that_the_database_lacks_are_named(source: Source) -> None:
    assert "dim_product" in source.gone
    assert "customer_360_profile.churn_probability" in source.gone


@pytest.mark.contract("S2.44")
@pytest.mark.contract("S3.11")
@pytest.mark.parametrize(
    ("question", "kind", "x"),
    [
        ("How many customers do we have?", "figure", ""),
        ("Total spend by month", "line", "transaction_date_month"),
        ("Total spend by channel", "bar", "channel"),
        ("Share of spend by channel", "pie", "channel"),
        ("Number of customers by state", "map", "state"),
        ("Average age and average lifetime value by customer segment", "scatter", "avg_age"),
        ("Distribution of churn risk scores", "histogram", "churn_risk_score_from"),
        ("Top 10 customers by lifetime value", "table", ""),
    ],
)
def test_the_chart_suits_the_shape_of_the_result(question: str, kind: str, x: str, source: Source) -> None:
    chart = ask(source, question).chart
    assert chart is not None
    assert (chart.kind, chart.x) == (kind, x)


def test_two_groups_of_dates_are_lines_of_several_series(source: Source) -> None:
    chart = ask(source, "Total spend by month and channel").chart
    assert chart is not None
    assert (chart.kind, chart.y, chart.series) == ("line", ("total_spend",), "channel")


def test_one_list_of_numbers_is_a_histogram(source: Source) -> None:
    column = Column("age", "customer_360_profile.age", "INTEGER", "years", "Age")
    table = pa.table({"age": [30, 40]})
    result = SemanticResult((column,), table, 2, "b", date(2025, 1, 1), "SELECT", ())
    frame = Frame(kind="rows", subject="customer_360_profile", fields=("customer_360_profile.age",))
    assert propose_chart(frame, source.model, result).kind == "histogram"


@pytest.fixture(scope="module")
def guide(source: Source) -> Guide:
    """A guide for whom no time passes, so that what it finds does not depend on the machine."""
    return Guide(source.engine, clock=lambda: 0.0)


def test_completions_go_on_from_what_was_typed_and_are_answered(source: Source, guide: Guide) -> None:
    for typed in ("tot", "total spend by c", "how many customers in Te", "average lifetime value "):
        found = guide.complete(typed, 8)
        assert found
        assert [one.text for one in found if not one.text.casefold().startswith(typed.casefold())] == []
        assert {ask(source, one.text).status for one in found} == {"answer"}
    assert "how many customers in Texas" in [one.text for one in guide.complete("how many customers in Te", 8)]


def test_nothing_typed_is_completed_by_examples_and_nonsense_by_nothing(guide: Guide) -> None:
    examples = [one for questions in guide.examples.values() for one in questions]
    assert {one.text for one in guide.complete("", 5)} <= set(examples)
    assert guide.complete("xyzzy plugh ", 5) == []


def test_completing_ends_when_its_time_is_up(source: Source) -> None:
    ticks = iter(range(100))
    found = Guide(source.engine, clock=lambda: float(next(ticks))).complete("", 5)
    assert found == []


def test_examples_cover_the_categories_and_are_answered(source: Source) -> None:
    assert len(source.guide.examples) == 5
    for questions in source.guide.examples.values():
        assert {ask(source, one).status for one in questions} == {"answer"}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("average age of the top 60000 customers by lifetime value", "50,000"),
        ("what share of spend comes from the top 60000 customers", "50,000"),
        ("average age of the top 150% of customers by lifetime value", "150"),
    ],
)
def test_more_of_the_first_than_can_be_named_is_refused_with_what_to_say(
    question: str, said: str, source: Source
) -> None:
    answer = Conversation(source).ask(question)
    assert (answer.status, answer.reason) == ("refuse", "invalid_value")
    assert said in answer.text
