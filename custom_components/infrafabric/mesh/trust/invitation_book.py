"""The inviter's side: which invitations are open, which are over and why, and who may come in.

Sans-IO. "Spent" has to be saved before the acceptance goes out, so that one invitation never lets
two in; the same newcomer asking again (the answer was lost) gets in again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Self

from ..encoding import b64decode, b64encode, hexdecode
from ..errors import InvalidError, MeshError, RefusedError
from ..model import Role
from .identity import KEY_SIZE, Identity, PublicIdentity
from .invitation import ID_SIZE, MAX_URLS, SECRET_SIZE, Invitation, is_signaling_url, lookup_of
from .joining import JoinRequest, make_accept, make_refusal, skewed
from .membership import Membership

MAX_OPEN: Final = 64
"""Most open invitations."""
MAX_CLOSED: Final = 192
"""Most invitations remembered after they are over; with the open ones as many as a signaling
server lets a node register."""
REMEMBERED: Final = 30 * 86_400
"""Seconds for which one is remembered after it is over."""
MIN_LIFE: Final = 60
MAX_LIFE: Final = 30 * 86_400
"""Longest life of an invitation, seconds."""


class State(StrEnum):
    """Where an invitation stands; an open one may still be too old."""

    OPEN = "open"
    SPENT = "spent"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """One invitation as its maker remembers it."""

    invitation_id: str
    secret: bytes = field(repr=False)
    role: Role
    created: int
    expires: int
    state: State = State.OPEN
    spent_by: bytes | None = None
    """Key of the newcomer that used it."""
    closed: int | None = None
    """Unix time at which it was spent or cancelled."""

    def is_open(self, now: float) -> bool:
        """Tell whether somebody may still join with it."""
        return self.state is State.OPEN and now <= self.expires

    @property
    def over(self) -> int:
        """Unix time at which it ended or will end."""
        return self.expires if self.closed is None else self.closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a request: let in (no ``refusal``), refuse, or (no ``request``) ignore."""

    request: JoinRequest | None = None
    """None: malformed or forged; nobody is there to answer."""
    invitation: Issued | None = None
    """Which invitation lets the newcomer in."""
    refusal: str | None = None
    """Code of the refusal to send."""
    again: bool = False
    """The newcomer was let in before and did not get the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What ``admit`` did: save the state if ``changed``, then seal the answer and send it."""

    answer: bytes | None = field(default=None, repr=False)
    newcomer: PublicIdentity | None = None
    """For whom the answer must be sealed."""
    invitation_id: str | None = None
    changed: bool = False
    """Book and membership changed: save both before the answer goes out."""
    joined: bool = False
    """A newcomer came in (also when only the answer is repeated)."""
    refusal: str | None = None


def usable_urls(urls: Sequence[str]) -> tuple[str, ...]:
    """Return those of these addresses, best first, that an invitation has room for."""
    return tuple(dict.fromkeys(url for url in urls if is_signaling_url(url)))[:MAX_URLS]


class InvitationBook:
    """This node's invitations."""

    def __init__(self) -> None:
        """Begin with none."""
        self._issued: dict[str, Issued] = {}

    def create(
        self,
        membership: Membership,
        identity: Identity,
        urls: Sequence[str],
        *,
        role: Role,
        life: float,
        now: float,
        random: Callable[[int], bytes],
    ) -> Invitation:
        """Make an invitation.

        Args:
            membership: The mesh.
            identity: This node, an admin.
            urls: Addresses of signaling servers, best first; the first four that are valid go
                into the invitation.
            role: What the newcomer will be.
            life: Seconds, 60…30 days; other values are brought into that range.
            now: Unix time, seconds.
            random: Returns that many random bytes.

        Raises:
            RefusedError: ``not_admin``, ``too_many_invitations``.
            InvalidError: ``no_signaling_address``.

        """
        record = membership.record(identity.peer_id)
        if record is None or membership.role(identity.peer_id, now) is not Role.ADMIN:
            raise RefusedError(
                "not_admin", "Only an admin of the mesh can invite; ask one to do it."
            )
        usable = usable_urls(urls)
        if not usable:
            raise InvalidError(
                "no_signaling_address",
                "Nobody could reach this node with the invitation; give it a signaling address.",
            )
        if len(self.open(now)) >= MAX_OPEN:
            raise RefusedError(
                "too_many_invitations",
                f"There are {MAX_OPEN} open invitations already; cancel some first.",
            )
        self._tidy(now)
        issued = Issued(
            invitation_id=random(ID_SIZE).hex(),
            secret=random(SECRET_SIZE),
            role=role,
            created=int(now),
            expires=int(now + min(max(life, MIN_LIFE), MAX_LIFE)),
        )
        self._issued[issued.invitation_id] = issued
        return Invitation(
            mesh_name=membership.name,
            authority=membership.authority,
            founder=membership.founder,
            record=record,
            invitation_id=issued.invitation_id,
            role=role,
            expires=issued.expires,
            urls=usable,
            secret=issued.secret,
        )

    def cancel(self, invitation_id: str, now: float) -> None:
        """Make an open invitation useless.

        Raises:
            InvalidError: ``unknown_invitation``: none, or not open.

        """
        issued = self._issued.get(invitation_id)
        if issued is None or not issued.is_open(now):
            raise InvalidError(
                "unknown_invitation", "There is no such open invitation; list them to see which."
            )
        self._issued[invitation_id] = replace(issued, state=State.CANCELLED, closed=int(now))
        self._tidy(now)

    def open(self, now: float) -> list[Issued]:
        """Return the open invitations, oldest first."""
        return [issued for issued in self._issued.values() if issued.is_open(now)]

    def lookups(self, now: float) -> list[str]:
        """Return what to register with signaling servers.

        Those that are over are among them, so that their holders get a clear answer.
        """
        self._tidy(now)
        return [lookup_of(invitation_id) for invitation_id in self._issued]

    def prepare(self, data: bytes, mesh_id: str, now: float) -> Decision:
        """Judge an opened request; changes nothing.

        Whoever does not prove the secret learns nothing of the invitation's state.
        """
        try:
            request = JoinRequest.parse(data)
        except ValueError:
            return Decision()
        issued = self._issued.get(request.invitation_id)
        proved = request.proves(issued.secret if issued else bytes(SECRET_SIZE))
        if issued is None or not proved or request.mesh_id != mesh_id:
            return Decision(request=request, refusal="invitation_refused")
        if skewed(request, now):
            return Decision(request=request, refusal="clock_skew")
        if issued.state is State.CANCELLED:
            return Decision(request=request, refusal="invitation_revoked")
        if issued.state is State.SPENT:
            if issued.spent_by == request.public_key:
                return Decision(request=request, invitation=issued, again=True)
            return Decision(request=request, refusal="invitation_spent")
        if now > issued.expires:
            return Decision(request=request, refusal="invitation_expired")
        return Decision(request=request, invitation=issued)

    def spend(self, invitation_id: str, public_key: bytes, now: float) -> None:
        """Note that the holder of *public_key* came in with an open invitation.

        Raises:
            ValueError: Not open.

        """
        issued = self._issued.get(invitation_id)
        if issued is None or issued.state is not State.OPEN:
            raise ValueError("the invitation is not open")
        self._issued[invitation_id] = replace(
            issued, state=State.SPENT, spent_by=public_key, closed=int(now)
        )
        self._tidy(now)

    def admit(
        self,
        data: bytes,
        membership: Membership,
        identity: Identity,
        urls: Sequence[str],
        now: float,
    ) -> Admission:
        """Judge an opened request and act on it: issue the record, spend, make the answer.

        Args:
            data: The request, opened.
            membership: Gets the newcomer's record.
            identity: This node, which made the invitation.
            urls: Addresses of signaling servers for the newcomer.
            now: Unix time, seconds.

        """
        decision = self.prepare(data, membership.mesh_id, now)
        request, issued = decision.request, decision.invitation
        if request is None:
            return Admission()
        code = decision.refusal
        if issued is not None:
            code = self._let_in(decision.again, request, issued, membership, identity, now)
        if code is not None:
            return Admission(
                answer=make_refusal(identity, request, code, now),
                newcomer=request.identity,
                invitation_id=request.invitation_id if code != "invitation_refused" else None,
                refusal=code,
            )
        return Admission(
            answer=make_accept(identity, request, membership, urls, now),
            newcomer=request.identity,
            invitation_id=request.invitation_id,
            changed=not decision.again,
            joined=True,
        )

    def _let_in(
        self,
        again: bool,  # noqa: FBT001 - private, one caller
        request: JoinRequest,
        issued: Issued,
        membership: Membership,
        identity: Identity,
        now: float,
    ) -> str | None:
        """Make the newcomer a member; returns the code of a refusal if that cannot be."""
        peer_id = request.identity.peer_id
        current = membership.role(peer_id, now)
        if again:
            return None if current is not None else "invitation_revoked"
        # A member that joins once more keeps the better of its roles.
        role = max(issued.role, current or issued.role, key=lambda role: role.rank)
        try:
            membership.issue(identity, request.public_key, request.name, role, now)
        except MeshError:
            return "invitation_refused"
        self.spend(issued.invitation_id, request.public_key, now)
        return None

    def _tidy(self, now: float) -> None:
        """Forget what is over for long, and the oldest of what is over if there are too many."""
        closed = sorted(
            (issued for issued in self._issued.values() if not issued.is_open(now)),
            key=lambda issued: issued.over,
            reverse=True,
        )
        for position, issued in enumerate(closed):
            if position >= MAX_CLOSED or now > issued.over + REMEMBERED:
                del self._issued[issued.invitation_id]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON; it contains the secrets."""
        return {
            "v": 1,
            "issued": [
                {
                    "id": issued.invitation_id,
                    "secret": b64encode(issued.secret),
                    "role": issued.role.value,
                    "created": issued.created,
                    "exp": issued.expires,
                    "state": issued.state.value,
                    "spent_by": None if issued.spent_by is None else b64encode(issued.spent_by),
                    "closed": issued.closed,
                }
                for issued in self._issued.values()
            ],
        }

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the book that ``to_json`` gave.

        Raises:
            ValueError: Not such a book.

        """
        if not isinstance(value, dict) or value.get("v") != 1:
            raise ValueError("not an invitation book")
        book = cls()
        try:
            for item in value["issued"]:
                hexdecode(item["id"], ID_SIZE)
                spent_by, closed = item["spent_by"], item["closed"]
                book._issued[item["id"]] = Issued(
                    invitation_id=item["id"],
                    secret=b64decode(item["secret"], SECRET_SIZE),
                    role=Role(item["role"]),
                    created=int(item["created"]),
                    expires=int(item["exp"]),
                    state=State(item["state"]),
                    spent_by=None if spent_by is None else b64decode(spent_by, KEY_SIZE),
                    closed=None if closed is None else int(closed),
                )
        except (KeyError, TypeError) as err:
            raise ValueError("not an invitation book") from err
        return book
