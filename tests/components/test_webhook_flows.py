"""The dialogs of webhooks: keys are shown once and kept in the subentry alone."""

from collections.abc import AsyncIterator
from itertools import product
import json
from pathlib import Path
import string
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.const import CONF_KIND, DOMAIN, KIND_SURFACES
from custom_components.infrafabric.happenings import OUTGOING, Happened, Occasion, async_tell
from custom_components.infrafabric.surfaces.webhooks.database import DatabaseError
from custom_components.infrafabric.surfaces.webhooks.inbound.flow import FORMS
from custom_components.infrafabric.surfaces.webhooks.inbound.hook import ACTIONS, CONF_USE, Use
from custom_components.infrafabric.surfaces.webhooks.inbound.receiving import INBOUND
from custom_components.infrafabric.surfaces.webhooks.keys import public_key
from custom_components.infrafabric.surfaces.webhooks.outbound.sending import OUTBOUND
from custom_components.infrafabric.surfaces.webhooks.signing import (
    PrivateKey,
    PublicKey,
    SymmetricKey,
)
from homeassistant.components.cloud import CloudNotConnected
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigSubentry,
)
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from .webhook_world import receiver, until

STREAM: dict[str, Any] = {
    "name": " Director ",
    "actions": ["stop_stream", "switch_scene"],
    "studios": ["device1"],
    "reach": "local",
}
PRODUCTION: dict[str, Any] = {
    "name": "Desk",
    "start": ["script.lights", "scene.show"],
    "stop": [],
    "reach": "local",
}
STOP: dict[str, Any] = {"name": "Red button", "studios": [], "reach": "local"}
CUSTOM: dict[str, Any] = {"name": "Lights", "actions": ["lights_off"], "reach": "local"}
VALUES = {
    Use.PRODUCTION_CONTROL: PRODUCTION,
    Use.STREAM_CONTROL: STREAM,
    Use.EMERGENCY_STOP: STOP,
    Use.CUSTOM: CUSTOM,
}
OUT = {
    "name": " Ticker ",
    "url": "https://user:canary-pass@receiver.example/hook?token=canary-token",
    "events": ["stream_started"],
    "devices": [],
    "private": False,
    "key_kind": "symmetric",
}
PUBLIC = PrivateKey(bytes(range(32))).public.text()
CLOUD = "homeassistant.components.cloud"
FLOW = "custom_components.infrafabric.surfaces.webhooks.inbound.flow"


@pytest.fixture
async def entry(hass: HomeAssistant, tmp_path: Path) -> AsyncIterator[MockConfigEntry]:
    hass.config.config_dir = str(tmp_path)
    await hass.config.async_update(internal_url="http://192.168.1.10:8123")
    for entity_id in ("script.lights", "scene.show", "lock.door"):
        hass.states.async_set(entity_id, "off")
    assert await async_setup_component(hass, "webhook", {})
    entry = MockConfigEntry(domain=DOMAIN, data={CONF_KIND: KIND_SURFACES}, title="Surfaces")
    entry.add_to_hass(hass)
    with patch(f"custom_components.{DOMAIN}.async_add_card"):
        assert await hass.config_entries.async_setup(entry.entry_id)
        yield entry
        if entry.state.value == "loaded":
            await hass.config_entries.async_unload(entry.entry_id)


async def begin(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str, subentry: ConfigSubentry | None = None
) -> dict[str, Any]:
    context: dict[str, Any] = {"source": SOURCE_USER}
    if subentry is not None:
        context = {"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id}
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, kind),
        context=context,  # type: ignore[arg-type]
    )


async def submit(
    hass: HomeAssistant, flow: dict[str, Any], values: dict[str, Any] | None = None
) -> dict[str, Any]:
    result = await hass.config_entries.subentries.async_configure(flow["flow_id"], values or {})
    await hass.async_block_till_done()
    return result


async def choose(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str, subentry: ConfigSubentry, step: str
) -> dict[str, Any]:
    menu = await begin(hass, entry, kind, subentry)
    assert menu["type"] is FlowResultType.MENU
    return await submit(hass, menu, {"next_step_id": step})


def only(entry: MockConfigEntry) -> ConfigSubentry:
    (subentry,) = entry.subentries.values()
    return subentry


async def add(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str, values: dict[str, Any]
) -> tuple[ConfigSubentry, dict[str, str]]:
    """Add a webhook; return it and what was shown."""
    shown = await submit(hass, await begin(hass, entry, kind), values)
    assert shown["step_id"] == "key"
    assert entry.subentries == {}, "not before it was shown"
    assert (await submit(hass, shown))["type"] is FlowResultType.CREATE_ENTRY
    return only(entry), to_copy(shown)


def to_copy(form: dict[str, Any]) -> dict[str, str]:
    """Return the texts that a form shows to be copied, by field."""
    return {str(key): key.description["suggested_value"] for key in form["data_schema"].schema}


def chosen(form: dict[str, Any], name: str) -> Any:
    """Return what a form has chosen before anybody does."""
    return next(key.default() for key in form["data_schema"].schema if key == name)


async def begin_in(hass: HomeAssistant, entry: MockConfigEntry, use: Use) -> dict[str, Any]:
    """Choose what a new inbound webhook is for."""
    menu = await begin(hass, entry, "webhook_in")
    assert menu["menu_options"] == list(Use)
    return await submit(hass, menu, {"next_step_id": use})


async def add_in(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    use: Use = Use.STREAM_CONTROL,
    values: dict[str, Any] | None = None,
    public_key: str = "",
) -> tuple[ConfigSubentry, dict[str, str]]:
    """Add an inbound webhook; return it and what was shown."""
    known = set(entry.subentries)
    form = await begin_in(hass, entry, use)
    sender = await submit(hass, form, {**VALUES[use], **(values or {})})
    assert sender["step_id"] == "sender"
    shown = await submit(hass, sender, {"public_key": public_key} if public_key else {})
    assert shown["step_id"] == "key"
    assert set(entry.subentries) == known, "not before it was shown"
    assert (await submit(hass, shown))["type"] is FlowResultType.CREATE_ENTRY
    (added,) = set(entry.subentries) - known
    return entry.subentries[added], to_copy(shown)


async def test_nothing_is_chosen_that_nobody_chose(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    assert chosen(await begin(hass, entry, "webhook_out"), "events") == []
    form = await begin_in(hass, entry, Use.STREAM_CONTROL)
    assert chosen(form, "actions") == []
    assert chosen(await begin(hass, entry, "notification_rule"), "occasions") == []


# -- outbound ---------------------------------------------------------------------------------


async def test_an_outbound_webhook_is_added_with_a_secret(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    subentry, shown = await add(hass, entry, "webhook_out", OUT)

    SymmetricKey.parse(shown["key"])
    assert subentry.title == "Ticker"
    assert dict(subentry.data) == {
        "url": OUT["url"],
        "events": ["stream_started"],
        "devices": [],
        "private": False,
        "keys": [{"key": shown["key"], "until": None}],
    }
    assert set(hass.data[OUTBOUND]) == {subentry.subentry_id}


async def test_of_a_key_pair_only_the_public_half_is_shown(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    subentry, shown = await add(hass, entry, "webhook_out", {**OUT, "key_kind": "asymmetric"})

    key = subentry.data["keys"][0]["key"]
    assert key.startswith("whsk_")
    assert shown["key"] == public_key(key)


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"name": "  "}, {"name": "name_missing"}),
        ({"events": []}, {"events": "event_missing"}),
        ({"url": "receiver.example"}, {"url": "url_invalid"}),
        ({"url": "ftp://receiver.example/"}, {"url": "url_invalid"}),
        ({"url": "https://"}, {"url": "url_invalid"}),
        ({"url": "https://receiver.example:99999/"}, {"url": "url_invalid"}),
        ({"url": "https://receiver.example/#part"}, {"url": "url_invalid"}),
        ({"url": "https://receiver.example/ x"}, {"url": "url_invalid"}),
        ({"url": "https://receiver.example/" + "x" * 2048}, {"url": "url_invalid"}),
        ({"url": "http://receiver.example/"}, {"url": "url_not_secure"}),
    ],
)
async def test_what_is_wrong_with_an_outbound_webhook_is_said_and_can_be_mended(
    hass: HomeAssistant, entry: MockConfigEntry, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    flow = await begin(hass, entry, "webhook_out")
    again = await submit(hass, flow, {**OUT, **changes})
    assert again["errors"] == errors
    assert (await submit(hass, again, OUT))["step_id"] == "key"

    subentry = None
    subentry, _ = await add(hass, entry, "webhook_out", {**OUT, "name": "Second"})
    form = await choose(hass, entry, "webhook_out", subentry, "settings")
    settings = {key: value for key, value in {**OUT, **changes}.items() if key != "key_kind"}
    assert (await submit(hass, form, settings))["errors"] == errors


async def test_a_private_receiver_may_do_without_tls(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    values = {**OUT, "url": "http://192.168.1.5/", "private": True}
    subentry, _ = await add(hass, entry, "webhook_out", values)
    assert subentry.data["url"] == "http://192.168.1.5/"


async def test_the_settings_of_an_outbound_webhook_change_without_its_key(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    subentry, shown = await add(hass, entry, "webhook_out", OUT)
    form = await choose(hass, entry, "webhook_out", subentry, "settings")
    settings = {key: value for key, value in OUT.items() if key != "key_kind"}
    done = await submit(hass, form, {**settings, "name": "News", "url": "https://b.example/"})

    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    changed = only(entry)
    assert (changed.title, changed.data["url"]) == ("News", "https://b.example/")
    assert changed.data["keys"][0]["key"] == shown["key"]
    assert hass.data[OUTBOUND][changed.subentry_id].hook.name == "News"


@pytest.mark.parametrize("kind", ["symmetric", "asymmetric"])
async def test_the_key_of_an_outbound_webhook_is_exchanged(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str
) -> None:
    subentry, shown = await add(hass, entry, "webhook_out", {**OUT, "key_kind": kind})
    before = subentry.data["keys"][0]["key"]
    form = await choose(hass, entry, "webhook_out", subentry, "rotate")
    fresh = await submit(hass, form)
    assert to_copy(fresh)["key"] != shown["key"]
    assert only(entry).data["keys"][0]["key"] == before, "not before it was shown"
    await submit(hass, fresh)

    new, old = only(entry).data["keys"]
    assert (old["key"], new["until"]) == (before, None)
    assert new["key"] != before
    assert new["key"][:5] == before[:5]
    assert old["until"] > 0


# -- inbound ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "kept"),
    [
        (
            Use.PRODUCTION_CONTROL,
            {
                "actions": ["start_production", "stop_production"],
                "studios": [],
                "start": ["script.lights", "scene.show"],
                "stop": [],
            },
        ),
        (
            Use.STREAM_CONTROL,
            {"actions": ["stop_stream", "switch_scene"], "studios": ["device1"]},
        ),
        (Use.EMERGENCY_STOP, {"actions": ["emergency_stop"], "studios": []}),
        (Use.CUSTOM, {"actions": ["lights_off"], "studios": []}),
    ],
)
async def test_an_inbound_webhook_of_each_use_keeps_what_that_needs_and_a_secret(
    hass: HomeAssistant, entry: MockConfigEntry, use: Use, kept: dict[str, Any]
) -> None:
    subentry, shown = await add_in(hass, entry, use)

    SymmetricKey.parse(shown["key"])
    webhook_id = subentry.data["webhook_id"]
    assert len(webhook_id) == 64
    assert shown["url"] == f"http://192.168.1.10:8123/api/webhook/{webhook_id}"
    assert subentry.title == VALUES[use]["name"].strip()
    assert dict(subentry.data) == {
        **kept,
        "use": use.value,
        "reach": "local",
        "webhook_id": webhook_id,
        "keys": [{"key": shown["key"], "until": None}],
    }
    assert set(hass.data[INBOUND]) == {subentry.subentry_id}
    assert hass.data[INBOUND][subentry.subentry_id].hook.actions == set(kept["actions"])


@pytest.mark.parametrize("use", Use)
async def test_each_use_is_asked_for_what_it_needs_and_nothing_else(
    hass: HomeAssistant, entry: MockConfigEntry, use: Use
) -> None:
    form = await begin_in(hass, entry, use)
    assert form["step_id"] == use
    assert [str(key) for key in form["data_schema"].schema] == list(VALUES[use])


async def test_a_sender_may_have_a_key_pair(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    subentry, shown = await add_in(hass, entry, public_key=f" {PUBLIC}\n")
    assert shown["key"] == PUBLIC
    assert subentry.data["keys"] == [{"key": PUBLIC, "until": None}]
    assert "public_key" not in subentry.data


@pytest.mark.parametrize("key", ["whpk_short", PrivateKey(bytes(32)).text()])
async def test_what_is_no_public_key_is_refused(
    hass: HomeAssistant, entry: MockConfigEntry, key: str
) -> None:
    sender = await submit(hass, await begin_in(hass, entry, Use.CUSTOM), CUSTOM)
    again = await submit(hass, sender, {"public_key": key})
    assert again["errors"] == {"public_key": "public_key_invalid"}
    assert (await submit(hass, again, {"public_key": PUBLIC}))["step_id"] == "key"


def spelled_otherwise(key: str) -> str:
    """Return a key whose base64 has other bits where none count."""
    digits = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    return f"{key[:-2]}{digits[digits.index(key[-2]) + 1]}="


@pytest.mark.parametrize("key", [PUBLIC, spelled_otherwise(PUBLIC)])
async def test_a_public_key_is_for_one_webhook_only(
    hass: HomeAssistant, entry: MockConfigEntry, key: str
) -> None:
    assert PublicKey.parse(key) == PublicKey.parse(PUBLIC)
    other, _ = await add_in(hass, entry)
    open_dialog = await submit(hass, await begin_in(hass, entry, Use.CUSTOM), CUSTOM)
    open_dialog = await submit(hass, open_dialog, {"public_key": key})
    assert open_dialog["step_id"] == "key"
    first, _ = await add_in(hass, entry, public_key=PUBLIC)
    used = {"public_key": "public_key_used"}

    too_late = await submit(hass, open_dialog)
    assert too_late["reason"] == "changed_meanwhile"
    for step in ("rotate", "revoke"):
        form = await choose(hass, entry, "webhook_in", other, step)
        assert (await submit(hass, form, {"public_key": key}))["errors"] == used
    # The webhook that has it may keep it, with another address; then it exchanges it.
    form = await choose(hass, entry, "webhook_in", first, "revoke")
    await submit(hass, await submit(hass, form, {"public_key": key}))
    form = await choose(hass, entry, "webhook_in", entry.subentries[first.subentry_id], "rotate")
    await submit(hass, await submit(hass, form))
    keys = entry.subentries[first.subentry_id].data["keys"]
    assert keys[1]["key"] == PUBLIC

    sender = await submit(hass, await begin_in(hass, entry, Use.CUSTOM), CUSTOM)
    again = await submit(hass, sender, {"public_key": key})
    assert again["errors"] == used, "it still counts for a day"
    with patch(f"{FLOW}.time.time", return_value=keys[1]["until"] + 1):
        assert (await submit(hass, again, {"public_key": key}))["step_id"] == "key"


@pytest.mark.parametrize(
    ("use", "changes", "errors"),
    [
        *((use, {"name": "  "}, {"name": "name_missing"}) for use in Use),
        *((use, {"reach": "cloud"}, {"reach": "no_address"}) for use in Use),
        (Use.STREAM_CONTROL, {"actions": []}, {"actions": "action_missing"}),
        (Use.STREAM_CONTROL, {"studios": []}, {"studios": "studio_missing"}),
        (Use.CUSTOM, {"actions": []}, {"actions": "action_missing"}),
        (Use.CUSTOM, {"actions": ["Open Door!"]}, {"actions": "action_invalid"}),
        *(
            (Use.CUSTOM, {"actions": ["lights_off", action]}, {"actions": "action_reserved"})
            for actions in ACTIONS.values()
            for action in actions
        ),
        (Use.PRODUCTION_CONTROL, {"start": ["script.gone"]}, {"start": "script_missing"}),
        (Use.PRODUCTION_CONTROL, {"stop": ["scene.gone"]}, {"stop": "script_missing"}),
        # As an id of the entity registry, which the selector lets pass.
        (Use.PRODUCTION_CONTROL, {"stop": ["0" * 32]}, {"stop": "script_missing"}),
    ],
)
async def test_what_is_wrong_with_an_inbound_webhook_is_said_and_can_be_mended(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    use: Use,
    changes: dict[str, Any],
    errors: dict[str, str],
) -> None:
    subentry, _ = await add_in(hass, entry, use)
    with patch(f"{CLOUD}.async_get_or_create_cloudhook", side_effect=CloudNotConnected):
        for form in (
            await begin_in(hass, entry, use),
            await choose(hass, entry, "webhook_in", subentry, "settings"),
        ):
            again = await submit(hass, form, {**VALUES[use], **changes})
            assert again["errors"] == errors
    assert (await submit(hass, again, VALUES[use]))["reason"] == "reconfigure_successful"


@pytest.mark.parametrize(
    ("use", "changes"),
    [
        (Use.STREAM_CONTROL, {"actions": ["emergency_stop"]}),
        (Use.STREAM_CONTROL, {"actions": ["lights_off"]}),
        *(
            (Use.PRODUCTION_CONTROL, {"start": [f"{domain}.door"]})
            for domain in (
                "alarm_control_panel",
                "automation",
                "button",
                "cover",
                "input_boolean",
                "light",
                "lock",
                "siren",
                "switch",
                "valve",
            )
        ),
    ],
)
async def test_what_a_use_has_no_business_with_cannot_be_chosen(
    hass: HomeAssistant, entry: MockConfigEntry, use: Use, changes: dict[str, Any]
) -> None:
    hass.states.async_set(changes.get("start", ["lock.door"])[0], "on")
    form = await begin_in(hass, entry, use)
    with pytest.raises(InvalidData):
        await submit(hass, form, {**VALUES[use], **changes})


async def test_a_lock_cannot_be_chosen_by_its_id_in_the_registry(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    lock = entity_registry.async_get_or_create("lock", "test", "door")
    hass.states.async_set(lock.entity_id, "locked")
    form = await begin_in(hass, entry, Use.PRODUCTION_CONTROL)
    again = await submit(hass, form, {**PRODUCTION, "start": [lock.id]})
    assert again["errors"] == {"start": "script_missing"}


CHANGED: dict[Use, dict[str, Any]] = {
    Use.PRODUCTION_CONTROL: {"start": [], "stop": ["scene.show"]},
    Use.STREAM_CONTROL: {"actions": ["start_stream"], "studios": ["device2"]},
    Use.EMERGENCY_STOP: {"studios": ["device2"]},
    Use.CUSTOM: {"actions": ["lights_on", "fog"]},
}


@pytest.mark.parametrize("use", Use)
async def test_the_settings_of_an_inbound_webhook_change_without_its_key(
    hass: HomeAssistant, entry: MockConfigEntry, use: Use
) -> None:
    subentry, shown = await add_in(hass, entry, use)
    before = dict(subentry.data)
    menu = await begin(hass, entry, "webhook_in", subentry)
    assert menu["menu_options"] == ["settings", "rotate", "revoke"]
    assert menu["description_placeholders"] == {"url": shown["url"]}
    form = await submit(hass, menu, {"next_step_id": "settings"})
    assert form["step_id"] == use
    suggested = {str(key): key.description["suggested_value"] for key in form["data_schema"].schema}
    assert suggested == {**VALUES[use], "name": VALUES[use]["name"].strip()}
    await submit(hass, form, {**suggested, **CHANGED[use], "name": "Other"})

    changed = only(entry)
    assert changed.title == "Other"
    assert dict(changed.data) == {**before, **CHANGED[use]}


@pytest.mark.parametrize(
    ("actions", "use"),
    [
        (["start_production"], Use.PRODUCTION_CONTROL),
        (["stop_stream", "switch_scene"], Use.STREAM_CONTROL),
        (["emergency_stop"], Use.EMERGENCY_STOP),
        (["lights_off"], Use.CUSTOM),
        (["stop_stream", "emergency_stop"], Use.CUSTOM),
    ],
)
async def test_a_webhook_made_before_there_were_uses_gets_the_form_that_fits_it(
    hass: HomeAssistant, entry: MockConfigEntry, actions: list[str], use: Use
) -> None:
    subentry, _ = await add_in(hass, entry)
    data = {key: value for key, value in subentry.data.items() if key != CONF_USE}
    hass.config_entries.async_update_subentry(entry, subentry, data={**data, "actions": actions})
    await hass.async_block_till_done()
    hook = hass.data[INBOUND][subentry.subentry_id].hook
    assert (hook.actions, hook.studios) == (set(actions), ("device1",))

    form = await choose(hass, entry, "webhook_in", only(entry), "settings")
    assert form["step_id"] == use
    done = await submit(hass, form, VALUES[use])
    assert done["reason"] == "reconfigure_successful"
    assert only(entry).data[CONF_USE] == use


async def test_without_an_address_the_settings_can_still_be_changed(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    subentry, _ = await add_in(hass, entry)
    with patch(
        "custom_components.infrafabric.surfaces.webhooks.inbound.flow.async_public_url",
        side_effect=CloudNotConnected,
    ):
        menu = await begin(hass, entry, "webhook_in", subentry)
        assert menu["description_placeholders"] == {"url": "–"}
        form = await submit(hass, menu, {"next_step_id": "settings"})
        assert (await submit(hass, form, STREAM))["errors"] == {"reach": "no_address"}
        for step in ("rotate", "revoke"):
            form = await choose(hass, entry, "webhook_in", subentry, step)
            assert (await submit(hass, form))["errors"] == {"base": "no_address"}


async def test_the_key_of_an_inbound_webhook_is_exchanged(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    subentry, shown = await add_in(hass, entry)
    form = await choose(hass, entry, "webhook_in", subentry, "rotate")
    wrong = await submit(hass, form, {"public_key": "no key"})
    assert wrong["errors"] == {"public_key": "public_key_invalid"}
    fresh = await submit(hass, wrong, {"public_key": PUBLIC})
    assert to_copy(fresh) == {"url": shown["url"], "key": PUBLIC}
    await submit(hass, fresh)

    new, old = only(entry).data["keys"]
    assert new == {"key": PUBLIC, "until": None}
    assert old["key"] == shown["key"]
    assert old["until"] > 0


async def test_revoking_makes_another_address_and_ends_the_old_key_at_once(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    subentry, shown = await add_in(hass, entry)
    before = subentry.data["webhook_id"]
    form = await choose(hass, entry, "webhook_in", subentry, "revoke")
    wrong = await submit(hass, form, {"public_key": "no key"})
    assert wrong["errors"] == {"public_key": "public_key_invalid"}
    fresh = await submit(hass, wrong)
    assert only(entry).data["webhook_id"] == before
    await submit(hass, fresh)

    data = only(entry).data
    assert data["webhook_id"] != before
    assert data["webhook_id"] in to_copy(fresh)["url"]
    assert data["keys"] == [{"key": to_copy(fresh)["key"], "until": None}]
    assert data["keys"][0]["key"] != shown["key"]


async def test_an_address_in_the_cloud_comes_and_goes_with_the_webhook(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    made: list[str] = []
    deleted: list[str] = []

    async def make(_hass: HomeAssistant, webhook_id: str) -> str:
        made.append(webhook_id)
        return f"https://hooks.example/{webhook_id[:4]}"

    async def delete(_hass: HomeAssistant, webhook_id: str) -> None:
        deleted.append(webhook_id)
        if len(deleted) > 2:
            raise CloudNotConnected

    hass.config.components.add("cloud")
    with (
        patch(f"{CLOUD}.async_get_or_create_cloudhook", make),
        patch(f"{CLOUD}.async_delete_cloudhook", delete),
    ):
        # Given up before the end: nothing is left in the cloud.
        form = await begin_in(hass, entry, Use.STREAM_CONTROL)
        shown = await submit(hass, form, {**STREAM, "reach": "cloud"})
        hass.config_entries.subentries.async_abort(shown["flow_id"])
        await hass.async_block_till_done()
        assert deleted == made == [made[0]]

        subentry, shown_values = await add_in(hass, entry, values={"reach": "cloud"})
        kept = subentry.data["webhook_id"]
        assert shown_values["url"] == f"https://hooks.example/{kept[:4]}"
        form = await choose(hass, entry, "webhook_in", subentry, "settings")
        await submit(hass, form, {**STREAM, "reach": "internet"})
        assert deleted[1:] == [kept]

        form = await choose(hass, entry, "webhook_in", subentry, "settings")
        await submit(hass, form, {**STREAM, "reach": "cloud"})
        hass.config_entries.async_remove_subentry(entry, only(entry).subentry_id)
        await hass.async_block_till_done()
        assert deleted[2:] == [kept], "and that the cloud cannot be reached is no failure"


@pytest.mark.parametrize(
    ("kind", "stale", "other"),
    [
        *(("webhook_in", *steps) for steps in product(("settings", "rotate", "revoke"), repeat=2)),
        *(("webhook_out", *steps) for steps in product(("settings", "rotate"), repeat=2)),
    ],
)
async def test_a_dialog_that_was_left_open_brings_nothing_back(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str, stale: str, other: str
) -> None:
    if kind == "webhook_in":
        settings: dict[str, Any] = STREAM
        subentry, _ = await add_in(hass, entry)
    else:
        settings = {key: value for key, value in OUT.items() if key != "key_kind"}
        subentry, _ = await add(hass, entry, kind, OUT)

    async def until_the_end(flow: dict[str, Any], step: str, name: str) -> dict[str, Any]:
        if step == "settings":
            return await submit(hass, flow, {**settings, "name": name})
        if flow["step_id"] != "key":
            flow = await submit(hass, flow)
        return await submit(hass, flow)

    open_dialog = await choose(hass, entry, kind, subentry, stale)
    if stale != "settings":
        open_dialog = await submit(hass, open_dialog)
    done = await until_the_end(await choose(hass, entry, kind, subentry, other), other, "Now")
    assert done["reason"] == "reconfigure_successful"
    title, data = only(entry).title, dict(only(entry).data)

    too_late = await until_the_end(open_dialog, stale, "Late")
    assert (too_late["type"], too_late["reason"]) == (FlowResultType.ABORT, "changed_meanwhile")
    assert (only(entry).title, dict(only(entry).data)) == (title, data)


async def test_a_dialog_that_comes_too_late_leaves_the_address_in_the_cloud_that_is_used(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    deleted: list[str] = []

    async def delete(_hass: HomeAssistant, webhook_id: str) -> None:
        deleted.append(webhook_id)

    subentry, _ = await add_in(hass, entry)
    hass.config.components.add("cloud")
    with (
        patch(f"{CLOUD}.async_get_or_create_cloudhook", return_value="https://hooks.example/"),
        patch(f"{CLOUD}.async_delete_cloudhook", delete),
    ):
        forms = [await choose(hass, entry, "webhook_in", subentry, "settings") for _ in range(2)]
        reasons = [
            (await submit(hass, form, {**STREAM, "reach": "cloud"}))["reason"] for form in forms
        ]
        assert reasons == ["reconfigure_successful", "changed_meanwhile"]
        assert deleted == []


# -- both -------------------------------------------------------------------------------------


async def test_diagnostics_and_titles_say_nothing_of_keys_and_addresses(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    _, shown_out = await add(hass, entry, "webhook_out", OUT)
    await add_in(hass, entry)
    told = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    text = json.dumps(told)
    for secret in ("canary", "receiver.example", shown_out["key"][6:], "/api/webhook/"):
        assert secret not in text
    assert told["webhooks"]["inbound"][0]["refused"] == {}
    assert told["webhooks"]["outbound"][0]["waiting"] == 0


async def test_an_admin_can_have_dead_letters_sent_again(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await add(hass, entry, "webhook_out", OUT)
    resend = (DOMAIN, "resend_webhooks")
    answer = await hass.services.async_call(*resend, blocking=True, return_response=True)
    assert answer == {"webhooks": [{"name": "Ticker", "resent": 0}]}

    nobody = MockUser().add_to_hass(hass)
    with pytest.raises(Unauthorized):
        await hass.services.async_call(*resend, blocking=True, context=Context(user_id=nobody.id))


async def test_dead_letters_that_cannot_be_read_are_said_and_hinder_no_other_webhook(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    broken, _ = await add(hass, entry, "webhook_out", OUT)
    news = {**OUT, "name": "News"}
    await submit(hass, await submit(hass, await begin(hass, entry, "webhook_out"), news))
    running = dict(hass.data[OUTBOUND])
    outbox = running.pop(broken.subentry_id)._outbox
    (other,) = running.values()
    why = DatabaseError("outbox.db cannot be written: disk I/O error")
    with (
        patch.object(outbox, "resend", side_effect=why),
        patch.object(other._outbox, "resend", wraps=other._outbox.resend) as resend,
        pytest.raises(HomeAssistantError) as caught,
    ):
        await hass.services.async_call(DOMAIN, "resend_webhooks", blocking=True)
    assert caught.value.translation_key == "webhook_outbox_failed"
    assert caught.value.translation_placeholders == {
        "webhook": "Ticker",
        "problem": "outbox.db cannot be written: disk I/O error.",
    }
    resend.assert_called_once()


async def test_a_removed_entry_leaves_no_file(
    hass: HomeAssistant, entry: MockConfigEntry, tmp_path: Path
) -> None:
    await add(hass, entry, "webhook_out", OUT)
    await add_in(hass, entry)
    kept = tmp_path / ".storage"
    assert len({file.name.split(".db")[0] for file in kept.glob("*.db*")}) == 2

    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert list(kept.glob("*.db*")) == []


def test_what_can_be_chosen_has_nothing_of_doors() -> None:
    actions = [action for actions in ACTIONS.values() for action in actions]
    assert not [action for action in actions if "lock" in action or "door" in action]
    assert FORMS.keys() == ACTIONS.keys() == set(Use)


async def test_what_a_webhook_brought_in_goes_out_through_none(
    hass: HomeAssistant, entry: MockConfigEntry, socket_enabled: None
) -> None:
    assert [what for what in Happened if what not in OUTGOING] == [Happened.WEBHOOK_RECEIVED]
    flow = await begin(hass, entry, "webhook_out")
    with pytest.raises(InvalidData):
        await submit(hass, flow, {**OUT, "events": ["webhook_received"]})

    received = Occasion(Happened.WEBHOOK_RECEIVED, None, "text", {"action": "lights_off"})
    started = Occasion(Happened.STREAM_STARTED, "stage", "text", {"channel": 1})
    async with receiver() as there:
        url = f"http://localhost:{there.port}/"
        values = {**OUT, "url": url, "private": True, "events": OUTGOING}
        await add(hass, entry, "webhook_out", values)
        async_tell(hass, received)
        async_tell(hass, started)
        await until(lambda: bool(there.requests))
        await hass.config_entries.async_unload(entry.entry_id)
        assert [got.json["type"] for got in there.requests] == ["infrafabric.stream_started"]


async def test_what_happens_reaches_the_receiver_until_home_assistant_stops(
    hass: HomeAssistant, entry: MockConfigEntry, socket_enabled: None
) -> None:
    occasion = Occasion(Happened.STREAM_STARTED, "stage", "text", {"channel": 1})
    async with receiver() as there:
        url = f"http://localhost:{there.port}/"
        subentry, _ = await add(hass, entry, "webhook_out", {**OUT, "url": url, "private": True})
        async_tell(hass, occasion)
        await until(lambda: bool(there.requests))
        assert there.requests[0].json["data"] == {"channel": 1}

        hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
        await hass.async_block_till_done()
        async_tell(hass, occasion)
        await hass.async_block_till_done()
        assert len(there.requests) == 1
        assert hass.data[OUTBOUND][subentry.subentry_id]._session is None
