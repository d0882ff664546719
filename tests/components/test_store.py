"""Where a node's key and state are kept."""

from collections.abc import Generator
from pathlib import Path
import stat
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.infrafabric.mesh.errors import InvalidError, MeshError
from custom_components.infrafabric.store import MemoryStore, MeshStore
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError

_REAL = {name: vars(Store)[name] for name in ("_async_load", "_async_write_data", "async_remove")}
"""The methods that the test harness replaces so that tests do not write."""


@pytest.fixture
def disk(hass: HomeAssistant, tmp_path: Path) -> Generator[Path]:
    """Let stores write for real and return where."""
    with (
        patch.multiple(Store, **_REAL),
        patch.object(hass.config, "config_dir", str(tmp_path)),
    ):
        yield tmp_path / ".storage"


async def test_what_is_saved_is_on_disk_and_nobody_else_may_read_it(
    hass: HomeAssistant, disk: Path
) -> None:
    await MeshStore(hass, "mesh").save({"seed": "secret"})

    file = disk / "infrafabric.mesh"
    assert "secret" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await MeshStore(hass, "mesh").load() == {"seed": "secret"}
    assert await MeshStore(hass, "other").load() is None
    await MeshStore(hass, "mesh").remove()
    assert not file.exists()


async def test_a_failed_save_is_an_error_and_leaves_what_was_there(
    hass: HomeAssistant,
    disk: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MeshStore(hass, "mesh")
    await store.save({"seed": "secret"})

    with (
        patch(
            "homeassistant.helpers.storage.write_utf8_file_atomic",
            side_effect=WriteError("no space left on device"),
        ),
        pytest.raises(MeshError, match="no space left") as raised,
    ):
        await store.save({"seed": "half"})

    assert raised.value.code == "state_not_saved"
    assert await MeshStore(hass, "mesh").load() == {"seed": "secret"}
    await store.save({"seed": "whole"})
    assert await MeshStore(hass, "mesh").load() == {"seed": "whole"}
    caplog.clear()


@pytest.mark.parametrize("minor_version", [0, 1, 2])
async def test_an_older_or_slightly_newer_file_is_read(
    hass: HomeAssistant, hass_storage: dict[str, Any], minor_version: int
) -> None:
    hass_storage["infrafabric.mesh"] = {
        "version": 1,
        "minor_version": minor_version,
        "key": "infrafabric.mesh",
        "data": {"seed": "secret"},
    }

    assert await MeshStore(hass, "mesh").load() == {"seed": "secret"}


async def test_a_file_of_a_later_major_version_is_left_alone(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    hass_storage["infrafabric.mesh"] = {
        "version": 2,
        "minor_version": 1,
        "key": "infrafabric.mesh",
        "data": {"seed": "secret"},
    }

    with pytest.raises(InvalidError) as raised:
        await MeshStore(hass, "mesh").load()

    assert raised.value.code == "state_unreadable"
    assert hass_storage["infrafabric.mesh"]["data"] == {"seed": "secret"}


async def test_a_flow_keeps_a_mesh_in_memory_until_it_is_sure() -> None:
    store = MemoryStore()
    assert await store.load() is None

    await store.save({"seed": "secret"})

    assert await store.load() == {"seed": "secret"}
