"""Gives the mesh of a Home Assistant members that do not exist, for the benchmark of the card.

The benchmark puts it into its own Home Assistant's folder. It writes views and beacons where the
node of the mesh keeps the real ones, and tells the hub's listeners of each change, as the node
would. All behind that is the real thing: the feed, the WebSocket command, the frontend, the card.
Devices and entities of the members are not made: the card does not read them.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import random
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall

DOMAIN = "infrafabric_card_feed"
LINKED = 12
"""Members that this node is linked to, as the active view of a big mesh."""
LINKS = 12
"""Links that each member's beacon tells of, both directions counted."""
TICK = 0.25
"""Seconds between changes: as often as the feed tells any."""


async def async_setup(hass: HomeAssistant, _config: dict[str, Any]) -> bool:
    """Register the action that begins."""

    async def start(call: ServiceCall) -> None:
        entry = hass.config_entries.async_loaded_entries("infrafabric")[0]
        members = Members(entry.runtime_data, call.data["peers"], call.data["changes"])
        members.fill()
        hass.async_create_background_task(members.go_on(), DOMAIN)

    hass.services.async_register(DOMAIN, "start", start)
    return True


class Members:
    """Members of a mesh that live in the node's memory only."""

    def __init__(self, hub: Any, count: int, changes: int) -> None:
        """Prepare *count* of them, of which *changes* change each time."""
        # Only here, where Home Assistant has the integration loaded as this.
        from custom_components.infrafabric.mesh import model  # noqa: PLC0415
        from custom_components.infrafabric.mesh.overlay import beacon  # noqa: PLC0415

        self._model = model
        self._beacon = beacon
        self._hub = hub
        self._random = random.Random(1)
        self._views: dict[str, Any] = hub.node._engine.peers._views  # noqa: SLF001
        self._beacons: dict[str, Any] = hub.node._engine.beacons._beacons  # noqa: SLF001
        self._ids = [f"{number:032d}" for number in range(count)]
        self._changes = changes
        self._number = 0

    def fill(self) -> None:
        """Let all of them be known at once."""
        for number, peer_id in enumerate(self._ids):
            linked = number < LINKED
            self._views[peer_id] = self._model.PeerView(
                peer_id=peer_id,
                name=f"Site {number + 1}",
                check_groups="",
                role=self._model.Role.OBSERVE,
                not_after=datetime.now(UTC) + timedelta(days=90),
                connected=linked,
                path=self._model.Path.DIRECT_WAN if linked else self._model.Path.ROUTED,
                quality=self._quality(),
            )
            self._tell_of(peer_id)
        self._emit(*(self._model.PeerAdded(self._views[peer_id]) for peer_id in self._ids))

    async def go_on(self) -> None:
        """Change some of them again and again."""
        while True:
            await asyncio.sleep(TICK)
            events = []
            for peer_id in self._random.sample(self._ids, self._changes):
                view = self._views[peer_id]
                changed = replace(view, quality=self._quality())
                if not view.connected and self._random.random() < 0.05:
                    up = view.path is self._model.Path.DOWN
                    path = self._model.Path.ROUTED if up else self._model.Path.DOWN
                    changed = replace(changed, path=path)
                self._views[peer_id] = changed
                events.append(self._model.PeerChanged(changed))
            # Ten times as many as the members of such a mesh send.
            for peer_id in self._random.sample(self._ids, max(1, len(self._ids) // 50)):
                self._tell_of(peer_id)
            self._emit(*events, self._model.StatsChanged(self._hub.stats))

    def _quality(self) -> Any:
        rtt = self._random.uniform(2, 300)
        bands = [band for band in self._model.Band if band is not self._model.Band.UNKNOWN]
        return self._model.Quality(
            rtt_ms=rtt, score=self._random.uniform(0, 100), band=self._random.choice(bands)
        )

    def _tell_of(self, peer_id: str) -> None:
        """Let a beacon of a member come: the same links, measured again, and one other."""
        self._number += 1
        known = self._beacons.get(peer_id)
        others = [link.peer_id for link in known[0].links] if known else []
        while len(others) < LINKS // 2:
            others.append(self._random.choice(self._ids))
        others[self._random.randrange(len(others))] = self._random.choice(self._ids)
        links = tuple(
            self._beacon.BeaconLink(
                peer_id=other,
                rtt_ms=self._random.randrange(2, 300),
                path=self._model.Path.DIRECT_WAN,
            )
            for other in others
        )
        made = self._beacon.Beacon(
            peer_id=peer_id,
            name="",
            named_at=0,
            software="",
            capabilities=(),
            urls=(),
            links=links,
            at=self._number,
            number=self._number,
        )
        self._beacons[peer_id] = (made, None)

    def _emit(self, *events: Any) -> None:
        for event in events:
            for listener in list(self._hub._listeners):  # noqa: SLF001
                # The entities of the node itself listen too, and real ones would.
                listener(event)
