"""Adding an OBS Studio or a vMix, and mending their entries, through the config flow."""

from collections.abc import Generator
from typing import Any
from unittest.mock import ANY, AsyncMock, patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.const import (
    CONF_KIND,
    CONF_POLL_INTERVAL,
    CONF_STUDIO_ID,
    DOMAIN,
    KIND_OBS,
    KIND_VMIX,
)
from custom_components.infrafabric.studio.api import Identity
from custom_components.infrafabric.studio.errors import (
    AuthenticationError,
    DeadlineError,
    ProtocolError,
    StudioError,
    UnreachableError,
)
from custom_components.infrafabric.studio.model import StudioState
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.const import (
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_SSL,
    CONF_VERIFY_SSL,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .conftest import OBS_ID, OBS_PASSWORD, VMIX_ID
from .studio_fake import FakeStudioClient, obs_state, vmix_state

UUID = OBS_ID.removeprefix("obs_")
OTHER_UUID = "0c1d2e3f-0000-4000-8000-000000000002"
OBS = Identity(id=UUID, name="OBS Studio", software="32.0.1")
OTHER_OBS = Identity(id=OTHER_UUID, name="OBS Studio", software="32.0.1")
VMIX = Identity(id=None, name="vMix 4K", software="28.0.0.39")

OBS_INPUT = {
    CONF_HOST: "obs.example",
    CONF_PORT: 4455,
    CONF_PASSWORD: OBS_PASSWORD,
    "tls": {CONF_SSL: False, CONF_VERIFY_SSL: True},
}
OBS_DATA = {
    CONF_KIND: KIND_OBS,
    CONF_STUDIO_ID: OBS_ID,
    CONF_HOST: "obs.example",
    CONF_PORT: 4455,
    CONF_PASSWORD: OBS_PASSWORD,
    CONF_SSL: False,
    CONF_VERIFY_SSL: True,
}
VMIX_INPUT = {
    CONF_HOST: "vmix.example",
    CONF_PORT: 8099,
    "http": {"use_http": False, "http_port": 8088},
}
VMIX_DATA = {
    CONF_KIND: KIND_VMIX,
    CONF_HOST: "vmix.example",
    CONF_PORT: 8099,
    "use_http": False,
    "http_port": 8088,
}

# What the library says, and where and how the form of each kind says it.
FAILURES = [
    (
        UnreachableError("studio_refused_connection", "x"),
        {"base": "obs_refused_connection"},
        {"base": "vmix_refused_connection"},
    ),
    (
        DeadlineError("studio_timeout", "x"),
        {"base": "studio_timeout"},
        {"base": "studio_timeout"},
    ),
    (
        UnreachableError("studio_unknown_host", "x"),
        {CONF_HOST: "studio_unknown_host"},
        {CONF_HOST: "studio_unknown_host"},
    ),
    (
        AuthenticationError("studio_auth_failed", "x"),
        {CONF_PASSWORD: "studio_auth_failed"},
        {"base": "vmix_auth_failed"},
    ),
    (
        AuthenticationError("studio_auth_missing", "x"),
        {CONF_PASSWORD: "studio_auth_missing"},
        {"base": "vmix_auth_failed"},
    ),
    (
        ProtocolError("studio_wrong_port", "x", hint="It speaks HTTP."),
        {CONF_PORT: "obs_wrong_port"},
        {CONF_PORT: "vmix_wrong_port"},
    ),
    (
        ProtocolError("studio_too_old", "x", found="4.9", needed="5.0"),
        {"base": "studio_too_old"},
        {"base": "studio_too_old"},
    ),
    (UnreachableError("studio_tls", "x"), {"base": "studio_tls"}, {"base": "studio_tls"}),
    (
        UnreachableError("studio_kicked", "x"),
        {"base": "studio_kicked"},
        {"base": "studio_kicked"},
    ),
    (
        UnreachableError("studio_closed", "x", reason="reset"),
        {"base": "studio_closed"},
        {"base": "studio_closed"},
    ),
    (
        ProtocolError("studio_protocol", "x", reason="no JSON"),
        {"base": "studio_protocol"},
        {"base": "studio_protocol"},
    ),
    (
        StudioError("brand_new_code", "Something new."),
        {"base": "studio_failed"},
        {"base": "studio_failed"},
    ),
]
IDS = [error.code for error, _, _ in FAILURES]


@pytest.fixture
def probe_obs() -> Generator[AsyncMock]:
    """Let an OBS answer as the test says."""
    probe = AsyncMock(return_value=OBS)
    with patch("custom_components.infrafabric.studio_flow.probe_obs", probe):
        yield probe


@pytest.fixture
def probe_vmix() -> Generator[AsyncMock]:
    """Let a vMix answer as the test says."""
    probe = AsyncMock(return_value=VMIX)
    with patch("custom_components.infrafabric.studio_flow.probe_vmix", probe):
        yield probe


@pytest.fixture(autouse=True)
def clients() -> Generator[list[FakeStudioClient]]:
    """Let entries that a flow makes set up without a network; return their clients."""
    made: list[FakeStudioClient] = []

    def make_client(_hass: HomeAssistant, entry: Any) -> FakeStudioClient:
        state = obs_state() if entry.data[CONF_KIND] == KIND_OBS else vmix_state()
        made.append(FakeStudioClient(state))
        return made[-1]

    with (
        patch("custom_components.infrafabric.studio_setup.make_client", make_client),
        patch("custom_components.infrafabric.studio_setup.STUDIO_PLATFORMS", []),
    ):
        yield made


async def _choose(hass: HomeAssistant, kind: str) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.MENU
    result = await _submit(hass, result, {"next_step_id": kind})
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == kind
    return result


async def _submit(
    hass: HomeAssistant, result: ConfigFlowResult, user_input: dict[str, Any]
) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_configure(result["flow_id"], user_input)
    await hass.async_block_till_done()
    return result


def _suggested(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what the form shows, by field, those of sections too."""
    schema = result["data_schema"]
    assert schema is not None
    shown: dict[str, Any] = {}
    for key, value in schema.schema.items():
        fields = value.schema.schema if hasattr(value, "schema") else {key: value}
        for field in fields:
            if field.description and "suggested_value" in field.description:
                shown[str(field)] = field.description["suggested_value"]
    return shown


async def _loaded(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


# -- OBS ----------------------------------------------------------------------------------------


async def test_an_obs_is_added_under_the_id_that_it_keeps_itself(
    hass: HomeAssistant, probe_obs: AsyncMock, clients: list[FakeStudioClient]
) -> None:
    result = await _submit(hass, await _choose(hass, "obs"), OBS_INPUT)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "OBS Studio"
    assert result["data"] == OBS_DATA
    assert result["options"] == {}
    assert result["result"].unique_id == OBS_ID
    assert result["result"].state is ConfigEntryState.LOADED
    assert clients[0].running
    probe_obs.assert_awaited_once_with(
        async_get_clientsession(hass),
        "obs.example",
        4455,
        OBS_PASSWORD,
        tls=False,
        claim=True,
        renew=False,
    )


async def test_a_certificate_that_nobody_vouches_for_is_taken_only_if_the_user_says_so(
    hass: HomeAssistant, probe_obs: AsyncMock
) -> None:
    tls = {CONF_SSL: True, CONF_VERIFY_SSL: False}

    result = await _submit(hass, await _choose(hass, "obs"), OBS_INPUT | {"tls": tls})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    call = probe_obs.await_args
    assert call is not None
    assert call.args[0] is async_get_clientsession(hass, verify_ssl=False)
    assert call.kwargs["tls"] is True
    assert result["data"][CONF_VERIFY_SSL] is False


async def test_an_obs_without_a_password_is_added_without_one(
    hass: HomeAssistant, probe_obs: AsyncMock
) -> None:
    user_input = {key: value for key, value in OBS_INPUT.items() if key != CONF_PASSWORD}

    result = await _submit(hass, await _choose(hass, "obs"), user_input)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert CONF_PASSWORD not in result["data"]
    call = probe_obs.await_args
    assert call is not None
    assert call.args[3] is None


@pytest.mark.parametrize(("error", "errors", "_vmix"), FAILURES, ids=IDS)
async def test_an_obs_that_cannot_be_reached_is_explained_and_what_was_typed_stays(
    hass: HomeAssistant,
    probe_obs: AsyncMock,
    caplog: pytest.LogCaptureFixture,
    error: StudioError,
    errors: dict[str, str],
    _vmix: dict[str, str],
) -> None:
    result = await _choose(hass, "obs")
    probe_obs.side_effect = error

    result = await _submit(hass, result, OBS_INPUT)

    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    assert result["description_placeholders"] == {
        "error": str(error),
        "found": "",
        "needed": "",
        "reason": "",
        **{key: value for key, value in error.details.items() if key != "hint"},
    }
    assert _suggested(result) == {
        CONF_HOST: "obs.example",
        CONF_PORT: 4455,
        CONF_PASSWORD: OBS_PASSWORD,
        CONF_SSL: False,
        CONF_VERIFY_SSL: True,
    }
    assert OBS_PASSWORD not in caplog.text
    probe_obs.side_effect = None
    result = await _submit(hass, result, OBS_INPUT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == OBS_DATA


@pytest.mark.parametrize("host", ["ws://obs.example", "obs.example:4455", "x/y", "a b", " ", "[]"])
async def test_what_is_no_host_is_refused_before_anything_is_sent(
    hass: HomeAssistant, probe_obs: AsyncMock, host: str
) -> None:
    result = await _submit(hass, await _choose(hass, "obs"), OBS_INPUT | {CONF_HOST: host})

    assert result["errors"] == {CONF_HOST: "host_invalid"}
    assert _suggested(result)[CONF_HOST] == host
    probe_obs.assert_not_awaited()
    result = await _submit(hass, result, OBS_INPUT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("typed", "stored"),
    [(" obs.example ", "obs.example"), ("[fe80::1]", "fe80::1"), ("fe80::1", "fe80::1")],
)
async def test_a_host_is_kept_without_what_does_not_belong_to_it(
    hass: HomeAssistant, probe_obs: AsyncMock, typed: str, stored: str
) -> None:
    result = await _submit(hass, await _choose(hass, "obs"), OBS_INPUT | {CONF_HOST: typed})

    assert result["data"][CONF_HOST] == stored


async def test_a_second_obs_is_told_from_the_first_by_its_title(
    hass: HomeAssistant, probe_obs: AsyncMock
) -> None:
    await _submit(hass, await _choose(hass, "obs"), OBS_INPUT)
    probe_obs.return_value = OTHER_OBS

    result = await _submit(hass, await _choose(hass, "obs"), OBS_INPUT | {CONF_HOST: "truck"})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "OBS Studio (truck)"
    assert result["result"].unique_id == f"obs_{OTHER_UUID}"


async def test_an_obs_that_moved_is_followed(
    hass: HomeAssistant,
    probe_obs: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
) -> None:
    entry = await _loaded(hass, studio_entry)
    clients[0].disconnect(DeadlineError("studio_timeout", "x"))

    result = await _submit(hass, await _choose(hass, "obs"), OBS_INPUT | {CONF_HOST: "new.example"})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert entry.data == OBS_DATA | {CONF_HOST: "new.example"}
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    # And it connects there.
    assert not clients[0].running
    assert clients[1].running


async def test_an_obs_that_is_added_again_changes_nothing_but_its_password(
    hass: HomeAssistant,
    probe_obs: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
) -> None:
    entry = await _loaded(hass, studio_entry)

    result = await _submit(hass, await _choose(hass, "obs"), OBS_INPUT | {CONF_PASSWORD: "new"})

    assert result["reason"] == "already_configured"
    assert entry.data == OBS_DATA | {CONF_PASSWORD: "new"}
    assert clients[-1].running


# -- OBS, copied --------------------------------------------------------------------------------


async def _known(hass: HomeAssistant) -> ConfigFlowResult:
    """Add an OBS at another address while the one with its id is connected."""
    result = await _submit(hass, await _choose(hass, "obs"), OBS_INPUT | {CONF_HOST: "copy"})
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "obs_known"
    return result


async def test_an_obs_that_is_connected_elsewhere_is_not_taken_away_without_asking(
    hass: HomeAssistant, probe_obs: AsyncMock, studio_entry: MockConfigEntry
) -> None:
    entry = await _loaded(hass, studio_entry)

    result = await _known(hass)

    assert result["description_placeholders"] == {
        "studio": "Stage",
        "known": "obs&#46;example&#58;4455",
        "typed": "copy&#58;4455",
    }
    assert entry.data == OBS_DATA
    result = await _submit(hass, result, {"next_step_id": "obs_same"})
    assert result["reason"] == "already_configured"
    assert entry.data == OBS_DATA | {CONF_HOST: "copy"}


async def test_a_copied_obs_gets_an_id_of_its_own(
    hass: HomeAssistant, probe_obs: AsyncMock, studio_entry: MockConfigEntry
) -> None:
    entry = await _loaded(hass, studio_entry)
    result = await _known(hass)
    probe_obs.return_value = OTHER_OBS

    result = await _submit(hass, result, {"next_step_id": "obs_copy"})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].unique_id == f"obs_{OTHER_UUID}"
    assert result["data"][CONF_HOST] == "copy"
    probe_obs.assert_awaited_with(
        ANY, "copy", 4455, OBS_PASSWORD, tls=False, claim=True, renew=True
    )
    assert entry.data == OBS_DATA


async def test_a_copy_that_goes_away_meanwhile_can_be_tried_again(
    hass: HomeAssistant, probe_obs: AsyncMock, studio_entry: MockConfigEntry
) -> None:
    await _loaded(hass, studio_entry)
    result = await _known(hass)
    probe_obs.side_effect = UnreachableError("studio_refused_connection", "x")

    result = await _submit(hass, result, {"next_step_id": "obs_copy"})

    assert result["step_id"] == "obs"
    assert result["errors"] == {"base": "obs_refused_connection"}
    assert _suggested(result)[CONF_HOST] == "copy"
    assert _suggested(result)[CONF_VERIFY_SSL] is True
    probe_obs.side_effect = None
    probe_obs.return_value = OTHER_OBS
    result = await _submit(hass, result, OBS_INPUT | {CONF_HOST: "copy"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


# -- vMix ---------------------------------------------------------------------------------------


async def test_a_vmix_is_added_under_an_id_made_for_it(
    hass: HomeAssistant, probe_vmix: AsyncMock, clients: list[FakeStudioClient]
) -> None:
    result = await _submit(hass, await _choose(hass, "vmix"), VMIX_INPUT)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "vMix 4K"
    unique_id = result["result"].unique_id
    assert unique_id is not None
    assert unique_id.startswith("vmix_")
    assert "vmix.example" not in unique_id
    assert result["data"] == VMIX_DATA | {CONF_STUDIO_ID: unique_id}
    assert clients[0].running
    probe_vmix.assert_awaited_once_with(
        "vmix.example",
        8099,
        session=async_get_clientsession(hass),
        http_port=8088,
        use_http=False,
        http_username=None,
        http_password=None,
    )


async def test_the_http_api_of_a_vmix_can_be_used_instead(
    hass: HomeAssistant, probe_vmix: AsyncMock
) -> None:
    http = {
        "use_http": True,
        "http_port": 8090,
        "http_username": "admin",
        "http_password": "hunter2-vmix",
    }

    result = await _submit(hass, await _choose(hass, "vmix"), VMIX_INPUT | {"http": http})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == VMIX_DATA | http | {CONF_STUDIO_ID: ANY}
    call = probe_vmix.await_args
    assert call is not None
    assert call.kwargs == http | {"session": async_get_clientsession(hass)}


@pytest.mark.parametrize(("error", "_obs", "errors"), FAILURES, ids=IDS)
async def test_a_vmix_that_cannot_be_reached_is_explained_and_what_was_typed_stays(
    hass: HomeAssistant,
    probe_vmix: AsyncMock,
    error: StudioError,
    _obs: dict[str, str],
    errors: dict[str, str],
) -> None:
    result = await _choose(hass, "vmix")
    probe_vmix.side_effect = error

    result = await _submit(hass, result, VMIX_INPUT)

    assert result["errors"] == errors
    assert _suggested(result) == {
        CONF_HOST: "vmix.example",
        CONF_PORT: 8099,
        "use_http": False,
        "http_port": 8088,
    }
    probe_vmix.side_effect = None
    result = await _submit(hass, result, VMIX_INPUT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_what_is_no_host_of_a_vmix_is_refused(
    hass: HomeAssistant, probe_vmix: AsyncMock
) -> None:
    result = await _submit(hass, await _choose(hass, "vmix"), VMIX_INPUT | {CONF_HOST: "vmix:8099"})

    assert result["errors"] == {CONF_HOST: "host_invalid"}
    result = await _submit(hass, result, VMIX_INPUT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_vmix_is_added_once_by_its_address(
    hass: HomeAssistant, probe_vmix: AsyncMock
) -> None:
    await _submit(hass, await _choose(hass, "vmix"), VMIX_INPUT)
    probe_vmix.reset_mock()

    result = await _submit(hass, await _choose(hass, "vmix"), VMIX_INPUT)
    assert result["reason"] == "already_configured"
    probe_vmix.assert_not_awaited()

    result = await _submit(hass, await _choose(hass, "vmix"), VMIX_INPUT | {CONF_PORT: 8100})
    assert result["type"] is FlowResultType.CREATE_ENTRY


# -- mend: OBS ----------------------------------------------------------------------------------


async def _reauth(hass: HomeAssistant, step: str) -> ConfigFlowResult:
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["step_id"] == step
    return await hass.config_entries.flow.async_configure(flow["flow_id"])


@pytest.mark.parametrize(("error", "errors", "_vmix"), FAILURES, ids=IDS)
async def test_a_changed_password_is_asked_for_and_then_used(
    hass: HomeAssistant,
    probe_obs: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
    error: StudioError,
    errors: dict[str, str],
    _vmix: dict[str, str],
) -> None:
    entry = await _loaded(hass, studio_entry)
    clients[0].disconnect(AuthenticationError("studio_auth_failed", "x"))
    await hass.async_block_till_done()
    result = await _reauth(hass, "reauth_obs")
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    assert placeholders["studio"] == "Stage"
    # A stored password that is wrong is not worth showing.
    assert _suggested(result) == {}

    probe_obs.side_effect = error
    result = await _submit(hass, result, {CONF_PASSWORD: "typed"})
    # The form has no field for the host or the port.
    shown = {field if field == CONF_PASSWORD else "base" for field in errors}
    assert result["errors"] is not None
    assert set(result["errors"]) == shown
    assert list(result["errors"].values()) == list(errors.values())
    assert _suggested(result) == {CONF_PASSWORD: "typed"}

    probe_obs.side_effect = None
    result = await _submit(hass, result, {CONF_PASSWORD: "new"})
    assert result["reason"] == "reauth_successful"
    assert entry.data == OBS_DATA | {CONF_PASSWORD: "new"}
    assert clients[1].running
    assert entry.state is ConfigEntryState.LOADED
    call = probe_obs.await_args
    assert call is not None
    assert call.kwargs["claim"] is False


async def test_the_same_password_again_connects_again(
    hass: HomeAssistant,
    probe_obs: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
) -> None:
    entry = await _loaded(hass, studio_entry)
    clients[0].disconnect(AuthenticationError("studio_auth_failed", "x"))
    await hass.async_block_till_done()

    result = await _submit(hass, await _reauth(hass, "reauth_obs"), {CONF_PASSWORD: OBS_PASSWORD})

    assert result["reason"] == "reauth_successful"
    assert entry.data == OBS_DATA
    assert len(clients) == 2
    assert clients[1].connected


async def test_the_password_of_another_obs_at_the_same_address_is_not_taken(
    hass: HomeAssistant,
    probe_obs: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
) -> None:
    entry = await _loaded(hass, studio_entry)
    clients[0].disconnect(AuthenticationError("studio_auth_failed", "x"))
    await hass.async_block_till_done()
    probe_obs.return_value = OTHER_OBS

    result = await _submit(hass, await _reauth(hass, "reauth_obs"), {CONF_PASSWORD: "new"})

    assert result["errors"] == {"base": "another_obs"}
    assert entry.data == OBS_DATA
    probe_obs.return_value = OBS
    result = await _submit(hass, result, {CONF_PASSWORD: "new"})
    assert result["reason"] == "reauth_successful"


async def test_reconfigure_follows_an_obs_to_its_new_address_and_refuses_any_other(
    hass: HomeAssistant,
    probe_obs: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
) -> None:
    entry = await _loaded(hass, studio_entry)
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure_obs"
    assert _suggested(result) == {
        CONF_HOST: "obs.example",
        CONF_PORT: 4455,
        CONF_PASSWORD: OBS_PASSWORD,
        CONF_SSL: False,
        CONF_VERIFY_SSL: True,
    }
    moved = {
        CONF_HOST: "new.example",
        CONF_PORT: 4456,
        "tls": {CONF_SSL: True, CONF_VERIFY_SSL: False},
    }

    result = await _submit(hass, result, moved | {CONF_HOST: "wss://new.example"})
    assert result["errors"] == {CONF_HOST: "host_invalid"}
    probe_obs.return_value = OTHER_OBS
    result = await _submit(hass, result, moved)
    assert result["errors"] == {"base": "another_obs"}
    # One that was installed anew has no id, and gets its own back when the client connects.
    probe_obs.return_value = Identity(id=None, name="OBS Studio", software="32.0.1")
    probe_obs.side_effect = UnreachableError("studio_tls", "x")
    result = await _submit(hass, result, moved)
    assert result["errors"] == {"base": "studio_tls"}
    assert _suggested(result)[CONF_HOST] == "new.example"
    assert entry.data == OBS_DATA
    assert len(clients) == 1

    probe_obs.side_effect = None
    result = await _submit(hass, result, moved)

    assert result["reason"] == "reconfigure_successful"
    # The password was taken away, so it is gone.
    assert entry.data == {
        CONF_KIND: KIND_OBS,
        CONF_STUDIO_ID: OBS_ID,
        CONF_HOST: "new.example",
        CONF_PORT: 4456,
        CONF_SSL: True,
        CONF_VERIFY_SSL: False,
    }
    assert not clients[0].running
    assert clients[1].running


async def test_an_entry_that_does_not_run_is_set_up_once_it_is_mended(
    hass: HomeAssistant,
    probe_obs: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
) -> None:
    studio_entry.add_to_hass(hass)
    result = await studio_entry.start_reconfigure_flow(hass)

    result = await _submit(hass, result, OBS_INPUT | {CONF_HOST: "new.example"})

    assert result["reason"] == "reconfigure_successful"
    assert studio_entry.state is ConfigEntryState.LOADED
    assert clients[0].running


# -- mend: vMix ---------------------------------------------------------------------------------


@pytest.fixture
def studio_state(request: pytest.FixtureRequest) -> StudioState:
    """Return a vMix for the tests that ask for one, else an OBS."""
    return vmix_state() if "vmix" in request.node.name else obs_state()


async def test_the_web_controller_of_a_vmix_may_want_another_password(
    hass: HomeAssistant,
    probe_vmix: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
) -> None:
    http = {
        "use_http": True,
        "http_port": 8088,
        "http_username": "admin",
        "http_password": "old",
    }
    studio_entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(studio_entry, data={**studio_entry.data, **http})
    await hass.config_entries.async_setup(studio_entry.entry_id)
    clients[0].disconnect(AuthenticationError("studio_auth_failed", "x"))
    await hass.async_block_till_done()
    result = await _reauth(hass, "reauth_vmix")
    assert _suggested(result) == {"http_username": "admin"}

    probe_vmix.side_effect = AuthenticationError("studio_auth_failed", "x")
    result = await _submit(hass, result, {"http_username": "admin", "http_password": "bad"})
    assert result["errors"] == {"base": "vmix_auth_failed"}
    probe_vmix.side_effect = None
    result = await _submit(hass, result, {"http_username": "boss", "http_password": "new"})

    assert result["reason"] == "reauth_successful"
    assert studio_entry.data["http_username"] == "boss"
    assert studio_entry.data["http_password"] == "new"
    assert studio_entry.data[CONF_STUDIO_ID] == VMIX_ID
    assert clients[1].running


async def test_reconfigure_takes_the_new_address_of_a_vmix(
    hass: HomeAssistant,
    probe_vmix: AsyncMock,
    studio_entry: MockConfigEntry,
    clients: list[FakeStudioClient],
) -> None:
    entry = await _loaded(hass, studio_entry)
    hass.config_entries.async_update_entry(entry, options={CONF_POLL_INTERVAL: 2.0})
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure_vmix"
    assert _suggested(result) == {CONF_HOST: "vmix.example", CONF_PORT: 8099}

    result = await _submit(hass, result, VMIX_INPUT | {CONF_HOST: "a/b"})
    assert result["errors"] == {CONF_HOST: "host_invalid"}
    probe_vmix.side_effect = ProtocolError("studio_wrong_port", "x")
    result = await _submit(hass, result, VMIX_INPUT | {CONF_PORT: 8088})
    assert result["errors"] == {CONF_PORT: "vmix_wrong_port"}
    assert _suggested(result)[CONF_PORT] == 8088
    probe_vmix.side_effect = None
    result = await _submit(hass, result, VMIX_INPUT | {CONF_HOST: "new.example"})

    assert result["reason"] == "reconfigure_successful"
    assert entry.data == VMIX_DATA | {CONF_HOST: "new.example", CONF_STUDIO_ID: VMIX_ID}
    assert entry.options == {CONF_POLL_INTERVAL: 2.0}
    assert clients[-1].running


async def test_a_vmix_does_not_take_the_address_of_another(
    hass: HomeAssistant, probe_vmix: AsyncMock, studio_entry: MockConfigEntry
) -> None:
    entry = await _loaded(hass, studio_entry)
    await _submit(hass, await _choose(hass, "vmix"), VMIX_INPUT | {CONF_HOST: "other.example"})
    result = await entry.start_reconfigure_flow(hass)

    result = await _submit(hass, result, VMIX_INPUT | {CONF_HOST: "other.example"})

    assert result["reason"] == "already_configured"
    assert entry.data[CONF_HOST] == "vmix.example"
