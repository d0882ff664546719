"""Setting up, unloading, reloading and removing a mesh."""

import asyncio
from datetime import timedelta
import ssl
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.infrafabric import async_remove_config_entry_device
from custom_components.infrafabric.const import DOMAIN, LEAVE_TIMEOUT
from custom_components.infrafabric.mesh.errors import InvalidError, MeshError, UnreachableError
from custom_components.infrafabric.mesh.overlay.healing import FIRST_DELAY, JITTER
from custom_components.infrafabric.mesh.overlay.links import DEADLINE
from custom_components.infrafabric.mesh.signaling.server import SignalingServer
from custom_components.infrafabric.store import MeshStore
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from .conftest import MESH_ID, OWN, STUDIO, FakeMeshes, FakeMeshNode


async def test_the_node_runs_while_the_entry_is_loaded(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    assert config_entry.state is ConfigEntryState.LOADED
    assert node.running

    await hass.config_entries.async_unload(config_entry.entry_id)

    assert config_entry.state is ConfigEntryState.NOT_LOADED
    assert not node.running
    assert node.subscribers == 0


async def test_a_reload_starts_a_new_node_after_the_old_one_ended(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes, node: FakeMeshNode
) -> None:
    await hass.config_entries.async_reload(config_entry.entry_id)

    assert not node.running
    assert meshes.node is not node
    assert meshes.node.running


async def test_the_node_gets_what_it_needs_from_home_assistant(
    hass: HomeAssistant, meshes: FakeMeshes, node: FakeMeshNode
) -> None:
    assert isinstance(meshes.load_arguments["turn_ssl"], ssl.SSLContext)
    assert isinstance(meshes.load_arguments["server"], SignalingServer)
    assert node.config.name == "Home"
    assert node.config.software.startswith("infrafabric/0.")
    assert node.config.software.endswith(")")
    assert " (homeassistant 20" in node.config.software
    assert node.config.ice_servers is not None
    servers = await node.config.ice_servers()
    assert [server.url for server in servers] == [
        "stun:stun.home-assistant.io:3478",
        "stun:stun.home-assistant.io:80",
    ]


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (InvalidError("state_unreadable", "x"), "state_unreadable"),
        (MeshError("something_new", "It is new."), "mesh_error"),
    ],
)
async def test_a_state_that_cannot_be_read_is_explained(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    meshes: FakeMeshes,
    error: MeshError,
    key: str,
) -> None:
    meshes.load_error = error
    config_entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(config_entry.entry_id)

    assert config_entry.state is ConfigEntryState.SETUP_ERROR
    assert config_entry.error_reason_translation_key == key
    assert not hass.config_entries.flow.async_progress()


async def test_a_lost_key_asks_for_a_new_invitation(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes
) -> None:
    meshes.load_error = InvalidError("no_state", "x")
    config_entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(config_entry.entry_id)

    assert config_entry.error_reason_translation_key == "no_state"
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["step_id"] == "reauth_confirm"


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UnreachableError("signaling_unreachable", "x"), ConfigEntryState.SETUP_RETRY),
        (RuntimeError("a bug"), ConfigEntryState.SETUP_ERROR),
    ],
)
async def test_a_node_that_does_not_start_leaves_nothing_behind(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    meshes: FakeMeshes,
    error: Exception,
    state: ConfigEntryState,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config_entry.add_to_hass(hass)

    async def start(self: FakeMeshNode) -> None:
        raise error

    with (
        patch("custom_components.infrafabric.PLATFORMS", []),
        patch.object(FakeMeshNode, "start", start),
    ):
        assert not await hass.config_entries.async_setup(config_entry.entry_id)

    assert config_entry.state is state
    assert meshes.node.asked("stop")
    assert meshes.node.subscribers == 0
    caplog.clear()
    # And the next attempt works.
    with patch("custom_components.infrafabric.PLATFORMS", []):
        await hass.config_entries.async_reload(config_entry.entry_id)
    assert meshes.node.running


async def test_home_assistant_s_stop_ends_the_node_cleanly(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()

    assert node.asked("stop") == [()]
    assert not node.running


async def test_a_new_address_of_home_assistant_reaches_the_running_node(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    await hass.config.async_update(external_url="https://new.example")
    await hass.async_block_till_done()

    assert "wss://new.example/api/infrafabric/signal" in node.config.signaling_urls
    node.calls.clear()
    # Nothing else in Home Assistant's settings concerns the mesh.
    await hass.config.async_update(time_zone="Europe/Paris")
    await hass.async_block_till_done()
    assert node.calls == []


async def test_a_change_of_the_cloud_connection_reaches_the_running_node(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes
) -> None:
    listeners: list[Any] = []

    def listen(_hass: HomeAssistant, target: Any) -> Any:
        listeners.append(target)
        return lambda: listeners.remove(target)

    hass.config.components.add("cloud")
    config_entry.add_to_hass(hass)
    cloud_url = "https://me.ui.nabu.casa"
    with (
        patch("custom_components.infrafabric.PLATFORMS", []),
        patch("custom_components.infrafabric.cloud.async_listen_connection_change", listen),
        patch(
            "homeassistant.components.cloud.async_remote_ui_url", side_effect=lambda _: cloud_url
        ),
    ):
        await hass.config_entries.async_setup(config_entry.entry_id)
        assert "wss://me.ui.nabu.casa/api/infrafabric/signal" in meshes.node.config.signaling_urls
        cloud_url = "https://other.ui.nabu.casa"
        await listeners[0](None)
        assert (
            "wss://other.ui.nabu.casa/api/infrafabric/signal" in meshes.node.config.signaling_urls
        )
        await hass.config_entries.async_unload(config_entry.entry_id)
        assert listeners == []


# -- removal ------------------------------------------------------------------------------------


async def test_removing_the_entry_says_goodbye_and_forgets_the_key(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes, node: FakeMeshNode
) -> None:
    await MeshStore(hass, MESH_ID).save({"seed": "secret"})

    async def start(self: FakeMeshNode) -> None:
        self.running = True
        # Links come up a moment after the start.
        asyncio.get_running_loop().call_soon(self.connect_peer, STUDIO.peer_id)

    with patch.object(FakeMeshNode, "start", start):
        await hass.config_entries.async_remove(config_entry.entry_id)

    assert meshes.node is not node
    assert meshes.node.left
    assert not meshes.node.running
    assert meshes.node.subscribers == 0
    assert await MeshStore(hass, MESH_ID).load() is None


def test_the_goodbye_outlasts_an_attempt_of_another_member_that_nobody_answers() -> None:
    second_attempt = DEADLINE + FIRST_DELAY * (1 + JITTER)
    assert second_attempt + 5 < LEAVE_TIMEOUT


async def test_a_mesh_of_one_is_left_without_waiting(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes, node: FakeMeshNode
) -> None:
    meshes.alone = True

    await hass.config_entries.async_remove(config_entry.entry_id)

    assert meshes.node.left
    assert not meshes.node.asked("start")


async def test_removing_works_when_nobody_is_in_reach(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    meshes: FakeMeshes,
    node: FakeMeshNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await MeshStore(hass, MESH_ID).save({"seed": "secret"})
    monkeypatch.setattr("custom_components.infrafabric.LEAVE_TIMEOUT", 0.01)

    await hass.config_entries.async_remove(config_entry.entry_id)

    assert not meshes.node.left
    assert not meshes.node.running
    assert await MeshStore(hass, MESH_ID).load() is None
    assert not hass.config_entries.async_entries(DOMAIN)


async def test_a_lapsed_membership_is_tried_and_an_invitation_asked_for(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes, node: FakeMeshNode
) -> None:
    meshes.lapsed = True

    await hass.config_entries.async_reload(config_entry.entry_id)
    await hass.async_block_till_done()

    assert config_entry.state is ConfigEntryState.LOADED
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [
        "reauth"
    ]


@pytest.mark.parametrize("trouble", ["unreadable", "revoked"])
async def test_removing_works_without_a_usable_membership(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    meshes: FakeMeshes,
    node: FakeMeshNode,
    trouble: str,
) -> None:
    await MeshStore(hass, MESH_ID).save({"seed": "secret"})
    if trouble == "unreadable":
        meshes.load_error = InvalidError("state_unreadable", "x")
    meshes.revoked = trouble == "revoked"

    await hass.config_entries.async_remove(config_entry.entry_id)

    assert await MeshStore(hass, MESH_ID).load() is None


async def test_removing_works_for_an_entry_that_was_disabled_all_along(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes
) -> None:
    entry = MockConfigEntry(
        domain=DOMAIN,
        data=config_entry.data,
        disabled_by=ConfigEntryDisabler.USER,
    )
    entry.add_to_hass(hass)
    meshes.load_error = InvalidError("no_state", "x")

    await hass.config_entries.async_remove(entry.entry_id)

    assert not hass.config_entries.async_entries(DOMAIN)


# -- versions and devices -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "minor_version", "state"),
    [
        (1, 2, ConfigEntryState.LOADED),
        (2, 1, ConfigEntryState.MIGRATION_ERROR),
    ],
)
async def test_an_entry_of_a_later_major_version_is_refused(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    meshes: FakeMeshes,
    version: int,
    minor_version: int,
    state: ConfigEntryState,
) -> None:
    entry = MockConfigEntry(
        domain=DOMAIN,
        data=config_entry.data,
        options=config_entry.options,
        version=version,
        minor_version=minor_version,
    )
    entry.add_to_hass(hass)

    with patch("custom_components.infrafabric.PLATFORMS", []):
        await hass.config_entries.async_setup(entry.entry_id)

    assert entry.state is state


async def test_only_devices_of_nobody_can_be_deleted_by_hand(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    registry = dr.async_get(hass)

    def device(peer_id: str) -> dr.DeviceEntry:
        return registry.async_get_or_create(
            config_entry_id=config_entry.entry_id, identifiers={(DOMAIN, f"{MESH_ID}_{peer_id}")}
        )

    async def deletable(peer_id: str) -> bool:
        return await async_remove_config_entry_device(hass, config_entry, device(peer_id))

    assert not await deletable(OWN.peer_id)
    assert not await deletable(STUDIO.peer_id)
    assert await deletable("somebody of long ago")


async def test_the_integration_sets_up_without_a_mesh(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})

    assert hass.services.has_service(DOMAIN, "send_message")


async def test_nothing_of_an_unloaded_entry_runs_on(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    freezer: FrozenDateTimeFactory,
) -> None:
    await hass.config_entries.async_unload(config_entry.entry_id)
    node.calls.clear()

    await hass.config.async_update(external_url="https://new.example")
    hass.config_entries.async_update_entry(config_entry, options={})
    freezer.tick(timedelta(days=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()

    assert node.calls == []
