"""What *Configure* offers for a mesh: inviting, open invitations, peers and settings."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import make_mocked_request
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.languages import async_language
from custom_components.infrafabric.mesh.errors import MeshError, RefusedError
from custom_components.infrafabric.mesh.model import Role
from homeassistant.components.frontend.storage import async_user_store
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.helpers.http import current_request
from homeassistant.helpers.selector import QrCodeSelector
from homeassistant.setup import async_setup_component

from .conftest import GARAGE, INVITATION, STUDIO, FakeMeshes, FakeMeshNode


async def _open(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    return await hass.config_entries.options.async_init(entry.entry_id)


async def _choose(hass: HomeAssistant, result: ConfigFlowResult, step: str) -> ConfigFlowResult:
    assert result["type"] is FlowResultType.MENU
    assert step in result["menu_options"]
    return await hass.config_entries.options.async_configure(
        result["flow_id"], {"next_step_id": step}
    )


async def _go(hass: HomeAssistant, entry: MockConfigEntry, step: str) -> ConfigFlowResult:
    return await _choose(hass, await _open(hass, entry), step)


async def _submit(
    hass: HomeAssistant, result: ConfigFlowResult, user_input: dict[str, Any] | None = None
) -> ConfigFlowResult:
    return await hass.config_entries.options.async_configure(result["flow_id"], user_input)


def _field(result: ConfigFlowResult, name: str) -> tuple[Any, Any]:
    """Return a field's marker and selector."""
    schema = result["data_schema"]
    assert schema is not None
    return next((key, value) for key, value in schema.schema.items() if key == name)


async def _invite(hass: HomeAssistant, entry: MockConfigEntry, **choices: str) -> ConfigFlowResult:
    result = await _go(hass, entry, "invite")
    assert result["step_id"] == "invite"
    result = await _submit(hass, result, choices)
    assert result["step_id"] == "invite_code"
    return result


async def _wait_for_peer(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    result = await _submit(hass, await _invite(hass, entry), {})
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "invite_wait"
    return result


# -- menu -------------------------------------------------------------------------------------


async def test_an_admin_may_invite_and_manage(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _open(hass, config_entry)

    assert result["step_id"] == "init"
    assert result["menu_options"] == ["invite", "invitations", "peers", "settings"]
    assert result["description_placeholders"] == {
        "mesh": "Family",
        "fingerprint": node.mesh_fingerprint,
        "node": node.check_groups,
        "role": "Admin: also invite and manage peers",
    }


@pytest.mark.parametrize(
    ("profile", "browser", "role"),
    [
        ({"language": "de"}, "fr", "Admin: auch einladen und Peers verwalten"),
        (None, "tlh, fr-CH;q=0.9, de", "Administrateur\xa0: aussi inviter et gérer les pairs"),
        ({"language": 7}, "de-AT", "Admin: auch einladen und Peers verwalten"),
        ({"language": "../de"}, "", "Admin: also invite and manage peers"),
        ("de", "", "Admin: also invite and manage peers"),
    ],
)
async def test_a_role_is_told_in_the_language_of_who_looks(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    hass_client: ClientSessionGenerator,
    hass_admin_user: MockUser,
    profile: Any,
    browser: str,
    role: str,
) -> None:
    assert await async_setup_component(hass, "config", {})
    store = await async_user_store(hass, hass_admin_user.id)
    await store.async_set_item("language", profile)
    client = await hass_client()

    answer = await client.post(
        "/api/config/config_entries/options/flow",
        json={"handler": config_entry.entry_id},
        headers={"Accept-Language": browser},
    )

    assert (await answer.json())["description_placeholders"]["role"] == role


async def test_the_language_of_a_request_without_a_user_is_what_its_browser_asks_for(
    hass: HomeAssistant,
) -> None:
    token = current_request.set(make_mocked_request("GET", "/", headers={"Accept-Language": "fr"}))
    try:
        assert await async_language(hass) == "fr"
    finally:
        current_request.reset(token)


async def test_who_is_no_admin_is_told_why_inviting_is_missing(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    node.role = Role.COMMAND

    result = await _open(hass, config_entry)

    assert result["step_id"] == "init_member"
    assert result["menu_options"] == ["settings"]


async def test_nothing_can_be_configured_while_the_mesh_is_not_running(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    await hass.config_entries.async_unload(config_entry.entry_id)

    result = await _open(hass, config_entry)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_loaded"


# -- invite -----------------------------------------------------------------------------------


async def test_an_invitation_is_shown_as_text_and_as_a_qr_code_of_the_same_text(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = await _invite(hass, config_entry, role="command", expiry="week")

    assert node.asked("create_invitation") == [(Role.COMMAND, timedelta(days=7))]
    marker, selector = _field(result, "qr")
    assert isinstance(selector, QrCodeSelector)
    assert selector.config["data"] == INVITATION
    marker, selector = _field(result, "invitation")
    assert marker.description == {"suggested_value": INVITATION}
    assert selector.config["read_only"]
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    assert placeholders["role"] == "Command: also send requests"
    assert INVITATION not in caplog.text
    assert INVITATION not in str(config_entry.as_dict())


@pytest.mark.parametrize(
    ("own", "others", "step", "shown"),
    [
        (("ws://192.168.1.2/",), ("wss://studio.example/",), "invite", 2),
        (("ws://192.168.1.2/", "ws://127.0.0.1/"), ("ws://studio.local/",), "invite_private", 3),
        (tuple(f"wss://{n}.example/" for n in range(4)), ("wss://z.example/",), "invite", 4),
        ((), (), "invite_unreachable", 0),
    ],
)
async def test_the_addresses_of_an_invitation_are_shown_and_warned_of_when_nobody_outside_can_join(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    own: tuple[str, ...],
    others: tuple[str, ...],
    step: str,
    shown: int,
) -> None:
    node.config = replace(node.config, signaling_urls=own)
    node.other_urls = others

    result = await _go(hass, config_entry, "invite")

    assert result["step_id"] == step
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    urls = (*own, *others)[:shown]
    assert placeholders["addresses"] == ("\n".join(f"- `{url}`" for url in urls) or "–")
    result = await _submit(hass, result, {"role": "observe", "expiry": "hour"})
    if shown:
        assert result["step_id"] == "invite_code"
    else:
        assert result["step_id"] == step
        assert result["errors"] == {"base": "no_signaling_address"}


async def test_an_invitation_only_lets_observe_for_a_day_unless_chosen_otherwise(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    await _invite(hass, config_entry)

    assert node.asked("create_invitation") == [(Role.OBSERVE, timedelta(days=1))]


async def test_the_new_peer_is_shown_with_its_check_groups_and_kept(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _wait_for_peer(hass, config_entry)
    still_waiting = await _submit(hass, result)
    assert still_waiting["type"] is FlowResultType.SHOW_PROGRESS

    garage = node.accept_peer(GARAGE, "Garage [link](x)")
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await _submit(hass, result)

    assert result["step_id"] == "invite_joined"
    assert result["description_placeholders"] == {
        "peer": "Garage &#91;link&#93;&#40;x&#41;",
        "check_groups": garage.check_groups,
        "role": "Observe: link, inform and share",
    }
    result = await _choose(hass, result, "invite_keep")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "peer_kept"
    assert garage.peer_id in node.peers


async def test_the_new_peer_can_be_undone(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _wait_for_peer(hass, config_entry)
    node.accept_peer(GARAGE, "Garage")
    await hass.async_block_till_done(wait_background_tasks=True)

    result = await _choose(hass, await _submit(hass, result), "invite_undo")

    assert result["reason"] == "peer_removed"
    assert result["description_placeholders"] == {"peer": "Garage"}
    assert GARAGE.peer_id not in node.peers


async def test_a_failed_undo_says_why(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _wait_for_peer(hass, config_entry)
    node.accept_peer(GARAGE, "Garage")
    await hass.async_block_till_done(wait_background_tasks=True)
    node.error = RefusedError("not_admin", "No longer.")

    result = await _choose(hass, await _submit(hass, result), "invite_undo")

    assert result["reason"] == "failed"
    assert GARAGE.peer_id in node.peers


async def test_a_peer_that_was_faster_than_the_submit_is_not_missed(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _invite(hass, config_entry)
    node.accept_peer(GARAGE, "Garage")

    await _submit(hass, result, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await _submit(hass, result)

    assert result["step_id"] == "invite_joined"


async def test_somebody_else_s_invitation_does_not_end_the_waiting(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _wait_for_peer(hass, config_entry)
    await node.create_invitation()
    node.accept_peer(GARAGE, "Garage")
    await hass.async_block_till_done()

    result = await _submit(hass, result)

    assert result["type"] is FlowResultType.SHOW_PROGRESS


async def test_waiting_ends_when_the_invitation_is_cancelled(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.infrafabric.invite_flow.JOIN_GRACE", 0)
    result = await _wait_for_peer(hass, config_entry)
    await node.cancel_invitation(node.invitations[0].invitation_id)
    await hass.async_block_till_done(wait_background_tasks=True)

    result = await _submit(hass, result)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "invitation_closed"


async def test_the_invitation_outlives_the_dialog(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _wait_for_peer(hass, config_entry)

    hass.config_entries.options.async_abort(result["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)

    assert len(node.invitations) == 1
    node.accept_peer(GARAGE, "Garage")
    assert GARAGE.peer_id in node.peers
    with pytest.raises(UnknownFlow):
        await _submit(hass, result)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (MeshError("too_many_invitations", "x"), "too_many_invitations"),
        (MeshError("not_admin", "x"), "not_admin"),
        (MeshError("no_signaling_address", "x"), "no_signaling_address"),
        (MeshError("other", "A <new> one."), "failed"),
    ],
)
async def test_a_failed_invitation_says_why_and_can_be_tried_again(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    failure: MeshError,
    error: str,
) -> None:
    node.error = failure
    result = await _go(hass, config_entry, "invite")

    result = await _submit(hass, result, {"role": "admin", "expiry": "hour"})

    assert result["errors"] == {"base": error}
    result = await _submit(hass, result, {"role": "admin", "expiry": "hour"})
    assert result["step_id"] == "invite_code"


# -- open invitations -------------------------------------------------------------------------


async def test_open_invitations_are_listed_and_cancelled(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    first, _ = await node.create_invitation()
    second, _ = await node.create_invitation(role=Role.ADMIN)
    result = await _go(hass, config_entry, "invitations")
    _marker, selector = _field(result, "invitations")
    assert [option["value"] for option in selector.config["options"]] == [
        first.invitation_id,
        second.invitation_id,
    ]
    assert selector.config["options"][1]["label"].startswith("Admin")

    result = await _submit(hass, result, {"invitations": [first.invitation_id]})

    assert result["reason"] == "invitations_cancelled"
    assert result["description_placeholders"] == {"count": "1"}
    assert node.invitations == [second]


async def test_an_invitation_spent_meanwhile_is_as_good_as_cancelled(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    invitation, _ = await node.create_invitation()
    result = await _go(hass, config_entry, "invitations")
    node.accept_peer(GARAGE, "Garage")

    node.invitations.append(invitation)
    node.error = MeshError("unknown_invitation", "x")
    result = await _submit(hass, result, {"invitations": [invitation.invitation_id]})

    assert result["reason"] == "invitations_cancelled"


async def test_without_invitations_there_is_nothing_to_list(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _go(hass, config_entry, "invitations")

    assert result["reason"] == "no_invitations"


# -- peers ------------------------------------------------------------------------------------


async def _peer(hass: HomeAssistant, entry: MockConfigEntry, step: str) -> ConfigFlowResult:
    result = await _go(hass, entry, "peers")
    _marker, selector = _field(result, "peer")
    assert selector.config["options"] == [
        {"value": STUDIO.peer_id, "label": "Studio (Observe: link, inform and share)"}
    ]
    result = await _submit(hass, result, {"peer": STUDIO.peer_id})
    assert result["step_id"] == "peer"
    return await _choose(hass, result, step)


async def test_a_peer_is_renamed_and_given_another_role(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _peer(hass, config_entry, "peer_edit")

    result = await _submit(hass, result, {"name": "", "role": "admin"})
    assert result["errors"] == {"name": "name_invalid"}
    node.error = RefusedError("not_admin", "No longer.")
    result = await _submit(hass, result, {"name": "Atelier", "role": "admin"})
    assert result["errors"] == {"base": "failed"}
    result = await _submit(hass, result, {"name": "Atelier", "role": "admin"})

    assert result["reason"] == "peer_updated"
    assert node.peers[STUDIO.peer_id].name == "Atelier"
    assert node.peers[STUDIO.peer_id].role is Role.ADMIN


async def test_an_unchanged_peer_is_left_alone(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _peer(hass, config_entry, "peer_edit")

    await _submit(hass, result, {"name": "Studio", "role": "observe"})

    assert not node.asked("rename_peer")
    assert not node.asked("set_role")


async def test_a_peer_is_removed_after_asking_once_more(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _peer(hass, config_entry, "peer_remove")
    assert result["type"] is FlowResultType.FORM
    assert not node.asked("revoke")

    result = await _submit(hass, result, {})

    assert result["reason"] == "peer_removed"
    assert node.asked("revoke") == [(STUDIO.peer_id,)]


async def test_a_peer_that_left_meanwhile_ends_the_dialog(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _peer(hass, config_entry, "peer_remove")
    node.remove_peer(STUDIO.peer_id, "left")

    result = await _submit(hass, result, {})

    assert result["reason"] == "peer_gone"


async def test_a_mesh_of_one_has_no_peers_to_show(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    node.remove_peer(STUDIO.peer_id)

    result = await _go(hass, config_entry, "peers")

    assert result["reason"] == "no_peers"


# -- settings ---------------------------------------------------------------------------------

TURN = {"url": "turn:turn.example:3478?transport=tcp", "username": "me", "credential": "pw"}


async def test_settings_reach_the_running_node_without_a_reload(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes, node: FakeMeshNode
) -> None:
    result = await _go(hass, config_entry, "settings")

    result = await _submit(
        hass,
        result,
        {
            "ice": "own",
            "ice_servers": [TURN, {"url": " stun:stun.example ", "username": ""}],
            "signaling_urls": ["https://other.example", " "],
            "local_addresses": ["192.168.1.2", "fe80::1"],
        },
    )
    await hass.async_block_till_done(wait_background_tasks=True)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert config_entry.options == {
        "ice": "own",
        "ice_servers": [TURN, {"url": "stun:stun.example"}],
        "signaling_urls": ["wss://other.example/api/infrafabric/signal"],
        "local_addresses": ["192.168.1.2", "fe80::1"],
    }
    assert meshes.nodes == [node]
    assert not node.asked("stop")
    assert node.config.signaling_urls[0] == "wss://other.example/api/infrafabric/signal"
    assert node.config.local_addresses == ("192.168.1.2", "fe80::1")
    assert node.config.ice_servers is not None
    assert [server.url for server in await node.config.ice_servers()] == [
        TURN["url"],
        "stun:stun.example",
    ]


async def test_cleared_settings_are_forgotten(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await _go(hass, config_entry, "settings")

    await _submit(hass, result, {"ice": "none"})
    await hass.async_block_till_done(wait_background_tasks=True)

    assert config_entry.options == {"ice": "none"}
    assert "wss://home.example/api/infrafabric/signal" not in node.config.signaling_urls


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("ice_servers", [{"url": "http://turn.example"}], "ice_server_invalid"),
        ("ice_servers", [{"url": "stun:"}], "ice_server_invalid"),
        ("ice_servers", [{"url": "stun://stun.example"}], "ice_server_invalid"),
        ("ice_servers", [{"url": "stun:stun.example:99999"}], "ice_server_invalid"),
        ("ice_servers", [{"url": "stun:stun.example:0"}], "ice_server_invalid"),
        ("ice_servers", [{"url": "turn:turn.example"}], "ice_server_invalid"),
        ("signaling_urls", ["nonsense"], "signaling_url_invalid"),
        ("local_addresses", ["home.example"], "local_address_invalid"),
    ],
)
async def test_a_wrong_setting_is_named_and_kept_for_correction(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    field: str,
    value: Any,
    error: str,
) -> None:
    result = await _go(hass, config_entry, "settings")

    result = await _submit(hass, result, {"ice": "own", field: value})

    assert result["errors"] == {field: error}
    marker, _selector = _field(result, field)
    assert marker.description == {"suggested_value": value}
    assert not node.asked("reconfigure")
