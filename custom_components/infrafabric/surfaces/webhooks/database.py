"""Small SQLite databases of webhooks: private files that a killed process cannot harm.

Everything here blocks, so it is called in the executor. One connection, used by one thread at a
time.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import os
from pathlib import Path
import sqlite3
import threading
from typing import Final

SUFFIXES: Final = ("", "-wal", "-shm")
"""Of the files that SQLite keeps in WAL mode."""


class DatabaseError(Exception):
    """A database cannot be read; the text says which file and why."""


class Database:
    """A file with a schema of its own, for its owner's eyes only.

    Args:
        path: The file; made with mode 0600 when there is none.
        schema: The statements that make its tables.
        version: Of the schema.
        upgrades: For each later version than the first, what makes it of the one before.

    """

    def __init__(
        self, path: Path, schema: str, version: int, upgrades: Mapping[int, str] | None = None
    ) -> None:
        self._upgrades = upgrades or {}
        self._path = path
        self._schema = schema
        self._version = version
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the file, or make it.

        Raises:
            DatabaseError: It cannot be opened, is damaged, or is of a later version.

        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite gives its other files the mode of the first one.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._path.chmod(0o600)
            # autocommit: transactions begin where the code says so.
            connection = sqlite3.connect(self._path, autocommit=True, check_same_thread=False)
        except (OSError, sqlite3.Error) as err:
            raise DatabaseError(f"{self._path} cannot be opened: {err}") from err
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # Written down before it is promised, even if the power goes.
            connection.execute("PRAGMA synchronous = FULL")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found > self._version:
                raise DatabaseError(
                    f"{self._path} is of a later version ({found}): update InfraFabric."
                )
            if found == 0:
                _write(connection, self._schema, self._version)
            else:
                for version in range(found + 1, self._version + 1):
                    _write(connection, self._upgrades[version], version)
        except sqlite3.Error as err:
            connection.close()
            raise DatabaseError(f"{self._path} cannot be read: {err}") from err
        except DatabaseError:
            connection.close()
            raise
        self._connection = connection

    def close(self) -> None:
        """Close the file; nothing happens if it is closed already."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do all of it or nothing; it is on disk when this ends.

        Raises:
            DatabaseError: It could not be done; the database is as it was.

        """
        with self._lock:
            connection = self._connection
            if connection is None:
                raise DatabaseError(f"{self._path} is closed.")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as err:
                raise DatabaseError(f"{self._path} cannot be written: {err}") from err


def _write(connection: sqlite3.Connection, statements: str, version: int) -> None:
    """Make a schema of a version, all of it or nothing."""
    connection.executescript(f"BEGIN; {statements} PRAGMA user_version = {version}; COMMIT;")


class Reopening:
    """Runs jobs of a database one at a time, and opens it anew after one that failed.

    So whatever was done about the failure works: room made, a file put back or deleted. After the
    end no job runs: one that was given up may still come.

    Args:
        open_fn: Opens the database, and proves whatever else a job relies on.
        close_fn: Closes it, if it is open.

    """

    def __init__(self, open_fn: Callable[[], None], close_fn: Callable[[], None]) -> None:
        self._open = open_fn
        self._close = close_fn
        self._turn = threading.Lock()
        self._usable = False
        self.ended = False

    def run[*Args, Result](self, job: Callable[[*Args], Result], *args: *Args) -> Result:
        """Run a job and return what it returns.

        Raises:
            DatabaseError: The database does not work, or this has ended.

        """
        with self._turn:
            if self.ended:
                raise DatabaseError("The database is closed.")
            try:
                if not self._usable:
                    self._close()
                    self._open()
                    self._usable = True
                return job(*args)
            except DatabaseError:
                self._usable = False
                raise

    def end(self) -> None:
        """Close the database for good, after the job that runs."""
        with self._turn:
            self.ended = True
            self._close()


def remove(path: Path) -> None:
    """Delete a closed database."""
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
