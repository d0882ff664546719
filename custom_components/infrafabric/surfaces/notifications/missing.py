"""Shows who was chosen in a notification rule and can be told no more."""

from collections.abc import Iterable
from typing import Final

from homeassistant.core import CALLBACK_TYPE, CoreState, HomeAssistant, callback
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.start import async_at_started

from ...const import DOMAIN
from ...forms import plain
from ...issues import DOCUMENTATION
from .rules import Rule

ISSUE_NOBODY: Final = "notification_recipient_missing"


@callback
def async_watch_recipients(
    hass: HomeAssistant, rule_id: str, name: str, rule: Rule
) -> CALLBACK_TYPE:
    """Show which notify entities and phones are gone, until the returned function is called."""
    issue_id = f"{ISSUE_NOBODY}_{rule_id}"

    @callback
    def check(_why: object) -> None:
        if hass.state is not CoreState.running:
            # They come while Home Assistant starts.
            return
        missing = [f"`{each}`" for each in rule.entities if _is_entity_gone(hass, each)]
        missing += filter(None, (_gone_phone(hass, each) for each in rule.phones))
        if missing:
            _show(hass, issue_id, name, missing)
        else:
            ir.async_delete_issue(hass, DOMAIN, issue_id)

    ends = [
        async_at_started(hass, check),
        async_track_state_change_event(hass, rule.entities, check),
        hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, check),
    ]

    @callback
    def end() -> None:
        for each in ends:
            each()
        ir.async_delete_issue(hass, DOMAIN, issue_id)

    return end


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


def _show(hass: HomeAssistant, issue_id: str, name: str, missing: Iterable[str]) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        learn_more_url=f"{DOCUMENTATION}#{ISSUE_NOBODY}",
        severity=ir.IssueSeverity.WARNING,
        translation_key=ISSUE_NOBODY,
        translation_placeholders={
            "rule": plain(name),
            "missing": "\n".join(f"* {each}" for each in missing),
        },
    )
