"""How somebody with an invitation reaches its inviter, before being a member of anything."""

import asyncio
from collections.abc import Callable, Sequence
import random as random_module
import secrets
import time
from typing import Final

import aiohttp

from ..encoding import b64encode
from ..errors import DeadlineError, MeshError, UnreachableError
from .dial import failure, first_that_works, knock, receive_frame, send_frame
from .mailbox import checked_box
from .wire import NONCE_SIZE, Absent, Box, Failure, Hello, encode_frame

PAUSE: Final = 1.0
"""Seconds between attempts, give or take half."""


async def join_through(
    urls: Sequence[str],
    *,
    mesh_id: str,
    lookup: str,
    inviter: str,
    request: Callable[[float], bytes],
    http: aiohttp.ClientSession,
    timeout: float = 20.0,
    pause: float = PAUSE,
    random: Callable[[], float] = random_module.random,
    nonces: Callable[[int], bytes] = secrets.token_bytes,
    wall_clock: Callable[[], float] = time.time,
) -> bytes:
    """Send one sealed request to the inviter and return the sealed answer.

    Tries again until *timeout*: the inviter may be about to come online.

    Args:
        urls: Signaling addresses of the invitation.
        mesh_id: The mesh.
        lookup: What the server knows of the invitation: a hash, 64 hexadecimal characters.
        inviter: The inviter's peer id.
        request: Makes the sealed request when it is about to be sent, given how many seconds the
            server's clock is ahead of this one; asked again for each attempt. What it raises
            ends the joining.
        http: Makes the connections.
        timeout: Seconds for everything.
        pause: Seconds between attempts, give or take half.
        random: Returns a number in 0…1.
        nonces: Returns that many random bytes.
        wall_clock: Unix seconds.

    Raises:
        UnreachableError: ``signaling_unreachable``: no server answers; ``inviter_unreachable``:
            the inviter is not there, or the invitation is not open any more.
        DeadlineError: ``join_timeout``: the inviter is there but did not answer.

    """
    hello = (mesh_id, lookup, inviter)
    joining = _Joining(hello, request, http, nonces, wall_clock)
    try:
        async with asyncio.timeout(timeout):
            while True:
                answer = await joining.attempt(urls)
                if answer is not None:
                    return answer
                await asyncio.sleep(pause * (0.5 + random()))
    except TimeoutError as err:
        raise joining.verdict(timeout) from err


class _Joining:
    """Attempts to get one answer, and what they met."""

    def __init__(
        self,
        hello: tuple[str, str, str],
        request: Callable[[float], bytes],
        http: aiohttp.ClientSession,
        nonces: Callable[[int], bytes],
        wall_clock: Callable[[], float],
    ) -> None:
        self._mesh_id, self._lookup, self._inviter = hello
        self._request = request
        self._http = http
        self._nonces = nonces
        self._wall_clock = wall_clock
        self._asked = False
        self._last: MeshError | None = None

    async def attempt(self, urls: Sequence[str]) -> bytes | None:
        """Return the answer, or None when another attempt may bring it."""
        try:
            ws, url, offset = await first_that_works(self._http, urls, self._greet)
        except MeshError as err:
            self._last = err
            return None
        try:
            # Outside of any handler: what the caller raises here is for the caller.
            box = checked_box(self._request(offset))
            return await self._exchange(ws, url, box)
        finally:
            await ws.close()

    async def _greet(self, ws: aiohttp.ClientWebSocketResponse, url: str) -> float:
        hello = Hello(self._mesh_id, self._nonces(NONCE_SIZE), self._lookup)
        welcome, offset = await knock(ws, url, hello, self._wall_clock)
        if welcome.inviter != self._inviter:
            # Somebody else claims the invitation: the right inviter may be at the next address.
            raise failure(url, "inviter_offline")
        return offset

    async def _exchange(
        self, ws: aiohttp.ClientWebSocketResponse, url: str, box: bytes
    ) -> bytes | None:
        try:
            await send_frame(ws, url, encode_frame("send", to=self._inviter, box=b64encode(box)))
            self._asked = True
            while True:
                match await receive_frame(ws, url):
                    case Box(sender, answer) if sender == self._inviter:
                        return answer
                    case Failure(code):
                        raise failure(url, code)
                    case Absent():
                        self._asked = False
                        raise failure(url, "inviter_offline")
        except MeshError as err:
            self._last = err
            return None

    def verdict(self, timeout: float) -> MeshError:
        """Return what to say when the time is up."""
        if self._asked:
            text = f"The inviter is there but did not answer within {timeout:g} s."
            return DeadlineError("join_timeout", text)
        if self._last is not None and self._last.code == "inviter_unreachable":
            return self._last
        reason = str(self._last or "no answer in time")
        text = f"No signaling server of the invitation can be reached: {reason}"
        return UnreachableError("signaling_unreachable", text, reason=reason)
