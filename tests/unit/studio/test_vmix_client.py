"""Every method of the vMix client against the simulator, each with what the XML says afterwards."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from infrafabric.studio.destination import Destination, Service
from infrafabric.studio.errors import (
    DeadlineError,
    InvalidError,
    RefusedError,
    UnreachableError,
    UnsupportedError,
)
from infrafabric.studio.events import (
    Happening,
    OutputHappened,
    ProgramChanged,
    RecordingFinished,
    StateChanged,
)
from infrafabric.studio.model import OutputState
from infrafabric.studio.vmix import VmixClient, client as client_module, steps, watching
from tests.vmix_simulator import RELEASES, VmixSimulator
from tests.vmix_simulator.world import Input

from .vmix_world import Studio, studio
from .waiting import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "COALESCE", 0.01)


@pytest.fixture
async def vmix() -> AsyncIterator[Studio]:
    async with studio() as found:
        yield found


def key(vmix: Studio, number: int) -> str:
    return vmix.world.inputs[number - 1].key


# -- outputs


@pytest.mark.parametrize("release", RELEASES)
async def test_every_output_of_every_version_starts_and_stops(release: str) -> None:
    async with studio(release) as vmix:
        state = vmix.client.state
        assert state is not None
        for name in state.outputs:
            assert (await vmix.client.start_output(name)).state is OutputState.ACTIVE
            now = vmix.client.state
            assert now is not None
            assert now.outputs[name].state is OutputState.ACTIVE
        on = [vmix.world.streams, vmix.world.switches.values(), vmix.world.recording_since]
        assert all(vmix.world.streams), on
        for name in state.outputs:
            assert (await vmix.client.stop_output(name)).state is OutputState.STOPPED
        assert not any(vmix.world.streams)


async def test_starting_what_runs_is_a_success_and_asks_vmix_for_nothing(vmix: Studio) -> None:
    await vmix.client.start_output("record")
    await vmix.client.start_output("record")
    await vmix.client.stop_output("stream_1")

    assert vmix.functions == ["StartRecording"]


async def test_an_input_that_is_new_is_found_by_looking(vmix: Studio) -> None:
    vmix.client.poll_interval = 3600
    vmix.world.inputs.append(Input("Guest", key="guest"))
    await vmix.client.read_sources()
    state = vmix.client.state
    assert state is not None
    assert state.sources["guest"].name == "Guest"


async def test_a_recording_has_its_path_and_is_told_when_it_ends(
    vmix: Studio,
) -> None:
    output = await vmix.client.start_output("record")
    assert output.path == vmix.world.recording_path()
    await vmix.client.stop_output("record")

    assert [found.path for found in vmix.told(RecordingFinished)] == [output.path]
    assert [found.what for found in vmix.told(OutputHappened)] == [
        Happening.STARTED,
        Happening.STOPPED,
    ]


async def test_a_stream_that_someone_starts_in_vmix_shows_at_once(vmix: Studio) -> None:
    # The activator says only that something about streams changed.
    vmix.world.stream(3, on=True)
    await until(lambda: vmix.told(OutputHappened))

    assert [(e.output.key, e.what) for e in vmix.told(OutputHappened)] == [
        ("stream_3", Happening.STARTED)
    ]


async def test_a_start_that_vmix_takes_and_never_does_is_not_confirmed(vmix: Studio) -> None:
    vmix.faults.ignore.add("StartStreaming")
    with pytest.raises(DeadlineError) as error:
        await vmix.client.start_output("stream_2", timeout=0.5)

    assert error.value.code == "not_confirmed"
    assert error.value.details == {"output": "stream_2", "state": "stopped"}
    assert vmix.client.connected


async def test_a_slow_start_is_waited_for(vmix: Studio) -> None:
    vmix.faults.delay["StartRecording"] = 0.6

    assert (await vmix.client.start_output("record")).state is OutputState.ACTIVE


async def test_vmix_says_no_in_its_own_words(vmix: Studio) -> None:
    vmix.faults.refuse["StartRecording"] = "Disk is full"
    with pytest.raises(RefusedError) as error:
        await vmix.client.start_output("record")

    assert error.value.code == "request_refused"
    assert error.value.details == {"request": "StartRecording", "reason": "Disk is full"}


async def test_everything_stops_and_each_output_is_reported(vmix: Studio) -> None:
    for name in ("stream_1", "stream_4", "record", "srt_2", "external"):
        await vmix.client.start_output(name)
    vmix.faults.ignore.add("StopExternal")
    vmix.simulator.requests.clear()
    reports = {r.output: r for r in await vmix.client.stop_everything(timeout=4)}

    assert len(reports) == 13
    # What runs is told to stop before anything is read.
    asked = list(vmix.simulator.requests)
    assert sorted(line.split()[1] for line in asked[: asked.index("XML\r\n")]) == [
        *("StopExternal", "StopRecording", "StopSRTOutput", "StopStreaming", "StopStreaming")
    ]
    assert {name for name, report in reports.items() if report.was_on} == {
        *("stream_1", "stream_4", "record", "srt_2", "external")
    }
    assert {name for name, report in reports.items() if not report.stopped} == {"external"}
    error = reports["external"].error
    assert error is not None
    assert error.code == "not_confirmed"
    assert not any(vmix.world.streams)
    assert vmix.world.recording_since is None


async def test_a_start_that_hangs_does_not_hold_up_the_emergency_stop(vmix: Studio) -> None:
    vmix.faults.ignore.add("StartStreaming")
    start = asyncio.create_task(vmix.client.start_output("stream_1", timeout=30))
    await until(lambda: "StartStreaming" in vmix.functions)
    async with asyncio.timeout(20):
        reports = await vmix.client.stop_everything()
    start.cancel()

    assert all(report.stopped for report in reports)


# -- destinations

KEY = "live_s3cr3t&k3y"
TWITCH = {"name": "Club", "service": Service.TWITCH, "key": KEY}


async def test_a_destination_is_told_to_vmix_and_returned_without_its_key(vmix: Studio) -> None:
    destination = Destination.from_mapping(TWITCH)
    shown = await vmix.client.set_destination(destination, output="stream_2")

    told = vmix.world.destinations[1]
    assert told["Key"] == KEY
    assert told["URL"] == destination.vmix_settings().server
    assert shown == destination.public()
    assert KEY not in shown
    # vMix's API cannot be asked where a stream goes, so nothing is claimed to be known.
    assert vmix.client.state is not None
    assert vmix.client.state.destination == {}


async def test_a_destination_does_not_change_under_a_running_stream(vmix: Studio) -> None:
    await vmix.client.start_output("stream_1")
    with pytest.raises(RefusedError) as error:
        await vmix.client.set_destination(Destination.from_mapping(TWITCH))

    assert error.value.code == "stream_running"
    assert vmix.world.destinations == {}


async def test_the_destination_that_a_running_stream_has_already_is_a_success(
    vmix: Studio,
) -> None:
    destination = Destination.from_mapping(TWITCH)
    await vmix.client.set_destination(destination)
    await vmix.client.start_output("stream_1")
    told = len(vmix.functions)

    assert await vmix.client.set_destination(destination) == destination.public()

    assert len(vmix.functions) == told
    other = Destination.from_mapping(TWITCH | {"key": "another"})
    for wanted, output in ((other, None), (destination, "stream_2")):
        await vmix.client.start_output(output or "stream_1")
        with pytest.raises(RefusedError) as error:
            await vmix.client.set_destination(wanted, output=output)
        assert error.value.code == "stream_running"


async def test_a_stream_that_somebody_began_anew_may_go_elsewhere(vmix: Studio) -> None:
    destination = Destination.from_mapping(TWITCH)
    await vmix.client.set_destination(destination)
    await vmix.client.start_output("stream_1")
    vmix.world.stream(1, on=False)
    await until(lambda: vmix.told(OutputHappened)[-1].what is Happening.STOPPED)
    vmix.world.stream(1, on=True)

    with pytest.raises(RefusedError):
        await vmix.client.set_destination(destination)


async def test_what_was_told_before_the_connection_broke_is_not_relied_on(vmix: Studio) -> None:
    destination = Destination.from_mapping(TWITCH)
    await vmix.client.set_destination(destination)
    await vmix.client.start_output("stream_1")
    vmix.simulator.drop()
    await until(lambda: not vmix.client.connected)
    await vmix.ready()

    with pytest.raises(RefusedError):
        await vmix.client.set_destination(destination)


async def test_a_key_never_goes_to_the_server_of_another_destination(vmix: Studio) -> None:
    key = "facebook-k3y"
    twitch = Destination.from_mapping(TWITCH)
    facebook = Destination.from_mapping({"name": "Other", "service": Service.FACEBOOK, "key": key})
    await asyncio.gather(vmix.client.set_destination(twitch), vmix.client.set_destination(facebook))

    servers = {KEY: twitch.vmix_settings().server, key: facebook.vmix_settings().server}
    lines = [line for line in vmix.simulator.requests if "StreamingSet" in line]
    assert ["URL" in line for line in lines] == [True, False, False, False] * 2
    told = vmix.world.destinations[0]
    assert told["URL"] == servers[told["Key"]]


async def test_what_vmix_says_about_a_key_does_not_show_it(vmix: Studio) -> None:
    vmix.faults.refuse["StreamingSetKey"] = f"Bad value 0,{KEY}"
    with pytest.raises(RefusedError) as error:
        await vmix.client.set_destination(Destination.from_mapping(TWITCH))

    assert KEY not in repr(error.value) + str(error.value) + repr(error.value.details)


async def test_a_vmix_without_stream_numbers_gets_none_into_its_key() -> None:
    async with studio("24") as vmix:
        await vmix.client.set_destination(Destination.from_mapping(TWITCH))
        assert vmix.world.destinations[0]["Key"] == KEY
        with pytest.raises(UnsupportedError):
            await vmix.client.set_destination(Destination.from_mapping(TWITCH), output="stream_2")


async def test_an_old_vmix_takes_no_destination() -> None:
    async with studio("11") as vmix:
        with pytest.raises(UnsupportedError):
            await vmix.client.set_destination(Destination.from_mapping(TWITCH))


# -- picture


async def test_program_and_preview_by_key_name_and_number(vmix: Studio) -> None:
    await vmix.client.set_program("Black")
    await vmix.client.set_preview("1")
    assert vmix.world.mixes[1] == [3, 1]
    await vmix.client.set_program(key(vmix, 2))
    assert vmix.world.mixes[1] == [2, 1]
    state = vmix.client.state
    assert state is not None
    assert (state.main.program, state.main.preview) == (key(vmix, 2), key(vmix, 1))
    assert [(e.name, e.previous) for e in vmix.told(ProgramChanged)] == [
        ("Black", "Camera 1"),
        ("Camera 2", "Black"),
    ]


async def test_other_mixes_have_their_own_picture(vmix: Studio) -> None:
    await vmix.client.set_preview("Black", mix=2)
    await vmix.client.set_program("Camera 2", mix=2)
    await vmix.client.transition("Fade", mix=2)

    assert vmix.world.mixes[2] == [3, 2]
    assert vmix.world.mixes[1] == [1, 2]


async def test_transitions_with_and_without_a_name(vmix: Studio) -> None:
    await vmix.client.transition()
    assert vmix.world.mixes[1] == [2, 1]
    await vmix.client.transition("cubezoom", duration_ms=750, source="Black")
    assert vmix.world.mixes[1] == [3, 2]
    sent = [line for line in vmix.simulator.requests if line.startswith("FUNCTION")]
    assert sent[0] == "FUNCTION Fade Duration=500\r\n"
    assert sent[2] == "FUNCTION CubeZoom Duration=750\r\n"


async def test_the_first_button_is_the_chosen_transition(vmix: Studio) -> None:
    await vmix.client.set_transition("Merge")
    await vmix.client.set_transition_duration(1500)

    assert vmix.world.transitions[0] == ["Merge", 1500]
    state = vmix.client.state
    assert state is not None
    assert (state.transition, state.transition_ms) == ("Merge", 1500)


async def test_fade_to_black_is_idempotent_though_its_function_toggles(vmix: Studio) -> None:
    await asyncio.gather(*(vmix.client.set_fade_to_black(enabled=True) for _ in range(3)))
    assert vmix.world.fade_to_black is True
    await vmix.client.set_fade_to_black(enabled=False)
    assert vmix.world.fade_to_black is False
    assert vmix.functions == ["FadeToBlack"] * 2


async def test_overlays_show_hide_and_toggle(vmix: Studio) -> None:
    await vmix.client.set_overlay(2, source="Lower Third.gtzip", enabled=True)
    await vmix.client.set_overlay(2, source="Lower Third.gtzip", enabled=True)
    assert vmix.world.overlays[2] == [4, False]
    state = vmix.client.state
    assert state is not None
    assert state.overlays[2].source == key(vmix, 4)
    await until(lambda: key(vmix, 4) in (vmix.client.state.tally_program or ()))  # type: ignore[union-attr]
    await vmix.client.set_overlay(2)
    assert vmix.world.overlays[2] == [0, False]
    await vmix.client.set_overlay(2)
    assert vmix.world.overlays[2] == [4, False]
    await vmix.client.set_overlay(2, enabled=False)
    assert vmix.functions == [
        *("OverlayInput2In", "OverlayInput2Out", "OverlayInput2Last", "OverlayInput2Out")
    ]


async def test_an_overlay_in_preview_is_not_on_air(vmix: Studio) -> None:
    vmix.world.overlays[1] = [4, True]
    await vmix.client.set_overlay(1, source="Lower Third.gtzip", enabled=True)

    assert vmix.world.overlays[1] == [4, False]


@pytest.mark.parametrize("field", ["Headline.Text", "Headline", "0", None])
async def test_a_title_is_written_and_read_back(vmix: Studio, field: str | None) -> None:
    await vmix.client.set_text("Lower Third.gtzip", "Grüße & 50 % +1\r\nFUNCTION Cut", field=field)

    assert vmix.world.inputs[3].texts[0][1] == "Grüße & 50 % +1 FUNCTION Cut"
    assert vmix.world.mixes[1] == [1, 2]


async def test_the_longest_text_arrives(vmix: Studio) -> None:
    await vmix.client.set_text("4", "語" * 10_000, field="Description")

    assert vmix.world.inputs[3].texts[1][1] == "語" * 10_000


# -- sound and the rest


async def test_volumes_are_fader_positions_on_all_kinds_of_channels(vmix: Studio) -> None:
    await vmix.client.set_volume("master", 50)
    await vmix.client.set_volume("bus_a", 33.4)
    await vmix.client.set_volume("Camera 2", 0)
    assert vmix.world.master.position == 50
    assert vmix.world.master.amplitude == 6.25
    assert vmix.world.buses["A"].position == 33
    state = vmix.client.state
    assert state is not None
    assert state.audio["master"].volume == 50
    assert state.audio[key(vmix, 2)].volume == 0


async def test_channels_are_muted_and_heard(vmix: Studio) -> None:
    for channel in ("master", "bus_b", "Camera 1"):
        await vmix.client.set_muted(channel, muted=True)
        await vmix.client.set_muted(channel, muted=True)
    sound = vmix.world.inputs[0].sound
    assert sound is not None
    assert [vmix.world.master.muted, vmix.world.buses["B"].muted, sound.muted] == [True] * 3
    await vmix.client.set_muted("master", muted=False)
    assert vmix.world.master.muted is False


async def test_a_preset_opens_though_vmix_answers_nothing_meanwhile(
    vmix: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrafabric.studio.vmix.link.KEEPALIVE", 0.1)
    vmix.faults.block["OpenPreset"] = 1.0
    await vmix.client.open_preset(r"C:\Shows\Evening Show.vmix")

    state = vmix.client.state
    assert state is not None
    assert state.preset == vmix.world.preset == r"C:\Shows\Evening Show.vmix"


async def test_keys_and_raw_functions(vmix: Studio) -> None:
    await vmix.client.trigger_hotkey("Ctrl+F1")
    assert vmix.world.keys == ["Ctrl+F1"]
    assert await vmix.client.hotkeys() == ()
    answer = await vmix.client.raw("PreviewInput", {"Input": "Black"})
    assert answer == {"answer": "Completed"}
    assert vmix.world.mixes[1] == [1, 3]
    with pytest.raises(InvalidError) as error:
        await vmix.client.raw("StreamingSetKey", {"Value": "0,x"})
    assert error.value.code == "secret_request"


async def test_inputs_that_come_and_go_show_without_waiting_for_the_next_reading(
    vmix: Studio,
) -> None:
    vmix.world.inputs.append(Input("Guest", key="guest"))
    vmix.world.on_tally(vmix.world.tally())
    await until(lambda: "guest" in vmix.client.state.sources)  # type: ignore[union-attr]
    del vmix.world.inputs[4]
    vmix.world.on_tally(vmix.world.tally())
    await until(lambda: "guest" not in vmix.client.state.sources)  # type: ignore[union-attr]


async def test_a_swarm_of_activators_causes_few_readings(
    vmix: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "COALESCE", 0.1)
    before = len(vmix.simulator.requests)
    for number in range(300):
        vmix.world.stream(1 + number % 5, on=number % 2 == 0)
    await until(lambda: vmix.told(StateChanged))
    await asyncio.sleep(0.5)

    assert len(vmix.simulator.requests) - before < 10


async def test_a_flood_of_activators_is_answered_by_one_reading_not_by_one_change_each(
    vmix: Studio,
) -> None:
    for number in range(5000):
        vmix.world.on_act(f"MasterVolume 0.{number % 9 + 1}")
    vmix.world.master.position = 42
    await until(lambda: len(vmix.simulator.requests) > 4)
    await until(lambda: vmix.client.state.audio["master"].volume == 42)  # type: ignore[union-attr]

    assert len(vmix.told(StateChanged)) <= watching.MAX_EVENTS + 10


async def test_how_loud_a_channel_is_shows_only_to_who_asked() -> None:
    async with studio() as vmix:
        assert {channel.meter for channel in vmix.client.state.audio.values()} == {None}  # type: ignore[union-attr]
    async with studio(meters=True) as vmix:
        found = vmix.client.state.audio[key(vmix, 1)]  # type: ignore[union-attr]
        assert found.meter == 0.0844


async def test_nothing_is_told_when_nothing_changes() -> None:
    async with studio(poll_interval=0.02) as vmix:
        before = len(vmix.simulator.requests)
        await until(lambda: len(vmix.simulator.requests) > before + 5)

        assert vmix.told(StateChanged) == []


async def test_a_name_that_two_inputs_have_is_nobodys(vmix: Studio) -> None:
    vmix.world.inputs.append(Input("Black", key="second"))
    vmix.world.on_tally(vmix.world.tally())
    await until(lambda: "second" in vmix.client.state.sources)  # type: ignore[union-attr]
    with pytest.raises(InvalidError) as error:
        await vmix.client.set_program("Black")
    assert (error.value.code, error.value.details["numbers"]) == ("ambiguous_name", "3, 5")
    await vmix.client.set_program("5")
    assert vmix.world.mixes[1][0] == 5


async def test_an_effect_that_would_be_a_command_is_not_called(vmix: Studio) -> None:
    vmix.world.transitions[0][0] = "Cut Input=3&x"
    await vmix.client._fresh()
    with pytest.raises(InvalidError):
        await vmix.client.transition()
    assert vmix.functions == []


@pytest.mark.parametrize(
    ("code", "do"),
    [
        ("unknown_output", lambda c: c.start_output("stream_9")),
        ("unknown_source", lambda c: c.set_program("Nobody")),
        ("unknown_source", lambda c: c.set_text("Nobody", "x")),
        ("unknown_name", lambda c: c.set_preview("Black", mix=9)),
        ("unknown_name", lambda c: c.set_overlay(9, source="Black")),
        ("unknown_name", lambda c: c.set_text("Black", "x")),
        ("unknown_name", lambda c: c.set_text("4", "x", field="Nothing")),
        ("unknown_transition", lambda c: c.transition("Explode")),
        ("unknown_transition", lambda c: c.set_transition("Cut Input=1")),
        ("unknown_channel", lambda c: c.set_volume("Black", 50)),
        ("unknown_channel", lambda c: c.set_muted("bus_z", muted=True)),
        ("invalid_value", lambda c: c.set_volume("master", 101)),
        ("invalid_value", lambda c: c.set_volume("master", float("nan"))),
        ("invalid_value", lambda c: c.transition("Fade", duration_ms=10_000)),
        ("invalid_value", lambda c: c.set_transition_duration(10)),
        ("invalid_value", lambda c: c.set_text("4", "x" * 10_001)),
        ("invalid_value", lambda c: c.open_preset("a\r\nb")),
        ("invalid_value", lambda c: c.open_preset("")),
        ("invalid_value", lambda c: c.open_preset("x" * 2000)),
        ("invalid_value", lambda c: c.trigger_hotkey("\0")),
    ],
)
async def test_what_cannot_work_is_refused_before_vmix_hears_of_it(
    vmix: Studio, code: str, do: Callable[[VmixClient], Awaitable[Any]]
) -> None:
    with pytest.raises(InvalidError) as error:
        await do(vmix.client)

    assert error.value.code == code
    assert vmix.functions == []


LACKING: list[Callable[[VmixClient], Awaitable[Any]]] = [
    lambda c: c.pause_recording(),
    lambda c: c.resume_recording(),
    lambda c: c.split_recording(),
    lambda c: c.add_chapter("x"),
    lambda c: c.save_replay(),
    lambda c: c.set_studio_mode(enabled=True),
    lambda c: c.set_item_visible("x", 1, visible=True),
    lambda c: c.screenshot(),
    lambda c: c.set_profile("x"),
    lambda c: c.set_collection("x"),
]


@pytest.mark.parametrize("do", LACKING)
async def test_what_vmix_lacks_says_so(
    vmix: Studio, do: Callable[[VmixClient], Awaitable[Any]]
) -> None:
    with pytest.raises(UnsupportedError) as error:
        await do(vmix.client)

    assert error.value.details["version"] == "28.0.0.39"
    assert vmix.functions == []


CHANGES: list[tuple[str, Callable[[VmixClient], Awaitable[Any]]]] = [
    ("CutDirect", lambda c: c.set_program("Black")),
    ("PreviewInput", lambda c: c.set_preview("Black")),
    ("Fade", lambda c: c.transition()),
    ("SetTransitionEffect1", lambda c: c.set_transition("Merge")),
    ("SetTransitionDuration1", lambda c: c.set_transition_duration(900)),
    ("FadeToBlack", lambda c: c.set_fade_to_black(enabled=True)),
    ("OverlayInput1In", lambda c: c.set_overlay(1, source="Black", enabled=True)),
    ("SetText", lambda c: c.set_text("4", "x")),
    ("SetMasterVolume", lambda c: c.set_volume("master", 10)),
    ("MasterAudioOff", lambda c: c.set_muted("master", muted=True)),
    ("OpenPreset", lambda c: c.open_preset("C:\\x.vmix")),
]


@pytest.mark.parametrize(("function", "do"), CHANGES)
async def test_an_ok_of_vmix_proves_nothing(
    vmix: Studio,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    do: Callable[[VmixClient], Awaitable[Any]],
) -> None:
    for module in (steps, client_module):
        monkeypatch.setattr(module, "SETTLE", 0.4)
    monkeypatch.setattr(client_module, "PRESET_TIMEOUT", 0.4)
    vmix.faults.ignore.add(function)
    with pytest.raises(DeadlineError) as error:
        await do(vmix.client)

    assert error.value.code == "not_confirmed"
    assert vmix.functions == [function]


@pytest.mark.parametrize(("function", "do"), CHANGES)
async def test_a_no_of_vmix_is_passed_on(
    vmix: Studio, function: str, do: Callable[[VmixClient], Awaitable[Any]]
) -> None:
    vmix.faults.refuse[function] = "No"
    with pytest.raises(RefusedError):
        await do(vmix.client)


async def test_nothing_works_without_a_connection() -> None:
    async with VmixSimulator() as simulator:
        client = VmixClient("127.0.0.1", simulator.port)
        for _, do in CHANGES:
            with pytest.raises(UnreachableError) as error:
                await do(client)
            assert error.value.code == "studio_not_connected"
