"""A mesh as Home Assistant shows it: made through the real dialogs, read through its entities."""

from collections.abc import Mapping
import re
from typing import Any, Final

from .api import Api, Json
from .home_assistant import HomeAssistant
from .processes import WAIT, DemoError, until

DOMAIN: Final = "infrafabric"
MESH_NAME: Final = "Demo mesh"

LOOPBACK: Final[Mapping[str, Any]] = {
    "ice": "none",
    "ice_servers": [],
    "signaling_urls": [],
    "local_addresses": ["127.0.0.1"],
}
"""Settings for nodes that are all on this machine."""

JOIN_SECONDS: Final = 60.0


class MeshEntry:
    """One Home Assistant's entry of a mesh."""

    def __init__(self, home: HomeAssistant, entry_id: str) -> None:
        """Take an entry that exists."""
        self.home = home
        self.entry_id = entry_id
        self.mesh_id = ""
        self.peer_id = ""

    @property
    def api(self) -> Api:
        """The API of its Home Assistant, also after a restart."""
        return self.home.api

    # -- through the dialogs ------------------------------------------------------------------

    @classmethod
    async def create(cls, home: HomeAssistant, mesh_name: str = MESH_NAME) -> MeshEntry:
        """Add InfraFabric and choose "Create a mesh"."""
        flow = await home.api.config_flow(DOMAIN)
        await flow.choose("create")
        done = await flow.submit(mesh_name=mesh_name, node_name=home.name)
        return await cls._made(home, done)

    @classmethod
    async def join(cls, home: HomeAssistant, invitation: str) -> MeshEntry:
        """Add InfraFabric, choose "Join a mesh" and paste an invitation."""
        flow = await home.api.config_flow(DOMAIN)
        await flow.choose("join")
        confirm = await flow.submit(invitation=invitation, node_name=home.name)
        if confirm["step_id"] != "join_confirm":
            raise DemoError(f"The dialog asked for {confirm['step_id']} instead of a confirmation")
        await flow.submit()
        return await cls._made(home, await flow.progress(JOIN_SECONDS))

    @classmethod
    async def _made(cls, home: HomeAssistant, done: Json) -> MeshEntry:
        if done["type"] != "create_entry":
            raise DemoError(f"The dialog ended with {done['type']}: {done.get('reason')}")
        entry = cls(home, done["result"]["entry_id"])
        await entry.wait_loaded()
        return entry

    async def invite(self, role: str = "observe") -> tuple[str, Any]:
        """Open "Invite a peer" and return the invitation and the dialog, which waits."""
        flow = await self.api.options_flow(self.entry_id)
        await flow.choose("invite")
        code = await flow.submit(role=role, expiry="hour")
        text = next(
            field["description"]["suggested_value"]
            for field in code["data_schema"]
            if field["name"] == "invitation"
        )
        await flow.submit()
        return text, flow

    async def invitation(self, role: str = "observe") -> str:
        """Return an invitation made by the action, as a script would."""
        device = {"device_id": await self.node_device()}
        made = await self.api.action(
            DOMAIN, "create_invitation", {"role": role}, target=device, response=True
        )
        return str(made["invitation"])

    async def settings(self, **changes: Any) -> None:
        """Change the settings in the options dialog."""
        flow = await self.api.options_flow(self.entry_id)
        await flow.choose("settings")
        done = await flow.submit(**{**LOOPBACK, **changes})
        if done["type"] != "create_entry":
            raise DemoError(f"The settings were not taken: {done}")

    async def stay_here(self) -> None:
        """Keep a node on this machine that joined a moment ago, and its links too.

        One that opened before the settings were there goes on over the machine's other addresses,
        with a socket for each; so all are made anew.
        """
        await self.settings()
        await self.reload()
        await self.wait_loaded()

    # -- what is there ------------------------------------------------------------------------

    async def entry(self) -> Json:
        """Return the entry as the integrations page shows it."""
        entries = await self.api.call("config_entries/get", domain=DOMAIN)
        for entry in entries:
            if entry["entry_id"] == self.entry_id:
                return dict(entry)
        raise DemoError(f"{self.home.name} has no entry {self.entry_id}")

    async def exists(self) -> bool:
        """Tell whether the entry is still there."""
        entries = await self.api.call("config_entries/get", domain=DOMAIN)
        return any(entry["entry_id"] == self.entry_id for entry in entries)

    async def reload(self) -> None:
        """Reload the entry."""
        await self.api.rest("POST", f"/api/config/config_entries/entry/{self.entry_id}/reload", {})

    async def disable(self, *, disabled: bool) -> None:
        """Disable the entry, which unloads it, or enable it again."""
        by = "user" if disabled else None
        await self.api.call("config_entries/disable", entry_id=self.entry_id, disabled_by=by)

    async def remove(self) -> None:
        """Remove the entry."""
        await self.api.rest("DELETE", f"/api/config/config_entries/entry/{self.entry_id}")

    async def wait_loaded(self, seconds: float = WAIT) -> None:
        """Wait until the entry is loaded, and learn the ids of mesh and node."""

        async def loaded() -> bool:
            return (await self.entry())["state"] == "loaded"

        await until(f"{self.home.name}'s mesh to be loaded", loaded, seconds, seen=self.entry)
        for device in await self.devices():
            if device["model"] == "Mesh node":
                self.mesh_id, _, self.peer_id = device["identifiers"][0][1].partition("_")

    async def devices(self) -> list[Json]:
        """Return the devices of the node and its peers."""
        return [
            device
            for device in await self.api.call("config/device_registry/list")
            if self.entry_id in (device.get("config_entry_id"), *device.get("config_entries", ()))
        ]

    async def device(self, peer_id: str) -> str:
        """Return the device id of a peer, or of the node itself.

        Raises:
            DemoError: There is none.

        """
        for device in await self.devices():
            if device["identifiers"][0][1].endswith(peer_id):
                return str(device["id"])
        raise DemoError(f"{self.home.name} knows no device of {peer_id}")

    async def node_device(self) -> str:
        """Return the device id of the node itself."""
        return await self.device(self.peer_id)

    async def peer_named(self, name: str, seconds: float = WAIT) -> str:
        """Wait until a peer of that name is known and return its id."""

        async def known() -> str | None:
            for device in await self.devices():
                if device["name"] == name and device["model"] == "Mesh peer":
                    return str(device["identifiers"][0][1].partition("_")[2])
            return None

        return await until(f"{name} to be known to {self.home.name}", known, seconds)

    async def entity(self, peer_id: str, key: str) -> str:
        """Return the entity id of one of a peer's or the node's entities.

        Raises:
            DemoError: There is none.

        """
        unique_id = f"{self.mesh_id}_{peer_id}_{key}"
        for entity in await self.api.call("config/entity_registry/list"):
            if entity["unique_id"] == unique_id:
                return str(entity["entity_id"])
        raise DemoError(f"{self.home.name} has no entity {key} of {peer_id}")

    async def state(self, peer_id: str, key: str) -> str | None:
        """Return the state of one of a peer's or the node's entities."""
        return await self.api.state(await self.entity(peer_id, key))

    async def shown(self, peer_id: str) -> dict[str, str]:
        """Return the states of all entities of a peer or the node by their keys, for an error."""
        prefix = f"{self.mesh_id}_{peer_id}_"
        states = await self.api.states()
        return {
            entity["unique_id"].removeprefix(prefix): states[entity["entity_id"]]["state"]
            for entity in await self.api.call("config/entity_registry/list")
            if entity["unique_id"].startswith(prefix) and entity["entity_id"] in states
        }

    async def number(self, peer_id: str, key: str) -> float | None:
        """Return a state that is a number; None while it is none."""
        try:
            return float(await self.state(peer_id, key) or "")
        except ValueError, DemoError:
            return None

    async def wait_connected(self, peer_id: str, seconds: float = WAIT) -> None:
        """Wait until the peer's connectivity sensor says "Connected"."""

        async def connected() -> bool:
            try:
                return await self.state(peer_id, "connectivity") == "on"
            except DemoError:
                return False

        await until(
            f"{self.home.name} to be connected to {peer_id}",
            connected,
            seconds,
            seen=lambda: self.shown(peer_id),
        )

    async def wait_disconnected(self, peer_id: str, seconds: float = WAIT) -> None:
        """Wait until the peer's connectivity sensor says "Disconnected"."""

        async def disconnected() -> bool:
            return await self.state(peer_id, "connectivity") == "off"

        await until(
            f"{self.home.name} to notice that {peer_id} is gone",
            disconnected,
            seconds,
            seen=lambda: self.shown(peer_id),
        )

    async def wait_rtt(self, peer_id: str, seconds: float = WAIT) -> float:
        """Wait until a round-trip time was measured, and return its milliseconds."""

        async def measured() -> float | None:
            return await self.number(peer_id, "rtt")

        return await until(f"{self.home.name} to measure the way to {peer_id}", measured, seconds)

    async def add_automation(self, automation: Mapping[str, Any]) -> None:
        """Save an automation as the automation editor does, and wait until it runs."""
        key = re.sub(r"[^a-z0-9]+", "_", automation["alias"].lower())
        await self.api.rest("POST", f"/api/config/automation/config/{key}", dict(automation))

        async def there() -> bool:
            return any(
                state["attributes"].get("id") == key and state["state"] == "on"
                for name, state in (await self.api.states()).items()
                if name.startswith("automation.")
            )

        await until(f"the automation {automation['alias']}", there, WAIT)
