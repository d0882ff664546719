"""Which STUN and TURN servers a dial uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from homeassistant.components.web_rtc import async_get_ice_servers
from homeassistant.const import CONF_URL, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .const import CONF_CREDENTIAL, CONF_ICE, CONF_ICE_SERVERS, ICE_HOME_ASSISTANT, ICE_NONE
from .mesh.link.ice import IceServer


@dataclass(frozen=True, slots=True)
class IceSource:
    """What the node asks before each dial; equal when the options say the same.

    Home Assistant is asked anew each time, because credentials of TURN servers (Home Assistant
    Cloud's above all) last only some hours.
    """

    hass: HomeAssistant = field(compare=False, repr=False)
    mode: str
    own: tuple[IceServer, ...]

    @classmethod
    def from_options(cls, hass: HomeAssistant, options: Mapping[str, Any]) -> Self:
        """Read an entry's options."""
        own = tuple(
            IceServer(
                url=server[CONF_URL],
                username=server.get(CONF_USERNAME),
                credential=server.get(CONF_CREDENTIAL),
            )
            for server in options.get(CONF_ICE_SERVERS, ())
        )
        return cls(hass, options.get(CONF_ICE, ICE_HOME_ASSISTANT), own)

    async def __call__(self) -> Sequence[IceServer]:
        """Return the servers to use now, the entry's own first."""
        if self.mode == ICE_NONE:
            return ()
        if self.mode != ICE_HOME_ASSISTANT:
            return self.own
        return (
            *self.own,
            *(
                IceServer(url=url, username=offered.username, credential=offered.credential)
                for offered in async_get_ice_servers(self.hass)
                for url in ([offered.urls] if isinstance(offered.urls, str) else offered.urls)
            ),
        )
