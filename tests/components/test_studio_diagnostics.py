"""Diagnostics of a studio tell how it does, and nothing that somebody named, typed or paid for."""

from base64 import b64encode
from dataclasses import replace
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.studio.errors import ProtocolError
from custom_components.infrafabric.studio.model import (
    AudioChannel,
    Mix,
    Output,
    OutputKind,
    OutputState,
    SceneItem,
    Source,
    StudioState,
    VolumeUnit,
)
from homeassistant.components.diagnostics import REDACTED
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from .conftest import OBS_ID, OBS_PASSWORD, VMIX_ID
from .studio_fake import FakeStudioClient, obs_state, vmix_state

SECRETS = {
    "host": "obs.example",
    "host of vMix": "vmix.example",
    "password": OBS_PASSWORD,
    "HTTP user": "truck-operator",
    "HTTP password": "hunter2-http",
    "stream key": "live_424242_hunter2",
    "server": "ingest.private.example",
    "user name": "sexton",
    "RTMP password": "hunter2-rtmp",
    "passphrase": "hunter2-passphrase",
    "stream id": "hunter2-stream-id",
    "token": "hunter2-token",
    "destination": "Our church",
    "scene": "Ann's face",
    "source": "Bedroom camera",
    "channel": "Ann's microphone",
    "plugin's output": "Feed for Ann",
    "file": "/home/ann/funeral.mkv",
    "preset": "Miller wedding.vmix",
    "title": "Ann's studio",
    "profile": "Millers",
    "collection": "Funeral",
    "transition": "Ann's stinger",
}
OPTIONS = {
    "poll_interval": 2.0,
    "audio_channels": [SECRETS["channel"]],
    "scene_items": "chosen",
    "scenes": [SECRETS["scene"]],
    "destinations": [
        {"name": SECRETS["destination"], "service": "twitch", "key": SECRETS["stream key"]},
        {
            "name": "R",
            "service": "rtmp",
            "server": f"rtmp://{SECRETS['server']}/live",
            "username": SECRETS["user name"],
            "password": SECRETS["RTMP password"],
        },
        {
            "name": "S",
            "service": "srt",
            "host": SECRETS["server"],
            "port": 9000,
            "passphrase": SECRETS["passphrase"],
            "stream_id": SECRETS["stream id"],
        },
        {
            "name": "W",
            "service": "whip",
            "server": f"https://{SECRETS['server']}/x",
            "token": SECRETS["token"],
        },
    ],
}


def leaky(state: StudioState) -> StudioState:
    """Return *state* with something private wherever a studio has a text of its own."""
    scene, channel, plugin = SECRETS["scene"], SECRETS["channel"], SECRETS["plugin's output"]
    return replace(
        state,
        outputs={
            "record": Output(
                key="record",
                kind=OutputKind.RECORD,
                state=OutputState.ACTIVE,
                duration_s=61.0,
                path=SECRETS["file"],
            ),
            f"output:{plugin}": Output(
                key=f"output:{plugin}",
                kind=OutputKind.OTHER,
                state=OutputState.STOPPED,
                name=plugin,
            ),
        },
        # Older versions have no UUIDs, so names are keys.
        sources={scene: Source(key=scene, name=scene, number=1, kind="scene")},
        mixes={1: Mix(number=1, program=scene)},
        scene_items={
            (scene, 1): SceneItem(scene=scene, item_id=1, name=SECRETS["source"], visible=True)
        },
        audio={
            channel: AudioChannel(
                key=channel, name=channel, unit=VolumeUnit.DECIBEL, muted=False, volume=-3.0
            )
        },
        transitions=("Fade", SECRETS["transition"]),
        transition=SECRETS["transition"],
        profiles=(SECRETS["profile"],),
        profile=SECRETS["profile"],
        collections=(SECRETS["collection"],),
        collection=SECRETS["collection"],
        preset=None if state.preset is None else f"C:\\{SECRETS['preset']}",
        destination={"stream": f"rtmp://{SECRETS['server']}/live"},
    )


@pytest.fixture
def studio_state(request: pytest.FixtureRequest) -> StudioState:
    """Return a vMix for the tests that ask for one, else an OBS."""
    return leaky(vmix_state() if "vmix" in request.node.name else obs_state())


@pytest.fixture
def studio_options() -> dict[str, Any]:
    """Return options full of secrets."""
    return OPTIONS


@pytest.fixture(autouse=True)
async def _diagnostics(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "diagnostics", {})


def assert_nothing_private(diagnostics: Any) -> None:
    text = json.dumps(diagnostics, ensure_ascii=False)
    for what, secret in SECRETS.items():
        assert secret not in text, what
        assert b64encode(secret.encode()).decode() not in text, what


async def test_an_obs_is_described_without_anything_private(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
) -> None:
    hass.config_entries.async_update_entry(studio_entry, title=SECRETS["title"])

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, studio_entry)

    assert_nothing_private(diagnostics)
    assert diagnostics["entry"]["data"] == {
        "kind": "obs",
        "host": REDACTED,
        "port": 4455,
        "password": REDACTED,
        "ssl": False,
        "verify_ssl": True,
        "studio_id": OBS_ID,
    }
    assert diagnostics["entry"]["options"] == {
        "poll_interval": 2.0,
        "audio_channels": 1,
        "audio_meters": False,
        "scene_items": "chosen",
        "scenes": 1,
        "destinations": ["twitch", "rtmp", "srt", "whip"],
    }
    studio = diagnostics["studio"]
    assert studio["connected"] is True
    assert studio["problem"] is None
    assert studio["health"] == {"band": "unknown", "reasons": []}
    state = studio["state"]
    assert state["version"]["software"] == "32.0.1"
    assert "screenshot" in state["features"]
    assert [(output["kind"], output["state"]) for output in state["outputs"]] == [
        ("record", "active"),
        ("other", "stopped"),
    ]
    assert state["outputs"][0]["duration_s"] == 61.0
    assert state["sources"] == {"scene": 1}
    assert state["scene_items"] == {"visible": 1}
    assert state["mixes"] == [{"number": 1, "program": True, "preview": False}]
    assert state["audio"][0]["volume"] == -3.0
    assert state["transitions"] == 2
    assert state["statistics"]["fps"] == 59.94


async def test_a_vmix_is_described_without_anything_private(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    device_registry: dr.DeviceRegistry,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
) -> None:
    http = {"http_username": SECRETS["HTTP user"], "http_password": SECRETS["HTTP password"]}
    hass.config_entries.async_update_entry(studio_entry, data={**studio_entry.data, **http})
    await hass.async_block_till_done()
    (device,) = dr.async_entries_for_config_entry(device_registry, studio_entry.entry_id)

    diagnostics: Any = await get_diagnostics_for_device(hass, hass_client, studio_entry, device)

    assert_nothing_private(diagnostics)
    assert diagnostics["entry"]["data"] == {
        "kind": "vmix",
        "host": REDACTED,
        "port": 8099,
        "http_username": REDACTED,
        "http_password": REDACTED,
        "studio_id": VMIX_ID,
    }
    state = diagnostics["studio"]["state"]
    assert state["version"]["edition"] == "4K"
    assert state["preset"] is True
    assert state["overlays"][0] == {"number": 1, "source": True, "preview": False}


async def test_a_studio_that_is_not_connected_tells_why(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    studio_entry: MockConfigEntry,
    init_studio: FakeStudioClient,
) -> None:
    error = ProtocolError("studio_wrong_port", f"{SECRETS['host']} speaks HTTP.")
    init_studio.disconnect(error)

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, studio_entry)

    assert_nothing_private(diagnostics)
    assert diagnostics["studio"]["connected"] is False
    assert diagnostics["studio"]["problem"] == "studio_wrong_port"
    # What was known last is still of use.
    assert diagnostics["studio"]["state"]["statistics"]["target_fps"] == 60.0


async def test_a_studio_that_nobody_saw_yet_has_diagnostics_too(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    studio_entry: MockConfigEntry,
    studio_client: FakeStudioClient,
    init_studio: FakeStudioClient,
) -> None:
    studio_client.on = False
    studio_client._state = None
    studio_client._connected = False

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, studio_entry)

    assert diagnostics["studio"]["state"] is None


def test_a_secret_that_is_there_is_found() -> None:
    for secret in SECRETS.values():
        with pytest.raises(AssertionError):
            assert_nothing_private({"deep": [{"inside": f"x{secret}y"}]})
