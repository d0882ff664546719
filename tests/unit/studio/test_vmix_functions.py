"""How functions are written: no value becomes a command, a parameter or a secret that is shown."""

from urllib.parse import parse_qsl

from hypothesis import given, strategies as st
import pytest

from infrafabric.studio.errors import InvalidError
from infrafabric.studio.model import OutputKind
from infrafabric.studio.vmix import functions
from infrafabric.studio.vmix.functions import Call, clean
from infrafabric.studio.vmix.guard import raw_call
from infrafabric.studio.vmix.wire import request

# Surrogates too: they are in Python's texts, and JSON can bring them.
ANYTHING = st.text(max_size=200)


@given(ANYTHING)
def test_no_value_can_become_a_command(value: str) -> None:
    call = Call("SetText", {"Input": "1", "SelectedName": "Headline", "Value": value})
    data = request(call.line())

    assert data.count(b"\r") == data.count(b"\n") == 1
    assert b"\0" not in data
    assert data.count(b" ") == 2
    name, query = data.decode().removeprefix("FUNCTION ").rstrip("\r\n").split(" ")
    assert name == "SetText"
    assert dict(parse_qsl(query, keep_blank_values=True)) == {
        "Input": "1",
        "SelectedName": "Headline",
        "Value": clean(value),
    }


@given(ANYTHING)
def test_cleaned_text_is_one_line_and_stays_as_it_is_cleaned_again(value: str) -> None:
    assert not set(clean(value)) & set("\r\n\0\x1b\x85\u2028")
    assert clean(clean(value)) == clean(value)


def test_words_survive_the_escaping() -> None:
    query = Call("SetText", {"Value": "A&B +C=Ü\r\nFUNCTION Cut"}).query()

    assert query == "Value=A%26B%20%2BC%3D%C3%9C%20FUNCTION%20Cut"


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (functions.switch(OutputKind.STREAM, 3, on=True), "StartStreaming Value=2"),
        (functions.switch(OutputKind.STREAM, None, on=False), "StopStreaming"),
        (functions.switch(OutputKind.FULLSCREEN, None, on=False), "FullscreenOff"),
        (functions.switch(OutputKind.SRT, 2, on=True), "StartSRTOutput Value=1"),
        (functions.program("k", 1), "CutDirect Input=k"),
        (functions.program("k", 3), "ActiveInput Input=k&Mix=2"),
        (functions.preview("k", 2), "PreviewInput Input=k&Mix=1"),
        (functions.transition("Merge", 1, 750), "Merge Duration=750"),
        (functions.overlay(4, None, on=False), "OverlayInput4Out"),
        (functions.overlay(4, "k", on=True), "OverlayInput4In Input=k"),
        (functions.volume("bus_b", 40), "SetBusBVolume Value=40"),
        (functions.mute("bus_b", muted=True), "BusXAudioOff Value=B"),
        (functions.mute("master", muted=False), "MasterAudioOn"),
        (functions.text("k", 2, "", "x"), "SetText Input=k&SelectedIndex=2&Value=x"),
    ],
)
def test_functions_are_written_as_the_reference_says(call: Call, line: str) -> None:
    assert call.line() == f"FUNCTION {line}"


def test_a_destination_is_set_part_by_part_and_shown_by_none() -> None:
    calls = functions.destination(2, "rtmp://host/live", "live_k3y&x", "user", "pa ss")

    assert [call.line() for call in calls] == [
        "FUNCTION StreamingSetURL Value=1%2Crtmp%3A%2F%2Fhost%2Flive",
        "FUNCTION StreamingSetUsername Value=1%2Cuser",
        "FUNCTION StreamingSetPassword Value=1%2Cpa%20ss",
        "FUNCTION StreamingSetKey Value=1%2Clive_k3y%26x",
    ]
    assert "live_k3y" not in repr(calls)
    said = calls[3].hide("Invalid value 1,live_k3y&x (1%2Clive_k3y%26x)")
    assert "live_k3y" not in said
    assert said.startswith("Invalid value 1,**REDACTED**")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("StreamingSetKey", {"Value": "0,live_x"}),
        ("streamingsetpassword", {"Value": "0,x"}),
        ("StreamingSetURL", {"Value": "0,rtmp://u:p@host/app"}),
        ("VideoCallSetPassword", {}),
        ("ScriptStartDynamic", {"Value": 'API.Function("StreamingSetKey",Value:="0,x")'}),
    ],
)
def test_raw_functions_that_carry_keys_are_refused(name: str, data: dict[str, str]) -> None:
    with pytest.raises(InvalidError) as error:
        raw_call(name, data)

    assert error.value.code == "secret_request"
    assert "live_x" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("Cut\r\nFUNCTION StartStreaming", {}),
        ("Cut Input=1", {}),
        ("", {}),
        ("Cut", {"Input&Function": "1"}),
        ("Cut", {"Function": "StreamingSetKey"}),
        ("Cut", {"Value": ["a"]}),
        ("Cut", {"Value": None}),
        ("Cut", {"Value": "x" * 10_001}),
        ("Cut", {f"A{number}": "語" * 9_000 for number in range(2)}),
        ("Cut", {f"A{number}": "1" for number in range(17)}),
    ],
)
def test_raw_functions_that_are_none_are_refused(name: str, data: dict[str, object]) -> None:
    with pytest.raises(InvalidError) as error:
        raw_call(name, data)

    assert error.value.code == "invalid_value"


@pytest.mark.parametrize("name", ["Cut\r\nQUIT", "Cut Input=1", "", "Cut&x", "Ärger"])
def test_no_call_has_a_name_that_is_none(name: str) -> None:
    with pytest.raises(ValueError):
        Call(name)


def test_raw_functions_write_booleans_as_vmix_does() -> None:
    assert raw_call("SetX", {"Value": True, "Duration": 5}).query() == "Value=True&Duration=5"
