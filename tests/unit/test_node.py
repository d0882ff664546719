"""The whole node: real links on loopback, real signaling, real signatures."""

from infrafabric.mesh.api import MessageDraft
from infrafabric.mesh.model import MessageReceived, ReceiptStatus

from .mesh_lab import Lab


async def test_two_nodes_pair_with_one_code_and_exchange_a_signed_message() -> None:
    async with Lab() as lab:
        studio = await lab.join("Studio")
        result = await studio.node.send(
            [lab.founder.node.peer_id], MessageDraft(content={"hello": "home"})
        )
        assert dict(result.receipts) == {lab.founder.node.peer_id: ReceiptStatus.ACCEPTED}
        received = await lab.founder.event(MessageReceived)
        assert received.message.content == {"hello": "home"}
        assert received.peer_id == studio.node.peer_id
