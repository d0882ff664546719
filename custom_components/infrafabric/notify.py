"""A notify entity per peer: sends it a message of plain text."""

from typing import Final, override

from homeassistant.components.notify import NotifyEntity, NotifyEntityDescription
from homeassistant.components.notify.const import NotifyEntityFeature
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .entity import PeerEntity, async_add_peer_entities
from .errors import mesh_errors
from .hub import MeshConfigEntry
from .mesh.api import MessageDraft
from .mesh.model import NodeEvent, ReceiptStatus
from .surfaces.notifications.peer_messages import TOPIC, PeerMessageContext
from .targets import invalid

# The node queues and paces what is sent; one slow peer must not hold up the others.
PARALLEL_UPDATES = 0

MESSAGE: Final = NotifyEntityDescription(key="notify", translation_key="notify")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add each peer's notify entity as soon as the peer is known."""
    async_add_peer_entities(
        entry.runtime_data, async_add_entities, lambda hub, peer: [PeerNotify(hub, peer, MESSAGE)]
    )


class PeerNotify(PeerEntity, NotifyEntity):
    """Tells the people there something, as an ``inform`` about the topic for them.

    It stays available while the peer is away: Home Assistant skips unavailable entities without
    a word, and a notification that gets lost has to be an error.
    """

    _attr_supported_features = NotifyEntityFeature.TITLE

    @callback
    @override
    def _async_handle_event(self, event: NodeEvent) -> None:
        """Do nothing: the state is the time of the last notification."""

    @override
    async def async_send_message(self, message: str, title: str | None = None) -> None:
        """Send the message and wait until the peer's node has accepted it."""
        if isinstance(self._context, PeerMessageContext):
            raise invalid("message_not_forwarded")
        peer = self.peer
        content = {"message": message} if title is None else {"message": message, "title": title}
        with mesh_errors():
            draft = MessageDraft(content=content, topic=TOPIC)
            result = await self.hub.node.send([peer.peer_id], draft)
        status = result.receipts.get(peer.peer_id)
        if status is not ReceiptStatus.ACCEPTED:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="message_not_accepted",
                translation_placeholders={
                    "reasons": "no_receipt" if status is None else status.name.lower()
                },
            )
