"""A dashboard of the mesh: the integration's own card, and built-in cards over its entities."""

from collections.abc import Mapping
from typing import Any, Final

from .mesh import MeshEntry

type Card = dict[str, Any]

URL_PATH: Final = "infrafabric-demo"
PATH: Final = f"/{URL_PATH}/mesh"

ICONS: Final[Mapping[str, str]] = {
    "Home": "mdi:home-outline",
    "Studio": "mdi:microphone-variant",
    "Agent": "mdi:robot-outline",
}


class _Names:
    """Entity ids of one mesh, read once."""

    def __init__(self, mesh: MeshEntry, unique_ids: Mapping[str, str]) -> None:
        self._mesh = mesh
        self._unique_ids = unique_ids

    def __call__(self, peer_id: str, key: str) -> str:
        return self._unique_ids[f"{self._mesh.mesh_id}_{peer_id}_{key}"]


async def save_dashboard(mesh: MeshEntry) -> None:
    """Write the dashboard of one Home Assistant and make it the first thing to see."""
    entities = await mesh.api.call("config/entity_registry/list")
    names = _Names(mesh, {entity["unique_id"]: entity["entity_id"] for entity in entities})
    peers = {
        device["identifiers"][0][1].partition("_")[2]: device["name"]
        for device in await mesh.devices()
        if device["model"] == "Mesh peer"
    }
    view = {
        "title": "Mesh",
        "path": "mesh",
        "icon": "mdi:graph-outline",
        "type": "sections",
        "max_columns": 4,
        "badges": _badges(mesh, names),
        "sections": [
            _section(_CARD, span=2),
            _section(*_try_it(mesh), *_node(mesh, names)),
            *(_peer(names, peer_id, name) for peer_id, name in sorted(peers.items(), key=_by_name)),
            _history(names, peers),
        ],
    }
    await mesh.api.call(
        "lovelace/dashboards/create", url_path=URL_PATH, title="Mesh", icon="mdi:graph-outline"
    )
    await mesh.api.call(
        "lovelace/config/save", url_path=URL_PATH, config={"title": "Mesh", "views": [view]}
    )
    await mesh.api.call("frontend/set_user_data", key="core", value={"default_panel": URL_PATH})


def _by_name(peer: tuple[str, str]) -> str:
    return peer[1].casefold()


def _badges(mesh: MeshEntry, names: _Names) -> list[Card]:
    return [
        {"type": "entity", "entity": names(mesh.peer_id, key), "show_name": True}
        for key in ("peers_online", "links_direct", "messages_refused", "problem")
    ]


def _heading(text: str, icon: str, **more: Any) -> Card:
    return {"type": "heading", "heading": text, "icon": icon, "heading_style": "title", **more}


def _section(*cards: Card, span: int = 1) -> Card:
    return {"type": "grid", "column_span": span, "cards": list(cards)}


def _tile(entity: str, name: str, **more: Any) -> Card:
    return {"type": "tile", "entity": entity, "name": name, **more}


_CARD: Final[Card] = {"type": "custom:infrafabric-card", "grid_options": {"columns": "full"}}


def _peer(names: _Names, peer_id: str, name: str) -> Card:
    """Everything about one peer: is it there, how good is the link, what did it say."""
    connected = {"type": "entity", "entity": names(peer_id, "connectivity"), "color": "state"}
    score = {
        "type": "gauge",
        "entity": names(peer_id, "quality_score"),
        "name": "Link quality",
        "needle": True,
        "min": 0,
        "max": 100,
        "segments": [
            {"from": 0, "color": "#db4437"},
            {"from": 40, "color": "#ffa600"},
            {"from": 60, "color": "#43a047"},
        ],
        "grid_options": {"columns": 6, "rows": 4},
    }
    half = {"grid_options": {"columns": 6, "rows": 2}}
    return _section(
        _heading(name, ICONS.get(name, "mdi:server-network"), badges=[connected]),
        score,
        _tile(
            names(peer_id, "rtt"),
            "Round trip",
            color="blue",
            features=[{"type": "trend-graph", "hours_to_show": 1}],
            **half,
        ),
        _tile(names(peer_id, "path"), "Path", icon="mdi:transit-connection-variant", vertical=True),
        _tile(names(peer_id, "quality_band"), "Band", icon="mdi:signal", vertical=True),
        _tile(names(peer_id, "loss"), "Packet loss", icon="mdi:package-variant-remove"),
        _tile(names(peer_id, "last_seen"), "Last seen"),
        _tile(names(peer_id, "message"), "Last message", color="purple"),
        _tile(
            names(peer_id, "reconnect"),
            "Reconnect",
            hide_state=True,
            tap_action={"action": "toggle"},
        ),
    )


def _try_it(mesh: MeshEntry) -> list[Card]:
    """What there is to play with; Studio asks, Home acts."""
    if mesh.home.name == "Studio":
        return [
            _heading("Try it", "mdi:gesture-tap"),
            _tile("input_boolean.on_air", "On air", color="red", **_WIDE),
            _tile("input_text.answer", "What Home answered", **_WIDE),
            _note("Switch **On air**: an automation asks Home, which switches its light, answers"
                  " with a signed message and tells the whole mesh."),
        ]  # fmt: skip
    return [
        _heading("Try it", "mdi:gesture-tap"),
        _tile("input_boolean.recording_light", "Recording light", color="red", **_WIDE),
        _note("An automation switches this light when Studio asks for it, and answers. Open Studio"
              " beside this window and switch **On air** there."),
    ]  # fmt: skip


_WIDE: Final[Card] = {"grid_options": {"columns": 12, "rows": 1}}


def _note(text: str) -> Card:
    return {"type": "markdown", "content": text, "text_only": True}


def _history(names: _Names, peers: Mapping[str, str]) -> Card:
    return _section(
        _heading("What happened", "mdi:history"),
        {
            "type": "history-graph",
            "title": "Round-trip time",
            "hours_to_show": 0.25,
            "entities": [
                {"entity": names(peer_id, "rtt"), "name": name} for peer_id, name in peers.items()
            ],
            "grid_options": {"columns": "full"},
        },
        {
            "type": "logbook",
            "hours_to_show": 1,
            "target": {
                "entity_id": [
                    *(
                        names(peer_id, key)
                        for peer_id in peers
                        for key in ("connectivity", "message", "quality_band", "path")
                    ),
                    "input_boolean.on_air",
                    "input_boolean.recording_light",
                ]
            },
            "grid_options": {"columns": "full", "rows": 6},
        },
        span=2,
    )


def _node(mesh: MeshEntry, names: _Names) -> list[Card]:
    """This node's own figures."""
    texts = {
        "peers_online": "Peers online",
        "problem": "Problem",
        "links_direct": "Direct links",
        "links_relayed": "Relayed links",
        "messages_in": "Received",
        "messages_out": "Sent",
        "messages_refused": "Refused",
    }
    return [
        _heading(f"{mesh.home.name} (this node)", ICONS.get(mesh.home.name, "mdi:server-network")),
        *(_tile(names(mesh.peer_id, key), text) for key, text in texts.items()),
    ]
