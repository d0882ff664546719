"""Actions of studios: what each one takes, who may call it, and what it returns."""

from collections.abc import Mapping
from typing import Any, Final

import probatio

from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from . import emergency_stop, studio_actions as do, studio_view
from .studio.api import CONFIRM_TIMEOUT
from .studio.model import MAIN_MIX, MAX_STREAMS, StudioKind
from .studio_runs import in_each_studio
from .targets import Action, timeout_field, with_target

MAX_TEXT: Final = 10_000
"""Characters that a text source or a title takes."""
MAX_NAME: Final = 255
"""Characters of a scene, an output or whatever else is called by its name."""
MAX_MIX: Final = 16
"""Mixes that a vMix has."""
MAX_OVERLAY: Final = 8
"""Overlays that a vMix has."""
MIN_TRANSITION_MS: Final = 50
MAX_TRANSITION_MS: Final = 20_000
"""Milliseconds of a transition, as OBS has them."""
MIN_WIDTH: Final = 8
MAX_WIDTH: Final = 4096
"""Pixels of a screenshot, as OBS has them."""


def _number(low: int, high: int) -> Any:
    return probatio.All(probatio.Coerce(int), probatio.Range(min=low, max=high))


_NAME: Final = probatio.All(cv.string, probatio.Length(min=1, max=MAX_NAME))
_WAIT: Final = timeout_field(CONFIRM_TIMEOUT)
_CHANNEL: Final = {probatio.Optional("channel"): _number(1, MAX_STREAMS)}
_MIX: Final = {probatio.Optional("mix", default=MAIN_MIX): _number(MAIN_MIX, MAX_MIX)}
_OUTPUT: Final = {probatio.Required("output"): _NAME}
_RAW_DATA: Final = {probatio.Optional("data", default=dict): dict}

STUDIO_ACTIONS: Final[Mapping[str, Action]] = {
    "start_stream": Action(
        handler=in_each_studio(do.start_stream),
        schema=with_target({probatio.Optional("destination"): _NAME, **_CHANNEL, **_WAIT}),
        response=SupportsResponse.OPTIONAL,
    ),
    "stop_stream": Action(
        handler=in_each_studio(do.stop_stream),
        schema=with_target({**_CHANNEL, **_WAIT}),
        response=SupportsResponse.OPTIONAL,
    ),
    "set_stream_destination": Action(
        handler=in_each_studio(do.set_stream_destination),
        schema=with_target({probatio.Required("destination"): _NAME, **_CHANNEL}),
        response=SupportsResponse.OPTIONAL,
    ),
    "start_recording": Action(
        handler=in_each_studio(do.start_recording),
        schema=with_target(_WAIT),
        response=SupportsResponse.OPTIONAL,
    ),
    "stop_recording": Action(
        handler=in_each_studio(do.stop_recording),
        schema=with_target(_WAIT),
        response=SupportsResponse.OPTIONAL,
    ),
    "pause_recording": Action(
        handler=in_each_studio(do.pause_recording),
        schema=with_target(),
        response=SupportsResponse.OPTIONAL,
    ),
    "resume_recording": Action(
        handler=in_each_studio(do.resume_recording),
        schema=with_target(),
        response=SupportsResponse.OPTIONAL,
    ),
    "split_recording": Action(
        handler=in_each_studio(do.split_recording),
        schema=with_target(),
        response=SupportsResponse.OPTIONAL,
    ),
    "add_chapter": Action(
        handler=in_each_studio(do.add_chapter),
        schema=with_target({probatio.Optional("name"): _NAME}),
        response=SupportsResponse.OPTIONAL,
    ),
    "save_replay": Action(
        handler=in_each_studio(do.save_replay),
        schema=with_target(),
        response=SupportsResponse.OPTIONAL,
    ),
    "start_output": Action(
        handler=in_each_studio(do.start_output),
        schema=with_target({**_OUTPUT, **_WAIT}),
        response=SupportsResponse.OPTIONAL,
    ),
    "stop_output": Action(
        handler=in_each_studio(do.stop_output),
        schema=with_target({**_OUTPUT, **_WAIT}),
        response=SupportsResponse.OPTIONAL,
    ),
    "emergency_stop": Action(
        handler=emergency_stop.emergency_stop,
        schema=with_target({**emergency_stop.FIELDS, **_WAIT}, optional=True),
        response=SupportsResponse.OPTIONAL,
    ),
    "switch_scene": Action(
        handler=in_each_studio(do.switch_scene),
        schema=with_target(
            {
                probatio.Required("scene"): _NAME,
                probatio.Optional("to", default="program"): probatio.In(["program", "preview"]),
                **_MIX,
            }
        ),
        response=SupportsResponse.OPTIONAL,
    ),
    "transition": Action(
        handler=in_each_studio(do.transition),
        schema=with_target(
            {
                probatio.Optional("name"): _NAME,
                probatio.Optional("duration"): _number(MIN_TRANSITION_MS, MAX_TRANSITION_MS),
                probatio.Optional("scene"): _NAME,
                **_MIX,
            }
        ),
        response=SupportsResponse.OPTIONAL,
    ),
    "overlay": Action(
        handler=in_each_studio(do.overlay, only=StudioKind.VMIX),
        schema=with_target(
            {
                probatio.Required("number"): _number(1, MAX_OVERLAY),
                probatio.Optional("mode", default="show"): probatio.In(sorted(do.OVERLAY_MODES)),
                probatio.Optional("input"): _NAME,
            }
        ),
        response=SupportsResponse.OPTIONAL,
    ),
    "set_item_visibility": Action(
        handler=in_each_studio(do.set_item_visibility, only=StudioKind.OBS),
        schema=with_target(
            {
                probatio.Required("scene"): _NAME,
                probatio.Required("item"): _NAME,
                probatio.Required("visible"): cv.boolean,
            }
        ),
        response=SupportsResponse.OPTIONAL,
    ),
    "set_text": Action(
        handler=in_each_studio(do.set_text),
        schema=with_target(
            {
                probatio.Required("input"): _NAME,
                probatio.Optional("field"): _NAME,
                probatio.Required("text"): probatio.All(cv.string, probatio.Length(max=MAX_TEXT)),
            }
        ),
        response=SupportsResponse.OPTIONAL,
    ),
    "set_volume": Action(
        handler=in_each_studio(do.set_volume),
        schema=with_target(
            {
                probatio.Required("audio"): _NAME,
                probatio.Required("volume"): probatio.All(
                    probatio.Coerce(float), probatio.Range(min=-100, max=100)
                ),
            }
        ),
        response=SupportsResponse.OPTIONAL,
    ),
    "set_mute": Action(
        handler=in_each_studio(do.set_mute),
        schema=with_target(
            {
                probatio.Required("audio"): _NAME,
                probatio.Optional("muted", default=True): cv.boolean,
            }
        ),
        response=SupportsResponse.OPTIONAL,
    ),
    "trigger_hotkey": Action(
        handler=in_each_studio(do.trigger_hotkey, only=StudioKind.OBS),
        schema=with_target({probatio.Required("hotkey"): _NAME}),
        response=SupportsResponse.OPTIONAL,
    ),
    "screenshot": Action(
        handler=in_each_studio(do.screenshot, one=True),
        schema=with_target(
            {
                probatio.Required("filename"): cv.path,
                probatio.Optional("source"): _NAME,
                probatio.Optional("width"): _number(MIN_WIDTH, MAX_WIDTH),
            }
        ),
        response=SupportsResponse.OPTIONAL,
    ),
    "get_studio": Action(
        handler=studio_view.get_studio,
        schema=with_target(),
        response=SupportsResponse.ONLY,
    ),
    "obs_request": Action(
        handler=in_each_studio(do.obs_request, only=StudioKind.OBS),
        schema=with_target({probatio.Required("request"): _NAME, **_RAW_DATA}),
        response=SupportsResponse.OPTIONAL,
        admin=True,
    ),
    "vmix_function": Action(
        handler=in_each_studio(do.vmix_function, only=StudioKind.VMIX),
        schema=with_target({probatio.Required("function"): _NAME, **_RAW_DATA}),
        response=SupportsResponse.OPTIONAL,
        admin=True,
    ),
}
