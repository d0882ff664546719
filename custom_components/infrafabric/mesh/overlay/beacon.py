"""The beacon: what each member says of itself, signed, so that every node can draw the map.

A beacon carries name, software, capabilities, the signaling addresses it hosts, and its links
with their RTT. It is gossiped from neighbour to neighbour; the newest of each member counts.
Sans-IO: time and identities are passed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
import unicodedata

from ..encoding import MAX_SAFE_INTEGER
from ..model import Path
from ..rate import TokenBucket
from ..trust.identity import Identity, PublicIdentity, Purpose, is_identifier
from ..trust.records import is_name
from ..trust.signed import Signed

MAX_SIZE: Final = 12 * 1024
"""Bytes of one beacon; it must fit one gossip frame."""
MAX_SOFTWARE: Final = 128
MAX_CAPABILITIES: Final = 32
MAX_CAPABILITY: Final = 64
MAX_URLS: Final = 8
MAX_URL: Final = 256
MAX_LINKS: Final = 64
MAX_RTT_MS: Final = 600_000
FRESH: Final = 120.0
"""Seconds a beacon may lie in the future."""
RATE: Final = 1.0
BURST: Final = 10
"""Beacons of one member that are heeded a second for long, and at once."""
LIFE: Final = 3600.0
"""Seconds after which a beacon no longer says how things are."""

_FIELDS: Final = frozenset(
    {"v", "mesh", "peer", "name", "named", "software", "capabilities", "urls", "links", "at", "n"}
)


def is_clean_text(value: object, longest: int) -> bool:
    """Tell whether *value* is a bounded string without control or format characters."""
    return (
        isinstance(value, str)
        and len(value) <= longest
        and not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in value)
    )


def _is_count(value: object, largest: int = MAX_SAFE_INTEGER) -> bool:
    return type(value) is int and 0 <= value <= largest


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconLink:
    """One link of the member that sent the beacon."""

    peer_id: str
    rtt_ms: int | None
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """What a member says of itself; every text in it is untrusted."""

    peer_id: str
    name: str
    named_at: int
    """Unix second at which the member chose its name."""
    software: str
    capabilities: tuple[str, ...]
    urls: tuple[str, ...]
    """Signaling addresses the member hosts."""
    links: tuple[BeaconLink, ...]
    at: int
    """Unix second of making."""
    number: int
    """Grows with each beacon of the member, also over restarts."""

    def sign(self, identity: Identity, mesh_id: str) -> Signed:
        """Return the signed form that travels."""
        return Signed.make(
            identity,
            Purpose.BEACON,
            {
                "v": 1,
                "mesh": mesh_id,
                "peer": self.peer_id,
                "name": self.name,
                "named": self.named_at,
                "software": self.software,
                "capabilities": list(self.capabilities),
                "urls": list(self.urls),
                "links": [[link.peer_id, link.rtt_ms, link.path.value] for link in self.links],
                "at": self.at,
                "n": self.number,
            },
        )

    @classmethod
    def parse(cls, signed: Signed, mesh_id: str) -> Self:
        """Read the body; the signature is the caller's to check, with the key of ``peer_id``.

        Raises:
            ValueError: Not a beacon of this mesh, or out of bounds.

        """
        value = signed.value()
        _check_shape(value, mesh_id)
        try:
            return cls(
                peer_id=value["peer"],
                name=value["name"],
                named_at=value["named"],
                software=value["software"],
                capabilities=tuple(value["capabilities"]),
                urls=tuple(value["urls"]),
                links=tuple(_read_link(link) for link in value["links"]),
                at=value["at"],
                number=value["n"],
            )
        except TypeError as err:
            msg = "not a beacon"
            raise ValueError(msg) from err


def _check_shape(value: Mapping[str, Any], mesh_id: str) -> None:
    """Raise ValueError unless every field of the beacon is in bounds."""
    good = (
        value.keys() == _FIELDS
        and value["v"] == 1
        and value["mesh"] == mesh_id
        and is_identifier(value["peer"])
        # What is shown as a name goes into the next record, so it follows the same rules.
        and is_name(value["name"])
        and _is_count(value["named"])
        and is_clean_text(value["software"], MAX_SOFTWARE)
        and _is_text_list(value["capabilities"], MAX_CAPABILITIES, MAX_CAPABILITY)
        and _is_text_list(value["urls"], MAX_URLS, MAX_URL)
        and all(url.startswith(("ws://", "wss://")) for url in value["urls"])
        and isinstance(value["links"], list)
        and len(value["links"]) <= MAX_LINKS
        and _is_count(value["at"])
        and _is_count(value["n"])
    )
    if not good:
        msg = "not a beacon of this mesh"
        raise ValueError(msg)


def _is_text_list(value: object, most: int, longest: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= most
        and all(is_clean_text(item, longest) for item in value)
    )


def _read_link(value: object) -> BeaconLink:
    match value:
        case [str() as peer_id, (int() | None) as rtt, str() as path] if is_identifier(
            peer_id
        ) and (rtt is None or _is_count(rtt, MAX_RTT_MS)):
            return BeaconLink(peer_id=peer_id, rtt_ms=rtt, path=Path(path))
    msg = "not a link of a beacon"
    raise ValueError(msg)


class BeaconMap:
    """The newest beacon of each member: the picture of the mesh."""

    def __init__(self, mesh_id: str) -> None:
        """Know nobody."""
        self._mesh_id = mesh_id
        self._beacons: dict[str, tuple[Beacon, Signed]] = {}
        self._rates: dict[str, TokenBucket] = {}

    @property
    def beacons(self) -> Mapping[str, Beacon]:
        """The newest beacon by peer id."""
        return {peer_id: beacon for peer_id, (beacon, _) in self._beacons.items()}

    def get(self, peer_id: str) -> Beacon | None:
        """Return the newest beacon of a member."""
        entry = self._beacons.get(peer_id)
        return entry[0] if entry else None

    def signed(self) -> Sequence[Signed]:
        """Return every beacon as it travels: what a new neighbour is told."""
        return [signed for _, signed in self._beacons.values()]

    def is_news(self, beacon: Beacon, now: float) -> bool:
        """Tell whether the beacon is fresh and newer than what is known (before verifying)."""
        known = self._beacons.get(beacon.peer_id)
        return now - LIFE <= beacon.at <= now + FRESH and (
            known is None or beacon.number > known[0].number
        )

    def add(self, beacon: Beacon, signed: Signed) -> None:
        """Remember a verified beacon."""
        self._beacons[beacon.peer_id] = (beacon, signed)

    def add_paced(self, beacon: Beacon, signed: Signed, now: float) -> bool:
        """Remember a verified beacon unless its maker makes too many (*now* is monotonic).

        Each is passed on to everybody, so one member's flood would be everybody's.
        """
        rate = self._rates.setdefault(beacon.peer_id, TokenBucket(RATE, BURST, now))
        if not rate.take(now):
            return False
        self.add(beacon, signed)
        return True

    def verified(self, signed: Signed, beacon: Beacon, key: PublicIdentity) -> bool:
        """Tell whether the member the beacon names signed it."""
        return key.peer_id == beacon.peer_id and signed.verified(key, Purpose.BEACON)

    def forget(self, peer_id: str) -> None:
        """Drop what a former member said."""
        self._beacons.pop(peer_id, None)
        self._rates.pop(peer_id, None)
