"""Raw requests: what is refused, and what is taken out of answers."""

import pytest

from infrafabric.studio.errors import InvalidError
from infrafabric.studio.obs import guard


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("GetStreamServiceSettings", {}),
        ("SetStreamServiceSettings", {}),
        ("GetPersistentData", {"slotName": "x"}),
        ("SetPersistentData", {"slotName": "x"}),
        ("GetOutputSettings", {"outputName": "simple_stream"}),
        ("SetOutputSettings", {"outputName": "simple_stream"}),
        ("GetProfileParameter", {"parameterCategory": "OBSWebSocket", "parameterName": "Port"}),
        ("GetProfileParameter", {"parameterCategory": "Twitch", "parameterName": "Name"}),
        ("GetProfileParameter", {"parameterCategory": "Any", "parameterName": "StreamKey"}),
        ("SetProfileParameter", {"parameterCategory": "AdvOut", "parameterName": "FFURL"}),
        ("CallVendorRequest", {"requestData": {"stream_key": "x"}}),
        ("SetInputSettings", {"inputSettings": {"password": "x"}}),
        ("SetInputSettings", {"inputSettings": {"url": "https://me:pw@host/"}}),
        ("SetInputSettings", {"inputSettings": {"url": "https://host/?token=abcdefgh"}}),
        ("SetInputSettings", {"inputSettings": {"list": [{"a": {"Bearer-Token": "x"}}]}}),
        ("SetInputSettings", {"inputSettings": {"input": "rtmp://host/live/secret-key"}}),
    ],
)
def test_a_request_with_a_secret_is_refused(name, data):
    with pytest.raises(InvalidError) as raised:
        guard.check(name, data)
    assert raised.value.code == "secret_request"
    assert "secret-key" not in str(raised.value)


def test_endless_data_is_refused():
    data: dict = {}
    for _ in range(100):
        data = {"deeper": data}
    with pytest.raises(InvalidError):
        guard.check("SetInputSettings", data)


@pytest.mark.parametrize("name", ["", "Get Version", "Get\nVersion", "x" * 200, "../x"])
def test_what_is_no_request_is_refused(name):
    with pytest.raises(InvalidError) as raised:
        guard.check(name, {})
    assert raised.value.code == "invalid_value"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("GetVersion", {}),
        ("TriggerHotkeyByKeySequence", {"keyId": "OBS_KEY_A", "keyModifiers": {"shift": True}}),
        ("SetInputSettings", {"inputSettings": {"url": "https://host/page.html"}}),
        ("SetInputSettings", {"inputSettings": {"file": "file:///videos/intro.mp4"}}),
        ("GetProfileParameter", {"parameterCategory": "Output", "parameterName": "Mode"}),
        ("CallVendorRequest", {"vendorName": "a", "requestType": "b", "requestData": {"n": 1}}),
    ],
)
def test_an_ordinary_request_is_sent(name, data):
    guard.check(name, data)


def test_secrets_are_taken_out_of_answers():
    cleaned = guard.clean(
        {
            "inputSettings": {
                "url": "https://user:pw@host/page?token=abc#frag",
                "password": "hunter2",
                "text": "the door opens with sesame-123",
                "items": [{"stream_key": "k"}, "see https://host/a?b=c d"],
                "width": 1920,
            }
        },
        {"sesame-123"},
    )
    for secret in ("abc", "frag", "hunter2", "sesame-123", "b=c", ":pw@"):
        assert secret not in repr(cleaned)
    assert cleaned["inputSettings"]["width"] == 1920
    assert "host/page" in cleaned["inputSettings"]["url"]


def test_an_answer_made_to_take_long_does_not():
    # With steps that grow as the square of the length, this would run into the test's timeout.
    assert guard.clean({"a": "http://" * 200_000}, ())
    text = "https://a/" + "x" * 5000 + "?token=hunter2 https://b/c#hunter2"
    assert "hunter2" not in str(guard.clean({"a": text}, ()))


@pytest.mark.parametrize("data", [{1: "x"}, {"a": 2**70}, {"a": {1, 2}}, {"a": "\ud800"}])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(InvalidError) as raised:
        guard.check("CallVendorRequest", data)
    assert raised.value.code == "invalid_value"
