"""Shows who was chosen in a notification rule and can be told no more."""

from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ...forms import plain
from ...missing import async_watch_missing
from .rules import Rule

ISSUE_NOBODY: Final = "notification_recipient_missing"


@callback
def async_watch_recipients(
    hass: HomeAssistant, rule_id: str, name: str, rule: Rule
) -> CALLBACK_TYPE:
    """Show which notify entities and phones are gone, until the returned function is called."""

    def find() -> list[str]:
        missing = [f"`{each}`" for each in rule.entities if _is_entity_gone(hass, each)]
        return missing + list(filter(None, (_gone_phone(hass, each) for each in rule.phones)))

    return async_watch_missing(
        hass,
        ISSUE_NOBODY,
        rule_id,
        placeholders={"rule": plain(name)},
        entity_ids=rule.entities,
        find_fn=find,
    )


def _is_entity_gone(hass: HomeAssistant, entity_id: str) -> bool:
    """Tell whether an entity is deleted, renamed or disabled; one that is away is not gone."""
    known = er.async_get(hass).async_get(entity_id)
    return hass.states.get(entity_id) is None and (known is None or known.disabled)


def _gone_phone(hass: HomeAssistant, device_id: str) -> str | None:
    """Return how to call a phone that is deleted or disabled; None if it is there."""
    device = dr.async_get(hass).async_get(device_id)
    if device is None:
        return f"`{device_id}`"
    return plain(device.name_by_user or device.name or device_id) if device.disabled else None
