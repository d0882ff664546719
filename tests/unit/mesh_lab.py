"""A mesh in one process: real nodes, real WebRTC on loopback, a real signaling server."""

import asyncio
from collections.abc import Callable
import copy
from typing import Any, Self

import aiohttp

from infrafabric.mesh.api import MessageDraft, NodeConfig
from infrafabric.mesh.link.link import Link
from infrafabric.mesh.messages.message import IFMessage, agent_address
from infrafabric.mesh.model import NodeEvent, Role
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.signaling.host import RunningServer, run_server
from infrafabric.mesh.signaling.server import SignalingServer

PATIENCE = 30.0
"""Seconds for what takes about one: an attempt that goes wrong on a machine that halts is given up
after ten, and made again."""


class MemoryStore:
    """A ``NodeStore`` that keeps copies, as a file would."""

    def __init__(self) -> None:
        self.data: dict[str, Any] | None = None
        self.saves = 0

    async def load(self) -> dict[str, Any] | None:
        return copy.deepcopy(self.data)

    async def save(self, data: dict[str, Any]) -> None:
        self.data = copy.deepcopy(data)
        self.saves += 1


class Member:
    """One node with its store, its signaling server if it hosts one, and its events."""

    def __init__(self, lab: Lab, name: str, server: SignalingServer | None = None) -> None:
        self.lab = lab
        self.name = name
        self.server = server
        self.url = ""
        self.store = MemoryStore()
        self.events: list[NodeEvent] = []
        self._changed = asyncio.Event()

    def config(self, **changes: Any) -> NodeConfig:
        hosts = (self.url,) if self.url else ()
        return NodeConfig(
            **{
                "name": self.name,
                "local_addresses": ("127.0.0.1",),
                "signaling_urls": hosts,
                **changes,
            }
        )

    async def start(self, **changes: Any) -> MeshNode:
        self.node = await MeshNode.load(
            self.store,
            self.config(**changes),
            http=self.lab.http,
            server=self.server,
        )
        self.node.subscribe(self._event)
        await self.node.start()
        return self.node

    def _event(self, event: NodeEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, true: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait until something is true, looking at each event and now and then."""
        async with asyncio.timeout(seconds):
            while not true():
                self._changed.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def event[E: NodeEvent](self, kind: type[E], seconds: float = PATIENCE) -> E:
        """Wait for an event of a kind and take it out of the list."""
        found: list[E] = []

        def seen() -> bool:
            found.extend(event for event in self.events if isinstance(event, kind))
            return bool(found)

        await self.until(seen, seconds)
        self.events.remove(found[0])
        return found[0]

    def linked_to(self, other: Member) -> bool:
        view = self.node.peers.get(other.node.peer_id)
        return view is not None and view.connected

    # Behind the facade, for what only a hostile or a dying node does.

    def link_to(self, other: Member) -> Link:
        return self.node._engine.links.links[other.node.peer_id]

    def message_to(self, other: Member, content: dict[str, Any]) -> IFMessage:
        return self.node._engine.delivery.make_message(
            [agent_address(other.node.peer_id)], MessageDraft(content=content)
        )

    async def vanish(self) -> None:
        """End as a killed process does: every socket closes and nobody is told."""
        engine = self.node._engine
        for link in engine.links.links.values():
            for protocol in link._rtc._ice._protocols:
                protocol.transport.abort()
        await engine.rendezvous.stop()
        engine.running = False
        engine.lag.stop()
        await engine.links.close_all("vanished")
        await engine._tasks.close()


class Lab:
    """Founds a mesh and lets members join it with real invitations."""

    async def __aenter__(self) -> Self:
        self.http = aiohttp.ClientSession()
        server = SignalingServer()
        self.host: RunningServer = await run_server("127.0.0.1", 0, server)
        self.url = self.host.url
        self.hosts = [self.host]
        self.members: list[Member] = []
        self.founder = Member(self, "Home", server)
        self.founder.url = self.url
        self.members.append(self.founder)
        await MeshNode.create_mesh(self.founder.store, mesh_name="Lab", node_name="Home")
        await self.founder.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(member.node.stop() for member in self.members))
        for host in self.hosts:
            await host.close()
        await self.http.close()

    async def join(
        self,
        name: str,
        role: Role = Role.OBSERVE,
        *,
        linked: bool = True,
        hosting: bool = False,
        **changes: Any,
    ) -> Member:
        """Let a new member in; returns once it and the founder are linked."""
        member = Member(self, name, SignalingServer() if hosting else None)
        if member.server is not None:
            host = await run_server("127.0.0.1", 0, member.server)
            self.hosts.append(host)
            member.url = host.url
        _, text = await self.founder.node.create_invitation(role=role)
        await MeshNode.join(member.store, text, node_name=name, http=self.http)
        await member.start(**changes)
        self.members.append(member)
        if linked:
            await member.until(lambda: member.linked_to(self.founder))
            await self.founder.until(lambda: self.founder.linked_to(member))
        return member
