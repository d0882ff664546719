"""What an inbound webhook answered, so that a repeat gets the first answer and does nothing.

On disk before anything is done, so a restart forgets nothing. Everything here blocks, so it is
called in the executor. Times are Unix seconds and passed in.
"""

from pathlib import Path
from typing import Final

from ..database import Database, DatabaseError

MAX_REMEMBERED: Final = 50_000
"""Answers of one webhook that are remembered; the oldest are forgotten first. More than the rate
limit lets in while a signature counts, so no signed request can be used twice. Their age says
nothing: a clock that is set forward and back would make them old before their signatures are."""

VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE answer (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at REAL NOT NULL,
    status INTEGER NOT NULL,
    code TEXT NOT NULL
);
"""


class Answers:
    """The answers of one webhook.

    Args:
        path: The database.
        max_remembered: How many are remembered.

    """

    def __init__(self, path: Path, *, max_remembered: int = MAX_REMEMBERED) -> None:
        self._path = path
        self._database = Database(path, _SCHEMA, VERSION)
        self._max_remembered = max_remembered

    def open(self) -> None:
        """Open the database, and make sure that it works.

        Raises:
            DatabaseError: It cannot be read or written, or is damaged.

        """
        self._database.open()
        with self._database.transaction() as db:
            (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise DatabaseError(f"{self._path} is damaged: {found}")
            # No message has this id.
            db.execute("INSERT INTO answer (id, at, status, code) VALUES ('', 0, 0, '')")
            db.execute("DELETE FROM answer WHERE id = ''")

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def first(self, message_id: str, status: int, code: str, now: float) -> tuple[int, str] | None:
        """Remember an answer, unless there is one: then return that.

        Raises:
            DatabaseError: It could not be remembered, so nothing may be done.

        """
        with self._database.transaction() as db:
            found = db.execute(
                "SELECT status, code FROM answer WHERE id = ?", (message_id,)
            ).fetchone()
            if found is not None:
                return int(found[0]), str(found[1])
            db.execute(
                "INSERT INTO answer (id, at, status, code) VALUES (?, ?, ?, ?)",
                (message_id, now, status, code),
            )
            db.execute(
                "DELETE FROM answer WHERE number <= (SELECT max(number) FROM answer) - ?",
                (self._max_remembered,),
            )
        return None
