"""Who may do what on Snowflake: the grants are the matrix, and no role gets more than it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from customer360.errors import InvalidDefinition
from customer360.settings import project_files
from customer360.warehouse import snowflake_bronze
from customer360.warehouse.migrations import read_migrations
from customer360.warehouse.permissions import Right, as_table, read_grants, read_matrix, write_grants

pytestmark = [pytest.mark.unit, pytest.mark.contract("S2.29"), pytest.mark.contract("S3.119")]

FOLDER = project_files("infra/snowflake")
MATRIX = read_matrix(FOLDER / "permissions.yml")
PEOPLE = {"engineer", "analyst", "scientist"}
ELSEWHERE = {
    "grant role &{role_service} to role SYSADMIN",
    "grant role &{role_engineer} to role SYSADMIN",
    "grant role &{role_analyst} to role SYSADMIN",
    "grant role &{role_scientist} to role SYSADMIN",
    "grant database role SNOWFLAKE.CORTEX_USER to role &{role_service}",
    "grant database role SNOWFLAKE.CORTEX_USER to role &{role_analyst}",
    "grant database role SNOWFLAKE.CORTEX_USER to role &{role_scientist}",
    "grant execute task on account to role SYSADMIN",
}
"""Every grant outside permissions.sql."""


def test_the_grants_are_the_matrix_and_nothing_else() -> None:
    sql = (FOLDER / "permissions.sql").read_text(encoding="utf-8")
    assert read_grants(sql) == MATRIX
    assert sql == write_grants(MATRIX), "permissions.yml changed: make docs writes permissions.sql anew"


def test_grants_elsewhere_are_known_ones() -> None:
    others = [migration.text for migration in read_migrations() if migration.name != "permissions"]
    assert set(re.findall(r"^grant [^;]+", "\n".join(others), re.MULTILINE)) == ELSEWHERE


def test_nobody_gets_all_or_ownership_or_the_right_to_grant() -> None:
    grants = "\n".join(re.findall(r"^grant .+", "\n".join(m.text for m in read_migrations()), re.MULTILINE)).lower()
    assert not re.search(r"\bgrant all\b|\bownership\b|with grant option|manage grants|to role public", grants)


def test_people_change_nothing() -> None:
    assert {entry.right for entry in MATRIX if entry.role in PEOPLE} <= {
        "usage",
        "select",
        "read",
        "operate",
        "monitor",
    }


def test_bronze_is_never_updated_and_loses_rows_only_to_retention() -> None:
    rights = {entry.right for entry in MATRIX if entry[:3] == ("service", "BRONZE", "tables")}
    assert rights == {"select", "insert", "delete"}
    statements = Path(snowflake_bronze.__file__).read_text(encoding="utf-8").lower()
    assert re.findall(r"(?:delete from|update|truncate(?: table)?) bronze\.\w+[^\"]*", statements) == [
        "delete from bronze.transactions where _batch_id = :1"
    ]


def test_who_sees_what() -> None:
    read = {role: {e.place for e in MATRIX if e.role == role and e.right == "select"} for role in PEOPLE}
    assert read["analyst"] == {"GOLD", "REPORTING", "API", "PROCESSED_DATA"}
    assert read["scientist"] == {"SILVER", "GOLD", "MONITORING"}
    assert read["engineer"] >= {"BRONZE", "OPS", "SILVER", "GOLD", "MONITORING", "database"}


def test_only_engineers_look_into_builds_that_are_not_published() -> None:
    inside = {entry.role for entry in MATRIX if entry.place == "database" and entry.kind != "database"}
    assert inside == {"engineer"}


def test_every_role_reaches_what_it_may_read() -> None:
    for role in PEOPLE | {"service"}:
        assert Right(role, "warehouse", "warehouse", "usage") in MATRIX
        assert Right(role, "database", "database", "usage") in MATRIX
        for place in {entry.place for entry in MATRIX if entry.role == role} - {"warehouse", "database"}:
            assert Right(role, place, "schema", "usage") in MATRIX, f"{role} has rights in {place} and no way in"


@pytest.mark.parametrize(
    "line",
    [
        "grant all on schema &{database}.GOLD to role &{role_analyst}; drop table x;",
        "grant select on all views in schema OTHER.GOLD to role &{role_analyst};",
        "revoke select on all views in schema &{database}.GOLD from role &{role_analyst};",
    ],
)
def test_a_line_that_is_no_grant_of_ours_is_refused(line: str) -> None:
    with pytest.raises(InvalidDefinition, match="no grant that can be read"):
        read_grants(line)


def test_a_right_for_today_only_is_found() -> None:
    with pytest.raises(InvalidDefinition, match="all objects only"):
        read_grants("grant select on all views in schema &{database}.GOLD to role &{role_analyst};")


@pytest.mark.parametrize("entry", ["GOLD: {schema: [ownership]}", "GOLD: {views: [all]}", "GOLD: {functions: [usage]}"])
def test_a_right_that_may_not_be_granted_is_refused(tmp_path: Path, entry: str) -> None:
    (tmp_path / "permissions.yml").write_text(f"analyst:\n  {entry}\n")
    with pytest.raises(InvalidDefinition, match=r"permissions\.yml grants"):
        read_matrix(tmp_path / "permissions.yml")


def test_the_page_shows_the_matrix() -> None:
    page = Path(__file__).parents[2] / "docs" / "snowflake-setup.md"
    assert as_table(MATRIX) in page.read_text(encoding="utf-8")
