"""Buttons of studios: what is done once and has no state of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription

from .studio.api import StudioClient
from .studio.model import Feature, OutputKind, StudioState
from .studio_entity import StudioDescription, StudioEntity
from .studio_things import having


@dataclass(frozen=True, kw_only=True)
class StudioButtonDescription(StudioDescription[StudioState], ButtonEntityDescription):
    """Something that a studio does once.

    Attributes:
        press_fn: Does it, and returns when the studio has confirmed that.
        idle_fn: Tells whether the studio is known to be in a state where it must fail.

    """

    press_fn: Callable[[StudioClient, StudioState], Awaitable[Any]]
    idle_fn: Callable[[StudioState], bool]


def _button(
    key: str,
    feature: Feature,
    press_fn: Callable[[StudioClient, StudioState], Awaitable[Any]],
    idle_fn: Callable[[StudioState], bool] = lambda _: False,
) -> StudioButtonDescription:
    return StudioButtonDescription(
        key=key,
        translation_key=key,
        things=having(feature),
        press_fn=press_fn,
        idle_fn=idle_fn,
    )


def _no_preview(state: StudioState) -> bool:
    return state.studio_mode is False


def _stopped(kind: OutputKind) -> Callable[[StudioState], bool]:
    """Return what tells whether every output of a kind is known to be off."""

    def check(state: StudioState) -> bool:
        found = [output for output in state.outputs.values() if output.kind is kind]
        return bool(found) and all(output.state.is_on is False for output in found)

    return check


STUDIO_BUTTONS: Final = (
    _button("cut", Feature.CUT, lambda client, _: client.transition("Cut"), _no_preview),
    _button("fade", Feature.FADE, lambda client, _: client.transition("Fade"), _no_preview),
    _button("transition", Feature.TRANSITION, lambda client, _: client.transition(), _no_preview),
    _button(
        # The key on vMix's own desk: there and back.
        "fade_to_black",
        Feature.FADE_TO_BLACK,
        lambda client, state: client.set_fade_to_black(enabled=not state.fade_to_black),
    ),
    _button(
        "save_replay",
        Feature.SAVE_REPLAY,
        lambda client, _: client.save_replay(),
        _stopped(OutputKind.REPLAY_BUFFER),
    ),
    _button(
        "chapter",
        Feature.CHAPTER,
        lambda client, _: client.add_chapter(),
        _stopped(OutputKind.RECORD),
    ),
    _button(
        "split_recording",
        Feature.SPLIT,
        lambda client, _: client.split_recording(),
        _stopped(OutputKind.RECORD),
    ),
)


class StudioButton(StudioEntity[StudioState], ButtonEntity):
    """Something that a studio does once."""

    entity_description: StudioButtonDescription

    @property
    @override
    def available(self) -> bool:
        """Whether the studio answers, can do it, and is not known to be unable to just now."""
        return (
            super().available
            and self.thing is not None
            and not self.entity_description.idle_fn(self.thing)
        )

    @override
    def _values(self) -> Any:
        """Return nothing: the state is the time of the last press."""

    @override
    async def async_press(self) -> None:
        """Do it and wait until the studio has confirmed that."""
        await self._async_do(
            lambda state: self.entity_description.press_fn(self.coordinator.client, state)
        )
