"""The two ways to one vMix, and the TCP one: a connection for requests, another for events."""

import asyncio
from collections.abc import Callable, Coroutine
import errno
import socket
from typing import Any, Final, Protocol, Self

from ..errors import RefusedError, StudioError, UnreachableError
from .functions import Call
from .wire import Answer, Parser, Status, broken, request, wrong_port

TCP_PORT: Final = 8099
"""Of the TCP API; vMix cannot be told another one."""
CONNECT_TIMEOUT: Final = 5.0
"""Seconds until a connection must stand, and vMix have greeted."""
QUIET_GREETING: Final = 2.0
"""Seconds without a greeting after which one more connection finds out who lives here."""
REQUEST_TIMEOUT: Final = 8.0
"""Seconds until a request must be answered. With ``KEEPALIVE`` it bounds how long a PC that fell
asleep stays unnoticed: 12 s."""
KEEPALIVE: Final = 4.0
"""Seconds between two questions whether vMix is still there."""
_CHUNK: Final = 64 * 1024


class Link(Protocol):
    """A way to vMix. One request at a time; after an error it is of no further use."""

    async def version(self) -> str:
        """Return what vMix says its version is, "" if this way does not tell."""

    async def xml(self) -> bytes:
        """Return the state."""

    async def call(self, call: Call, timeout: float = REQUEST_TIMEOUT) -> str:
        """Call a function and return vMix's words.

        Raises:
            RefusedError: vMix said no.

        """

    async def run(self) -> None:
        """Keep it alive; returns never.

        Raises:
            StudioError: It broke.

        """

    async def close(self) -> None:
        """End it; safe to repeat."""


def refused(call: Call, reason: str) -> RefusedError:
    """Return the error for vMix's "no", in its own words but without the call's secrets."""
    reason = call.hide(reason).strip()[:200] or "no reason given"
    return RefusedError(
        "request_refused",
        f"vMix refused {call.name}: {reason}.",
        request=call.name,
        reason=reason,
    )


def unreachable(err: OSError | UnicodeError, host: str) -> UnreachableError:
    """Return the error for a connection that could not be made or broke."""
    # A name that cannot even be asked for is a UnicodeError.
    if isinstance(err, socket.gaierror | UnicodeError):
        return UnreachableError(
            "studio_unknown_host",
            f"The name {host} is not known here. Check it, or use an address.",
        )
    if isinstance(err, ConnectionRefusedError):
        return UnreachableError(
            "studio_refused_connection",
            f"{host} refuses the connection. Start vMix, and check the port and its firewall.",
        )
    if isinstance(err, TimeoutError) or err.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
        return timed_out(host)
    reason = err.strerror or type(err).__name__
    return UnreachableError("studio_closed", f"The connection broke: {reason}.", reason=reason)


def timed_out(host: str) -> UnreachableError:
    """Return the error for a vMix that does not answer."""
    return UnreachableError(
        "studio_timeout", f"vMix at {host} does not answer. Check that its PC is awake."
    )


async def first_to_end(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, cancel the others, and raise what it raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Line:
    """One TCP connection: requests one after the other, events in between."""

    def __init__(self, host: str, port: int, on_event: Callable[[Answer], None]) -> None:
        self._host = host
        self._port = port
        self._on_event = on_event
        self._parser = Parser()
        self._turn = asyncio.Lock()
        self._pending: tuple[str, asyncio.Future[Answer]] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writer: asyncio.StreamWriter | None = None
        self.patient_until = 0.0
        self.lost: asyncio.Future[StudioError] = asyncio.get_running_loop().create_future()

    async def open(self) -> str:
        """Connect and return the version of the greeting."""
        greeting = self._expect("VERSION")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, self._writer = await asyncio.open_connection(
                    self._host, self._port, happy_eyeballs_delay=0.25
                )
        except (OSError, UnicodeError) as err:
            raise unreachable(err, self._host) from None
        self._own(self._read(reader))
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await asyncio.wait({greeting}, timeout=QUIET_GREETING)
                if not greeting.done() and await _is_web_server(self._host, self._port):
                    raise wrong_port("A web server", "8099")
                answer = await greeting
        except TimeoutError:
            raise timed_out(self._host) from None
        return answer.text.strip()[:64]

    async def ask(self, command: str, timeout: float = REQUEST_TIMEOUT) -> Answer:
        """Send a request and return its answer, whichever way it went.

        A caller that gives up does not: the next request waits for this answer all the same.
        """
        task = self._own(self._exchange(command, timeout))
        await asyncio.wait({task})
        return task.result()

    async def close(self) -> None:
        self._fail(UnreachableError("studio_closed", "The connection was closed.", reason="closed"))
        if self._writer is not None:
            # Ends the reader, and whoever waits to write.
            self._writer.transport.abort()
        # Not cancelled: whoever waits for an answer gets the error, not a cancellation.
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _own[T](self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    def _expect(self, command: str) -> asyncio.Future[Answer]:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending = (command, future)
        return future

    async def _exchange(self, command: str, timeout: float) -> Answer:
        data = request(command)
        async with self._turn:
            if self.lost.done():
                raise self.lost.result()
            assert self._writer is not None  # noqa: S101  # open() came first
            future = self._expect(command.split(" ", 1)[0].upper())
            try:
                async with asyncio.timeout(timeout):
                    self._writer.write(data)
                    await self._writer.drain()
            except OSError as err:  # a TimeoutError is one too
                self._fail(unreachable(err, self._host))
            loop = asyncio.get_running_loop()
            due = loop.time() + timeout
            while (left := max(due, self.patient_until) - loop.time()) > 0 and not future.done():
                await asyncio.wait({future}, timeout=left)
            if not future.done():
                # Whether the answer is late or lost: no later one could be told from it.
                self._fail(timed_out(self._host))
            return future.result()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(_CHUNK):
                for answer in self._parser.feed(data):
                    self._take(answer)
            reason = "vMix closed the connection"
            self._fail(UnreachableError("studio_closed", f"{reason}.", reason=reason))
        except OSError as err:
            self._fail(unreachable(err, self._host))
        except StudioError as err:
            self._fail(err)

    def _take(self, answer: Answer) -> None:
        command, future = self._pending or ("", None)
        if answer.command == command and future is not None:
            self._pending = None
            if not future.done():
                future.set_result(answer)
        elif answer.command in {"ACTS", "TALLY"}:
            if answer.status is Status.OK:
                self._on_event(answer)
        else:
            raise broken("it answered what nobody asked")

    def _fail(self, error: StudioError) -> None:
        if not self.lost.done():
            self.lost.set_result(error)
        if self._pending is not None and not self._pending[1].done():
            self._pending[1].set_exception(error)
            self._pending[1].exception()
        self._pending = None


async def _is_web_server(host: str, port: int) -> bool:
    """Return whether HTTP answers: vMix's TCP API speaks first, a web server never does."""
    writer = None
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /api HTTP/1.0\r\n\r\n")
        return (await reader.read(5)).startswith(b"HTTP/")
    except OSError:
        return False
    finally:
        if writer is not None:
            writer.close()


class TcpLink:
    """vMix's TCP API.

    Args:
        host: Where vMix runs.
        port: 8099 unless forwarded.
        on_event: Called with each activator and tally.

    """

    def __init__(self, host: str, port: int, on_event: Callable[[Answer], None]) -> None:
        """Begin without a connection."""
        self._commands = _Line(host, port, on_event)
        self._events = _Line(host, port, on_event)
        self._version = ""

    @classmethod
    async def open(
        cls, host: str, port: int, on_event: Callable[[Answer], None], *, events: bool = True
    ) -> Self:
        """Connect, and subscribe to events.

        Raises:
            StudioError: There is no vMix, or it is no vMix.

        """
        link = cls(host, port, on_event)
        try:
            link._version = await link._commands.open()
            if events:
                await link._events.open()
                for what in ("ACTS", "TALLY"):
                    # A version without such events says ER; what it has is read all the same.
                    await link._events.ask(f"SUBSCRIBE {what}")
            else:
                link._events = link._commands
        except BaseException:
            await link.close()
            raise
        return link

    async def version(self) -> str:
        """Return the version of the greeting."""
        return self._version

    async def xml(self) -> bytes:
        """Return the state."""
        answer = await self._commands.ask("XML")
        if answer.status is not Status.DATA:
            raise broken("it gave no XML")
        return answer.body

    async def call(self, call: Call, timeout: float = REQUEST_TIMEOUT) -> str:
        """Call a function; vMix may do nothing else meanwhile, so no other answer is late."""
        until = asyncio.get_running_loop().time() + timeout
        for line in (self._commands, self._events):
            line.patient_until = max(line.patient_until, until)
        answer = await self._commands.ask(call.line(), timeout)
        for line in (self._commands, self._events):
            # Another call may wait for its turn, and need more of it.
            if line.patient_until <= until:
                line.patient_until = 0.0
        if answer.status is Status.ER:
            raise refused(call, answer.text)
        return call.hide(answer.text)

    async def run(self) -> None:
        """Ask both connections for a sign of life, over and over."""
        await first_to_end(*(self._watch(line) for line in {self._commands, self._events}))

    async def _watch(self, line: _Line) -> None:
        while True:
            await asyncio.wait({line.lost}, timeout=KEEPALIVE)
            if line.lost.done():
                raise line.lost.result()
            await line.ask("VERSION")

    async def close(self) -> None:
        """End both connections."""
        await self._commands.close()
        await self._events.close()
