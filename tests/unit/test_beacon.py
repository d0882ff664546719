"""Beacons: what is read from them, and what is not."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.model import Path
from infrafabric.mesh.overlay.beacon import FRESH, LIFE, Beacon, BeaconLink, BeaconMap
from infrafabric.mesh.trust.identity import Identity, Purpose
from infrafabric.mesh.trust.signed import Signed

MESH = "m" * 32
STUDIO = Identity(bytes(range(32)))
OTHER = Identity(bytes(range(1, 33)))
NOW = 1_800_000_000


def a_beacon(**changes: Any) -> Beacon:
    return Beacon(
        **{
            "peer_id": STUDIO.peer_id,
            "name": "Studio",
            "named_at": NOW - 100,
            "software": "infrafabric/0.1.0",
            "capabilities": ("obs",),
            "urls": ("wss://studio.example/api",),
            "links": (BeaconLink(peer_id=OTHER.peer_id, rtt_ms=12, path=Path.DIRECT_LAN),),
            "at": NOW,
            "number": 1,
            **changes,
        }
    )


def test_a_beacon_is_read_as_it_was_written() -> None:
    for beacon in (
        a_beacon(),
        a_beacon(links=(), urls=(), capabilities=()),
        a_beacon(links=(BeaconLink(peer_id=OTHER.peer_id, rtt_ms=None, path=Path.TURN_UDP),)),
    ):
        signed = beacon.sign(STUDIO, MESH)
        assert Beacon.parse(signed, MESH) == beacon
        assert signed.verified(STUDIO.public, Purpose.BEACON)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"mesh": "n" * 32},
        {"peer": "short"},
        {"name": ""},
        {"name": "x" * 65},
        {"name": "a\nb"},
        {"name": "\u202ebackwards"},
        {"named": True},
        {"named": -1},
        {"software": 1},
        {"capabilities": ["x"] * 33},
        {"capabilities": "obs"},
        {"urls": ["http://studio.example"]},
        {"urls": ["ws://a"] * 9},
        {"links": [[OTHER.peer_id, 1, "direct_lan"]] * 65},
        {"links": [[OTHER.peer_id, -1, "direct_lan"]]},
        {"links": [[OTHER.peer_id, True, "direct_lan"]]},
        {"links": [[OTHER.peer_id, 1, "teleport"]]},
        {"links": [[OTHER.peer_id, 1]]},
        {"links": ["x"]},
        {"at": 1.5},
        {"n": 2**53},
        {"extra": 1},
    ],
)
def test_a_beacon_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    value = a_beacon().sign(STUDIO, MESH).value() | change
    with pytest.raises(ValueError, match=r".+"):
        Beacon.parse(Signed.make(STUDIO, Purpose.BEACON, value), MESH)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from(["peer", "name", "named", "software", "capabilities", "urls", "links", "at"]),
)
def test_no_value_in_any_field_breaks_the_parser(value: Any, name: str) -> None:
    fields = a_beacon().sign(STUDIO, MESH).value() | {name: value}
    try:
        signed = Signed.make(STUDIO, Purpose.BEACON, fields)
        beacon = Beacon.parse(signed, MESH)
    except ValueError:
        return
    assert Beacon.parse(beacon.sign(STUDIO, MESH), MESH) == beacon


def test_the_map_keeps_the_newest_of_each_member() -> None:
    beacons = BeaconMap(MESH)
    old, new = a_beacon(number=1), a_beacon(number=2, name="Studio B")
    assert beacons.is_news(new, NOW)
    beacons.add(new, new.sign(STUDIO, MESH))
    assert not beacons.is_news(old, NOW)
    assert not beacons.is_news(new, NOW)
    assert beacons.get(STUDIO.peer_id) == new
    assert beacons.beacons == {STUDIO.peer_id: new}
    assert [Beacon.parse(signed, MESH) for signed in beacons.signed()] == [new]
    beacons.forget(STUDIO.peer_id)
    assert beacons.get(STUDIO.peer_id) is None


def test_beacons_from_the_future_and_the_distant_past_are_no_news() -> None:
    beacons = BeaconMap(MESH)
    assert not beacons.is_news(a_beacon(at=NOW + int(FRESH) + 1), NOW)
    assert not beacons.is_news(a_beacon(at=NOW - int(LIFE) - 1), NOW)
    assert beacons.is_news(a_beacon(at=NOW + int(FRESH)), NOW)


def test_only_the_member_itself_can_sign_its_beacon() -> None:
    beacons = BeaconMap(MESH)
    beacon = a_beacon()
    assert beacons.verified(beacon.sign(STUDIO, MESH), beacon, STUDIO.public)
    assert not beacons.verified(beacon.sign(OTHER, MESH), beacon, STUDIO.public)
    assert not beacons.verified(beacon.sign(OTHER, MESH), beacon, OTHER.public)
