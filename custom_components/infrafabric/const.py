"""Names and numbers that several modules share."""

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "infrafabric"

PLATFORMS: Final[list[Platform]] = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NOTIFY,
    Platform.SENSOR,
]

STUDIO_PLATFORMS: Final[list[Platform]] = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
]

MANUFACTURER: Final = "InfraFabric"
MODEL_NODE: Final = "Mesh node"
MODEL_PEER: Final = "Mesh peer"

# Config entry data
CONF_KIND: Final = "kind"
CONF_MESH_ID: Final = "mesh_id"
CONF_PEER_ID: Final = "peer_id"
CONF_NODE_NAME: Final = "node_name"
CONF_STUDIO_ID: Final = "studio_id"
CONF_USE_HTTP: Final = "use_http"
CONF_HTTP_PORT: Final = "http_port"
CONF_HTTP_USERNAME: Final = "http_username"
CONF_HTTP_PASSWORD: Final = "http_password"  # noqa: S105 - a name
KIND_MESH: Final = "mesh"
KIND_OBS: Final = "obs"
KIND_VMIX: Final = "vmix"
KIND_SURFACES: Final = "surfaces"
"""Notifications and webhooks; there is one such entry at most, and each rule is a subentry."""

DEFAULT_OBS_PORT: Final = 4455
DEFAULT_VMIX_PORT: Final = 8099
DEFAULT_VMIX_HTTP_PORT: Final = 8088

# Config entry options of a studio
CONF_POLL_INTERVAL: Final = "poll_interval"
CONF_AUDIO_CHANNELS: Final = "audio_channels"
CONF_AUDIO_METERS: Final = "audio_meters"
CONF_SCENE_ITEMS: Final = "scene_items"
CONF_SCENES: Final = "scenes"
CONF_DESTINATIONS: Final = "destinations"

ITEMS_NONE: Final = "none"
"""No scene item gets an entity, and OBS is not asked for them."""
ITEMS_ALL: Final = "all"
"""Those of every scene."""
ITEMS_CHOSEN: Final = "chosen"
"""Those of the chosen scenes."""
ITEM_MODES: Final = [ITEMS_NONE, ITEMS_ALL, ITEMS_CHOSEN]

# Config entry options of a mesh
CONF_ICE: Final = "ice"
CONF_ICE_SERVERS: Final = "ice_servers"
CONF_SIGNALING_URLS: Final = "signaling_urls"
CONF_LOCAL_ADDRESSES: Final = "local_addresses"
CONF_CREDENTIAL: Final = "credential"

ICE_HOME_ASSISTANT: Final = "home_assistant"
"""What Home Assistant's WebRTC component offers, and the entry's own servers."""
ICE_OWN: Final = "own"
"""Only the entry's own servers."""
ICE_NONE: Final = "none"
"""No server at all: links on the local network only."""
ICE_MODES: Final = [ICE_HOME_ASSISTANT, ICE_OWN, ICE_NONE]

SIGNAL_PATH: Final = "/api/infrafabric/signal"

# Bus events
EVENT_MESSAGE: Final = "infrafabric_message"
EVENT_WEBHOOK: Final = "infrafabric_webhook"
"""The only bus events that are not called as their triggers are; see happenings.py."""

MAX_EVENT_CONTENT: Final = 8 * 1024
"""Bytes of JSON content in an event or a state; more would bloat the recorder's database."""

LEAVE_TIMEOUT: Final = 20.0
"""Seconds that removing an entry may take to tell the mesh: a person waits for the dialog.

One attempt at a link takes up to ten; this leaves time for another.
"""
