"""Buttons of studios: what is done once and has no state of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription

from .studio.api import StudioClient
from .studio.model import Feature, StudioState
from .studio_entity import StudioDescription, StudioEntity
from .studio_things import having


@dataclass(frozen=True, kw_only=True)
class StudioButtonDescription(StudioDescription[StudioState], ButtonEntityDescription):
    """Something that a studio does once; ``press_fn`` returns when it has confirmed that."""

    press_fn: Callable[[StudioClient, StudioState], Awaitable[Any]]


def _button(
    key: str, feature: Feature, press_fn: Callable[[StudioClient, StudioState], Awaitable[Any]]
) -> StudioButtonDescription:
    return StudioButtonDescription(
        key=key, translation_key=key, things=having(feature), press_fn=press_fn
    )


STUDIO_BUTTONS: Final = (
    _button("cut", Feature.CUT, lambda client, _: client.transition("Cut")),
    _button("fade", Feature.FADE, lambda client, _: client.transition("Fade")),
    _button("transition", Feature.TRANSITION, lambda client, _: client.transition()),
    _button(
        # The key on vMix's own desk: there and back.
        "fade_to_black",
        Feature.FADE_TO_BLACK,
        lambda client, state: client.set_fade_to_black(enabled=not state.fade_to_black),
    ),
    _button("save_replay", Feature.SAVE_REPLAY, lambda client, _: client.save_replay()),
    _button("chapter", Feature.CHAPTER, lambda client, _: client.add_chapter()),
    _button("split_recording", Feature.SPLIT, lambda client, _: client.split_recording()),
)


class StudioButton(StudioEntity[StudioState], ButtonEntity):
    """Something that a studio does once."""

    entity_description: StudioButtonDescription

    @override
    def _values(self) -> Any:
        """Return nothing: the state is the time of the last press."""

    @override
    async def async_press(self) -> None:
        """Do it and wait until the studio has confirmed that."""
        await self._async_do(
            lambda state: self.entity_description.press_fn(self.coordinator.client, state)
        )
