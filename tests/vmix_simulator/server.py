"""The simulator's two doors: TCP lines as in vMix's help, and HTTP; and how they can be broken."""

import asyncio
import base64
from collections import deque
from collections.abc import Awaitable, Callable
import contextlib
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from .world import RefusedError, World


@dataclass
class Faults:
    """What goes wrong until it is switched off again.

    Attributes:
        slow: Seconds before each answer.
        silent: It reads and never answers: a PC that fell asleep.
        no_greeting: It does not say its version first.
        garbage: Bytes instead of the next answer.
        xml: Bytes instead of the XML.
        length: Added to the length that is announced.
        cut: Bytes of the XML's answer after which the connection ends.
        half_close: Ends its own half after the next answer, and goes on listening.
        piece: Bytes of each write; 0 writes all at once.
        refuse: ER by function's name: what it says.
        ignore: Functions that get OK and do nothing.
        delay: Seconds by function's name before it does anything, after the OK.
        block: Seconds by function's name in which nothing at all is answered.
        no_events: Subscribers hear nothing.

    """

    slow: float = 0.0
    silent: bool = False
    no_greeting: bool = False
    garbage: bytes = b""
    xml: bytes | None = None
    length: int = 0
    cut: int | None = None
    half_close: bool = False
    piece: int = 0
    refuse: dict[str, str] = field(default_factory=dict)
    ignore: set[str] = field(default_factory=set)
    delay: dict[str, float] = field(default_factory=dict)
    block: dict[str, float] = field(default_factory=dict)
    no_events: bool = False


class _Peer:
    """One TCP connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.subscribed: set[str] = set()
        self.waiting: asyncio.Queue[str] = asyncio.Queue()
        self.busy = False


class VmixSimulator:
    """A vMix that listens on two ports of the loopback (0: any free one).

    Attributes:
        world: What it shows; tests may change it directly.
        faults: What goes wrong.
        requests: The last lines that came over TCP, and queries over HTTP.
        overlaps: How often a client did not wait for an answer.

    """

    def __init__(
        self,
        world: World | None = None,
        *,
        host: str = "127.0.0.1",
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self.world = world or World()
        self.faults = Faults()
        self.requests: deque[str] = deque(maxlen=10_000)
        self.overlaps = 0
        self.connections = 0
        self.port = self.http_port = 0
        self._host = host
        self._credentials = (username, password) if password else None
        self._peers: set[_Peer] = set()
        self._web: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._blocked_until = 0.0
        self.world.on_act = lambda line: self._publish("ACTS", line)
        self.world.on_tally = lambda line: self._publish("TALLY", line)

    async def start(self, port: int = 0, http_port: int = 0) -> None:
        """Begin to listen."""
        self.port = await self._listen(self._tcp, port)
        self.http_port = await self._listen(self._http, http_port)

    async def _listen(
        self,
        handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        port: int,
    ) -> int:
        server = await asyncio.start_server(handler, self._host, port, limit=1 << 20)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End everything."""
        for server in self._servers:
            server.close()
        self.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def drop(self) -> None:
        """Break every connection, as a crash does."""
        for writer in [*(peer.writer for peer in self._peers), *self._web]:
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- TCP ----------------------------------------------------------------------------------

    def _publish(self, what: str, line: str) -> None:
        if self.faults.no_events or self.faults.silent:
            return
        for peer in self._peers:
            if what in peer.subscribed:
                peer.writer.write(f"{what} OK {line}\r\n".encode())

    async def _tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _Peer(writer)
        self._peers.add(peer)
        self.connections += 1
        task = asyncio.create_task(self._answer(peer))
        self._tasks.add(task)
        try:
            if not (self.faults.no_greeting or self.faults.silent):
                writer.write(f"VERSION OK {self.world.release.version}\r\n".encode())
            while line := await reader.readline():
                # Nobody may ask again before the answer is there. (An empty line asks nothing: it
                # ends the head of an HTTP request that came to the wrong door.)
                if line.strip():
                    self.overlaps += peer.busy or not peer.waiting.empty()
                self.requests.append(line.decode(errors="replace"))
                peer.waiting.put_nowait(line.decode(errors="replace").rstrip("\r\n"))
        except OSError, ValueError:
            pass
        finally:
            task.cancel()
            self._tasks.discard(task)
            self._peers.discard(peer)
            writer.close()

    async def _answer(self, peer: _Peer) -> None:
        with contextlib.suppress(OSError):
            while True:
                line = await peer.waiting.get()
                if self.faults.silent:
                    peer.busy = True
                    continue
                peer.busy = True
                await self._pause()
                if self.faults.garbage:
                    data, self.faults.garbage = self.faults.garbage, b""
                else:
                    data = await self._reply(peer, line)
                peer.busy = False
                await self._write(peer.writer, data)
                if line == "QUIT" or (self.faults.cut is not None and line == "XML"):
                    peer.writer.close()
                    return
                if self.faults.half_close:
                    self.faults.half_close = False
                    peer.writer.write_eof()

    async def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(self.faults.slow, self._blocked_until - loop.time()))

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        piece = self.faults.piece or len(data) or 1
        for begin in range(0, len(data), piece):
            writer.write(data[begin : begin + piece])
            await writer.drain()

    async def _reply(self, peer: _Peer, line: str) -> bytes:
        command, _, rest = line.partition(" ")
        match command:
            case "XML":
                body = (self.world.xml() if self.faults.xml is None else self.faults.xml) + b"\r\n"
                data = f"XML {len(body) + self.faults.length}\r\n".encode() + body
                return data[: self.faults.cut]
            case "VERSION":
                words = f"OK {self.world.release.version}"
            case "TALLY":
                words = f"OK {self.world.tally()}"
            case "XMLTEXT":
                found = {"vmix/version": self.world.release.version}.get(rest)
                words = f"OK {found}" if found else "ER XML Entry Not Found"
            case "SUBSCRIBE" if rest in {"ACTS", "TALLY"}:
                peer.subscribed.add(rest)
                words = f"OK {rest} Subscribed"
                if rest == "TALLY":
                    words += f"\r\nTALLY OK {self.world.tally()}"
            case "UNSUBSCRIBE":
                peer.subscribed.discard(rest)
                words = f"OK {rest}"
            case "FUNCTION":
                name, _, query = rest.partition(" ")
                error = await self._function(name, query)
                words = "OK Completed" if error is None else f"ER {error}"
            case "QUIT":
                words = "OK Bye"
            case _:
                words = "ER Unknown Command"
        return f"{command} {words}\r\n".encode()

    async def _function(self, name: str, query: str) -> str | None:
        faults = self.faults
        if name in faults.refuse:
            return faults.refuse[name]
        if name in faults.block:
            self._blocked_until = asyncio.get_running_loop().time() + faults.block[name]
            await asyncio.sleep(faults.block[name])
        if name in faults.ignore:
            return None
        if name in faults.delay:
            task = asyncio.create_task(self._later(faults.delay[name], name, query))
            self._tasks.add(task)
            return None
        try:
            self.world.function(name, query)
        except RefusedError as err:
            return str(err)
        except ValueError, KeyError, IndexError:
            return "Invalid value"
        return None

    async def _later(self, seconds: float, name: str, query: str) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(RefusedError):
            self.world.function(name, query)

    # -- HTTP ---------------------------------------------------------------------------------

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._web.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
            status, body = await self._page(head)
            if self.faults.silent:
                await asyncio.sleep(3600)
            await self._pause()
            await self._write(
                writer,
                f"HTTP/1.0 {status}\r\nContent-Length: {len(body) + self.faults.length}\r\n"
                f"Connection: close\r\n\r\n".encode()
                + body[: self.faults.cut],
            )
        except OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError:
            # companion #409: what vMix's web server says to a line of the TCP API
            with contextlib.suppress(OSError):
                writer.write(b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n")
        finally:
            self._web.discard(writer)
            writer.close()

    async def _page(self, head: str) -> tuple[str, bytes]:
        request, *headers = head.split("\r\n")
        target = urlsplit(request.split(" ")[1] if request.count(" ") == 2 else "/")
        if not self._allowed(headers):
            return '401 Unauthorized\r\nWWW-Authenticate: Basic realm="vMix"', b"Unauthorized"
        if target.path.rstrip("/").lower() != "/api":
            return "404 Not Found", b"Not Found"
        self.requests.append(target.query)
        function, _, query = target.query.partition("&")
        if not function:
            return "200 OK", self.world.xml() if self.faults.xml is None else self.faults.xml
        error = await self._function(unquote(function.partition("=")[2]), query)
        if error is not None:
            return "500 Internal Server Error", error.encode()
        return "200 OK", b"Function completed successfully."

    def _allowed(self, headers: list[str]) -> bool:
        if self._credentials is None:
            return True
        wanted = base64.b64encode(":".join(map(str, self._credentials)).encode()).decode()
        return f"authorization: basic {wanted}".lower() in [header.lower() for header in headers]
