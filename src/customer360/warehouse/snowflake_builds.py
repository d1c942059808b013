"""Builds as schemas of Snowflake: ``GOLD_<id>`` and its like, a row of OPS.BUILDS, and one pointer.

The row of OPS.CURRENT_BUILD is what publishes: readers take the build's id from it and name that build's schemas. The
views of the lasting schemas (``GOLD.CUSTOMER_360_PROFILE``) are for people and BI tools; DDL commits one by one there,
so they follow right after, and the next writer finishes what a killed process left. A build that is read on this
machine is spared by pruning, as with DuckDB; a reader elsewhere finds it gone and starts over with the published one.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace

import duckdb

from customer360.clock import Clock
from customer360.errors import InvalidQuery, NotFound, Unavailable, did_you_mean
from customer360.settings import DEFAULT_MODEL, SnowflakeSettings
from customer360.warehouse.builds import (
    Batch,
    BuildRecord,
    Builds,
    OpenBuild,
    Progress,
    nothing_published,
    read_models,
    read_record,
)
from customer360.warehouse.snowflake import SnowflakeWarehouse
from customer360.warehouse.snowflake_account import Account
from customer360.warehouse.snowflake_bronze import copy_batches
from customer360.warehouse.snowflake_login import placed
from customer360.workspace import Workspace

POINTER_SECONDS = 10.0
"""How long a reader goes on with the pointer as it last saw it; a publication elsewhere shows after so long."""
READ_SECONDS = 3600.0
"""How long a statement may run that brings no limit of its own, as the reading of a whole table."""

BRONZE = "BRONZE"
SERVED = ("SILVER", "GOLD", "MONITORING", "REPORTING", "API", "PROCESSED_DATA")
"""Schemas of a build that have a lasting one of the same name, with views of nothing else."""
OWN = (BRONZE, "RAW_DATA", "SCORING", *SERVED)
"""All schemas that a build makes; the lasting RAW_DATA shows all batches, whatever build is published."""

READ_POINTER = "select build_id from OPS.CURRENT_BUILD"
MOVE_POINTER = "update OPS.CURRENT_BUILD set build_id = :1, published_at = :2"
READ_VIEWS = "select build_id, views_build_id from OPS.CURRENT_BUILD"
VIEWS_FOLLOWED = "update OPS.CURRENT_BUILD set views_build_id = :1"
READ_RECORD = "select record, semantic_model, other_models from OPS.BUILDS where build_id = :1"
READ_RECORDS = "select record from OPS.BUILDS order by build_id desc"
UPDATE_RECORD = """
update OPS.BUILDS
set status = :2, finished_at = :3, as_of_date = :4, record = parse_json(:5),
    semantic_model = coalesce(:6, semantic_model), other_models = coalesce(parse_json(:7), other_models)
where build_id = :1
"""
INSERT_RECORD = """
insert into OPS.BUILDS (build_id, status, finished_at, as_of_date, record, semantic_model, other_models, started_at)
select :1, :2, :3, :4, parse_json(:5), :6, parse_json(:7), :8
"""
FORGET_RECORD = "delete from OPS.BUILDS where build_id = :1"
SCHEMAS = "select schema_name from information_schema.schemata"
RELATIONS = """
select table_schema, table_name from information_schema.tables
where table_schema in ({schemas})
union
select table_schema, table_name from information_schema.views
where table_schema in ({schemas})
"""
OWN_SCHEMA = re.compile(rf"({'|'.join(OWN)})_(B\d{{8}}T\d{{6}}_[0-9A-F]{{4}})")


def schema_suffix(build_id: str) -> str:
    """Return what the names of a build's schemas end with."""
    return f"_{build_id}"


class SnowflakeBuilds(Builds):
    """The builds of a database; ``pool_size`` sessions answer questions, one more makes changes."""

    def __init__(
        self,
        workspace: Workspace,
        settings: SnowflakeSettings,
        *,
        threads: int = 2,
        memory: str = "2GB",
        pool_size: int = 4,
    ) -> None:
        super().__init__(workspace, threads=threads, memory=memory)
        self._account = Account(placed(settings))
        self.warehouse = SnowflakeWarehouse(placed(settings), pool_size=pool_size, timeout=READ_SECONDS)
        self._pointer: tuple[float, str] | None = None
        self._asking = threading.Lock()
        self._models: dict[str, dict[str, str]] = {}

    @contextmanager
    def writing(self) -> Iterator[int]:
        holder = f"{self.workspace.home.resolve()} on {socket.gethostname()}"
        with super().writing() as lock, _deployed(), self._account.lease("writer", holder):
            yield lock

    def copy_bronze(self, batches: Iterable[Batch], progress: Progress) -> None:
        copy_batches(self._account, list(batches), progress)

    def write(self, record: BuildRecord) -> None:
        folder = self.folder(record.build_id)
        folder.mkdir(parents=True, exist_ok=True)
        models = read_models(folder)
        first = models.pop(DEFAULT_MODEL, None)
        values = [
            record.build_id,
            record.status,
            record.finished_at,
            record.as_of_date,
            json.dumps(asdict(record), default=str),
            first,
            json.dumps(models) if models else None,
        ]
        if not self._account.change(UPDATE_RECORD, values):
            self._account.change(INSERT_RECORD, [*values, record.started_at])

    def get(self, build_id: str) -> BuildRecord:
        with _deployed():
            found = self.warehouse.query(READ_RECORD, [build_id]).to_pylist()
        if not found:
            known = [record.build_id for record in self.records()]
            raise NotFound(
                f"There is no build {build_id!r}.", code="build_not_found", next_action=did_you_mean(build_id, known)
            )
        others = json.loads(found[0]["other_models"] or "{}")
        self._models[build_id] = {DEFAULT_MODEL: found[0]["semantic_model"] or ""} | others
        return read_record(json.loads(found[0]["record"]))

    def records(self) -> list[BuildRecord]:
        with _deployed():
            found = self.warehouse.query(READ_RECORDS).column("record").to_pylist()
        return [read_record(json.loads(record)) for record in found]

    def current_id(self) -> str:
        with self._asking:
            if self._pointer is None or time.monotonic() - self._pointer[0] > POINTER_SECONDS:
                with _deployed():
                    [build_id] = self.warehouse.query(READ_POINTER).column("build_id").to_pylist() or [None]
                if build_id is None:
                    raise nothing_published()
                self._pointer = (time.monotonic(), build_id)
            return self._pointer[1]

    def known_id(self) -> str | None:
        known = self._pointer
        return known[1] if known else None

    def _point_to(self, build_id: str, clock: Clock) -> None:
        self._account.change(MOVE_POINTER, [build_id, clock().isoformat(timespec="seconds")])
        self._pointer = None
        self._let_views_follow(build_id)

    def _let_views_follow(self, build_id: str) -> None:
        """Point the views of the lasting schemas to a build, and drop those of which it has no table."""
        suffix = schema_suffix(build_id).upper()
        wanted = {(schema.removesuffix(suffix), name) for schema, name in self._relations(suffix)}
        for schema, name in sorted(wanted):
            self._account.execute(
                f"create or replace view {schema}.{name} copy grants as select * from {schema}{suffix}.{name}"  # noqa: S608
            )
        for schema, name in sorted(self._relations() - wanted):
            self._account.execute(f"drop view if exists {schema}.{name}")
        self._account.change(VIEWS_FOLLOWED, [build_id])

    def _relations(self, suffix: str = "") -> set[tuple[str, str]]:
        """Return schema and name of every table and view in the served schemas of a build, or the lasting ones."""
        schemas = ", ".join(f"'{schema}{suffix}'" for schema in SERVED)
        return {(schema, name) for schema, name in self._account.execute(RELATIONS.format(schemas=schemas))}

    def _has_tables(self, record: BuildRecord) -> bool:
        return record.status == "passed"

    def sweep(self) -> None:
        records = self.records()
        for record in records:
            if record.status == "running":
                self.write(replace(record, status="interrupted"))
                self.discard(record.build_id)
        kept = {record.build_id.upper() for record in records if record.status == "passed"}
        for (schema,) in self._account.execute(SCHEMAS):
            own = OWN_SCHEMA.fullmatch(schema)
            if own and own[2] not in kept:
                self._account.execute(f"drop schema if exists {schema} cascade")
        [(published, followed)] = self._account.execute(READ_VIEWS)
        if published and published != followed:
            self._let_views_follow(published)

    def discard(self, build_id: str) -> None:
        suffix = schema_suffix(build_id)
        for schema in OWN:
            self._account.execute(f"drop schema if exists {schema}{suffix} cascade")
        shutil.rmtree(self.folder(build_id), ignore_errors=True)

    def _remove(self, build_id: str) -> None:
        self._account.change(FORGET_RECORD, [build_id])
        self.discard(build_id)

    @contextmanager
    def hold(self, build_id: str) -> Iterator[BuildRecord]:
        self.folder(build_id).mkdir(parents=True, exist_ok=True)
        with super().hold(build_id) as record:
            yield record

    def _read(self, record: BuildRecord, resources: ExitStack) -> OpenBuild:  # noqa: ARG002  (all share the sessions)
        models = self._models.pop(record.build_id)
        return OpenBuild(record, self.warehouse, models, schema_suffix(record.build_id))

    def attach(
        self, connection: duckdb.DuckDBPyConnection, side: str, record: BuildRecord, tables: Collection[str]
    ) -> None:
        suffix = schema_suffix(record.build_id)
        connection.execute(f"ATTACH ':memory:' AS {side}")
        for schema in sorted({name.split(".")[0] for name in tables}):
            connection.execute(f"CREATE SCHEMA {side}.{schema}")
        for name in tables:
            schema, table = name.split(".")
            rows = self.warehouse.stream(f"select * from {schema}{suffix}.{table}")  # noqa: S608  (names of our own)
            connection.from_arrow(rows).create(f"{side}.{schema}.{table}")

    def close(self) -> None:
        super().close()
        self.warehouse.close()
        self._account.close()


@contextmanager
def _deployed() -> Iterator[None]:
    """Say what to do where the account lacks the tables of OPS."""
    try:
        yield
    except InvalidQuery as error:
        if error.code != "object_missing":
            raise
        raise Unavailable(
            f"The account is not ready: {error.message}",
            code="not_deployed",
            next_action="customer360 deploy snowflake makes what is missing; doctor --engine snowflake says what is.",
        ) from error
