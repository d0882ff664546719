"""A carrier over WebSocket that stays signed in to one server for as long as it runs."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
import contextlib
import logging
import random as random_module
import secrets
import time
from typing import Final

import aiohttp

from ..encoding import b64encode
from ..errors import MeshError, RefusedError, UnreachableError
from .backoff import Backoff
from .base import CarrierHandler, Credentials
from .dial import failure, first_that_works, receive_frame, send_frame, sign_in, unreachable
from .mailbox import Mailbox, checked_box, checked_lookups, peer_absent
from .wire import NONCE_SIZE, Failure, Ready, encode_frame

_LOGGER: Final = logging.getLogger(__name__)

SEND_RATE: Final = 18.0
SEND_BURST: Final = 80.0
"""Frames per second this client sends: a little under what a server bears."""
RECEIVE_RATE: Final = 200.0
RECEIVE_BURST: Final = 1000.0
"""Frames per second this client reads: a busy mesh stays below, a hostile server waits."""


class _Pace:
    """Makes its users wait so that together they stay under a rate."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._interval = 1 / rate
        self._slack = burst / rate
        self._clock = clock
        self._due = clock() - self._slack

    async def wait(self) -> None:
        now = self._clock()
        self._due = max(self._due, now - self._slack) + self._interval
        if self._due > now:
            await asyncio.sleep(self._due - now)


class WebSocketCarrier:
    """A ``Carrier`` to one signaling server; reconnects by itself until stopped.

    Args:
        urls: The server's addresses in order of preference.
        credentials: Who signs in.
        handler: Told what happens.
        http: Makes the connections; stays the caller's.
        backoff: Delays between attempts.
        nonces: Returns that many random bytes.
        clock: Monotonic seconds.
        wall_clock: Unix seconds.

    """

    def __init__(
        self,
        urls: Sequence[str],
        credentials: Credentials,
        handler: CarrierHandler,
        *,
        http: aiohttp.ClientSession,
        backoff: Backoff | None = None,
        nonces: Callable[[int], bytes] = secrets.token_bytes,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; ``start`` dials.

        Raises:
            ValueError: No address.

        """
        if not urls:
            raise ValueError("a carrier needs an address")
        self.urls = tuple(urls)
        self.url = self.urls[0]
        self._credentials = credentials
        self._http = http
        self._mailbox = Mailbox(self, handler)
        self._backoff = backoff or Backoff(random_module.random)
        self._nonces = nonces
        self._clock = clock
        self._wall_clock = wall_clock
        self._lookups: frozenset[str] = frozenset()
        self._lookups_changed = asyncio.Event()
        self._retry = asyncio.Event()
        self._pace = _Pace(SEND_RATE, SEND_BURST, clock)
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether this node is signed in now."""
        return self._mailbox.connected

    @property
    def present(self) -> frozenset[str]:
        """Peer ids of the other members signed in now."""
        return self._mailbox.present

    def start(self) -> None:
        """Begin to dial; does nothing when running."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"infrafabric signaling {self.url}")

    async def stop(self) -> None:
        """End; no task and no socket is left, and no event follows."""
        task, self._task = self._task, None
        self._mailbox.silence()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def retry(self) -> None:
        """Dial again now instead of later: the network changed."""
        self._backoff.reset()
        self._retry.set()

    async def send(self, to: str, box: bytes) -> None:
        """Send a sealed box; waits while this node sends faster than a server bears.

        Raises:
            UnreachableError: ``peer_absent``, ``signaling_unreachable``.
            InvalidError: ``box_too_large``.

        """
        checked_box(box)
        if self._ws is None or not self.connected:
            raise unreachable(self.url, "not signed in")
        if not self._mailbox.has(to):
            raise peer_absent(to)
        await self._send(self._ws, encode_frame("send", to=to, box=b64encode(box)))

    def set_invites(self, lookups: Iterable[str]) -> None:
        """Replace the registered invitations, now and after each sign-in.

        Raises:
            InvalidError: ``too_many_invitations``.

        """
        self._lookups = checked_lookups(lookups)
        self._lookups_changed.set()

    async def _send(self, ws: aiohttp.ClientWebSocketResponse, text: str) -> None:
        await self._pace.wait()
        await send_frame(ws, self.url, text)

    async def _run(self) -> None:
        while True:
            refused = False
            try:
                await self._session()
            except MeshError as err:
                refused = isinstance(err, RefusedError)
                self._end(err)
            except Exception as err:
                # A bug in here or below must not leave the node without signaling for ever.
                _LOGGER.exception("The signaling session with %s failed", self.url)
                self._end(unreachable(self.url, err))
            self._retry.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._backoff.delay(refused=refused)):
                    await self._retry.wait()

    def _end(self, error: MeshError) -> None:
        if self._task is not None:
            self._mailbox.closed(error)

    async def _session(self) -> None:
        ws, url, ready = await first_that_works(self._http, self.urls, self._greet)
        self.url = url
        self._ws = ws
        began = self._clock()
        writer = asyncio.create_task(self._register(ws))
        try:
            self._mailbox.opened(ready.id, ready.peers)
            await self._read(ws)
        finally:
            self._ws = None
            self._backoff.session(self._clock() - began)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await ws.close()

    async def _greet(self, ws: aiohttp.ClientWebSocketResponse, url: str) -> Ready:
        nonce = self._nonces(NONCE_SIZE)
        mailbox = self._mailbox
        return await sign_in(
            ws, url, self._credentials, nonce, self._wall_clock, mailbox.clock, mailbox.frame
        )

    async def _register(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        """Tell the server the invitations whenever they change; the last state always arrives."""
        with contextlib.suppress(UnreachableError):
            if not self._lookups:
                await self._lookups_changed.wait()
            while True:
                self._lookups_changed.clear()
                await self._send(ws, encode_frame("invites", lookups=sorted(self._lookups)))
                await self._lookups_changed.wait()

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        pace = _Pace(RECEIVE_RATE, RECEIVE_BURST, self._clock)
        while True:
            frame = await receive_frame(ws, self.url)
            await pace.wait()
            if isinstance(frame, Failure):
                raise failure(self.url, frame.code)
            self._mailbox.frame(frame)
