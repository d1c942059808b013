"""Opens the store, brings its tables up to date and records runs in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, inspect, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session

from customer360.clock import Clock, utc_now
from customer360.errors import Unavailable
from customer360.store.tables import PipelineRun

HEAD = "0003"
MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """The operational store behind one SQLAlchemy URL."""

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self.url = url
        self._clock = clock
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _patient_sqlite)

    @classmethod
    def beside(cls, path: Path, clock: Clock = utc_now) -> Store:
        """Return the SQLite store at ``path``, up to date."""
        path.parent.mkdir(parents=True, exist_ok=True)
        store = cls(f"sqlite:///{path}", clock)
        store.migrate()
        return store

    def migrate(self) -> None:
        """Bring the tables to the newest revision; does nothing where they are.

        Raises:
            Unavailable: the store does not answer.
        """
        if self._revision() == HEAD:
            return
        from alembic import command  # noqa: PLC0415  (only a first run needs it)
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("sqlalchemy.url", self.url.replace("%", "%%"))
        command.upgrade(config, "head")

    def check(self) -> None:
        """Ask the store for its revision.

        Raises:
            Unavailable: it does not answer, or its tables are not up to date.
        """
        if self._revision() != HEAD:
            raise Unavailable(
                "The operational store is not up to date.",
                code="store_broken",
                next_action="Run any command that writes, such as customer360 build; it migrates the store.",
            )

    @contextmanager
    def recording(self, kind: str, subject: str) -> Iterator[dict[str, Any]]:
        """Record a run while the block works; what the block puts into the yielded mapping becomes its detail."""
        detail: dict[str, Any] = {}
        run_id = self._start(kind, subject)
        try:
            yield detail
        except BaseException as error:
            self._finish(run_id, "failed", detail | {"error": str(error)})
            raise
        self._finish(run_id, "succeeded", detail)

    def list_runs(self, limit: int = 20) -> list[PipelineRun]:
        """Return the newest runs first."""
        return self.list_newest(PipelineRun.run_id, limit)

    def list_newest(self, by: InstrumentedAttribute[Any], limit: int) -> list[Any]:
        """Return the rows of a table that are the newest by one of its columns, newest first."""
        with Session(self._engine) as session:
            return list(session.scalars(select(by.class_).order_by(by.desc()).limit(limit)))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Keep what the block changes when it ends well, and nothing of it otherwise; its rows can be read after it."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def now(self) -> datetime:
        """Return the present moment as the tables hold it: in UTC, without saying so."""
        return self._clock().astimezone(UTC).replace(tzinfo=None)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def _start(self, kind: str, subject: str) -> int:
        run = PipelineRun(kind=kind, subject=subject, status="running", started_at=self.now(), detail={})
        with Session(self._engine) as session, session.begin():
            session.add(run)
            session.flush()
            return run.run_id

    def _finish(self, run_id: int, status: str, detail: dict[str, Any]) -> None:
        with Session(self._engine) as session, session.begin():
            run = session.get_one(PipelineRun, run_id)
            run.status, run.finished_at, run.detail = status, self.now(), detail
            if status == "succeeded":  # it held the writer's lock, so what began earlier and has no end is dead
                dead = update(PipelineRun).where(PipelineRun.status == "running", PipelineRun.run_id < run_id)
                session.execute(dead.values(status="interrupted"))

    def _revision(self) -> str | None:
        try:
            with self._engine.connect() as connection:
                if not inspect(connection).has_table("alembic_version"):
                    return None
                revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                return revision
        except SQLAlchemyError as error:
            raise Unavailable(
                "The operational store does not answer.",
                code="store_broken",
                next_action="Look at store.db in the workspace: it holds the record of runs and can be moved away; "
                "a new one is made, and data and builds are not touched.",
            ) from error


def _patient_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()
