"""Small SQLite databases of webhooks: private files that a killed process cannot harm.

Everything here blocks, so it is called in the executor. One connection, used by one thread at a
time.
"""

from collections.abc import Iterator, Mapping
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


def remove(path: Path) -> None:
    """Delete a closed database."""
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
