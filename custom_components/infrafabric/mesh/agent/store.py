"""Private files: the node's state and settings, and the lock that gives them one owner.

The state holds the node's key, so nobody but the owner of the directory may read it; a file or
directory that others can read is refused rather than repaired, since it may have been read.
"""

import asyncio
import errno
import fcntl
import json
import os
from pathlib import Path
import secrets
import stat
from typing import Any, Final, Self

from ..errors import InvalidError, MeshError, RefusedError

STATE_FILE: Final = "node.json"
SETTINGS_FILE: Final = "settings.json"
LOCK_FILE: Final = "lock"
SOCKET_FILE: Final = "control.sock"

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def default_directory() -> Path:
    """Return ``INFRAFABRIC_STATE``, or ``infrafabric`` in the XDG data home.

    The data home rather than the state home of the XDG base directory specification 0.8, because
    the key cannot be made again.
    """
    if named := os.environ.get("INFRAFABRIC_STATE"):
        return Path(named)
    home = os.environ.get("XDG_DATA_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "share"
    return base / "infrafabric"


def make_private_directory(directory: Path) -> None:
    """Make the directory for this user alone, or check that it is.

    Raises:
        InvalidError: ``state_exposed``; ``state_unusable``: it cannot be made or is none.

    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise _unusable(directory, err) from err
    check_private_directory(directory)


def check_private_directory(directory: Path) -> None:
    """Check that nobody else may look into the directory (nothing is said of a missing one).

    Raises:
        InvalidError: ``state_exposed``, ``state_unusable``.

    """
    try:
        found = directory.stat()
    except FileNotFoundError:
        return
    except OSError as err:
        raise _unusable(directory, err) from err
    _check_private(directory, found, "700")


def _check_private(path: Path, found: os.stat_result, mode: str) -> None:
    if found.st_mode & _OTHERS:
        raise InvalidError(
            "state_exposed",
            f"Other users of this machine can open {path}, which holds keys. "
            f"Run: chmod {mode} {path} (and if somebody may have read it, join again).",
            path=str(path),
        )
    if found.st_uid not in (os.geteuid(), 0):
        raise InvalidError(
            "state_exposed",
            f"{path} belongs to another user; run this as that user, or choose another "
            "directory with --state.",
            path=str(path),
        )


def _unusable(path: Path, err: OSError) -> InvalidError:
    return InvalidError(
        "state_unusable",
        f"{path} cannot be used: {err.strerror}. Choose another directory with --state.",
        path=str(path),
    )


def read_private(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file, or None when there is no file.

    Raises:
        InvalidError: ``state_exposed``, ``state_unusable``; ``state_unreadable``: damaged.

    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise _unusable(path, err) from err
    with open(descriptor, "rb") as file:  # noqa: PTH123 - opened already, without following
        _check_private(path, os.fstat(descriptor), "600")
        data = file.read()
    try:
        value = json.loads(data)
    except ValueError as err:
        raise _damaged(path) from err
    if not isinstance(value, dict):
        raise _damaged(path)
    return value


def _damaged(path: Path) -> InvalidError:
    return InvalidError(
        "state_unreadable",
        f"{path} is damaged; restore a backup, or move the directory away and join again.",
        path=str(path),
    )


def write_private(path: Path, data: dict[str, Any]) -> None:
    """Replace a file atomically, durable on return, readable by this user alone.

    Raises:
        MeshError: ``state_not_saved``: the disk is full or read-only.

    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - opened with its mode
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)
    except OSError as err:
        raise MeshError(
            "state_not_saved",
            f"{path} could not be written: {err.strerror}. Make room or fix the permissions.",
            path=str(path),
        ) from err


def _sync_directory(directory: Path) -> None:
    """Make the renaming itself durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FileStore:
    """A ``NodeStore`` over one private file; use it only while holding the ``StateLock``."""

    def __init__(self, directory: Path) -> None:
        """Use ``node.json`` in *directory*; nothing is opened yet."""
        self._directory = directory
        self._path = directory / STATE_FILE

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None (errors as ``read_private``)."""
        check_private_directory(self._directory)
        return await asyncio.to_thread(read_private, self._path)

    async def save(self, data: dict[str, Any]) -> None:
        """Replace it atomically; durable when it returns (errors as ``write_private``)."""
        # A write that began is finished even when the caller is cancelled, or a later one could
        # be overtaken by it.
        writing = asyncio.ensure_future(asyncio.to_thread(write_private, self._path, data))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise


class StateLock:
    """One process owns a state directory; the kernel frees it when the process ends."""

    def __init__(self, directory: Path) -> None:
        """Lock *directory*, which must exist, with ``acquire`` or ``with``."""
        self._path = directory / LOCK_FILE
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Take the lock, unless this object has it."""
        if self._descriptor is None:
            self.acquire()
        return self

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            RefusedError: ``state_in_use``.
            InvalidError: ``state_unusable``.

        """
        try:
            descriptor = os.open(
                self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as err:
            raise _unusable(self._path, err) from err
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            os.close(descriptor)
            if err.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise _unusable(self._path, err) from err
            raise RefusedError(
                "state_in_use",
                f"Another infrafabric process uses {self._path.parent}; stop it first, or choose "
                "another directory with --state.",
                path=str(self._path.parent),
            ) from err
        self._descriptor = descriptor

    def __exit__(self, *_: object) -> None:
        """Free the lock; the file stays, since removing it would let two processes in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
