"""Selects of studios: what is on air and in preview, the transition, profile and collection."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .studio.api import StudioClient
from .studio.model import Feature, Source, StudioState
from .studio_coordinator import StudioConfigEntry
from .studio_entity import StudioDescription, StudioEntity, StudioPlatform
from .studio_things import (
    MAX_STATE,
    Stage,
    Things,
    further_stages,
    having,
    main_stage,
    shortened,
    whole,
)

# The client queues what a studio cannot take at once.
PARALLEL_UPDATES = 0


_ROOM: Final = 16
"""Characters of a state that are left for numbers."""


@dataclass(frozen=True, kw_only=True)
class StudioSelectDescription[T](StudioDescription[T], SelectEntityDescription):
    """Something of which one is chosen.

    Attributes:
        choices_fn: What can be chosen: keys for the studio, with names for people.
        chosen_fn: Key of what is chosen; None if nothing is or the studio does not say.
        choose_fn: Chooses a key, and returns when the studio has confirmed that.
        open_fn: Whether anything can be chosen now.

    """

    choices_fn: Callable[[T], Mapping[str, str]]
    chosen_fn: Callable[[T], str | None]
    choose_fn: Callable[[StudioClient, T, str], Awaitable[Any]]
    open_fn: Callable[[T], bool] = lambda _: True


def labels(sources: Mapping[str, Source]) -> Mapping[str, str]:
    """Return a name for each key that tells it from all others.

    Two inputs of vMix may have the same name; their numbers tell them apart.
    """
    names = {key: shortened(source.name, MAX_STATE - _ROOM) for key, source in sources.items()}
    counts = Counter(names.values())
    taken = {name for name, count in counts.items() if count == 1}
    for key, source in sources.items():
        if counts[names[key]] > 1:
            label = names[key]
            # Somebody may have called another one like that, number and all.
            while label in counts or label in taken:
                label = f"{label} ({source.number})"
            taken.add(label)
            names[key] = label
    return names


def _named(names: Sequence[str]) -> Mapping[str, str]:
    return {name: name for name in names}


def _program(
    key: str, things: Things[Stage], *, enabled: bool = True
) -> StudioSelectDescription[Any]:
    return StudioSelectDescription[Stage](
        key="program",
        translation_key=key,
        entity_registry_enabled_default=enabled,
        things=things,
        names_fn=lambda stage: {"number": str(stage.mix.number)},
        choices_fn=lambda stage: labels(stage.state.sources),
        chosen_fn=lambda stage: stage.mix.program,
        choose_fn=lambda client, stage, source: client.set_program(source, mix=stage.mix.number),
    )


def _preview(
    key: str, things: Things[Stage], *, enabled: bool = True
) -> StudioSelectDescription[Any]:
    return StudioSelectDescription[Stage](
        key="preview",
        translation_key=key,
        entity_registry_enabled_default=enabled,
        things=things,
        names_fn=lambda stage: {"number": str(stage.mix.number)},
        choices_fn=lambda stage: labels(stage.state.sources),
        chosen_fn=lambda stage: stage.mix.preview,
        choose_fn=lambda client, stage, source: client.set_preview(source, mix=stage.mix.number),
        # Outside its studio mode, OBS has no preview.
        open_fn=lambda stage: stage.state.studio_mode is not False,
    )


def _list(
    key: str,
    feature: Feature,
    names: Callable[[StudioState], Sequence[str]],
    chosen: Callable[[StudioState], str | None],
    choose: Callable[[StudioClient, StudioState, str], Awaitable[Any]],
    category: EntityCategory | None = EntityCategory.CONFIG,
) -> StudioSelectDescription[Any]:
    return StudioSelectDescription[StudioState](
        key=key,
        translation_key=key,
        entity_category=category,
        things=having(feature, whole),
        choices_fn=lambda state: _named(names(state)),
        chosen_fn=chosen,
        choose_fn=choose,
    )


STUDIO_SELECTS: Final[tuple[StudioSelectDescription[Any], ...]] = (
    _program("program", main_stage),
    _preview("preview", main_stage),
    _program("mix_program", further_stages, enabled=False),
    _preview("mix_preview", further_stages, enabled=False),
    _list(
        "transition",
        Feature.TRANSITION_CHOICE,
        lambda state: state.transitions,
        lambda state: state.transition,
        lambda client, _, name: client.set_transition(name),
        category=None,
    ),
    _list(
        "profile",
        Feature.PROFILES,
        lambda state: state.profiles,
        lambda state: state.profile,
        lambda client, _, name: client.set_profile(name),
    ),
    _list(
        "collection",
        Feature.COLLECTIONS,
        lambda state: state.collections,
        lambda state: state.collection,
        lambda client, _, name: client.set_collection(name),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: StudioConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a studio's selects, as soon as the studio has what they choose."""
    StudioPlatform(
        entry.runtime_data,
        Platform.SELECT,
        async_add_entities,
        {StudioSelect: STUDIO_SELECTS},
    ).async_start()


class StudioSelect(StudioEntity[Any], SelectEntity):
    """Something of a studio of which one is chosen; shows names, works with keys."""

    entity_description: StudioSelectDescription[Any]

    @property
    @override
    def available(self) -> bool:
        """Whether the studio answers and lets choose now."""
        return super().available and self.entity_description.open_fn(self.thing)

    @property
    def _choices(self) -> dict[str, str]:
        """The names that can be chosen, with the keys that the studio knows."""
        if self.thing is None:
            return {}
        choices = self.entity_description.choices_fn(self.thing)
        return {shortened(name, MAX_STATE): key for key, name in choices.items()}

    @property
    @override
    def options(self) -> list[str]:
        """The names that can be chosen, in the studio's order."""
        return list(self._choices)

    @property
    @override
    def current_option(self) -> str | None:
        """The name of what is chosen; None (unknown) if the studio does not say."""
        if self.thing is None:
            return None
        chosen = self.entity_description.chosen_fn(self.thing)
        return next((name for name, key in self._choices.items() if key == chosen), None)

    @override
    def _values(self) -> Any:
        return (self.current_option, self.options)

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose it and wait until the studio has confirmed that."""
        key = self._choices[option]
        await self._async_do(
            lambda thing: self.entity_description.choose_fn(self.coordinator.client, thing, key)
        )
