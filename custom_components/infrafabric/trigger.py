"""Triggers: "when a peer disconnects", "when a stream fails", with peers or studios as targets.

What a webhook accepted has a trigger, too. It happens to no device, so that one takes no target.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, override

import probatio

from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType

from .happenings import SIGNAL, Happened, Occasion
from .mesh.messages.schema import PERFORMATIVES
from .mesh.model import Band, Path, Role
from .studio.model import MAX_STREAMS
from .targets import devices_of


def _some_of(values: list[str]) -> Any:
    return probatio.All(cv.ensure_list, [probatio.In(values)])


_BANDS: Final = _some_of([band.value for band in Band if band is not Band.UNKNOWN])
_PATHS: Final = _some_of([path.value for path in Path if path is not Path.DOWN])
_CHANNEL: Final = probatio.All(probatio.Coerce(int), probatio.Range(min=1, max=MAX_STREAMS))

FIELDS: Final[Mapping[Happened, Mapping[str, Any]]] = {
    Happened.MESSAGE_RECEIVED: {
        "performative": _some_of(sorted(PERFORMATIVES)),
        "topic": cv.string,
        "minimum_role": probatio.In([role.value for role in Role]),
    },
    Happened.PEER_CONNECTED: {},
    Happened.PEER_DISCONNECTED: {},
    Happened.LINK_QUALITY_CHANGED: {"from": _BANDS, "to": _BANDS},
    Happened.PATH_CHANGED: {"from": _PATHS, "to": _PATHS},
    Happened.STREAM_STARTED: {"channel": _CHANNEL},
    Happened.STREAM_STOPPED: {"channel": _CHANNEL},
    Happened.STREAM_FAILED: {"channel": _CHANNEL},
    Happened.RECORDING_FINISHED: {},
    Happened.WEBHOOK_RECEIVED: {"webhook": cv.string, "action": cv.string},
}
"""The options of each trigger; all of them are optional, and each narrows down what fires."""

UNTARGETED: Final = frozenset({Happened.WEBHOOK_RECEIVED})
"""What happens to no peer and no studio."""

MATCHES: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], bool]]] = {
    "action": lambda wanted, data: data["action"] == wanted,
    "channel": lambda wanted, data: data["channel"] == wanted,
    "from": lambda wanted, data: data["from"] in wanted,
    "minimum_role": lambda wanted, data: Role(data["role"]).rank >= Role(wanted).rank,
    "performative": lambda wanted, data: data["performative"] in wanted,
    "to": lambda wanted, data: data["to"] in wanted,
    "topic": lambda wanted, data: data["topic"] == wanted,
    "webhook": lambda wanted, data: wanted in (data["webhook"], data["webhook_subentry_id"]),
}


class OccasionTrigger(Trigger):
    """Fires when something happens to a targeted device, or to any without a target.

    What the target means is looked up when something happens, so that a device which moves to
    another area, or comes later, is found, and a reload of the entry changes nothing.
    """

    _what: ClassVar[Happened]

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Validate the options and the target."""
        fields = {probatio.Optional(key): check for key, check in FIELDS[cls._what].items()}
        target = (
            {} if cls._what in UNTARGETED else {probatio.Optional(CONF_TARGET): cv.TARGET_FIELDS}
        )
        schema = probatio.Schema({**target, probatio.Required(CONF_OPTIONS, default=dict): fields})
        checked: ConfigType = schema(config)
        return checked

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Keep what to wait for."""
        super().__init__(hass, config)
        self._selection = TargetSelection(config.target or {})
        self._options = config.options or {}

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Run the action at every occasion that fits, until the returned function is called."""

        @callback
        def happened(occasion: Occasion) -> None:
            if occasion.what is self._what and self._fits(occasion):
                run_action(dict(occasion.data), occasion.text, occasion.context)

        return async_dispatcher_connect(self._hass, SIGNAL, happened)

    def _fits(self, occasion: Occasion) -> bool:
        if not all(MATCHES[key](wanted, occasion.data) for key, wanted in self._options.items()):
            return False
        if not self._selection.has_any_target:
            return True
        named, meant = devices_of(self._hass, self._selection)
        return occasion.device_id in named | meant


TRIGGERS: Final[Mapping[str, type[Trigger]]] = {
    what.value: type(
        f"{what.name.title().replace('_', '')}Trigger", (OccasionTrigger,), {"_what": what}
    )
    for what in Happened
}


async def async_get_triggers(_hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by their keys."""
    return dict(TRIGGERS)
