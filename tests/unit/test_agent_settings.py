"""What an agent is told once and keeps."""

from argparse import ArgumentTypeError
import json
from pathlib import Path

import pytest

from infrafabric.mesh.agent import parser, settings as settings_module
from infrafabric.mesh.agent.settings import (
    IceSource,
    Settings,
    is_ice_url,
    own_address,
    read_ice_file,
    signal_url,
    split_address,
)
from infrafabric.mesh.errors import InvalidError
from infrafabric.mesh.link.ice import IceServer


def test_settings_come_back_as_they_were_saved(tmp_path: Path) -> None:
    assert Settings.load(tmp_path) is None
    saved = Settings(
        name="Studio",
        signal=("wss://a", "ws://b"),
        host_signal="0.0.0.0:8765",
        local_addresses=("127.0.0.1",),
        ice_urls=("stun:s",),
        ice_file="/f",
        relay_only=True,
    )
    saved.save(tmp_path)
    assert Settings.load(tmp_path) == saved


def test_settings_of_a_newer_version_are_read_and_of_none_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"name": "X", "later": 1}')
    path.chmod(0o600)
    assert Settings.load(tmp_path) == Settings(name="X")
    path.write_text("{}")
    with pytest.raises(InvalidError) as caught:
        Settings.load(tmp_path)
    assert caught.value.code == "state_unreadable"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("host", ("host", 8765)),
        (":99", ("0.0.0.0", 99)),
        ("[::1]:99", ("::1", 99)),
        ("[::1]", ("::1", 8765)),
        ("", ("0.0.0.0", 8765)),
    ],
)
def test_an_address_to_listen_at_is_read(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected


@pytest.mark.parametrize("text", ["h:0", "h:65536", "h:x", "h:-1", "::1:99", "::1", "h:²"])
def test_what_is_no_address_to_listen_at_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="HOST:PORT"):
        split_address(text)


def test_others_are_told_the_given_address_or_one_that_reaches_this_machine(monkeypatch) -> None:
    monkeypatch.setattr(settings_module, "own_address", lambda: "192.0.2.7")
    assert Settings(name="X").announced() == ()
    hosting = Settings(name="X", host_signal="0.0.0.0:9")
    assert hosting.announced() == ("ws://192.0.2.7:9/api/infrafabric/signal",)
    fixed = Settings(name="X", host_signal="[::1]:9")
    assert fixed.announced() == ("ws://[::1]:9/api/infrafabric/signal",)
    proxied = Settings(name="X", host_signal="127.0.0.1:9", signal=("wss://example.org",))
    assert proxied.announced() == ("wss://example.org",)


def test_a_machine_without_a_network_still_has_an_address(monkeypatch) -> None:
    assert signal_url("ws", own_address(), 1).startswith("ws://")

    class NoNetwork:
        def __init__(self, *_: object) -> None:
            raise OSError

    monkeypatch.setattr(settings_module.socket, "socket", NoNetwork)
    assert own_address() == "127.0.0.1"


def ice_file(tmp_path: Path, value: object, mode: int = 0o600) -> Path:
    path = tmp_path / "ice.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    path.chmod(mode)
    return path


def test_ice_servers_are_read_in_both_spellings_of_webrtc(tmp_path: Path) -> None:
    path = ice_file(
        tmp_path,
        [
            {"url": "turn:t:3478", "username": "u", "credential": "p"},
            {"urls": ["stun:a", "stun:b"]},
            {"urls": "turns:c"},
        ],
    )
    assert read_ice_file(path) == (
        IceServer(url="turn:t:3478", username="u", credential="p"),
        IceServer(url="stun:a"),
        IceServer(url="stun:b"),
        IceServer(url="turns:c"),
    )


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("{", "not JSON"),
        ({}, "not a list"),
        ([7], "not an object"),
        ([{}], "no url"),
        ([{"urls": []}], "no url"),
        ([{"urls": [7]}], "no url"),
        ([{"url": "http://x"}], "no stun"),
        ([{"url": "stun:x", "password": "p"}], "password is unknown"),
        ([{"url": "turn:x", "credential": 7}], "texts"),
        ([{"url": "stun:x"}] * 17, "more than 16"),
    ],
)
def test_what_is_no_list_of_ice_servers_is_refused(tmp_path: Path, value: object, why: str) -> None:
    with pytest.raises(InvalidError, match=why) as caught:
        read_ice_file(ice_file(tmp_path, value))
    assert caught.value.code == "ice_file_invalid"


def test_a_password_that_others_can_read_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = ice_file(tmp_path, [{"url": "turn:t", "credential": "hush"}], 0o644)
    with pytest.raises(InvalidError, match="chmod 600") as caught:
        read_ice_file(path)
    assert "hush" not in str(caught.value)
    assert read_ice_file(ice_file(tmp_path, [{"url": "stun:t"}], 0o644))


async def test_ice_servers_are_read_again_and_kept_while_the_file_is_broken(
    tmp_path: Path,
) -> None:
    path = ice_file(tmp_path, [{"url": "turn:t", "credential": "1"}])
    source = IceSource(Settings(name="X", ice_urls=("stun:s",), ice_file=str(path)))
    assert [server.credential for server in await source()] == [None, "1"]
    ice_file(tmp_path, [{"url": "turn:t", "credential": "2"}])
    assert [server.credential for server in await source()] == [None, "2"]
    path.unlink()
    assert [server.credential for server in await source()] == [None, "2"]
    with pytest.raises(InvalidError):
        await source.first()
    assert await IceSource(Settings(name="X")).first() == ()


def test_ice_addresses_are_told_from_others() -> None:
    assert is_ice_url("turns:host:5349?transport=tcp")
    assert not is_ice_url("turn://host")
    assert not is_ice_url("turn:")
    assert not is_ice_url("host")


def test_options_are_checked_where_they_are_read() -> None:
    assert parser.duration("90") == 90
    assert parser.duration("1.5h") == 5400
    assert parser.duration("7d") == 604_800
    for check, wrong in (
        (parser.duration, "soon"),
        (parser.duration, "-1s"),
        (parser._expiry, "5s"),
        (parser._expiry, "31d"),
        (parser._positive, "0"),
        (parser._positive, "x"),
        (parser._port, "65536"),
        (parser._local_address, "localhost"),
        (parser._signal_url, "http://x"),
        (parser._stun_url, "turn:host"),
        (parser._ttl, "3601"),
        (parser._connections, "15"),
        (parser._connections, "4097"),
    ):
        with pytest.raises(ArgumentTypeError):
            check(wrong)
    args = parser.build().parse_args(
        [
            *("agent", "run", "--signal", "ws://a", "--signal", "wss://b", "--host-signal"),
            *("--local-address", "::1", "--ice-server", "stun:s", "--relay-only"),
        ]
    )
    assert args.signal == ["ws://a", "wss://b"]
    assert args.host_signal == "0.0.0.0:8765"
    assert args.local_address == ["::1"]
    assert args.relay_only is True
    sent = parser.build().parse_args(["agent", "send", "X", "--text", "t", "--ttl", "9"])
    assert sent.ttl == 9
    assert parser.build().parse_args(["agent", "invite"]).expires == 86_400
    assert parser.build().parse_args(["signal", "--port", "0"]).port == 0
    assert parser.build().parse_args(["signal"]).max_connections == 64
