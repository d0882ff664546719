"""Brings WebSockets to a ``SignalingServer``: used by Home Assistant's view and by the agent.

RFC 6455 through aiohttp. A slow reader is cut off rather than remembered.
"""

import asyncio
from collections import deque
import contextlib
from dataclasses import dataclass, field
import logging
from typing import TYPE_CHECKING, Final

from aiohttp import WSMsgType, web

from .actions import CLOSE_AWAY, CLOSE_NORMAL
from .base import PATH
from .server import SignalingServer
from .wire import MAX_FRAME

if TYPE_CHECKING:
    import ssl as ssl_module

_LOGGER: Final = logging.getLogger(__name__)

HEARTBEAT: Final = 20.0
"""Seconds of silence before a WebSocket ping; half as long without a pong closes."""
CLOSE_TIMEOUT: Final = 1.0
"""Seconds that a client has to answer a close."""
MAX_QUEUED_FRAMES: Final = 256
MAX_QUEUED_CHARACTERS: Final = 512 * 1024


class _Socket:
    """One client: an ``Outlet`` with a bounded queue and the task that empties it."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._queue: deque[str] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self.done = asyncio.Event()

    def send(self, text: str) -> None:
        if self._closing is not None:
            return
        self._queue.append(text)
        self._queued += len(text)
        self._wake.set()
        if len(self._queue) > MAX_QUEUED_FRAMES or self._queued > MAX_QUEUED_CHARACTERS:
            self.abort()

    def close(self, code: int, reason: str) -> None:
        if self._closing is None:
            self._closing = (code, reason)
            self._wake.set()

    def abort(self) -> None:
        """Cut the connection now; what is queued is lost."""
        self._queue.clear()
        self.close(CLOSE_AWAY, "")
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self, ws: web.WebSocketResponse) -> None:
        """Send what is queued until closed; ends also when the client is gone."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                while self._queue:
                    text = self._queue.popleft()
                    self._queued -= len(text)
                    await ws.send_str(text)
                if self._closing is not None:
                    code, reason = self._closing
                    await ws.close(code=code, message=reason.encode())
                    return
                self._wake.clear()
                await self._wake.wait()


class SignalingHost:
    """Answers WebSocket requests on behalf of a server; after ``close`` with 503.

    Args:
        server: Decides everything. One host per server.
        heartbeat: Seconds of silence before a ping.

    """

    def __init__(self, server: SignalingServer, *, heartbeat: float = HEARTBEAT) -> None:
        """Start with no connection."""
        self._server = server
        self._heartbeat = heartbeat
        self._sockets: set[_Socket] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request until its client leaves; returns the finished response."""
        if self._closed:
            return web.Response(status=503, headers={"Retry-After": "10"}, text="closed")
        ws = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT,
            autoping=False,
            heartbeat=self._heartbeat,
            # Bounded input must stay bounded: no frame that inflates.
            compress=False,
            max_msg_size=MAX_FRAME,
        )
        if not ws.can_prepare(request).ok:
            headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
            return web.Response(status=426, headers=headers, text="A WebSocket is expected here.")
        socket = _Socket(request)
        number = self._server.connect(socket)
        if number is None:
            return web.Response(status=503, headers={"Retry-After": "10"}, text="busy")
        self._sockets.add(socket)
        self._tick()
        writer: asyncio.Task[None] | None = None
        try:
            await ws.prepare(request)
            writer = asyncio.create_task(socket.write(ws), name="infrafabric signaling writer")
            await self._read(ws, number)
        except ConnectionError:
            pass  # gone before or while it was answered
        finally:
            self._server.disconnect(number)
            await self._finish(socket, writer)
            self._tick()
        return ws

    async def close(self) -> None:
        """Close every connection and refuse new ones; takes at most about two seconds."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sockets = list(self._sockets)
        for socket in sockets:
            socket.close(CLOSE_AWAY, "going_away")
        endings = [asyncio.ensure_future(socket.done.wait()) for socket in sockets]
        if not endings:
            return
        await asyncio.wait(endings, timeout=CLOSE_TIMEOUT)
        for socket in sockets:
            if not socket.done.is_set():
                socket.abort()
        _, late = await asyncio.wait(endings, timeout=CLOSE_TIMEOUT)
        for ending in late:
            ending.cancel()

    async def _read(self, ws: web.WebSocketResponse, number: int) -> None:
        while True:
            message = await ws.receive()
            match message.type:
                case WSMsgType.TEXT:
                    self._server.receive(number, message.data)
                case WSMsgType.PING:
                    self._server.count(number)
                    await ws.pong(message.data)
                case WSMsgType.PONG:
                    self._server.count(number)
                case WSMsgType.BINARY:
                    # Never part of the protocol; the empty text is refused like any bad frame.
                    self._server.receive(number, "")
                case _:
                    return

    async def _finish(self, socket: _Socket, writer: asyncio.Task[None] | None) -> None:
        try:
            if writer is not None:
                # The reason for a close may still be on its way out.
                socket.close(CLOSE_NORMAL, "")
                await asyncio.wait([writer], timeout=CLOSE_TIMEOUT)
        finally:
            if writer is not None:
                writer.cancel()
            self._sockets.discard(socket)
            socket.done.set()

    def _tick(self) -> None:
        """Let the server close what has lasted too long, now and whenever something is due."""
        delay = self._server.tick()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if delay is not None and not self._closed:
            # A little late is on time: a timer may fire a moment before the clock it was set by.
            self._timer = asyncio.get_running_loop().call_later(delay + 0.05, self._tick)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A standalone signaling server that listens; ``url`` reaches it from this machine."""

    url: str
    port: int
    _host: SignalingHost = field(repr=False)
    _runner: web.AppRunner = field(repr=False)

    async def close(self) -> None:
        """Stop listening and close every connection."""
        await self._host.close()
        await self._runner.cleanup()


async def run_server(
    host: str,
    port: int,
    server: SignalingServer,
    ssl: ssl_module.SSLContext | None = None,
    *,
    heartbeat: float = HEARTBEAT,
) -> RunningServer:
    """Listen on *host* and *port* (0: any free one) and serve *server* there.

    Raises:
        OSError: The address cannot be listened on.

    """
    signaling = SignalingHost(server, heartbeat=heartbeat)
    app = web.Application()
    app.router.add_get("/", signaling.handle)
    app.router.add_get(PATH, signaling.handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=ssl)
        await site.start()
    except BaseException:
        await runner.cleanup()
        raise
    bound: int = runner.addresses[0][1]
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    shown = f"[{name}]" if ":" in name else name
    scheme = "ws" if ssl is None else "wss"
    _LOGGER.debug("Signaling server listens on %s port %s", host, bound)
    return RunningServer(f"{scheme}://{shown}:{bound}{PATH}", bound, signaling, runner)
