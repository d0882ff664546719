"""What a node remembers between runs: its key, its mesh, who belongs to it, and its counters.

One JSON document, saved whole and atomically through ``NodeStore``. It holds secrets (the seed,
the authority's seed, invitation secrets), so a store must be private.
"""

from dataclasses import dataclass, field
import logging
import math
from typing import Any, Final, Protocol, Self

from ..encoding import b64decode, b64encode
from ..errors import InvalidError
from ..messages.inbox import CLOCK_SET
from ..messages.replay import ReplayGuard
from ..trust.identity import KEY_SIZE, Identity
from ..trust.invitation_book import InvitationBook
from ..trust.membership import Membership

_LOGGER: Final = logging.getLogger(__name__)

VERSION: Final = 1


def unclean_since(now: float) -> float:
    """Return from when messages count if what was seen before is lost.

    A clock that is not set yet tells nothing: then it is when the first one is judged.
    """
    return now if now >= CLOCK_SET else math.inf


class NodeStore(Protocol):
    """Where a node keeps its state; ``save`` is durable when it returns."""

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None."""

    async def save(self, data: dict[str, Any]) -> None:
        """Replace it atomically."""


@dataclass(slots=True, kw_only=True)
class NodeState:
    """The document, parsed."""

    identity: Identity
    node_name: str
    membership: Membership
    invitations: InvitationBook
    named_at: int = 0
    """Unix second at which ``node_name`` was changed; 0: it is the one in the first record."""
    authority: Identity | None = None
    """Only the founder holds it, to renew its own record while it is alone."""
    epoch: int = 0
    clean: bool = True
    """Whether the last run stopped in order and saved what it had seen."""
    replay: dict[str, Any] | None = None
    servers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Signaling addresses by the peer id of the member who hosts them."""
    seen: dict[str, float] = field(default_factory=dict)
    """Unix time at which each peer was last heard."""
    revoked: bool = False

    def what_was_seen(self, now: float) -> ReplayGuard:
        """Return the replay guard of the last run, or one that knows it has lost its memory."""
        if self.clean and self.replay is None:
            return ReplayGuard()
        if self.clean:
            try:
                return ReplayGuard.from_json(self.replay)
            except ValueError:
                _LOGGER.warning("What was seen before cannot be read; older messages are refused")
        return ReplayGuard(unclean_since=unclean_since(now))

    def to_json(self) -> dict[str, Any]:
        """Return the document; it contains secrets."""
        return {
            "version": VERSION,
            "seed": b64encode(self.identity.seed),
            "node_name": self.node_name,
            "named_at": self.named_at,
            "membership": self.membership.to_json(),
            "invitations": self.invitations.to_json(),
            "authority_seed": b64encode(self.authority.seed) if self.authority else None,
            "epoch": self.epoch,
            "clean": self.clean,
            "replay": self.replay,
            "servers": {peer: list(urls) for peer, urls in self.servers.items()},
            "seen": dict(self.seen),
            "revoked": self.revoked,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read the document.

        Raises:
            InvalidError: ``state_unreadable``: damaged, or written by a newer version.

        """
        if data.get("version") != VERSION:
            raise InvalidError(
                "state_unreadable",
                "The saved mesh state was written by another version of InfraFabric; "
                "install that version again or restore a backup.",
            )
        try:
            seed = data["authority_seed"]
            return cls(
                identity=Identity(b64decode(data["seed"], KEY_SIZE)),
                node_name=data["node_name"],
                named_at=data["named_at"],
                membership=Membership.from_json(data["membership"]),
                invitations=InvitationBook.from_json(data["invitations"]),
                authority=Identity(b64decode(seed, KEY_SIZE)) if seed else None,
                epoch=data["epoch"],
                clean=data["clean"],
                replay=data["replay"],
                servers={peer: tuple(urls) for peer, urls in data["servers"].items()},
                seen=dict(data["seen"]),
                revoked=data["revoked"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise InvalidError(
                "state_unreadable",
                f"The saved mesh state is damaged ({err}); restore a backup or join again.",
            ) from err
