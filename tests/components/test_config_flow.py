"""Creating and joining meshes, and mending their entries, through the config flow."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.const import (
    CONF_KIND,
    CONF_MESH_ID,
    CONF_NODE_NAME,
    CONF_PEER_ID,
    CONF_SIGNALING_URLS,
    DOMAIN,
    KIND_MESH,
)
from custom_components.infrafabric.mesh.errors import (
    DeadlineError,
    MeshError,
    RefusedError,
    UnreachableError,
)
from custom_components.infrafabric.mesh.trust.identity import check_groups
from custom_components.infrafabric.store import MeshStore
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from .conftest import (
    GARAGE,
    INVITATION,
    MESH_ID,
    MESH_NAME,
    NODE_NAME,
    OWN,
    SECRET,
    FakeMeshes,
    FakeMeshNode,
    an_invitation,
)

ENTRY_DATA = {
    CONF_KIND: KIND_MESH,
    CONF_MESH_ID: MESH_ID,
    CONF_PEER_ID: OWN.peer_id,
    CONF_NODE_NAME: NODE_NAME,
}

JOIN_FAILURES = [
    (RefusedError("invitation_expired", "x"), "invitation_expired"),
    (RefusedError("invitation_spent", "x"), "invitation_spent"),
    (RefusedError("invitation_revoked", "x"), "invitation_revoked"),
    (RefusedError("invitation_refused", "x"), "invitation_refused"),
    (RefusedError("clock_skew", "x", seconds="-300"), "clock_skew"),
    (UnreachableError("signaling_unreachable", "x"), "signaling_unreachable"),
    (UnreachableError("inviter_unreachable", "x"), "inviter_unreachable"),
    (DeadlineError("join_timeout", "x"), "join_timeout"),
    (MeshError("brand_new_code", "Something *new*."), "join_failed"),
]


@pytest.fixture(autouse=True)
def _node(meshes: FakeMeshes, platforms: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let entries that a flow makes set up without a network."""
    monkeypatch.setattr("custom_components.infrafabric.PLATFORMS", platforms)


async def _choose(hass: HomeAssistant, way: str) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["create", "join", "obs", "vmix", "surfaces"]
    return await hass.config_entries.flow.async_configure(result["flow_id"], {"next_step_id": way})


async def _submit(
    hass: HomeAssistant, result: ConfigFlowResult, user_input: dict[str, Any]
) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_configure(result["flow_id"], user_input)


async def _progress(hass: HomeAssistant, result: ConfigFlowResult) -> ConfigFlowResult:
    """Wait for a progress step's task, as the frontend does."""
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await hass.async_block_till_done()
    return await hass.config_entries.flow.async_configure(result["flow_id"])


def _suggested(result: ConfigFlowResult) -> dict[str, Any]:
    schema = result["data_schema"]
    assert schema is not None
    return {
        str(key): key.description["suggested_value"]
        for key in schema.schema
        if key.description and "suggested_value" in key.description
    }


# -- create -------------------------------------------------------------------------------------


async def test_create_makes_a_mesh_and_keeps_its_key_out_of_the_entry(
    hass: HomeAssistant, meshes: FakeMeshes, hass_storage: dict[str, Any]
) -> None:
    result = await _choose(hass, "create")
    assert result["type"] is FlowResultType.FORM
    assert _suggested(result)[CONF_NODE_NAME] == hass.config.location_name

    result = await _submit(
        hass,
        result,
        {
            "mesh_name": f" {MESH_NAME} ",
            CONF_NODE_NAME: NODE_NAME,
            CONF_SIGNALING_URLS: ["https://home.example"],
        },
    )
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == MESH_NAME
    assert result["data"] == ENTRY_DATA
    assert result["options"] == {CONF_SIGNALING_URLS: ["wss://home.example/api/infrafabric/signal"]}
    assert result["result"].unique_id == MESH_ID
    assert result["result"].state is ConfigEntryState.LOADED
    assert ("create_mesh", MESH_NAME, NODE_NAME) in meshes.calls
    assert hass_storage[f"infrafabric.{MESH_ID}"]["data"] == {"mesh": MESH_ID}


@pytest.mark.parametrize(
    ("internal", "external", "step", "shown"),
    [
        (
            "http://192.168.1.2:8123",
            "https://home.example",
            "create",
            (
                "- `wss://home.example/api/infrafabric/signal`\n"
                "- `ws://192.168.1.2:8123/api/infrafabric/signal`"
            ),
        ),
        (
            "http://homeassistant.local:8123",
            None,
            "create_private",
            "- `ws://homeassistant.local:8123/api/infrafabric/signal`",
        ),
        (None, None, "create_unreachable", "–"),
    ],
)
async def test_create_shows_what_invitations_will_carry_and_warns_when_nobody_outside_can_join(
    hass: HomeAssistant, internal: str | None, external: str | None, step: str, shown: str
) -> None:
    hass.config.internal_url = internal
    hass.config.external_url = external
    assert await async_setup_component(hass, "http", {})
    # Otherwise the address of this machine counts as one that Home Assistant knows.
    hass.config.api = None

    result = await _choose(hass, "create")

    assert result["step_id"] == step
    assert result["description_placeholders"] == {"addresses": shown, "error": ""}
    # Whatever it warns of, the user may go on.
    result = await _submit(hass, result, {"mesh_name": "M", CONF_NODE_NAME: "N"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"mesh_name": " "}, {"mesh_name": "name_invalid"}),
        ({CONF_NODE_NAME: "x" * 65}, {CONF_NODE_NAME: "name_invalid"}),
        ({CONF_NODE_NAME: "a\u202eb"}, {CONF_NODE_NAME: "name_invalid"}),
        (
            {CONF_SIGNALING_URLS: ["home.example"]},
            {CONF_SIGNALING_URLS: "signaling_url_invalid"},
        ),
    ],
)
async def test_create_says_what_is_wrong_and_keeps_what_was_typed(
    hass: HomeAssistant, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    good = {
        "mesh_name": "M",
        CONF_NODE_NAME: "N",
        CONF_SIGNALING_URLS: ["wss://home.example/signal"],
    }
    result = await _choose(hass, "create")

    result = await _submit(hass, result, good | changes)

    assert result["errors"] == errors
    assert _suggested(result) == good | changes
    result = await _submit(hass, result, good)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["options"] == {CONF_SIGNALING_URLS: ["wss://home.example/signal"]}


async def test_a_mesh_that_cannot_be_saved_is_not_created(
    hass: HomeAssistant, meshes: FakeMeshes, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = await _choose(hass, "create")
    user_input = {"mesh_name": "M", CONF_NODE_NAME: "N"}
    with monkeypatch.context() as patch:
        failure = MeshError("state_not_saved", "The disk is full.")
        patch.setattr(MeshStore, "save", AsyncMock(side_effect=failure))
        result = await _submit(hass, result, user_input)

    assert result["errors"] == {"base": "create_failed"}
    assert result["description_placeholders"] is not None
    assert result["description_placeholders"]["error"] == "The disk is full."
    assert _suggested(result) == user_input
    result = await _submit(hass, result, user_input)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_only_the_addresses_that_fit_into_an_invitation_are_shown(
    hass: HomeAssistant,
) -> None:
    result = await _choose(hass, "create")

    result = await _submit(
        hass,
        result,
        {
            "mesh_name": "",
            CONF_NODE_NAME: "N",
            CONF_SIGNALING_URLS: [f"wss://{n}.example" for n in range(6)],
        },
    )

    assert result["description_placeholders"] is not None
    assert result["description_placeholders"]["addresses"].count("wss://") == 4


# -- join ---------------------------------------------------------------------------------------


async def _to_confirmation(hass: HomeAssistant, text: str = INVITATION) -> ConfigFlowResult:
    result = await _choose(hass, "join")
    assert result["step_id"] == "join"
    result = await _submit(hass, result, {"invitation": text, CONF_NODE_NAME: NODE_NAME})
    assert result["step_id"] == "join_confirm"
    return result


async def test_join_shows_whose_mesh_it_is_before_anything_is_sent(
    hass: HomeAssistant,
    meshes: FakeMeshes,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    meshes.join_gate = asyncio.Event()
    result = await _to_confirmation(hass)
    assert result["description_placeholders"] == {
        "mesh": MESH_NAME,
        "fingerprint": check_groups(MESH_ID),
        "inviter": check_groups(OWN.peer_id),
        "role": "Command: also send requests",
    }
    assert meshes.calls == []

    result = await _submit(hass, result, {})
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "joining"
    result = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert result["type"] is FlowResultType.SHOW_PROGRESS

    meshes.join_gate.set()
    result = await _progress(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()

    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.title == MESH_NAME
    assert entry.data == ENTRY_DATA
    assert entry.unique_id == MESH_ID
    assert entry.state is ConfigEntryState.LOADED
    (call,) = meshes.calls
    assert call[:3] == ("join", INVITATION, NODE_NAME)
    assert call[3].startswith("infrafabric/")
    assert "(homeassistant 20" in call[3]
    assert hass_storage[f"infrafabric.{MESH_ID}"]["data"] == {"mesh": MESH_ID}
    assert INVITATION not in str(entry.as_dict())
    assert INVITATION not in caplog.text
    assert SECRET.hex() not in caplog.text


async def test_the_name_of_a_mesh_is_never_rendered_as_markup(hass: HomeAssistant) -> None:
    result = await _to_confirmation(hass, an_invitation(mesh_name="![x](https://evil.example) <b>"))

    assert result["description_placeholders"] is not None
    shown = result["description_placeholders"]["mesh"]
    assert not set("![]()<>:/") & set(shown.replace("&#", ""))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nonsense", "invitation_malformed"),
        (INVITATION[:-10], "invitation_malformed"),
        (an_invitation(expires=1_700_000_000), "invitation_expired"),
    ],
)
async def test_join_refuses_a_text_that_cannot_work_and_keeps_it(
    hass: HomeAssistant, meshes: FakeMeshes, text: str, error: str
) -> None:
    result = await _choose(hass, "join")

    result = await _submit(hass, result, {"invitation": text, CONF_NODE_NAME: "Den"})

    assert result["errors"] == {"invitation": error}
    assert _suggested(result) == {"invitation": text, CONF_NODE_NAME: "Den"}
    assert meshes.calls == []
    result = await _submit(hass, result, {"invitation": INVITATION, CONF_NODE_NAME: "Den"})
    assert result["step_id"] == "join_confirm"


async def test_join_says_so_when_the_name_is_no_name(hass: HomeAssistant) -> None:
    result = await _choose(hass, "join")

    result = await _submit(hass, result, {"invitation": INVITATION, CONF_NODE_NAME: " "})

    assert result["errors"] == {CONF_NODE_NAME: "name_invalid"}


@pytest.mark.parametrize(("failure", "error"), JOIN_FAILURES)
async def test_a_failed_join_says_why_and_can_be_tried_again_without_typing(
    hass: HomeAssistant, meshes: FakeMeshes, failure: MeshError, error: str
) -> None:
    meshes.join_error = failure
    result = await _to_confirmation(hass)

    result = await _progress(hass, await _submit(hass, result, {}))

    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "join"
    assert result["errors"] == {"base": error}
    assert result["description_placeholders"] is not None
    assert result["description_placeholders"]["seconds"] == ("300" if error == "clock_skew" else "")
    assert _suggested(result) == {"invitation": INVITATION, CONF_NODE_NAME: NODE_NAME}
    assert not hass.config_entries.async_entries(DOMAIN)

    result = await _submit(hass, result, _suggested(result))
    assert result["step_id"] == "join_confirm"
    result = await _progress(hass, await _submit(hass, result, {}))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_fault_of_our_own_while_joining_is_logged_and_can_be_tried_again(
    hass: HomeAssistant, meshes: FakeMeshes, caplog: pytest.LogCaptureFixture
) -> None:
    meshes.join_error = RuntimeError("a bug")
    result = await _to_confirmation(hass)

    result = await _progress(hass, await _submit(hass, result, {}))

    assert result["errors"] == {"base": "join_failed"}
    assert "Joining failed unexpectedly" in caplog.text
    caplog.clear()


async def test_a_mesh_is_joined_only_once(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes
) -> None:
    config_entry.add_to_hass(hass)
    result = await _choose(hass, "join")

    result = await _submit(hass, result, {"invitation": INVITATION, CONF_NODE_NAME: "N"})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert meshes.calls == []


@pytest.mark.parametrize("failure", [None, MeshError("join_timeout", "No answer.")])
async def test_joining_does_not_end_before_a_browser_listens_for_it(
    hass: HomeAssistant,
    meshes: FakeMeshes,
    monkeypatch: pytest.MonkeyPatch,
    failure: MeshError | None,
) -> None:
    monkeypatch.setattr("custom_components.infrafabric.config_flow.SHOWN", 0.2)
    meshes.join_error = failure
    result = await _to_confirmation(hass)
    began = hass.loop.time()

    result = await _progress(hass, await _submit(hass, result, {}))

    assert hass.loop.time() - began > 0.19
    assert result["type"] is (FlowResultType.FORM if failure else FlowResultType.CREATE_ENTRY)


async def test_two_dialogs_joining_the_same_mesh_make_one_entry(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes
) -> None:
    meshes.join_gate = asyncio.Event()
    result = await _to_confirmation(hass)
    result = await _submit(hass, result, {})
    config_entry.add_to_hass(hass)

    meshes.join_gate.set()
    result = await _progress(hass, result)

    assert result["reason"] == "already_configured"
    assert hass.config_entries.async_entries(DOMAIN) == [config_entry]


async def test_a_dialog_left_open_elsewhere_is_ended_by_the_one_that_is_done(
    hass: HomeAssistant, meshes: FakeMeshes
) -> None:
    forgotten = await _to_confirmation(hass)
    result = await _to_confirmation(hass)

    result = await _progress(hass, await _submit(hass, result, {}))

    assert result["type"] is FlowResultType.CREATE_ENTRY
    with pytest.raises(UnknownFlow):
        await _submit(hass, forgotten, {})


async def test_closing_the_dialog_while_joining_leaves_nothing_running(
    hass: HomeAssistant, meshes: FakeMeshes
) -> None:
    meshes.join_gate = asyncio.Event()
    result = await _to_confirmation(hass)
    result = await _submit(hass, result, {})

    hass.config_entries.flow.async_abort(result["flow_id"])
    await hass.async_block_till_done()

    assert not hass.config_entries.async_entries(DOMAIN)
    assert await MeshStore(hass, MESH_ID).load() is None


async def test_a_join_that_home_assistant_did_not_survive_goes_on_with_the_same_key(
    hass: HomeAssistant, meshes: FakeMeshes
) -> None:
    await MeshStore(hass, MESH_ID).save({"mesh": MESH_ID, "key": "kept"})

    result = await _to_confirmation(hass)
    result = await _progress(hass, await _submit(hass, result, {}))

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert meshes.joined_from == {"mesh": MESH_ID, "key": "kept"}


# -- mend ---------------------------------------------------------------------------------------


async def _reauth(hass: HomeAssistant) -> ConfigFlowResult:
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["step_id"] == "reauth_confirm"
    return await hass.config_entries.flow.async_configure(flow["flow_id"])


async def test_a_revoked_node_comes_back_with_a_new_invitation_to_the_same_mesh(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes, node: FakeMeshNode
) -> None:
    node.revoke_self()
    await hass.async_block_till_done()
    result = await _reauth(hass)
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    assert placeholders["mesh"] == MESH_NAME
    assert placeholders["fingerprint"] == check_groups(MESH_ID)

    # Another mesh's invitation would make this entry lie about itself.
    result = await _submit(hass, result, {"invitation": an_invitation(GARAGE)})
    assert result["errors"] == {"invitation": "wrong_mesh"}
    result = await _submit(hass, result, {"invitation": "nonsense"})
    assert result["errors"] == {"invitation": "invitation_malformed"}
    assert _suggested(result) == {"invitation": "nonsense"}

    meshes.join_error = UnreachableError("inviter_unreachable", "x")
    result = await _progress(hass, await _submit(hass, result, {"invitation": INVITATION}))
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "inviter_unreachable"}
    assert _suggested(result) == {"invitation": INVITATION}
    assert config_entry.state is ConfigEntryState.LOADED

    result = await _progress(hass, await _submit(hass, result, {"invitation": INVITATION}))
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()

    assert not hass.config_entries.flow.async_progress()
    assert not node.running
    assert meshes.node is not node
    assert meshes.node.running
    assert config_entry.state is ConfigEntryState.LOADED
    assert config_entry.data == ENTRY_DATA


async def test_a_node_found_revoked_at_start_asks_for_an_invitation(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes
) -> None:
    meshes.revoked = True
    config_entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(config_entry.entry_id)
    assert config_entry.state is ConfigEntryState.SETUP_ERROR
    result = await _reauth(hass)

    result = await _progress(hass, await _submit(hass, result, {"invitation": INVITATION}))
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()

    assert config_entry.state is ConfigEntryState.LOADED
    assert meshes.node.running


async def test_reconfigure_renames_the_node_and_its_addresses_while_links_stay(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    result = await config_entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure"
    assert _suggested(result) == {
        CONF_NODE_NAME: NODE_NAME,
        CONF_SIGNALING_URLS: ["wss://home.example/api/infrafabric/signal"],
    }

    result = await _submit(
        hass, result, {CONF_NODE_NAME: "Barn", CONF_SIGNALING_URLS: ["ftp://barn.example"]}
    )
    assert result["errors"] == {CONF_SIGNALING_URLS: "signaling_url_invalid"}
    assert _suggested(result)[CONF_NODE_NAME] == "Barn"

    result = await _submit(
        hass, result, {CONF_NODE_NAME: "Barn", CONF_SIGNALING_URLS: ["https://barn.example"]}
    )
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert node.running
    assert not node.asked("stop")
    assert node.config.name == "Barn"
    assert node.config.signaling_urls[0] == "wss://barn.example/api/infrafabric/signal"
    device = dr.async_get(hass).async_get(config_entry.runtime_data.node_device_id)
    assert device is not None
    assert device.name == "Barn"
