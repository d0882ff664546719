"""Two mesh nodes: every message is signed, sent with a receipt, verified and schema-checked.

The same facade as for everyone; only the limit on messages per peer is lifted.
"""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
import copy
from dataclasses import replace
import time
from typing import Any

import aiohttp

from benchmarks.measure import cpu
from infrafabric.mesh.api import MessageDraft, NodeConfig
from infrafabric.mesh.link import transfer
from infrafabric.mesh.model import (
    MessageReceived,
    NodeEvent,
    PeerConnected,
    PeerDisconnected,
    Role,
)
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.overlay.links import OFFER_BURST, OFFER_RATE
from infrafabric.mesh.rate import TokenBucket
from infrafabric.mesh.signaling.host import run_server
from infrafabric.mesh.signaling.server import SignalingServer

SENDERS = 128
"""Callers of ``send`` at a time in the one-way rounds; fewer when the messages are large."""
SENT_AT_ONCE = 1024 * 1024
"""Bytes of content with them, at most: what the peer's credit lets under way."""


def bound_in_flight(cap: int) -> None:
    """Let links have at most *cap* bytes in flight."""
    vars(transfer)["MAX_IN_FLIGHT"] = cap


class _Store:
    """Keeps a node's state in memory."""

    def __init__(self) -> None:
        self._data: dict[str, Any] | None = None

    async def load(self) -> dict[str, Any] | None:
        return copy.deepcopy(self._data)

    async def save(self, data: dict[str, Any]) -> None:
        self._data = copy.deepcopy(data)


def _config(name: str, *urls: str) -> NodeConfig:
    return NodeConfig(
        name=name,
        local_addresses=("127.0.0.1",),
        signaling_urls=urls,
        message_rate=1e9,
        message_burst=10**9,
    )


class MeshFar:
    """The node that is called: counts what arrives, replies to requests."""

    def __init__(self) -> None:
        """Have no node."""
        self._expected = 0
        self._arrived = asyncio.Event()
        self._replies: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Prepare what a node needs."""
        self._http = aiohttp.ClientSession()

    async def join(self, invitation: str) -> str:
        """Join the mesh and start; return the peer id."""
        store = _Store()
        await MeshNode.join(store, invitation, node_name="Far", http=self._http)
        self._node = await MeshNode.load(store, _config("Far"), http=self._http)
        self._node.subscribe(self._event)
        await self._node.start()
        return self._node.peer_id

    async def expect(self, count: int) -> None:
        """Count down from *count*."""
        self._expected = count
        self._arrived.clear()

    async def arrived(self) -> None:
        """Wait until as many came."""
        await self._arrived.wait()

    async def cpu(self) -> float:
        """Return the CPU seconds of the process."""
        return cpu()

    async def stop(self) -> None:
        """Stop the node."""
        await self._node.stop()
        await self._http.close()

    def _event(self, event: NodeEvent) -> None:
        if not isinstance(event, MessageReceived):
            return
        if event.message.performative == "request":
            # Eager, as Home Assistant starts its tasks.
            task = asyncio.Task(self._reply(event), eager_start=True)
            self._replies.add(task)
            task.add_done_callback(self._replies.discard)
            return
        self._expected -= 1
        if not self._expected:
            self._arrived.set()

    async def _reply(self, event: MessageReceived) -> None:
        await self._node.reply(event.message, MessageDraft(content=event.message.content))


class MeshNear:
    """The node that dials, sends and measures."""

    name = "signed mesh link"

    def __init__(self, far: Any) -> None:
        """Send to *far*."""
        self._far = far
        self._events: asyncio.Queue[NodeEvent] = asyncio.Queue()
        # The peer takes no more offers than this; what it drops would only be waited for in vain.
        self._dials = TokenBucket(0.9 * OFFER_RATE, OFFER_BURST - 1, time.monotonic())

    async def start(self) -> None:
        """Found a mesh, with its signaling server, and let *far* join."""
        self._http = aiohttp.ClientSession()
        server = SignalingServer()
        self._host = await run_server("127.0.0.1", 0, server)
        # Of two nodes the one with the lower id dials; it shall be this one, so that the other
        # does not dial, too, while this one is timed.
        peer_id = "z"
        while peer_id > "b":
            store = _Store()
            await MeshNode.create_mesh(store, mesh_name="Bench", node_name="Near")
            self._node = await MeshNode.load(
                store, _config("Near", self._host.url), http=self._http, server=server
            )
            peer_id = self._node.peer_id
        self._node.subscribe(self._event)
        await self._node.start()
        _, invitation = await self._node.create_invitation(role=Role.COMMAND)
        self._peer: str = await self._far.join(invitation)
        await self._until(PeerConnected)

    def _event(self, event: NodeEvent) -> None:
        if isinstance(event, PeerConnected | PeerDisconnected):
            self._events.put_nowait(event)

    async def _until(self, kind: type[NodeEvent]) -> None:
        async with asyncio.timeout(20):
            while not isinstance(await self._events.get(), kind):
                pass

    async def connect(self) -> float:
        """Dial again; return the seconds from the dial to the admitted peer."""
        await asyncio.sleep(self._dials.wait(time.monotonic()))
        self._dials.take(time.monotonic())
        # Closed first and not timed; the dial through the facade would close it within the time.
        await self._node._engine.links.close(self._peer, "bench")  # noqa: SLF001
        while not self._events.empty():
            self._events.get_nowait()
        started = time.perf_counter()
        await self._node.reconnect(self._peer)
        await self._until(PeerConnected)
        return time.perf_counter() - started

    def prepared(self, payloads: Sequence[bytes]) -> Sequence[MessageDraft]:
        """Return what ``one_way`` and ``echoes`` take; it is signed only when it is sent."""
        return [
            MessageDraft(content={"data": b64encode(payload).decode("ascii")})
            for payload in payloads
        ]

    async def one_way(self, drafts: Sequence[MessageDraft]) -> None:
        """Send all; returns when the last has arrived and every receipt is here."""
        await self._far.expect(len(drafts))
        left = iter(drafts)
        receivers = [self._peer]

        async def sender() -> None:
            for draft in left:
                result = await self._node.send(receivers, draft, timeout=60)
                if not result.accepted:
                    raise RuntimeError(f"a message was not accepted: {result.receipts}")

        size = len(drafts[0].content["data"])
        senders = max(8, min(SENDERS, SENT_AT_ONCE // size, len(drafts)))
        await asyncio.gather(*(sender() for _ in range(senders)), self._far.arrived())

    async def echoes(self, drafts: Sequence[MessageDraft]) -> list[float]:
        """Request and reply, one after another; return the seconds of each."""
        seconds = []
        for draft in [replace(draft, performative="request") for draft in drafts]:
            started = time.perf_counter()
            await self._node.request(self._peer, draft)
            seconds.append(time.perf_counter() - started)
        return seconds

    async def stop(self) -> None:
        """Stop the node and the server."""
        await self._node.stop()
        await self._host.close()
        await self._http.close()
