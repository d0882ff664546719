"""What each action does in one studio, and what it returns of what the studio confirmed."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .studio.destination import Destination
from .studio.errors import InvalidError
from .studio.events import RecordingFinished, StudioEvent
from .studio.model import (
    AudioChannel,
    Feature,
    Output,
    OutputKind,
    Source,
    StudioKind,
    StudioState,
    VolumeUnit,
)
from .studio_coordinator import StudioCoordinator
from .studio_runs import all_done
from .studio_secrets import send_raw
from .targets import ATTR_TIMEOUT, invalid

RECORD: Final = "record"
"""Key of the recording, in OBS and in vMix."""

VOLUMES: Final[Mapping[VolumeUnit, tuple[float, float]]] = {
    VolumeUnit.DECIBEL: (-100, 26),
    VolumeUnit.PERCENT: (0, 100),
}

OVERLAY_MODES: Final[Mapping[str, bool | None]] = {"show": True, "hide": False, "toggle": None}
"""Not on and off, which YAML reads as true and false."""

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
}

# -- streams and other outputs ----------------------------------------------------------------


async def start_stream(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Start a stream, to a stored destination if one is named."""
    stream = _stream(studio, data.get("channel"))
    # Another automation must not set its destination in between.
    async with studio.starting.setdefault(stream.key, asyncio.Lock()):
        if (name := data.get("destination")) is not None:
            await studio.client.set_destination(_destination(studio, name), output=stream.key)
        return _output(studio, await _start(studio, stream.key, data))


async def stop_stream(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Stop one stream, or all of them."""
    channel = data.get("channel")
    streams = _known(studio).streams() if channel is None else [_stream(studio, channel)]
    stopped = await all_done([_stop(studio, stream.key, data) for stream in streams])
    return {"outputs": [_output(studio, output) for output in stopped]}


async def set_stream_destination(
    studio: StudioCoordinator, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Set where a stream goes, without starting it."""
    stream = _stream(studio, data.get("channel"))
    destination = _destination(studio, data["destination"])
    async with studio.starting.setdefault(stream.key, asyncio.Lock()):
        reported = await studio.client.set_destination(destination, output=stream.key)
    return {"output": stream.key, "destination": reported}


async def start_output(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Start any output."""
    return _output(studio, await _start(studio, _output_key(studio, data["output"]), data))


async def stop_output(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Stop any output."""
    return _output(studio, await _stop(studio, _output_key(studio, data["output"]), data))


# -- recording --------------------------------------------------------------------------------


async def start_recording(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Start the recording."""
    return _output(studio, await _start(studio, RECORD, data))


async def stop_recording(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Stop the recording and return its file."""
    paths: list[str | None] = []

    def listen(event: StudioEvent) -> None:
        if isinstance(event, RecordingFinished):
            paths.append(event.path)

    unsubscribe = studio.async_subscribe(listen)
    try:
        output = await _stop(studio, RECORD, data)
    finally:
        unsubscribe()
    return {**_output(studio, output), "path": paths[-1] if paths else output.path}


async def pause_recording(studio: StudioCoordinator, _data: Mapping[str, Any]) -> dict[str, Any]:
    """Pause the recording."""
    return _output(studio, await studio.client.pause_recording())


async def resume_recording(studio: StudioCoordinator, _data: Mapping[str, Any]) -> dict[str, Any]:
    """Resume the recording."""
    return _output(studio, await studio.client.resume_recording())


async def split_recording(studio: StudioCoordinator, _data: Mapping[str, Any]) -> dict[str, Any]:
    """Begin a new file."""
    await studio.client.split_recording()
    return _recording(studio)


async def add_chapter(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Set a chapter mark."""
    await studio.client.add_chapter(data.get("name"))
    return _recording(studio)


async def save_replay(studio: StudioCoordinator, _data: Mapping[str, Any]) -> dict[str, Any]:
    """Write the replay buffer to a file."""
    return {"path": await studio.client.save_replay()}


# -- picture ----------------------------------------------------------------------------------


async def switch_scene(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Put a scene on air or into preview."""
    source, mix = await _source(studio, data["scene"]), _mix(studio, data["mix"])
    if data["to"] == "preview":
        await studio.client.set_preview(source.key, mix=mix)
    else:
        await studio.client.set_program(source.key, mix=mix)
    return _on_air(studio, mix)


async def transition(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Bring preview to program."""
    mix = _mix(studio, data["mix"])
    scene = data.get("scene")
    await studio.client.transition(
        data.get("name"),
        duration_ms=data.get("duration"),
        source=None if scene is None else (await _source(studio, scene)).key,
        mix=mix,
    )
    return _on_air(studio, mix)


async def overlay(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Show or hide an overlay."""
    number, wanted = data["number"], data.get("input")
    if number not in _known(studio).overlays:
        raise invalid("studio_no_overlay", number=str(number))
    await studio.client.set_overlay(
        number,
        source=None if wanted is None else (await _source(studio, wanted)).key,
        enabled=OVERLAY_MODES[data["mode"]],
    )
    state = _known(studio)
    return {"number": number, "input": _name(state, state.overlays[number].source)}


async def set_item_visibility(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Show or hide every item of a scene that has a name."""
    scene, name = await _source(studio, data["scene"]), data["item"]
    state = _known(studio)
    ids = [
        item.item_id
        for item in state.scene_items.values()
        if item.scene == scene.key and item.name == name
    ]
    if not ids and Feature.SCENE_ITEMS in state.features:
        # Items are read all the time only if somebody wants entities of them.
        answer = await studio.client.raw("GetSceneItemList", {"sceneName": scene.name})
        ids = list(_item_ids(answer.get("sceneItems"), name))
        if not ids:
            raise InvalidError("unknown_source", "There is no such item in the scene.", name=name)
    for item_id in ids:
        await studio.client.set_item_visible(scene.key, item_id, visible=data["visible"])
    return {"scene": scene.name, "item": name, "visible": data["visible"], "items": len(ids)}


async def set_text(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Write a text source or a field of a title."""
    wanted = data["input"]
    # OBS writes texts into inputs, which stand in scenes and are none.
    source = wanted if studio.kind is StudioKind.OBS else (await _source(studio, wanted)).key
    await studio.client.set_text(source, data["text"], field=data.get("field"))
    return {"input": wanted, "field": data.get("field")}


async def screenshot(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Write a picture of the program or of a source to a file."""
    path = Path(data["filename"])
    hass = studio.hass
    if not await hass.async_add_executor_job(hass.config.is_allowed_path, str(path)):
        raise invalid("studio_path_not_allowed", path=str(path))
    picture = await studio.client.screenshot(data.get("source"), width=data.get("width"))
    suffixes = SUFFIXES.get(picture.content_type, ())
    if path.suffix.lower() not in suffixes:
        raise invalid("studio_path_suffix", suffixes=" ".join(suffixes))
    try:
        await hass.async_add_executor_job(path.write_bytes, picture.data)
    except OSError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="studio_path_not_written",
            translation_placeholders={"path": str(path), "reason": err.strerror or "?"},
        ) from err
    return {"path": str(path), "content_type": picture.content_type, "size": len(picture.data)}


# -- sound ------------------------------------------------------------------------------------


async def set_volume(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Set the volume of an audio channel."""
    channel, volume = _audio(studio, data["audio"]), data["volume"]
    minimum, maximum = VOLUMES[channel.unit]
    if not minimum <= volume <= maximum:
        raise invalid(
            "studio_volume_range",
            minimum=f"{minimum:g}",
            maximum=f"{maximum:g}",
            unit=channel.unit.value,
        )
    await studio.client.set_volume(channel.key, volume)
    return _sound(studio, channel)


async def set_mute(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Mute an audio channel or make it heard."""
    channel = _audio(studio, data["audio"])
    await studio.client.set_muted(channel.key, muted=data["muted"])
    return _sound(studio, channel)


# -- the rest ---------------------------------------------------------------------------------


async def trigger_hotkey(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Press a hotkey."""
    await studio.client.trigger_hotkey(data["hotkey"])
    return {"hotkey": data["hotkey"]}


async def obs_request(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request of obs-websocket as it is."""
    return {"answer": await send_raw(studio, data["request"], data["data"])}


async def vmix_function(studio: StudioCoordinator, data: Mapping[str, Any]) -> dict[str, Any]:
    """Call a function of vMix as it is."""
    return {"answer": await send_raw(studio, data["function"], data["data"])}


# -- finding what a name means ----------------------------------------------------------------


def _known(studio: StudioCoordinator) -> StudioState:
    """Return the state of a studio that is connected, so it has one."""
    state = studio.state
    assert state is not None  # noqa: S101
    return state


def _stream(studio: StudioCoordinator, channel: int | None) -> Output:
    streams = _known(studio).streams()
    if channel is None and streams:
        return streams[0]
    for stream in streams:
        # The only stream of OBS has no number.
        if (stream.number or 1) == channel:
            return stream
    raise invalid("studio_no_stream", channel=str(channel or 1))


def _destination(studio: StudioCoordinator, name: str) -> Destination:
    destinations = studio.destinations
    if name not in destinations:
        raise invalid("studio_unknown_destination", name=name, known=", ".join(destinations) or "–")
    return destinations[name]


def _output_key(studio: StudioCoordinator, wanted: str) -> str:
    """Return the key of an output by its key, as people write it, or by its own name."""
    outputs = _known(studio).outputs
    key = wanted.strip().lower().replace(" ", "_")
    for output in outputs.values():
        if wanted in (output.key, output.name) or key == output.key:
            return output.key
    raise InvalidError("unknown_output", f"There is no output {wanted}.", name=wanted)


async def _source(studio: StudioCoordinator, wanted: str) -> Source:
    """Return a scene or input; one that is not known yet is looked for once."""
    try:
        return _known_source(studio, wanted)
    except InvalidError:
        # Somebody may have made it a moment ago.
        await studio.client.read_sources()
        return _known_source(studio, wanted)


def _known_source(studio: StudioCoordinator, wanted: str) -> Source:
    """Return a scene or input by its key, its name or its number, in this order."""
    sources = _known(studio).sources
    if wanted in sources:
        return sources[wanted]
    named = [source for source in sources.values() if source.name == wanted]
    if len(named) > 1:
        numbers = ", ".join(str(source.number) for source in named)
        raise invalid("studio_ambiguous_name", name=wanted, numbers=numbers)
    numbered = [source for source in sources.values() if str(source.number) == wanted]
    for source in named + numbered:
        return source
    raise InvalidError("unknown_source", f"There is no scene or input {wanted}.", name=wanted)


def _mix(studio: StudioCoordinator, number: int) -> int:
    if number not in _known(studio).mixes:
        raise invalid("studio_no_mix", number=str(number))
    return number


def _audio(studio: StudioCoordinator, wanted: str) -> AudioChannel:
    audio = _known(studio).audio
    if wanted in audio:
        return audio[wanted]
    named = [channel for channel in audio.values() if channel.name == wanted]
    if not named:
        raise InvalidError("unknown_channel", f"There is no channel {wanted}.", name=wanted)
    if len(named) > 1:
        keys = ", ".join(channel.key for channel in named)
        raise invalid("studio_ambiguous_name", name=wanted, numbers=keys)
    return named[0]


def _item_ids(items: Any, name: str) -> Iterator[int]:
    """Return the ids of the items of a name in an answer of OBS, which may hold anything."""
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and item.get("sourceName") == name:
            item_id = item.get("sceneItemId")
            if isinstance(item_id, int):
                yield item_id


# -- what is returned -------------------------------------------------------------------------


async def _start(studio: StudioCoordinator, key: str, data: Mapping[str, Any]) -> Output:
    return await studio.client.start_output(key, timeout=data[ATTR_TIMEOUT])


async def _stop(studio: StudioCoordinator, key: str, data: Mapping[str, Any]) -> Output:
    return await studio.client.stop_output(key, timeout=data[ATTR_TIMEOUT])


def _output(studio: StudioCoordinator, output: Output) -> dict[str, Any]:
    found = {
        "output": output.key,
        "state": output.state.value,
        "duration": output.duration_s,
        "path": output.path,
    }
    if output.kind is OutputKind.STREAM:
        found["destination"] = _known(studio).destination.get(output.key)
    return found


def _recording(studio: StudioCoordinator) -> dict[str, Any]:
    output = _known(studio).outputs.get(RECORD)
    return {} if output is None else _output(studio, output)


def _on_air(studio: StudioCoordinator, number: int) -> dict[str, Any]:
    state = _known(studio)
    mix = state.mixes[number]
    return {
        "mix": number,
        "program": _name(state, mix.program),
        "preview": _name(state, mix.preview),
    }


def _name(state: StudioState, key: str | None) -> str | None:
    source = state.sources.get(key) if key is not None else None
    return None if source is None else source.name


def _sound(studio: StudioCoordinator, before: AudioChannel) -> dict[str, Any]:
    channel = _known(studio).audio.get(before.key, before)
    return {
        "audio": channel.name,
        "volume": channel.volume,
        "unit": channel.unit.value,
        "muted": channel.muted,
    }
