"""The history of runs while one process writes it: Dagster's own SQLite files, each opened once, not for every event.

Put here: keeping connections open. Keep out: what is written, which is Dagster's, and the folder (desk.py). A run
writes some six hundred events; opening a file for each of them took longer than most steps of a small home.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Engine, create_engine, event


class _Files:
    """One engine per file with its one connection, kept until `close`."""

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}

    def engine(self, address: str) -> Engine:
        if address not in self._engines:
            engine = create_engine(address, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
            event.listen(engine, "connect", _at_ease)
            self._engines[address] = engine
        return self._engines[address]

    def close(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


def _at_ease(connection: Any, _record: Any) -> None:
    """Beside a write-ahead log this loses the last events when the power fails, never the file."""
    connection.execute("PRAGMA synchronous=NORMAL")


class KeptEvents(SqliteEventLogStorage):  # type: ignore[misc]
    """The events of runs, through kept connections."""

    def __init__(self, base_dir: str) -> None:
        self._files = _Files()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Any]:
        with self._db_lock:
            engine = self._files.engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def dispose(self) -> None:
        """Close what was kept open."""
        super().dispose()
        self._files.close()


class KeptRuns(SqliteRunStorage):  # type: ignore[misc]
    """The list of runs, through a kept connection."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._files = _Files()
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """A transaction."""
        with self._files.engine(self._conn_string).begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close what was kept open."""
        super().dispose()
        self._files.close()


class KeptStorage(DagsterSqliteStorage):  # type: ignore[misc]
    """Dagster's storage in the same files, with the two parts that a run writes to kept open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Not the stock constructor, which would open the two files that are kept here as well.
        DagsterStorage.__init__(self)
        self.base_dir, self._inst_data = base_dir, inst_data
        self._run_storage = KeptRuns.from_local(str(Path(base_dir) / "history"))
        self._event_log_storage = KeptEvents(str(Path(base_dir) / "history" / "runs"))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(Path(base_dir) / "schedules"))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "KeptStorage":
        """As Dagster makes it from its configuration."""
        return cls(inst_data=inst_data, **config_value)


def writing_instance(folder: Path) -> dg.DagsterInstance:
    """The instance in `folder` for the one process that runs; a storage of another kind that it names is left alone."""
    reference = InstanceRef.from_dir(str(folder))
    stock = reference.storage_data
    if stock is not None and stock.class_name == "DagsterSqliteStorage":
        kept = ConfigurableClassData(__name__, KeptStorage.__name__, stock.config_yaml)
        reference = reference._replace(storage_data=kept)
    return dg.DagsterInstance.from_ref(reference)
