"""Messages of people on another site: they are shown, and can do nothing else."""

import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.infrafabric.const import MAX_EVENT_CONTENT
from custom_components.infrafabric.mesh.api import MessageDraft
from custom_components.infrafabric.mesh.messages.message import IFMessage
from custom_components.infrafabric.mesh.model import Role
from custom_components.infrafabric.mesh.trust.identity import check_groups
from custom_components.infrafabric.surfaces.notifications import recipients
from custom_components.infrafabric.surfaces.notifications.notifier import MESSAGE_BUTTONS
from custom_components.infrafabric.surfaces.notifications.peer_messages import (
    MAX_MESSAGE_TEXT,
    MAX_MESSAGE_TITLE,
    MESSAGE_BURST,
    MESSAGE_INTERVAL,
    TOPIC,
    Allowance,
    Said,
    said_to_people,
)
from custom_components.infrafabric.surfaces.notifications.rules import MUTE_TIME
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from . import notification_world
from .conftest import GARAGE, MESH_ID, STUDIO, FakeMeshNode
from .notification_world import Add, begin, device_id, later, press, submit, the_form

TRANSLATIONS = Path(recipients.__file__).parents[1] / "translations"

COMMANDS = (
    "clear_badge",
    "clear_notification",
    "command_activity",
    "command_app_lock",
    "command_auto_screen_brightness",
    "command_bluetooth",
    "command_ble_transmitter",
    "command_beacon_monitor",
    "command_broadcast_intent",
    "command_dnd",
    "command_flashlight",
    "command_high_accuracy_mode",
    "command_launch_app",
    "command_media",
    "command_persistent_connection",
    "command_ringer_mode",
    "command_screen_brightness_level",
    "command_screen_off_timeout",
    "command_screen_on",
    "command_stop_tts",
    "command_update_sensors",
    "command_volume_level",
    "command_webview",
    "delete_alert",
    "remove_channel",
    "request_location_update",
    "request_location_updates",
    "TTS",
    "update_complications",
    "update_widgets",
)
"""Texts that the companion apps and their push service take for something to do."""

peer = notification_world.peer
phone = notification_world.phone
pushes = notification_world.pushes
add = notification_world.add


def a_message(content: dict[str, Any], **draft: Any) -> IFMessage:
    node = FakeMeshNode.__new__(FakeMeshNode)
    node._sequence = 0
    return node.message(
        ["if://agent/anyone"], MessageDraft(content=content, **{"topic": TOPIC, **draft}), STUDIO
    )


def said(message: object, **more: Any) -> Said | None:
    return said_to_people(a_message({"message": message, **more}))


def shown(text: str, *, cut: bool = False) -> Said:
    return Said(text, cut)


def write(node: FakeMeshNode, text: str, identity: Any = STUDIO, **more: Any) -> None:
    """Let a peer send what its notify entity for this node sends."""
    node.receive(identity, {"message": text, **more}, topic=TOPIC)


# -- what is shown ----------------------------------------------------------------------------


def test_a_message_is_its_title_and_its_text() -> None:
    assert said("We are live") == shown("We are live")
    assert said("We are live", title="Studio") == shown("Studio\nWe are live")
    assert said("", title="Lunch!") == shown("Lunch!")
    shopping = said("Milk\n\n  Bread \r\nEggs", title="Buy\nthis")
    assert shopping == shown("Buy this\nMilk\nBread\nEggs")


@pytest.mark.parametrize(
    "draft",
    [
        {"topic": None},
        {"topic": "if://topic/doors"},
        {"performative": "request"},
        {"performative": "agree"},
    ],
)
def test_what_is_not_for_people_is_not_shown(draft: dict[str, Any]) -> None:
    assert said_to_people(a_message({"message": "x"}, **draft)) is None


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"message": None},
        {"message": 1},
        {"message": ["x"]},
        {"message": {"message": "x"}},
        {"message": "x", "title": 1},
        {"message": "x", "title": None},
        {"title": "x"},
        {"message": ""},
        {"message": " \n\t\u2028 "},
        {"message": "\x00\x1b\u202e\u200d"},
    ],
)
def test_what_says_nothing_is_not_shown(content: dict[str, Any]) -> None:
    assert said_to_people(a_message(content)) is None


def test_nothing_of_a_text_controls_or_turns_what_is_shown() -> None:
    hostile = "pay\x1b[31m\x00 \u202egnp.exe\u2066 10\u200b0\ufeff €\u0085now\u2028here\ue000"
    assert said(hostile) == shown("pay[31m gnp.exe 100 €\nnow\nhere")
    # Families are joined by a format character.
    assert said("👩\u200d👧") == shown("👩\u200d👧")


def test_what_is_too_long_is_cut_and_marked() -> None:
    assert said("a" * MAX_MESSAGE_TEXT) == shown("a" * MAX_MESSAGE_TEXT)
    assert said("a" * 100_000) == shown("a" * (MAX_MESSAGE_TEXT - 1) + "…", cut=True)
    title = "t" * (MAX_MESSAGE_TITLE - 1) + "…"
    assert said("x", title="t" * 1000) == shown(f"{title}\nx", cut=True)
    # More than it shows is not even looked at.
    assert said(" " * 1_000_000 + "x") == shown("…", cut=True)
    # A thousand lines are no longer than one.
    assert said("\n" * 1000 + "a\n" * 1000) == shown(("a\n" * 250)[:498] + "a…", cut=True)


def test_so_many_messages_are_shown_at_once_and_one_more_after_each_interval() -> None:
    allowance = Allowance(0)
    assert all(allowance.take(0) for _ in range(MESSAGE_BURST))
    assert allowance.held == 0

    assert not allowance.take(1)
    assert not allowance.take(2)
    assert allowance.wait(2) == pytest.approx(MESSAGE_INTERVAL - 2)
    # The next chance is for saying how many were not shown.
    assert not allowance.take(MESSAGE_INTERVAL)
    assert allowance.settle(MESSAGE_INTERVAL) == 3
    assert not allowance.take(MESSAGE_INTERVAL + 1)
    assert allowance.settle(2 * MESSAGE_INTERVAL) == 1
    assert allowance.take(3 * MESSAGE_INTERVAL)


def test_the_shown_texts_begin_with_words_of_this_home_assistant() -> None:
    for path in TRANSLATIONS.glob("*.json"):
        texts = json.loads(path.read_text())["selector"]["notification_text"]["options"]
        for key in ("peer_message", "peer_message_cut", "peer_messages_held"):
            words = texts[key].partition("{")[0]
            assert words.strip(), f"{path.name} {key} begins with what a peer has chosen"
            assert not any(word.startswith(words) for word in COMMANDS)


# -- rules ------------------------------------------------------------------------------------


async def test_different_messages_are_told_one_after_the_other_and_replace_nothing(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("peer_message", look={"group": "Neighbours", "priority": "high"})
    write(node, "We are live", title="Show")
    write(node, "Bring cake")
    write(node, "Bring cake")
    await hass.async_block_till_done()

    told = pushes()
    assert [push["message"] for push in told] == [
        "Message from Studio: Show\nWe are live",
        "Message from Studio: Bring cake",
        "Message from Studio: Bring cake",
    ]
    assert {push["title"] for push in told} == {"Crew"}
    tags = {push["data"]["tag"] for push in told}
    assert len(tags) == 3
    assert all(len(tag.encode()) <= 64 for tag in tags)
    assert {push["data"]["group"] for push in told} == {"Neighbours"}
    assert {push["data"]["importance"] for push in told} == {"high"}


async def test_messages_replace_each_other_if_the_rule_has_a_tag(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("peer_message", look={"tag": "neighbours"})
    write(node, "One")
    write(node, "Two")
    await hass.async_block_till_done()

    assert [push["data"]["tag"] for push in pushes()] == ["neighbours"] * 2


async def test_other_messages_and_other_rules_tell_nothing(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("peer_lost")
    write(node, "Nobody asked for it")
    await add("peer_message")
    node.receive(STUDIO, {"message": "on"}, topic="if://topic/light")
    node.receive(STUDIO, {"message": "on"})
    node.receive(STUDIO, {"message": "on"}, performative="request", topic=TOPIC)
    await hass.async_block_till_done()

    assert pushes() == []


async def test_a_rule_is_about_the_peers_it_names(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    node.add_peer(GARAGE, "Garage", role=Role.OBSERVE)
    await hass.async_block_till_done()
    garage = device_id(hass, f"{MESH_ID}_{GARAGE.peer_id}")
    await add("peer_message", targets={"device_id": [garage]})
    write(node, "From the studio")
    write(node, "From the garage", GARAGE)
    await hass.async_block_till_done()

    assert [push["message"] for push in pushes()] == ["Message from Garage: From the garage"]


@pytest.mark.parametrize("name", ["Garage", "ＧＡＲＡＧＥ", "Home"])
async def test_a_peer_that_takes_the_name_of_another_is_told_apart(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any, name: str
) -> None:
    node.add_peer(GARAGE, "Garage")
    await hass.async_block_till_done()
    await add("peer_message")
    node.change_peer(STUDIO.peer_id, name=name)
    write(node, "Open the door")
    await hass.async_block_till_done()

    [push] = pushes()
    groups = check_groups(STUDIO.peer_id)[:14]
    assert push["message"] == f"Message from {name} ({groups}): Open the door"


async def test_a_message_is_told_whose_content_is_too_long_for_an_event(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("peer_message")
    write(node, "Long " * MAX_EVENT_CONTENT)
    await hass.async_block_till_done()

    [push] = pushes()
    assert push["message"].startswith("Message from Studio (shortened): Long Long")
    assert push["message"].endswith("…")
    assert len(push["message"]) < MAX_MESSAGE_TEXT + 50


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("name", ["Studio", "command_dnd"])
async def test_a_peer_cannot_command_a_phone(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
    language: str,
    name: str,
) -> None:
    await hass.config.async_update(language=language)
    await hass.async_block_till_done()
    node.change_peer(STUDIO.peer_id, name=name)
    # The notify entity of a phone ends at the same app.
    await add("peer_message", notify_entities=["notify.phone"])
    for command in COMMANDS:
        await later(hass, freezer, MESSAGE_INTERVAL)
        write(node, command, title="")
        await hass.async_block_till_done()
        told = [push["message"] for push in pushes()]
        assert len(told) == 2
        for message in told:
            assert message not in COMMANDS
            assert not message.startswith(COMMANDS)
            assert command in message


async def test_a_peer_chooses_nothing_but_the_words(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, pushes: Any
) -> None:
    await add("peer_message", notify_entities=["notify.phone"])
    write(
        node,
        "<a href='https://evil.example'>{{ states('lock.door') }}</a> {name.__class__} {0}",
        title="{{ 1 / 0 }}",
        data={"actions": [{"action": "URI", "uri": "https://evil.example"}], "ttl": 0},
        url="https://evil.example",
        clickAction="https://evil.example",
        priority="high",
        tag="other",
    )
    await hass.async_block_till_done()

    by_entity, by_rule = sorted(pushes(), key=lambda push: "data" in push)
    for push in (by_entity, by_rule):
        assert push["title"] == "Crew"
        assert push["message"] == (
            "Message from Studio: {{ 1 / 0 }}\n‹a href='https://evil.example'>"
            "{{ states('lock.door') }}‹/a> {name.__class__} {0}"
        )
    assert by_rule["data"].keys() == {"tag", "channel", "importance"}
    assert by_rule["data"]["importance"] == "default"
    assert "data" not in by_entity


# -- how many ---------------------------------------------------------------------------------


async def test_a_flood_is_told_as_one_number_and_other_peers_are_heard(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    node.add_peer(GARAGE, "Garage")
    await hass.async_block_till_done()
    await add("peer_message")
    for number in range(MESSAGE_BURST + 200):
        write(node, f"Buy! {number}")
    write(node, "Dinner is ready", GARAGE)
    await hass.async_block_till_done()

    told = [push["message"] for push in pushes()]
    assert told == [
        *(f"Message from Studio: Buy! {number}" for number in range(MESSAGE_BURST)),
        "Message from Garage: Dinner is ready",
    ]
    await later(hass, freezer, MESSAGE_INTERVAL - 1)
    write(node, "Buy! more")
    await later(hass, freezer, 2)
    [first] = pushes()
    assert first["message"] == (
        "Messages from Studio that are not shown: 201. There were too many."
    )

    # As long as it goes on, one number replaces the other.
    write(node, "Buy!")
    await later(hass, freezer, MESSAGE_INTERVAL)
    [second] = pushes()
    assert "not shown: 1." in second["message"]
    assert second["data"]["tag"] == first["data"]["tag"]

    await later(hass, freezer, MESSAGE_INTERVAL)
    write(node, "Sorry")
    await hass.async_block_till_done()
    assert [push["message"] for push in pushes()] == ["Message from Studio: Sorry"]


async def test_the_flood_of_a_peer_that_is_removed_is_forgotten(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("peer_message")
    for _ in range(MESSAGE_BURST + 1):
        write(node, "Buy!")
    node.remove_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert len(pushes()) == MESSAGE_BURST

    await later(hass, freezer, MESSAGE_INTERVAL)
    assert pushes() == []

    # Invited again, it begins anew.
    node.add_peer(STUDIO, "Studio")
    write(node, "Sorry")
    await hass.async_block_till_done()
    assert [push["message"] for push in pushes()] == ["Message from Studio: Sorry"]


async def test_a_muted_rule_says_nothing_and_what_was_held_back_before_afterwards(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    hass_admin_user: MockUser,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("peer_message", buttons={"offered": ["mute"], "users": [hass_admin_user.id]})
    for _ in range(MESSAGE_BURST + 2):
        write(node, "Buy!")
    await hass.async_block_till_done()
    [*_, last] = pushes()
    [mute] = last["data"]["actions"]
    await press(hass, mute["action"], hass_admin_user.id)
    [result] = pushes()
    assert result["message"].startswith("Studio: no notifications of this rule until")
    assert result["data"]["tag"] == last["data"]["tag"]

    await later(hass, freezer, MESSAGE_INTERVAL)
    write(node, "Are you there?")
    await hass.async_block_till_done()
    assert pushes() == []

    await later(hass, freezer, MUTE_TIME)
    [push] = pushes()
    assert "not shown: 2." in push["message"]
    write(node, "Good morning")
    await hass.async_block_till_done()
    assert [push["message"] for push in pushes()] == ["Message from Studio: Good morning"]


async def test_only_the_buttons_of_the_latest_messages_work(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    hass_admin_user: MockUser,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
) -> None:
    await add("peer_message", buttons={"offered": ["mute"], "users": [hass_admin_user.id]})
    for number in range(MESSAGE_BUTTONS + 1):
        await later(hass, freezer, MESSAGE_INTERVAL)
        write(node, f"{number}")
        await hass.async_block_till_done()
    first, second, *_ = [push["data"]["actions"][0]["action"] for push in pushes()]

    await press(hass, first, hass_admin_user.id)
    assert pushes() == []
    await press(hass, second, hass_admin_user.id)
    assert len(pushes()) == 1


# -- round and round --------------------------------------------------------------------------


async def a_group(hass: HomeAssistant, *members: str) -> str:
    entry = MockConfigEntry(
        domain="group",
        title="Everybody",
        options={
            "group_type": "notify",
            "name": "Everybody",
            "entities": list(members),
            "hide_members": False,
        },
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return "notify.everybody"


async def test_a_message_of_a_peer_is_sent_on_to_no_peer(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    peer: str,
    pushes: Any,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await add("peer_message", "peer_lost", notify_entities=[peer])
    for _ in range(MESSAGE_BURST + 1):
        write(node, "Pass it on")
    await later(hass, freezer, MESSAGE_INTERVAL)
    # Not even how many there were.
    assert len(pushes()) == MESSAGE_BURST + 1
    assert node.asked("send") == []
    # That is nothing to be warned of each time.
    assert "could not notify" not in caplog.text

    # Of its other occasions, the rule tells them.
    node.add_peer(GARAGE, "Garage")
    node.connect_peer(GARAGE.peer_id)
    node.disconnect_peer(GARAGE.peer_id)
    await hass.async_block_till_done()
    [(receivers, draft, _)] = node.asked("send")
    assert receivers == (STUDIO.peer_id,)
    assert (draft.topic, draft.content["message"]) == (TOPIC, "Garage is no longer connected.")


async def test_a_message_of_a_peer_reaches_no_peer_through_a_group_either(
    hass: HomeAssistant,
    add: Add,
    node: FakeMeshNode,
    peer: str,
    pushes: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inner = await a_group(hass, peer, "notify.phone")
    await add("peer_message", notify_entities=[inner], phones=[])
    write(node, "Pass it on")
    await hass.async_block_till_done()

    assert node.asked("send") == []
    # The others in the group are told, and the log says who is not and why.
    assert [push["message"] for push in pushes()] == ["Message from Studio: Pass it on"]
    assert (
        f"Crew could not notify {inner}: A message from a peer is not sent on to a peer."
        in caplog.text
    )

    # People are free to pass it on.
    await hass.services.async_call(
        "notify", "send_message", {"entity_id": inner, "message": "Hello"}, blocking=True
    )
    assert len(node.asked("send")) == 1


async def test_two_homes_that_tell_each_other_everything_say_it_once(
    hass: HomeAssistant, add: Add, node: FakeMeshNode, peer: str, pushes: Any
) -> None:
    """The peer sends back whatever it is sent, as a rule of a faulty version might."""
    answered = 0

    async def echo() -> None:
        nonlocal answered
        while len(node.asked("send")) > answered and answered < 5:
            answered += 1
            write(node, str(node.asked("send")[answered - 1][1].content["message"]))
            await hass.async_block_till_done()

    await add("peer_message", notify_entities=[await a_group(hass, peer)])
    await hass.services.async_call(
        "notify", "send_message", {"entity_id": peer, "message": "Hello"}, blocking=True
    )
    await echo()

    assert answered == 1
    assert [push["message"] for push in pushes()] == ["Message from Studio: Hello"]


@pytest.mark.parametrize("others", [[], ["stream_started"]])
async def test_a_rule_that_would_tell_nobody_of_messages_is_refused(
    hass: HomeAssistant,
    surfaces: MockConfigEntry,
    phone: str,
    peer: str,
    others: list[str],
) -> None:
    form = the_form(phone, "peer_message", *others, notify_entities=[peer], phones=[])
    result = await submit(hass, await begin(hass, surfaces), form)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"notify_entities": "only_peers_told"}

    result = await submit(hass, result, form | {"phones": [phone]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    [rule] = surfaces.subentries.values()
    assert isinstance(rule, ConfigSubentry)
    assert rule.data["notify_entities"] == [peer]
