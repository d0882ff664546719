"""What the tests of the entities of studios share."""

from collections.abc import Generator
from enum import Enum
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.studio.model import StudioState
from homeassistant.const import (
    ATTR_ENTITY_ID,
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    Platform,
)
from homeassistant.core import Event, EventStateReportedData, HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity

from .studio_fake import obs_state, vmix_state

STATES = {"obs": obs_state, "vmix": vmix_state}

both_studios = pytest.mark.parametrize("studio_state", ["obs", "vmix"], indirect=True)
"""Runs a test with an OBS Studio and with a vMix."""
with_vmix = pytest.mark.parametrize("studio_state", ["vmix"], indirect=True)
"""Runs a test with a vMix."""


@pytest.fixture
def studio_state(request: pytest.FixtureRequest) -> StudioState:
    """Return the studio's state at first: that of an OBS unless a test asks for a vMix."""
    return STATES[getattr(request, "param", "obs")]()


@pytest.fixture
def everything_enabled() -> Generator[None]:
    """Enable at once what is disabled at first."""
    with patch.object(Entity, "entity_registry_enabled_default", new=True):
        yield


def state_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return the state of an entity that must exist."""
    return there(hass, entity_id).state


def there(hass: HomeAssistant, entity_id: str) -> State:
    """Return an entity's whole state."""
    state = hass.states.get(entity_id)
    assert state is not None, f"{entity_id} is not among {sorted(hass.states.async_entity_ids())}"
    return state


VOLATILE = {"access_token", "entity_picture", "friendly_name"}
"""Attributes that are random, or that the entity's id says as well."""


def plain(value: Any) -> Any:
    """Return *value* without the enumeration it comes from, which is Home Assistant's affair."""
    return value.value if isinstance(value, Enum) else value


def overview(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, dict[str, Any]]:
    """Return what people and the recorder see of every entity, whether it is enabled or not."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {
        entity.entity_id: {
            "unique_id": entity.unique_id,
            "name": entity.original_name,
            "category": plain(entity.entity_category),
            "state": state.state if (state := hass.states.get(entity.entity_id)) else "(disabled)",
            **(
                {
                    str(key): plain(value)
                    for key, value in state.attributes.items()
                    if key not in VOLATILE
                }
                if state
                else {}
            ),
        }
        for entity in sorted(entities, key=lambda entity: entity.entity_id)
    }


def entity_ids(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return the ids of all entities of an entry, disabled ones too."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {entity.entity_id for entity in entities}


def disabled(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return the ids of the entities that are disabled."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {entity.entity_id for entity in entities if entity.disabled}


def written(hass: HomeAssistant) -> list[str]:
    """Return a list that gets the id of every entity that writes its state, changed or not."""
    ids: list[str] = []

    @callback
    def changed(event: Event[Any]) -> None:
        ids.append(event.data["entity_id"])

    @callback
    def reported(event: Event[EventStateReportedData]) -> None:
        ids.append(event.data["entity_id"])

    @callback
    def every(_: Any) -> bool:
        return True

    hass.bus.async_listen(EVENT_STATE_CHANGED, changed)
    hass.bus.async_listen(EVENT_STATE_REPORTED, reported, event_filter=every)
    return ids


async def do(
    hass: HomeAssistant, platform: Platform, action: str, entity_id: str, **data: Any
) -> None:
    """Do to an entity what a person or an automation does."""
    await hass.services.async_call(
        platform, action, {ATTR_ENTITY_ID: entity_id, **data}, blocking=True
    )
