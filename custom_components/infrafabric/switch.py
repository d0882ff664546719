"""Switches of studios: outputs, the pause of a recording, what is shown, and what is silent.

A switch shows what the studio says and nothing else: after "turn on" it is on when the studio has
confirmed that.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .studio.api import StudioClient
from .studio.model import (
    AudioChannel,
    Feature,
    Output,
    OutputKind,
    OutputState,
    Overlay,
    StudioState,
)
from .studio_coordinator import StudioConfigEntry
from .studio_entity import StudioDescription, StudioEntity, StudioPlatform
from .studio_things import (
    OUTPUT_FORMS,
    PlacedItem,
    Things,
    audio_channels,
    having,
    master,
    outputs,
    overlays,
    scene_items,
)

# The client queues what a studio cannot take at once; a stream that takes seconds to start must
# not hold up the switch that stops another.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class StudioSwitchDescription[T](StudioDescription[T], SwitchEntityDescription):
    """Something that is on or off.

    Attributes:
        is_on_fn: Whether it is on; None if the studio does not say.
        turn_fn: Turns it on or off, and returns when the studio has confirmed that.

    """

    is_on_fn: Callable[[T], bool | None]
    turn_fn: Callable[[StudioClient, T, bool], Awaitable[Any]]


def _turn_output(client: StudioClient, output: Output, on: bool) -> Awaitable[Any]:  # noqa: FBT001
    return client.start_output(output.key) if on else client.stop_output(output.key)


def _pause(client: StudioClient, _: Output, on: bool) -> Awaitable[Any]:  # noqa: FBT001
    return client.pause_recording() if on else client.resume_recording()


def _is_paused(output: Output) -> bool | None:
    if output.state is OutputState.UNKNOWN:
        return None
    return output.state is OutputState.PAUSED


def _is_over_the_program(overlay: Overlay) -> bool:
    return overlay.source is not None and overlay.preview is not True


def _mute(translation_key: str, things: Things[AudioChannel]) -> StudioSwitchDescription[Any]:
    return StudioSwitchDescription[AudioChannel](
        key="mute",
        translation_key=translation_key,
        things=things,
        names_fn=lambda channel: {"channel": channel.name},
        has_fn=lambda _, channel: channel.muted is not None,
        enabled_fn=lambda coordinator, part: coordinator.audio_chosen(part),
        is_on_fn=lambda channel: channel.muted,
        turn_fn=lambda client, channel, on: client.set_muted(channel.key, muted=on),
    )


STUDIO_SWITCHES: Final[tuple[StudioSwitchDescription[Any], ...]] = (
    *(
        StudioSwitchDescription[Output](
            key="output",
            translation_key=form.translation_key,
            things=form.things,
            names_fn=form.names,
            is_on_fn=lambda output: output.state.is_on,
            turn_fn=_turn_output,
        )
        for form in OUTPUT_FORMS
    ),
    StudioSwitchDescription[Output](
        key="recording_paused",
        translation_key="recording_paused",
        things=having(Feature.PAUSE, outputs(OutputKind.RECORD)),
        is_on_fn=_is_paused,
        turn_fn=_pause,
    ),
    StudioSwitchDescription[StudioState](
        key="studio_mode",
        translation_key="studio_mode",
        things=having(Feature.STUDIO_MODE),
        is_on_fn=lambda state: state.studio_mode,
        turn_fn=lambda client, _, on: client.set_studio_mode(enabled=on),
    ),
    StudioSwitchDescription[StudioState](
        key="fade_to_black",
        translation_key="fade_to_black",
        things=having(Feature.FADE_TO_BLACK),
        is_on_fn=lambda state: state.fade_to_black,
        turn_fn=lambda client, _, on: client.set_fade_to_black(enabled=on),
    ),
    StudioSwitchDescription[Overlay](
        key="overlay",
        translation_key="overlay",
        things=having(Feature.OVERLAYS, overlays),
        names_fn=lambda overlay: {"number": str(overlay.number)},
        is_on_fn=_is_over_the_program,
        turn_fn=lambda client, overlay, on: client.set_overlay(overlay.number, enabled=on),
    ),
    StudioSwitchDescription[PlacedItem](
        key="scene_item",
        translation_key="scene_item",
        things=having(Feature.SCENE_ITEMS, scene_items),
        names_fn=lambda placed: {"item": placed.item.name, "scene": placed.scene},
        is_on_fn=lambda placed: placed.item.visible,
        turn_fn=lambda client, placed, on: client.set_item_visible(
            placed.item.scene, placed.item.item_id, visible=on
        ),
    ),
    _mute("master_mute", master),
    _mute("mute", audio_channels),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: StudioConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a studio's switches, as soon as the studio has what they switch."""
    StudioPlatform(
        entry.runtime_data,
        Platform.SWITCH,
        async_add_entities,
        {StudioSwitch: STUDIO_SWITCHES},
    ).async_start()


class StudioSwitch(StudioEntity[Any], SwitchEntity):
    """Something of a studio that is on or off."""

    entity_description: StudioSwitchDescription[Any]

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether it is on; None (unknown) if the studio does not say."""
        return None if self.thing is None else self.entity_description.is_on_fn(self.thing)

    @override
    def _values(self) -> Any:
        return self.is_on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Turn it on and wait until the studio has confirmed that."""
        await self._async_turn(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Turn it off and wait until the studio has confirmed that."""
        await self._async_turn(on=False)

    async def _async_turn(self, *, on: bool) -> None:
        await self._async_do(
            lambda thing: self.entity_description.turn_fn(self.coordinator.client, thing, on)
        )
