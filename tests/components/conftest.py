"""Fixtures for the tests of floor 5, with a mesh node in memory.

``FakeMeshNode`` has the interface of ``MeshNode`` and no network: it does at once what a real
one does in time, and tests make its peers come, go and speak. A few tests use two real nodes
instead; everything else is about what Home Assistant makes of a node.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
import os
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.const import (
    CONF_KIND,
    CONF_MESH_ID,
    CONF_NODE_NAME,
    CONF_PEER_ID,
    CONF_STUDIO_ID,
    DOMAIN,
    KIND_MESH,
    KIND_OBS,
    KIND_SURFACES,
    KIND_VMIX,
)
from custom_components.infrafabric.mesh.api import (
    InvitationView,
    MessageDraft,
    NodeConfig,
    SendResult,
)
from custom_components.infrafabric.mesh.errors import InvalidError, RefusedError, UnreachableError
from custom_components.infrafabric.mesh.messages.message import BROADCAST, IFMessage, agent_address
from custom_components.infrafabric.mesh.model import (
    Band,
    InvitationsChanged,
    MembershipRevoked,
    MessageReceived,
    MessageRefused,
    NodeEvent,
    NodeStats,
    Path,
    PeerAdded,
    PeerChanged,
    PeerConnected,
    PeerDisconnected,
    PeerJoined,
    PeerRemoved,
    PeerView,
    ProblemsChanged,
    Quality,
    ReceiptStatus,
    Role,
    StatsChanged,
)
from custom_components.infrafabric.mesh.overlay.beacon import Beacon
from custom_components.infrafabric.mesh.trust.identity import Identity, check_groups, mesh_id_of
from custom_components.infrafabric.mesh.trust.invitation import Invitation
from custom_components.infrafabric.mesh.trust.records import Record, make_record, parse_signed
from custom_components.infrafabric.studio.model import StudioKind, StudioState
from homeassistant.const import (
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_SSL,
    CONF_VERIFY_SSL,
    Platform,
)
from homeassistant.core import HomeAssistant

from .flow_texts import flow_texts_checked
from .studio_fake import FakeStudioClient, obs_state

OWN = Identity(bytes([1]) * 32)
"""The identity of the node under test, founder of its mesh."""
STUDIO = Identity(bytes([2]) * 32)
"""A peer that is always there."""
GARAGE = Identity(bytes([3]) * 32)
"""A peer that comes later."""
AUTHORITY = Identity(bytes([9]) * 32)
MESH_ID = mesh_id_of(AUTHORITY.public_key, OWN.public_key)
MESH_NAME = "Family"
NODE_NAME = "Home"
SECRET = bytes(range(100, 116))
"""The secret of ``INVITATION``; nothing but its text may hold it."""


OBS_ID = "obs_3f2b8c1e-7a44-4f0e-9d6a-2c5b1e8f7a90"
VMIX_ID = "vmix_b8d1f6a2-0c3e-4e57-8a11-90d2c4e6f701"
OBS_PASSWORD = "hunter2-obs"


def an_invitation(founder: Identity = OWN, **changes: Any) -> str:
    """Return the text of a real invitation, to the mesh under test unless told otherwise."""
    mesh_id = mesh_id_of(AUTHORITY.public_key, founder.public_key)
    record = parse_signed(
        make_record(
            AUTHORITY,
            mesh_id,
            founder.public_key,
            name="Inviter",
            role=Role.ADMIN,
            not_before=1_700_000_000,
            serial=1,
        )
    )
    assert isinstance(record, Record)
    return replace(
        Invitation(
            mesh_name=MESH_NAME,
            authority=AUTHORITY.public_key,
            founder=founder.public_key,
            record=record,
            invitation_id="00" * 16,
            role=Role.COMMAND,
            expires=4_102_444_800,
            urls=("wss://home.example/api/infrafabric/signal",),
            secret=SECRET,
        ),
        **changes,
    ).text()


INVITATION = an_invitation()
"""What the fake node hands out, and what the flows take."""

GOOD_QUALITY = Quality(
    rtt_ms=12.5, rtt_p95_ms=20.0, jitter_ms=1.5, loss_percent=0.0, score=95.0, band=Band.EXCELLENT
)


def a_peer(identity: Identity, name: str, **changes: Any) -> PeerView:
    """Return a view of a disconnected peer."""
    return replace(
        PeerView(
            peer_id=identity.peer_id,
            name=name,
            check_groups=check_groups(identity.peer_id),
            role=Role.OBSERVE,
            not_after=datetime.now(UTC) + timedelta(days=90),
        ),
        **changes,
    )


class FakeMeshNode:
    """A ``MeshNode`` whose network is the test."""

    def __init__(self, config: NodeConfig, meshes: FakeMeshes) -> None:
        """Make a node that has one peer, "Studio", not connected."""
        self.mesh_id = MESH_ID
        self.mesh_name = MESH_NAME
        self.peer_id = OWN.peer_id
        self.check_groups = check_groups(OWN.peer_id)
        self.mesh_fingerprint = check_groups(MESH_ID)
        self.config = config
        self.role = meshes.role
        self.not_after = datetime.now(UTC) + timedelta(days=90)
        self.revoked = meshes.revoked or meshes.lapsed
        self.lapsed = meshes.lapsed
        self.peers: dict[str, PeerView] = {
            STUDIO.peer_id: a_peer(STUDIO, "Studio", software="infrafabric/0.1.0 (agent)")
        }
        self.beacons: dict[str, Beacon] = {}
        self.delivered: dict[str, float] = {}
        self.invitations: list[InvitationView] = []
        self.other_urls: tuple[str, ...] = ()
        """Signaling addresses of other members."""
        self.running = False
        self.left = False
        self.calls: list[tuple[Any, ...]] = []
        """What was asked of the node, oldest first."""
        self.error: Exception | None = None
        """Raised by the next call that may fail, if set."""
        self.receipts: dict[str, ReceiptStatus | None] = {}
        self.reply_content: Mapping[str, Any] = {"answer": 42}
        self._meshes = meshes
        self._callbacks: list[Callable[[NodeEvent], None]] = []
        self._sequence = 0
        self._stats: dict[str, Any] = {}

    # -- the interface of MeshNode ------------------------------------------------------------

    async def start(self) -> None:
        self.calls.append(("start",))
        self._fail()
        self.running = True

    async def stop(self) -> None:
        self.calls.append(("stop",))
        self.running = False
        for peer in list(self.peers.values()):
            if peer.connected:
                self.disconnect_peer(peer.peer_id, "stopped")

    async def leave(self) -> bool:
        self.calls.append(("leave",))
        self._fail()
        self.left = True
        heard = any(peer.connected for peer in self.peers.values())
        await self.stop()
        return heard

    async def reconfigure(self, config: NodeConfig) -> None:
        self.calls.append(("reconfigure", config))
        self.config = config

    def subscribe(self, callback: Callable[[NodeEvent], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    @property
    def subscribers(self) -> int:
        """How many listen now."""
        return len(self._callbacks)

    @property
    def stats(self) -> NodeStats:
        online = [peer for peer in self.peers.values() if peer.connected]
        values: dict[str, Any] = {
            "peers_total": len(self.peers),
            "peers_online": len(online),
            "links_direct": sum(not peer.path.relayed for peer in online),
            "links_relayed": sum(peer.path.relayed for peer in online),
            "messages_in_per_minute": 0,
            "messages_out_per_minute": 0,
            "refused": {},
            "signaling_connected": self.config.signaling_urls,
            "signaling_configured": self.config.signaling_urls,
            "loop_lag_p99_ms": None,
            "problems": (),
        }
        return NodeStats(**(values | self._stats))

    @property
    def invitation_urls(self) -> Sequence[str]:
        return (*self.config.signaling_urls, *self.other_urls)[:4]

    async def create_invitation(
        self, *, role: Role = Role.OBSERVE, expires_in: timedelta = timedelta(hours=24)
    ) -> tuple[InvitationView, str]:
        self.calls.append(("create_invitation", role, expires_in))
        self._fail()
        self._admin_only()
        if not self.invitation_urls:
            raise InvalidError("no_signaling_address", "Nobody could reach this node.")
        now = datetime.now(UTC)
        view = InvitationView(
            invitation_id=f"{len(self.invitations) + 1:032x}",
            role=role,
            created=now,
            expires=now + expires_in,
        )
        self.invitations.append(view)
        self.emit(InvitationsChanged())
        return view, INVITATION

    async def cancel_invitation(self, invitation_id: str) -> None:
        self.calls.append(("cancel_invitation", invitation_id))
        self._fail()
        if all(view.invitation_id != invitation_id for view in self.invitations):
            raise InvalidError("unknown_invitation", "There is no such invitation.")
        self._close_invitation(invitation_id)

    async def revoke(self, peer_id: str) -> None:
        self.calls.append(("revoke", peer_id))
        self._managed(peer_id)
        self.remove_peer(peer_id, "revoked")

    async def set_role(self, peer_id: str, role: Role) -> None:
        self.calls.append(("set_role", peer_id, role))
        self._managed(peer_id)
        self.change_peer(peer_id, role=role)

    async def rename_peer(self, peer_id: str, name: str) -> None:
        self.calls.append(("rename_peer", peer_id, name))
        self._managed(peer_id)
        self.change_peer(peer_id, name=name)

    async def reconnect(self, peer_id: str) -> None:
        self.calls.append(("reconnect", peer_id))
        self._known(peer_id)
        self._fail()
        self.connect_peer(peer_id)

    async def send(
        self, receivers: Sequence[str], draft: MessageDraft, *, timeout: float = 10.0
    ) -> SendResult:
        self.calls.append(("send", tuple(receivers), draft, timeout))
        for peer_id in receivers:
            self._known(peer_id)
        self._fail()
        if not any(self.peers[peer_id].connected for peer_id in receivers):
            raise UnreachableError("peer_not_connected", "The peer is not connected.")
        message = self.message([agent_address(peer_id) for peer_id in receivers], draft)
        return SendResult(
            message=message,
            receipts={
                peer_id: self.receipts.get(
                    peer_id, ReceiptStatus.ACCEPTED if self.peers[peer_id].connected else None
                )
                for peer_id in receivers
            },
        )

    async def broadcast(self, draft: MessageDraft, *, timeout: float = 10.0) -> SendResult:
        self.calls.append(("broadcast", draft, timeout))
        self._fail()
        return SendResult(
            message=self.message([BROADCAST], draft),
            receipts={
                peer.peer_id: self.receipts.get(peer.peer_id, ReceiptStatus.ACCEPTED)
                for peer in self.peers.values()
                if peer.connected
            },
        )

    async def request(
        self, receiver: str, draft: MessageDraft, *, timeout: float = 30.0
    ) -> IFMessage:
        self.calls.append(("request", receiver, draft, timeout))
        self._known(receiver)
        self._fail()
        if not self.peers[receiver].connected:
            raise UnreachableError("peer_not_connected", "The peer is not connected.")
        return self.message(
            [agent_address(OWN.peer_id)],
            replace(draft, content=self.reply_content, performative="inform"),
            sender=IDENTITIES[receiver],
        )

    async def reply(self, message: IFMessage, draft: MessageDraft) -> SendResult:
        self.calls.append(("reply", message, draft))
        return SendResult(
            message=self.message([agent_address(message.sender)], draft),
            receipts={message.sender: ReceiptStatus.ACCEPTED},
        )

    def describe(self) -> dict[str, Any]:
        return {"links": {}, "counters": {}}

    # -- what a test does to it ---------------------------------------------------------------

    def emit(self, event: NodeEvent) -> None:
        """Deliver *event* to whoever listens."""
        for callback in list(self._callbacks):
            callback(event)

    def add_peer(self, identity: Identity, name: str, **changes: Any) -> PeerView:
        """Let another member become known."""
        view = a_peer(identity, name, **changes)
        self.peers[view.peer_id] = view
        self.emit(PeerAdded(view))
        return view

    def accept_peer(self, identity: Identity, name: str) -> PeerView:
        """Let somebody join with the newest open invitation."""
        invitation = self.invitations[-1]
        view = self.add_peer(identity, name, role=invitation.role)
        self._close_invitation(invitation.invitation_id)
        self.emit(PeerJoined(invitation.invitation_id, view))
        return view

    def change_peer(self, peer_id: str, **changes: Any) -> PeerView:
        """Let a peer's view change."""
        view = replace(self.peers[peer_id], **changes)
        self.peers[peer_id] = view
        self.emit(PeerChanged(view))
        return view

    def connect_peer(
        self, peer_id: str, *, quality: Quality = GOOD_QUALITY, path: Path = Path.DIRECT_LAN
    ) -> PeerView:
        """Let the link to a peer open, with its quality measured already."""
        view = replace(
            self.peers[peer_id],
            connected=True,
            path=path,
            quality=quality,
            last_seen=datetime.now(UTC),
            failure=None,
        )
        self.peers[peer_id] = view
        self.emit(PeerConnected(view))
        return view

    def disconnect_peer(self, peer_id: str, reason: str = "timeout") -> PeerView:
        """Let the link to a peer go."""
        view = replace(
            self.peers[peer_id], connected=False, path=Path.DOWN, quality=Quality(), failure=reason
        )
        self.peers[peer_id] = view
        self.emit(PeerDisconnected(view, reason))
        return view

    def remove_peer(self, peer_id: str, reason: str = "revoked") -> None:
        """Let a peer leave the mesh, or be made to."""
        del self.peers[peer_id]
        self.emit(PeerRemoved(peer_id, reason))

    def receive(self, identity: Identity, content: Mapping[str, Any], **draft: Any) -> IFMessage:
        """Let a genuine message of a peer arrive."""
        message = self.message(
            [agent_address(OWN.peer_id)], MessageDraft(content=content, **draft), sender=identity
        )
        role = self.peers[identity.peer_id].role
        self.emit(MessageReceived(message, identity.peer_id, role))
        return message

    def refuse(self, identity: Identity, status: ReceiptStatus) -> None:
        """Let a message of a peer be dropped."""
        refused = dict(self.stats.refused)
        refused[status.name.lower()] = refused.get(status.name.lower(), 0) + 1
        self.emit(MessageRefused(identity.peer_id, status))
        self.set_stats(refused=refused)

    def set_stats(self, **changes: Any) -> None:
        """Let fresh statistics come."""
        problems = self.stats.problems
        self._stats |= changes
        self.emit(StatsChanged(self.stats))
        if self.stats.problems != problems:
            self.emit(ProblemsChanged(self.stats.problems))

    def revoke_self(self) -> None:
        """Let an admin remove this node from the mesh."""
        self.revoked = True
        self._meshes.revoked = True
        self.emit(MembershipRevoked())

    def message(
        self, receivers: Sequence[str], draft: MessageDraft, sender: Identity = OWN
    ) -> IFMessage:
        """Return a real, signed message."""
        self._sequence += 1
        return IFMessage.create(
            sender,
            receivers,
            draft.content,
            sequence=self._sequence,
            now=datetime.now(UTC).timestamp(),
            random=os.urandom,
            **{name: value for name, value in asdict(draft).items() if name != "content"},
        )

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """Return the arguments of every call of one method."""
        return [call[1:] for call in self.calls if call[0] == name]

    def _close_invitation(self, invitation_id: str) -> None:
        self.invitations = [
            view for view in self.invitations if view.invitation_id != invitation_id
        ]
        self.emit(InvitationsChanged())

    def _fail(self) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    def _known(self, peer_id: str) -> None:
        if peer_id not in self.peers:
            raise InvalidError("unknown_peer", "There is no such peer.")

    def _admin_only(self) -> None:
        if self.role is not Role.ADMIN:
            raise RefusedError("not_admin", "Only an admin may do this.")

    def _managed(self, peer_id: str) -> None:
        self._fail()
        self._admin_only()
        self._known(peer_id)


IDENTITIES = {identity.peer_id: identity for identity in (OWN, STUDIO, GARAGE)}


@dataclass
class FakeMeshes:
    """Stands for the class ``MeshNode``: makes, joins and loads fake nodes."""

    role: Role = Role.ADMIN
    """Role of the nodes loaded from now on."""
    revoked: bool = False
    """Whether the nodes loaded from now on were revoked."""
    lapsed: bool = False
    """Whether the membership of the nodes loaded from now on ran out."""
    alone: bool = False
    """Whether the nodes loaded from now on are the only ones in their mesh."""
    load_error: Exception | None = None
    join_error: Exception | None = None
    join_gate: asyncio.Event | None = None
    """Joining waits for it."""
    joined_from: dict[str, Any] | None = None
    """What the store held when ``join`` began."""
    nodes: list[FakeMeshNode] = field(default_factory=list)
    """Every node ever loaded, oldest first."""
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    load_arguments: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the last ``load``."""

    @property
    def node(self) -> FakeMeshNode:
        """The node loaded last."""
        return self.nodes[-1]

    async def create_mesh(self, store: Any, *, mesh_name: str, node_name: str) -> None:
        """Save a state that ``load`` accepts."""
        self.calls.append(("create_mesh", mesh_name, node_name))
        await store.save({"mesh": MESH_ID})

    async def join(
        self,
        store: Any,
        invitation: str,
        *,
        node_name: str,
        http: Any,
        software: str = "infrafabric",
        timeout: float = 20.0,
    ) -> None:
        """Save a state that ``load`` accepts, or fail as told."""
        self.calls.append(("join", invitation, node_name, software))
        self.joined_from = await store.load()
        if self.join_gate is not None:
            await self.join_gate.wait()
        if self.join_error is not None:
            error, self.join_error = self.join_error, None
            raise error
        self.revoked = False
        await store.save({"mesh": MESH_ID})

    async def load(self, store: Any, config: NodeConfig, **arguments: Any) -> FakeMeshNode:
        """Return a new fake node."""
        self.load_arguments = arguments
        if self.load_error is not None:
            raise self.load_error
        node = FakeMeshNode(config, self)
        if self.alone:
            node.peers.clear()
        self.nodes.append(node)
        return node


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant find the integration."""


@pytest.fixture(autouse=True)
def _flow_texts() -> Generator[None]:
    """Check that every dialog has all its texts."""
    with flow_texts_checked():
        yield


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Join as fast as it goes: no browser has to follow."""
    for flow in ("config_flow", "invite_flow"):
        monkeypatch.setattr(f"custom_components.infrafabric.{flow}.SHOWN", 0.0)


@pytest.fixture
def meshes() -> Generator[FakeMeshes]:
    """Replace ``MeshNode`` everywhere."""
    fake = FakeMeshes()
    with (
        patch("custom_components.infrafabric.MeshNode", fake),
        patch("custom_components.infrafabric.config_flow.MeshNode", fake),
    ):
        yield fake


@pytest.fixture
def config_entry() -> MockConfigEntry:
    """Return the entry of a mesh."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=MESH_NAME,
        unique_id=MESH_ID,
        version=1,
        minor_version=1,
        data={
            CONF_KIND: KIND_MESH,
            CONF_MESH_ID: MESH_ID,
            CONF_PEER_ID: OWN.peer_id,
            CONF_NODE_NAME: NODE_NAME,
        },
        options={"signaling_urls": ["wss://home.example/api/infrafabric/signal"]},
    )


@pytest.fixture
def platforms() -> list[Platform]:
    """Return the platforms that the integration sets up; a test module overrides this."""
    return []


@pytest.fixture
async def node(
    hass: HomeAssistant,
    meshes: FakeMeshes,
    config_entry: MockConfigEntry,
    platforms: list[Platform],
) -> AsyncGenerator[FakeMeshNode]:
    """Set up the integration with *platforms* and return its node."""
    config_entry.add_to_hass(hass)
    with patch("custom_components.infrafabric.PLATFORMS", platforms):
        assert await hass.config_entries.async_setup(config_entry.entry_id)
        await hass.async_block_till_done()
        yield meshes.node


# -- studios ------------------------------------------------------------------------------------


@pytest.fixture
def studio_state() -> StudioState:
    """Return the studio's state at first; a test module overrides this to have a vMix."""
    return obs_state()


@pytest.fixture
def studio_client(studio_state: StudioState) -> FakeStudioClient:
    """Return the client that the studio's entry gets: on, and connected as soon as it starts."""
    return FakeStudioClient(studio_state)


@pytest.fixture
def studio_options() -> dict[str, Any]:
    """Return the options of the studio's entry; a test module overrides this."""
    return {}


@pytest.fixture
def studio_entry(studio_state: StudioState, studio_options: dict[str, Any]) -> MockConfigEntry:
    """Return the entry of the studio, an OBS or a vMix as its state says."""
    data: dict[str, Any]
    if studio_state.kind is StudioKind.OBS:
        title, studio_id = "Stage", OBS_ID
        data = {
            CONF_KIND: KIND_OBS,
            CONF_HOST: "obs.example",
            CONF_PORT: 4455,
            CONF_PASSWORD: OBS_PASSWORD,
            CONF_SSL: False,
            CONF_VERIFY_SSL: True,
        }
    else:
        title, studio_id = "Truck", VMIX_ID
        data = {CONF_KIND: KIND_VMIX, CONF_HOST: "vmix.example", CONF_PORT: 8099}
    return MockConfigEntry(
        domain=DOMAIN,
        title=title,
        unique_id=studio_id,
        version=1,
        minor_version=1,
        data={**data, CONF_STUDIO_ID: studio_id},
        options=studio_options,
    )


@pytest.fixture
async def init_studio(
    hass: HomeAssistant,
    studio_entry: MockConfigEntry,
    studio_client: FakeStudioClient,
    platforms: list[Platform],
) -> AsyncGenerator[FakeStudioClient]:
    """Set up the studio's entry with *platforms* and return its client."""
    studio_entry.add_to_hass(hass)
    with (
        patch("custom_components.infrafabric.studio_setup.STUDIO_PLATFORMS", platforms),
        patch("custom_components.infrafabric.studio_setup.make_client", return_value=studio_client),
    ):
        assert await hass.config_entries.async_setup(studio_entry.entry_id)
        await hass.async_block_till_done()
        yield studio_client


# -- notifications and webhooks -----------------------------------------------------------------


@pytest.fixture
def surfaces_entry() -> MockConfigEntry:
    """Return the entry that holds rules and webhooks, none yet."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Notifications and webhooks",
        unique_id=KIND_SURFACES,
        version=1,
        minor_version=1,
        data={CONF_KIND: KIND_SURFACES},
    )


@pytest.fixture
async def surfaces(hass: HomeAssistant, surfaces_entry: MockConfigEntry) -> MockConfigEntry:
    """Set up the entry that holds rules and webhooks."""
    surfaces_entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(surfaces_entry.entry_id)
    await hass.async_block_till_done()
    return surfaces_entry
