"""Every shipped blueprint, filled in as a user would: it is triggered, and its effect is there."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from datetime import timedelta
import logging
from pathlib import Path
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockUser,
    async_fire_time_changed,
    async_mock_service,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker
import yaml

from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.mesh.model import Band, Quality
from custom_components.infrafabric.studio.api import StopReport
from custom_components.infrafabric.studio.errors import UnreachableError
from custom_components.infrafabric.studio.model import OutputState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, Platform
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import loader

from .conftest import GARAGE, MESH_ID, OBS_ID, STUDIO, FakeMeshNode
from .notification_world import PUSH_URL, add_phone
from .studio_fake import FakeStudioClient

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
ALL = sorted(path.relative_to(BLUEPRINTS) for path in BLUEPRINTS.rglob("*.yaml"))
NAMES = {path.stem for path in ALL if path.parts[0] == "automation"}
PHASE_ERROR = "The phase is start or stop."
AUTOMATION_LOGGERS = (
    "homeassistant.components.automation",
    "homeassistant.components.blueprint",
    "homeassistant.components.script",
    "homeassistant.helpers",
)

type Use = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.BINARY_SENSOR, Platform.SENSOR]


@pytest.fixture(autouse=True)
def _phones_are_mocked(aioclient_mock: AiohttpClientMocker) -> None:
    """Mock the client session before anything takes one."""


@pytest.fixture
async def use(
    hass: HomeAssistant,
    tmp_path: Path,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    caplog: pytest.LogCaptureFixture,
) -> AsyncGenerator[Use]:
    """Return what makes an automation of a blueprint, as the user interface does."""
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints")
    hass.config.config_dir = str(tmp_path)
    assert await async_setup_component(hass, "homeassistant", {})

    async def start(name: str, **inputs: Any) -> None:
        path = f"infrafabric/{name}.yaml"
        assert await async_setup_component(
            hass,
            "automation",
            {
                "automation": {
                    "alias": "Under test",
                    "use_blueprint": {"path": path, "input": inputs},
                }
            },
        )
        await hass.async_block_till_done()
        state = hass.states.get("automation.under_test")
        assert state is not None
        assert state.state == "on"

    yield start

    # Neither loading nor running one may give a warning.
    warnings = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.WARNING and record.name.startswith(AUTOMATION_LOGGERS)
    ]
    assert [text for text in warnings if PHASE_ERROR not in text] == []


async def settle() -> None:
    """Let everything run that can, but not wait for automations that wait."""
    for _ in range(200):
        await asyncio.sleep(0)


def calls_of(hass: HomeAssistant, *actions: str) -> dict[str, list[Any]]:
    """Return the calls of each action, made in the test's place."""
    return {action: async_mock_service(hass, *action.split(".")) for action in actions}


def targets(calls: list[Any]) -> list[Any]:
    return [call.data.get("entity_id") for call in calls]


def device_id(hass: HomeAssistant, identifier: str) -> str:
    for entry in hass.config_entries.async_entries(DOMAIN):
        device = dr.async_get(hass).async_get_device_by_identifier(
            (DOMAIN, identifier), entry.entry_id
        )
        if device is not None:
            return device.id
    raise AssertionError(identifier)


@pytest.fixture
def stage(hass: HomeAssistant, init_studio: FakeStudioClient) -> dict[str, Any]:
    """Return the target of the studio, which is off air."""
    for key in ("stream", "record"):
        init_studio.output(key, OutputState.STOPPED)
    return {"device_id": device_id(hass, OBS_ID)}


@pytest.fixture
def peer(hass: HomeAssistant, node: FakeMeshNode) -> dict[str, Any]:
    """Return the target of a peer, which is connected."""
    node.connect_peer(STUDIO.peer_id)
    return {"device_id": device_id(hass, f"{MESH_ID}_{STUDIO.peer_id}")}


def connectivity(hass: HomeAssistant, identifier: str) -> str:
    """Return the entity id of a device's connectivity sensor."""
    registry = er.async_get(hass)
    return next(
        entity.entity_id
        for entity in er.async_entries_for_device(registry, device_id(hass, identifier))
        if entity.original_device_class == "connectivity"
    )


# -- on air -----------------------------------------------------------------------------------


async def test_the_on_air_light_goes_on_and_the_director_is_told(
    hass: HomeAssistant, use: Use, init_studio: FakeStudioClient, stage: dict[str, Any]
) -> None:
    calls = calls_of(hass, "homeassistant.turn_on", "notify.send_message")
    await use(
        "on_air_on",
        studios=stage,
        on_air={"entity_id": "light.on_air"},
        people=["notify.director"],
    )
    assert targets(calls["homeassistant.turn_on"]) == []

    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()

    assert targets(calls["homeassistant.turn_on"]) == [["light.on_air"]]
    [told] = calls["notify.send_message"]
    assert told.data["entity_id"] == ["notify.director"]
    assert told.data["message"] == "Stage is on air."


@pytest.mark.parametrize("streams", [True, False])
async def test_the_on_air_light_is_right_after_home_assistant_was_restarted_in_a_show(
    hass: HomeAssistant,
    use: Use,
    init_studio: FakeStudioClient,
    stage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
    streams: bool,
) -> None:
    calls = calls_of(hass, "homeassistant.turn_on", "notify.send_message")
    if streams:
        init_studio.output("stream", OutputState.ACTIVE)
    hass.set_state(CoreState.starting)
    await use(
        "on_air_on",
        studios=stage,
        on_air={"entity_id": "light.on_air"},
        people=["notify.director"],
    )
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    hass.set_state(CoreState.running)
    await settle()
    freezer.tick(21)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()

    assert targets(calls["homeassistant.turn_on"]) == [["light.on_air"]] * streams
    # Who was told when the stream began is not told again.
    assert calls["notify.send_message"] == []


async def test_the_on_air_light_goes_off_with_the_last_stream_and_the_duration_is_told(
    hass: HomeAssistant, use: Use, init_studio: FakeStudioClient, stage: dict[str, Any]
) -> None:
    calls = calls_of(hass, "homeassistant.turn_off", "notify.send_message")
    init_studio.output("stream", OutputState.ACTIVE)
    await use(
        "on_air_off",
        studios=stage,
        on_air={"entity_id": "light.on_air"},
        people=["notify.director"],
    )

    init_studio.output("stream", OutputState.STOPPED, duration_s=3661.4)
    await hass.async_block_till_done()

    assert targets(calls["homeassistant.turn_off"]) == [["light.on_air"]]
    [told] = calls["notify.send_message"]
    assert told.data["message"] == "The stream of Stage ended after 1:01:01."


async def test_a_stream_that_failed_is_called_that(
    hass: HomeAssistant, use: Use, init_studio: FakeStudioClient, stage: dict[str, Any]
) -> None:
    calls = calls_of(hass, "homeassistant.turn_off", "notify.send_message")
    init_studio.output("stream", OutputState.RECONNECTING)
    await use("on_air_off", studios=stage, on_air={"entity_id": "light.x"}, people=["notify.d"])

    init_studio.output("stream", OutputState.STOPPED, asked=False, duration_s=None)
    await hass.async_block_till_done()

    assert calls["notify.send_message"][0].data["message"] == "The stream of Stage failed."


# -- productions ------------------------------------------------------------------------------


PRODUCTION = ("light.turn_on", "light.turn_off", "lock.lock", "lock.unlock", "lock.open")
CLIMATE = ("homeassistant.turn_on", "homeassistant.turn_off", "climate.set_temperature")


async def test_a_production_is_set_up(hass: HomeAssistant, use: Use) -> None:
    calls = calls_of(hass, *PRODUCTION, *CLIMATE)
    await use(
        "production_start",
        start=[{"trigger": "event", "event_type": "start_the_show"}],
        lights={"area_id": "studio"},
        doors={"entity_id": "lock.studio"},
        on_air={"entity_id": "switch.on_air"},
        climate={"entity_id": "climate.studio"},
    )

    hass.bus.async_fire("start_the_show")
    await hass.async_block_till_done()

    [light] = calls["light.turn_on"]
    assert (light.data["brightness"], light.data["color_temp_kelvin"]) == (255, 5500)
    assert targets(calls["lock.lock"]) == [["lock.studio"]]
    assert targets(calls["homeassistant.turn_on"]) == [["switch.on_air"]]
    assert calls["climate.set_temperature"][0].data["temperature"] == 22


async def test_what_is_not_filled_in_is_left_alone(hass: HomeAssistant, use: Use) -> None:
    calls = calls_of(hass, *PRODUCTION, *CLIMATE)
    await use("production_start", start=[{"trigger": "event", "event_type": "start_the_show"}])
    hass.bus.async_fire("start_the_show")
    await hass.async_block_till_done()

    assert not any(calls.values())


async def test_a_production_is_torn_down_but_not_while_on_air(
    hass: HomeAssistant, use: Use, init_studio: FakeStudioClient, stage: dict[str, Any]
) -> None:
    calls = calls_of(hass, *PRODUCTION, *CLIMATE)
    init_studio.output("stream", OutputState.ACTIVE)
    await use(
        "production_stop",
        start=[{"trigger": "event", "event_type": "end_the_show"}],
        studios=stage,
        lights={"area_id": "studio"},
        on_air={"entity_id": "switch.on_air"},
        climate={"entity_id": "climate.studio"},
    )
    hass.bus.async_fire("end_the_show")
    await hass.async_block_till_done()
    assert not any(calls.values())

    init_studio.output("stream", OutputState.STOPPED)
    hass.bus.async_fire("end_the_show")
    await hass.async_block_till_done()

    assert len(calls["light.turn_off"]) == 1
    assert targets(calls["homeassistant.turn_off"]) == [["switch.on_air"]]
    assert calls["climate.set_temperature"][0].data["temperature"] == 19
    assert calls["lock.unlock"] == calls["lock.open"] == []


@pytest.mark.parametrize("phase", ["start", "stop", "intermission"])
async def test_the_production_script_does_both_and_refuses_anything_else(
    hass: HomeAssistant, use: Use, caplog: pytest.LogCaptureFixture, phase: str
) -> None:
    calls = calls_of(hass, *PRODUCTION, *CLIMATE, "scene.turn_on")
    assert await async_setup_component(
        hass,
        "script",
        {
            "script": {
                "production": {
                    "use_blueprint": {
                        "path": "infrafabric/production.yaml",
                        "input": {
                            "lights": {"area_id": "studio"},
                            "doors": {"entity_id": "lock.studio"},
                            "on_air": {"entity_id": "switch.on_air"},
                            "climate": {"entity_id": "climate.studio"},
                            "start_scenes": ["scene.show"],
                            "stop_scenes": ["scene.night"],
                        },
                    }
                }
            }
        },
    )
    if phase == "intermission":
        await hass.services.async_call("script", "production", {"phase": phase}, blocking=True)
        assert PHASE_ERROR in caplog.text
        assert not any(calls.values())
        return

    await hass.services.async_call("script", "production", {"phase": phase}, blocking=True)

    start = phase == "start"
    assert len(calls["lock.lock"]) == len(calls["light.turn_on"]) == start
    assert len(calls["light.turn_off"]) == (not start)
    assert calls["climate.set_temperature"][0].data["temperature"] == (22 if start else 19)
    assert targets(calls["scene.turn_on"]) == [["scene.show" if start else "scene.night"]]
    assert calls["lock.unlock"] == calls["lock.open"] == []


# -- peers ------------------------------------------------------------------------------------


async def test_connections_are_written_into_the_logbook(
    hass: HomeAssistant, use: Use, node: FakeMeshNode, peer: dict[str, Any]
) -> None:
    calls = calls_of(hass, "logbook.log")
    await use("log_peers", peers=peer)

    node.disconnect_peer(STUDIO.peer_id, "peer_silent")
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    assert [(call.data["name"], call.data["message"]) for call in calls["logbook.log"]] == [
        ("Studio", "is disconnected: peer_silent"),
        ("Studio", "is connected"),
    ]


async def test_the_text_says_who_is_online_and_who_is_away(
    hass: HomeAssistant, use: Use, node: FakeMeshNode, peer: dict[str, Any]
) -> None:
    node.add_peer(GARAGE, "Garage")
    await hass.async_block_till_done()
    assert await async_setup_component(hass, "input_text", {"input_text": {"mesh": None}})
    sensors = [connectivity(hass, f"{MESH_ID}_{identity.peer_id}") for identity in (STUDIO, GARAGE)]
    await use("mesh_status", connections=sensors, text="input_text.mesh")

    node.connect_peer(GARAGE.peer_id)
    await hass.async_block_till_done()
    assert (text := hass.states.get("input_text.mesh"))
    assert text.state == "2 of 2 online"

    node.disconnect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert (text := hass.states.get("input_text.mesh"))
    assert text.state == "1 of 2 online; away: Studio"


async def test_the_health_check_dials_who_is_away_and_tells_who_stays_away(
    hass: HomeAssistant,
    use: Use,
    node: FakeMeshNode,
    peer: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    calls = calls_of(hass, "infrafabric.reconnect_peer", "notify.send_message")
    node.add_peer(GARAGE, "Garage")
    node.connect_peer(GARAGE.peer_id)
    await settle()
    identifiers = [f"{MESH_ID}_{identity.peer_id}" for identity in (GARAGE, STUDIO)]
    sensors = [connectivity(hass, identifier) for identifier in identifiers]
    await use("health_check", connections=sensors, people=["notify.admin"])
    hour = dt_util.utcnow().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)

    # Connected: nothing to do.
    freezer.move_to(hour)
    async_fire_time_changed(hass)
    await settle()
    assert calls["infrafabric.reconnect_peer"] == []

    freezer.move_to(hour + timedelta(minutes=30))
    for identity in (GARAGE, STUDIO):
        node.disconnect_peer(identity.peer_id)
    await settle()
    freezer.move_to(hour + timedelta(hours=1))
    async_fire_time_changed(hass)
    await settle()
    # One by one, so that one that fails does not keep the next from being dialled.
    assert [call.data["device_id"] for call in calls["infrafabric.reconnect_peer"]] == [
        device_id(hass, identifier) for identifier in identifiers
    ]
    assert calls["notify.send_message"] == []

    freezer.move_to(hour + timedelta(hours=1, minutes=2, seconds=1))
    async_fire_time_changed(hass)
    await settle()
    [told] = calls["notify.send_message"]
    assert told.data["message"] == "Garage, Studio could not be reached."


async def test_the_daily_report_says_what_it_found(
    hass: HomeAssistant,
    use: Use,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    peer: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    calls = calls_of(hass, "notify.send_message")
    await hass.async_block_till_done()
    sensors = [connectivity(hass, f"{MESH_ID}_{STUDIO.peer_id}"), connectivity(hass, OBS_ID)]
    await use(
        "daily_report",
        connections=sensors,
        problems=["binary_sensor.gone_problem"],
        people=["notify.admin"],
    )

    async def report() -> str:
        calls["notify.send_message"].clear()
        at = dt_util.now().replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
        freezer.move_to(at)
        async_fire_time_changed(hass)
        await hass.async_block_till_done()
        [told] = calls["notify.send_message"]
        text: str = told.data["message"]
        return text.strip()

    # A sensor that is not there is not a sensor that says all is well.
    assert await report() == "1 could not be read."

    # Whether a stream is healthy is unknown while there is none.
    hass.states.async_set("binary_sensor.gone_problem", "unknown")
    assert await report() == "All 2 are connected, and nothing reports a problem."

    hass.states.async_set("binary_sensor.gone_problem", "off")
    assert await report() == "All 2 are connected, and nothing reports a problem."

    node.disconnect_peer(STUDIO.peer_id)
    hass.states.async_set("binary_sensor.gone_problem", "unavailable")
    await hass.async_block_till_done()
    assert await report() == "Away: Studio. 1 could not be read."


# -- phones -----------------------------------------------------------------------------------


@pytest.fixture
async def phone(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, hass_admin_user: MockUser
) -> tuple[str, str]:
    """Return the device of a phone with the companion app, and the person who carries it."""
    # Before the phone, which would set it up without anybody.
    assert await async_setup_component(
        hass,
        "person",
        {"person": [{"id": "1", "name": "Admin", "user_id": hass_admin_user.id}]},
    )
    return await add_phone(hass, aioclient_mock, hass_admin_user), "person.admin"


def pushed(aioclient_mock: AiohttpClientMocker) -> list[dict[str, Any]]:
    return [call[2] for call in aioclient_mock.mock_calls if str(call[1]) == PUSH_URL]


async def press(hass: HomeAssistant, action: str, user_id: str | None) -> None:
    hass.bus.async_fire(
        "mobile_app_notification_action", {"action": action}, context=Context(user_id=user_id)
    )
    await settle()


BAD = Quality(rtt_ms=212.4, jitter_ms=9.0, loss_percent=7.2, score=30.0, band=Band.POOR)


async def test_a_bad_link_alerts_the_phone_and_its_button_dials_again_once(
    hass: HomeAssistant,
    use: Use,
    node: FakeMeshNode,
    peer: dict[str, Any],
    phone: tuple[str, str],
    hass_admin_user: MockUser,
    hass_read_only_user: MockUser,
    aioclient_mock: AiohttpClientMocker,
) -> None:
    calls = calls_of(hass, "infrafabric.reconnect_peer", "light.turn_on", "system_log.write")
    await use(
        "quality_alert",
        peers=peer,
        phone=phone[0],
        persons=[phone[1]],
        lights={"entity_id": "light.desk"},
    )

    node.change_peer(STUDIO.peer_id, quality=BAD)
    await settle()

    [push] = pushed(aioclient_mock)
    assert push["message"] == "The link to Studio is poor (212 ms, 7 % lost)."
    assert push["data"]["tag"] == "infrafabric_quality"
    restart, mute = (action["action"] for action in push["data"]["actions"])
    assert restart.startswith("RESTART_PEER_")
    assert mute.startswith("MUTE_")
    assert calls["light.turn_on"][0].data["flash"] == "short"
    assert calls["system_log.write"][0].data["level"] == "warning"

    await press(hass, "RESTART_PEER_", hass_admin_user.id)
    assert calls["infrafabric.reconnect_peer"] == []
    await press(hass, restart, hass_admin_user.id)
    assert calls["infrafabric.reconnect_peer"][0].data["device_id"] == peer["device_id"]
    await press(hass, restart, hass_admin_user.id)
    assert len(calls["infrafabric.reconnect_peer"]) == 1


async def test_a_button_that_somebody_else_presses_does_nothing(
    hass: HomeAssistant,
    use: Use,
    node: FakeMeshNode,
    peer: dict[str, Any],
    phone: tuple[str, str],
    hass_admin_user: MockUser,
    hass_read_only_user: MockUser,
    aioclient_mock: AiohttpClientMocker,
) -> None:
    calls = calls_of(hass, "infrafabric.reconnect_peer", "system_log.write")
    await use("quality_alert", peers=peer, phone=phone[0], persons=[phone[1]])
    node.change_peer(STUDIO.peer_id, quality=BAD)
    await settle()
    restart = pushed(aioclient_mock)[0]["data"]["actions"][0]["action"]

    await press(hass, restart, hass_read_only_user.id)
    await press(hass, restart, None)
    # The first press used it up, whoever it was.
    await press(hass, restart, hass_admin_user.id)

    assert calls["infrafabric.reconnect_peer"] == []


async def test_a_stream_is_stopped_from_the_phone_and_the_result_comes_back(
    hass: HomeAssistant,
    use: Use,
    init_studio: FakeStudioClient,
    stage: dict[str, Any],
    phone: tuple[str, str],
    hass_admin_user: MockUser,
    aioclient_mock: AiohttpClientMocker,
) -> None:
    await use("notification_actions", studios=stage, phone=phone[0], persons=[phone[1]])
    init_studio.output("stream", OutputState.ACTIVE)
    await settle()
    [push] = pushed(aioclient_mock)
    [button] = push["data"]["actions"]
    assert button["action"].startswith("STOP_STREAM_")
    assert button["authenticationRequired"] is True

    await press(hass, button["action"], hass_admin_user.id)

    assert init_studio.studio.outputs["stream"].state is OutputState.STOPPED
    assert pushed(aioclient_mock)[-1]["message"] == "Stage confirmed: the stream is stopped."


async def test_the_button_of_a_stream_that_is_over_does_nothing(
    hass: HomeAssistant,
    use: Use,
    init_studio: FakeStudioClient,
    stage: dict[str, Any],
    phone: tuple[str, str],
    hass_admin_user: MockUser,
    aioclient_mock: AiohttpClientMocker,
) -> None:
    await use("notification_actions", studios=stage, phone=phone[0], persons=[phone[1]])
    init_studio.output("stream", OutputState.ACTIVE)
    await settle()
    old = pushed(aioclient_mock)[0]["data"]["actions"][0]["action"]
    init_studio.output("stream", OutputState.STOPPED)
    await settle()
    init_studio.output("stream", OutputState.ACTIVE)
    await settle()

    await press(hass, old, hass_admin_user.id)

    assert init_studio.studio.outputs["stream"].state is OutputState.ACTIVE


# -- scenes -----------------------------------------------------------------------------------


async def test_a_scene_lasts_as_long_as_the_stream(
    hass: HomeAssistant, use: Use, init_studio: FakeStudioClient, stage: dict[str, Any]
) -> None:
    calls = calls_of(hass, "scene.turn_on")
    await use("streaming_scene", studios=stage, scene="scene.show", after=["scene.normal"])

    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()
    init_studio.output("stream", OutputState.STOPPED)
    await hass.async_block_till_done()

    assert targets(calls["scene.turn_on"]) == [["scene.show"], ["scene.normal"]]


async def test_a_scene_lasts_as_long_as_the_recording(
    hass: HomeAssistant, use: Use, init_studio: FakeStudioClient, stage: dict[str, Any]
) -> None:
    calls = calls_of(hass, "scene.turn_on")
    await hass.async_block_till_done()
    registry = er.async_get(hass)
    [sensor] = [
        entity.entity_id
        for entity in er.async_entries_for_device(registry, stage["device_id"])
        if entity.domain == "sensor"
        and entity.original_device_class == "enum"
        and "record" in entity.unique_id
    ]
    await use("recording_scene", recording=sensor, scene="scene.show", after=["scene.normal"])

    init_studio.output("record", OutputState.ACTIVE)
    await hass.async_block_till_done()
    init_studio.output("record", OutputState.PAUSED)
    init_studio.output("record", OutputState.ACTIVE)
    await hass.async_block_till_done()
    init_studio.output("record", OutputState.STOPPED)
    await hass.async_block_till_done()

    assert targets(calls["scene.turn_on"]) == [["scene.show"], ["scene.normal"]]


# -- emergency --------------------------------------------------------------------------------


async def test_the_emergency_stop_stops_every_output_and_reports_each(
    hass: HomeAssistant, use: Use, init_studio: FakeStudioClient, stage: dict[str, Any]
) -> None:
    calls = calls_of(hass, "light.turn_on", "notify.send_message")
    init_studio.output("stream", OutputState.ACTIVE)
    init_studio.output("record", OutputState.ACTIVE)
    await use(
        "emergency_stop",
        start=[{"trigger": "event", "event_type": "panic"}],
        studios=stage,
        lights={"entity_id": "light.studio"},
        people=["notify.crew"],
    )

    hass.bus.async_fire("panic")
    await hass.async_block_till_done()

    assert not any(output.state.is_on for output in init_studio.studio.outputs.values())
    assert len(calls["light.turn_on"]) == 1
    text = calls["notify.send_message"][0].data["message"]
    assert "Stage: everything is stopped" in text
    assert "stream stopped" in text
    assert "record stopped" in text


async def test_an_output_that_does_not_stop_is_named(
    hass: HomeAssistant,
    use: Use,
    init_studio: FakeStudioClient,
    stage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def stop_everything(*, timeout: float = 20.0) -> list[StopReport]:
        return [
            StopReport(
                output="stream",
                stopped=False,
                was_on=True,
                error=UnreachableError("studio_not_connected", "No."),
            ),
            StopReport(output="record", stopped=True, was_on=False),
        ]

    monkeypatch.setattr(init_studio, "stop_everything", stop_everything)
    calls = calls_of(hass, "notify.send_message")
    await use(
        "emergency_stop",
        start=[{"trigger": "event", "event_type": "panic"}],
        studios=stage,
        people=["notify.crew"],
    )
    hass.bus.async_fire("panic")
    await hass.async_block_till_done()

    text = calls["notify.send_message"][0].data["message"]
    assert "Stage: NOT STOPPED" in text
    assert "stream still runs or is unknown" in text
    assert "record" not in text


# -- all of them ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL, ids=str)
def test_a_blueprint_names_no_entity_and_unlocks_no_door(path: Path) -> None:
    text = (BLUEPRINTS / path).read_text()
    content = loader.parse_yaml(text)
    head = content.pop("blueprint")
    assert head["homeassistant"]["min_version"] == "2026.10.0"
    assert head["source_url"].endswith(str(path))
    assert head["domain"] == path.parts[0]
    assert head["name"].startswith("InfraFabric: ")

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "entity_id":
                    # An input, or what a template made of one.
                    assert not isinstance(value, str) or "{{" in value, value
                walk(value)
            assert node.get("action") not in {"lock.unlock", "lock.open"}
            assert node.get("trigger") != "webhook"
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(content)


def test_the_thirteen_automations_are_all_there() -> None:
    assert len(NAMES) == 13


def test_every_blueprint_is_run_by_a_test() -> None:
    source = Path(__file__).read_text()
    for name in NAMES:
        assert f'"{name}"' in source, name


def test_every_blueprint_is_in_the_docs_with_its_import_link() -> None:
    page = (BLUEPRINTS.parent / "docs/how-to/blueprints.md").read_text()
    for path in ALL:
        url = yaml.safe_load(
            (BLUEPRINTS / path).read_text().split("source_url: ")[1].split("\n")[0]
        )
        assert f"blueprint_url={url}" in page, path
