"""Attempts go direct first, then one relay at a time; the path says how the winner runs."""

import pytest

from infrafabric.mesh.link.ice import IceServer
from infrafabric.mesh.link.paths import attempts, path_of, turn_path
from infrafabric.mesh.model import Path

STUN = IceServer(url="stun:stun.example:3478")
UDP = IceServer(url="turn:turn.example:3478?transport=udp", username="u", credential="c")
TCP = IceServer(url="turn:turn.example:3478?transport=tcp")
TLS = IceServer(url="turns:turn.example:5349?transport=tcp")
ODD = IceServer(url="turns:turn.example?transport=udp")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("turn:a", Path.TURN_UDP),
        ("turn:a:1?transport=udp", Path.TURN_UDP),
        ("turn:a?transport=tcp", Path.TURN_TCP),
        ("turns:a:443", Path.TURN_TLS),
        ("turns:a?transport=udp", None),
        ("stun:a", None),
        ("turn:", None),
        ("turn:a?transport=sctp", None),
        ("https://a", None),
    ],
)
def test_a_turn_url_names_its_path(url, path) -> None:
    assert turn_path(url) == path


def test_attempts_are_direct_then_relayed_by_udp_tcp_tls() -> None:
    second = IceServer(url="stun:other.example")
    assert attempts([TLS, ODD, STUN, TCP, second, UDP]) == [(STUN,), (UDP,), (TCP,), (TLS,)]
    assert attempts([TLS, STUN], relay_only=True) == [(TLS,)]
    assert attempts([]) == [()]
    assert attempts([STUN], relay_only=True) == []


@pytest.mark.parametrize(
    ("local", "remote", "path"),
    [
        (("host", "192.168.1.2"), ("host", "192.168.1.3"), Path.DIRECT_LAN),
        (("host", "127.0.0.1"), ("prflx", "127.0.0.1"), Path.DIRECT_LAN),
        (("host", "fe80::1"), ("host", "fd00::1"), Path.DIRECT_LAN),
        (("host", "2a00:1:2:3::1"), ("host", "2a00:1:2:3::2"), Path.DIRECT_LAN),
        (("host", "2a00:1:2:3::1"), ("host", "2a00:1:2:4::2"), Path.DIRECT_WAN),
        (("host", "192.168.1.2"), ("host", "fd00::1"), Path.DIRECT_WAN),
        (("host", "192.168.1.2"), ("prflx", "8.8.8.8"), Path.DIRECT_WAN),
        (("srflx", "192.168.1.2"), ("srflx", "8.8.8.8"), Path.DIRECT_WAN),
        (("relay", "8.8.4.4"), ("host", "192.168.1.2"), Path.TURN_TCP),
        (("host", "192.168.1.2"), ("relay", "8.8.4.4"), Path.TURN_UDP),
    ],
)
def test_the_selected_pair_is_named(local, remote, path) -> None:
    assert path_of(local, remote, [STUN, TCP]) is path
    assert path.relayed == ("relay" in (local[0], remote[0]))


def test_a_relay_of_unknown_kind_counts_as_udp() -> None:
    assert path_of(("relay", "8.8.4.4"), ("host", "10.0.0.1"), []) is Path.TURN_UDP
