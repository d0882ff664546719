"""What all actions share: how one is described and registered, and what its target means."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.service import (
    async_get_device_and_config_entry,
    async_register_admin_service,
)
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.helpers.typing import VolSchemaType

from .const import DOMAIN

ATTR_TIMEOUT: Final = "timeout"

MAX_TIMEOUT: Final = 300
"""Seconds; an automation that waits longer is stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action: what it takes, who may call it, and what it does."""

    handler: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]
    schema: VolSchemaType
    response: SupportsResponse = SupportsResponse.NONE
    admin: bool = False


@callback
def async_register_actions(hass: HomeAssistant, actions: Mapping[str, Action]) -> None:
    """Register actions; they outlive every entry, so that automations stay valid."""
    for name, action in actions.items():
        if action.admin:
            async_register_admin_service(
                hass, DOMAIN, name, action.handler, action.schema, action.response
            )
        else:
            hass.services.async_register(
                DOMAIN, name, action.handler, action.schema, action.response
            )


def timeout_field(default: float) -> dict[Any, Any]:
    """Return the field for how long to wait."""
    return {
        probatio.Optional(ATTR_TIMEOUT, default=default): probatio.All(
            probatio.Coerce(float), probatio.Range(min=1, max=MAX_TIMEOUT)
        )
    }


def with_target(
    fields: Mapping[Any, Any] | None = None, *, optional: bool = False
) -> VolSchemaType:
    """Return the schema of an action with a target.

    Args:
        fields: What it takes besides.
        optional: Whether a field may say instead what is meant.

    """
    schema = probatio.Schema({**cv.TARGET_SERVICE_FIELDS, **(fields or {})})
    if optional:
        return probatio.All(schema)
    return probatio.All(schema, cv.has_at_least_one_key(*cv.ENTITY_SERVICE_FIELDS))


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the translated error for what the caller should not have asked."""
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


def targeted_devices(call: ServiceCall) -> tuple[set[str], set[str]]:
    """Return the devices that a call names, and those its areas, labels and entities mean."""
    return devices_of(call.hass, TargetSelection(call.data))


def devices_of(hass: HomeAssistant, selection: TargetSelection) -> tuple[set[str], set[str]]:
    """Return the devices that a target names, and those its areas, labels and entities mean."""
    found = async_extract_referenced_entity_ids(hass, selection)
    registry = er.async_get(hass)
    entity_ids = found.referenced | {
        entity.entity_id
        for label_id in selection.label_ids
        for entity in er.async_entries_for_label(registry, label_id)
    }
    of_entities = {
        entity.device_id
        for entity_id in entity_ids
        if (entity := registry.async_get(entity_id)) and entity.device_id
    }
    return selection.device_ids, (found.referenced_devices | of_entities) - selection.device_ids


def targeted_entries(call: ServiceCall) -> Iterator[tuple[ConfigEntry[Any], str, bool]]:
    """Return the loaded entry of each targeted device, the device, and whether the call names it.

    Raises:
        ServiceValidationError: A named device belongs to no loaded entry.

    """
    named, meant = targeted_devices(call)
    for device_id in sorted(named | meant):
        try:
            _device, entry = async_get_device_and_config_entry(
                call.hass, DOMAIN, device_id, include_child_devices=False
            )
        except ServiceValidationError:
            if device_id in named:
                raise
            # An area holds all kinds of devices; the others are not spoken to.
            continue
        yield entry, device_id, device_id in named
