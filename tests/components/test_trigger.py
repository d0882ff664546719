"""Triggers: each fires for what its name says, for its target only, and for nothing forged."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
import yaml

from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.happenings import SIGNAL, Happened, Occasion, async_tell
from custom_components.infrafabric.mesh.model import Band, Path, Quality, Role
from custom_components.infrafabric.studio.events import RecordingFinished
from custom_components.infrafabric.studio.model import OutputState
from custom_components.infrafabric.trigger import FIELDS, TRIGGERS, UNTARGETED
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.trigger import async_get_all_descriptions
from homeassistant.setup import async_setup_component

from .conftest import GARAGE, MESH_ID, STUDIO, FakeMeshNode
from .studio_fake import FakeStudioClient

type Listen = Callable[..., Coroutine[Any, Any, list[ServiceCall]]]


@pytest.fixture
def listen(hass: HomeAssistant) -> Listen:
    """Return what starts an automation with one trigger, and the list of its runs."""

    async def start(
        trigger: str, *, target: dict[str, Any] | None = None, **options: Any
    ) -> list[ServiceCall]:
        calls = async_mock_service(hass, "test", "automation")
        config = {"trigger": f"{DOMAIN}.{trigger}", "options": options}
        if target is not None:
            config["target"] = target
        assert await async_setup_component(
            hass,
            "automation",
            {
                "automation": {
                    "alias": "Under test",
                    "triggers": [config],
                    "actions": [
                        {"action": "test.automation", "data": {"trigger": "{{ trigger }}"}}
                    ],
                }
            },
        )
        await hass.async_block_till_done()
        state = hass.states.get("automation.under_test")
        assert state is not None
        assert state.state == "on"
        return calls

    return start


def device_of(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> dr.DeviceEntry:
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, identifier), entry.entry_id)
    assert device is not None
    return device


def only(calls: list[ServiceCall]) -> dict[str, Any]:
    assert len(calls) == 1
    trigger: dict[str, Any] = calls[0].data["trigger"]
    return trigger


def quality(band: Band) -> Quality:
    return Quality(rtt_ms=80.0, jitter_ms=9.0, loss_percent=7.0, score=30.0, band=band)


# -- peers ------------------------------------------------------------------------------------


async def test_a_message_starts_an_automation_and_brings_its_content_and_role(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("message_received")
    node.connect_peer(STUDIO.peer_id)

    node.receive(STUDIO, {"door": "open"}, performative="request", topic="if://topic/doors")
    await hass.async_block_till_done()

    trigger = only(calls)
    assert trigger["content"] == {"door": "open"}
    assert trigger["peer_name"] == "Studio"
    assert trigger["performative"] == "request"
    assert trigger["role"] == "observe"


@pytest.mark.parametrize(
    ("options", "fires"),
    [
        ({"performative": ["request", "inform"]}, True),
        ({"performative": "inform"}, False),
        ({"topic": "if://topic/doors"}, True),
        ({"topic": "if://topic/door"}, False),
        ({"minimum_role": "observe"}, True),
        ({"minimum_role": "command"}, True),
        ({"minimum_role": "admin"}, False),
        ({"minimum_role": "command", "topic": "if://topic/windows"}, False),
    ],
)
async def test_a_message_must_fit_every_option(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen, options: dict[str, Any], fires: bool
) -> None:
    calls = await listen("message_received", **options)
    node.connect_peer(STUDIO.peer_id)
    node.change_peer(STUDIO.peer_id, role=Role.COMMAND)

    node.receive(STUDIO, {}, performative="request", topic="if://topic/doors")
    await hass.async_block_till_done()

    assert len(calls) == fires


async def test_an_event_that_somebody_fires_on_the_bus_starts_nothing(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("message_received")

    hass.bus.async_fire("infrafabric_message", {"content": {}, "role": "admin"})
    hass.bus.async_fire("infrafabric_occasion", {"content": {}, "role": "admin"})
    await hass.async_block_till_done()

    assert calls == []


async def test_a_peer_that_comes_and_goes_starts_one_automation_each_time(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("peer_connected")
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert only(calls)["peer_id"] == STUDIO.peer_id

    node.disconnect_peer(STUDIO.peer_id, "peer_silent")
    await hass.async_block_till_done()
    assert len(calls) == 1


async def test_a_lost_peer_tells_why(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("peer_disconnected")
    node.connect_peer(STUDIO.peer_id)
    node.disconnect_peer(STUDIO.peer_id, "peer_silent")
    await hass.async_block_till_done()

    assert only(calls)["reason"] == "peer_silent"


async def test_a_change_of_quality_tells_both_bands_and_the_figures(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("link_quality_changed", to=["poor", "critical"])
    node.connect_peer(STUDIO.peer_id)
    node.change_peer(STUDIO.peer_id, quality=quality(Band.FAIR))
    node.change_peer(STUDIO.peer_id, quality=quality(Band.POOR))
    node.change_peer(STUDIO.peer_id, quality=replace(quality(Band.POOR), rtt_ms=90.0))
    await hass.async_block_till_done()

    trigger = only(calls)
    assert (trigger["from"], trigger["to"]) == ("fair", "poor")
    assert trigger["loss_percent"] == 7.0
    assert trigger["rtt_ms"] == 80.0


async def test_a_link_that_is_measured_for_the_first_time_did_not_change(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("link_quality_changed")
    node.connect_peer(STUDIO.peer_id, quality=Quality())
    node.change_peer(STUDIO.peer_id, quality=quality(Band.POOR))
    # Nothing is known of a link that is down, and that is no change either.
    node.disconnect_peer(STUDIO.peer_id)
    node.connect_peer(STUDIO.peer_id, quality=quality(Band.POOR))
    await hass.async_block_till_done()

    assert calls == []


async def test_a_link_that_comes_back_through_a_relay_has_changed_its_path(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("path_changed", **{"from": "direct_lan"})
    node.connect_peer(STUDIO.peer_id)
    node.disconnect_peer(STUDIO.peer_id)
    node.connect_peer(STUDIO.peer_id, path=Path.TURN_UDP)
    node.change_peer(STUDIO.peer_id, path=Path.DIRECT_WAN)
    await hass.async_block_till_done()

    trigger = only(calls)
    assert (trigger["from"], trigger["to"]) == ("direct_lan", "turn_udp")


async def test_a_peer_that_left_and_joins_again_is_a_new_one(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("path_changed")
    node.connect_peer(STUDIO.peer_id)
    node.remove_peer(STUDIO.peer_id, "left")
    node.add_peer(STUDIO, "Studio")
    node.connect_peer(STUDIO.peer_id, path=Path.TURN_UDP)
    await hass.async_block_till_done()

    assert calls == []


# -- targets ----------------------------------------------------------------------------------


async def test_only_targeted_peers_count(
    hass: HomeAssistant, node: FakeMeshNode, config_entry: MockConfigEntry, listen: Listen
) -> None:
    node.add_peer(GARAGE, "Garage")
    garage = device_of(hass, config_entry, f"{MESH_ID}_{GARAGE.peer_id}")
    calls = await listen("peer_connected", target={"device_id": garage.id})

    node.connect_peer(STUDIO.peer_id)
    node.connect_peer(GARAGE.peer_id)
    await hass.async_block_till_done()

    assert only(calls)["peer_name"] == "Garage"


async def test_a_device_that_moves_into_the_area_later_counts(
    hass: HomeAssistant, node: FakeMeshNode, config_entry: MockConfigEntry, listen: Listen
) -> None:
    area = ar.async_get(hass).async_create("Annexe")
    calls = await listen("peer_connected", target={"area_id": area.id})
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert calls == []

    studio = device_of(hass, config_entry, f"{MESH_ID}_{STUDIO.peer_id}")
    dr.async_get(hass).async_update_device(studio.id, area_id=area.id)
    node.disconnect_peer(STUDIO.peer_id)
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    assert only(calls)["peer_name"] == "Studio"


async def test_a_reload_of_the_mesh_keeps_the_trigger_and_doubles_nothing(
    hass: HomeAssistant, node: FakeMeshNode, config_entry: MockConfigEntry, listen: Listen, meshes
) -> None:
    calls = await listen("peer_connected")
    assert await hass.config_entries.async_reload(config_entry.entry_id)
    await hass.async_block_till_done()

    meshes.node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    assert len(calls) == 1


async def test_an_automation_that_is_switched_off_hears_nothing_more(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("peer_connected")
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.under_test"}, blocking=True
    )
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    assert calls == []
    # Nobody is left to hear it.
    async_dispatcher_send(hass, SIGNAL, None)  # type: ignore[arg-type]


# -- studios ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trigger", "states", "asked"),
    [
        ("stream_started", [OutputState.STARTING, OutputState.ACTIVE], True),
        ("stream_stopped", [OutputState.ACTIVE, OutputState.STOPPING, OutputState.STOPPED], True),
        ("stream_failed", [OutputState.RECONNECTING, OutputState.STOPPED], False),
    ],
)
async def test_a_stream_starts_the_automation_of_its_fate_only(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    listen: Listen,
    trigger: str,
    states: list[OutputState],
    asked: bool,
) -> None:
    init_studio.output("stream", OutputState.STOPPED)
    if states[0] is not OutputState.STARTING:
        init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()
    calls = await listen(trigger)

    for state in states:
        init_studio.output("stream", state, asked=asked)
    await hass.async_block_till_done()

    data = only(calls)
    assert data["studio_name"] == "Stage"
    assert (data["output"], data["channel"]) == ("stream", 1)
    assert data["entry_id"] == studio_entry.entry_id


async def test_how_long_a_stream_ran_is_known_although_the_studio_does_not_say(
    hass: HomeAssistant, init_studio: FakeStudioClient, listen: Listen
) -> None:
    calls = await listen("stream_stopped")
    clock = hass.loop.time()
    with patch.object(hass.loop, "time", lambda: clock):
        init_studio.output("stream", OutputState.STOPPED, duration_s=None)
        calls.clear()
        # Home Assistant sees it begin.
        init_studio.output("stream", OutputState.ACTIVE, duration_s=None)
        clock += 61.5
        init_studio.output("stream", OutputState.STOPPED, duration_s=None)
        # It was on air before, says the studio.
        init_studio.output("stream", OutputState.ACTIVE, duration_s=3600.0)
        clock += 10
        init_studio.output("stream", OutputState.STOPPED, duration_s=None)
    await hass.async_block_till_done()

    assert [call.data["trigger"]["duration"] for call in calls] == [61.5, 3610.0]


async def test_another_channel_is_another_stream(
    hass: HomeAssistant, init_studio: FakeStudioClient, listen: Listen
) -> None:
    init_studio.output("stream", OutputState.STOPPED)
    calls = await listen("stream_started", channel=2)
    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()

    assert calls == []


async def test_other_outputs_are_no_streams(
    hass: HomeAssistant, init_studio: FakeStudioClient, listen: Listen
) -> None:
    init_studio.output("record", OutputState.STOPPED)
    calls = await listen("stream_started")
    init_studio.output("record", OutputState.ACTIVE)
    await hass.async_block_till_done()

    assert calls == []


async def test_a_finished_recording_tells_its_file(
    hass: HomeAssistant, init_studio: FakeStudioClient, listen: Listen
) -> None:
    calls = await listen("recording_finished")
    init_studio.emit(RecordingFinished("/videos/show.mkv", 61.5))
    await hass.async_block_till_done()

    data = only(calls)
    assert (data["path"], data["duration"]) == ("/videos/show.mkv", 61.5)


# -- webhooks ---------------------------------------------------------------------------------

RECEIVED = {
    "webhook": "Director",
    "webhook_subentry_id": "01HOOK",
    "action": "lights_off",
    "params": {"room": 1},
    "source": "desk",
    "message_id": "msg_1",
    "truncated": False,
}


@pytest.mark.parametrize(
    ("options", "fires"),
    [
        ({}, True),
        ({"webhook": "Director"}, True),
        ({"webhook": "01HOOK"}, True),
        ({"webhook": "director"}, False),
        ({"webhook": "Desk"}, False),
        ({"action": "lights_off"}, True),
        ({"action": "lights"}, False),
        ({"webhook": "Director", "action": "lights_off"}, True),
        ({"webhook": "Director", "action": "lights_on"}, False),
        ({"webhook": "Desk", "action": "lights_off"}, False),
    ],
)
async def test_what_a_webhook_accepted_must_fit_every_option(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen, options: dict[str, Any], fires: bool
) -> None:
    calls = await listen("webhook_received", **options)
    context = Context()

    text = "The webhook Director accepted lights_off"
    async_tell(hass, Occasion(Happened.WEBHOOK_RECEIVED, None, text, RECEIVED, context))
    await hass.async_block_till_done()

    assert len(calls) == fires
    if fires:
        trigger = only(calls)
        assert {key: trigger[key] for key in RECEIVED} == RECEIVED
        assert calls[0].context.parent_id == context.id


async def test_a_webhook_that_somebody_makes_up_on_the_bus_starts_nothing(
    hass: HomeAssistant, node: FakeMeshNode, listen: Listen
) -> None:
    calls = await listen("webhook_received")

    hass.bus.async_fire("infrafabric_webhook", RECEIVED)
    hass.bus.async_fire("infrafabric_webhook_received", RECEIVED)
    await hass.async_block_till_done()

    assert calls == []


async def test_a_webhook_has_no_target(hass: HomeAssistant, node: FakeMeshNode) -> None:
    config = {"trigger": f"{DOMAIN}.webhook_received", "target": {"device_id": "device1"}}
    await async_setup_component(
        hass,
        "automation",
        {"automation": {"alias": "Wrong", "triggers": [config], "actions": []}},
    )
    await hass.async_block_till_done()

    state = hass.states.get("automation.wrong")
    assert state is None or state.state == "unavailable"


# -- what the editor shows --------------------------------------------------------------------


async def test_every_trigger_is_described_with_the_fields_that_it_takes(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    await async_setup_component(hass, "automation", {})
    await hass.async_block_till_done()
    descriptions = await async_get_all_descriptions(hass)

    for key, trigger in TRIGGERS.items():
        described = descriptions[f"{DOMAIN}.{key}"]
        assert described is not None, key
        untargeted = trigger._what in UNTARGETED  # type: ignore[attr-defined]
        assert ("target" in described) != untargeted, key
        assert described.get("fields", {}).keys() == FIELDS[trigger._what].keys(), key  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("trigger", "options"),
    [
        ("message_received", "{performative: shout}"),
        ("link_quality_changed", "{to: unknown}"),
        ("path_changed", "{to: down}"),
        ("stream_started", "{channel: 6}"),
        ("peer_connected", "{peer: Studio}"),
        ("webhook_received", "{webhook: [Director]}"),
    ],
)
async def test_an_option_that_cannot_be_is_refused(
    hass: HomeAssistant, node: FakeMeshNode, trigger: str, options: str
) -> None:
    config = {"trigger": f"{DOMAIN}.{trigger}", "options": yaml.safe_load(options)}
    await async_setup_component(
        hass,
        "automation",
        {"automation": {"alias": "Wrong", "triggers": [config], "actions": []}},
    )
    await hass.async_block_till_done()

    state = hass.states.get("automation.wrong")
    assert state is None or state.state == "unavailable"
