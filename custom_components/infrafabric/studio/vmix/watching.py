"""Knowing a vMix: when its XML is read, and how activators and tally come between two readings."""

import asyncio
from collections import deque
from dataclasses import replace
import random
from typing import Final

import aiohttp

from ..api import DEFAULT_POLL_INTERVAL
from ..base import SupervisedClient
from ..errors import InvalidError, UnreachableError
from ..model import StudioKind, StudioState
from . import acts
from .changes import changes
from .http import HTTP_PORT, HttpLink
from .link import TCP_PORT, Link, TcpLink, first_to_end
from .told import Told
from .wire import Answer
from .xml import Reading, parse

COALESCE: Final = 0.1
"""Seconds between two readings at least: activators come in swarms, and one answers all."""
MAX_EVENTS: Final = 200
"""Activators and tallies taken one by one within a second. A fader in motion sends some 50; what
is more than all of that, one reading answers."""
_MAX_MEANWHILE: Final = 1000
_PARSE_ELSEWHERE: Final = 64 * 1024
"""Bytes of XML from which parsing (about 20 ms for each MB) leaves the event loop."""


def not_connected() -> UnreachableError:
    """Return the error for a request without a connection."""
    return UnreachableError("studio_not_connected", "There is no connection to vMix right now.")


def _without_meters(state: StudioState) -> StudioState:
    return replace(
        state, audio={key: replace(channel, meter=None) for key, channel in state.audio.items()}
    )


class VmixWatcher(SupervisedClient):
    """Keeps a connection to one vMix, and its state current.

    Args:
        host: Where vMix runs.
        port: Of the TCP API.
        session: Carries HTTP; needed for nothing else.
        http_port: Of the web controller.
        use_http: Whether to use the HTTP API instead of the TCP API: without events, so changes
            show with the next reading.
        http_username: For the web controller.
        http_password: Likewise.
        poll_interval: Seconds between two readings when nothing happens.
        meters: Whether the state has how loud each channel was at the last reading.
        rng: Source of the jitter between attempts.

    """

    def __init__(
        self,
        host: str,
        port: int = TCP_PORT,
        *,
        session: aiohttp.ClientSession | None = None,
        http_port: int | None = None,
        use_http: bool = False,
        http_username: str | None = None,
        http_password: str | None = None,
        poll_interval: float = DEFAULT_POLL_INTERVAL,
        meters: bool = False,
        rng: random.Random | None = None,
    ) -> None:
        """Begin without a connection."""
        http_port = http_port or HTTP_PORT
        super().__init__(f"{host}:{http_port if use_http else port}", rng=rng)
        if use_http and session is None:
            raise InvalidError("invalid_value", "HTTP needs a session.", name="session")
        self._host = host
        self._port = port
        self._http = (session, http_port, http_username, http_password) if use_http else None
        self.poll_interval = poll_interval
        self._with_meters = meters
        self._link: Link | None = None
        self._reading: Reading | None = None
        self._tally = ""
        # Activators since the reading under way was asked for; None: none is under way.
        self._meanwhile: deque[str] | None = None
        self._second = float("-inf")
        self._events = 0
        self._lock = asyncio.Lock()
        self._told = Told()
        self._telling = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._waiting: list[asyncio.Future[Reading]] = []
        self._served: list[asyncio.Future[Reading]] = []

    @property
    def kind(self) -> StudioKind:
        """Which program runs the studio."""
        return StudioKind.VMIX

    # -- the session --------------------------------------------------------------------------

    async def _session(self) -> None:
        self._reading = self._meanwhile = None
        self._tally = ""
        link = await self._connect()
        try:
            self._link = link
            await first_to_end(link.run(), self._keep_reading(link))
        finally:
            self._link = None
            waiting = [*self._served, *self._waiting]
            self._served, self._waiting = [], []
            for future in waiting:
                if not future.done():
                    future.set_exception(not_connected())
                    future.exception()
            await link.close()

    async def _connect(self) -> Link:
        if self._http is None:
            return await TcpLink.open(self._host, self._port, self._take_event)
        session, port, username, password = self._http
        assert session is not None  # noqa: S101  # __init__ refused that
        return HttpLink(session, self._host, port, username, password)

    async def _keep_reading(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._served, self._waiting = self._waiting, []
            self._wanted.clear()
            began = loop.time()
            self._meanwhile = deque(maxlen=_MAX_MEANWHILE)
            data = await link.xml()
            if len(data) < _PARSE_ELSEWHERE:
                reading = parse(data)
            else:
                reading = await asyncio.to_thread(parse, data)
            self._take_reading(reading)
            for future in self._served:
                if not future.done():
                    future.set_result(reading)
            self._served = []
            # A slow vMix is asked less often: never more than half of the time.
            next_at = began + max(COALESCE, 2 * (loop.time() - began))
            try:
                async with asyncio.timeout(self.poll_interval):
                    await self._wanted.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(next_at - loop.time())

    async def _fresh(self) -> Reading:
        """Return a reading that begins after now.

        Raises:
            UnreachableError: There is no connection, or it broke before.

        """
        if self._link is None:
            raise not_connected()
        future: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wanted.set()
        return await future

    # -- what arrives -------------------------------------------------------------------------

    def _take_reading(self, reading: Reading) -> None:
        if not self._with_meters:
            # They change with every reading, and would make each of them news.
            reading = replace(reading, state=_without_meters(reading.state))
        self._reading = reading
        state = self._with_tally(reading.state)
        # What vMix said while it wrote the XML may be newer than that.
        for line in self._meanwhile or ():
            state, _ = acts.apply(state, line, reading.numbers)
        self._meanwhile = None
        if self._connected:
            self._take(state)
        else:
            # Another vMix may answer now, or its operator was there meanwhile.
            self._told.forget()
            self._became_ready(state)

    def _take_event(self, answer: Answer) -> None:
        if self._reading is None or self._state is None:
            if answer.command == "TALLY":
                self._tally = answer.text
            elif self._meanwhile is not None:
                self._meanwhile.append(answer.text)
            return  # the first reading is on its way
        if answer.command == "TALLY":
            self._tally = answer.text
        if self._is_flood():
            self._wanted.set()
            return
        if answer.command == "TALLY":
            state, more = self._with_tally(self._state), self._inputs_differ()
        else:
            state, more = acts.apply(self._state, answer.text, self._reading.numbers)
            if self._meanwhile is not None:
                self._meanwhile.append(answer.text)
        self._take(state)
        if more:
            self._wanted.set()

    def _is_flood(self) -> bool:
        """Count an event, and return whether there are more than anybody could look at."""
        now = asyncio.get_running_loop().time()
        if now - self._second >= 1:
            self._second, self._events = now, 0
        self._events += 1
        return self._events > MAX_EVENTS

    def _inputs_differ(self) -> bool:
        return self._reading is not None and acts.tally(self._tally, self._reading.numbers)[2]

    def _with_tally(self, state: StudioState) -> StudioState:
        if not self._tally or self._reading is None:
            return state
        program, preview, _ = acts.tally(self._tally, self._reading.numbers)
        return replace(state, tally_program=program, tally_preview=preview)

    def _take(self, state: StudioState) -> None:
        """Make *state* the known one, and tell what happened on the way."""
        before = self._state
        self._replace(state)
        if before is not None and self._connected:
            self._told.follow(before, state)
            for event in changes(before, state):
                self._emit(event)
