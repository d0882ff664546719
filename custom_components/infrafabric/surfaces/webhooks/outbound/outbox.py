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
PEER_SHARE: Final = 50
"""Percent of both that what peers sent may take: others decide how much that is, and it must not
keep out what happens here."""

ROOM_AT: Final = 0.9
"""Part that may wait when there is room again."""

VERSION: Final = 2
_SCHEMA: Final = """
CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    since REAL NOT NULL,
    due REAL,
    failures INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    body BLOB NOT NULL,
    of_peer INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX message_due ON message (due, number);
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
# A message without a time when it is due is a dead letter.
_UPGRADES: Final = {2: "ALTER TABLE message ADD COLUMN of_peer INTEGER NOT NULL DEFAULT 0;"}


@dataclass(frozen=True, slots=True)
class New:
    """What is to be taken in.

    Attributes:
        message_id: Of its own.
        body: The bytes to send.
        of_peer: Whether a peer sent what it tells of; then it may take a share only.

    """

    message_id: str
    body: bytes = field(repr=False)
    of_peer: bool = False


@dataclass(frozen=True, slots=True)
class Sums:
    """How many messages there are, and the bytes of their bodies."""

    count: int = 0
    size: int = 0

    def plus(self, size: int) -> Sums:
        """Return the sums with one message more."""
        return Sums(self.count + 1, self.size + size)

    def minus(self, size: int) -> Sums:
        """Return the sums with one message less."""
        return Sums(self.count - 1, self.size - size)

    def less(self, other: Sums) -> Sums:
        """Return what is left without others."""
        return Sums(self.count - other.count, self.size - other.size)

    def within(self, limit: Sums) -> bool:
        """Tell whether neither is more than a limit."""
        return self.count <= limit.count and self.size <= limit.size

    def leave_room(self, limit: Sums) -> bool:
        """Tell whether a tenth of a limit is free."""
        return self.count < ROOM_AT * limit.count and self.size < ROOM_AT * limit.size


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
        self._database = Database(path, _SCHEMA, VERSION, _UPGRADES)
        self._limit = Sums(max_messages, max_bytes)
        self._limit_of_peers = share_of_peers(self._limit)
        self._all = Sums()
        self._of_peers = Sums()
        self._refused = 0

    def open(self) -> None:
        """Open the database.

        Raises:
            DatabaseError: It cannot be read.

        """
        self._database.open()
        with self._database.transaction() as db:
            self._all = _sums(db, "TRUE")
            self._of_peers = _sums(db, "of_peer")
            row = db.execute("SELECT value FROM fact WHERE name = 'refused'").fetchone()
            self._refused = int(row[0]) if row else 0

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def count(self) -> Counts:
        """Return how many messages there are."""
        with self._database.transaction() as db:
            dead = _sums(db, "due IS NULL").count
            return Counts(self._all.count - dead, dead, self._refused, self._all.size)

    def has_room(self) -> bool:
        """Tell whether a tenth is free, or held by what makes room.

        So that what shows a full outbox does not come and go with each message.
        """
        with self._database.transaction() as db:
            waiting = self._all.less(_sums(db, "due IS NULL"))
            of_peers = self._of_peers.less(_sums(db, "due IS NULL AND of_peer"))
        return waiting.leave_room(self._limit) and of_peers.leave_room(self._limit_of_peers)

    def prove_writable(self) -> None:
        """Write something, as reading tells nothing of that.

        Raises:
            DatabaseError: It cannot be written.

        """
        with self._database.transaction() as db:
            _set_fact(db, "proof", "written")
            _set_fact(db, "proof", None)

    def add(self, messages: Iterable[New], now: float) -> int:
        """Take in messages and return how many found no room.

        The oldest dead letters make room first; what waits is never dropped for what is new.
        """
        with self._changing() as db:
            refused = 0
            for new in messages:
                size = len(new.body)
                if not self._make_room(db, size, of_peer=new.of_peer):
                    refused += 1
                    continue
                db.execute(
                    "INSERT INTO message (id, created, since, due, body, of_peer)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (new.message_id, now, now, now, new.body, new.of_peer),
                )
                self._all = self._all.plus(size)
                if new.of_peer:
                    self._of_peers = self._of_peers.plus(size)
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
        before = self._all, self._of_peers, self._refused
        try:
            with self._database.transaction() as db:
                yield db
        except BaseException:
            self._all, self._of_peers, self._refused = before
            raise

    def _make_room(self, db: sqlite3.Connection, size: int, *, of_peer: bool) -> bool:
        """Drop the oldest dead letters until a body fits, and tell whether it does."""
        if size > (self._limit_of_peers if of_peer else self._limit).size:
            return False
        if of_peer:
            while not self._of_peers.plus(size).within(self._limit_of_peers):
                if not self._drop_oldest(db, "due IS NULL AND of_peer"):
                    return False
        while not self._all.plus(size).within(self._limit):
            if not self._drop_oldest(db, "due IS NULL"):
                return False
        return True

    def _drop_oldest(self, db: sqlite3.Connection, which: str) -> bool:
        oldest = db.execute(
            f"SELECT number FROM message WHERE {which} ORDER BY number LIMIT 1"  # noqa: S608
        ).fetchone()
        if oldest is not None:
            self._forget(db, "number = ?", oldest[0])
        return oldest is not None

    def _forget(self, db: sqlite3.Connection, where: str, value: str | int) -> None:
        row = db.execute(
            f"DELETE FROM message WHERE {where} RETURNING length(body), of_peer",  # noqa: S608
            (value,),
        ).fetchone()
        if row is None:
            return
        size, of_peer = row
        self._all = self._all.minus(size)
        if of_peer:
            self._of_peers = self._of_peers.minus(size)


def share_of_peers(limit: Sums) -> Sums:
    """Return how much of a limit what peers sent may take."""
    return Sums(limit.count * PEER_SHARE // 100, limit.size * PEER_SHARE // 100)


def _sums(db: sqlite3.Connection, which: str) -> Sums:
    """Return the sums of the messages that a condition holds for."""
    return Sums(
        *db.execute(
            f"SELECT count(*), coalesce(sum(length(body)), 0) FROM message WHERE {which}"  # noqa: S608
        ).fetchone()
    )


def _set_fact(db: sqlite3.Connection, name: str, value: str | None) -> None:
    if value is None:
        db.execute("DELETE FROM fact WHERE name = ?", (name,))
    else:
        db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))
