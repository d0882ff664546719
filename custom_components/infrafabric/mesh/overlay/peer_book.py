"""The views of all other members, kept current from records, beacons and links."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from ..link.link import Link
from ..model import NodeEvent, Path, PeerAdded, PeerChanged, PeerView, Quality
from ..trust.identity import check_groups
from ..trust.membership import Membership
from ..trust.records import Record
from .beacon import BeaconMap

SEEN_STEP: Final = 10.0
"""Seconds by which ``last_seen`` moves while a link is open: a change a second helps nobody."""


class PeerBook:
    """Builds ``PeerView`` and tells what changed.

    Args:
        membership: Who belongs to the mesh.
        beacons: What members say of themselves.
        seen: Unix time each peer was last heard; updated in place.
        links: Open links by peer id.

    """

    def __init__(
        self,
        membership: Membership,
        beacons: BeaconMap,
        seen: dict[str, float],
        links: Mapping[str, Link],
    ) -> None:
        """Start without views."""
        self._membership = membership
        self._beacons = beacons
        self._seen = seen
        self._links = links
        self._views: dict[str, PeerView] = {}
        self._failures: dict[str, str] = {}

    @property
    def views(self) -> Mapping[str, PeerView]:
        """Every known member by peer id, read-only."""
        return MappingProxyType(self._views)

    def heard(self, peer_id: str, now: float) -> None:
        """Note that the peer was heard (unix *now*)."""
        if abs(now - self._seen.get(peer_id, 0.0)) >= SEEN_STEP:
            self._seen[peer_id] = now

    def failed(self, peer_id: str, code: str | None) -> None:
        """Note why the last attempt to link failed, or that it did not."""
        if code is None:
            self._failures.pop(peer_id, None)
        else:
            self._failures[peer_id] = code

    def refresh(self, record: Record, *, admitted: bool) -> NodeEvent | None:
        """Rebuild one view; return the event if it is new or changed.

        *admitted* tells whether the link may carry traffic already.
        """
        view = self._build(record, admitted=admitted)
        former = self._views.get(view.peer_id)
        if former == view:
            return None
        self._views[view.peer_id] = view
        return PeerAdded(view) if former is None else PeerChanged(view)

    def remove(self, peer_id: str) -> bool:
        """Forget a former member; tell whether it was known."""
        self._failures.pop(peer_id, None)
        self._seen.pop(peer_id, None)
        return self._views.pop(peer_id, None) is not None

    def name_of(self, record: Record) -> str:
        """Return the newest name: the one in the record or the one in the beacon."""
        beacon = self._beacons.get(record.peer_id)
        if beacon is not None and beacon.named_at > record.not_before:
            return beacon.name
        return record.name

    def _build(self, record: Record, *, admitted: bool) -> PeerView:
        peer_id = record.peer_id
        beacon = self._beacons.get(peer_id)
        link = self._links.get(peer_id) if admitted else None
        seen = self._seen.get(peer_id)
        return PeerView(
            peer_id=peer_id,
            name=self.name_of(record),
            check_groups=check_groups(peer_id),
            role=record.role,
            not_after=datetime.fromtimestamp(record.not_after, UTC),
            connected=link is not None,
            path=link.path if link else Path.DOWN,
            quality=link.quality if link else Quality(),
            last_seen=datetime.fromtimestamp(int(seen), UTC) if seen else None,
            software=beacon.software if beacon else None,
            capabilities=beacon.capabilities if beacon else (),
            failure=None if link else self._failures.get(peer_id),
        )
