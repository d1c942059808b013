"""The macros of transform/macros/dialect.sql and money.sql mean the same on both engines, at the edges too.

dbt compiles one text for each engine; the engines answer it.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.warehouse.snowflake_account import Account
from customer360.warehouse.snowflake_login import dbt_environment
from tests.conftest import account_on
from tests.servers.snowflake_emulator import Emulator
from tests.transform_snowflake.running import run_dbt

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("snowflake")]

VARIABLES = {"time_zone": "Europe/Berlin"}
MONTHS = {
    ("2024-01-31", "2024-02-29"): 1,
    ("2024-01-30", "2024-02-29"): 1,
    ("2024-01-31", "2024-02-28"): 0,
    ("2024-02-29", "2024-03-28"): 0,
    ("2024-02-29", "2024-03-29"): 1,
    ("2023-02-28", "2024-02-29"): 12,
    ("2024-05-31", "2024-06-30"): 1,
    ("2024-05-15", "2024-05-15"): 0,
    ("2024-05-15", "2025-05-14"): 11,
    ("2024-06-30", "2024-05-31"): -1,
    ("2024-03-01", "2024-01-31"): -1,
    ("2024-03-31", "2024-02-29"): -1,
}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _day(value: str) -> str:
    return f"cast('{value}' as date)"


def _call(macro: str, *arguments: Any) -> str:
    return "{{ " + macro + "(" + ", ".join(json.dumps(argument, ensure_ascii=False) for argument in arguments) + ") }}"


ACCENTS = "ÀÉÎÕÜ Çñ Ǻ ặ İ Ω ά ё й ł ø ß Ørsted Łódź Straße Nguyễn Đặng e\u0301 Ünlü"
PLAIN = "aeiou cn a a i ω α е и ł ø ß ørsted łodz straße nguyen đang e unlu"
EVERY_LETTER = (
    """{{ search_form("'" ~ accented_letters().values() | join ~ "'") }} = """
    """'{% for plain, accented in accented_letters().items() %}{{ plain * accented | length }}{% endfor %}'"""
)
CASES: dict[str, tuple[str, Any]] = {
    **{
        f"months {earlier} {later}": (_call("months_between", _day(earlier), _day(later)), months)
        for (earlier, later), months in MONTHS.items()
    },
    "days": (_call("days_between", _day("2024-02-28"), _day("2024-03-01")), 2),
    "add days": (_call("add_days", _day("2024-03-01"), -1), date(2024, 2, 29)),
    "add months to the end of a month": (_call("add_months", _day("2024-01-31"), 1), date(2024, 2, 29)),
    "take months": (_call("add_months", _day("2024-08-31"), -6), date(2024, 2, 29)),
    "weekday of a Sunday": (_call("iso_weekday", _day("2024-06-30")), 7),
    "weekday of a Monday": (_call("iso_weekday", _day("2024-07-01")), 1),
    "week that belongs to the next year": (_call("iso_week", _day("2024-12-30")), 1),
    "week that belongs to the year before": (_call("iso_week", _day("2027-01-03")), 53),
    "day as text": (_call("day_as_text", _day("2024-02-01")), "2024-02-01"),
    "start of a day": (_call("start_of_day", _day("2024-02-01")), datetime(2024, 2, 1)),  # noqa: DTZ001
    "winter": (_call("to_utc", "cast('2024-01-15 12:00:00' as timestamp)"), datetime(2024, 1, 15, 11)),  # noqa: DTZ001
    "summer": (_call("to_utc", "cast('2024-07-15 12:00:00' as timestamp)"), datetime(2024, 7, 15, 10)),  # noqa: DTZ001
    "key of one column": (
        "cast(" + _call("surrogate_key", ["'abc'"]) + " as varchar)",
        str(int.from_bytes(bytes.fromhex("d6963f7d28e17f72"), "little")),
    ),
    "key of no text": (
        "cast(" + _call("surrogate_key", ["cast(null as varchar)"]) + " as varchar)",
        str(int.from_bytes(bytes.fromhex("e9800998ecf8427e"), "little")),
    ),
    "join with nulls": (_call("join_present", "; ", ["'a'", "cast(null as varchar)", "'b'"]), "a; b"),
    "join of nulls": (_call("join_present", "; ", ["cast(null as varchar)", "cast(null as varchar)"]), ""),
    "join that starts with a null": (_call("join_present", " ", ["cast(null as varchar)", "'b'"]), "b"),
    "join that keeps an empty text": (_call("join_present", "|", ["''", "'b'"]), "|b"),
    "blanks of Unicode": (_call("trimmed", _text("\u00a0\u3000 a b\u2003 ")), "a b"),
    "tab is no blank": (_call("trimmed", _text("\ta ")), "\ta"),
    "number": (_call("cast_text", "'34'", "integer"), 34),
    "no number": (_call("cast_text", "'many'", "integer"), None),
    "number beyond an integer": (_call("cast_text", "'99999999999'", "integer"), None),
    "decimal": (_call("cast_text", "'12.345'", "decimal(12, 2)"), Decimal("12.35")),
    "date": (_call("cast_text", "'2024-02-29'", "date"), date(2024, 2, 29)),
    "no such day": (_call("cast_text", "'2023-02-29'", "date"), None),
    "number is no date": (_call("cast_text", "'1704067200'", "date"), None),
    "text": (_call("cast_text", "'x'", "varchar"), "x"),
    "accents": (_call("search_form", _text(ACCENTS)), PLAIN),
    "every accented letter": (EVERY_LETTER, True),
    "address": (_call("matches", "'a.b@c.de'", "[^@ ]+@[^@ ]+\\.[^@ ]+"), True),
    "address without a dot": (_call("matches", "'a@cXde'", "[^@ ]+@[^@ ]+\\.[^@ ]+"), False),
    "address within a text": (_call("matches", "'to a@c.de now'", "[^@ ]+@[^@ ]+\\.[^@ ]+"), False),
    "half up": (_call("money_per", "cast(0.01 as decimal(38, 4))", "8"), Decimal("0.0013")),
    "half down": (_call("money_per", "cast(-0.01 as decimal(38, 4))", "8"), Decimal("-0.0013")),
    "half that a double misses": (_call("money_per", "cast(0.57 as decimal(38, 4))", "8"), Decimal("0.0713")),
    "third": (_call("money_per", "cast(100 as decimal(38, 4))", "3"), Decimal("33.3333")),
    "by nothing": (_call("money_per", "cast(100 as decimal(38, 4))", "0"), None),
    "percent": (_call("percent", "cast(37.035 as decimal(18, 4))", "cast(123.45 as decimal(18, 4))"), 30.0),
    "percent of nothing": (_call("percent", "1", "0"), None),
}


@pytest.fixture(scope="module")
def answers(snowflake: Account, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each engine answers to each case."""
    text = "select " + ", ".join(f"{expression} as c{place}" for place, (expression, _) in enumerate(CASES.values()))
    on_duckdb = _compile(text, {"CUSTOMER360_DBT_TARGET": "dev"}, tmp_path_factory.mktemp("duckdb"))
    environment = dbt_environment(account_on(emulator)) | {"CUSTOMER360_DBT_TARGET": "snowflake"}
    on_snowflake = _compile(text, environment, tmp_path_factory.mktemp("snowflake"))
    return {
        "duckdb": list(duckdb.execute(on_duckdb).fetchall()[0]),
        "snowflake": list(snowflake.execute(on_snowflake)[0]),
    }


def _compile(text: str, environment: dict[str, str], target: Path) -> str:
    run = run_dbt(["--quiet", "compile", "--inline", text], VARIABLES, environment, target)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    return run.stdout


def test_both_engines_answer_what_is_expected(answers: dict[str, list[Any]], subtests: pytest.Subtests) -> None:
    for place, (name, (_, expected)) in enumerate(CASES.items()):
        with subtests.test(name):
            assert answers["duckdb"][place] == expected
            assert answers["snowflake"][place] == expected
