"""The emergency stop: nothing ends it early, and nothing is said to be stopped that is not."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric import emergency_stop
from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.studio.api import StopReport
from custom_components.infrafabric.studio.errors import (
    DeadlineError,
    RefusedError,
    UnreachableError,
)
from custom_components.infrafabric.studio.model import OutputState, StudioKind
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    floor_registry as fr,
    label_registry as lr,
)

from .studio_fake import FakeStudioClient, obs_state, vmix_state
from .studio_world import STREAM_KEY, SUNDAY, add_studios, studio_clients, studio_entry

NAMES = ("Chapel", "Stage", "Truck")


@pytest.fixture
def platforms() -> list[Platform]:
    return []


class World:
    """Two OBS, Chapel and Stage, and a vMix, Truck, all of which stream and record."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self.clients = {
            "Chapel": FakeStudioClient(obs_state()),
            "Stage": FakeStudioClient(obs_state()),
            "Truck": FakeStudioClient(vmix_state()),
        }
        self.entries: dict[str, MockConfigEntry] = {
            name: studio_entry(client.kind, name, destinations=[SUNDAY])
            for name, client in self.clients.items()
        }
        self.devices: dict[str, str] = {}

    def go_on_air(self) -> None:
        for client in self.clients.values():
            stream = "stream" if client.kind is StudioKind.OBS else "stream_2"
            for key in (stream, "record"):
                client.output(key, OutputState.ACTIVE)

    async def stop(
        self, target: dict[str, Any] | None = None, *, respond: bool = True, **data: Any
    ) -> Any:
        return await self.hass.services.async_call(
            DOMAIN,
            "emergency_stop",
            data,
            target=target,
            blocking=True,
            return_response=respond,
        )

    def running(self, name: str) -> list[str]:
        outputs = self.clients[name].studio.outputs.values()
        return [output.key for output in outputs if output.state is not OutputState.STOPPED]


@pytest.fixture
async def world(hass: HomeAssistant, platforms: list[Platform]) -> AsyncGenerator[World]:
    world = World(hass)
    with studio_clients(world.clients, platforms):
        devices = await add_studios(hass, *world.entries.values())
        world.devices = dict(zip(world.entries, devices, strict=True))
        world.go_on_air()
        yield world


def by_name(response: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {studio["name"]: studio for studio in response["studios"]}


def hang(client: FakeStudioClient) -> None:
    client.gate = asyncio.Event()


async def test_every_output_of_every_studio_stops_and_is_reported(world: World) -> None:
    response = await world.stop(all=True)

    assert response["stopped"] is True
    studios = by_name(response)
    assert tuple(sorted(studios)) == NAMES
    for name in NAMES:
        assert world.running(name) == []
        assert studios[name]["stopped"] is True
        assert studios[name]["error"] is None
        assert studios[name]["device_id"] == world.devices[name]
    outputs = {output["output"]: output for output in studios["Truck"]["outputs"]}
    assert outputs.keys() == world.clients["Truck"].studio.outputs.keys()
    assert outputs["stream_2"] == {
        "output": "stream_2",
        "stopped": True,
        "was_on": True,
        "error": None,
    }
    assert outputs["stream_1"]["was_on"] is False


async def test_only_the_targeted_studios_stop(world: World) -> None:
    response = await world.stop({"device_id": world.devices["Stage"]})

    assert by_name(response).keys() == {"Stage"}
    assert world.running("Stage") == []
    assert world.running("Chapel") == ["stream", "record"]
    assert "record" in world.running("Truck")


async def test_areas_floors_and_labels_mean_the_studios_in_them(world: World) -> None:
    devices = dr.async_get(world.hass)
    areas = ar.async_get(world.hass)
    floor = fr.async_get(world.hass).async_create("Ground")
    area = areas.async_create("Hall", floor_id=floor.floor_id)
    label = lr.async_get(world.hass).async_create("Live")
    devices.async_update_device(world.devices["Stage"], area_id=area.id)
    devices.async_update_device(world.devices["Truck"], labels={label.label_id})

    for target, name in (
        ({"area_id": area.id}, "Stage"),
        ({"floor_id": floor.floor_id}, "Stage"),
        ({"label_id": label.label_id}, "Truck"),
    ):
        world.go_on_air()
        response = await world.stop(target)
        assert by_name(response).keys() == {name}
        assert world.running(name) == []
        assert "record" in world.running("Chapel")


async def test_one_that_hangs_and_one_that_fails_keep_no_other_from_stopping(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency_stop, "GRACE", -0.95)
    hang(world.clients["Chapel"])
    world.clients["Stage"].error = RefusedError("request_refused", "x", request="Stop", reason="No")

    response = await world.stop(all=True, timeout=1)

    studios = by_name(response)
    assert response["stopped"] is False
    assert {name: studio["stopped"] for name, studio in studios.items()} == {
        "Chapel": False,
        "Stage": False,
        "Truck": True,
    }
    assert world.running("Truck") == []
    assert studios["Chapel"]["error"] == "The studio did not answer in time."
    assert "No" in studios["Stage"]["error"]
    # What is known to run is listed, so that somebody can pull the plug.
    assert [output["output"] for output in studios["Chapel"]["outputs"]] == ["stream", "record"]
    assert all(not output["stopped"] for output in studios["Chapel"]["outputs"])


async def test_what_is_not_stopped_is_an_error_when_nobody_reads_the_report(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency_stop, "GRACE", -0.95)
    hang(world.clients["Chapel"])

    with pytest.raises(HomeAssistantError) as raised:
        await world.stop(respond=False, all=True, timeout=1)

    assert raised.value.translation_key == "emergency_stop_incomplete"
    text = str(raised.value)
    assert "Chapel (stream, record): The studio did not answer in time" in text
    assert "Stage" not in text
    assert world.running("Stage") == world.running("Truck") == []


async def test_without_a_report_everything_stopped_is_no_error(world: World) -> None:
    assert await world.stop(respond=False, all=True) is None


async def test_a_studio_that_is_off_is_not_said_to_be_stopped(world: World) -> None:
    world.clients["Chapel"].disconnect(UnreachableError("studio_timeout", "x"))

    chapel = by_name(await world.stop(all=True))["Chapel"]

    assert chapel["stopped"] is False
    assert "not connected" in chapel["error"]
    assert [output["output"] for output in chapel["outputs"]] == ["stream", "record"]


async def test_a_studio_that_is_not_loaded_is_not_forgotten(world: World) -> None:
    await world.hass.config_entries.async_unload(world.entries["Chapel"].entry_id)

    chapel = by_name(await world.stop(all=True))["Chapel"]

    assert chapel["stopped"] is False
    assert chapel["outputs"] == []
    assert "not set up" in chapel["error"]
    named = await world.stop({"device_id": world.devices["Chapel"]})
    assert named["stopped"] is False


async def test_a_studio_that_somebody_disabled_is_left_alone(world: World) -> None:
    await world.hass.config_entries.async_set_disabled_by(
        world.entries["Chapel"].entry_id, ConfigEntryDisabler.USER
    )

    response = await world.stop(all=True)

    assert by_name(response).keys() == {"Stage", "Truck"}
    assert response["stopped"] is True


async def test_one_output_that_does_not_stop_is_told_with_its_reason(world: World) -> None:
    reports = [
        StopReport(output="record", stopped=True, was_on=True),
        StopReport(
            output="stream",
            stopped=False,
            was_on=None,
            error=DeadlineError(
                "not_confirmed",
                f"OBS did not confirm {STREAM_KEY}.",
                output=f"stream {STREAM_KEY}",
                state="active",
            ),
        ),
    ]

    async def stop_everything(*, timeout: float) -> list[StopReport]:
        return reports

    world.clients["Stage"].stop_everything = stop_everything  # type: ignore[method-assign, assignment]

    stage = by_name(await world.stop(all=True))["Stage"]
    assert stage["stopped"] is False
    assert stage["outputs"][1] == {
        "output": "stream",
        "stopped": False,
        "was_on": None,
        "error": "The studio did not confirm in time: stream **REDACTED** is active.",
    }
    with pytest.raises(HomeAssistantError) as raised:
        await world.stop(respond=False, all=True)
    assert "Stage (stream): The studio did not confirm" in str(raised.value)
    assert STREAM_KEY not in str(raised.value)


async def test_a_bug_in_one_client_keeps_no_other_from_stopping(
    world: World, caplog: pytest.LogCaptureFixture, hass: HomeAssistant
) -> None:
    async def stop_everything(*, timeout: float) -> list[StopReport]:
        raise RuntimeError("a bug")

    world.clients["Chapel"].stop_everything = stop_everything  # type: ignore[method-assign, assignment]

    response = await world.stop(all=True)

    assert response["stopped"] is False
    assert "unexpected error" in by_name(response)["Chapel"]["error"]
    assert world.running("Stage") == world.running("Truck") == []
    assert "a bug" in caplog.text
    caplog.clear()


async def test_a_device_that_is_gone_keeps_no_studio_from_stopping(world: World) -> None:
    response = await world.stop({"device_id": ["gone", world.devices["Stage"]]})

    assert world.running("Stage") == []
    assert response["stopped"] is False
    assert by_name(response)["gone"]["stopped"] is False


async def test_a_studio_that_lists_no_output_is_not_said_to_be_stopped(world: World) -> None:
    world.clients["Stage"].replace_state(outputs={})
    report = await world.stop(all=True)
    studios = by_name(report)
    assert report["stopped"] is False
    assert studios["Stage"]["stopped"] is False
    assert studios["Stage"]["outputs"] == []
    assert "which outputs" in studios["Stage"]["error"]
    assert studios["Chapel"]["stopped"] is True


async def test_it_needs_studios(world: World) -> None:
    area = ar.async_get(world.hass).async_create("Empty")

    for target, data in (({"area_id": area.id}, {}), (None, {"all": False}), (None, {})):
        with pytest.raises(ServiceValidationError) as raised:
            await world.stop(target, **data)
        assert raised.value.translation_key == "no_studio_targeted"
    assert "stream" in world.running("Stage")


async def test_it_is_safe_to_repeat(world: World) -> None:
    await world.stop(all=True)

    response = await world.stop(all=True)

    assert response["stopped"] is True
    assert all(
        output["was_on"] is False for studio in response["studios"] for output in studio["outputs"]
    )
