"""What a genuine request asks an inbound webhook for, and whether it may."""

from dataclasses import dataclass
from typing import Any, Final

import probatio

from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads_object

from ....const import MAX_EVENT_CONTENT
from .hook import STUDIO_ACTIONS, TEXT, InboundHook

MAX_BODY: Final = 16 * 1024
"""Bytes of a request."""

MAX_DEPTH: Final = 64
"""Lists and objects inside each other in the params: Home Assistant passes them on in events and
traces, which add some of their own."""

_REQUEST: Final = probatio.Schema(
    {
        probatio.Required("action"): TEXT,
        probatio.Optional("params", default=dict): dict,
        probatio.Optional("source"): TEXT,
        probatio.Optional("timestamp"): probatio.Any(TEXT, int, float),
    }
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a genuine request asks for.

    Attributes:
        action: One that the webhook allows.
        params: JSON of ``MAX_BODY`` bytes at most.
        source: What the sender calls itself.
        large: Whether the params are too much for an event.

    """

    action: str
    params: dict[str, Any]
    source: str | None
    large: bool


def wanted_of(hook: InboundHook, body: bytes) -> Wanted | str:
    """Return what a genuine request asks for, or the code of why it gets nothing."""
    try:
        request = _REQUEST(json_loads_object(body))
        action, params = request["action"], request["params"]
        if action not in hook.actions:
            return "action_not_allowed"
        if (known := STUDIO_ACTIONS.get(action)) is not None:
            params = known.params(params)
        if not _is_flat(params):
            return "malformed"
        # As Home Assistant writes it, which may be longer.
        size = len(json_bytes(params))
    except TypeError, ValueError, probatio.Invalid:
        return "malformed"
    if size > (MAX_BODY if hook.runs.get(action) else MAX_EVENT_CONTENT):
        return "too_large"
    return Wanted(action, params, request.get("source"), size > MAX_EVENT_CONTENT)


def _is_flat(params: dict[str, Any]) -> bool:
    """Tell whether nothing is nested deeper than ``MAX_DEPTH``."""
    level: list[dict[str, Any] | list[Any]] = [params]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return not level
