"""The demo's world: Home, Studio and an agent in one mesh, and two studios that Studio controls."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from .agents import LOOPBACK, Agent
from .automations import add_automations
from .dashboard import save_dashboard
from .home_assistant import HomeAssistant, start_all
from .mesh import MeshEntry
from .phone import Phone, add_rule
from .processes import Child
from .studios import StudioEntry, Studios

SETTLE: Final = 60.0


class World:
    """Everything that runs, built step by step and ended in one call.

    Args:
        folder: An empty folder for configurations, states and logs.
        ports: TCP ports of Home and Studio.
        say: Told of each step in a sentence.

    """

    home: MeshEntry
    studio: MeshEntry
    phone: Phone
    """At Home; shows what people at Studio write."""
    controlled: Mapping[str, StudioEntry]
    """What Studio controls: "vmix", and "obs" where there is one."""

    def __init__(self, folder: Path, ports: tuple[int, int], say: Callable[[str], Any]) -> None:
        """Prepare folders; nothing runs yet."""
        self._say = say
        self.homes = [
            HomeAssistant(name, folder / name.lower(), port)
            for name, port in zip(("Home", "Studio"), ports, strict=True)
        ]
        self.agent = Agent("Agent", folder / "agent")
        self.studios = Studios(folder)

    async def start(self) -> None:
        """Start the studios and both Home Assistants, and go through their onboarding."""
        self._say("Starting two Home Assistants (20 s; up to two minutes the first time) …")
        async with asyncio.TaskGroup() as group:
            group.create_task(start_all(self.homes))
            group.create_task(self.studios.start())
        for home in self.homes:
            self._say(f"{home.name} is up and has its user: {home.url}")

    async def pair(self) -> None:
        """Make the mesh on Home and let Studio join it, through the dialogs."""
        home, studio = self.homes
        self.home = await MeshEntry.create(home)
        await self.home.settings()
        self._say("Home has made a mesh")
        invitation, dialog = await self.home.invite("command")
        self.studio = await MeshEntry.join(studio, invitation)
        await self.studio.stay_here()
        await dialog.progress(SETTLE)
        await dialog.choose("invite_keep")
        self._say(f"Studio has joined with an invitation of {len(invitation)} characters")

    async def add_agent(self) -> None:
        """Let an agent without Home Assistant join."""
        await self.agent.join(await self.home.invitation(), *LOOPBACK)
        await self.agent.start()
        self._say("An agent has joined")

    async def link(self) -> None:
        """Wait until everybody is linked to everybody."""
        for mesh, others in (
            (self.home, (self.studio.peer_id, self.agent.peer_id)),
            (self.studio, (self.home.peer_id, self.agent.peer_id)),
        ):
            for peer_id in others:
                await mesh.wait_connected(peer_id)
        self._say("All three are linked to each other")

    async def add_studios(self) -> None:
        """Let Studio control OBS Studio and vMix."""
        self.controlled = await self.studios.add_to(self.homes[1])
        if self.studios.has_obs:
            self._say("Studio controls a real OBS Studio, and a stand-in for vMix")
        else:
            packages = " ".join(self.studios.missing)
            self._say(f"Studio controls a stand-in for vMix; OBS Studio needs: {packages}")

    async def furnish(self) -> None:
        """Add the automations, the phone with its rule, and the dashboards."""
        await add_automations(self.home, self.studio)
        self.phone = await Phone.register(self.home.api)
        await add_rule(self.home.api, self.phone)
        for mesh in (self.home, self.studio):
            await save_dashboard(mesh)
        self._say("Automations, a phone at Home with its rule, and dashboards are in place")

    async def build(self) -> None:
        """Do all of it."""
        await self.start()
        await self.pair()
        await self.add_agent()
        await self.link()
        await self.add_studios()
        await self.furnish()

    @property
    def children(self) -> list[Child]:
        """Every process."""
        homes = (home.process for home in self.homes)
        return [self.agent.process, *homes, *self.studios.children]

    async def close(self) -> None:
        """End every process."""
        await asyncio.gather(self.agent.stop(), *(home.stop() for home in self.homes))
        # Last, so that no Home Assistant logs that one is gone.
        await self.studios.stop()
