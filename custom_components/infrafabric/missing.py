"""Repair issues about what a user chose and somebody has deleted, renamed or disabled since."""

from collections.abc import Callable, Iterable, Mapping

from homeassistant.core import CALLBACK_TYPE, CoreState, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.start import async_at_started

from .const import DOMAIN
from .issues import show_issue


@callback
def async_watch_missing(
    hass: HomeAssistant,
    code: str,
    subentry_id: str,
    *,
    placeholders: Mapping[str, str],
    entity_ids: Iterable[str],
    find_fn: Callable[[], list[str]],
) -> CALLBACK_TYPE:
    """Show what is missing, until the returned function is called.

    Args:
        hass: Home Assistant.
        code: Of the issue.
        subentry_id: Of what was set up with it.
        placeholders: Of the issue's text, without ``missing``.
        entity_ids: What was chosen among entities; devices are watched, too.
        find_fn: Returns what is missing, as Markdown.

    """
    issue_id = f"{code}_{subentry_id}"

    @callback
    def check(_why: object) -> None:
        if hass.state is not CoreState.running:
            # They come while Home Assistant starts.
            return
        if not (missing := find_fn()):
            ir.async_delete_issue(hass, DOMAIN, issue_id)
            return
        lines = "\n".join(f"* {each}" for each in missing)
        show_issue(hass, code, issue_id, {**placeholders, "missing": lines})

    ends = [
        async_at_started(hass, check),
        async_track_state_change_event(hass, entity_ids, check),
        hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, check),
    ]

    @callback
    def end() -> None:
        for each in ends:
            each()
        ir.async_delete_issue(hass, DOMAIN, issue_id)

    return end
