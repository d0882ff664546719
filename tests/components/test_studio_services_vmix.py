"""The actions of studios down to a vMix: through the real client to the simulator of its API."""

import asyncio
from collections.abc import AsyncGenerator
import json
from typing import Any

import pytest

from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.studio.model import StudioKind
from homeassistant.const import CONF_HOST, CONF_PORT, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from tests.vmix_simulator import VmixSimulator, World

from .studio_world import STREAM_KEY, SUNDAY, studio_entry


@pytest.fixture
def platforms() -> list[Platform]:
    return []


class Truck:
    """A vMix in Home Assistant and the simulator behind it."""

    def __init__(self, hass: HomeAssistant, simulator: VmixSimulator, device_id: str) -> None:
        self.hass = hass
        self.simulator = simulator
        self.device_id = device_id

    async def act(self, action: str, **data: Any) -> dict[str, Any]:
        response = await self.hass.services.async_call(
            DOMAIN,
            action,
            data,
            target={"device_id": self.device_id},
            blocking=True,
            return_response=True,
        )
        assert response is not None
        studios: Any = response["studios"]
        assert len(studios) == 1
        studio: dict[str, Any] = studios[0]
        return studio

    def called(self, name: str) -> list[str]:
        lines = [line for line in self.simulator.requests if line.startswith(f"FUNCTION {name}")]
        return [line.partition(f"FUNCTION {name}")[2].strip() for line in lines]


@pytest.fixture
async def truck(
    hass: HomeAssistant, socket_enabled: None, platforms: list[Platform]
) -> AsyncGenerator[Truck]:
    async with VmixSimulator(World("28")) as simulator:
        entry = studio_entry(StudioKind.VMIX, "Truck", destinations=[SUNDAY])
        entry.add_to_hass(hass)
        hass.config_entries.async_update_entry(
            entry, data={**entry.data, CONF_HOST: "127.0.0.1", CONF_PORT: simulator.port}
        )
        assert await hass.config_entries.async_setup(entry.entry_id)
        async with asyncio.timeout(20):
            while not entry.runtime_data.available:
                await asyncio.sleep(0.01)
        yield Truck(hass, simulator, entry.runtime_data.device_id)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_stream_goes_to_a_stored_destination_and_stops(truck: Truck) -> None:
    started = await truck.act("start_stream", destination="Sunday service", channel=2)
    assert (started["output"], started["state"]) == ("stream_2", "active")
    assert truck.called("StreamingSetKey")
    assert STREAM_KEY not in json.dumps(started)

    again = await truck.act("start_stream", channel=2)
    assert again["state"] == "active"
    assert len(truck.called("StartStreaming")) == 1

    # It goes there already, so that is no change and no error.
    again = await truck.act("start_stream", destination="Sunday service", channel=2)
    assert again["state"] == "active"
    assert len(truck.called("StartStreaming")) == len(truck.called("StreamingSetKey")) == 1

    stopped = await truck.act("stop_stream")
    assert {output["state"] for output in stopped["outputs"]} == {"stopped"}


async def test_a_recording_starts_and_stops(truck: Truck) -> None:
    assert (await truck.act("start_recording"))["state"] == "active"
    assert (await truck.act("stop_recording"))["state"] == "stopped"


async def test_inputs_go_on_air_by_number_and_name(truck: Truck) -> None:
    scenes = (await truck.act("get_studio"))["scenes"]
    last = scenes[-1]

    shown = await truck.act("switch_scene", scene=last["number"])
    assert shown["program"] == last["name"]

    first = scenes[0]
    shown = await truck.act("transition", name="Fade", duration=100, scene=first["name"])
    assert shown["program"] == first["name"]


async def test_an_overlay_is_shown_and_hidden(truck: Truck) -> None:
    name = (await truck.act("get_studio"))["scenes"][0]["name"]

    assert (await truck.act("overlay", number=1, input=name))["input"] == name
    assert (await truck.act("overlay", number=1, mode="hide"))["input"] is None


async def test_sound_is_set_and_muted(truck: Truck) -> None:
    sound = await truck.act("set_volume", audio="master", volume=40)
    assert sound["volume"] == pytest.approx(40, abs=1)

    assert (await truck.act("set_mute", audio="master"))["muted"] is True
    assert (await truck.act("set_mute", audio="master", muted=False))["muted"] is False


async def test_a_title_is_written_and_no_command_hides_in_it(truck: Truck) -> None:
    title = next(scene for scene in (await truck.act("get_studio"))["scenes"] if scene["fields"])

    await truck.act(
        "set_text",
        input=title["name"],
        field=title["fields"][0],
        text="Hello\r\nFUNCTION StartRecording & more=1",
    )

    assert truck.called("SetText")
    assert not truck.called("StartRecording")


async def test_a_raw_function_is_called_and_one_with_a_key_is_not(truck: Truck) -> None:
    await truck.act("vmix_function", function="PreviewInput", data={"Input": 1})
    assert truck.called("PreviewInput")

    with pytest.raises(ServiceValidationError):
        await truck.act("vmix_function", function="StreamingSetKey", data={"Value": "0,x"})
    assert not truck.called("StreamingSetKey")


async def test_the_emergency_stop_stops_what_runs(truck: Truck) -> None:
    await truck.act("start_stream", channel=1)
    await truck.act("start_recording")

    report = await truck.act("emergency_stop", timeout=15)

    assert report["stopped"] is True
    was_on = {output["output"] for output in report["outputs"] if output["was_on"]}
    assert {"stream_1", "record"} <= was_on
    outputs = (await truck.act("get_studio"))["outputs"]
    assert {output["state"] for output in outputs} <= {"stopped", "unknown"}


async def test_what_vmix_lacks_is_refused_with_its_version(truck: Truck) -> None:
    for action in ("pause_recording", "save_replay"):
        with pytest.raises(ServiceValidationError) as raised:
            await truck.act(action)
        assert "Truck: " in str(raised.value)
        assert "28" in str(raised.value)
