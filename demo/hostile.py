"""A member that joined with a real invitation and then does what no honest node does.

It is the library itself in this process, with its own key, reaching behind the facade for the
link: nobody has to believe that a bad message "would" be refused.
"""

import copy
from types import TracebackType
from typing import Any, Self

import aiohttp

from infrafabric.mesh.api import MessageDraft, NodeConfig
from infrafabric.mesh.link.link import Link
from infrafabric.mesh.messages.message import IFMessage, agent_address
from infrafabric.mesh.model import ReceiptStatus
from infrafabric.mesh.node import MeshNode

from .processes import DemoError, until


class _Memory:
    """A ``NodeStore`` that forgets."""

    def __init__(self) -> None:
        self._data: dict[str, Any] | None = None

    async def load(self) -> dict[str, Any] | None:
        return copy.deepcopy(self._data)

    async def save(self, data: dict[str, Any]) -> None:
        self._data = copy.deepcopy(data)


class HostileAgent:
    """Joins, links, and sends what it likes."""

    def __init__(self, invitation: str, name: str = "Hostile") -> None:
        """Join with *invitation* on entering the context."""
        self._invitation = invitation
        self._name = name

    async def __aenter__(self) -> Self:
        """Join and come online."""
        self._http = aiohttp.ClientSession()
        store = _Memory()
        try:
            await MeshNode.join(store, self._invitation, node_name=self._name, http=self._http)
            self._node = await MeshNode.load(
                store,
                NodeConfig(name=self._name, local_addresses=("127.0.0.1",)),
                http=self._http,
            )
            await self._node.start()
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Go offline."""
        await self._node.stop()
        await self._http.close()

    @property
    def peer_id(self) -> str:
        """Its own id."""
        return self._node.peer_id

    async def wait_linked(self, peer_id: str, seconds: float = 60.0) -> None:
        """Wait for a link to a peer."""

        async def linked() -> bool:
            view = self._node.peers.get(peer_id)
            return view is not None and view.connected

        await until(f"{self._name} to be linked", linked, seconds)

    def message(self, peer_id: str, content: dict[str, Any]) -> IFMessage:
        """Return a message that is signed as it should be."""
        draft = MessageDraft(content=content)
        return self._node._engine.delivery.make_message([agent_address(peer_id)], draft)  # noqa: SLF001

    async def send(self, peer_id: str, body: bytes, signature: bytes) -> ReceiptStatus:
        """Put bytes and a signature on the live link and return the receipt."""
        link: Link | None = self._node._engine.links.links.get(peer_id)  # noqa: SLF001
        if link is None:
            raise DemoError(f"{self._name} has no link to {peer_id}")
        return await link.send(body, signature)
