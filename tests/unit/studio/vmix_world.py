"""A client of the simulated vMix, and what tests ask of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from infrafabric.studio.events import StudioEvent
from infrafabric.studio.vmix import VmixClient
from tests.vmix_simulator import VmixSimulator, World

from .waiting import until


class Studio:
    """A simulator, a client of it, and all that the client told."""

    def __init__(self, simulator: VmixSimulator, client: VmixClient) -> None:
        self.simulator = simulator
        self.world = simulator.world
        self.faults = simulator.faults
        self.client = client
        self.events: list[StudioEvent] = []
        client.subscribe(self.events.append)

    def told[T](self, kind: type[T]) -> list[T]:
        """Return the events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def functions(self) -> list[str]:
        """The functions that were called, by name."""
        return [line.split()[1] for line in self.simulator.requests if line.startswith("FUNCTION")]

    async def ready(self) -> None:
        """Wait until the client knows everything."""
        await until(lambda: self.client.connected)


@asynccontextmanager
async def studio(
    release: str = "28", *, poll_interval: float = 60, **options: Any
) -> AsyncIterator[Studio]:
    """Give a connected client; it reads by itself only what vMix tells it to."""
    async with VmixSimulator(World(release)) as simulator:
        client = VmixClient("127.0.0.1", simulator.port, poll_interval=poll_interval, **options)
        found = Studio(simulator, client)
        try:
            await client.start()
            await found.ready()
            yield found
            assert simulator.overlaps == 0, "the client did not wait for an answer"
        finally:
            await client.stop()
