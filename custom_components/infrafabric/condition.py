"""Conditions: whether a peer is connected, how its link is, whether a studio is on air."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Unpack, override

import probatio

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    Condition,
    ConditionCheckParams,
    ConditionConfig,
)
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.typing import ConfigType

from .const import DOMAIN
from .hub import MeshHub
from .mesh.model import Band, PeerView
from .studio.model import OutputKind, OutputState
from .studio_coordinator import StudioCoordinator
from .targets import devices_of

_BEHAVIOR: Final = {
    probatio.Required(ATTR_BEHAVIOR, default=BEHAVIOR_ANY): probatio.In(
        [BEHAVIOR_ANY, BEHAVIOR_ALL]
    )
}
_BANDS: Final = [band.value for band in Band if band is not Band.UNKNOWN]


class DeviceCondition(Condition):
    """Passes if any, or all, of the targeted devices that are of the right kind pass a test."""

    _fields: ClassVar[Mapping[Any, Any]] = {}

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Validate the options and the target."""
        schema = probatio.Schema(
            {
                probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
                probatio.Required(CONF_OPTIONS, default=dict): {**_BEHAVIOR, **cls._fields},
            }
        )
        checked: ConfigType = schema(config)
        return checked

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Keep what to test."""
        super().__init__(hass, config)
        self._selection = TargetSelection(config.target or {})
        self._options = config.options or {}

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        """Test what the target means now; nothing at all never passes."""
        results = [
            result
            for owner, device_id in self._owners()
            if (result := self._test(owner, device_id)) is not None
        ]
        judge = all if self._options[ATTR_BEHAVIOR] == BEHAVIOR_ALL else any
        return bool(results) and judge(results)

    @abstractmethod
    def _test(self, owner: MeshHub | StudioCoordinator, device_id: str) -> bool | None:
        """Test one device; None if it is not of the right kind."""

    def _owners(self) -> Iterator[tuple[MeshHub | StudioCoordinator, str]]:
        """Return what runs behind each targeted device of this integration, and the device."""
        registry = dr.async_get(self._hass)
        named, meant = devices_of(self._hass, self._selection)
        for device_id in named | meant:
            device = registry.async_get(device_id)
            entry = device and self._hass.config_entries.async_get_entry(device.config_entry_id)
            if entry and entry.domain == DOMAIN and entry.state is ConfigEntryState.LOADED:
                yield entry.runtime_data, device_id


class PeerCondition(DeviceCondition):
    """A condition of peers."""

    @override
    def _test(self, owner: MeshHub | StudioCoordinator, device_id: str) -> bool | None:
        """Test the peer that the device stands for."""
        if not isinstance(owner, MeshHub):
            return None
        peer = owner.peers.get(owner.peer_id_of_device(device_id) or "")
        return None if peer is None else self._passes(peer)

    @abstractmethod
    def _passes(self, peer: PeerView) -> bool:
        """Test one peer."""


class PeerIsConnected(PeerCondition):
    """Whether there is a link to the peer."""

    @override
    def _passes(self, peer: PeerView) -> bool:
        """Look at the link."""
        return peer.connected


class LinkQualityIs(PeerCondition):
    """Whether the link's quality is one of some bands; without a link it is none of them."""

    _fields: ClassVar[Mapping[Any, Any]] = {
        probatio.Required("quality"): probatio.All(cv.ensure_list, [probatio.In(_BANDS)])
    }

    @override
    def _passes(self, peer: PeerView) -> bool:
        """Look at the band."""
        return peer.connected and peer.quality.band.value in self._options["quality"]


class OutputCondition(DeviceCondition):
    """A condition of studios: whether an output of a kind is in one of some states."""

    _kind: ClassVar[OutputKind]
    _states: ClassVar[frozenset[OutputState]]

    @override
    def _test(self, owner: MeshHub | StudioCoordinator, device_id: str) -> bool | None:
        """Look at the outputs; a studio that is away has none in any state."""
        if not isinstance(owner, StudioCoordinator):
            return None
        state = owner.state if owner.available else None
        return state is not None and any(
            output.kind is self._kind and output.state in self._states
            for output in state.outputs.values()
        )


class IsStreaming(OutputCondition):
    """Whether a stream is on air, or is coming back after its connection broke."""

    _kind = OutputKind.STREAM
    _states = frozenset({OutputState.ACTIVE, OutputState.RECONNECTING})


class IsRecording(OutputCondition):
    """Whether a recording is being written now; a paused one is not."""

    _kind = OutputKind.RECORD
    _states = frozenset({OutputState.ACTIVE})


CONDITIONS: Final[Mapping[str, type[Condition]]] = {
    "peer_is_connected": PeerIsConnected,
    "link_quality_is": LinkQualityIs,
    "is_streaming": IsStreaming,
    "is_recording": IsRecording,
}


async def async_get_conditions(_hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by their keys."""
    return dict(CONDITIONS)
