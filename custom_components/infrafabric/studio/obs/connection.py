"""One WebSocket to OBS: the way in, requests that wait for their answers, and the way out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
import contextlib
from functools import partial
import ssl as ssl_module
from typing import Any, Final

import aiohttp
from yarl import URL

from ..errors import (
    DeadlineError,
    ProtocolError,
    RefusedError,
    StudioError,
    UnreachableError,
)
from . import closing, protocol
from .protocol import ABSENT, Answer, Event, Frame, Hello, Identified

CONNECT_TIMEOUT: Final = 10.0
"""Seconds until the log-in must be complete."""
REQUEST_TIMEOUT: Final = 10.0
"""Seconds until a request must be answered."""
HEARTBEAT: Final = 10.0
"""Seconds between pings; a studio that sleeps is noticed after one and a half of these."""
CLOSE_TIMEOUT: Final = 2.0
"""Seconds that a goodbye may take."""
MAX_PENDING: Final = 64
"""Requests that wait for an answer at the same time."""
MAX_MALFORMED: Final = 100
"""Frames that made no sense, until this is no OBS."""


class Connection:
    """A connection that is logged in.

    Args:
        socket: The WebSocket.
        hello: What the server said first.

    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, hello: Hello) -> None:
        """Begin without requests under way."""
        self.hello = hello
        self._socket = socket
        self._number = 0
        self._pending: dict[str, asyncio.Future[Answer | Mapping[str, Answer]]] = {}
        self._malformed = 0
        self._end: StudioError | None = None

    # -- the way in ---------------------------------------------------------------------------

    @classmethod
    async def open(
        cls,
        session: aiohttp.ClientSession,
        host: str,
        port: int,
        password: str | None,
        *,
        wanted: protocol.Intent,
        tls: bool = False,
        ssl: ssl_module.SSLContext | bool = True,
    ) -> Connection:
        """Connect and log in.

        Raises:
            StudioError: With a code of its own for each reason.

        """
        socket: aiohttp.ClientWebSocketResponse | None = None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                try:
                    socket = await session.ws_connect(
                        URL.build(scheme="wss" if tls else "ws", host=host, port=port),
                        protocols=(protocol.SUBPROTOCOL,),
                        heartbeat=HEARTBEAT,
                        max_msg_size=protocol.MAX_FRAME_BYTES,
                        ssl=ssl,
                        timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                    )
                except (aiohttp.ClientError, OSError, ValueError) as err:
                    raise _no_way_in(err, host, port) from err
                hello = await _first(socket, Hello)
                await socket.send_str(protocol.identify(hello, password, wanted))
                await _first(socket, Identified, hello.version)
        except TimeoutError:
            if socket is not None:
                await _leave(socket)
            raise _too_slow(host, port, connected=socket is not None) from None
        except BaseException:
            if socket is not None:
                await _leave(socket)
            raise
        return cls(socket, hello)

    # -- requests -----------------------------------------------------------------------------

    async def request(
        self,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Answer:
        """Ask for one thing and return the answer, good or bad.

        Raises:
            DeadlineError: No answer came in time. The connection lives on.
            RefusedError: Too many requests are under way.
            UnreachableError: The connection ended.

        """
        answer = await self._ask(name, lambda key: protocol.request(key, name, data), timeout)
        if not isinstance(answer, Answer):
            raise ProtocolError(
                "studio_protocol",
                f"OBS answered {name} with the answers to something else.",
                reason="wrong kind of answer",
            )
        return answer

    async def batch(
        self,
        requests: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        timeout: float = REQUEST_TIMEOUT,
    ) -> list[Answer]:
        """Ask for several things and return the answers in the same order.

        Raises:
            DeadlineError: No answers came in time. The connection lives on.
            RefusedError: Too many requests are under way.
            UnreachableError: The connection ended.

        """
        found: list[Answer] = []
        for first in range(0, len(requests), protocol.MAX_BATCH):
            part = requests[first : first + protocol.MAX_BATCH]
            answers = await self._ask(
                "RequestBatch", partial(protocol.batch, requests=part), timeout
            )
            if isinstance(answers, Answer):
                # Some versions answer a batch that they cannot begin like a single request.
                found += [answers] * len(part)
            else:
                found += [answers.get(str(number), ABSENT) for number in range(len(part))]
        return found

    async def _ask(
        self, name: str, frame: Callable[[str], str], timeout: float
    ) -> Answer | Mapping[str, Answer]:
        if self._end is not None:
            raise self._end
        if len(self._pending) >= MAX_PENDING:
            raise RefusedError(
                "studio_busy", f"{MAX_PENDING} requests already wait for OBS's answers; try later."
            )
        self._number += 1
        key = str(self._number)
        future: asyncio.Future[Answer | Mapping[str, Answer]] = (
            asyncio.get_running_loop().create_future()
        )
        self._pending[key] = future
        try:
            async with asyncio.timeout(timeout):
                await self._socket.send_str(frame(key))
                return await future
        except TimeoutError:
            raise DeadlineError(
                "request_timeout",
                f"OBS did not answer {name} within {timeout:g} seconds.",
                request=name,
            ) from None
        except (ConnectionError, aiohttp.ClientError) as err:
            raise _lost(str(err)) from err
        finally:
            del self._pending[key]

    # -- reading ------------------------------------------------------------------------------

    async def run(self, on_event: Callable[[Event], None]) -> StudioError:
        """Read until the connection ends and return why; everything that waits is told.

        Args:
            on_event: Called with each event, in order; must not raise.

        """
        end: StudioError = _lost("the reader ended")
        try:
            end = await self._read(on_event)
        finally:
            self._end = end
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(end)
        return end

    async def _read(self, on_event: Callable[[Event], None]) -> StudioError:
        while True:
            message = await self._socket.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    if (end := self._take(message.data, on_event)) is not None:
                        return end
                case aiohttp.WSMsgType.BINARY:
                    if (end := self._count_malformed()) is not None:
                        return end
                case aiohttp.WSMsgType.ERROR:
                    return _lost(f"{type(message.data).__name__}: the connection broke")
                case _:
                    return closing.closed(self._socket.close_code, self.hello.version)

    def _take(self, text: str, on_event: Callable[[Event], None]) -> StudioError | None:
        try:
            frame = protocol.parse(text)
        except ValueError:
            return self._count_malformed()
        match frame:
            case Event():
                on_event(frame)
            case protocol.Response():
                self._answer(frame.request_id, frame.answer)
            case protocol.BatchResponse():
                self._answer(frame.request_id, frame.answers)
        return None

    def _answer(self, key: str, answer: Answer | Mapping[str, Answer]) -> None:
        future = self._pending.get(key)
        if future is not None and not future.done():
            future.set_result(answer)

    def _count_malformed(self) -> StudioError | None:
        self._malformed += 1
        if self._malformed < MAX_MALFORMED:
            return None
        return ProtocolError(
            "studio_protocol",
            f"What answers sent {MAX_MALFORMED} frames that make no sense. Is it OBS Studio?",
            reason="frames that make no sense",
        )

    async def close(self) -> None:
        """Say goodbye and let go of the socket; safe to repeat."""
        if self._end is None:
            self._end = _lost("this client closed it")
        await _leave(self._socket)


async def _leave(socket: aiohttp.ClientWebSocketResponse) -> None:
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await socket.close()


async def _first[T: Frame](
    socket: aiohttp.ClientWebSocketResponse, kind: type[T], version: str = "4.x"
) -> T:
    """Return the one frame that has to come now."""
    message = await socket.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        try:
            frame = protocol.parse(message.data)
        except ValueError:
            frame = None
        if isinstance(frame, kind):
            return frame
    elif message.type is aiohttp.WSMsgType.ERROR:
        raise _lost(f"{type(message.data).__name__}: the connection broke")
    elif message.type is not aiohttp.WSMsgType.BINARY:
        raise closing.closed(socket.close_code, version)
    raise ProtocolError(
        "studio_protocol",
        "A WebSocket answered that does not speak as OBS Studio does. Check host and port.",
        reason="not obs-websocket",
    )


def _lost(reason: str) -> UnreachableError:
    return UnreachableError("studio_closed", f"The connection ended: {reason}.", reason=reason)


def _too_slow(host: str, port: int, *, connected: bool) -> DeadlineError:
    what = (
        "accepted the connection and then said nothing; obs-websocket 4.x does that, and 5.0 or "
        "newer (OBS Studio 28) is needed"
        if connected
        else "did not answer; it may be off, asleep or behind a firewall"
    )
    return DeadlineError("studio_timeout", f"{host}:{port} {what}.")


def _no_way_in(err: Exception, host: str, port: int) -> StudioError:
    """Return what a failed attempt to connect means; the order of the cases matters."""
    where = f"{host}:{port}"
    match err:
        case aiohttp.ClientConnectorDNSError():
            return UnreachableError(
                "studio_unknown_host", f"No machine is called {host}. Check the host.", host=host
            )
        case aiohttp.ClientSSLError() | ssl_module.SSLError():
            return UnreachableError(
                "studio_tls",
                f"No encrypted connection to {where} could be made: "
                f"{type(err).__name__}. OBS itself has no TLS: a proxy in front of it brings it, "
                "with a certificate that this machine trusts.",
                reason=type(err).__name__,
            )
        case aiohttp.ClientConnectorError() | ConnectionError() if not isinstance(
            err, aiohttp.ServerDisconnectedError
        ):
            reason = getattr(err, "strerror", None) or type(err).__name__
            return UnreachableError(
                "studio_refused_connection",
                f"{where} refused the connection ({reason}). Is OBS running, and its WebSocket "
                "server switched on under Tools → WebSocket Server Settings?",
                reason=str(reason),
            )
        case TimeoutError():
            return _too_slow(host, port, connected=False)
        case aiohttp.ClientError():
            return ProtocolError(
                "studio_wrong_port",
                f"{where} answered, but not with a WebSocket. OBS's is usually on port 4455; check "
                "the port, and whether it wants TLS.",
                hint="OBS's WebSocket server is usually on port 4455",
            )
    return UnreachableError(
        "studio_refused_connection",
        f"No connection to {where}: {type(err).__name__}.",
        reason=type(err).__name__,
    )
