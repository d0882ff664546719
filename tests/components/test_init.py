"""Setting up, unloading and removing a mesh."""

from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .conftest import FakeMeshNode


async def test_the_node_runs_while_the_entry_is_loaded(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    assert config_entry.state is ConfigEntryState.LOADED
    assert node.running

    await hass.config_entries.async_unload(config_entry.entry_id)

    assert config_entry.state is ConfigEntryState.NOT_LOADED
    assert not node.running
    assert node.subscribers == 0
