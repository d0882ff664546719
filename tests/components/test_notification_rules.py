"""Notification rules: people hear what they asked for, and what they press is done once."""

import asyncio
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
)

from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.forms import plain
from custom_components.infrafabric.mesh.errors import UnreachableError as PeerUnreachableError
from custom_components.infrafabric.mesh.model import Band, Path, Quality
from custom_components.infrafabric.mesh.trust.identity import Identity
from custom_components.infrafabric.studio.errors import UnreachableError
from custom_components.infrafabric.studio.events import RecordingFinished
from custom_components.infrafabric.studio.model import OutputState
from custom_components.infrafabric.surfaces.notifications import recipients
from custom_components.infrafabric.surfaces.notifications.missing import ISSUE_NOBODY
from custom_components.infrafabric.surfaces.notifications.news import clock, file_name
from custom_components.infrafabric.surfaces.notifications.rules import (
    BUTTON_LIFETIME,
    MUTE_TIME,
    Rule,
    What,
)
from custom_components.infrafabric.surfaces.notifications.texts import button_text
from custom_components.infrafabric.surfaces.notifications.watching import SETTLE
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import area_registry as ar, device_registry as dr, issue_registry as ir

from . import notification_world
from .conftest import GARAGE, GOOD_QUALITY, MESH_ID, OBS_ID, OWN, STUDIO, FakeMeshNode
from .notification_world import Add, begin, device_id, later, press, submit, the_form
from .studio_fake import FakeStudioClient
from .webhook_world import until

BAD = Quality(rtt_ms=212.4, jitter_ms=9.0, loss_percent=7.2, score=30.0, band=Band.POOR)
BETTER = Quality(rtt_ms=190.0, jitter_ms=9.0, loss_percent=1.0, score=50.0, band=Band.FAIR)

peer = notification_world.peer
phone = notification_world.phone
pushes = notification_world.pushes
add = notification_world.add


def rule_that_tells(entity_id: str) -> Rule:
    return Rule.from_data(the_form("", "stream_started", phones=[], notify_entities=[entity_id]))


def bad_stream(studio: FakeStudioClient, congestion: float, readings: int = 3) -> None:
    for _ in range(readings):
        known = studio.studio.outputs["stream"]
        sent = (known.sent_bytes or 0) + 1_000_000
        studio.output(
            "stream",
            OutputState.ACTIVE,
            congestion=congestion,
            sent_bytes=sent,
            total_frames=sent,
            duration_s=float(sent),
        )


# -- what is told -----------------------------------------------------------------------------


async def test_a_stream_is_followed_by_one_notification_that_is_replaced(
    hass: HomeAssistant, add: Add, init_studio: FakeStudioClient, pushes: Any
) -> None:
    await add("stream_started", "stream_stopped", "stream_failed", look={"group": "Studio"})

    init_studio.output("stream", OutputState.ACTIVE)
    init_studio.output("stream", OutputState.STOPPED, duration_s=3661.4)
    init_studio.output("stream", OutputState.ACTIVE)
    init_studio.output("stream", OutputState.STOPPED, asked=False)
    init_studio.output("stream", OutputState.ACTIVE, duration_s=None)
    init_studio.output("stream", OutputState.STOPPED, duration_s=None)
    await hass.async_block_till_done()

    told = pushes()
    assert [push["message"] for push in told] == [
        "Stage is on air.",
        "The stream of Stage ended after 1:01:01.",
        "Stage is on air.",
        "The stream of Stage failed.",
        "Stage is on air.",
        # Home Assistant saw it begin a moment ago.
        "The stream of Stage ended after 0:00:00.",
    ]
    assert {push["title"] for push in told} == {"Crew"}
    assert len({push["data"]["tag"] for push in told}) == 1
    data = told[0]["data"]
    assert (data["group"], data["channel"]) == ("Studio", "InfraFabric (normal)")
    assert len(data["tag"].encode()) <= 64
    assert "actions" not in data


async def test_a_name_is_no_markup_on_a_phone(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("peer_lost")
    node.change_peer(STUDIO.peer_id, name="<b>Studio</b><img src=x>")
    node.connect_peer(STUDIO.peer_id)
    node.disconnect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    [push] = pushes()
    assert "Studio" in push["message"]
    assert "<" not in push["message"]


async def test_only_what_was_asked_for_is_told(
    hass: HomeAssistant, add: Add, init_studio: FakeStudioClient, node: FakeMeshNode, pushes: Any
) -> None:
    await add("recording_finished")
    node.connect_peer(STUDIO.peer_id, quality=BAD, path=Path.TURN_UDP)
    node.disconnect_peer(STUDIO.peer_id)
    init_studio.output("stream", OutputState.ACTIVE)
    bad_stream(init_studio, 0.95)
    init_studio.emit(RecordingFinished(path="C:\\Videos\\Show 1.mkv", duration_s=60.0))
    init_studio.emit(RecordingFinished(path=None))
    await hass.async_block_till_done()

    assert [push["message"] for push in pushes()] == [
        "Stage finished the recording Show 1.mkv.",
        "Stage finished the recording ?.",
    ]


async def test_a_stream_that_does_badly_is_told_and_that_it_is_well_again(
    hass: HomeAssistant, add: Add, init_studio: FakeStudioClient, pushes: Any
) -> None:
    await add("stream_unhealthy")
    init_studio.output("stream", OutputState.ACTIVE)
    bad_stream(init_studio, 0.95, readings=1)
    await hass.async_block_till_done()
    # One bad reading is none.
    assert pushes() == []

    bad_stream(init_studio, 0.95)
    await hass.async_block_till_done()
    [told] = pushes()
    assert told["message"].startswith("The stream of Stage does badly (Critical): Congestion")

    bad_stream(init_studio, 0.0, readings=5)
    await hass.async_block_till_done()
    [over] = pushes()
    assert over["message"] == "The stream of Stage does well again."
    assert over["data"]["tag"] == told["data"]["tag"]


async def test_the_end_of_a_stream_is_no_news_of_its_health(
    hass: HomeAssistant, add: Add, init_studio: FakeStudioClient, pushes: Any
) -> None:
    await add("stream_unhealthy")
    bad_stream(init_studio, 0.95, readings=5)
    await hass.async_block_till_done()
    assert len(pushes()) == 1

    init_studio.output("stream", OutputState.STOPPED)
    init_studio.disconnect()
    init_studio.connect()
    await hass.async_block_till_done()
    assert pushes() == []


async def test_a_peer_is_lost_and_back_and_lost_again_only_after_the_quiet_time(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("peer_lost", "peer_back")
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert pushes() == []

    node.disconnect_peer(STUDIO.peer_id)
    node.change_peer(STUDIO.peer_id, failure="ice_failed")
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    lost, back = pushes()
    assert lost["message"] == "Studio is no longer connected."
    assert back["message"] == "Studio is connected again."
    assert lost["data"]["tag"] == back["data"]["tag"]

    # It flaps: quiet until it stays away.
    await later(hass, freezer, 60)
    node.disconnect_peer(STUDIO.peer_id)
    node.connect_peer(STUDIO.peer_id)
    node.disconnect_peer(STUDIO.peer_id)
    await later(hass, freezer, 60)
    assert pushes() == []
    await later(hass, freezer, 14 * 60)
    assert [push["message"] for push in pushes()] == ["Studio is no longer connected."]


async def test_who_only_wants_to_know_that_a_peer_is_back_hears_only_that(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("peer_back")
    node.connect_peer(STUDIO.peer_id)
    node.disconnect_peer(STUDIO.peer_id)
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    assert [push["message"] for push in pushes()] == ["Studio is connected again."]


async def test_a_bad_link_is_told_with_hysteresis_and_quiet_time(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("link_quality")
    node.connect_peer(STUDIO.peer_id)
    node.change_peer(STUDIO.peer_id, quality=BETTER)
    await hass.async_block_till_done()
    assert pushes() == []

    node.change_peer(STUDIO.peer_id, quality=BAD)
    node.change_peer(STUDIO.peer_id, quality=BETTER)
    node.change_peer(STUDIO.peer_id, quality=BAD)
    await hass.async_block_till_done()
    [bad] = pushes()
    assert bad["message"] == "The link to Studio is bad: 212 ms, 7 % lost."

    node.change_peer(STUDIO.peer_id, quality=GOOD_QUALITY)
    node.change_peer(STUDIO.peer_id, quality=BAD)
    await hass.async_block_till_done()
    [good] = pushes()
    assert good["message"] == "The link to Studio is good again: 12 ms, 0 % lost."
    assert good["data"]["tag"] == bad["data"]["tag"]

    await later(hass, freezer, 15 * 60 + 1)
    assert [push["message"] for push in pushes()] == [bad["message"]]


async def test_the_limits_of_a_link_are_those_of_the_rule(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("link_quality", limits={"rtt": 1000, "loss": 50})
    node.connect_peer(STUDIO.peer_id, quality=BAD)
    node.change_peer(STUDIO.peer_id, quality=Quality(loss_percent=60.0))
    await hass.async_block_till_done()

    assert [push["message"] for push in pushes()] == ["The link to Studio is bad: ? ms, 60 % lost."]


async def test_a_link_that_goes_away_is_not_told_to_be_good(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("link_quality", "relay_in_use")
    node.connect_peer(STUDIO.peer_id, quality=BAD, path=Path.TURN_TLS)
    await hass.async_block_till_done()
    assert len(pushes()) == 2

    node.disconnect_peer(STUDIO.peer_id)
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert pushes() == []


async def test_a_relay_is_told_and_that_the_link_is_direct_again(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("relay_in_use")
    node.connect_peer(STUDIO.peer_id, path=Path.TURN_UDP)
    node.change_peer(STUDIO.peer_id, path=Path.TURN_TCP)
    node.change_peer(STUDIO.peer_id, path=Path.DIRECT_WAN)
    await hass.async_block_till_done()

    assert [push["message"] for push in pushes()] == [
        "The link to Studio runs through a TURN server.",
        "The link to Studio runs directly again.",
    ]


async def test_the_status_of_the_mesh_stays_on_the_phone_and_follows(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("mesh_status", limits={"quiet_time": 1})
    node.add_peer(GARAGE, "Garage")
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert pushes() == []

    await later(hass, freezer, SETTLE + 1)
    [status] = pushes()
    assert status["message"] == "Family: 1 of 2 peers are connected. Away: Garage"
    assert status["data"]["persistent"] is True

    node.connect_peer(GARAGE.peer_id)
    await later(hass, freezer, SETTLE + 1)
    assert pushes() == []
    await later(hass, freezer, 60)
    [status] = pushes()
    assert status["message"] == "Family: all 2 peers are connected."

    node.remove_peer(GARAGE.peer_id)
    await later(hass, freezer, 61)
    assert [push["message"] for push in pushes()] == ["Family: all 1 peers are connected."]


async def test_a_peer_that_leaves_the_mesh_is_forgotten(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("link_quality", "peer_lost")
    node.connect_peer(STUDIO.peer_id, quality=BAD)
    node.change_peer(STUDIO.peer_id, quality=GOOD_QUALITY)
    node.change_peer(STUDIO.peer_id, quality=BAD)
    await hass.async_block_till_done()
    assert len(pushes()) == 2

    node.remove_peer(STUDIO.peer_id)
    await later(hass, freezer, 15 * 60 + 1)
    assert pushes() == []


async def test_what_waits_for_the_quiet_time_is_not_told_of_a_mesh_that_is_gone(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    config_entry: MockConfigEntry,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("link_quality")
    for quality in (BAD, GOOD_QUALITY, BAD):
        node.connect_peer(STUDIO.peer_id, quality=quality)
    await hass.async_block_till_done()
    assert len(pushes()) == 2

    assert await hass.config_entries.async_unload(config_entry.entry_id)
    await later(hass, freezer, 15 * 60 + 1)
    assert pushes() == []


async def test_a_rule_is_about_its_targets_only(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    occasions = ("stream_started", "stream_unhealthy", "peer_lost", "mesh_status")
    attic = ar.async_get(hass).async_create("Attic")
    await add(*occasions, targets={"area_id": [attic.id]})

    async def all_happens() -> list[str]:
        node.connect_peer(STUDIO.peer_id)
        node.disconnect_peer(STUDIO.peer_id)
        init_studio.output("stream", OutputState.STOPPED)
        init_studio.output("stream", OutputState.ACTIVE)
        bad_stream(init_studio, 0.95)
        await later(hass, freezer, SETTLE + 1)
        return [push["message"].partition("(")[0] for push in pushes()]

    assert await all_happens() == []

    # What is in the area is looked up when it happens.
    for identifier in (OBS_ID, f"{MESH_ID}_{OWN.peer_id}"):
        dr.async_get(hass).async_update_device(device_id(hass, identifier), area_id=attic.id)
    assert await all_happens() == [
        "Stage is on air.",
        "The stream of Stage does badly ",
        "Family: 0 of 1 peers are connected. Away: Studio",
    ]


async def test_people_are_told_in_the_language_of_home_assistant(
    hass: HomeAssistant, add: Add, init_studio: FakeStudioClient, pushes: Any
) -> None:
    await hass.config.async_update(language="de")
    await hass.async_block_till_done()
    await add("stream_started", buttons={"offered": ["view_stats"]})
    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()

    [push] = pushes()
    assert push["message"] == "Stage ist auf Sendung."
    assert push["data"]["actions"][0]["title"] == "Einzelheiten zeigen"


# -- whom -------------------------------------------------------------------------------------


async def test_a_notify_entity_gets_the_text(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    peer: str,
    init_studio: FakeStudioClient,
    pushes: Any,
) -> None:
    await add("stream_started", notify_entities=[peer], phones=[])
    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()

    [(_, draft, _)] = node.asked("send")
    assert draft.content["message"] == "Stage is on air."
    assert draft.content["title"] == "Crew"
    assert pushes() == []


async def test_who_cannot_be_told_is_logged_once_and_keeps_nobody_from_being_told(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    peer: str,
    init_studio: FakeStudioClient,
    phone: str,
    pushes: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await add(
        "stream_started",
        notify_entities=["notify.gone", peer],
        phones=["no_such_device", phone],
    )
    for _ in range(2):
        node.error = PeerUnreachableError("peer_not_connected", "The peer is not connected.")
        init_studio.output("stream", OutputState.ACTIVE)
        init_studio.output("stream", OutputState.STOPPED)
        await hass.async_block_till_done()

    assert len(pushes()) == 2
    assert len(node.asked("send")) == 2
    said = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name == recipients.__name__
    ]
    gone = "There is no such recipient now, or it is not available."
    assert sorted(said) == [
        f"Crew could not notify no_such_device: {gone}",
        f"Crew could not notify notify.gone: {gone}",
        f"Crew could not notify {peer}: None of the peers is connected.",
    ]


async def test_who_is_gone_is_shown_until_they_are_back_or_the_rule_is_changed(
    hass: HomeAssistant, add: Add, surfaces: MockConfigEntry, phone: str
) -> None:
    registry = dr.async_get(hass)
    hass.states.async_set("notify.crew", "unknown")
    rule = await add(
        "stream_started", name="The *Crew*", notify_entities=["notify.crew"], phones=[phone]
    )

    def missing() -> str | None:
        issue_id = f"{ISSUE_NOBODY}_{rule.subentry_id}"
        found = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
        if found is None:
            return None
        assert found.translation_placeholders is not None
        assert found.translation_placeholders["rule"] == plain("The *Crew*")
        return found.translation_placeholders["missing"]

    assert missing() is None
    hass.states.async_set("notify.crew", "unavailable")
    await hass.async_block_till_done()
    assert missing() is None, "away is not gone"
    hass.states.async_remove("notify.crew")
    await hass.async_block_till_done()
    assert missing() == "* `notify.crew`"
    registry.async_update_device(phone, disabled_by=dr.DeviceEntryDisabler.USER)
    await hass.async_block_till_done()
    assert missing() == "* `notify.crew`\n* Phone"
    hass.states.async_set("notify.crew", "unknown")
    registry.async_remove_device(phone)
    await hass.async_block_till_done()
    assert missing() == f"* `{phone}`"

    hass.config_entries.async_remove_subentry(surfaces, rule.subentry_id)
    await hass.async_block_till_done()
    assert missing() is None


async def test_nobody_is_called_gone_while_home_assistant_starts(
    hass: HomeAssistant, add: Add
) -> None:
    hass.set_state(CoreState.starting)
    rule = await add("stream_started", notify_entities=["notify.late"], phones=[])
    issue_id = f"{ISSUE_NOBODY}_{rule.subentry_id}"
    hass.bus.async_fire(dr.EVENT_DEVICE_REGISTRY_UPDATED, {"action": "create", "device_id": "x"})
    await hass.async_block_till_done()
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None

    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None


async def test_a_recipient_that_breaks_or_hangs_keeps_nobody_waiting_for_long(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    pushes: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def hang(call: Any) -> None:
        if call.data["entity_id"] == "notify.breaks":
            raise RuntimeError("hunter2")
        await asyncio.Event().wait()

    monkeypatch.setattr(recipients, "PATIENCE", 0.05)
    for entity_id in ("notify.breaks", "notify.hangs"):
        hass.states.async_set(entity_id, "unknown")
    await add("stream_started", notify_entities=["notify.breaks", "notify.hangs"])
    hass.services.async_register("notify", "send_message", hang)
    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()

    assert len(pushes()) == 1
    assert "Crew could not notify notify.hangs: no answer in time" in caplog.text
    assert "Crew could not notify notify.breaks: RuntimeError" in caplog.text
    assert "hunter2" not in caplog.text


async def test_notifications_that_nobody_could_read_are_dropped(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    pushes: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(recipients, "BACKLOG", 2)
    gate = asyncio.Event()

    async def wait(_call: Any) -> None:
        await gate.wait()

    hass.states.async_set("notify.slow", "unknown")
    await add("stream_started", notify_entities=["notify.slow"], phones=[])
    hass.services.async_register("notify", "send_message", wait)
    for _ in range(5):
        init_studio.output("stream", OutputState.ACTIVE)
        init_studio.output("stream", OutputState.STOPPED)
    gate.set()
    await hass.async_block_till_done()

    assert caplog.text.count("too many notifications wait") == 1
    assert "Crew dropped notifications: 2 stream_started" in caplog.text


async def test_a_burst_of_what_comes_and_goes_costs_nobody_the_news_that_a_stream_failed(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    pushes: Any,
    hass_admin_user: MockUser,
    caplog: pytest.LogCaptureFixture,
) -> None:
    crowd = [Identity(bytes([number]) * 32) for number in range(20, 20 + 2 * recipients.BACKLOG)]
    for number, identity in enumerate(crowd):
        node.add_peer(identity, f"P{number}")
        node.connect_peer(identity.peer_id)
    told: list[str] = []
    gate = asyncio.Event()

    async def slow(call: Any) -> None:
        await gate.wait()
        told.append(call.data["message"])

    hass.states.async_set("notify.slow", "unknown")
    await add(
        "peer_lost",
        "stream_failed",
        "stream_started",
        notify_entities=["notify.slow"],
        buttons={"offered": ["stop_stream"], "users": [hass_admin_user.id]},
    )
    gate.set()
    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()
    [started] = pushes()
    gate.clear()
    hass.services.async_register("notify", "send_message", slow)

    for identity in crowd[: recipients.BACKLOG + 10]:
        node.disconnect_peer(identity.peer_id)
    init_studio.error = UnreachableError("studio_not_connected", "The studio is not connected.")
    hass.bus.async_fire(
        "mobile_app_notification_action",
        {"action": started["data"]["actions"][0]["action"]},
        context=Context(user_id=hass_admin_user.id),
    )
    await until(lambda: bool(init_studio.asked("stop_output")))
    init_studio.output("stream", OutputState.STOPPED, asked=False)
    for identity in crowd[recipients.BACKLOG + 10 :]:
        node.disconnect_peer(identity.peer_id)
    gate.set()
    await hass.async_block_till_done()

    assert len(told) == 1 + recipients.BACKLOG
    assert "The stream of Stage failed." in told
    assert any(each.startswith("Stage: it did not work. ") for each in told)
    assert told[-1] == f"P{2 * recipients.BACKLOG - 1} is no longer connected."


async def test_of_too_many_notifications_the_least_important_and_oldest_go_first(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "BACKLOG", 4)
    told: list[str] = []
    gate = asyncio.Event()

    async def slow(call: Any) -> None:
        await gate.wait()
        told.append(call.data["message"])

    hass.states.async_set("notify.slow", "unknown")
    hass.services.async_register("notify", "send_message", slow)
    delivery = recipients.Delivery(hass, rule_that_tells("notify.slow"), "Crew")

    def send(what: What | None, message: str, tag: str = "") -> None:
        delivery.send(recipients.Notification(what=what, message=message, tag=tag or message))

    send(What.PEER_LOST, "under way")
    send(What.STREAM_STARTED, "replaced", "stage")
    send(What.PEER_LOST, "lost 1")
    send(What.PEER_LOST, "lost 2")
    send(What.STREAM_FAILED, "failed", "stage")
    send(What.STREAM_STARTED, "started again", "stage")
    assert [each.message for each in delivery._waiting] == [
        "lost 1",
        "lost 2",
        "failed",
        "started again",
    ]
    send(None, "confirmed")
    send(What.RECORDING_FINISHED, "recorded")
    send(What.PEER_MESSAGE, "hello")
    assert [each.message for each in delivery._waiting] == [
        "failed",
        "started again",
        "confirmed",
        "recorded",
    ]
    send(What.STREAM_STOPPED, "stopped 1", "other")
    send(What.STREAM_STOPPED, "stopped 2", "other")
    send(What.STREAM_STOPPED, "stopped 3", "other")
    gate.set()
    await hass.async_block_till_done()

    assert told == ["under way", "failed", "confirmed", "stopped 2", "stopped 3"]


@pytest.mark.parametrize(
    ("priority", "shown"),
    [
        ("low", {"importance": "low", "push": {"interruption-level": "passive"}}),
        (
            "high",
            {
                "importance": "high",
                "priority": "high",
                "ttl": 0,
                "push": {"interruption-level": "time-sensitive"},
            },
        ),
    ],
)
async def test_a_priority_is_what_the_companion_apps_make_of_it(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    pushes: Any,
    priority: str,
    shown: dict[str, Any],
) -> None:
    await add("stream_started", look={"priority": priority, "tag": "if_stream"})
    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()

    [push] = pushes()
    channel = f"InfraFabric ({priority})"
    assert push["data"] == {"tag": "if_stream", "channel": channel, **shown}


# -- buttons ----------------------------------------------------------------------------------


@pytest.fixture
def everything(hass_admin_user: MockUser) -> dict[str, Any]:
    """Return the section of the form in which every button is offered."""
    offered = ["stop_stream", "restart_peer", "mute", "view_stats", "view_dashboard"]
    return {"offered": offered, "users": [hass_admin_user.id], "dashboard": "/lovelace/studio"}


async def on_air(hass: HomeAssistant, studio: FakeStudioClient, pushes: Any) -> dict[str, str]:
    """Let the stream start; return the actions on the phone by the beginning of their names."""
    studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()
    [push] = pushes()
    actions = [action["action"] for action in push["data"]["actions"]]
    return {action.rpartition("_")[0]: action for action in actions if action != "URI"}


async def test_the_stream_is_stopped_once_and_the_studios_confirmation_comes_back(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
) -> None:
    await add("stream_started", buttons=everything)
    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()
    [push] = pushes()
    stop, mute, stats, dashboard = push["data"]["actions"]
    assert stop["action"].startswith("STOP_STREAM_")
    assert len(stop["action"]) == len("STOP_STREAM_") + 32
    assert (stop["title"], stop["authenticationRequired"], stop["destructive"]) == (
        "Stop the stream",
        True,
        True,
    )
    assert mute["destructive"] is False
    uri = f"/config/devices/device/{device_id(hass, OBS_ID)}"
    assert stats == {"action": "URI", "title": "Show details", "uri": uri}
    assert dashboard["uri"] == "/lovelace/studio"

    await press(hass, stop["action"], hass_admin_user.id)
    await press(hass, stop["action"], hass_admin_user.id)

    assert init_studio.studio.outputs["stream"].state is OutputState.STOPPED
    assert len(init_studio.asked("stop_output")) == 1
    [result] = pushes()
    assert result["message"] == "Stage confirmed that the stream is stopped."
    assert result["data"]["tag"] == push["data"]["tag"]
    assert "actions" not in result["data"]


async def test_a_stream_that_could_not_be_stopped_is_not_called_stopped(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
) -> None:
    await add("stream_started", buttons=everything)
    actions = await on_air(hass, init_studio, pushes)
    init_studio.error = UnreachableError("studio_not_connected", "The studio is not connected.")
    await press(hass, actions["STOP_STREAM"], hass_admin_user.id)

    [result] = pushes()
    assert result["message"].startswith("Stage: it did not work. ")
    assert init_studio.studio.outputs["stream"].state is OutputState.ACTIVE


async def test_a_mistake_behind_a_button_is_told_without_its_details(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_call: Any) -> None:
        raise RuntimeError("a detail")

    await add("stream_started", buttons=everything)
    actions = await on_air(hass, init_studio, pushes)
    hass.services.async_register(DOMAIN, "stop_stream", broken)
    await press(hass, actions["STOP_STREAM"], hass_admin_user.id)

    [result] = pushes()
    assert result["message"] == ("Stage: it did not work. An unexpected error; the log has more.")
    assert "A button of Crew failed" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("works", [True, False])
async def test_a_lost_peer_is_connected_anew_or_told_to_be_out_of_reach(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
    works: bool,
) -> None:
    await add("peer_lost", buttons=everything)
    node.connect_peer(STUDIO.peer_id)
    node.disconnect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    [push] = pushes()
    restart = push["data"]["actions"][0]
    assert restart["title"] == "Connect anew"
    if not works:
        node.error = PeerUnreachableError("ice_failed", "No path.")

    await press(hass, restart["action"], hass_admin_user.id)

    [result] = pushes()
    assert node.asked("reconnect") == [(STUDIO.peer_id,)]
    if works:
        assert result["message"] == "Studio was connected anew."
    else:
        assert result["message"].startswith("Studio: it did not work. No network path")
    assert result["data"]["tag"] == push["data"]["tag"]


async def test_a_muted_rule_is_silent_for_an_hour_and_then_tells_what_is_still_wrong(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-11-22 12:00:00+00:00")
    await add("stream_started", "link_quality", buttons=everything)
    node.connect_peer(STUDIO.peer_id)
    actions = await on_air(hass, init_studio, pushes)
    await press(hass, actions["MUTE"], hass_admin_user.id)
    [result] = pushes()
    assert result["message"] == "Stage: no notifications of this rule until 13:00."

    init_studio.output("stream", OutputState.STOPPED)
    init_studio.output("stream", OutputState.ACTIVE)
    node.change_peer(STUDIO.peer_id, quality=BAD)
    await later(hass, freezer, 60)
    assert pushes() == []

    await later(hass, freezer, MUTE_TIME)
    [push] = pushes()
    assert push["message"] == "The link to Studio is bad: 212 ms, 7 % lost."


async def test_a_button_that_somebody_else_presses_does_nothing_and_is_used_up(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    hass_read_only_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await add("stream_started", buttons=everything)
    for stranger in (hass_read_only_user.id, None):
        init_studio.output("stream", OutputState.STOPPED)
        actions = await on_air(hass, init_studio, pushes)
        await press(hass, actions["STOP_STREAM"], stranger)
        [result] = pushes()
        assert result["message"] == ("Stage: nothing was done, because whoever pressed may not.")
        await press(hass, actions["STOP_STREAM"], hass_admin_user.id)

    assert init_studio.studio.outputs["stream"].state is OutputState.ACTIVE
    assert pushes() == []
    assert "pressed by somebody who may not" in caplog.text
    assert actions["STOP_STREAM"].rpartition("_")[2] not in caplog.text


async def test_who_is_no_active_user_any_more_may_not_press(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    hass_read_only_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
) -> None:
    user = hass_read_only_user
    await add("stream_started", buttons={**everything, "users": [user.id]})
    actions = await on_air(hass, init_studio, pushes)
    await hass.auth.async_deactivate_user(user)
    await press(hass, actions["STOP_STREAM"], user.id)

    assert init_studio.studio.outputs["stream"].state is OutputState.ACTIVE
    [result] = pushes()
    assert result["message"] == "Stage: nothing was done, because whoever pressed may not."


async def test_a_button_that_is_too_old_does_nothing(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("stream_started", buttons=everything)
    actions = await on_air(hass, init_studio, pushes)
    await later(hass, freezer, BUTTON_LIFETIME)
    await press(hass, actions["STOP_STREAM"], hass_admin_user.id)

    assert init_studio.studio.outputs["stream"].state is OutputState.ACTIVE
    [result] = pushes()
    assert result["message"] == ("Stage: nothing was done, because the button was too old.")


async def test_the_button_of_a_stream_that_is_over_does_nothing(
    hass: HomeAssistant,
    add: Add,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
) -> None:
    await add("stream_started", "stream_stopped", buttons=everything)
    old = (await on_air(hass, init_studio, pushes))["STOP_STREAM"]
    init_studio.output("stream", OutputState.STOPPED)
    init_studio.output("stream", OutputState.ACTIVE)
    await press(hass, old, hass_admin_user.id)
    await press(hass, "STOP_STREAM_0123456789abcdef0123456789abcdef", hass_admin_user.id)

    assert init_studio.studio.outputs["stream"].state is OutputState.ACTIVE


# -- the dialog -------------------------------------------------------------------------------


async def test_a_rule_is_changed_by_the_same_form_and_works_at_once(
    hass: HomeAssistant,
    add: Add,
    phone: str,
    surfaces: MockConfigEntry,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
) -> None:
    rule = await add("stream_started", buttons=everything, look={"tag": "one"})
    old = (await on_air(hass, init_studio, pushes))["STOP_STREAM"]
    result = await surfaces.start_subentry_reconfigure_flow(hass, rule.subentry_id)
    assert result["type"] is FlowResultType.FORM
    schema = result["data_schema"]
    assert schema is not None
    suggested = {str(key): (key.description or {}).get("suggested_value") for key in schema.schema}
    assert suggested["name"] == "Crew"
    assert suggested["occasions"] == ["stream_started"]

    result = await submit(
        hass, result, the_form(phone, "stream_stopped", name="Night crew", look={"tag": "two"})
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    # The buttons of the rule as it was are void.
    await press(hass, old, hass_admin_user.id)
    assert init_studio.studio.outputs["stream"].state is OutputState.ACTIVE

    init_studio.output("stream", OutputState.STOPPED)
    init_studio.output("stream", OutputState.ACTIVE)
    await hass.async_block_till_done()
    [push] = pushes()
    assert push["title"] == "Night crew"
    assert push["data"]["tag"] == "two"
    assert rule.title == "Night crew"


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"name": " "}, "name", "name_missing"),
        ({"occasions": []}, "occasions", "occasion_missing"),
        ({"phones": []}, "notify_entities", "nobody_told"),
        ({"buttons": {"offered": ["mute"]}}, "base", "nobody_may_press"),
        ({"buttons": {"dashboard": "https://evil.example"}}, "base", "dashboard_not_local"),
        ({"buttons": {"dashboard": "//evil.example"}}, "base", "dashboard_not_local"),
        ({"look": {"tag": "ä" * 33}}, "base", "tag_too_long"),
        ({"look": {"group": "g" * 65}}, "base", "tag_too_long"),
    ],
)
async def test_a_form_that_cannot_work_says_so_and_is_taken_when_it_is_mended(
    hass: HomeAssistant,
    surfaces: MockConfigEntry,
    phone: str,
    changes: dict[str, Any],
    field: str,
    error: str,
) -> None:
    form = the_form(phone, "stream_started")
    wrong = the_form(phone, "stream_started", **changes)
    result = await submit(hass, await begin(hass, surfaces), wrong)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {field: error}

    result = await submit(hass, result, form | {"name": " Crew "})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    [rule] = surfaces.subentries.values()
    assert rule.title == "Crew"
    assert rule.data["look"] == {"priority": "normal"}


async def test_only_people_can_be_chosen_to_press(
    hass: HomeAssistant, surfaces: MockConfigEntry, phone: str, hass_admin_user: MockUser
) -> None:
    system = await hass.auth.async_create_system_user("Supervisor")
    result = await begin(hass, surfaces)
    schema = result["data_schema"]
    assert schema is not None
    users = schema.schema["buttons"].schema.schema["users"].config["options"]

    assert hass_admin_user.id in {user["value"] for user in users}
    assert system.id not in {user["value"] for user in users}


# -- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["unloaded", "removed"])
async def test_nothing_of_a_rule_is_left(
    hass: HomeAssistant,
    add: Add,
    surfaces: MockConfigEntry,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
    freezer: FrozenDateTimeFactory,
    way: str,
) -> None:
    listeners = hass.bus.async_listeners().get("mobile_app_notification_action", 0)
    rule = await add("stream_started", "link_quality", "mesh_status", buttons=everything)
    old = (await on_air(hass, init_studio, pushes))["STOP_STREAM"]
    for quality in (BAD, GOOD_QUALITY, BAD):
        node.connect_peer(STUDIO.peer_id, quality=quality)
    await hass.async_block_till_done()
    pushes()

    if way == "unloaded":
        assert await hass.config_entries.async_unload(surfaces.entry_id)
    else:
        assert hass.config_entries.async_remove_subentry(surfaces, rule.subentry_id)
    await hass.async_block_till_done()
    assert hass.bus.async_listeners().get("mobile_app_notification_action", 0) == listeners

    await press(hass, old, hass_admin_user.id)
    init_studio.output("stream", OutputState.STOPPED)
    init_studio.output("stream", OutputState.ACTIVE)
    await later(hass, freezer, 3600)
    assert pushes() == []
    assert init_studio.asked("stop_output") == []


async def test_a_press_under_way_ends_with_its_rule(
    hass: HomeAssistant,
    add: Add,
    surfaces: MockConfigEntry,
    init_studio: FakeStudioClient,
    hass_admin_user: MockUser,
    everything: dict[str, Any],
    pushes: Any,
) -> None:
    await add("stream_started", buttons=everything)
    actions = await on_air(hass, init_studio, pushes)
    init_studio.gate = asyncio.Event()
    hass.bus.async_fire(
        "mobile_app_notification_action",
        {"action": actions["STOP_STREAM"]},
        context=Context(user_id=hass_admin_user.id),
    )
    while not init_studio.asked("stop_output"):
        await asyncio.sleep(0)

    assert await hass.config_entries.async_unload(surfaces.entry_id)
    await hass.async_block_till_done()
    assert pushes() == []


# -- small things -----------------------------------------------------------------------------


async def test_a_text_that_is_missing_is_replaced_and_not_an_error(hass: HomeAssistant) -> None:
    assert button_text(hass, "no_such_button") == "no_such_button"


def test_durations_and_files_are_written_as_people_read_them() -> None:
    assert (clock(5.9), clock(3661.4)) == ("0:00:05", "1:01:01")
    assert file_name("/videos/a.mkv") == "a.mkv"
    assert file_name("C:\\Videos\\b.mkv") == "b.mkv"
    assert file_name("/videos/") == file_name(None) == "?"
    assert len(file_name("x" * 1000)) == 120
