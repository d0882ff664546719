"""What *Configure* offers for a studio, and what comes of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.const import (
    CONF_AUDIO_CHANNELS,
    CONF_AUDIO_METERS,
    CONF_DESTINATIONS,
    CONF_POLL_INTERVAL,
    CONF_SCENE_ITEMS,
    CONF_SCENES,
)
from custom_components.infrafabric.studio.destination import Destination, Service
from custom_components.infrafabric.studio.errors import InvalidError
from custom_components.infrafabric.studio.model import Feature, StudioState
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from .studio_fake import BREAK, CAMERA, MICROPHONE, FakeStudioClient, obs_state, vmix_state

KEY = "live_424242_hunter2"
TWITCH = {"name": "Main", "service": "twitch", "key": KEY}
RTMP = {
    "name": "Church",
    "service": "rtmp",
    "server": "rtmps://ingest.example/live",
    "key": "rtmp-key-hunter2",
    "username": "sexton",
    "password": "rtmp-password-hunter2",
}
SRT = {
    "name": "Truck",
    "service": "srt",
    "mode": "caller",
    "host": "srt.example",
    "port": 9000,
    "latency_ms": 200,
    "passphrase": "srt-passphrase-hunter2",
    "stream_id": "srt-stream-hunter2",
}
WHIP = {
    "name": "Web",
    "service": "whip",
    "server": "https://whip.example/endpoint",
    "token": "whip-token-hunter2",
}
STORED = [TWITCH, RTMP, SRT, WHIP]


@pytest.fixture
def studio_state(request: pytest.FixtureRequest) -> StudioState:
    """Return a vMix for the tests that ask for one, else an OBS."""
    return vmix_state() if "vmix" in request.node.name else obs_state()


@pytest.fixture
def studio_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return stored destinations for the tests that are about them."""
    return {CONF_DESTINATIONS: STORED} if "stored" in request.node.name else {}


async def _open(hass: HomeAssistant, entry: MockConfigEntry, *way: str) -> ConfigFlowResult:
    result: Any = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "studio"
    for step in way:
        result = await _submit(hass, result, {"next_step_id": step})
    return result


async def _submit(
    hass: HomeAssistant, result: ConfigFlowResult, user_input: Mapping[str, Any]
) -> ConfigFlowResult:
    result = await hass.config_entries.options.async_configure(result["flow_id"], dict(user_input))
    await hass.async_block_till_done()
    return result


def _suggested(result: ConfigFlowResult) -> dict[str, Any]:
    schema = result["data_schema"]
    assert schema is not None
    return {
        str(key): key.description["suggested_value"]
        for key in schema.schema
        if key.description and "suggested_value" in key.description
    }


def _offered(result: ConfigFlowResult, field: str) -> list[Any]:
    """Return the values that a field offers."""
    schema = result["data_schema"]
    assert schema is not None
    options = schema.schema[field].config["options"]
    return [option["value"] if isinstance(option, dict) else option for option in options]


# -- settings -----------------------------------------------------------------------------------


async def test_the_settings_of_an_obs_apply_while_it_stays_connected(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "studio_settings")
    assert result["step_id"] == "obs_settings"
    assert _suggested(result) == {
        CONF_POLL_INTERVAL: 5.0,
        CONF_AUDIO_CHANNELS: [],
        CONF_AUDIO_METERS: False,
        CONF_SCENE_ITEMS: "none",
        CONF_SCENES: [],
    }
    assert _offered(result, CONF_SCENES) == [*init_studio.studio.sources]

    result = await _submit(
        hass,
        result,
        {
            CONF_POLL_INTERVAL: 2.5,
            CONF_AUDIO_CHANNELS: [MICROPHONE],
            CONF_AUDIO_METERS: False,
            CONF_SCENE_ITEMS: "none",
        },
    )

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert studio_entry.options[CONF_POLL_INTERVAL] == 2.5
    assert studio_entry.options[CONF_AUDIO_CHANNELS] == [MICROPHONE]
    assert init_studio.poll_interval == 2.5
    assert not init_studio.asked("stop")


async def test_scenes_are_chosen_only_together_with_their_items(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "studio_settings")
    chosen = {CONF_POLL_INTERVAL: 5.0, CONF_AUDIO_METERS: False, CONF_SCENE_ITEMS: "chosen"}

    result = await _submit(hass, result, chosen)
    assert result["errors"] == {CONF_SCENES: "no_scene_chosen"}
    assert _suggested(result)[CONF_SCENE_ITEMS] == "chosen"
    result = await _submit(hass, result, chosen | {CONF_SCENES: [CAMERA]})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert studio_entry.options[CONF_SCENES] == [CAMERA]


async def test_what_another_scene_collection_has_stays_chosen(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    options = {
        CONF_AUDIO_CHANNELS: ["elsewhere", MICROPHONE],
        CONF_SCENE_ITEMS: "chosen",
        CONF_SCENES: ["far away", BREAK],
    }
    hass.config_entries.async_update_entry(studio_entry, options=options)
    await hass.async_block_till_done()
    result = await _open(hass, studio_entry, "studio_settings")

    result = await _submit(
        hass,
        result,
        {
            CONF_POLL_INTERVAL: 5.0,
            CONF_AUDIO_METERS: False,
            CONF_SCENE_ITEMS: "chosen",
            CONF_SCENES: [CAMERA],
        },
    )

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert studio_entry.options[CONF_AUDIO_CHANNELS] == ["elsewhere"]
    assert studio_entry.options[CONF_SCENES] == [CAMERA, "far away"]


async def test_the_settings_of_a_vmix_have_no_scene_items(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "studio_settings")
    assert result["step_id"] == "vmix_settings"
    # Master and buses have enabled entities anyway.
    assert _offered(result, CONF_AUDIO_CHANNELS) == [
        key for key in init_studio.studio.audio if key not in ("master", "bus_a")
    ]

    result = await _submit(hass, result, {CONF_POLL_INTERVAL: 1, CONF_AUDIO_METERS: True})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert studio_entry.options == {
        CONF_POLL_INTERVAL: 1,
        CONF_AUDIO_CHANNELS: [],
        CONF_AUDIO_METERS: True,
        CONF_SCENE_ITEMS: "none",
        CONF_SCENES: [],
        CONF_DESTINATIONS: [],
    }


async def _keeps_what_was_chosen(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    hass.config_entries.async_update_entry(entry, options={CONF_AUDIO_CHANNELS: [MICROPHONE]})
    result = await _open(hass, entry, "studio_settings")
    assert result["step_id"] == "away_settings"

    result = await _submit(hass, result, {CONF_POLL_INTERVAL: 10})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options[CONF_POLL_INTERVAL] == 10
    assert entry.options[CONF_AUDIO_CHANNELS] == [MICROPHONE]


@pytest.fixture
def studio_client(request: pytest.FixtureRequest, studio_state: StudioState) -> FakeStudioClient:
    """Return a client that finds nothing in the tests that are about a studio that is off."""
    return FakeStudioClient(studio_state, on="nobody_saw" not in request.node.name)


async def test_a_studio_that_nobody_saw_yet_keeps_what_was_chosen(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    await _keeps_what_was_chosen(hass, studio_entry)

    assert init_studio.poll_interval == 10


async def test_a_studio_that_is_not_set_up_keeps_what_was_chosen(
    hass: HomeAssistant, studio_entry: MockConfigEntry
) -> None:
    studio_entry.add_to_hass(hass)

    await _keeps_what_was_chosen(hass, studio_entry)


# -- destinations -------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", STORED, ids=lambda wanted: wanted["service"])
async def test_a_destination_is_kept_with_its_key(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    caplog: pytest.LogCaptureFixture,
    wanted: dict[str, Any],
) -> None:
    result = await _open(hass, studio_entry, "destinations")
    assert result["step_id"] == "destinations_none"
    result = await _submit(hass, result, {"next_step_id": "destination_add"})
    assert _offered(result, "service") == [service.value for service in Service]
    result = await _submit(hass, result, {"service": wanted["service"]})
    assert result["type"] is FlowResultType.FORM

    result = await _submit(
        hass, result, {key: value for key, value in wanted.items() if key != "service"}
    )

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert studio_entry.options[CONF_DESTINATIONS] == [wanted]
    destination = studio_entry.runtime_data.destinations[wanted["name"]]
    assert destination.secrets()
    # It is used when somebody asks for it, not now.
    assert not init_studio.asked("set_destination")
    assert not init_studio.asked("stop")
    assert "hunter2" not in caplog.text


MISTAKES = [
    ("twitch", {"name": "Main"}, {"key": "destination_missing"}),
    ("twitch", {"name": "x" * 65, "key": KEY}, {"name": "destination_length"}),
    ("twitch", {"name": "a\x00b", "key": KEY}, {"name": "destination_text"}),
    ("rtmp", {"name": "R", "server": "https://x.example"}, {"server": "destination_scheme"}),
    ("rtmp", {"name": "R", "server": "rtmp://a b/c"}, {"server": "destination_address"}),
    (
        "rtmp",
        {"name": "R", "server": "rtmp://user:hunter2@x.example/live"},
        {"server": "destination_credentials"},
    ),
    (
        "rtmp",
        {"name": "R", "server": "rtmp://x.example/live", "password": "hunter2"},
        {"username": "destination_missing"},
    ),
    ("srt", {"name": "S", "mode": "caller", "port": 9000}, {"host": "destination_missing"}),
    (
        "srt",
        {"name": "S", "mode": "caller", "host": "h", "port": 9000, "passphrase": "short"},
        {"passphrase": "destination_length"},
    ),
    (
        "srt",
        {"name": "S", "mode": "listener", "port": 9000, "stream_id": "hunter2"},
        {"stream_id": "destination_unused"},
    ),
    (
        "whip",
        {"name": "W", "server": "https://whip.example", "token": "two words"},
        {"token": "destination_text"},
    ),
]


@pytest.mark.parametrize(("service", "typed", "errors"), MISTAKES)
async def test_a_destination_that_cannot_work_is_explained_and_what_was_typed_stays(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    service: str,
    typed: dict[str, Any],
    errors: dict[str, str],
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_add")
    result = await _submit(hass, result, {"service": service})

    result = await _submit(hass, result, typed)

    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    assert typed.items() <= _suggested(result).items()
    assert "hunter2" not in str(result["description_placeholders"])
    good = next(wanted for wanted in STORED if wanted["service"] == service)
    result = await _submit(
        hass, result, {key: value for key, value in good.items() if key != "service"}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert studio_entry.options[CONF_DESTINATIONS] == [good]


async def test_what_no_field_of_the_form_is_about_is_explained_in_words(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_add")
    result = await _submit(hass, result, {"service": "twitch"})

    def refuse(values: Mapping[str, Any]) -> None:
        raise InvalidError("brand_new_code", "Something new.", field="key_length")

    with monkeypatch.context() as patch:
        patch.setattr(Destination, "from_mapping", refuse)
        result = await _submit(hass, result, {"name": "Main", "key": KEY})

    assert result["errors"] == {"base": "destination_invalid"}
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    assert placeholders["error"] == "Something new."
    result = await _submit(hass, result, {"name": "Main", "key": KEY})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_two_stored_destinations_cannot_have_the_same_name(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_add")
    result = await _submit(hass, result, {"service": "youtube"})
    assert _suggested(result) == {"name": "YouTube"}

    result = await _submit(hass, result, {"name": "Main", "key": "yt-hunter2"})
    assert result["errors"] == {"name": "destination_name_taken"}
    result = await _submit(hass, result, {"name": "Second", "key": "yt-hunter2"})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert [*studio_entry.runtime_data.destinations] == ["Main", "Church", "Truck", "Web", "Second"]


async def test_stored_destinations_are_listed_without_anything_secret(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "destinations")

    assert result["step_id"] == "destinations"
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    lines = placeholders["destinations"].splitlines()
    assert len(lines) == 4
    assert lines[0] == "- **Main**: Twitch"
    assert "hunter2" not in str(placeholders)
    for step in ("destination_edit", "destination_remove"):
        shown = await _open(hass, studio_entry, "destinations", step)
        assert shown["data_schema"] is not None
        (selector,) = shown["data_schema"].schema.values()
        assert "hunter2" not in str(selector.config)


@pytest.mark.parametrize("wanted", STORED, ids=lambda wanted: wanted["service"])
async def test_a_stored_key_is_not_shown_again_and_stays_when_its_field_is_left_empty(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    wanted: dict[str, Any],
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_edit")
    result = await _submit(hass, result, {"destination": wanted["name"]})
    shown = _suggested(result)
    assert "hunter2" not in str(shown)

    result = await _submit(hass, result, shown | {"name": "New name"})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    others = [known for known in STORED if known is not wanted]
    assert studio_entry.options[CONF_DESTINATIONS] == [*others, wanted | {"name": "New name"}]


async def test_the_strength_of_the_encryption_is_chosen_and_stays_in_a_stored_destination(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_edit")
    result = await _submit(hass, result, {"destination": "Truck"})
    assert "key_length" not in _suggested(result)
    await _submit(hass, result, _suggested(result) | {"key_length": "32"})
    stored = studio_entry.runtime_data.destinations["Truck"]
    assert stored.key_length == 32

    result = await _open(hass, studio_entry, "destinations", "destination_edit")
    result = await _submit(hass, result, {"destination": "Truck"})
    assert _suggested(result)["key_length"] == "32"
    await _submit(hass, result, _suggested(result) | {"latency_ms": 300})

    assert studio_entry.runtime_data.destinations["Truck"].key_length == 32
    result = await _open(hass, studio_entry, "destinations", "destination_edit")
    result = await _submit(hass, result, {"destination": "Truck"})
    await _submit(hass, result, _suggested(result) | {"key_length": "auto"})
    assert studio_entry.runtime_data.destinations["Truck"].key_length is None


async def test_a_stored_key_is_replaced_by_the_one_that_is_typed(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_edit")
    result = await _submit(hass, result, {"destination": "Main"})

    result = await _submit(hass, result, {"name": "Main", "key": "another"})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert studio_entry.runtime_data.destinations["Main"].key == "another"


async def test_a_stored_password_goes_with_its_user_name(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_edit")
    result = await _submit(hass, result, {"destination": "Church"})

    result = await _submit(hass, result, {"name": "Church", "server": RTMP["server"]})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    destination = studio_entry.runtime_data.destinations["Church"]
    assert destination.password is None
    assert destination.key == RTMP["key"]


async def test_a_stored_caller_that_becomes_a_listener_has_no_stream_id_any_more(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_edit")
    result = await _submit(hass, result, {"destination": "Truck"})

    result = await _submit(
        hass, result, {"name": "Truck", "mode": "listener", "port": 9000, "latency_ms": 200.0}
    )

    assert result["type"] is FlowResultType.CREATE_ENTRY
    destination = studio_entry.runtime_data.destinations["Truck"]
    assert destination.stream_id is None
    assert destination.passphrase == SRT["passphrase"]


async def test_stored_destinations_are_forgotten_with_their_keys(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_remove")

    result = await _submit(hass, result, {CONF_DESTINATIONS: ["Main", "Church", "Web"]})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert studio_entry.options[CONF_DESTINATIONS] == [SRT]
    assert not init_studio.asked("stop")


# What a later version may have written.
LATER = {"name": "Satellite *dish*", "service": "satellite", "key": "later-hunter2", "dish": 7}
NAMELESS = {"service": 4711}


@pytest.mark.parametrize("studio_options", [{CONF_DESTINATIONS: [LATER, SRT, NAMELESS]}])
async def test_a_destination_that_cannot_be_read_is_said_so_and_stays_as_it_is(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    menu = await _open(hass, studio_entry, "destinations")
    assert menu["step_id"] == "destinations_unreadable"
    placeholders = menu["description_placeholders"]
    assert placeholders is not None
    assert "Truck" in placeholders["destinations"]
    assert placeholders["unreadable"] == "- **Satellite &#42;dish&#42;**\n- **?**"
    assert "hunter2" not in str(placeholders)

    form = await _submit(hass, menu, {"next_step_id": "destination_edit"})
    assert _offered(form, "destination") == ["Truck"]
    form = await _submit(hass, form, {"destination": "Truck"})
    values = {**_suggested(form), "latency_ms": 500}
    taken = await _submit(hass, form, {**values, "name": LATER["name"]})
    assert taken["errors"] == {"name": "destination_name_taken"}
    await _submit(hass, taken, values)
    assert studio_entry.options[CONF_DESTINATIONS] == [{**SRT, "latency_ms": 500}, LATER, NAMELESS]

    form = await _open(hass, studio_entry, "destinations", "destination_remove")
    dish, nameless = _offered(form, CONF_DESTINATIONS)[1:]
    await _submit(hass, form, {CONF_DESTINATIONS: ["Truck", nameless]})
    assert studio_entry.options[CONF_DESTINATIONS] == [LATER]

    menu = await _open(hass, studio_entry, "destinations")
    assert menu["description_placeholders"] == placeholders | {
        "destinations": "–",
        "unreadable": "- **Satellite &#42;dish&#42;**",
    }
    again = await _submit(hass, menu, {"next_step_id": "destination_edit"})
    assert again["step_id"] == "destinations_unreadable", "none of them can be changed"
    form = await _submit(hass, again, {"next_step_id": "destination_remove"})
    await _submit(hass, form, {CONF_DESTINATIONS: [dish]})
    assert studio_entry.options[CONF_DESTINATIONS] == []


async def test_what_the_studio_cannot_stream_to_is_not_offered_by_a_vmix(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    result = await _open(hass, studio_entry, "destinations", "destination_add")

    assert _offered(result, "service") == ["twitch", "youtube", "facebook", "kick", "rtmp"]


async def test_an_obs_that_is_too_old_for_whip_does_not_offer_it(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    state = init_studio.studio
    init_studio.replace_state(replace(state, features=state.features - {Feature.WHIP}))

    result = await _open(hass, studio_entry, "destinations", "destination_add")

    assert "whip" not in _offered(result, "service")
    assert "srt" in _offered(result, "service")
