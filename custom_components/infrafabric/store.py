"""Where a mesh node keeps its key and its state: Home Assistant's private storage."""

from typing import Any, Final, override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError

from .const import DOMAIN
from .mesh.errors import InvalidError, MeshError

STORAGE_VERSION: Final = 1
STORAGE_MINOR_VERSION: Final = 1


class _NodeStorage(Store[dict[str, Any]]):
    """The file of one node; it remembers why it could not be written.

    ``Store`` only logs that, but a node must not hand out a membership, or reuse a sequence
    number, because the disk was full.
    """

    failure: WriteError | None = None

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        self.failure = None
        try:
            await super()._async_write_data(data)
        except WriteError as err:
            self.failure = err
            raise

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: dict[str, Any]
    ) -> dict[str, Any]:
        """Bring an older file up to date.

        Only older minor versions exist so far; a newer major version never gets here, because
        ``Store`` refuses it by itself.
        """
        return old_data


class MeshStore:
    """``NodeStore`` of one mesh, in ``.storage/infrafabric.<mesh id>``.

    Private (0600) because the node's key is in it, atomic because half a key is none. The mesh
    id names the file, so that a node that joined is found again even if Home Assistant stopped
    before its config entry was written.
    """

    def __init__(self, hass: HomeAssistant, mesh_id: str) -> None:
        """Name the file; nothing is read yet."""
        self._storage = _NodeStorage(
            hass,
            STORAGE_VERSION,
            f"{DOMAIN}.{mesh_id}",
            private=True,
            atomic_writes=True,
            minor_version=STORAGE_MINOR_VERSION,
        )

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None.

        Raises:
            InvalidError: ``state_unreadable``: a later version wrote it.

        """
        try:
            return await self._storage.async_load()
        except UnsupportedStorageVersionError as err:
            raise InvalidError("state_unreadable", str(err)) from err

    async def save(self, data: dict[str, Any]) -> None:
        """Write *data*; it is on disk when this returns.

        While Home Assistant stops, it is written with everything else at the very end.

        Raises:
            MeshError: ``state_not_saved``.

        """
        await self._storage.async_save(data)
        if (failure := self._storage.failure) is not None:
            raise MeshError(
                "state_not_saved", f"The state of this node could not be saved: {failure}"
            ) from failure

    async def remove(self) -> None:
        """Delete the file, and the key with it."""
        await self._storage.async_remove()


class MemoryStore:
    """``NodeStore`` of a config flow: a mesh that is still being made or joined."""

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        """Begin with a copy of somebody's *data*, or with nothing."""
        self.data = data

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None."""
        return self.data

    async def save(self, data: dict[str, Any]) -> None:
        """Keep *data*."""
        self.data = data
