"""The way into a running agent: a Unix socket that only its user can open.

One request per connection, as a line of JSON ``{"v": 1, "op": …, "args": {…}}``. The answer is
any number of lines ``{"event": {…}}`` and one last ``{"result": {…}}`` or ``{"error": {"kind":
…, "code": …, "text": …, "details": {…}}}``. Hanging up ends the operation.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
import contextlib
import json
import logging
import os
from pathlib import Path
import socket
from typing import Any, Final

from ..errors import DeadlineError, InvalidError, MeshError, RefusedError, UnreachableError
from .store import SOCKET_FILE

_LOGGER: Final = logging.getLogger(__name__)

VERSION: Final = 1
MAX_LINE: Final = 8 << 20
"""Bytes of one line: a message of the largest size, its JSON written wastefully."""
_MAX_PATH: Final = 100
"""Longest path of a Unix socket that every system takes, bytes."""

type Emit = Callable[[dict[str, Any]], Awaitable[None]]
"""Takes an event of an operation; waits while the listener is slow."""
type Perform = Callable[[str, Mapping[str, Any], Emit], Awaitable[dict[str, Any]]]

_KINDS: Final[Mapping[str, type[MeshError]]] = {
    "invalid": InvalidError,
    "refused": RefusedError,
    "unreachable": UnreachableError,
    "deadline": DeadlineError,
}


_ENDLESS: Final = frozenset(("listen", "invite"))
"""Operations that may wait for ever."""


class NotRunningError(Exception):
    """No process answers at the state directory's socket."""


@contextlib.contextmanager
def _socket_path(directory: Path) -> Iterator[str]:
    """Yield a path of the socket that is short enough for the kernel."""
    path = str(directory / SOCKET_FILE)
    if len(os.fsencode(path)) <= _MAX_PATH:
        yield path
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = Path(f"/proc/self/fd/{descriptor}")
        if not short.exists():
            raise InvalidError(
                "state_unusable",
                f"The path {directory} is too long for a socket; choose a shorter one with "
                "--state.",
                path=str(directory),
            )
        yield str(short / SOCKET_FILE)
    finally:
        os.close(descriptor)


def error_json(error: MeshError) -> dict[str, Any]:
    """Return an error as JSON."""
    kind = next((name for name, cls in _KINDS.items() if isinstance(error, cls)), "failed")
    return {"kind": kind, "code": error.code, "text": str(error), "details": error.details}


def _error_from(data: Mapping[str, Any]) -> MeshError:
    cls = _KINDS.get(data["kind"], MeshError)
    return cls(data["code"], data["text"], **data["details"])


def _line(value: Mapping[str, Any]) -> bytes:
    # What cannot be encoded (half a surrogate pair from a command line) gets its clear refusal
    # where it is looked at, not here.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="surrogatepass") + b"\n"


class ControlServer:
    """Answers other processes of the same user while this one owns the state directory.

    Args:
        directory: The state directory; its lock must be held.
        perform: Carries out one operation; raises MeshError for what it cannot do.

    """

    def __init__(self, directory: Path, perform: Perform) -> None:
        """Listen to nobody yet."""
        self._directory = directory
        self._perform = perform
        self._server: asyncio.Server | None = None
        self._busy: dict[asyncio.Task[None], str] = {}

    async def start(self) -> None:
        """Begin to listen; a socket that a killed process left behind is replaced.

        Raises:
            InvalidError: ``state_unusable``.

        """
        (self._directory / SOCKET_FILE).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _socket_path(self._directory) as path:
                former = os.umask(0o177)
                try:
                    listener.bind(path)
                finally:
                    os.umask(former)
            self._server = await asyncio.start_unix_server(
                self._serve, sock=listener, limit=MAX_LINE
            )
        except OSError as err:
            listener.close()
            raise InvalidError(
                "state_unusable",
                f"No socket can be made in {self._directory}: {err.strerror}.",
                path=str(self._directory),
            ) from err
        except BaseException:
            listener.close()
            raise

    async def drain(self) -> None:
        """Take no more requests and wait for those of others that end by themselves."""
        if self._server is not None:
            self._server.close()
        finite = [task for task, op in self._busy.items() if op not in _ENDLESS]
        if finite:
            await asyncio.wait(finite)

    async def close(self) -> None:
        """Stop listening and end every operation."""
        if self._server is None:
            return
        self._server.close()
        (self._directory / SOCKET_FILE).unlink(missing_ok=True)
        tasks = list(self._busy)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._busy[task] = ""
        try:
            await self._converse(task, reader, writer)
        except ConnectionError, asyncio.IncompleteReadError, ValueError:
            _LOGGER.debug("A connection ended early")
        finally:
            self._busy.pop(task, None)
            writer.close()

    async def _converse(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async def emit(event: dict[str, Any]) -> None:
            writer.write(_line({"event": event}))
            await writer.drain()

        try:
            op, args = _read_request(await _read_line(reader))
            self._busy[task] = op
            answer = {"result": await self._unless_gone(reader, self._perform(op, args, emit))}
        except MeshError as err:
            answer = {"error": error_json(err)}
        except asyncio.CancelledError:
            answer = {
                "error": error_json(
                    UnreachableError("agent_stopped", "The agent was stopped; start it again.")
                )
            }
            writer.write(_line(answer))
            raise
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):  # fmt: skip
            raise
        except Exception:
            _LOGGER.exception("The agent failed to do what it was asked")
            text = "The agent failed; its own output says why."
            answer = {"error": error_json(MeshError("internal_error", text))}
        writer.write(_line(answer))
        await writer.drain()

    async def _unless_gone(
        self, reader: asyncio.StreamReader, operation: Awaitable[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return the result, or end the operation when the client hangs up."""
        working = asyncio.ensure_future(operation)
        hanging_up = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait([working, hanging_up], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise ConnectionResetError
        finally:
            working.cancel()
            hanging_up.cancel()
            await asyncio.gather(working, hanging_up, return_exceptions=True)


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil()
    except asyncio.LimitOverrunError as err:
        raise InvalidError(
            "message_too_large", f"What was asked has more than {MAX_LINE >> 20} MiB; send less."
        ) from err


def _read_request(line: bytes) -> tuple[str, Mapping[str, Any]]:
    request = json.loads(line)
    if not isinstance(request, dict) or request.get("v") != VERSION:
        raise InvalidError(
            "other_version",
            "The running agent is of another version; restart it.",
        )
    return request["op"], request["args"]


async def call(
    directory: Path, op: str, args: Mapping[str, Any], on_event: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Let the process that owns *directory* do something and return the result.

    Raises:
        NotRunningError: No process owns it.
        UnreachableError: ``agent_stopped``: it ended meanwhile.
        MeshError: As the operation failed.

    """
    try:
        with _socket_path(directory) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=MAX_LINE)
    except (FileNotFoundError, ConnectionRefusedError) as err:
        raise NotRunningError from err
    try:
        writer.write(_line({"v": VERSION, "op": op, "args": dict(args)}))
        await writer.drain()
        while True:
            answer = json.loads(await reader.readuntil())
            if "event" in answer:
                on_event(answer["event"])
            elif "error" in answer:
                raise _error_from(answer["error"])
            else:
                result: dict[str, Any] = answer["result"]
                return result
    except (ConnectionError, asyncio.IncompleteReadError) as err:
        raise UnreachableError(
            "agent_stopped", "The agent stopped before it answered; start it again."
        ) from err
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
