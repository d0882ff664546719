"""Activators and tally: what they change, and when only the XML can tell."""

from hypothesis import given, strategies as st
import pytest

from infrafabric.studio.model import OutputState, StudioState
from infrafabric.studio.vmix.acts import apply, tally
from infrafabric.studio.vmix.xml import parse
from tests.vmix_simulator import World

READING = parse(World("28").xml())
NUMBERS = READING.numbers


def act(line: str, state: StudioState = READING.state) -> tuple[StudioState, bool]:
    return apply(state, line, NUMBERS)


def test_program_and_preview_change_with_their_activators() -> None:
    state, _ = act("Input 3 1")
    state, _ = act("InputPreview 4 1", state)

    assert (state.main.program, state.main.preview) == (NUMBERS[3], NUMBERS[4])


def test_an_input_that_left_the_program_says_nothing_about_what_is_there() -> None:
    assert act("Input 1 0") == (READING.state, True)


def test_outputs_that_say_all_change_at_once() -> None:
    for name, key in (("External", "external"), ("MultiCorder", "multicorder")):
        state, more = act(f"{name} 1")
        assert (state.outputs[key].state, more) == (OutputState.ACTIVE, False)
        assert act(f"{name} 0", state)[0].outputs[key].state is OutputState.STOPPED
    assert act("Fullscreen 1")[0].outputs["fullscreen"].state is OutputState.ACTIVE


def test_a_recording_changes_at_once_and_its_path_is_in_the_xml() -> None:
    state, more = act("Recording 1")

    assert (state.outputs["record"].state, more) == (OutputState.ACTIVE, True)


@pytest.mark.parametrize(
    "line",
    [
        "Streaming 1",
        "Streaming 0",
        "Overlay1 4 1",
        "InputMix2 3 1",
        "SomethingNew 1",
        "Recording",
        "",
    ],
)
def test_what_an_activator_does_not_say_is_read_from_the_xml(line: str) -> None:
    assert act(line) == (READING.state, True)


@pytest.mark.parametrize(
    "line", ["InputPlaying 1 1", "ReplayRecording 1", "BusASolo 1", "ButtonPress 1"]
)
def test_what_the_model_does_not_have_causes_no_reading(line: str) -> None:
    assert act(line) == (READING.state, False)


def test_volumes_are_amplitudes_of_one_and_audio_is_the_opposite_of_muted() -> None:
    state = READING.state
    for line in ("MasterVolume 0.0625", "MasterAudio 0", "BusAVolume 0.3164063", "InputVolume 2 0"):
        state, more = act(line, state)
        assert more is False
    state, _ = act("InputAudio 2 0", state)

    assert (state.audio["master"].volume, state.audio["master"].muted) == (50, True)
    assert state.audio["bus_a"].volume == 75
    assert (state.audio[NUMBERS[2]].volume, state.audio[NUMBERS[2]].muted) == (0, True)
    assert act("MasterAudio 1", state)[0].audio["master"].muted is False


def test_sound_of_what_is_not_known_is_read_from_the_xml() -> None:
    assert act("InputVolume 99 0.5") == (READING.state, True)
    assert act("BusGVolume 0.5") == (READING.state, True)


def test_fade_to_black_changes_at_once() -> None:
    assert act("FadeToBlack 1")[0].fade_to_black is True


@given(st.text(max_size=60))
def test_any_line_gives_a_state(line: str) -> None:
    assert isinstance(act(line)[0], StudioState)


@given(
    st.sampled_from(["Input", "InputVolume", "MasterVolume", "Recording", "FadeToBlack"]),
    st.lists(st.sampled_from(["nan", "inf", "-1", "1e400", "0.5", "x", "99999999999999999999"])),
)
def test_any_values_give_a_state(name: str, values: list[str]) -> None:
    assert isinstance(act(" ".join([name, *values]))[0], StudioState)


def test_the_tally_counts_inputs_on_overlays_and_notices_new_inputs() -> None:
    assert tally("1210", NUMBERS) == (
        frozenset({NUMBERS[1], NUMBERS[3]}),
        frozenset({NUMBERS[2]}),
        False,
    )
    assert tally("12100", NUMBERS)[2] is True
    assert tally("121", NUMBERS)[2] is True
