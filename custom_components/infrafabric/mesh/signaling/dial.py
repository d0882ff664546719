"""Opening a WebSocket to a signaling server, and the client's half of the sign-in.

Certificates of public names must verify. A home's own server mostly has a self-signed
certificate or one for another name, so private addresses and local names are tried unverified
after that: boxes are sealed and what is in them is signed, so whoever sits between learns who is
online, as on plain ``ws://``, and nothing more.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
import contextlib
import ipaddress
from typing import Final, Protocol

import aiohttp
from yarl import URL

from ..errors import DeadlineError, MeshError, RefusedError, UnreachableError
from ..trust.identity import Purpose
from .base import Credentials
from .wire import (
    MAX_FRAME,
    Box,
    Challenge,
    Failure,
    Hello,
    Ready,
    ServerFrame,
    Welcome,
    auth_frame,
    hello_frame,
    parse_server_frame,
    transcript,
)

HEARTBEAT: Final = 20.0
"""Seconds of silence before a ping."""
CONNECT_TIMEOUT: Final = 10.0
"""Seconds until an address counts as dead."""
HANDSHAKE_TIMEOUT: Final = 10.0
STAGGER: Final = 0.5
"""Seconds by which the next address is tried beside one that does not answer."""
CLOSE_TIMEOUT: Final = 1.0

_LOCAL_SUFFIXES: Final = (".local", ".home.arpa", ".internal", ".lan", ".localhost")

_REFUSALS: Final = {
    "refused": ("signaling_refused", "The server does not accept this node as a member."),
    "replaced": ("signaling_replaced", "Another session with this node's key took its place."),
    "already_here": (
        "signaling_already_here",
        "The server runs in a process that holds this node's key itself.",
    ),
    "wrong_address": (
        "signaling_wrong_address",
        "The server does not know the address it was dialled by; add it to its addresses.",
    ),
}


class Sink(Protocol):
    """A WebSocket that frames can be sent to."""

    async def send_str(self, data: str) -> None:
        """Send one frame."""


def may_be_unverified(url: str) -> bool:
    """Tell whether the host is one for which nobody can have a public certificate."""
    host = (URL(url).host or "").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
    return address.is_private or address.is_link_local or address.is_loopback


def unreachable(url: str, why: object) -> UnreachableError:
    """Return the error for a server that does not answer."""
    reason = str(why) or type(why).__name__
    text = f"The signaling server {url} cannot be reached: {reason}."
    return UnreachableError("signaling_unreachable", text, url=url, reason=reason)


def failure(url: str, code: str) -> MeshError:
    """Return the error for what a server said before it closed."""
    if code in _REFUSALS:
        key, text = _REFUSALS[code]
        return RefusedError(key, f"{url}: {text}", url=url)
    if code == "busy":
        text = f"The signaling server {url} has no room now."
        return UnreachableError("signaling_busy", text, url=url)
    if code == "inviter_offline":
        text = "Whoever made the invitation is not online, or the invitation is not open."
        return UnreachableError("inviter_unreachable", text, url=url)
    text = f"The signaling server {url} ended the session: {code}."
    return UnreachableError("signaling_lost", text, url=url, reason=code)


async def _refuse_redirect(
    _session: object, _context: object, params: aiohttp.TraceRequestRedirectParams
) -> None:
    # A server must not choose what this node asks of other machines.
    params.response.close()
    raise aiohttp.ClientError("it points to another address")


async def open_socket(http: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    """Open a WebSocket.

    Raises:
        UnreachableError: ``signaling_unreachable``.

    """
    if http.closed:
        raise unreachable(url, "this node stops")
    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(_refuse_redirect)

    async def connect(*, verify: bool) -> aiohttp.ClientWebSocketResponse:
        # The caller's connections, but neither its cookies nor its way with redirects.
        async with aiohttp.ClientSession(
            connector=http.connector, connector_owner=False, trace_configs=[tracing]
        ) as session:
            return await session.ws_connect(
                url,
                heartbeat=HEARTBEAT,
                max_msg_size=MAX_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                ssl=verify,
            )

    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            try:
                return await connect(verify=True)
            except aiohttp.ClientConnectorCertificateError:
                if not may_be_unverified(url):
                    raise
            return await connect(verify=False)
    except TimeoutError as err:
        raise unreachable(url, "no answer in time") from err
    except (aiohttp.ClientError, OSError, ValueError) as err:
        raise unreachable(url, err) from err


async def receive_frame(ws: aiohttp.ClientWebSocketResponse, url: str) -> ServerFrame:
    """Return the server's next frame.

    Raises:
        UnreachableError: ``signaling_lost``: it closed, or said something else.

    """
    message = await ws.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise failure(url, "closed")
    try:
        return parse_server_frame(message.data)
    except ValueError as err:
        raise failure(url, "malformed") from err


async def send_frame(ws: Sink, url: str, text: str) -> None:
    """Send a frame.

    Raises:
        UnreachableError: ``signaling_unreachable``: the connection is gone.

    """
    try:
        await ws.send_str(text)
    except (ConnectionError, RuntimeError) as err:
        raise unreachable(url, "the connection is gone") from err


async def _expect[F: ServerFrame](
    ws: aiohttp.ClientWebSocketResponse,
    url: str,
    kind: type[F],
    told_box: Callable[[Box], None] | None = None,
) -> F:
    frame = await receive_frame(ws, url)
    if isinstance(frame, Box) and told_box is not None:
        told_box(frame)
        frame = await receive_frame(ws, url)
    if isinstance(frame, Failure):
        raise failure(url, frame.code)
    if not isinstance(frame, kind):
        raise failure(url, "malformed")
    return frame


async def _challenge(
    ws: aiohttp.ClientWebSocketResponse,
    url: str,
    hello: Hello,
    wall_clock: Callable[[], float],
) -> tuple[bytes, float]:
    asked = wall_clock()
    await send_frame(ws, url, hello_frame(hello.mesh, hello.nonce, hello.invite))
    challenge = await _expect(ws, url, Challenge)
    return challenge.nonce, challenge.time - (asked + wall_clock()) / 2


async def sign_in(
    ws: aiohttp.ClientWebSocketResponse,
    url: str,
    credentials: Credentials,
    nonce: bytes,
    wall_clock: Callable[[], float],
    told_time: Callable[[float], None],
    told_box: Callable[[Box], None],
) -> Ready:
    """Sign in as a member and return what the server answers.

    Args:
        ws: The open WebSocket.
        url: The address that was dialled.
        credentials: Who signs in.
        nonce: 16 fresh random bytes.
        wall_clock: Unix seconds.
        told_time: Told how many seconds the server's clock is ahead.
        told_box: Told what the hosting node says before its server refuses a former member.

    Raises:
        RefusedError: ``signaling_refused`` and others.
        UnreachableError: ``signaling_busy``, ``signaling_lost``, ``signaling_unreachable``.
        DeadlineError: ``signaling_timeout``.

    """
    identity = credentials.identity
    mesh = credentials.mesh_id
    chain = credentials.chain()
    if not chain:
        raise failure(url, "refused")
    async with _deadline(url):
        server_nonce, offset = await _challenge(ws, url, Hello(mesh, nonce), wall_clock)
        told_time(offset)
        signed = transcript(url, mesh, identity.public_key, nonce, server_nonce)
        signature = identity.sign(Purpose.SIGNALING, signed)
        frame = auth_frame(url, chain, credentials.authority, credentials.founder, signature)
        await send_frame(ws, url, frame)
        ready = await _expect(ws, url, Ready, told_box)
    if ready.id != identity.peer_id:
        raise failure(url, "malformed")
    return ready


async def knock(
    ws: aiohttp.ClientWebSocketResponse,
    url: str,
    hello: Hello,
    wall_clock: Callable[[], float],
) -> tuple[Welcome, float]:
    """Show an invitation; return the server's welcome and how far its clock is ahead, seconds.

    Raises:
        UnreachableError: ``inviter_unreachable``, ``signaling_busy``, ``signaling_lost``,
            ``signaling_unreachable``.
        DeadlineError: ``signaling_timeout``.

    """
    async with _deadline(url):
        _, offset = await _challenge(ws, url, hello, wall_clock)
        return await _expect(ws, url, Welcome), offset


@contextlib.asynccontextmanager
async def _deadline(url: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            yield
    except TimeoutError as err:
        text = f"The signaling server {url} did not answer in time."
        raise DeadlineError("signaling_timeout", text, url=url) from err


async def first_that_works[T](
    http: aiohttp.ClientSession,
    urls: Sequence[str],
    greet: Callable[[aiohttp.ClientWebSocketResponse, str], Awaitable[T]],
) -> tuple[aiohttp.ClientWebSocketResponse, str, T]:
    """Open the addresses beside each other and return the first that greets well.

    Connections are made in parallel, each a little later than the one before; greetings one
    after the other, so a node never signs in twice at one server. An address that answers but
    refuses (another home's server on the same private address) does not end the search.

    Raises:
        MeshError: None works; the most telling failure.

    """
    errors: list[MeshError] = []
    failed = [asyncio.Event() for _ in urls]

    async def attempt(index: int, url: str) -> aiohttp.ClientWebSocketResponse:
        # Wait for the address before this one to fail, but not for long.
        for earlier in failed[:index]:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(earlier.wait(), STAGGER)
        try:
            return await open_socket(http, url)
        finally:
            failed[index].set()

    attempts = {asyncio.create_task(attempt(i, url)): url for i, url in enumerate(urls)}
    pending = set(attempts)
    winner: aiohttp.ClientWebSocketResponse | None = None
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            # In the caller's order of preference when several opened at once.
            for task in [t for t in attempts if t in done]:
                url = attempts[task]
                try:
                    ws = task.result()
                    result = await greet(ws, url)
                except MeshError as err:
                    errors.append(err)
                else:
                    winner = ws
                    return ws, url, result
    finally:
        await _close_all(attempts, but=winner)
    raise _most_telling(errors)


async def _close_all(
    attempts: Iterable[asyncio.Task[aiohttp.ClientWebSocketResponse]],
    but: aiohttp.ClientWebSocketResponse | None,
) -> None:
    for task in attempts:
        task.cancel()
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if not isinstance(outcome, BaseException) and outcome is not but:
            await outcome.close()


def _most_telling(errors: Sequence[MeshError]) -> MeshError:
    """Prefer what a server said over what the network said, and a refusal over both."""

    def rank(error: MeshError) -> int:
        if isinstance(error, RefusedError):
            return 0
        order = ("inviter_unreachable", "signaling_busy", "signaling_lost", "signaling_timeout")
        return 1 + order.index(error.code) if error.code in order else 9

    if not errors:
        text = "There is no signaling address to dial."
        return UnreachableError("signaling_unreachable", text, url="", reason="no address")
    return min(errors, key=rank)
