"""The actions of studios: what each one does, what it returns, and what it refuses."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.infrafabric import studio_services
from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.studio.api import Picture
from custom_components.infrafabric.studio.errors import (
    DeadlineError,
    InvalidError,
    RefusedError,
    StudioError,
)
from custom_components.infrafabric.studio.events import RecordingFinished
from custom_components.infrafabric.studio.model import (
    MAX_STREAMS,
    Feature,
    OutputState,
    Source,
    StudioKind,
)
from homeassistant.const import Platform
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
from homeassistant.helpers.translation import async_load_integrations
from homeassistant.util.yaml import load_yaml_dict

from .conftest import FakeMeshNode
from .studio_fake import (
    BREAK,
    CAMERA,
    DESK,
    MICROPHONE,
    PICTURE,
    VMIX_CAMERA,
    VMIX_CLIP,
    VMIX_TITLE,
    FakeStudioClient,
    obs_state,
    vmix_state,
)
from .studio_world import (
    BACKUP,
    CANARIES,
    STREAM_KEY,
    SUNDAY,
    add_studios,
    studio_clients,
    studio_entry,
)

ACTIONS = studio_services.STUDIO_ACTIONS
NEEDED: dict[str, dict[str, Any]] = {
    "set_stream_destination": {"destination": "Sunday service"},
    "start_output": {"output": "record"},
    "stop_output": {"output": "record"},
    "switch_scene": {"scene": "1"},
    "overlay": {"number": 1},
    "set_item_visibility": {"scene": "Camera", "item": "Logo", "visible": True},
    "set_text": {"input": "Lower third", "text": "Hello"},
    "set_volume": {"audio": "Microphone", "volume": -3},
    "set_mute": {"audio": "Microphone"},
    "trigger_hotkey": {"hotkey": "OBSBasic.Screenshot"},
    "screenshot": {"filename": "/media/x.jpg"},
    "obs_request": {"request": "GetVersion"},
    "vmix_function": {"function": "PlayInput"},
}
"""What each action cannot do without."""


@pytest.fixture
def platforms() -> list[Platform]:
    return []


class World:
    """An OBS called Stage and a vMix called Truck in one Home Assistant."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self.obs = FakeStudioClient(obs_state())
        self.vmix = FakeStudioClient(vmix_state())
        self.entries = [
            studio_entry(StudioKind.OBS, "Stage", destinations=[SUNDAY, BACKUP]),
            studio_entry(StudioKind.VMIX, "Truck", destinations=[SUNDAY]),
        ]
        self.stage = ""
        self.truck = ""

    async def act(self, action: str, target: Any = None, **data: Any) -> list[dict[str, Any]]:
        """Perform an action and return its report of each studio."""
        response = await self.perform(action, target, respond=True, **data)
        studios: list[dict[str, Any]] = response["studios"]
        return studios

    async def perform(
        self, action: str, target: Any = None, *, respond: bool = False, **data: Any
    ) -> Any:
        """Perform an action."""
        if target is None:
            target = self.stage
        return await self.hass.services.async_call(
            DOMAIN,
            action,
            data,
            target=target if isinstance(target, dict) else {"device_id": target},
            blocking=True,
            return_response=respond,
        )

    async def refused(self, action: str, target: Any = None, **data: Any) -> HomeAssistantError:
        """Perform an action that must fail, and return its error."""
        respond = ACTIONS[action].response.value != "none"
        with pytest.raises(HomeAssistantError) as raised:
            await self.perform(action, target, respond=respond, **data)
        assert raised.value.translation_domain in (DOMAIN, "homeassistant")
        assert f"exceptions.{raised.value.translation_key}" not in str(raised.value)
        assert str(raised.value) != raised.value.translation_key
        return raised.value


@pytest.fixture
async def world(hass: HomeAssistant, platforms: list[Platform]) -> AsyncGenerator[World]:
    world = World(hass)
    with studio_clients({"Stage": world.obs, "Truck": world.vmix}, platforms):
        world.stage, world.truck = await add_studios(hass, *world.entries)
        yield world


# -- streams and outputs ----------------------------------------------------------------------


async def test_a_stream_starts_where_the_studio_is_set_to(world: World) -> None:
    (stage,) = await world.act("start_stream")

    assert stage == {
        "device_id": world.stage,
        "name": "Stage",
        "output": "stream",
        "state": "active",
        "duration": None,
        "path": None,
        "destination": "Twitch",
    }
    assert not world.obs.asked("set_destination")


async def test_a_stream_starts_to_a_stored_destination_on_a_chosen_channel(world: World) -> None:
    (truck,) = await world.act(
        "start_stream", world.truck, destination="Sunday service", channel=3, timeout=5
    )

    ((destination, keywords),) = world.vmix.asked("set_destination")
    assert (destination.name, destination.key) == ("Sunday service", STREAM_KEY)
    assert keywords == {"output": "stream_3"}
    assert (truck["output"], truck["state"]) == ("stream_3", "active")
    assert truck["destination"] == "YouTube"
    assert [call[0] for call in world.vmix.calls[1:]] == ["set_destination", "start_output"]


async def test_two_automations_do_not_set_a_destination_between_each_other_s_set_and_start(
    world: World,
) -> None:
    world.obs.gate = asyncio.Event()
    tasks = [
        asyncio.create_task(world.act("start_stream", destination=name))
        for name in ("Sunday service", "Backup")
    ]
    other = asyncio.create_task(world.act("stop_stream"))
    for _ in range(20):
        await asyncio.sleep(0)
    # Only the first one is at work; to stop waits for nobody.
    calls = [call[0] for call in world.obs.calls if call[0] != "start"]
    assert sorted(calls) == ["set_destination", "stop_output"]
    world.obs.gate.set()
    await asyncio.gather(*tasks, other)

    calls = [call[0] for call in world.obs.calls if call[0] in ("set_destination", "start_output")]
    assert calls == ["set_destination", "start_output"] * 2


async def test_a_stream_does_not_start_when_its_destination_is_refused(world: World) -> None:
    world.obs.error = RefusedError("destination_differs", "What was read back differs.")

    error = await world.refused("start_stream", destination="Sunday service")

    assert "Stage" in str(error)
    assert not world.obs.asked("start_output")


async def test_a_destination_that_is_not_stored_is_refused_with_those_that_are(
    world: World,
) -> None:
    error = await world.refused("start_stream", destination="Nowhere")

    assert type(error) is ServiceValidationError
    assert "Nowhere" in str(error)
    assert "Sunday service, Backup" in str(error)
    assert not world.obs.asked("start_output")


async def test_a_stream_that_the_studio_lacks_is_refused(world: World) -> None:
    error = await world.refused("start_stream", channel=2)

    assert "Stage" in str(error)
    assert "2" in str(error)


async def test_starting_and_stopping_again_is_a_success(world: World) -> None:
    for _ in range(2):
        (stage,) = await world.act("start_stream")
        assert stage["state"] == "active"
    for _ in range(2):
        (stage,) = await world.act("stop_stream")
        assert [output["state"] for output in stage["outputs"]] == ["stopped"]


async def test_one_channel_is_stopped_or_all_of_them(world: World) -> None:
    for key in ("stream_1", "stream_4"):
        world.vmix.output(key, OutputState.ACTIVE)

    (truck,) = await world.act("stop_stream", world.truck, channel=4)
    assert [output["output"] for output in truck["outputs"]] == ["stream_4"]
    assert world.vmix.studio.outputs["stream_1"].state is OutputState.ACTIVE

    (truck,) = await world.act("stop_stream", world.truck)
    assert [output["output"] for output in truck["outputs"]] == [
        f"stream_{number}" for number in range(1, 6)
    ]
    assert world.vmix.studio.outputs["stream_1"].state.is_on is False


async def test_a_destination_is_set_without_starting(world: World) -> None:
    (stage,) = await world.act("set_stream_destination", destination="Backup")

    assert stage["output"] == "stream"
    assert stage["destination"] == "srt://srt.example:9000 (caller, 120 ms)"
    assert not world.obs.asked("start_output")


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("virtual_camera", "virtual_camera"),
        ("Virtual camera", "virtual_camera"),
        ("NDI Main", "output:NDI Main"),
        ("replay_buffer", "replay_buffer"),
    ],
)
async def test_any_output_is_started_and_stopped_by_its_key_or_name(
    world: World, wanted: str, key: str
) -> None:
    (stage,) = await world.act("start_output", output=wanted)
    assert (stage["output"], stage["state"]) == (key, "active")

    (stage,) = await world.act("stop_output", output=wanted)
    assert (stage["output"], stage["state"]) == (key, "stopped")


async def test_an_output_that_the_studio_lacks_is_refused(world: World) -> None:
    error = await world.refused("start_output", output="multicorder")

    assert type(error) is ServiceValidationError
    assert "Stage" in str(error)
    assert "multicorder" in str(error)


# -- recording --------------------------------------------------------------------------------


async def test_a_recording_starts_pauses_goes_on_and_returns_its_file(world: World) -> None:
    assert [
        (await world.act(action))[0]["state"]
        for action in ("start_recording", "pause_recording", "resume_recording")
    ] == ["active", "paused", "active"]
    stop = world.obs.stop_output

    async def stop_with_path(key: str, *, timeout: float) -> Any:
        assert timeout == 7
        output = await stop(key)
        world.obs.emit(RecordingFinished(path="/videos/service.mkv", duration_s=3.0))
        return output

    world.obs.stop_output = stop_with_path  # type: ignore[method-assign, assignment]

    (stage,) = await world.act("stop_recording", timeout=7)

    assert stage["path"] == "/videos/service.mkv"
    assert stage["state"] == "stopped"


async def test_a_recording_that_was_not_running_has_no_file(world: World) -> None:
    (stage,) = await world.act("stop_recording")

    assert stage["path"] is None


async def test_a_recording_is_split_and_marked(world: World) -> None:
    await world.act("start_recording")

    (split,) = await world.act("split_recording")
    assert (split["output"], split["state"]) == ("record", "active")

    await world.act("add_chapter", name="Sermon")
    await world.act("add_chapter")
    assert world.obs.asked("add_chapter") == [("Sermon",), (None,)]


async def test_a_replay_is_saved_and_its_file_returned(world: World) -> None:
    (stage,) = await world.act("save_replay")

    assert stage["path"] == "/videos/replay.mkv"


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("pause_recording", {}),
        ("resume_recording", {}),
        ("split_recording", {}),
        ("add_chapter", {}),
        ("save_replay", {}),
        ("screenshot", {}),
    ],
)
async def test_what_a_version_lacks_is_an_error_that_names_studio_and_version(
    world: World, action: str, data: dict[str, Any], tmp_path: Path
) -> None:
    world.hass.config.allowlist_external_dirs = {str(tmp_path)}
    world.obs.replace_state(features=frozenset())
    if action == "screenshot":
        data = {"filename": str(tmp_path / "x.jpg")}

    error = await world.refused(action, **data)

    assert type(error) is ServiceValidationError
    assert "Stage" in str(error)
    assert "32.0.1" in str(error)


# -- picture ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["Break", "3", BREAK])
async def test_a_scene_goes_on_air_by_name_number_or_key(world: World, wanted: str) -> None:
    (stage,) = await world.act("switch_scene", scene=wanted)

    assert world.obs.asked("set_program") == [(BREAK, {"mix": 1})]
    assert {key: stage[key] for key in ("mix", "program", "preview")} == {
        "mix": 1,
        "program": "Break",
        "preview": "Desk",
    }


async def test_an_input_goes_into_the_preview_of_another_mix(world: World) -> None:
    (truck,) = await world.act(
        "switch_scene", world.truck, scene="Lower third", to="preview", mix=2
    )

    assert world.vmix.asked("set_preview") == [(VMIX_TITLE, {"mix": 2})]
    assert (truck["program"], truck["preview"]) == ("Opener.mp4", "Lower third")


async def test_a_number_may_come_as_a_number(world: World) -> None:
    await world.act("switch_scene", scene=2)

    assert world.obs.asked("set_program") == [(DESK, {"mix": 1})]


async def test_a_name_that_two_inputs_have_is_refused_with_their_numbers(world: World) -> None:
    sources = dict(world.vmix.studio.sources)
    sources["twin"] = Source(key="twin", name="Camera 1", number=9, kind="Capture")
    world.vmix.replace_state(sources=sources)

    error = await world.refused("switch_scene", world.truck, scene="Camera 1")

    assert "1, 9" in str(error)
    (truck,) = await world.act("switch_scene", world.truck, scene="9")
    assert truck["program"] == "Camera 1"


@pytest.mark.parametrize(
    ("action", "data", "named"),
    [
        ("switch_scene", {"scene": "Roof"}, "Roof"),
        ("switch_scene", {"scene": "Desk", "mix": 2}, "2"),
        ("transition", {"scene": "Roof"}, "Roof"),
        ("set_item_visibility", {"scene": "Roof", "item": "Logo", "visible": True}, "Roof"),
        ("set_volume", {"audio": "Drum", "volume": 0}, "Drum"),
        ("set_mute", {"audio": "Drum"}, "Drum"),
        ("trigger_hotkey", {"hotkey": "Nothing"}, "Nothing"),
    ],
)
async def test_a_name_that_the_studio_does_not_know_is_refused(
    world: World, action: str, data: dict[str, Any], named: str
) -> None:
    error = await world.refused(action, **data)

    assert type(error) is ServiceValidationError
    assert "Stage" in str(error)
    assert named in str(error)


async def test_the_preview_goes_on_air_by_a_transition(world: World) -> None:
    (stage,) = await world.act("transition", name="Fade", duration=700, scene="Break")

    assert world.obs.asked("transition") == [
        ("Fade", {"duration_ms": 700, "source": BREAK, "mix": 1})
    ]
    assert (stage["program"], stage["preview"]) == ("Break", "Camera")


async def test_an_overlay_is_shown_hidden_and_toggled(world: World) -> None:
    (truck,) = await world.act("overlay", world.truck, number=2, input="Lower third")
    assert (truck["number"], truck["input"]) == (2, "Lower third")

    (truck,) = await world.act("overlay", world.truck, number=2, mode="hide")
    assert truck["input"] is None

    await world.act("overlay", world.truck, number=2, mode="toggle", input="3")
    assert world.vmix.asked("set_overlay")[-1] == (2, {"source": VMIX_CLIP, "enabled": None})


async def test_an_overlay_that_a_vmix_lacks_is_refused(world: World) -> None:
    error = await world.refused("overlay", world.truck, number=8)

    assert "8" in str(error)


@pytest.mark.parametrize(
    ("action", "only"),
    [
        ("overlay", "vMix"),
        ("vmix_function", "vMix"),
        ("set_item_visibility", "OBS Studio"),
        ("trigger_hotkey", "OBS Studio"),
        ("obs_request", "OBS Studio"),
    ],
)
async def test_what_one_program_alone_can_do_says_so(world: World, action: str, only: str) -> None:
    wrong, name = (world.stage, "Stage") if only == "vMix" else (world.truck, "Truck")

    error = await world.refused(action, wrong, **NEEDED[action])

    assert type(error) is ServiceValidationError
    assert f"{name}: Only {only} can do this" in str(error)


async def test_an_item_of_a_scene_is_shown_and_hidden(world: World) -> None:
    (stage,) = await world.act("set_item_visibility", scene="1", item="Logo", visible=True)

    assert world.obs.asked("set_item_visible") == [(CAMERA, 2, {"visible": True})]
    assert (stage["scene"], stage["item"], stage["items"]) == ("Camera", "Logo", 1)
    assert world.obs.studio.scene_items[CAMERA, 2].visible


async def test_items_are_found_though_nobody_wanted_entities_of_them(world: World) -> None:
    world.obs.raw_answer = {
        "sceneItems": [
            {"sceneItemId": 1, "sourceName": "Webcam"},
            {"sceneItemId": 2, "sourceName": "Logo"},
        ]
    }
    # The client knows of no items, while the studio has some.
    world.obs._state = obs_state(scene_items={})

    await world.act("set_item_visibility", scene="Camera", item="Logo", visible=False)

    assert world.obs.asked("raw") == [("GetSceneItemList", {"sceneName": "Camera"})]
    assert world.obs.asked("set_item_visible") == [(CAMERA, 2, {"visible": False})]


async def test_an_item_that_is_not_in_the_scene_is_refused(world: World) -> None:
    for answer in (
        {"sceneItems": [{"sceneItemId": 1, "sourceName": "Moon"}]},
        {"sceneItems": [1, {"sourceName": "Sun"}, {"sourceName": "Sun", "sceneItemId": "x"}]},
        {"sceneItems": "Sun"},
        {},
    ):
        world.obs.raw_answer = answer
        error = await world.refused("set_item_visibility", scene="Camera", item="Sun", visible=True)
        assert "Sun" in str(error)
    assert not world.obs.asked("set_item_visible")


async def test_a_text_is_written_in_obs_and_in_vmix(world: World) -> None:
    await world.act("set_text", input="Score", text="1 : 0")
    (truck,) = await world.act(
        "set_text", world.truck, input="2", field="Headline.Text", text="Good evening"
    )

    assert world.obs.asked("set_text") == [("Score", "1 : 0", {"field": None})]
    assert world.vmix.asked("set_text") == [
        (VMIX_TITLE, "Good evening", {"field": "Headline.Text"})
    ]
    assert (truck["input"], truck["field"]) == ("2", "Headline.Text")


async def test_a_screenshot_is_written_where_home_assistant_may_write(
    world: World, tmp_path: Path
) -> None:
    world.hass.config.allowlist_external_dirs = {str(tmp_path)}
    path = tmp_path / "program.jpg"

    (stage,) = await world.act("screenshot", filename=str(path), source="Camera", width=640)

    assert world.obs.asked("screenshot") == [("Camera", {"width": 640, "quality": 80})]
    assert path.read_bytes() == PICTURE.data
    assert stage["path"] == str(path)
    assert (stage["content_type"], stage["size"]) == ("image/jpeg", len(PICTURE.data))


async def test_a_screenshot_is_written_nowhere_else(world: World, tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    world.hass.config.allowlist_external_dirs = {str(tmp_path / "allowed")}
    (tmp_path / "allowed" / "door").symlink_to(tmp_path)

    for path in (tmp_path / "x.jpg", tmp_path / "allowed" / "door" / "x.jpg"):
        error = await world.refused("screenshot", filename=str(path))
        assert str(path) in str(error)
    with pytest.raises(probatio.Invalid):
        await world.perform("screenshot", filename=str(tmp_path / "allowed" / ".." / "x.jpg"))

    assert not (tmp_path / "x.jpg").exists()
    assert not world.obs.asked("screenshot")


async def test_a_screenshot_never_overwrites_what_is_no_picture(
    world: World, tmp_path: Path
) -> None:
    world.hass.config.allowlist_external_dirs = {str(tmp_path)}
    script = tmp_path / "script.py"
    script.write_text("print()")

    error = await world.refused("screenshot", filename=str(script))
    assert ".jpg" in str(error)
    assert script.read_text() == "print()"

    world.obs.picture = Picture(data=b"GIF", content_type="image/gif")
    await world.refused("screenshot", filename=str(script))
    assert script.read_text() == "print()"


async def test_a_screenshot_that_cannot_be_written_says_why(world: World, tmp_path: Path) -> None:
    world.hass.config.allowlist_external_dirs = {str(tmp_path)}

    error = await world.refused("screenshot", filename=str(tmp_path / "no folder" / "x.jpg"))

    assert "No such file or directory" in str(error)


# -- sound ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["Microphone", MICROPHONE])
async def test_a_volume_is_set_in_the_studio_s_own_unit(world: World, wanted: str) -> None:
    (stage,) = await world.act("set_volume", audio=wanted, volume=-12.5)

    assert world.obs.asked("set_volume") == [(MICROPHONE, -12.5)]
    assert (stage["audio"], stage["volume"], stage["unit"]) == ("Microphone", -12.5, "dB")


async def test_a_volume_that_the_studio_cannot_have_is_refused(world: World) -> None:
    error = await world.refused("set_volume", world.truck, audio="master", volume=-10)
    assert "0 to 100 %" in str(error)

    error = await world.refused("set_volume", audio="Microphone", volume=30)
    assert "-100 to 26 dB" in str(error)
    assert not world.obs.asked("set_volume")


async def test_a_channel_is_muted_and_heard_again(world: World) -> None:
    (truck,) = await world.act("set_mute", world.truck, audio="bus_a", muted=False)
    assert truck["muted"] is False

    (truck,) = await world.act("set_mute", world.truck, audio="Camera 1")
    assert truck["muted"] is True
    assert world.vmix.asked("set_muted")[-1] == (VMIX_CAMERA, {"muted": True})


# -- the rest ---------------------------------------------------------------------------------


async def test_a_hotkey_is_pressed(world: World) -> None:
    (stage,) = await world.act("trigger_hotkey", hotkey="OBSBasic.Screenshot")

    assert stage["hotkey"] == "OBSBasic.Screenshot"
    assert world.obs.asked("trigger_hotkey") == [("OBSBasic.Screenshot",)]


async def test_a_studio_tells_all_that_other_actions_call_by_name(world: World) -> None:
    (stage, truck) = sorted(
        await world.act("get_studio", [world.stage, world.truck]), key=lambda item: item["name"]
    )

    assert (stage["kind"], stage["version"], stage["connected"]) == ("obs", "32.0.1", True)
    assert [output["output"] for output in stage["outputs"]] == [
        "stream",
        "record",
        "virtual_camera",
        "replay_buffer",
        "output:NDI Main",
    ]
    assert [scene["name"] for scene in stage["scenes"]] == ["Camera", "Desk", "Break"]
    assert stage["scenes"][0]["key"] == CAMERA
    assert stage["mixes"] == [{"mix": 1, "program": "Camera", "preview": "Desk"}]
    assert [channel["name"] for channel in stage["audio"]] == ["Microphone", "Music"]
    assert stage["transitions"] == ["Cut", "Fade", "Stinger"]
    assert stage["hotkeys"] == ["OBSBasic.Screenshot", "OBSBasic.StartStreaming"]
    assert stage["destinations"] == [
        {"name": "Sunday service", "address": "YouTube"},
        {"name": "Backup", "address": "srt://srt.example:9000 (caller, 120 ms)"},
    ]
    assert truck["scenes"][1]["fields"] == ["Headline.Text", "Description.Text"]
    assert truck["overlays"][0] == {"number": 1, "input": "Lower third"}
    assert truck["hotkeys"] == []
    assert not any(canary in str((stage, truck)) for canary in CANARIES)


async def test_a_studio_that_is_off_tells_that_it_is(world: World) -> None:
    world.obs.disconnect()

    (stage,) = await world.act("get_studio")

    assert stage["connected"] is False
    assert "outputs" not in stage


async def test_a_studio_tells_the_rest_when_its_hotkeys_do_not_come(world: World) -> None:
    world.obs.error = DeadlineError("request_timeout", "x", request="GetHotkeyList")

    (stage,) = await world.act("get_studio")

    assert stage["hotkeys"] is None
    assert stage["scenes"]


async def test_a_raw_request_returns_the_answer(world: World) -> None:
    world.obs.raw_answer = {"obsVersion": "32.0.1", "rpcVersion": 1}

    (stage,) = await world.act("obs_request", request="GetVersion")
    assert stage["answer"] == {"obsVersion": "32.0.1", "rpcVersion": 1}

    await world.act("vmix_function", world.truck, function="PlayInput", data={"Input": "3"})
    assert world.vmix.asked("raw") == [("PlayInput", {"Input": "3"})]


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("obs_request", {"request": "SetStreamServiceSettings"}),
        ("obs_request", {"request": "GetStreamServiceSettings"}),
        ("obs_request", {"request": "getstreamservicesettings"}),
        ("obs_request", {"request": "SetInputSettings", "data": {"a": [{"stream_key": "x"}]}}),
        ("obs_request", {"request": "SetInputSettings", "data": {"a": f"x {STREAM_KEY}"}}),
        (
            "obs_request",
            {"request": "SetInputSettings", "data": {"a": f"srt://x?passphrase={STREAM_KEY}"}},
        ),
        ("vmix_function", {"function": "StreamingSetKey", "data": {"Value": "0,x"}}),
        ("vmix_function", {"function": "SetText", "data": {"Value": STREAM_KEY}}),
    ],
)
async def test_a_raw_request_that_carries_or_reveals_a_key_never_reaches_the_studio(
    world: World, action: str, data: dict[str, Any]
) -> None:
    target, client = (
        (world.stage, world.obs) if action == "obs_request" else (world.truck, world.vmix)
    )

    error = await world.refused(action, target, **data)

    assert type(error) is ServiceValidationError
    assert STREAM_KEY not in str(error)
    assert not client.asked("raw")


async def test_an_address_with_parameters_may_be_sent(world: World) -> None:
    data = {"inputName": "Chat", "inputSettings": {"url": "https://chat.example/?theme=dark"}}

    await world.act("obs_request", request="SetInputSettings", data=data)

    assert world.obs.asked("raw") == [("SetInputSettings", data)]


async def test_only_an_administrator_sends_raw_requests(
    world: World, hass_read_only_user: MockUser
) -> None:
    context = Context(user_id=hass_read_only_user.id)

    for action, device_id in (("obs_request", world.stage), ("vmix_function", world.truck)):
        with pytest.raises(Unauthorized):
            await world.hass.services.async_call(
                DOMAIN,
                action,
                dict(NEEDED[action]),
                target={"device_id": device_id},
                blocking=True,
                return_response=True,
                context=context,
            )
    assert {name for name, action in ACTIONS.items() if action.admin} == {
        "obs_request",
        "vmix_function",
    }
    assert not world.obs.asked("raw")
    assert not world.vmix.asked("raw")


# -- what is refused before anybody hears of it -----------------------------------------------


@pytest.mark.parametrize("action", sorted(ACTIONS))
@pytest.mark.parametrize("field", ["key", "stream_key", "password", "passphrase", "server"])
async def test_no_action_takes_a_key(world: World, action: str, field: str) -> None:
    with pytest.raises(probatio.Invalid) as raised:
        await world.perform(action, respond=True, **{**NEEDED.get(action, {}), field: STREAM_KEY})

    assert STREAM_KEY not in str(raised.value)
    assert [call for call in world.obs.calls if call[0] != "start"] == []


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("start_stream", {"channel": 6}),
        ("start_stream", {"timeout": 0}),
        ("start_stream", {"destination": ""}),
        ("switch_scene", {}),
        ("switch_scene", {"scene": "1", "to": "moon"}),
        ("switch_scene", {"scene": "1", "mix": 17}),
        ("transition", {"duration": 49}),
        ("transition", {"duration": 20_001}),
        ("overlay", {"number": 0}),
        ("overlay", {"number": 1, "mode": "on"}),
        ("set_text", {"input": "x", "text": "x" * 10_001}),
        ("set_volume", {"audio": "x", "volume": 101}),
        ("screenshot", {"filename": "/media/x.jpg", "width": 5000}),
        ("obs_request", {"request": "X", "data": "text"}),
        ("emergency_stop", {"timeout": 301}),
    ],
)
async def test_a_value_out_of_its_range_is_refused(
    world: World, action: str, data: dict[str, Any]
) -> None:
    with pytest.raises(probatio.Invalid):
        await world.perform(action, **data)

    assert [call for call in world.obs.calls if call[0] != "start"] == []


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"emergency_stop"}))
async def test_an_action_needs_a_target_that_is_a_studio(world: World, action: str) -> None:
    data = NEEDED.get(action, {})
    respond = action == "get_studio"
    with pytest.raises(probatio.Invalid):
        await world.perform(action, {}, respond=respond, **data)
    area = ar.async_get(world.hass).async_create("Empty")
    error = await world.refused(action, {"area_id": area.id}, **data)
    assert error.translation_key == "no_studio_targeted"

    error = await world.refused(action, "no such device", **data)
    assert error.translation_key == "service_device_not_found"


# -- errors of the studio ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (
            DeadlineError("not_confirmed", "x", output="stream", state="starting"),
            HomeAssistantError,
            "starting",
        ),
        (
            RefusedError("request_refused", "x", request="StartStream", reason="No encoder"),
            HomeAssistantError,
            "No encoder",
        ),
        (InvalidError("unknown_output", "x", name="stream"), ServiceValidationError, "stream"),
        (StudioError("something_new", "It is new."), HomeAssistantError, "It is new."),
        # A text that asks for more than the library gave is shown as it is.
        (InvalidError("unknown_output", "x"), ServiceValidationError, "has no output"),
    ],
)
async def test_what_a_studio_refuses_is_an_error_that_names_it(
    world: World, error: StudioError, kind: type[HomeAssistantError], text: str
) -> None:
    world.obs.error = error

    raised = await world.refused("start_stream")

    assert type(raised) is kind
    assert raised.translation_key == "studio_failed"
    assert str(raised).startswith("Stage: ")
    assert text in str(raised)


async def test_an_error_is_in_the_language_of_this_home_assistant(world: World) -> None:
    world.hass.config.language = "de"
    await async_load_integrations(world.hass, {DOMAIN})

    error = await world.refused("switch_scene", scene="Dach")

    assert error.translation_placeholders is not None
    assert (
        error.translation_placeholders["reason"]
        == "Das Studio hat keine Szene und keinen Eingang Dach."
    )


async def test_an_error_of_home_assistant_s_own_is_passed_on_without_keys(world: World) -> None:
    async def start_output(*_args: Any, **_keywords: Any) -> None:
        raise HomeAssistantError(f"In plain words, {STREAM_KEY}")

    world.obs.start_output = start_output  # type: ignore[method-assign, assignment]

    error = await world.refused("start_stream")

    assert str(error) == "Stage: In plain words, **REDACTED**"


async def test_audio_channels_of_one_name_are_told_apart_by_their_keys(world: World) -> None:
    audio = dict(world.obs.studio.audio)
    audio["twin"] = replace(audio[MICROPHONE], key="twin")
    world.obs.replace_state(audio=audio)

    error = await world.refused("set_mute", audio="Microphone")

    assert f"{MICROPHONE}, twin" in str(error)
    await world.act("set_mute", audio="twin")
    assert world.obs.asked("set_muted") == [("twin", {"muted": True})]


async def test_a_studio_that_is_off_is_an_error(world: World) -> None:
    world.obs.disconnect()

    error = await world.refused("start_stream")

    assert str(error).startswith("Stage: ")
    assert type(error) is HomeAssistantError
    assert not world.obs.asked("start_output")


# -- several studios --------------------------------------------------------------------------


async def test_several_studios_act_at_once(world: World) -> None:
    gate = world.obs.gate = world.vmix.gate = asyncio.Event()
    task = world.hass.async_create_task(
        world.act("start_recording", [world.stage, world.truck]), eager_start=True
    )
    await asyncio.sleep(0)
    assert world.obs.asked("start_output") == world.vmix.asked("start_output") == [("record",)]

    gate.set()
    assert {item["name"]: item["state"] for item in await task} == {
        "Stage": "active",
        "Truck": "active",
    }


async def test_one_that_fails_keeps_no_other_from_acting_and_is_in_the_report(
    world: World,
) -> None:
    world.obs.disconnect()

    reports = await world.act("start_recording", [world.stage, world.truck])

    stage, truck = sorted(reports, key=lambda item: item["name"])
    assert stage == {
        "device_id": world.stage,
        "name": "Stage",
        "error": "The studio is not connected. Check that it runs.",
    }
    assert truck["state"] == "active"


async def test_one_that_fails_is_an_error_when_nobody_reads_the_report(world: World) -> None:
    world.obs.disconnect()

    with pytest.raises(HomeAssistantError) as raised:
        await world.perform("start_recording", [world.stage, world.truck])

    assert raised.value.translation_key == "studios_failed"
    assert "1 of 2" in str(raised.value)
    assert "Stage: " in str(raised.value)
    assert "Truck" not in str(raised.value)
    assert world.vmix.studio.outputs["record"].state is OutputState.ACTIVE


async def test_all_that_fail_are_named_in_one_error(world: World) -> None:
    error = await world.refused("switch_scene", [world.stage, world.truck], scene="Roof")

    assert type(error) is ServiceValidationError
    assert "2 of 2" in str(error)
    assert "Stage: " in str(error)
    assert "Truck: " in str(error)


async def test_a_bug_is_not_hidden_and_keeps_no_other_from_acting(world: World) -> None:
    async def broken(*_args: Any, **_keywords: Any) -> None:
        raise RuntimeError("a bug")

    world.obs.start_output = broken  # type: ignore[method-assign, assignment]

    with pytest.raises(RuntimeError, match="a bug"):
        await world.perform("start_recording", [world.stage, world.truck])

    assert world.vmix.studio.outputs["record"].state is OutputState.ACTIVE


async def test_a_screenshot_is_of_one_studio(world: World) -> None:
    error = await world.refused("screenshot", [world.stage, world.truck], filename="/media/x.jpg")

    assert error.translation_key == "one_studio_only"


# -- targets ----------------------------------------------------------------------------------


async def test_an_area_means_the_studios_in_it_and_nothing_else(world: World) -> None:
    area = ar.async_get(world.hass).async_create("Hall")
    other = MockConfigEntry(domain="other")
    other.add_to_hass(world.hass)
    registry = dr.async_get(world.hass)
    lamp = registry.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("other", "lamp")}
    )
    for device_id in (world.truck, lamp.id):
        registry.async_update_device(device_id, area_id=area.id)

    reports = await world.act("start_recording", {"area_id": area.id})

    assert [report["name"] for report in reports] == ["Truck"]
    error = await world.refused("start_recording", lamp.id)
    assert error.translation_key == "service_device_wrong_domain"


async def test_a_label_means_the_studios_that_have_it_or_an_entity_with_it(world: World) -> None:
    label = lr.async_get(world.hass).async_create("On air")
    dr.async_get(world.hass).async_update_device(world.stage, labels={label.label_id})
    entities = er.async_get(world.hass)
    entity = entities.async_get_or_create(
        "switch", DOMAIN, "x", config_entry=world.entries[1], device_id=world.truck
    )
    reports = await world.act("start_recording", {"label_id": label.label_id})
    assert [report["name"] for report in reports] == ["Stage"]

    entities.async_update_entity(entity.entity_id, labels={label.label_id})
    reports = await world.act("start_recording", {"label_id": label.label_id})
    assert {report["name"] for report in reports} == {"Stage", "Truck"}

    reports = await world.act("start_recording", {"entity_id": entity.entity_id})
    assert [report["name"] for report in reports] == ["Truck"]


async def test_a_studio_that_is_not_loaded_is_refused(world: World) -> None:
    await world.hass.config_entries.async_unload(world.entries[0].entry_id)

    error = await world.refused("start_stream")

    assert error.translation_key == "service_config_entry_not_loaded"


async def test_a_studio_is_no_peer_and_a_node_is_no_studio(
    hass: HomeAssistant, node: FakeMeshNode, config_entry: MockConfigEntry, world: World
) -> None:
    home = config_entry.runtime_data.node_device_id

    error = await world.refused("start_stream", [world.stage, home])
    assert error.translation_key == "not_a_studio"
    assert not world.obs.asked("start_output")

    with pytest.raises(ServiceValidationError) as raised:
        await world.perform("send_message", world.stage)
    assert raised.value.translation_key == "not_a_peer"
    assert not node.asked("send")


async def test_an_area_with_a_node_and_a_studio_means_to_each_action_its_own(
    hass: HomeAssistant, node: FakeMeshNode, config_entry: MockConfigEntry, world: World
) -> None:
    area = ar.async_get(hass).async_create("Attic")
    for device_id in (config_entry.runtime_data.node_device_id, world.stage):
        dr.async_get(hass).async_update_device(device_id, area_id=area.id)

    reports = await world.act("start_recording", {"area_id": area.id})
    assert [report["name"] for report in reports] == ["Stage"]
    await world.perform("broadcast", {"area_id": area.id})
    assert len(node.asked("broadcast")) == 1


async def test_a_studio_whose_destination_cannot_be_set_says_so(world: World) -> None:
    without = world.obs.studio.features - {Feature.STREAM_DESTINATION}
    world.obs.replace_state(features=without)

    error = await world.refused("set_stream_destination", destination="Backup")

    assert "32.0.1" in str(error)


async def test_a_scene_that_was_made_a_moment_ago_goes_on_air(world: World) -> None:
    world.obs.untold = {"scene_new": Source(key="scene_new", name="New", number=4, kind="scene")}
    (stage,) = await world.act("switch_scene", scene="New")
    assert stage["program"] == "New"
    assert world.obs.asked("set_program") == [("scene_new", {"mix": 1})]


@pytest.mark.parametrize("file", ["services.yaml", "triggers.yaml"])
def test_every_form_offers_as_many_streams_as_a_studio_has(file: str) -> None:
    folder = Path(studio_services.__file__).parent
    described = load_yaml_dict(str(folder / file))
    offered = {
        name: about["fields"]["channel"]["selector"]["number"]["max"]
        for name, about in described.items()
        if "channel" in about.get("fields", {})
    }
    assert len(offered) >= 3
    assert set(offered.values()) == {MAX_STREAMS}
