"""What becomes of a request that an inbound webhook accepted.

Triggers and the event bus hear of it; then it is done in the chosen studios, or the chosen scripts
and scenes run. Nobody stands behind it: the context of all that names no user.
"""

import asyncio
from collections.abc import Callable, Mapping
import logging
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, ATTR_RESTORED, SERVICE_TURN_ON
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr

from ....const import DOMAIN
from ....emergency_stop import ATTR_ALL
from ....forms import plain
from ....happenings import Happened, Occasion, async_tell
from ....missing import async_watch_missing
from .hook import PRODUCTION_ACTIONS, STUDIO_ACTIONS, InboundHook, StudioAction
from .request import Wanted

_LOGGER = logging.getLogger(__name__)

ISSUE_MISSING: Final = "webhook_missing"

RUNNABLE: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "script": lambda told: {"variables": dict(told)},
    "scene": lambda _told: {},
}
"""What may run, by domain, and what it is given. Both are made by the user for a purpose; an
automation has conditions that this would skip, and anything else, a lock say, does one thing."""


async def async_do(hass: HomeAssistant, hook: InboundHook, wanted: Wanted, message_id: str) -> None:
    """Do what was accepted; errors go to the log, since the sender is gone."""
    context = Context()
    about = {
        "webhook": hook.name,
        "webhook_subentry_id": hook.hook_id,
        "action": wanted.action,
        "source": wanted.source,
        "message_id": message_id,
    }
    params = {"truncated": True} if wanted.large else {"params": wanted.params, "truncated": False}
    text = f"The webhook {hook.name} accepted {wanted.action}"
    async_tell(hass, Occasion(Happened.WEBHOOK_RECEIVED, None, text, {**about, **params}, context))
    if (known := STUDIO_ACTIONS.get(wanted.action)) is not None:
        await _in_studios(hass, hook, wanted, known, context)
    if chosen := hook.runs.get(wanted.action):
        told = {**about, "params": wanted.params, "phase": PRODUCTION_ACTIONS[wanted.action]}
        for entity_id in chosen:
            await _run(hass, hook, entity_id, told, context)


async def _in_studios(
    hass: HomeAssistant, hook: InboundHook, wanted: Wanted, known: StudioAction, context: Context
) -> None:
    # Each by itself: one that is gone or fails must not keep the others from acting.
    targets: list[dict[str, Any]] = [{ATTR_DEVICE_ID: [studio]} for studio in hook.studios]
    if known.of_all and not targets:
        targets = [{ATTR_ALL: True}]
    await asyncio.gather(*(_in_studio(hass, hook, wanted, each, context) for each in targets))


async def _in_studio(
    hass: HomeAssistant,
    hook: InboundHook,
    wanted: Wanted,
    target: Mapping[str, Any],
    context: Context,
) -> None:
    where = ", ".join(_name(hass, studio) for studio in target.get(ATTR_DEVICE_ID, ["all studios"]))
    try:
        await hass.services.async_call(
            DOMAIN, wanted.action, {**wanted.params, **target}, blocking=True, context=context
        )
    except HomeAssistantError as err:
        _LOGGER.error(
            "%s in %s, asked for by the webhook %s: %s", wanted.action, where, hook.name, err
        )
    except Exception:
        _LOGGER.exception(
            "%s in %s, asked for by the webhook %s, failed", wanted.action, where, hook.name
        )


def _name(hass: HomeAssistant, device_id: str) -> str:
    device = dr.async_get(hass).async_get(device_id)
    return (device and (device.name_by_user or device.name)) or device_id


async def _run(
    hass: HomeAssistant,
    hook: InboundHook,
    entity_id: str,
    told: Mapping[str, Any],
    context: Context,
) -> None:
    if not is_there(hass, entity_id):
        _LOGGER.error("%s, asked for by the webhook %s, is not there", entity_id, hook.name)
        return
    domain = entity_id.partition(".")[0]
    try:
        await hass.services.async_call(
            domain,
            SERVICE_TURN_ON,
            {ATTR_ENTITY_ID: entity_id, **RUNNABLE[domain](told)},
            blocking=True,
            context=context,
        )
    except Exception:
        # Of whatever integration the scene is; the others are to run all the same.
        _LOGGER.exception("%s, asked for by the webhook %s, failed", entity_id, hook.name)


@callback
def is_there(hass: HomeAssistant, entity_id: str) -> bool:
    """Tell whether something is a script or a scene that can run now."""
    return (
        entity_id.partition(".")[0] in RUNNABLE
        and (state := hass.states.get(entity_id)) is not None
        # What is in the registry and nowhere else: disabled, or taken out of YAML.
        and not state.attributes.get(ATTR_RESTORED)
    )


@callback
def is_gone(hass: HomeAssistant, device_id: str) -> bool:
    """Tell whether a studio was deleted or disabled, so that nothing can be done in it."""
    device = dr.async_get(hass).async_get(device_id)
    return device is None or device.disabled


@callback
def async_watch_chosen(hass: HomeAssistant, hook: InboundHook) -> CALLBACK_TYPE:
    """Show what was chosen and is not there any more, until the returned function is called."""
    chosen = sorted({entity_id for entity_ids in hook.runs.values() for entity_id in entity_ids})

    def find() -> list[str]:
        missing = [f"`{each}`" for each in chosen if not is_there(hass, each)]
        return missing + [plain(_name(hass, each)) for each in hook.studios if is_gone(hass, each)]

    return async_watch_missing(
        hass,
        ISSUE_MISSING,
        hook.hook_id,
        placeholders={"webhook": plain(hook.name)},
        entity_ids=chosen,
        find_fn=find,
    )
