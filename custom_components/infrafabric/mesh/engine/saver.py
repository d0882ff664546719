"""Writes a node's state: one save at a time, and no change forgotten that came meanwhile."""

import asyncio
from typing import TYPE_CHECKING

from ..tasks import TaskOwner

if TYPE_CHECKING:
    from .state import NodeState, NodeStore


class Saver:
    """Brings ``NodeState`` into its ``NodeStore``.

    Args:
        state: What is written, as it is at that moment.
        store: Where to.
        tasks: Owns the saves in the background.

    """

    def __init__(self, state: NodeState, store: NodeStore, tasks: TaskOwner) -> None:
        """Have nothing to write."""
        self._state = state
        self._store = store
        self._tasks = tasks
        self._saving = asyncio.Lock()
        self._save_waits = False
        self.unsaved = False
        """Whether something changed that is not written yet, or could not be."""

    async def save(self) -> None:
        """Write the state; durable when it returns."""
        async with self._saving:
            self._save_waits, self.unsaved = False, True
            writing = asyncio.ensure_future(self._store.save(self._state.to_json()))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                # The next one must not overtake it.
                await asyncio.wait([writing])
                raise
            self.unsaved = self._save_waits

    def save_soon(self) -> None:
        """Write the state in the background; what changes until then is written with it."""
        self.unsaved = True
        if not self._save_waits:
            self._save_waits = True
            self._tasks.run(self.save(), "save")
