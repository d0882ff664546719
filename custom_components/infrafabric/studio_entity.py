"""What the entities of studios share: which there are, what they show and when they write it.

A *thing* is what an entity shows or works: an output, a scene, an audio channel, or the studio as
a whole. A table of descriptions says which things a studio has; one ``StudioEntity`` is made for
each of them, as soon as the studio has it, and removed when the studio has it no more.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .entity import PushedEntity
from .errors import studio_errors
from .studio.events import Connected, Disconnected, StateChanged, StudioEvent
from .studio.model import StudioState
from .studio_coordinator import StudioCoordinator
from .studio_things import WHOLE, Things, shortened

MAX_NAME: Final = 64
"""Characters of a studio's own name within the name of an entity."""


@dataclass(frozen=True, kw_only=True)
class StudioDescription[T](EntityDescription):
    """What all entities of one sort have in common.

    Attributes:
        things: The things that there are.
        has_fn: Whether the studio says enough about a thing for an entity. Once it did, the
            entity stays as long as the thing does.
        names_fn: The studio's own names in the entity's name.
        enabled_fn: Whether the entity of a part is enabled at first; None means as
            ``entity_registry_enabled_default`` says.
        at_once_fn: What of a thing, if it changes, is never written late.

    """

    things: Things[T]
    has_fn: Callable[[StudioCoordinator, T], bool] = lambda _coordinator, _thing: True
    names_fn: Callable[[T], Mapping[str, str]] = lambda _: {}
    enabled_fn: Callable[[StudioCoordinator, str], bool] | None = None
    at_once_fn: Callable[[T], Any] = lambda _: None

    def suffix(self, part: str) -> str:
        """Return what the unique id has after the studio's id."""
        return f"{self.key}_{part}" if part else self.key


class StudioEntity[T](PushedEntity):
    """An entity of one studio; available while the studio answers and has the thing."""

    entity_description: StudioDescription[T]

    def __init__(
        self, coordinator: StudioCoordinator, description: StudioDescription[T], part: str = WHOLE
    ) -> None:
        """Take the ids from the studio, which outlive names and hosts."""
        self.coordinator = coordinator
        self.entity_description = description
        self.part = part
        self._attr_unique_id = f"{coordinator.studio_id}_{description.suffix(part)}"
        # The coordinator makes the device; entities only point at it.
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, coordinator.studio_id)})
        if description.enabled_fn is not None:
            self._attr_entity_registry_enabled_default = description.enabled_fn(coordinator, part)
        self._read_from: StudioState | None = None
        self._thing: T | None = None
        self._names: dict[str, str] = {}
        self._names = self._names_now()
        self._attr_translation_placeholders = self._names
        self._at_once: Any = None
        self._shown: Any = None

    # -- what is shown ------------------------------------------------------------------------

    @property
    def thing(self) -> T | None:
        """What the entity is about, as the studio said last; None if it is gone."""
        state = self.coordinator.state
        if state is None:
            return None
        if state is not self._read_from:
            things = self.entity_description.things(self.coordinator, state)
            self._thing = things.get(self.part)
            self._read_from = state
        return self._thing

    @property
    @override
    def available(self) -> bool:
        """Whether the studio answers and has the thing."""
        return self.coordinator.available and self.thing is not None

    def _values(self) -> Any:
        """Return everything that the state is made of, to be compared."""
        raise NotImplementedError

    def _names_now(self) -> dict[str, str]:
        thing = self.thing
        if thing is None:
            return self._names
        names = self.entity_description.names_fn(thing)
        return {key: shortened(name, MAX_NAME) for key, name in names.items()}

    async def _async_do(self, act: Callable[[T], Awaitable[Any]]) -> None:
        """Let the studio do something with the thing, and wait for its confirmation."""
        if (thing := self.thing) is not None:
            with studio_errors(self.coordinator.secrets):
                await act(thing)

    # -- when it is written -------------------------------------------------------------------

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the studio for as long as the entity exists."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_subscribe(self._async_handle_event))
        # Home Assistant writes the first state itself.
        self._written_at = self.hass.loop.time()
        self._async_look()

    @callback
    def _async_handle_event(self, event: StudioEvent) -> None:
        if isinstance(event, Connected | StateChanged | Disconnected):
            self._async_update()

    @callback
    def _async_update(self) -> None:
        """Write the state if it would be another one than the last."""
        at_once, shown = self._at_once, self._shown
        self._async_look()
        if shown != self._shown:
            self._async_write(at_once=at_once != self._at_once)

    @callback
    def _async_look(self) -> None:
        available, thing = self.available, self.thing
        names = self._names_now()
        if names != self._names:
            self._names = names
            self._attr_translation_placeholders = names
            # Home Assistant keeps a name for ever, since that of most devices never changes.
            self.__dict__.pop("name", None)
        occasion = None if thing is None else self.entity_description.at_once_fn(thing)
        self._at_once = (available, names, occasion)
        self._shown = (available, names, self._values() if available else None)


type StudioTables = Mapping[type[StudioEntity[Any]], Iterable[StudioDescription[Any]]]
"""The descriptions of the entities that a platform can have, by their class."""


class StudioPlatform:
    """The entities that one platform has for one studio.

    Args:
        coordinator: Of the studio.
        platform: Whose entities they are.
        async_add_entities: Of the platform.
        tables: What there can be.
        always: Entities that exist whatever the studio has, and before it was ever reached.

    """

    def __init__(
        self,
        coordinator: StudioCoordinator,
        platform: Platform,
        async_add_entities: AddConfigEntryEntitiesCallback,
        tables: StudioTables,
        always: Iterable[StudioEntity[Any]] = (),
    ) -> None:
        """Begin with nothing; ``async_start`` adds what there is."""
        self._coordinator = coordinator
        self._platform = platform
        self._async_add_entities = async_add_entities
        self._tables = tables
        self._always = tuple(always)
        self._known: dict[str, tuple[type[StudioEntity[Any]], StudioDescription[Any], str]] = {}
        self._tidied = False

    @callback
    def async_start(self) -> None:
        """Follow the studio until its entry is unloaded."""
        if self._always:
            self._async_add_entities(self._always)
        self._coordinator.entry.async_on_unload(
            self._coordinator.async_add_parts_listener(self._parts, self._add, self._remove)
        )

    def _parts(self, state: StudioState) -> list[str]:
        """Return the ends of the unique ids of all entities that there should be now."""
        there: set[str] = set()
        wanted: list[str] = []
        for kind, descriptions in self._tables.items():
            for description in descriptions:
                for part, thing in description.things(self._coordinator, state).items():
                    suffix = description.suffix(part)
                    there.add(suffix)
                    if suffix in self._known or description.has_fn(self._coordinator, thing):
                        self._known[suffix] = (kind, description, part)
                        wanted.append(suffix)
        if not state.sources:
            # Every studio has something to show. It has not finished loading, and what it lacks
            # now is not gone.
            return list(dict.fromkeys((*self._known, *wanted)))
        if not self._tidied:
            self._tidied = True
            self._async_forget_others(there)
        return wanted

    @callback
    def _add(self, suffixes: Iterable[str]) -> None:
        self._async_add_entities(
            kind(self._coordinator, description, part)
            for kind, description, part in (self._known[suffix] for suffix in suffixes)
        )

    @callback
    def _remove(self, suffix: str) -> None:
        del self._known[suffix]
        registry = er.async_get(self._coordinator.hass)
        unique_id = f"{self._coordinator.studio_id}_{suffix}"
        if entity_id := registry.async_get_entity_id(self._platform, DOMAIN, unique_id):
            registry.async_remove(entity_id)

    @callback
    def _async_forget_others(self, suffixes: set[str]) -> None:
        """Remove the entities of things that vanished while nobody watched."""
        coordinator = self._coordinator
        registry = er.async_get(coordinator.hass)
        there = {f"{coordinator.studio_id}_{suffix}" for suffix in suffixes}
        there.update(entity.unique_id or "" for entity in self._always)
        for entity in er.async_entries_for_config_entry(registry, coordinator.entry.entry_id):
            if entity.domain == self._platform and entity.unique_id not in there:
                registry.async_remove(entity.entity_id)
