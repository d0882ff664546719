"""The signaling server of this Home Assistant: where the nodes of its meshes meet."""

from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from .addresses import signaling_urls
from .const import SIGNAL_PATH
from .mesh.signaling.host import SignalingHost
from .mesh.signaling.server import SignalingServer

DATA_SIGNALING: Final[HassKey[SignalingRoom]] = HassKey("infrafabric_signaling")


class SignalingRoom:
    """One signaling server for all meshes of this Home Assistant; it exists while one is loaded."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin closed."""
        self._hass = hass
        self._entries: dict[str, ConfigEntry[Any]] = {}
        self._server: SignalingServer | None = None
        self.host: SignalingHost | None = None
        """Answers requests; None while no mesh is loaded."""

    @callback
    def async_enter(self, entry: ConfigEntry[Any]) -> SignalingServer:
        """Return the server for an entry that is being set up."""
        self._entries[entry.entry_id] = entry
        if self._server is None:
            self._server = SignalingServer(self._urls)
            self.host = SignalingHost(self._server)
        return self._server

    async def async_leave(self, entry: ConfigEntry[Any]) -> None:
        """Let an entry go; the last one closes the server and its connections."""
        self._entries.pop(entry.entry_id, None)
        if not self._entries:
            host, self.host, self._server = self.host, None, None
            if host is not None:
                await host.close()

    def _urls(self) -> set[str]:
        """Return every address that a client may have dialled."""
        return {
            url
            for entry in self._entries.values()
            for url in signaling_urls(self._hass, entry.options)
        }


class SignalingView(HomeAssistantView):
    """WebSocket endpoint of the signaling server."""

    url = SIGNAL_PATH
    name = "api:infrafabric:signal"
    requires_auth = False
    """Members of a mesh have no user here. The server's own challenge lets in only who proves
    membership with a signature, or holds an open invitation."""

    def __init__(self, room: SignalingRoom) -> None:
        """Answer for *room*."""
        self._room = room

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it leaves."""
        if (host := self._room.host) is None:
            return self.json_message("No mesh is loaded", HTTPStatus.SERVICE_UNAVAILABLE)
        return await host.handle(request)


@callback
def async_get_room(hass: HomeAssistant) -> SignalingRoom:
    """Return the room of this Home Assistant.

    It may be asked for before ``async_setup``: a disabled entry is removed without that.
    """
    return hass.data.setdefault(DATA_SIGNALING, SignalingRoom(hass))


@callback
def async_setup_signaling(hass: HomeAssistant) -> None:
    """Register the view; once, because a route cannot be removed again."""
    hass.http.register_view(SignalingView(async_get_room(hass)))
