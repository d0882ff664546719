"""Being the owner of a state directory: the node, its own signaling server, the control socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
import ssl
import sys
import time

import aiohttp

from ..api import NodeConfig
from ..errors import InvalidError, RefusedError
from ..model import NodeEvent
from ..node import MeshNode
from ..signaling.host import RunningServer, run_server
from ..signaling.server import SignalingServer
from .control import ControlServer
from .operations import Operations
from .settings import IceSource, Settings, is_wildcard, signal_url, split_address
from .store import FileStore, StateLock, make_private_directory


def version() -> str:
    """Return the version of the installed distribution."""
    try:
        return metadata.version("infrafabric")
    except metadata.PackageNotFoundError:
        return "unknown"


def software() -> str:
    """Return what other members are told this is."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"infrafabric/{version()} (agent, Python {python})"


@dataclass(frozen=True, slots=True)
class Owner:
    """What an owner has while it is one."""

    node: MeshNode
    operations: Operations
    control: ControlServer


@contextlib.asynccontextmanager
async def own(
    directory: Path,
    settings: Settings,
    *,
    start: bool = True,
    running: bool = False,
    patience: float = 0.0,
    listener: Callable[[MeshNode, NodeEvent], None] | None = None,
) -> AsyncIterator[Owner]:
    """Own *directory* and have its node up until the context ends.

    Args:
        directory: The state directory.
        settings: How to run.
        start: Whether the node goes online.
        running: Whether this is the agent that stays.
        patience: Seconds to wait for another owner to end.
        listener: Takes events from the very first.

    Raises:
        RefusedError: ``state_in_use``.
        InvalidError: ``no_state``, ``state_unreadable``, ``state_exposed``,
            ``ice_file_invalid``, ``address_unusable``.

    """
    make_private_directory(directory)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(await _lock(directory, patience))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        server = None
        if start and settings.host_signal is not None:
            server = await _host(stack, settings.host_signal, settings.announced())
        ice = IceSource(settings)
        relays = bool(await ice.first()) or settings.ice_file is not None
        node = await MeshNode.load(
            FileStore(directory),
            NodeConfig(
                name=settings.name,
                software=software(),
                signaling_urls=settings.announced(),
                local_addresses=settings.local_addresses,
                ice_servers=ice if relays else None,
                relay_only=settings.relay_only,
            ),
            http=http,
            server=server,
            turn_ssl=await _turn_context(needed=relays),
        )
        if listener is not None:
            node.subscribe(lambda event: listener(node, event))
        operations = Operations(node, asdict(settings), running=running, started=start)
        control = ControlServer(directory, operations.perform)
        if start:
            stack.push_async_callback(node.stop)
            await node.start()
        await control.start()
        stack.push_async_callback(control.close)
        yield Owner(node, operations, control)


async def _lock(directory: Path, patience: float) -> StateLock:
    """Return the lock, taken."""
    lock = StateLock(directory)
    until = time.monotonic() + patience
    while True:
        try:
            lock.acquire()
        except RefusedError:
            if time.monotonic() >= until:
                raise
            await asyncio.sleep(0.1)
        else:
            return lock


async def _turn_context(*, needed: bool) -> ssl.SSLContext | None:
    """Return what TURN over TLS needs; reading the certificates takes a while."""
    if not needed:
        return None
    return await asyncio.to_thread(ssl.create_default_context)


async def _host(
    stack: contextlib.AsyncExitStack, address: str, announced: tuple[str, ...]
) -> SignalingServer:
    host, port = split_address(address)
    # Members sign the address they dialled; one that is not ours is a relayed sign-in.
    shown = "127.0.0.1" if is_wildcard(host) else host
    accepted = {*announced, signal_url("ws", shown, port)}
    server = SignalingServer(lambda: accepted)
    stack.push_async_callback((await listen(host, port, server)).close)
    return server


async def listen(
    host: str, port: int, server: SignalingServer, context: ssl.SSLContext | None = None
) -> RunningServer:
    """Run a signaling server.

    Raises:
        InvalidError: ``address_unusable``.

    """
    try:
        return await run_server(host, port, server, context)
    except OSError as err:
        raise InvalidError(
            "address_unusable",
            f"A signaling server cannot listen at {host} port {port}: {err.strerror}. Stop what "
            "listens there, or choose another port.",
        ) from err
