"""What an inbound webhook is for: the uses there are, the actions of each, what the user chose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import re
from typing import Any, Final
import unicodedata

import probatio

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_WEBHOOK_ID

from ....studio.model import MAX_STREAMS
from ..keys import CONF_KEYS

CONF_USE: Final = "use"
CONF_ACTIONS: Final = "actions"
CONF_STUDIOS: Final = "studios"
CONF_START: Final = "start"
CONF_STOP: Final = "stop"
CONF_REACH: Final = "reach"

REACH_LOCAL: Final = "local"
"""From the local network only."""
REACH_INTERNET: Final = "internet"
"""From wherever this Home Assistant can be reached."""
REACH_CLOUD: Final = "cloud"
"""Through an address of Home Assistant Cloud."""
REACHES: Final = [REACH_LOCAL, REACH_INTERNET, REACH_CLOUD]


class Use(StrEnum):
    """What a webhook is for; its form asks for what that needs, and nothing else."""

    PRODUCTION_CONTROL = "production_control"
    STREAM_CONTROL = "stream_control"
    EMERGENCY_STOP = "emergency_stop"
    CUSTOM = "custom"


def _is_printed(text: str) -> str:
    # Log lines and titles have room for one line, and no more.
    if any(unicodedata.category(character) in _UNPRINTED for character in text):
        raise probatio.Invalid("characters that are not printed")
    return text


def _is_whole(value: object) -> int:
    # In Python, true is a number, too.
    if isinstance(value, bool) or not isinstance(value, int):
        raise probatio.Invalid("not a whole number")
    return value


_UNPRINTED: Final = {"Cc", "Zl", "Zp"}
TEXT: Final = probatio.All(str, probatio.Length(min=1, max=255), _is_printed)
"""A text of the sender: one line."""
_CHANNEL: Final = {
    probatio.Optional("channel"): probatio.All(_is_whole, probatio.Range(min=1, max=MAX_STREAMS)),
}


@dataclass(frozen=True, slots=True)
class StudioAction:
    """Something that a webhook does in studios, by the action of the same name.

    Attributes:
        params: What the sender may say.
        of_all: Whether no studio chosen means every studio.

    """

    params: probatio.Schema
    of_all: bool = False


STUDIO_ACTIONS: Final[Mapping[str, StudioAction]] = {
    "start_stream": StudioAction(probatio.Schema(_CHANNEL)),
    "stop_stream": StudioAction(probatio.Schema(_CHANNEL)),
    "start_recording": StudioAction(probatio.Schema({})),
    "stop_recording": StudioAction(probatio.Schema({})),
    "switch_scene": StudioAction(probatio.Schema({probatio.Required("scene"): TEXT})),
    "emergency_stop": StudioAction(probatio.Schema({}), of_all=True),
}
"""None of them reaches anything but studios: a webhook can unlock no door by itself."""

PRODUCTION_ACTIONS: Final[Mapping[str, str]] = {
    "start_production": CONF_START,
    "stop_production": CONF_STOP,
}
"""Each with the phase that scripts are told, and the field that has what runs then."""

ACTIONS: Final[Mapping[Use, list[str]]] = {
    Use.PRODUCTION_CONTROL: list(PRODUCTION_ACTIONS),
    Use.STREAM_CONTROL: [name for name, action in STUDIO_ACTIONS.items() if not action.of_all],
    Use.EMERGENCY_STOP: [name for name, action in STUDIO_ACTIONS.items() if action.of_all],
    Use.CUSTOM: [],
}
"""What each use may do at most; a custom one has names of the user's own."""

RESERVED: Final = frozenset(action for actions in ACTIONS.values() for action in actions)
"""Names that mean something already."""

CUSTOM_ACTION: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
"""Names of actions that an automation of the user does."""


def use_of(data: Mapping[str, Any]) -> Use:
    """Return what a webhook is for; of one that was made before uses were kept, by its actions."""
    if (kept := data.get(CONF_USE)) is not None:
        return Use(kept)
    wanted = set(data[CONF_ACTIONS])
    return next((use for use, actions in ACTIONS.items() if wanted <= set(actions)), Use.CUSTOM)


@dataclass(frozen=True, slots=True)
class InboundHook:
    """What the user chose.

    Attributes:
        hook_id: Of the subentry.
        name: What the user calls it.
        webhook_id: The secret part of the address.
        actions: What it may do.
        studios: Devices of the studios where it may do that.
        runs: Ids of the scripts and scenes that run, by action.
        reach: From where it can be called.
        keys: As ``webhooks.keys`` has them.

    """

    hook_id: str
    name: str
    webhook_id: str = field(repr=False)
    actions: frozenset[str]
    studios: tuple[str, ...]
    runs: Mapping[str, tuple[str, ...]]
    reach: str
    keys: tuple[Mapping[str, Any], ...] = field(repr=False)

    @classmethod
    def of(cls, subentry: ConfigSubentry) -> InboundHook:
        """Return the webhook of a subentry."""
        data = subentry.data
        return cls(
            hook_id=subentry.subentry_id,
            name=subentry.title,
            webhook_id=data[CONF_WEBHOOK_ID],
            actions=frozenset(data[CONF_ACTIONS]),
            studios=tuple(data[CONF_STUDIOS]),
            runs={
                action: chosen
                for action, key in PRODUCTION_ACTIONS.items()
                if (chosen := tuple(data.get(key, ())))
            },
            reach=data[CONF_REACH],
            keys=tuple(data[CONF_KEYS]),
        )
