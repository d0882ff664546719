"""WebSocket commands: the feed of a mesh for the dashboard card."""

from typing import Any, Final

import probatio

from homeassistant.components.websocket_api import async_register_command
from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.const import ERR_NOT_FOUND
from homeassistant.components.websocket_api.decorators import websocket_command
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util.hass_dict import HassKey

from .const import CONF_KIND, DOMAIN, KIND_MESH
from .hub import MeshHub
from .mesh_feed import MeshFeed, Payload

SUBSCRIBE: Final = f"{DOMAIN}/mesh/subscribe"

_FEEDS: Final[HassKey[dict[MeshHub, MeshFeed]]] = HassKey(f"{DOMAIN}_feeds")


@callback
def async_setup_websocket_api(hass: HomeAssistant) -> None:
    """Register the commands."""
    hass.data[_FEEDS] = {}
    async_register_command(hass, _subscribe)


@callback
@websocket_command(
    {
        probatio.Required("type"): SUBSCRIBE,
        probatio.Optional("entry_id"): str,
    }
)
def _subscribe(hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]) -> None:
    """Send a snapshot of a mesh, then what changes, also over reloads of its entry.

    Everybody who may see the dashboard may see this: it says what the entities say. Events are
    ``snapshot``, ``changes`` and ``unavailable``; without an entry id the first mesh is meant.
    """
    entry = _find(hass, msg.get("entry_id"))
    if entry is None:
        connection.send_error(msg["id"], ERR_NOT_FOUND, "There is no such mesh.")
        return
    subscription = _Subscription(hass, connection, msg["id"], entry.entry_id)
    connection.subscriptions[msg["id"]] = subscription.async_end
    connection.send_result(msg["id"], {"entry_id": entry.entry_id})
    subscription.async_begin(entry)


def _find(hass: HomeAssistant, entry_id: str | None) -> ConfigEntry[Any] | None:
    """Return a mesh: the one asked for, or the first one, one that runs before others."""
    meshes = [
        entry
        for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        if entry.data.get(CONF_KIND) == KIND_MESH and entry_id in (None, entry.entry_id)
    ]
    meshes.sort(key=lambda entry: entry.state is not ConfigEntryState.LOADED)
    return meshes[0] if meshes else None


class _Subscription:
    """One dashboard that looks at one mesh."""

    def __init__(
        self,
        hass: HomeAssistant,
        connection: ActiveConnection,
        number: int,
        entry_id: str,
    ) -> None:
        self._hass = hass
        self._connection = connection
        self._number = number
        self._entry_id = entry_id
        self._hub: MeshHub | None = None
        self._stop: CALLBACK_TYPE | None = None
        self._unfollow: CALLBACK_TYPE | None = None

    @callback
    def async_begin(self, entry: ConfigEntry[Any]) -> None:
        """Send the first event, and follow the entry as it is unloaded and loaded."""
        self._unfollow = async_dispatcher_connect(
            self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed
        )
        if entry.state is ConfigEntryState.LOADED:
            self._attach(entry.runtime_data)
        else:
            self._send({"type": "unavailable"})

    @callback
    def async_end(self) -> None:
        """Leave no listener behind."""
        self._detach()
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    @callback
    def _entry_changed(self, change: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
        if entry.entry_id != self._entry_id:
            return
        if change is not ConfigEntryChange.REMOVED and entry.state is ConfigEntryState.LOADED:
            if entry.runtime_data is not self._hub:
                self._detach()
                self._attach(entry.runtime_data)
        elif self._hub is not None:
            self._detach()
            self._send({"type": "unavailable"})

    def _attach(self, hub: MeshHub) -> None:
        feeds = self._hass.data[_FEEDS]
        feed = feeds.setdefault(hub, MeshFeed(hub))
        self._hub = hub
        self._stop = feed.async_listen(self._send)

    def _detach(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None
        if self._hub is not None:
            feeds = self._hass.data[_FEEDS]
            if self._hub in feeds and feeds[self._hub].idle:
                del feeds[self._hub]
            self._hub = None

    @callback
    def _send(self, payload: Payload) -> None:
        self._connection.send_event(self._number, payload)
