"""Setting up, changing and unloading a studio, and what the coordinator makes of its news."""

from collections.abc import Iterable
from dataclasses import replace
import logging
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric import async_remove_config_entry_device
from custom_components.infrafabric.const import (
    CONF_AUDIO_CHANNELS,
    CONF_AUDIO_METERS,
    CONF_DESTINATIONS,
    CONF_POLL_INTERVAL,
    CONF_SCENE_ITEMS,
    CONF_SCENES,
    CONF_STUDIO_ID,
    DOMAIN,
    STUDIO_PLATFORMS,
)
from custom_components.infrafabric.errors import studio_errors
from custom_components.infrafabric.forms import plain
from custom_components.infrafabric.studio.errors import (
    AuthenticationError,
    DeadlineError,
    InvalidError,
    ProtocolError,
    RefusedError,
    StudioError,
    UnreachableError,
    UnsupportedError,
)
from custom_components.infrafabric.studio.events import Connected, StudioEvent
from custom_components.infrafabric.studio.health import HealthBand
from custom_components.infrafabric.studio.model import OutputState, StudioKind, StudioState, Version
from custom_components.infrafabric.studio.obs import ObsClient
from custom_components.infrafabric.studio.vmix import VmixClient
from custom_components.infrafabric.studio_coordinator import StudioCoordinator
from custom_components.infrafabric.studio_setup import make_client
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    CONF_HOST,
    CONF_SSL,
    CONF_VERIFY_SSL,
    EVENT_HOMEASSISTANT_STOP,
    STATE_UNAVAILABLE,
    Platform,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .conftest import OBS_ID, VMIX_ID
from .studio_fake import (
    BREAK,
    CAMERA,
    DESK,
    MICROPHONE,
    MUSIC,
    FakeStudioClient,
    obs_state,
    vmix_state,
)

REFUSED = UnreachableError("studio_refused_connection", "Nothing listens at obs.example:4455.")
TOO_OLD = ProtocolError("studio_too_old", "Too old.", found="4.9.1", needed="5.0")


@pytest.fixture
def studio_state(request: pytest.FixtureRequest) -> StudioState:
    """Return a vMix for the tests that ask for one, else an OBS."""
    return vmix_state() if "vmix" in request.node.name else obs_state()


@pytest.fixture
def studio_client(request: pytest.FixtureRequest, studio_state: StudioState) -> FakeStudioClient:
    """Return a client that finds nothing in the tests that are about a studio that is off."""
    return FakeStudioClient(studio_state, on="is_off" not in request.node.name)


@pytest.fixture
def platforms(request: pytest.FixtureRequest) -> list[Platform]:
    """Return all platforms for the tests that are about entities."""
    return STUDIO_PLATFORMS if "entit" in request.node.name else []


def coordinator_of(entry: MockConfigEntry) -> StudioCoordinator:
    coordinator: StudioCoordinator = entry.runtime_data
    return coordinator


def device_of(hass: HomeAssistant, entry: MockConfigEntry) -> dr.DeviceEntry:
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name.startswith("custom_components.infrafabric")
    ]


# -- life ---------------------------------------------------------------------------------------


async def test_the_client_runs_while_the_entry_is_loaded(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    assert studio_entry.state is ConfigEntryState.LOADED
    assert init_studio.running
    assert init_studio.subscribers == 1

    assert await hass.config_entries.async_unload(studio_entry.entry_id)

    assert studio_entry.state is ConfigEntryState.NOT_LOADED
    assert not init_studio.running
    assert init_studio.subscribers == 0


async def test_a_studio_that_is_off_is_loaded_all_the_same_and_comes_by_itself(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    coordinator = coordinator_of(studio_entry)
    assert studio_entry.state is ConfigEntryState.LOADED
    assert not coordinator.available
    assert coordinator.state is None
    device = device_of(hass, studio_entry)
    assert device.identifiers == {(DOMAIN, OBS_ID)}
    assert (device.manufacturer, device.model) == ("OBS Project", "OBS Studio")
    assert device.sw_version is None
    assert not hass.config_entries.flow.async_progress()

    init_studio.connect()

    assert coordinator.available
    assert coordinator.state is init_studio.studio
    assert device_of(hass, studio_entry).sw_version == "32.0.1"


async def test_it_is_told_once_that_a_studio_goes_and_once_that_it_is_back(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.clear()

    init_studio.disconnect(None)
    init_studio.disconnect(REFUSED)
    init_studio.disconnect(DeadlineError("studio_timeout", "x"))
    init_studio.connect()
    init_studio.replace_state(profile="Sunday service")

    assert [level for level, _ in told(caplog)] == [logging.INFO, logging.INFO]
    assert [text for _, text in told(caplog)] == [
        "Stage is not connected: it said goodbye",
        "Stage is connected",
    ]


async def test_home_assistant_s_stop_ends_the_connection_once_and_without_news(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.clear()
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(studio_entry.entry_id)

    assert init_studio.asked("stop") == [()]
    assert not told(caplog)


async def test_a_removed_entry_leaves_nothing(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
) -> None:
    init_studio.disconnect(TOO_OLD)

    await hass.config_entries.async_remove(studio_entry.entry_id)
    await hass.async_block_till_done()

    assert not init_studio.running
    assert not dr.async_entries_for_config_entry(dr.async_get(hass), studio_entry.entry_id)
    assert not er.async_entries_for_config_entry(er.async_get(hass), studio_entry.entry_id)
    assert not ir.async_get(hass).issues
    assert not [key for key in hass_storage if key.startswith(DOMAIN)]


async def test_the_device_of_a_studio_stays_and_a_stray_one_can_be_deleted(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    stray = dr.async_get(hass).async_get_or_create(
        config_entry_id=studio_entry.entry_id, identifiers={(DOMAIN, "stray")}
    )
    own = dr.async_get(hass).async_get(coordinator_of(studio_entry).device_id)
    assert own is not None

    assert not await async_remove_config_entry_device(hass, studio_entry, own)
    assert await async_remove_config_entry_device(hass, studio_entry, stray)


# -- the device ---------------------------------------------------------------------------------


async def test_the_device_of_a_vmix_tells_its_edition_and_keeps_it_while_it_is_away(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    device = device_of(hass, studio_entry)
    assert device.identifiers == {(DOMAIN, VMIX_ID)}
    assert (device.manufacturer, device.model) == ("StudioCoast", "vMix 4K")
    assert (device.name, device.sw_version) == ("Truck", "28.0.0.39")
    assert coordinator_of(studio_entry).kind is StudioKind.VMIX

    init_studio.on = False
    await hass.config_entries.async_reload(studio_entry.entry_id)
    assert not coordinator_of(studio_entry).available
    assert device_of(hass, studio_entry).model == "vMix 4K"

    init_studio.connect(vmix_state(version=Version(software="29.0.0.1", edition="Pro")))
    device = device_of(hass, studio_entry)
    assert (device.model, device.sw_version) == ("vMix Pro", "29.0.0.1")


async def test_another_title_renames_the_device(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    hass.config_entries.async_update_entry(studio_entry, title="Nave")
    await hass.async_block_till_done()

    assert device_of(hass, studio_entry).name == "Nave"
    assert device_of(hass, studio_entry).sw_version == "32.0.1"
    assert coordinator_of(studio_entry).name == "Nave"
    assert not init_studio.asked("stop")


# -- trouble ------------------------------------------------------------------------------------


async def test_a_wrong_password_asks_for_another_one_once(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    init_studio.disconnect(AuthenticationError("studio_auth_failed", "x"))
    await hass.async_block_till_done()

    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["step_id"] == "reauth_obs"
    assert flow["context"]["entry_id"] == studio_entry.entry_id
    assert studio_entry.state is ConfigEntryState.LOADED


async def test_a_studio_that_is_too_old_is_an_issue_until_it_is_updated(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    issue_id = f"studio_too_old_{studio_entry.entry_id}"
    registry = ir.async_get(hass)
    init_studio.disconnect(REFUSED)
    assert not registry.issues

    init_studio.disconnect(TOO_OLD)
    issue = registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.translation_placeholders == {
        "studio": "Stage",
        "found": plain("4.9.1"),
        "needed": plain("5.0"),
    }
    assert issue.learn_more_url is not None
    assert issue.learn_more_url.endswith("problems.md#studio_too_old")

    # It is off while it is being updated; that does not make it newer.
    init_studio.disconnect(REFUSED)
    assert registry.async_get_issue(DOMAIN, issue_id)
    init_studio.connect()
    assert not registry.issues


async def test_what_a_stranger_calls_its_version_is_no_link_in_an_issue(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    found = "![x](http://10.0.0.1/x)"
    init_studio.disconnect(ProtocolError("studio_too_old", "x", found=found, needed="5.0"))

    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"studio_too_old_{studio_entry.entry_id}")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert "](" not in issue.translation_placeholders["found"]


async def test_another_obs_at_the_same_address_is_an_issue(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    init_studio.disconnect(ProtocolError("studio_another", "Another one."))

    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"studio_another_{studio_entry.entry_id}")
    assert issue is not None
    assert issue.translation_placeholders == {"studio": "Stage"}
    init_studio.connect()
    assert not ir.async_get(hass).issues


async def test_one_listener_that_fails_keeps_nothing_from_the_others(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    coordinator = coordinator_of(studio_entry)
    heard: list[StudioEvent] = []
    followed: list[str] = []

    def fail(_: Any) -> Any:
        raise RuntimeError("a bug")

    coordinator.async_subscribe(fail)
    unsubscribe = coordinator.async_subscribe(heard.append)
    init_studio.disconnect(REFUSED)
    coordinator.async_add_parts_listener(lambda state: ["a"], fail)
    coordinator.async_add_parts_listener(lambda state: ["a"], followed.extend)
    init_studio.connect(obs_state(profile="Sunday service"))

    assert [type(event).__name__ for event in heard] == ["Disconnected", "Connected"]
    assert followed == ["a"]
    assert "a bug" in caplog.text
    unsubscribe()
    init_studio.disconnect(REFUSED)
    assert isinstance(heard[-1], Connected)


@pytest.mark.parametrize(
    ("error", "kind", "key", "placeholders"),
    [
        (
            InvalidError("unknown_source", "x", name="Roof"),
            ServiceValidationError,
            "studio_unknown_source",
            {"name": "Roof"},
        ),
        (
            UnsupportedError("unsupported", "x", what="split", version="29.0.2"),
            ServiceValidationError,
            "studio_lacks_split",
            {"what": "split", "version": "29.0.2"},
        ),
        (
            UnsupportedError("unsupported", "x", what="SRT", version="vMix"),
            ServiceValidationError,
            "studio_lacks_srt",
            {"what": "SRT", "version": "vMix"},
        ),
        (
            UnsupportedError("unsupported", "x", what="StartVirtualCam", version="28.0.0"),
            ServiceValidationError,
            "studio_unsupported",
            {"what": "StartVirtualCam", "version": "28.0.0"},
        ),
        (
            InvalidError("ambiguous_name", "x", name="Black", numbers="3, 5"),
            ServiceValidationError,
            "studio_ambiguous_name",
            {"name": "Black", "numbers": "3, 5"},
        ),
        (UnreachableError("studio_fault", "x"), HomeAssistantError, "studio_fault", {}),
        (
            RefusedError("request_refused", "x", request="StartRecord", reason="disk full"),
            HomeAssistantError,
            "studio_request_refused",
            {"request": "StartRecord", "reason": "disk full"},
        ),
        (
            UnreachableError("studio_not_connected", "x"),
            HomeAssistantError,
            "studio_not_connected",
            {},
        ),
        (
            StudioError("brand_new_code", "Something new."),
            HomeAssistantError,
            "studio_error",
            {"error": "Something new."},
        ),
    ],
)
def test_what_the_library_raises_is_told_in_the_words_of_home_assistant(
    error: StudioError,
    kind: type[HomeAssistantError],
    key: str,
    placeholders: dict[str, str],
) -> None:
    with pytest.raises(HomeAssistantError) as raised, studio_errors():
        raise error

    assert type(raised.value) is kind
    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders == placeholders
    assert type(raised.value.__cause__) is type(error)


# -- parts --------------------------------------------------------------------------------------


def scenes(state: StudioState) -> Iterable[str]:
    return state.sources


async def test_parts_come_and_go_with_the_state(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    coordinator = coordinator_of(studio_entry)
    added: list[list[str]] = []
    removed: list[str] = []
    unsubscribe = coordinator.async_add_parts_listener(
        scenes, lambda new: added.append(list(new)), removed.append
    )
    assert added == [[CAMERA, DESK, BREAK]]

    sources = dict(init_studio.studio.sources)
    roof = replace(sources.pop(DESK), key="roof", name="Roof")
    init_studio.replace_state(sources={**sources, "roof": roof})
    assert added[1:] == [["roof"]]
    assert removed == [DESK]

    # A studio that is away has not lost its scenes.
    init_studio.disconnect(REFUSED)
    init_studio.connect(replace(init_studio.studio, sources=sources))
    assert removed == [DESK, "roof"]
    assert len(added) == 2

    unsubscribe()
    init_studio.replace_state(sources={})
    assert len(removed) == 2


async def test_parts_of_a_studio_that_is_off_come_with_it(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    added: list[str] = []
    coordinator_of(studio_entry).async_add_parts_listener(scenes, added.extend)
    assert not added

    init_studio.connect()

    assert added == [CAMERA, DESK, BREAK]


async def test_entities_of_parts_that_are_gone_are_forgotten(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    registry = er.async_get(hass)
    for unique_id in ("part_a", "part_b", "part_c", "other_a"):
        registry.async_get_or_create(
            "light", DOMAIN, f"{OBS_ID}_{unique_id}", config_entry=studio_entry
        )
    coordinator = coordinator_of(studio_entry)

    coordinator.async_forget(Platform.LIGHT, "part", "a")
    coordinator.async_forget(Platform.LIGHT, "part", "never there")
    coordinator.async_forget_others(Platform.LIGHT, "part", ["c"])

    left = {
        entry.unique_id for entry in registry.entities.values() if entry.domain == Platform.LIGHT
    }
    assert left == {f"{OBS_ID}_part_c", f"{OBS_ID}_other_a"}


# -- options ------------------------------------------------------------------------------------


async def test_only_the_items_of_chosen_scenes_get_entities(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    coordinator = coordinator_of(studio_entry)
    state = init_studio.studio
    assert not coordinator.scene_items(state)

    for options, wanted in (
        ({CONF_SCENE_ITEMS: "all"}, {(CAMERA, 1), (CAMERA, 2), (DESK, 1)}),
        ({CONF_SCENE_ITEMS: "chosen", CONF_SCENES: [DESK]}, {(DESK, 1)}),
        ({CONF_SCENE_ITEMS: "chosen"}, set()),
    ):
        hass.config_entries.async_update_entry(studio_entry, options=options)
        assert coordinator.scene_items(state).keys() == wanted


async def test_a_connection_is_made_anew_only_if_it_must_ask_for_something_else(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    async def update(**changes: Any) -> int:
        init_studio.calls.clear()
        hass.config_entries.async_update_entry(studio_entry, **changes)
        await hass.async_block_till_done()
        return len(init_studio.asked("stop"))

    assert await update(options={CONF_POLL_INTERVAL: 2.0}) == 0
    assert await update(options={CONF_AUDIO_CHANNELS: [MUSIC]}) == 0
    assert await update(options={CONF_AUDIO_METERS: True}) == 1
    assert await update(options={CONF_SCENE_ITEMS: "all"}) == 1
    assert await update(options={CONF_SCENE_ITEMS: "chosen", CONF_SCENES: [DESK]}) == 0
    assert await update(options={}) == 1
    assert await update(data={**studio_entry.data, CONF_HOST: "new.example"}) == 1
    assert init_studio.running


async def test_chosen_audio_channels_have_enabled_entities(
    hass: HomeAssistant,
    entity_registry: er.EntityRegistry,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
) -> None:
    def disabled(key: str, channel: str) -> er.RegistryEntryDisabler | None:
        platform = {"mute": "switch", "volume": "number"}[key]
        entity_id = entity_registry.async_get_entity_id(
            platform, DOMAIN, f"{OBS_ID}_{key}_{channel}"
        )
        assert entity_id is not None
        return entity_registry.entities[entity_id].disabled_by

    integration, user = er.RegistryEntryDisabler.INTEGRATION, er.RegistryEntryDisabler.USER
    for key in ("mute", "volume"):
        assert disabled(key, MICROPHONE) is disabled(key, MUSIC) is integration
    by_hand = entity_registry.async_get_entity_id("switch", DOMAIN, f"{OBS_ID}_mute_{MUSIC}")
    assert by_hand is not None
    entity_registry.async_update_entity(by_hand, disabled_by=user)

    async def choose(*channels: str) -> None:
        options = {CONF_AUDIO_CHANNELS: list(channels)}
        hass.config_entries.async_update_entry(studio_entry, options=options)
        await hass.async_block_till_done()

    await choose(MICROPHONE, MUSIC)
    assert disabled("mute", MICROPHONE) is disabled("volume", MICROPHONE) is None
    assert disabled("volume", MUSIC) is None
    # Whoever disabled it by hand meant that.
    assert disabled("mute", MUSIC) is user

    await choose(MUSIC)
    assert disabled("mute", MICROPHONE) is disabled("volume", MICROPHONE) is integration
    assert disabled("volume", MUSIC) is None


async def test_entities_of_a_studio_that_is_off_are_unavailable_until_it_comes(
    hass: HomeAssistant,
    entity_registry: er.EntityRegistry,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
) -> None:
    init_studio.connect()
    await hass.async_block_till_done()
    stream = entity_registry.async_get_entity_id("switch", DOMAIN, f"{OBS_ID}_output_stream")
    assert stream is not None
    state = hass.states.get(stream)
    assert state is not None
    assert state.state == "off"

    init_studio.disconnect(REFUSED)
    await hass.async_block_till_done()
    state = hass.states.get(stream)
    assert state is not None
    assert state.state == STATE_UNAVAILABLE

    # After a restart Home Assistant still knows them.
    await hass.config_entries.async_reload(studio_entry.entry_id)
    state = hass.states.get(stream)
    assert state is not None
    assert state.state == STATE_UNAVAILABLE


async def test_the_master_and_the_buses_of_a_vmix_need_not_be_chosen(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    coordinator = coordinator_of(studio_entry)
    chosen = [key for key in init_studio.studio.audio if coordinator.audio_chosen(key)]

    assert chosen == ["master", "bus_a"]


async def test_a_destination_that_cannot_be_read_does_not_hide_the_others(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hass.config_entries.async_update_entry(
        studio_entry,
        options={
            CONF_DESTINATIONS: [
                {"name": "Later", "service": "teleport", "key": "hunter2"},
                {"name": "Main", "service": "twitch", "key": "hunter2"},
            ]
        },
    )

    destinations = coordinator_of(studio_entry).destinations

    assert [*destinations] == ["Main"]
    assert "cannot be used" in caplog.text
    assert "hunter2" not in caplog.text


# -- health -------------------------------------------------------------------------------------


async def test_the_health_of_a_stream_is_known_while_it_runs_and_the_studio_is_there(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    coordinator = coordinator_of(studio_entry)
    assert coordinator.health.band is HealthBand.UNKNOWN

    def stream(seconds: float, skipped_percent: float) -> None:
        init_studio.output(
            "stream",
            OutputState.ACTIVE,
            bitrate_kbps=6000.0,
            duration_s=seconds,
            skipped_percent=skipped_percent,
        )

    # One figure alone is no proof.
    for seconds, skipped, band in (
        (5, 0.0, HealthBand.UNKNOWN),
        (10, 0.0, HealthBand.EXCELLENT),
        (15, 50.0, HealthBand.EXCELLENT),
        (20, 50.0, HealthBand.CRITICAL),
    ):
        stream(seconds, skipped)
        assert coordinator.health.band is band

    init_studio.disconnect(REFUSED)
    assert coordinator.health.band is HealthBand.UNKNOWN


# -- clients ------------------------------------------------------------------------------------


async def test_an_obs_gets_the_session_of_home_assistant_and_what_the_user_chose(
    hass: HomeAssistant, studio_entry: MockConfigEntry
) -> None:
    studio_entry.add_to_hass(hass)
    assert isinstance(make_client(hass, studio_entry), ObsClient)
    hass.config_entries.async_update_entry(
        studio_entry,
        data={**studio_entry.data, CONF_SSL: True, CONF_VERIFY_SSL: False},
        options={CONF_POLL_INTERVAL: 2.0, CONF_SCENE_ITEMS: "all", CONF_AUDIO_METERS: True},
    )

    with patch("custom_components.infrafabric.studio_setup.ObsClient") as made:
        make_client(hass, studio_entry)

    made.assert_called_once_with(
        async_get_clientsession(hass, verify_ssl=False),
        "obs.example",
        4455,
        "hunter2-obs",
        tls=True,
        poll_interval=2.0,
        scene_items=True,
        meters=True,
        identity=OBS_ID.removeprefix("obs_"),
    )


async def test_a_vmix_gets_the_session_of_home_assistant_and_what_the_user_chose(
    hass: HomeAssistant, studio_entry: MockConfigEntry
) -> None:
    studio_entry.add_to_hass(hass)
    client = make_client(hass, studio_entry)
    assert isinstance(client, VmixClient)
    assert client.poll_interval == 5.0
    http = {
        "use_http": True,
        "http_port": 8090,
        "http_username": "admin",
        "http_password": "hunter2",
    }
    hass.config_entries.async_update_entry(studio_entry, data={**studio_entry.data, **http})

    with patch("custom_components.infrafabric.studio_setup.VmixClient") as made:
        make_client(hass, studio_entry)

    made.assert_called_once_with(
        "vmix.example",
        8099,
        session=async_get_clientsession(hass),
        poll_interval=5.0,
        meters=False,
        **http,
    )


async def test_a_failed_unload_keeps_the_studio_running(
    hass: HomeAssistant, studio_entry: MockConfigEntry, init_studio: FakeStudioClient
) -> None:
    with patch.object(hass.config_entries, "async_unload_platforms", AsyncMock(return_value=False)):
        assert not await hass.config_entries.async_unload(studio_entry.entry_id)

    assert init_studio.running
    assert studio_entry.data[CONF_STUDIO_ID] == OBS_ID
