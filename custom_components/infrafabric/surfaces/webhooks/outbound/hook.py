"""What the user chose about an outbound webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_URL

from ....happenings import Occasion
from ..keys import CONF_KEYS

CONF_EVENTS: Final = "events"
CONF_DEVICES: Final = "devices"
CONF_PRIVATE: Final = "private"


@dataclass(frozen=True, slots=True)
class OutboundHook:
    """What the user chose.

    Attributes:
        hook_id: Of the subentry.
        name: What the user calls it.
        url: Where to post; may hold secrets.
        events: Which occasions.
        devices: Of which devices; none means all.
        private: Whether it may be in a private network.
        keys: As ``webhooks.keys`` has them.

    """

    hook_id: str
    name: str
    url: str = field(repr=False)
    events: frozenset[str]
    devices: frozenset[str]
    private: bool
    keys: tuple[Mapping[str, Any], ...] = field(repr=False)

    @classmethod
    def of(cls, subentry: ConfigSubentry) -> OutboundHook:
        """Return the webhook of a subentry."""
        data = subentry.data
        return cls(
            hook_id=subentry.subentry_id,
            name=subentry.title,
            url=data[CONF_URL],
            events=frozenset(data[CONF_EVENTS]),
            devices=frozenset(data[CONF_DEVICES]),
            private=data[CONF_PRIVATE],
            keys=tuple(data[CONF_KEYS]),
        )

    def wants(self, occasion: Occasion) -> bool:
        """Tell whether the receiver is to hear of it."""
        if occasion.what not in self.events:
            return False
        return not self.devices or occasion.device_id in self.devices
