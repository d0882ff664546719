"""Messages of one outbound webhook on their way: on disk until they are delivered.

What ``add`` returned for is there after the process was killed. Everything here blocks, so it is
called in the executor. No clock of its own: times are Unix seconds and passed in.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
import sqlite3
from typing import Final

from ..database import Database
from .retry import GIVE_UP_AFTER

MAX_MESSAGES: Final = 20_000
"""Messages that one webhook keeps, dead letters included."""
MAX_BYTES: Final = 32 * 1024 * 1024
"""Bytes of their bodies."""

ROOM_AT: Final = 0.9
"""Part that may wait when there is room again."""

VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    since REAL NOT NULL,
    due REAL,
    failures INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    body BLOB NOT NULL
);
CREATE INDEX message_due ON message (due, number);
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
# A message without a time when it is due is a dead letter.


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be delivered.

    Attributes:
        message_id: The same in every attempt, so that receivers can tell repeats.
        body: The bytes to send.
        created: Unix seconds when it was added.
        since: Unix seconds when the attempts began; later than ``created`` if it was resent.
        failures: Attempts that failed so far.

    """

    message_id: str
    body: bytes = field(repr=False)
    created: float
    since: float
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt that failed.

    Attributes:
        message_id: Of the message.
        reason: A short code; never a text of the receiver.
        due: Unix seconds of the next attempt; None makes it a dead letter.

    """

    message_id: str
    reason: str
    due: float | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody tries to deliver any more."""

    message_id: str
    body: bytes = field(repr=False)
    created: float
    failures: int
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages there are.

    Attributes:
        waiting: To be delivered.
        dead: Dead letters.
        refused: Never taken in, because there was no room, since the file was made.
        size: Bytes of all bodies.

    """

    waiting: int
    dead: int
    refused: int
    size: int


class Outbox:
    """The messages of one webhook.

    Args:
        path: The database.
        max_messages: How many it keeps.
        max_bytes: How many bytes of bodies.

    """

    def __init__(
        self, path: Path, *, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES
    ) -> None:
        self._database = Database(path, _SCHEMA, VERSION)
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._count = 0
        self._size = 0
        self._refused = 0

    def open(self) -> None:
        """Open the database.

        Raises:
            DatabaseError: It cannot be read.

        """
        self._database.open()
        with self._database.transaction() as db:
            self._count, self._size = db.execute(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM message"
            ).fetchone()
            row = db.execute("SELECT value FROM fact WHERE name = 'refused'").fetchone()
            self._refused = int(row[0]) if row else 0

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def count(self) -> Counts:
        """Return how many messages there are."""
        with self._database.transaction() as db:
            dead, _ = _sums_of_dead(db)
            return Counts(self._count - dead, dead, self._refused, self._size)

    def has_room(self) -> bool:
        """Tell whether a tenth is free, or held by what makes room.

        So that what shows a full outbox does not come and go with each message.
        """
        with self._database.transaction() as db:
            dead, size_of_dead = _sums_of_dead(db)
            return (
                self._count - dead < ROOM_AT * self._max_messages
                and self._size - size_of_dead < ROOM_AT * self._max_bytes
            )

    def prove_writable(self) -> None:
        """Write something, as reading tells nothing of that.

        Raises:
            DatabaseError: It cannot be written.

        """
        with self._database.transaction() as db:
            _set_fact(db, "proof", "written")
            _set_fact(db, "proof", None)

    def add(self, messages: Iterable[tuple[str, bytes]], now: float) -> int:
        """Take in messages, each with its id and body, and return how many found no room.

        The oldest dead letters make room first; what waits is never dropped for what is new.
        """
        with self._changing() as db:
            refused = 0
            for message_id, body in messages:
                if not self._make_room(db, len(body)):
                    refused += 1
                    continue
                db.execute(
                    "INSERT INTO message (id, created, since, due, body) VALUES (?, ?, ?, ?, ?)",
                    (message_id, now, now, now, body),
                )
                self._count += 1
                self._size += len(body)
            if refused:
                self._refused += refused
                _set_fact(db, "refused", str(self._refused))
        return refused

    def due(self, now: float, limit: int) -> list[Message]:
        """Return messages whose time has come, the oldest first, at most *limit*."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT id, body, created, since, failures FROM message"
                " WHERE due <= ? OR due > ? ORDER BY due, number LIMIT ?",
                # No pause is that long: the clock was set back.
                (now, now + GIVE_UP_AFTER, limit),
            ).fetchall()
        return [Message(*row) for row in rows]

    def next_due(self) -> float | None:
        """Return when the next message is due, or None if none waits."""
        with self._database.transaction() as db:
            (found,) = db.execute("SELECT min(due) FROM message").fetchone()
        return None if found is None else float(found)

    def delivered(self, message_ids: Iterable[str]) -> None:
        """Forget messages that arrived."""
        with self._changing() as db:
            for message_id in message_ids:
                self._forget(db, "id = ?", message_id)

    def failed(self, attempts: Iterable[Failed]) -> None:
        """Note failed attempts, and when to try again."""
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE message SET failures = failures + 1, reason = ?, due = ? WHERE id = ?",
                [(attempt.reason, attempt.due, attempt.message_id) for attempt in attempts],
            )

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Return the newest dead letters, at most *limit*."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT id, body, created, failures, reason FROM message WHERE due IS NULL"
                " ORDER BY number DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [DeadLetter(*row) for row in rows]

    def resend(self, now: float) -> int:
        """Let every dead letter be tried again, for another day; return how many there were."""
        with self._database.transaction() as db:
            return db.execute(
                "UPDATE message SET due = ?, since = ?, failures = 0 WHERE due IS NULL", (now, now)
            ).rowcount

    def fact(self, name: str) -> str | None:
        """Return what was remembered under a name."""
        with self._database.transaction() as db:
            row = db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def remember(self, name: str, value: str | None) -> None:
        """Remember a text under a name, or forget it."""
        with self._database.transaction() as db:
            _set_fact(db, name, value)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction that changes the sums; a failed one leaves them as they were."""
        before = self._count, self._size, self._refused
        try:
            with self._database.transaction() as db:
                yield db
        except BaseException:
            self._count, self._size, self._refused = before
            raise

    def _make_room(self, db: sqlite3.Connection, size: int) -> bool:
        """Drop the oldest dead letters until a body fits, and tell whether it does."""
        while self._count >= self._max_messages or self._size + size > self._max_bytes:
            oldest = db.execute(
                "SELECT number FROM message WHERE due IS NULL ORDER BY number LIMIT 1"
            ).fetchone()
            if oldest is None or size > self._max_bytes:
                return False
            self._forget(db, "number = ?", oldest[0])
        return True

    def _forget(self, db: sqlite3.Connection, where: str, value: str | int) -> None:
        row = db.execute(
            f"DELETE FROM message WHERE {where} RETURNING length(body)",  # noqa: S608
            (value,),
        ).fetchone()
        if row is not None:
            self._count -= 1
            self._size -= row[0]


def _sums_of_dead(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many dead letters there are, and the bytes of their bodies."""
    row: tuple[int, int] = db.execute(
        "SELECT count(*), coalesce(sum(length(body)), 0) FROM message WHERE due IS NULL"
    ).fetchone()
    return row


def _set_fact(db: sqlite3.Connection, name: str, value: str | None) -> None:
    if value is None:
        db.execute("DELETE FROM fact WHERE name = ?", (name,))
    else:
        db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))
