"""StudioCoordinator: binds one OBS Studio or vMix to Home Assistant's devices and events."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_PASSWORD, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import (
    CONF_AUDIO_CHANNELS,
    CONF_AUDIO_METERS,
    CONF_DESTINATIONS,
    CONF_HTTP_PASSWORD,
    CONF_POLL_INTERVAL,
    CONF_SCENE_ITEMS,
    CONF_SCENES,
    CONF_STUDIO_ID,
    DOMAIN,
    ITEMS_ALL,
    ITEMS_CHOSEN,
    ITEMS_NONE,
)
from .errors import without_secrets
from .studio.api import DEFAULT_POLL_INTERVAL, StudioClient
from .studio.destination import Destination
from .studio.errors import AuthenticationError, InvalidError, StudioError
from .studio.events import Connected, Disconnected, StateChanged, StudioEvent
from .studio.health import Health, HealthMonitor
from .studio.model import SceneItem, StudioKind, StudioState
from .studio.secrets import hidden_in_address

_LOGGER = logging.getLogger(__name__)

type StudioConfigEntry = ConfigEntry[StudioCoordinator]

OPTION_DEFAULTS: Final[Mapping[str, Any]] = {
    CONF_POLL_INTERVAL: DEFAULT_POLL_INTERVAL,
    CONF_AUDIO_CHANNELS: [],
    CONF_AUDIO_METERS: False,
    CONF_SCENE_ITEMS: ITEMS_NONE,
    CONF_SCENES: [],
    CONF_DESTINATIONS: [],
}

SECRETS: Final = (CONF_PASSWORD, CONF_HTTP_PASSWORD, "key", "passphrase", "stream_id", "token")
"""Where an entry has a key or a password, in its data or in a stored destination."""

MANUFACTURERS: Final[Mapping[StudioKind, str]] = {
    StudioKind.OBS: "OBS Project",
    StudioKind.VMIX: "StudioCoast",
}
MODELS: Final[Mapping[StudioKind, str]] = {
    StudioKind.OBS: "OBS Studio",
    StudioKind.VMIX: "vMix",
}

AUDIO_KEYS: Final = ("mute", "volume")
"""Keys of the entities of an audio channel that a user may want; its meter is for few."""
COMMON_CHANNELS: Final = ("master", "bus_")
"""How the keys of audio channels begin whose entities are of use to everybody."""


def stored_destinations(entry: ConfigEntry[Any]) -> dict[str, Destination]:
    """Return the destinations in an entry's options by name, keys included."""
    found: dict[str, Destination] = {}
    for values in entry.options.get(CONF_DESTINATIONS, ()):
        try:
            destination = Destination.from_mapping(values)
        except InvalidError as err:
            # One that a later version wrote must not stand in the way of the others.
            _LOGGER.warning("A stream destination of %s cannot be used: %s", entry.title, err)
        else:
            found[destination.name] = destination
    return found


def unreadable_destinations(entry: ConfigEntry[Any]) -> list[Mapping[str, Any]]:
    """Return what is stored of destinations that cannot be used, untouched, keys included.

    A later version may have written them, and may want them back.
    """
    unreadable: list[Mapping[str, Any]] = []
    for values in entry.options.get(CONF_DESTINATIONS, ()):
        try:
            Destination.from_mapping(values)
        except InvalidError:
            unreadable.append(values)
    return unreadable


class _Parts:
    """What one platform shows of a studio's parts, such as its scenes."""

    def __init__(
        self,
        parts: Callable[[StudioState], Iterable[str]],
        add: Callable[[Iterable[str]], None],
        remove: Callable[[str], None] | None,
    ) -> None:
        self._parts = parts
        self._add = add
        self._remove = remove
        self._shown: set[str] = set()

    def follow(self, state: StudioState) -> None:
        """Remove what is gone and add what is new."""
        now = list(dict.fromkeys(self._parts(state)))
        gone = self._shown.difference(now)
        new = [part for part in now if part not in self._shown]
        self._shown = set(now)
        if self._remove is not None:
            for part in gone:
                self._remove(part)
        if new:
            self._add(new)


class StudioCoordinator:
    """One studio in Home Assistant: a device, and news of it for its entities.

    It is the only subscriber of the client. The device is up to date before anybody else hears
    of a change. Nothing here polls: the client does, where a studio does not tell by itself.
    """

    def __init__(self, hass: HomeAssistant, entry: StudioConfigEntry, client: StudioClient) -> None:
        """Take a client that was not started."""
        self.hass = hass
        self.entry = entry
        self.client = client
        self.device_id = ""
        self.starting: dict[str, asyncio.Lock] = {}
        """By stream: held from setting a destination until the stream has begun."""
        self._listeners: list[Callable[[StudioEvent], None]] = []
        self._parts: list[_Parts] = []
        self._monitor = HealthMonitor()
        self._health = Health()
        self._unsubscribe: CALLBACK_TYPE | None = None
        self._described: tuple[str, str] | None = None
        self._told_lost = False
        self._problem: str | None = None
        self._audio: set[str] = set(self.choice(CONF_AUDIO_CHANNELS))

    # -- what is known ------------------------------------------------------------------------

    @property
    def kind(self) -> StudioKind:
        """Which program runs the studio."""
        return self.client.kind

    @property
    def studio_id(self) -> str:
        """What tells this studio from all others; part of every unique id."""
        studio_id: str = self.entry.data[CONF_STUDIO_ID]
        return studio_id

    @property
    def name(self) -> str:
        """What people call it."""
        return self.entry.title

    @property
    def available(self) -> bool:
        """Whether the studio answers and ``state`` is current."""
        return self.client.connected

    @property
    def state(self) -> StudioState | None:
        """What is known now, or was known last; None before the first connection."""
        return self.client.state

    @property
    def health(self) -> Health:
        """How well the stream does; unknown without one."""
        return self._health

    @property
    def problem(self) -> str | None:
        """Code of what keeps it from being connected; None if nothing does, or it is just off."""
        return self._problem

    # -- what the user chose ------------------------------------------------------------------

    def choice(self, option: str) -> Any:
        """Return an option of the entry, or what holds until somebody chooses."""
        return self.entry.options.get(option, OPTION_DEFAULTS[option])

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """The stored destinations by name; they hold keys, so they are never shown as a whole."""
        return stored_destinations(self.entry)

    @property
    def secrets(self) -> frozenset[str]:
        """Every key and password that the entry holds: nothing that leaves may contain one.

        Destinations count as they are stored, also those that cannot be used.
        """
        stored = [self.entry.data, *self.choice(CONF_DESTINATIONS)]
        found = {values.get(name) for values in stored for name in SECRETS}
        for values in stored:
            found |= hidden_in_address(values.get("server") or "")
        return frozenset(value for value in found if value)

    def audio_chosen(self, channel: str) -> bool:
        """Tell whether the entities of an audio channel are enabled from the start."""
        return channel.startswith(COMMON_CHANNELS) or channel in self.choice(CONF_AUDIO_CHANNELS)

    def scene_items(self, state: StudioState) -> Mapping[tuple[str, int], SceneItem]:
        """Return the scene items that get entities, by (scene, item id)."""
        match self.choice(CONF_SCENE_ITEMS):
            case str(mode) if mode == ITEMS_ALL:
                return state.scene_items
            case str(mode) if mode == ITEMS_CHOSEN:
                scenes = self.choice(CONF_SCENES)
                return {key: item for key, item in state.scene_items.items() if key[0] in scenes}
        return {}

    # -- life ---------------------------------------------------------------------------------

    @callback
    def async_setup_device(self) -> None:
        """Create the studio's device, whether the studio is on or not."""
        device = dr.async_get(self.hass).async_get_or_create(
            config_entry_id=self.entry.entry_id,
            identifiers={(DOMAIN, self.studio_id)},
            manufacturer=MANUFACTURERS[self.kind],
            name=self.entry.title,
        )
        self.device_id = device.id
        if device.model is None:
            # Kept from the last connection otherwise, because only the studio knows its edition.
            self._describe(MODELS[self.kind], None)

    async def async_start(self) -> None:
        """Listen to the client and let it connect; returns at once."""
        self._unsubscribe = self.client.subscribe(self._handle)
        await self.client.start()

    async def async_stop(self) -> None:
        """Stop listening, and then the client: that its connection closes now is no news.

        Home Assistant's stop may come before the unload of the entry; the second does nothing.
        """
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            await self.client.stop()

    @callback
    def async_apply_options(self) -> None:
        """Follow changed options and another title while the connection stays."""
        self.client.poll_interval = self.choice(CONF_POLL_INTERVAL)
        self.async_setup_device()
        self._follow_audio_choice()
        if self.available and (state := self.state) is not None:
            self._handle(StateChanged(state))

    # -- for entities -------------------------------------------------------------------------

    @callback
    def async_subscribe(self, listener: Callable[[StudioEvent], None]) -> CALLBACK_TYPE:
        """Deliver the client's events to *listener*, after device and entities follow them."""
        self._listeners.append(listener)

        @callback
        def unsubscribe() -> None:
            self._listeners.remove(listener)

        return unsubscribe

    @callback
    def async_add_parts_listener(
        self,
        parts: Callable[[StudioState], Iterable[str]],
        add: Callable[[Iterable[str]], None],
        remove: Callable[[str], None] | None = None,
    ) -> CALLBACK_TYPE:
        """Follow the parts of a studio, such as scenes or outputs, that come and go.

        Args:
            parts: Returns the keys of the parts that a state has.
            add: Called with the keys of new parts, now and whenever a state brings some.
            remove: Called for every part that a current state has no more.

        """
        followed = _Parts(parts, add, remove)
        self._parts.append(followed)
        if self.available and (state := self.state) is not None:
            followed.follow(state)

        @callback
        def unsubscribe() -> None:
            self._parts.remove(followed)

        return unsubscribe

    @callback
    def async_forget(self, platform: Platform, key: str, part: str) -> None:
        """Remove the entity of a part that is gone from the entity registry."""
        registry = er.async_get(self.hass)
        unique_id = f"{self.studio_id}_{key}_{part}"
        if entity_id := registry.async_get_entity_id(platform, DOMAIN, unique_id):
            registry.async_remove(entity_id)

    @callback
    def async_forget_others(self, platform: Platform, key: str, parts: Iterable[str]) -> None:
        """Remove the entities of parts that vanished while nobody watched.

        Args:
            platform: Of the entities.
            key: Their key; no other key may begin with it and an underscore.
            parts: Those that exist.

        """
        registry = er.async_get(self.hass)
        prefix = f"{self.studio_id}_{key}_"
        kept = {f"{prefix}{part}" for part in parts}
        for entity in er.async_entries_for_config_entry(registry, self.entry.entry_id):
            if (
                entity.domain == platform
                and entity.unique_id.startswith(prefix)
                and entity.unique_id not in kept
            ):
                registry.async_remove(entity.entity_id)

    # -- news ---------------------------------------------------------------------------------

    @callback
    def _handle(self, event: StudioEvent) -> None:
        """Follow one event of the client, then pass it on."""
        match event:
            case Connected(state):
                self._connected(state)
            case StateChanged(state):
                self._follow(state)
            case Disconnected(error):
                if error is not None:
                    event = Disconnected(without_secrets(error, self.secrets))
                self._disconnected(event.error)
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                # One entity's fault must not keep the event from the others.
                _LOGGER.exception("A listener failed on %s", type(event).__name__)

    def _connected(self, state: StudioState) -> None:
        self._told_lost = False
        self._problem = None
        self._monitor = HealthMonitor()
        _LOGGER.info("%s is connected", self.name)
        self._follow(state)

    def _disconnected(self, error: StudioError | None) -> None:
        self._health = Health()
        self._problem = None if error is None else error.code
        if not self._told_lost:
            # Once for each time that it is away, not for every attempt.
            self._told_lost = True
            _LOGGER.info("%s is not connected: %s", self.name, error or "it said goodbye")
        if isinstance(error, AuthenticationError):
            self.entry.async_start_reauth(self.hass)

    def _follow(self, state: StudioState) -> None:
        model = " ".join(filter(None, (MODELS[state.kind], state.version.edition)))
        self._describe(model, state.version.software)
        self._health = self._monitor.update(state, self.hass.loop.time())
        for parts in list(self._parts):
            try:
                parts.follow(state)
            except Exception:
                _LOGGER.exception("Entities could not follow the state of %s", self.name)

    def _follow_audio_choice(self) -> None:
        """Enable the entities of newly chosen audio channels, and disable those no more chosen.

        What somebody enabled or disabled by hand stays. Home Assistant adds entities that are
        enabled later about half a minute afterwards.
        """
        before, self._audio = self._audio, set(self.choice(CONF_AUDIO_CHANNELS))
        integration = er.RegistryEntryDisabler.INTEGRATION
        changes = {
            f"{self.studio_id}_{key}_{channel}": None if channel in self._audio else integration
            for channel in before ^ self._audio
            for key in AUDIO_KEYS
        }
        registry = er.async_get(self.hass)
        for entity in er.async_entries_for_config_entry(registry, self.entry.entry_id):
            if entity.unique_id in changes and entity.disabled_by in (None, integration):
                registry.async_update_entity(
                    entity.entity_id, disabled_by=changes[entity.unique_id]
                )

    def _describe(self, model: str, software: str | None) -> None:
        """Update the device; states change every second, so only when there is news."""
        described = (model, software or "")
        if described != self._described:
            self._described = described
            dr.async_get(self.hass).async_update_device(
                self.device_id, model=model, sw_version=software
            )
