"""What the action ``get_studio`` tells: everything that other actions call by its name."""

import logging
from typing import Any

from homeassistant.core import ServiceCall, ServiceResponse

from .studio.errors import StudioError
from .studio.model import Feature, StudioState
from .studio_coordinator import StudioCoordinator
from .studio_runs import all_done, studio_response, targeted_studios
from .studio_secrets import scrub

_LOGGER = logging.getLogger(__name__)


async def get_studio(call: ServiceCall) -> ServiceResponse:
    """Return what each targeted studio has; one that is off has nothing but its destinations."""
    return {"studios": await all_done(_view(studio) for studio in targeted_studios(call))}


async def _view(studio: StudioCoordinator) -> dict[str, Any]:
    state = studio.state if studio.available else None
    return scrub(
        {
            **studio_response(studio),
            "kind": studio.kind.value,
            "connected": state is not None,
            "destinations": [
                {"name": name, "address": destination.public()}
                for name, destination in studio.destinations.items()
            ],
            **({} if state is None else await _content(studio, state)),
        },
        studio.secrets,
    )


async def _content(studio: StudioCoordinator, state: StudioState) -> dict[str, Any]:
    names = {key: source.name for key, source in state.sources.items()}
    return {
        "version": state.version.software,
        "features": sorted(feature.value for feature in state.features),
        "outputs": [
            {
                "output": output.key,
                "name": output.name,
                "state": output.state.value,
                "duration": output.duration_s,
                "path": output.path,
                "destination": state.destination.get(output.key),
            }
            for output in state.outputs.values()
        ],
        "scenes": [
            {
                "number": source.number,
                "name": source.name,
                "key": source.key,
                "kind": source.kind,
                "fields": list(source.fields),
            }
            for source in state.sources.values()
        ],
        "mixes": [
            {
                "mix": mix.number,
                "program": names.get(mix.program or ""),
                "preview": names.get(mix.preview or ""),
            }
            for mix in state.mixes.values()
        ],
        "overlays": [
            {"number": overlay.number, "input": names.get(overlay.source or "")}
            for overlay in state.overlays.values()
        ],
        "audio": [
            {
                "name": channel.name,
                "key": channel.key,
                "volume": channel.volume,
                "unit": channel.unit.value,
                "muted": channel.muted,
            }
            for channel in state.audio.values()
        ],
        "transitions": list(state.transitions),
        "transition": state.transition,
        "hotkeys": await _hotkeys(studio, state),
    }


async def _hotkeys(studio: StudioCoordinator, state: StudioState) -> list[str] | None:
    if Feature.HOTKEYS not in state.features:
        return []
    try:
        return list(await studio.client.hotkeys())
    except StudioError as err:
        # Everything else about the studio is worth having without them.
        _LOGGER.debug("The hotkeys of %s are not known: %s", studio.name, err.code)
        return None
