"""The emergency stop: every output of many studios at once, with a report of each."""

import asyncio
from collections.abc import Iterator
import logging
from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv, device_registry as dr

from .const import CONF_KIND, DOMAIN, KIND_OBS, KIND_VMIX
from .errors import studio_error, studio_errors
from .studio.api import StopReport
from .studio.model import OutputState
from .studio_coordinator import StudioCoordinator
from .studio_runs import all_done, studio_response, text_of
from .studio_secrets import scrub
from .targets import ATTR_TIMEOUT, invalid, targeted_devices

_LOGGER = logging.getLogger(__name__)

ATTR_ALL: Final = "all"

GRACE: Final = 2.0
"""Seconds that a client gets beyond the timeout before it counts as hanging."""

FIELDS: Final[dict[Any, Any]] = {probatio.Optional(ATTR_ALL, default=False): cv.boolean}


async def emergency_stop(call: ServiceCall) -> ServiceResponse:
    """Stop every output of the targeted studios, whatever some of them do.

    Nothing ends it early: a studio that hangs, fails or is not there is in the report like the
    others. Without a response, anything that is not confirmed is an error.

    Raises:
        ServiceValidationError: No studio is targeted.
        HomeAssistantError: Nobody asked for the report, and not everything is stopped.

    """
    entries, strangers = _targeted(call)
    if not entries and not strangers:
        raise invalid("no_studio_targeted")
    studios = await all_done(_stop(call, entry) for entry in entries)
    studios += [_stranger(call.hass, device_id) for device_id in strangers]
    stopped = all(studio["stopped"] for studio in studios)
    if not stopped and not call.return_response:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="emergency_stop_incomplete",
            translation_placeholders={"remaining": " ".join(_remaining(studios))},
        )
    return {"stopped": stopped, "studios": [*studios]}


def _targeted(call: ServiceCall) -> tuple[list[ConfigEntry[Any]], list[str]]:
    """Return the entries of the targeted studios, and the named devices that are none.

    Entries that are not loaded count, since their studios may well be on air; those that somebody
    disabled do not.
    """
    studios = {
        entry.entry_id: entry
        for entry in call.hass.config_entries.async_entries(DOMAIN, include_disabled=False)
        if entry.data.get(CONF_KIND) in (KIND_OBS, KIND_VMIX)
    }
    named, meant = targeted_devices(call)
    found: set[str] = set(studios) if call.data[ATTR_ALL] else set()
    strangers: list[str] = []
    for device_id in sorted(named | meant):
        device = dr.async_get(call.hass).async_get(device_id)
        if device is not None and device.config_entry_id in studios:
            found.add(device.config_entry_id)
        elif device_id in named:
            strangers.append(device_id)
    return [entry for entry_id, entry in studios.items() if entry_id in found], strangers


def _stranger(hass: HomeAssistant, device_id: str) -> dict[str, Any]:
    """Report a device that is no studio: a mistake that must not keep others from stopping."""
    device = dr.async_get(hass).async_get(device_id)
    name = (device.name_by_user or device.name) if device is not None else None
    error = text_of(hass, invalid("not_a_studio"))
    return {ATTR_DEVICE_ID: device_id, "name": name or device_id, **_nothing(error)}


async def _stop(call: ServiceCall, entry: ConfigEntry[Any]) -> dict[str, Any]:
    """Stop one studio and report; raises nothing that a studio can cause."""
    if entry.state is not ConfigEntryState.LOADED:
        error = text_of(call.hass, invalid("studio_not_loaded"))
        return {ATTR_DEVICE_ID: None, "name": entry.title, **_nothing(error)}
    studio: StudioCoordinator = entry.runtime_data
    timeout: float = call.data[ATTR_TIMEOUT]
    secrets = studio.secrets
    try:
        with studio_errors(secrets):
            async with asyncio.timeout(timeout + GRACE):
                reports = await studio.client.stop_everything(timeout=timeout)
    except TimeoutError:
        found = _nothing(text_of(call.hass, invalid("studio_hangs")), studio)
    except HomeAssistantError as err:
        found = _nothing(text_of(call.hass, err), studio)
    except Exception:
        _LOGGER.exception("The emergency stop of %s failed", studio.name)
        found = _nothing(text_of(call.hass, invalid("studio_unexpected")), studio)
    else:
        if not reports:
            # Every studio has outputs. One that lists none has not said yet what runs.
            unknown = _nothing(text_of(call.hass, invalid("studio_outputs_unknown")), studio)
            return {**studio_response(studio), **scrub(unknown, secrets)}
        found = {
            "stopped": all(report.stopped for report in reports),
            "error": None,
            "outputs": [_output(call.hass, report, secrets) for report in reports],
        }
    return {**studio_response(studio), **scrub(found, secrets)}


def _output(hass: HomeAssistant, report: StopReport, secrets: frozenset[str]) -> dict[str, Any]:
    error = None if report.error is None else text_of(hass, studio_error(report.error, secrets))
    return {
        "output": report.output,
        "stopped": report.stopped,
        "was_on": report.was_on,
        "error": error,
    }


def _nothing(error: str, studio: StudioCoordinator | None = None) -> dict[str, Any]:
    """Return the report of a studio that confirmed nothing.

    What it is known to run is listed, so that somebody can go and pull the plug.
    """
    state = studio.state if studio is not None else None
    return {
        "stopped": False,
        "error": error,
        "outputs": [
            {
                "output": output.key,
                "stopped": False,
                "was_on": output.state.is_on,
                "error": None,
            }
            for output in (state.outputs.values() if state is not None else ())
            if output.state is not OutputState.STOPPED
        ],
    }


def _remaining(studios: list[dict[str, Any]]) -> Iterator[str]:
    """Return what is not known to be stopped, studio by studio."""
    for studio in studios:
        if not studio["stopped"]:
            left = [output for output in studio["outputs"] if not output["stopped"]]
            keys = ", ".join(output["output"] for output in left)
            reasons = [studio["error"], *(output["error"] for output in left)]
            reason = next(filter(None, reasons), "")
            yield f"{studio['name']}{keys and f' ({keys})'}: {reason}"
