"""Bringing an account up to date, on the emulator: from nothing, again, cut off, changed, failing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from customer360.build.pipeline import run_load
from customer360.errors import Conflict, DeploymentFailed, InvalidInput, InvalidSetting
from customer360.ingest import find_dataset
from customer360.lake import TABLES, parquet_path
from customer360.lake.bronze import live_batches
from customer360.settings import SnowflakeSettings, project_files
from customer360.warehouse.deployment import Step, Target, deploy
from customer360.warehouse.migrations import find_objects, read_migrations, render, split
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files
from tests.warehouse.conftest import Open

pytestmark = pytest.mark.integration

SCHEMAS = ("BRONZE", "OPS", "SILVER", "GOLD", "MONITORING", "REPORTING", "API", "RAW_DATA", "PROCESSED_DATA")
EXTRAS = {
    "s3_bucket": "company-files",
    "s3_role_arn": "arn:aws:iam::123456789012:role/snowflake",
    "git_origin": "https://example.com/company/customer360.git",
}


def ask(session: Open, target: Target, sql: str) -> list[Any]:
    """Return the rows of one statement, put to the database of the target."""
    with session() as connection, connection.cursor() as cursor:
        cursor.execute(f"use database {target.values['database']}")
        return list(cursor.execute(sql).fetchall())


def states(steps: list[Step]) -> dict[str, str]:
    return {step.migration.name: step.state for step in steps}


def recorded(session: Open, target: Target) -> list[str]:
    return [row[0] for row in ask(session, target, "select name from OPS.SCHEMA_MIGRATIONS order by applied_at, name")]


# From nothing, and again


@pytest.mark.contract("S3.118")
@pytest.mark.contract("S2.09")
def test_a_deployment_from_nothing_makes_every_object_that_the_files_say(session: Open, target: Target) -> None:
    steps = deploy(session, target)
    assert {step.state for step in steps} == {"applied", "parsed only", "left out"}
    expected = set().union(
        *(find_objects(step.migration.render(target.values))[0] for step in steps if step.state == "applied")
    )
    assert _found(session, target) == expected
    assert {f"SCHEMA {schema}" for schema in SCHEMAS} <= expected


@pytest.mark.contract("S3.121")
@pytest.mark.contract("S3.124")
def test_the_semantic_model_lies_on_its_stage(session: Open, target: Target) -> None:
    deploy(session, target)
    [model] = ask(session, target, "list @OPS.SEMANTIC_MODELS")
    size = (project_files("semantic") / "customer_analytics.yaml").stat().st_size
    assert (model[0].rpartition("/")[2], model[1]) == ("customer_analytics.yaml", size)


@pytest.mark.contract("S2.13")
def test_a_new_file_with_a_schema_of_its_own_is_all_that_runs(session: Open, target: Target, files: Path) -> None:
    deploy(session, target, folder=files)
    (files / "migrations" / "0018_loyalty.sql").write_text(
        "-- Points of customers.\n-- requires: role SYSADMIN; emulator: runs\nuse database &{database};\n"
        "create schema if not exists LOYALTY;\ncreate table if not exists LOYALTY.POINTS (customer_id varchar);\n"
    )
    ran: list[str] = []
    deploy(session, target, folder=files, progress=lambda name, _done, _total: ran.append(name))
    assert ran == ["0018_loyalty"]
    assert ask(session, target, "select count(*) from LOYALTY.POINTS") == [(0,)]


def _found(session: Open, target: Target) -> set[str]:
    """Return what is there, as the files name it."""
    database = target.values["database"]
    tables = ask(session, target, "select table_schema, table_name from information_schema.tables")
    found = {f"{schema}.{name}" for schema, name in tables}
    for kind, place in (("views", 4), ("stages", 3), ("file formats", 3)):
        rows = ask(session, target, f"show {kind} in database {database}")
        found |= {f"{row[place]}.{row[1]}" for row in rows if row[place] != "information_schema"}
    schemas = {row[1] for row in ask(session, target, "show schemas")} - {"information_schema", "PUBLIC"}
    return found | {f"SCHEMA {schema}" for schema in schemas} | {f"DATABASE {database}"}


def test_deploying_again_does_nothing(session: Open, target: Target) -> None:
    first = deploy(session, target)
    before = recorded(session, target)
    ran: list[str] = []
    second = deploy(session, target, progress=lambda name, _done, _total: ran.append(name))
    assert (ran, states(second)) == ([], states(first))
    assert recorded(session, target) == before
    assert len(before) == len(set(before)) == sum(step.state != "left out" for step in first)


def test_a_plan_changes_nothing_and_says_what_is_due(session: Open, target: Target) -> None:
    due = [step.migration.name for step in deploy(session, target, dry_run=True) if step.state == "due"]
    assert due == [migration.name for migration in read_migrations() if not migration.optional]
    assert [step.migration.name for step in deploy(session, target) if step.state != "left out"] == due
    assert [step for step in deploy(session, target, dry_run=True) if step.state == "due"] == []


@pytest.mark.contract("S2.06")
def test_running_every_file_again_keeps_the_data(session: Open, target: Target) -> None:
    deploy(session, target)
    ask(session, target, "update OPS.CURRENT_BUILD set build_id = 'b1'")
    ask(session, target, "insert into OPS.JOBS (job_name, job_type, created_by) values ('a', 'REPORT', 'me')")
    ask(session, target, "delete from OPS.SCHEMA_MIGRATIONS where name <> '0003_database_and_schemas'")
    deploy(session, target)
    assert ask(session, target, "select build_id from OPS.CURRENT_BUILD") == [("b1",)]
    assert ask(session, target, "select count(*) from OPS.JOBS") == [(1,)]
    assert ask(session, target, "select name, holder from OPS.LEASES") == [("writer", None)]


@pytest.mark.contract("S2.11")
@pytest.mark.contract("X.25")
def test_every_file_runs_in_order_where_the_emulator_says_yes_to_what_it_does_not_know(
    no_op_session: Open, target: Target
) -> None:
    everything = replace(
        target, emulator=False, values={**target.values, **EXTRAS}, options=frozenset({"s3", "git", "cortex", "tasks"})
    )
    steps = deploy(no_op_session, everything)
    assert set(states(steps).values()) == {"applied"}
    assert sorted(recorded(no_op_session, everything)) == sorted(states(steps))


def test_what_was_only_parsed_is_due_where_there_is_no_emulator(session: Open, target: Target) -> None:
    parsed = [name for name, state in states(deploy(session, target)).items() if state == "parsed only"]
    steps = deploy(session, replace(target, emulator=False), dry_run=True)
    assert [step.migration.name for step in steps if step.state == "due"] == parsed


# Cut off


@pytest.mark.parametrize(
    "file", ["0002_warehouse", "0004_batches_and_builds", "0008_stages_and_formats", "permissions"]
)
def test_a_run_that_is_interrupted_goes_on_where_it_stopped(session: Open, target: Target, file: str) -> None:
    def stop(name: str, _done: int, _total: int) -> None:
        if name == file:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy(session, target, progress=stop)
    ran: list[str] = []
    steps = deploy(session, target, progress=lambda name, _done, _total: ran.append(name))
    due = [step.migration.name for step in steps if step.state != "left out"]
    assert ran == (due if file == "0002_warehouse" else due[due.index(file) :])
    assert sorted(recorded(session, target)) == sorted(due)


KILLED = """
import os, signal, sys
from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings, load
from customer360.warehouse.deployment import Target, deploy, values_of
from customer360.warehouse.snowflake_sessions import open_session

account = load(SnowflakeSettings)

def kill(name, done, total):
    if name == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)

target = Target(values_of(account, load(SnowflakeSetupSettings)), emulator=True)
deploy(lambda: open_session(account), target, progress=kill)
"""


def environment(account: SnowflakeSettings) -> dict[str, str]:
    """Return the variables that lead another process to the emulator."""
    given = account.model_dump(include={"account", "user", "database", "host", "port", "protocol"})
    variables = {f"SNOWFLAKE_{name.upper()}": str(value) for name, value in given.items()}
    return {**os.environ, **variables, "SNOWFLAKE_PASSWORD": account.password.get_secret_value()}


def test_a_process_that_is_killed_leaves_what_it_had_done(
    session: Open, target: Target, account: SnowflakeSettings
) -> None:
    command = [sys.executable, "-c", KILLED, "0006_observability"]
    killed = subprocess.run(command, env=environment(account), check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert recorded(session, target)[-1] == "0005_jobs"
    assert "due" not in states(deploy(session, target)).values()
    assert "0006_observability" in recorded(session, target)


# Changed, gone, wrong


def test_a_file_that_ran_may_not_change(session: Open, target: Target, files: Path) -> None:
    deploy(session, target, folder=files)
    jobs = files / "migrations" / "0005_jobs.sql"
    jobs.write_text(jobs.read_text() + "\n-- a word\n")
    with pytest.raises(Conflict, match=r"0005_jobs\.sql ran on this account and was changed since") as refused:
        deploy(session, target, folder=files)
    assert "a new file with the next number" in refused.value.next_action
    jobs.unlink()
    with pytest.raises(Conflict, match=r"0005_jobs\.sql ran on this account and is gone"):
        deploy(session, target, folder=files)


def test_a_file_without_a_number_runs_again_when_what_it_says_changes(session: Open, target: Target) -> None:
    deploy(session, target)
    other = replace(target, values={**target.values, "role_analyst": "ASKERS"})
    assert [s.migration.name for s in deploy(session, other, dry_run=True) if s.state == "due"] == ["permissions"]
    assert recorded(session, target).count("permissions") == 1
    deploy(session, other)
    assert recorded(session, target).count("permissions") == 2


def test_a_statement_that_fails_is_named_and_the_next_run_goes_on_there(
    session: Open, target: Target, files: Path
) -> None:
    jobs = files / "migrations" / "0005_jobs.sql"
    right = jobs.read_text()
    jobs.write_text(
        right + "\ninsert into OPS.REPORTS (report_id)\nselect nonsense from OPS.JOBS where not exists (1);\n"
    )
    line = right.count("\n") + 2
    with pytest.raises(DeploymentFailed, match=rf"0005_jobs\.sql, line {line} \(insert into ops \. reports"):
        deploy(session, target, folder=files)
    assert recorded(session, target)[-1] == "0004_batches_and_builds"
    jobs.write_text(right)
    assert "due" not in states(deploy(session, target, folder=files)).values()


# Parts


def test_an_optional_part_is_left_out_by_name_and_asks_for_what_it_needs(session: Open, target: Target) -> None:
    steps = {step.migration.name: step for step in deploy(session, target)}
    left_out = {name: step.reason for name, step in steps.items() if step.state == "left out"}
    assert left_out["0014_storage_integration"] == "optional: add --with s3"
    assert len(left_out) == 4
    wanted = replace(target, options=frozenset({"s3"}))
    with pytest.raises(InvalidSetting, match=r"0014_storage_integration\.sql needs s3_"):
        deploy(session, wanted)
    given = replace(wanted, values={**target.values, **EXTRAS})
    assert states(deploy(session, given))["0014_storage_integration"] == "parsed only"
    with pytest.raises(InvalidInput, match="no optional part 'S3'"):
        deploy(session, replace(target, options=frozenset({"S3"})))


def test_one_file_runs_only_after_what_it_needs(session: Open, target: Target) -> None:
    with pytest.raises(Conflict, match="0007_bronze_tables needs 0003_database_and_schemas, which did not run"):
        deploy(session, target, only=["0007_bronze_tables"])
    steps = deploy(session, target, only=["0003_database_and_schemas", "0007_bronze_tables"])
    assert [name for name, state in states(steps).items() if state == "applied"] == [
        "0003_database_and_schemas",
        "0007_bronze_tables",
    ]
    with pytest.raises(InvalidInput, match="no file '0099_x'"):
        deploy(session, target, only=["0099_x"])


# What lands


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The batches of the messy company, landed and not built."""
    folder = tmp_path_factory.mktemp("landed")
    workspace = Workspace(folder / "home")
    dataset = find_dataset(str(write_dataset(folder / "dataset")))
    assert not run_load(workspace, dataset, write_files(folder / "files")).refused
    return workspace


@pytest.mark.contract("S3.115")
def test_bronze_takes_the_batches_that_landed_once(session: Open, target: Target, landed: Workspace) -> None:
    deploy(session, target)
    expected: dict[str, int] = {}
    for again in (False, True):
        for batch in live_batches(landed):
            for table, rows in batch.tables.items():
                path = parquet_path(landed, table, batch.batch_id)
                ask(session, target, f"put 'file://{path}' @BRONZE.LANDING/{table}/ auto_compress = false")
                [copied] = ask(
                    session,
                    target,
                    f"copy into BRONZE.{table} from @BRONZE.LANDING/{table}/{path.name} "
                    "file_format = (type = parquet) match_by_column_name = case_insensitive",
                )
                assert copied[1] == ("LOAD_SKIPPED" if again else "LOADED")
                expected[table] = expected.get(table, 0) + (0 if again else rows.rows)
    counts = {table: ask(session, target, f"select count(*) from BRONZE.{table}")[0][0] for table in expected}
    assert counts == expected
    assert set(expected) <= TABLES.keys()
    assert sum(expected.values()) > 20


def test_money_and_days_arrive_as_they_were(session: Open, target: Target, landed: Workspace) -> None:
    import pyarrow.parquet as pq

    deploy(session, target)
    [batch, *_] = [batch for batch in live_batches(landed) if "transactions" in batch.tables]
    path = parquet_path(landed, "transactions", batch.batch_id)
    ask(session, target, f"put 'file://{path}' @BRONZE.LANDING/transactions/ auto_compress = false")
    ask(
        session,
        target,
        f"copy into BRONZE.TRANSACTIONS from @BRONZE.LANDING/transactions/{path.name} "
        "file_format = (type = parquet) match_by_column_name = case_insensitive",
    )
    columns = ["_line", "transaction_date", "transaction_amount", "_loaded_at", "_batch_id"]
    sent = sorted(tuple(row.values()) for row in pq.read_table(path, columns=columns).to_pylist())
    assert ask(session, target, f"select {', '.join(columns)} from BRONZE.TRANSACTIONS order by _line") == sent


def test_views_of_raw_data_show_bronze(session: Open, target: Target) -> None:
    deploy(session, target)
    for table in TABLES:
        with session() as connection, connection.cursor() as cursor:
            cursor.execute(f"use database {target.values['database']}")
            bronze = [c.name for c in cursor.describe(f"select * from BRONZE.{table}")]
            assert [c.name for c in cursor.describe(f"select * from RAW_DATA.{table}")] == bronze


@pytest.mark.contract("S3.116")
@pytest.mark.parametrize(
    ("check", "table", "columns", "row"),
    [
        ("verify_customer_load", "customers", "customer_id, observed_at", "'c1', '2026-01-01'"),
        ("verify_transaction_load", "transactions", "transaction_id, transaction_date", "'t1', '2026-01-01'"),
    ],
)
def test_a_load_is_verified_against_its_manifest(
    session: Open, target: Target, check: str, table: str, columns: str, row: str
) -> None:
    deploy(session, target)
    sql = (project_files("infra/snowflake") / "checks" / f"{check}.sql").read_text()
    [use, select] = split(render(sql, target.values, where=check))
    assert use.words[0] == "USE"
    manifest = (
        "insert into OPS.BATCHES "
        "(batch_id, dataset, source, sha256, bytes, mapping_sha256, row_count, tables, landed_at) "
        f"""select 'b1', 'd', 's', 'x', 1, 'x', 2, parse_json('{{"{table}": {{"rows": 2}}}}'), sysdate()"""
    )
    insert = f"insert into BRONZE.{table} ({columns}, _line, _source_file, _batch_id, _loaded_at) select {row}, "
    ask(session, target, manifest)
    assert ask(session, target, select.text) == [("b1", "rows differ from the manifest", 2, 0)]
    for line in (1, 2):
        ask(session, target, f"{insert} {line}, 'f', 'b1', sysdate()")
    assert ask(session, target, select.text) == []
    ask(session, target, f"{insert} 2, 'f', 'b1', sysdate()")
    ask(session, target, f"{insert} 1, 'f', 'b0', sysdate()")
    assert sorted(ask(session, target, select.text)) == [
        ("b0", "rows differ from the manifest", 0, 1),
        ("b1", "lines landed twice", 0, 1),
        ("b1", "rows differ from the manifest", 2, 3),
    ]
    key = columns.split(",", 1)[0]
    ask(session, target, f"update BRONZE.{table} set {key} = null where _batch_id = 'b0'")
    assert ("b0", "rows without a key", 0, 1) in ask(session, target, select.text)


def test_nothing_is_named_that_the_search_for_objects_would_miss() -> None:
    """Each CREATE of the files is one object that was found."""
    for migration in read_migrations():
        creates = re.findall(r"^create ", migration.text, re.MULTILINE)
        assert len(find_objects(migration.text.replace("&{", "").replace("}", ""))[0]) == len(creates), migration.name
