"""What diagnostics tell of a studio: kinds, states and numbers, never a name, a path or a key."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from .const import (
    CONF_AUDIO_CHANNELS,
    CONF_AUDIO_METERS,
    CONF_DESTINATIONS,
    CONF_KIND,
    CONF_POLL_INTERVAL,
    CONF_SCENE_ITEMS,
    CONF_SCENES,
)
from .studio.model import StudioState
from .studio_coordinator import StudioConfigEntry


def described_studio(entry: StudioConfigEntry) -> dict[str, Any]:
    """Return what is worth knowing of a studio and its entry; the host is still to be redacted.

    Only what is listed here is told. Scenes, files and plugins have names that people gave them,
    and older versions of OBS have no other keys for them.
    """
    coordinator = entry.runtime_data
    health = coordinator.health
    return {
        "entry": {
            "version": f"{entry.version}.{entry.minor_version}",
            "data": dict(entry.data),
            "options": {
                CONF_POLL_INTERVAL: coordinator.choice(CONF_POLL_INTERVAL),
                CONF_AUDIO_CHANNELS: len(coordinator.choice(CONF_AUDIO_CHANNELS)),
                CONF_AUDIO_METERS: coordinator.choice(CONF_AUDIO_METERS),
                CONF_SCENE_ITEMS: coordinator.choice(CONF_SCENE_ITEMS),
                CONF_SCENES: len(coordinator.choice(CONF_SCENES)),
                CONF_DESTINATIONS: [
                    destination.service for destination in coordinator.destinations.values()
                ],
            },
        },
        "studio": {
            CONF_KIND: coordinator.kind,
            "connected": coordinator.available,
            "problem": coordinator.problem,
            "health": {"band": health.band, "reasons": health.reasons},
            "state": None if (state := coordinator.state) is None else _state(state),
        },
    }


def _state(state: StudioState) -> dict[str, Any]:
    return {
        "version": asdict(state.version),
        "features": sorted(state.features),
        "outputs": [
            _without(asdict(output), "key", "name", "path") for output in _all(state.outputs)
        ],
        "sources": _counted(source.kind for source in _all(state.sources)),
        "mixes": [
            {
                "number": mix.number,
                "program": mix.program is not None,
                "preview": mix.preview is not None,
            }
            for mix in state.mixes.values()
        ],
        "overlays": [
            {
                "number": overlay.number,
                "source": overlay.source is not None,
                "preview": overlay.preview,
            }
            for overlay in state.overlays.values()
        ],
        "scene_items": _counted(
            "visible" if item.visible else "hidden" for item in state.scene_items.values()
        ),
        "audio": [_without(asdict(channel), "key", "name") for channel in _all(state.audio)],
        "transitions": len(state.transitions),
        "transition_ms": state.transition_ms,
        "studio_mode": state.studio_mode,
        "fade_to_black": state.fade_to_black,
        "profiles": len(state.profiles),
        "collections": len(state.collections),
        "preset": state.preset is not None,
        "statistics": asdict(state.statistics),
        "streams_with_destination": len(state.destination),
    }


def _all[T](parts: Mapping[str, T]) -> list[T]:
    return list(parts.values())


def _without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def _counted(kinds: Iterable[str]) -> dict[str, int]:
    return dict(Counter(kinds))
