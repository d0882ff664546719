"""The demo's studios: a real OBS Studio without a screen, and a stand-in for vMix."""

from collections.abc import Mapping
from pathlib import Path
import sys
from typing import Any, Final

from tests.obs_world import RealObs, Receiver, missing_programs, rtmp_receiver

from .api import Api, Json
from .home_assistant import REPOSITORY, HomeAssistant
from .mesh import DOMAIN
from .processes import WAIT, Child, DemoError, free_port, until

DESTINATION: Final = "Receiver on this machine"
STREAM_KEY: Final = "demo-stream-key"
OBS_PASSWORD: Final = "demo-obs-password"  # noqa: S105 - of an OBS that only this machine reaches


class StudioEntry:
    """One Home Assistant's entry of a studio, made through the dialogs, read through entities."""

    def __init__(self, home: HomeAssistant, entry_id: str, title: str) -> None:
        """Take an entry that exists."""
        self.home = home
        self.entry_id = entry_id
        self.title = title
        self.studio_id = ""

    @property
    def api(self) -> Api:
        """The API of its Home Assistant, also after a restart."""
        return self.home.api

    @classmethod
    async def add_obs(cls, home: HomeAssistant, obs: RealObs) -> StudioEntry:
        """Add InfraFabric and choose "Add OBS Studio"."""
        flow = await home.api.config_flow(DOMAIN)
        await flow.choose("obs")
        done = await flow.submit(
            host=obs.host,
            port=obs.port,
            password=obs.password,
            tls={"ssl": False, "verify_ssl": True},
        )
        return await cls._made(home, done)

    @classmethod
    async def add_vmix(cls, home: HomeAssistant, port: int) -> StudioEntry:
        """Add InfraFabric and choose "Add vMix"."""
        flow = await home.api.config_flow(DOMAIN)
        await flow.choose("vmix")
        done = await flow.submit(host="127.0.0.1", port=port, http={"use_http": False})
        return await cls._made(home, done)

    @classmethod
    async def _made(cls, home: HomeAssistant, done: Json) -> StudioEntry:
        if done["type"] != "create_entry":
            raise DemoError(f"The dialog ended with {done['type']}: {done.get('reason')}")
        entry = cls(home, done["result"]["entry_id"], done["title"])
        await entry.wait_connected()
        return entry

    async def add_destination(self, name: str, server: str, key: str) -> None:
        """Keep a destination of streams in Home Assistant, through the options dialog."""
        flow = await self.api.options_flow(self.entry_id)
        await flow.choose("destinations")
        await flow.choose("destination_add")
        await flow.submit(service="rtmp")
        await flow.submit(name=name, server=server, key=key)

    async def device(self) -> str:
        """Return the device id of the studio.

        Raises:
            DemoError: There is none.

        """
        for device in await self.api.call("config/device_registry/list"):
            if self.entry_id in (
                device.get("config_entry_id"),
                *device.get("config_entries", ()),
            ):
                self.studio_id = device["identifiers"][0][1]
                return str(device["id"])
        raise DemoError(f"{self.home.name} has no device of {self.title}")

    async def entity(self, key: str, platform: str = "") -> str:
        """Return the entity id of one of the studio's entities; some keys are of two platforms.

        Raises:
            DemoError: There is none.

        """
        await self.device()
        for entity in await self.api.call("config/entity_registry/list"):
            if entity["unique_id"] == f"{self.studio_id}_{key}" and entity["entity_id"].startswith(
                platform
            ):
                return str(entity["entity_id"])
        raise DemoError(f"{self.home.name} has no entity {key} of {self.title}")

    async def state(self, key: str, platform: str = "") -> str | None:
        """Return the state of one of the studio's entities."""
        return await self.api.state(await self.entity(key, platform))

    async def wait_state(
        self, key: str, wanted: str, seconds: float = WAIT, *, platform: str = ""
    ) -> None:
        """Wait until one of the studio's entities shows something."""

        async def shown() -> bool:
            try:
                return await self.state(key, platform) == wanted
            except DemoError:
                return False

        await until(
            f"{self.title}'s {key} to be {wanted}",
            shown,
            seconds,
            seen=lambda: self.state(key, platform),
        )

    async def wait_connected(self, seconds: float = WAIT) -> None:
        """Wait until the studio answers Home Assistant."""
        await self.wait_state("connectivity", "on", seconds)

    async def act(self, action: str, **fields: Any) -> Json:
        """Call an action for this studio and return what it reports of it."""
        target = {"device_id": await self.device()}
        answer = await self.api.action(DOMAIN, action, fields, target=target, response=True)
        report: Json = answer["studios"][0]
        if report.get("error"):
            raise DemoError(f"{action}: {report['error']}")
        return report


class Studios:
    """What is to be controlled, and what takes its stream."""

    def __init__(self, folder: Path) -> None:
        """Prepare; nothing is started yet."""
        self.missing = missing_programs()
        self.obs = RealObs(folder / "obs", OBS_PASSWORD)
        self.receiver: Receiver = rtmp_receiver(folder, STREAM_KEY)
        self.vmix_port = free_port()
        self.vmix = Child(
            "vMix stand-in",
            [
                *(sys.executable, "-m", "tests.vmix_simulator"),
                *("--tcp-port", str(self.vmix_port), "--http-port", str(free_port())),
            ],
            folder / "vmix.log",
            {"PYTHONPATH": str(REPOSITORY)},
        )

    @property
    def has_obs(self) -> bool:
        """Whether there is a real OBS Studio on this machine."""
        return not self.missing

    @property
    def children(self) -> list[Child]:
        """Every program that was started, with its log."""
        return [self.vmix, *((self.receiver, *self.obs.children) if self.has_obs else ())]

    async def start(self) -> None:
        """Start all of them; OBS takes about ten seconds."""
        await self.vmix.start()
        if self.has_obs:
            self.obs.folder.mkdir()
            await self.receiver.start()
            await self.obs.start()

    async def add_to(self, home: HomeAssistant) -> Mapping[str, StudioEntry]:
        """Add all of them to a Home Assistant and return their entries, by "obs" and "vmix"."""
        entries = {"vmix": await StudioEntry.add_vmix(home, self.vmix_port)}
        if self.has_obs:
            entries["obs"] = obs = await StudioEntry.add_obs(home, self.obs)
            await obs.add_destination(DESTINATION, self.receiver.server, STREAM_KEY)
        return entries

    async def stop(self) -> None:
        """End all of them."""
        if self.has_obs:
            await self.obs.stop()
            await self.receiver.stop()
        await self.vmix.stop()
