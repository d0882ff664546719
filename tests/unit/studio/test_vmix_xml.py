"""vMix's XML of several versions, of none, and of people who mean harm."""

import contextlib
import time

from hypothesis import given, settings, strategies as st
import pytest

from infrafabric.studio.errors import ProtocolError
from infrafabric.studio.model import Feature, OutputKind, OutputState, StudioState
from infrafabric.studio.vmix.xml import MAX_INPUTS, Reading, fader, parse
from tests.vmix_simulator import RELEASES, World
from tests.vmix_simulator.world import Input, Sound


def read(xml: str) -> StudioState:
    return parse(xml.encode()).state


def states(state: StudioState) -> dict[str, OutputState]:
    return {key: output.state for key, output in state.outputs.items()}


@pytest.mark.parametrize("release", RELEASES)
def test_every_version_is_read(release: str) -> None:
    world = World(release)
    facts = world.release
    state = parse(world.xml()).state

    assert state.version.software == facts.version
    assert state.version.edition == (facts.edition or None)
    assert [source.name for source in state.sources.values()] == [i.title for i in world.inputs]
    assert len(state.streams()) == facts.streams
    assert ("fullscreen" in state.outputs) is facts.fullscreen
    assert ("master" in state.audio) is facts.audio
    assert len([o for o in state.outputs.values() if o.kind is OutputKind.SRT]) == (
        4 if facts.outputs else 0
    )
    assert set(states(state).values()) == {OutputState.STOPPED}
    # vMix 29 lists 16 overlays, and 8 can be used.
    assert list(state.overlays) == list(range(1, min(facts.overlays, 8) + 1))
    assert (Feature.STREAM_DESTINATION in state.features) is (int(release) >= 23)
    assert Feature.SCREENSHOT not in state.features


def test_all_of_a_running_show_is_read() -> None:
    now = [100.0]
    world = World("28", clock=lambda: now[0])
    world.record(on=True)
    world.stream(2, on=True)
    world.stream(5, on=True)
    world.switches["External"] = True
    world.srt[2] = True
    world.overlays[3] = [4, False]
    world.overlays[4] = [2, True]
    world.mixes[2] = [3, 1]
    world.fade_to_black = True
    world.master.position = 50
    world.inputs[0].sound = Sound(75, muted=True, buses="M,B")
    now[0] += 125
    reading = parse(world.xml())
    state = reading.state
    keys = {source.number: key for key, source in state.sources.items()}

    on = {key for key, found in states(state).items() if found is OutputState.ACTIVE}
    assert on == {"stream_2", "stream_5", "record", "external", "srt_2"}
    assert state.outputs["record"].duration_s == 125
    assert state.outputs["record"].path == world.recording_path()
    assert (state.main.program, state.main.preview) == (keys[1], keys[2])
    assert (state.mixes[2].program, state.mixes[2].preview) == (keys[3], keys[1])
    assert state.mixes[3].program is None
    assert (state.overlays[3].source, state.overlays[4].source) == (keys[4], keys[2])
    assert (state.overlays[3].preview, state.overlays[4].preview) == (None, True)
    assert state.fade_to_black is True
    assert state.preset == world.preset
    assert (state.transition, state.transition_ms) == ("Fade", 500)
    assert "CubeZoom" in state.transitions
    assert state.audio["master"].volume == 50
    assert state.audio[keys[1]].volume == 75
    assert state.audio[keys[1]].muted is True
    assert state.audio[keys[1]].buses == ("M", "B")
    # A colour and a title have no sound, and none is made up.
    assert keys[3] not in state.audio
    assert state.sources[keys[4]].fields == ("Headline.Text", "Description.Text")
    assert [field.value for field in reading.texts[keys[4]]] == ["Welcome", "Room 101"]


def test_an_absent_element_is_unknown_and_never_false() -> None:
    state = read("<vmix><version>28.0.0.1</version></vmix>")

    assert state.outputs == {}
    assert state.fade_to_black is None
    assert state.preset is None
    assert state.audio == {}
    assert state.transition is None
    assert state.main.program is None
    assert Feature.FADE_TO_BLACK not in state.features
    assert Feature.OVERLAYS not in state.features


def test_what_is_neither_true_nor_false_is_unknown() -> None:
    state = read(
        "<vmix><version>28</version><recording>Maybe</recording><external/>"
        '<streaming channel1="?">True</streaming><audio><master volume="x"/></audio></vmix>'
    )

    assert states(state)["record"] is states(state)["external"] is OutputState.UNKNOWN
    # vMix says that it streams, and not with which of its five.
    assert {s.state for s in state.streams()} == {OutputState.UNKNOWN}
    assert state.audio["master"].volume is state.audio["master"].muted is None


def test_an_old_version_has_one_stream() -> None:
    state = read("<vmix><version>17.0.0.97</version><streaming>True</streaming></vmix>")

    assert states(state) == {"stream_1": OutputState.ACTIVE}


def test_a_version_nobody_knows_has_the_streams_it_shows() -> None:
    state = read('<vmix><streaming channel3="True">True</streaming></vmix>')

    assert [s.state for s in state.streams()] == [
        OutputState.STOPPED,
        OutputState.STOPPED,
        OutputState.ACTIVE,
    ]


@pytest.mark.parametrize(
    ("amplitude", "position"),
    [(0, 0), (0.390625, 25), (6.25, 50), (31.64063, 75), (65.60999, 90), (100, 100)],
)
def test_amplitudes_are_shown_as_faders(amplitude: float, position: float) -> None:
    # Measured on vMix 29 by a public driver ("openavc").
    assert fader(amplitude) == position


def test_a_windows_that_writes_commas_is_read() -> None:
    state = read('<vmix><audio><master volume="31,64063" muted="False"/></audio></vmix>')

    assert state.audio["master"].volume == 75


def test_two_inputs_of_one_name_are_two() -> None:
    world = World()
    world.inputs = [Input("Camera", key="a"), Input("Camera", key="b")]
    state = parse(world.xml()).state

    assert list(state.sources) == ["a", "b"]


def test_a_thousand_inputs_are_read_and_more_than_any_vmix_has_are_not() -> None:
    world = World()
    world.inputs = [Input(f"Input {number}", key=str(number)) for number in range(MAX_INPUTS)]
    assert len(world.xml()) > 128 * 1024
    assert len(parse(world.xml()).state.sources) == MAX_INPUTS

    world.inputs.append(Input("One too many"))
    with pytest.raises(ProtocolError):
        parse(world.xml())


LAUGHS = (
    '<!DOCTYPE vmix [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><vmix><version>&i;</version></vmix>"
)


@pytest.mark.parametrize(
    "data",
    [
        LAUGHS.encode(),
        b'<!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/passwd">]><vmix><preset>&x;</preset></vmix>',
        b'<!DOCTYPE v SYSTEM "http://127.0.0.1:9/x.dtd"><vmix/>',
        b'<!DOCTYPE v [<!ENTITY % x SYSTEM "file:///etc/passwd">%x;]><vmix/>',
        b"<vmix><preset>&nothing;</preset></vmix>",
        b"<vmix>" + b"<a/>" * 300_000 + b"</vmix>",
        b"<vmix>" + b"<a>" * 5_000 + b"</a>" * 5_000 + b"</vmix>",
        b"<vmix>",
        b"",
        b"not xml",
        b"<html><body>Not vMix</body></html>",
        b'<?xml version="1.0" encoding="no-such-code"?><vmix/>',
        b'<?xml version="1.0" encoding="utf-16"?><vmix/>',
        b'<?xml version="1.0" encoding="idna"?><vmix/>',
        b"<vmix><preset>\xff\xfe</preset></vmix>",
        b"<vmix><preset>&#0;</preset></vmix>",
    ],
)
def test_attacks_and_nonsense_are_protocol_errors_at_once(data: bytes) -> None:
    began = time.thread_time()
    with pytest.raises(ProtocolError) as error:
        parse(data)

    assert error.value.code == "studio_protocol"
    assert time.thread_time() - began < 5
    assert "passwd" not in str(error.value)


def test_a_huge_attribute_is_cut() -> None:
    title = "x" * 1_000_000
    state = read(f'<vmix><inputs><input key="{title}" number="1" title="{title}"/></inputs></vmix>')

    assert [len(source.name) for source in state.sources.values()] == [1024]


ODD = [b"-1", b"1e999", b"NaN", b"True", b""]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_xml_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    xml = bytearray(World(data.draw(st.sampled_from(list(RELEASES)))).xml())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(xml) - 1))
        xml[place : place + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from(ODD))
        )
    with contextlib.suppress(ProtocolError):
        assert isinstance(parse(bytes(xml)), Reading)
