"""The signaling server's rules: who may come in, what they may say, and to whom."""

from typing import Any

from hypothesis import given, settings, strategies as st
import orjson
import pytest

from infrafabric.mesh.model import Role
from infrafabric.mesh.signaling.actions import Limits
from infrafabric.mesh.signaling.wire import hello_frame
from infrafabric.mesh.trust.identity import Identity, Purpose, mesh_id_of

from .signaling_world import LOOKUP, UNIX, URL, Rig, World

BOX = "aGVsbG8="


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def errors(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["code"] for frame in frames if frame["t"] == "error"]


def test_a_member_signs_in_and_sees_who_is_there(world: World) -> None:
    rig = Rig()
    first, second = world.member(), world.member()
    one = rig.member(world, first)
    assert rig.heard(one) == [{"t": "ready", "id": first.peer_id, "peers": [], "time": UNIX}]
    two = rig.member(world, second)
    (ready,) = rig.heard(two)
    assert ready["peers"] == [first.peer_id]
    assert rig.heard(one) == [{"t": "up", "id": second.peer_id}]
    rig.do(rig.core.disconnected(two))
    assert rig.heard(one) == [{"t": "down", "id": second.peer_id}]


def test_a_box_reaches_its_receiver_with_the_senders_id(world: World) -> None:
    rig = Rig()
    sender, receiver = world.member(), world.member()
    one, two = rig.member(world, sender), rig.member(world, receiver)
    rig.said.clear()
    rig.say(one, {"t": "send", "to": receiver.peer_id, "box": BOX})
    assert rig.heard(two) == [{"t": "box", "from": sender.peer_id, "box": BOX}]
    assert rig.heard(one) == []


def test_a_box_for_somebody_who_is_not_there_is_reported_absent(world: World) -> None:
    rig = Rig()
    one = rig.member(world, world.member())
    rig.said.clear()
    absent = Identity.generate().peer_id
    rig.say(one, {"t": "send", "to": absent, "box": BOX})
    assert rig.heard(one) == [{"t": "absent", "to": absent}]


def test_nobody_is_a_receiver_for_itself(world: World) -> None:
    rig = Rig()
    member = world.member()
    one = rig.member(world, member)
    rig.said.clear()
    rig.say(one, {"t": "send", "to": member.peer_id, "box": BOX})
    assert rig.heard(one) == [{"t": "absent", "to": member.peer_id}]


def test_a_sign_in_for_another_address_is_refused(world: World) -> None:
    """A hostile server cannot pass on a challenge that its own clients sign for it."""
    rig = Rig(urls=lambda: [URL])
    member = world.member()
    number = rig.connect()
    nonce = rig.challenge(number, world.mesh_id)
    rig.say(number, rig.auth(world, member, nonce, url="wss://evil.example.org/signal"))
    assert rig.closed[number] == "wrong_address"


def test_naming_the_right_address_beside_a_signature_for_another_is_refused(world: World) -> None:
    rig = Rig(urls=lambda: [URL])
    number = rig.connect()
    nonce = rig.challenge(number, world.mesh_id)
    frame = rig.auth(
        world, world.member(), nonce, url="wss://evil.example.org/signal", told_url=URL
    )
    rig.say(number, frame)
    assert rig.closed[number] == "refused"


@pytest.mark.parametrize(
    "own",
    [
        "wss://home.example.org/api/infrafabric/signal",
        "wss://HOME.example.org:443/api/infrafabric/signal/",
        "ws://home.example.org:443/api/infrafabric/signal",
    ],
)
def test_one_address_has_several_spellings(world: World, own: str) -> None:
    rig = Rig(urls=lambda: ["ws://192.168.1.2:8123/api/infrafabric/signal", own])
    assert rig.heard(rig.member(world, world.member()))[0]["t"] == "ready"


@pytest.mark.parametrize("wrong", ["nonce", "purpose", "mesh", "key", "record"])
def test_a_signature_that_does_not_prove_membership_is_refused(world: World, wrong: str) -> None:
    rig = Rig()
    member = world.member()
    number = rig.connect()
    nonce = rig.challenge(number, world.mesh_id)
    chain = world.membership.chain(member.peer_id)
    changes: dict[str, dict[str, Any]] = {
        "purpose": {"purpose": Purpose.LINK},
        "mesh": {"mesh": World().mesh_id},
        # Somebody else's records, signed for with an own key.
        "key": {"chain": list(world.membership.chain(world.member().peer_id))},
        "record": {"chain": [*chain[:-1], type(chain[-1])(b"{}", bytes(64))]},
    }
    signed_nonce = bytes(16) if wrong == "nonce" else nonce
    rig.say(number, rig.auth(world, member, signed_nonce, **changes.get(wrong, {})))
    assert rig.closed[number] == "refused"


def test_an_answer_cannot_be_used_twice(world: World) -> None:
    rig = Rig()
    member = world.member()
    first = rig.connect()
    answer = rig.auth(world, member, rig.challenge(first, world.mesh_id))
    rig.say(first, answer)
    assert first not in rig.closed
    second = rig.connect()
    rig.challenge(second, world.mesh_id)
    rig.say(second, answer)
    assert rig.closed[second] == "refused"


def test_an_open_server_takes_any_mesh_and_keeps_them_apart() -> None:
    rig = Rig()
    here, there = World(), World()
    insider, stranger = here.member(), there.member()
    one, two = rig.member(here, insider), rig.member(there, stranger)
    assert [frame["t"] for frame in rig.heard(one)] == ["ready"]
    assert rig.heard(two)[0]["peers"] == []
    rig.say(two, {"t": "send", "to": insider.peer_id, "box": BOX})
    assert rig.heard(one) == []
    assert rig.heard(two)[0]["t"] == "absent"


def test_a_key_pair_of_another_mesh_does_not_open_this_one(world: World) -> None:
    rig = Rig()
    other = World()
    number = rig.connect()
    nonce = rig.challenge(number, world.mesh_id)
    rig.say(number, rig.auth(other, other.founder, nonce, mesh=world.mesh_id))
    assert rig.closed[number] == "refused"


def test_a_closed_server_refuses_a_mesh_it_does_not_host_just_like_a_stranger(
    world: World,
) -> None:
    rig = Rig(is_open=False)
    rig.core.admit(world.mesh_id, world.knows)
    unknown = World()
    answers = []
    for mesh, identity in ((world, Identity.generate()), (unknown, unknown.founder)):
        number = rig.connect()
        nonce = rig.challenge(number, mesh.mesh_id)
        chain = list(unknown.membership.chain(unknown.founder.peer_id))
        rig.say(number, rig.auth(mesh, identity, nonce, chain=chain))
        answers.append((rig.heard(number), rig.closed[number]))
    assert answers[0] == answers[1]
    assert rig.heard(rig.member(world, world.member()))[0]["t"] == "ready"


def test_the_hosting_node_decides_although_the_records_look_right(world: World) -> None:
    rig = Rig()
    rig.core.admit(world.mesh_id, lambda _key, _chain: False)
    number = rig.member(world, world.member())
    assert rig.closed[number] == "refused"


def test_a_mesh_is_hosted_once(world: World) -> None:
    rig = Rig()
    rig.core.admit(world.mesh_id, world.knows)
    with pytest.raises(ValueError, match="already"):
        rig.core.admit(world.mesh_id, world.knows)


def test_a_dropped_peer_is_turned_out_and_the_others_are_told(world: World) -> None:
    rig = Rig()
    one, gone = world.member(), world.member()
    first, second = rig.member(world, one), rig.member(world, gone)
    rig.said.clear()
    rig.do(rig.core.drop(world.mesh_id, gone.peer_id))
    assert rig.closed == {second: "refused"}
    assert rig.heard(first) == [{"t": "down", "id": gone.peer_id}]
    assert rig.core.drop(world.mesh_id, gone.peer_id) == []


def test_releasing_a_mesh_closes_its_connections_and_no_others(world: World) -> None:
    rig = Rig()
    other = World()
    for mesh in (world, other):
        rig.core.admit(mesh.mesh_id, mesh.knows)
    rig.core.attach(99, world.mesh_id, world.founder.peer_id, 0.0, UNIX)
    numbers = [rig.member(world, world.member()) for _ in range(3)]
    stays = rig.member(other, other.member())
    rig.do(rig.core.release(world.mesh_id))
    assert set(rig.closed) == set(numbers)
    assert stays not in rig.closed
    assert rig.core.counts["local"] == 1
    assert rig.core.release(world.mesh_id) == []


def test_the_newest_connection_of_a_peer_replaces_the_older_one_unseen(world: World) -> None:
    rig = Rig()
    watcher = rig.member(world, world.member())
    member = world.member()
    old = rig.member(world, member)
    rig.said.clear()
    new = rig.member(world, member)
    assert rig.closed == {old: "replaced"}
    assert rig.heard(watcher) == []
    rig.do(rig.core.disconnected(old))
    rig.say(watcher, {"t": "send", "to": member.peer_id, "box": BOX})
    assert rig.heard(new)[-1]["t"] == "box"


def test_the_hosting_node_is_not_replaced_by_a_socket_with_its_key(world: World) -> None:
    rig = Rig()
    rig.do(rig.core.attach(99, world.mesh_id, world.founder.peer_id, 0.0, UNIX))
    number = rig.member(world, world.founder)
    assert rig.closed == {number: "already_here"}
    with pytest.raises(ValueError, match="already"):
        rig.core.attach(98, world.mesh_id, world.founder.peer_id, 0.0, UNIX)


def test_a_verifier_may_drop_another_peer_while_it_judges(world: World) -> None:
    rig = Rig()
    gone = world.member()

    def judge(key: bytes, chain: object) -> bool:
        rig.do(rig.core.drop(world.mesh_id, gone.peer_id))
        return world.knows(key, chain)

    rig.core.admit(world.mesh_id, judge)
    first = rig.member(world, gone)
    second = rig.member(world, world.member())
    assert rig.closed == {first: "refused"}
    assert rig.heard(second)[-1]["peers"] == []


# ── invitations ─────────────────────────────────────────────────────────────────────────────


def test_an_invitee_and_its_inviter_can_talk(world: World) -> None:
    rig = Rig()
    inviter = rig.member(world, world.founder)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    rig.said.clear()
    number, own = rig.joiner(world)
    assert own.startswith("j-")
    rig.say(number, {"t": "send", "to": world.founder.peer_id, "box": BOX})
    assert rig.heard(inviter) == [{"t": "box", "from": own, "box": BOX}]
    rig.say(inviter, {"t": "send", "to": own, "box": BOX})
    assert rig.heard(number) == [{"t": "box", "from": world.founder.peer_id, "box": BOX}]


def test_an_invitee_reaches_nobody_else_and_nobody_else_reaches_it(world: World) -> None:
    rig = Rig()
    other = world.member()
    inviter, bystander = rig.member(world, world.founder), rig.member(world, other)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    rig.said.clear()
    number, own = rig.joiner(world)
    rig.say(number, {"t": "send", "to": other.peer_id, "box": BOX})
    assert rig.heard(number) == [{"t": "absent", "to": other.peer_id}]
    rig.say(bystander, {"t": "send", "to": own, "box": BOX})
    assert rig.heard(bystander) == [{"t": "absent", "to": own}]
    second, second_id = rig.joiner(world)
    rig.say(number, {"t": "send", "to": second_id, "box": BOX})
    assert rig.heard(number) == [{"t": "absent", "to": second_id}]
    assert rig.heard(second) == []


def test_an_invitee_is_not_announced_as_present(world: World) -> None:
    rig = Rig()
    inviter = rig.member(world, world.founder)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    rig.said.clear()
    rig.joiner(world)
    assert rig.heard(inviter) == []
    late = rig.member(world, world.member())
    assert rig.heard(late)[0]["peers"] == [world.founder.peer_id]


@pytest.mark.parametrize("why", ["never", "cancelled", "gone", "other mesh"])
def test_an_invitation_nobody_answers_for_is_always_refused_alike(world: World, why: str) -> None:
    rig = Rig()
    mesh = World() if why == "other mesh" else world
    inviter = rig.member(world, world.founder)
    if why != "never":
        rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    if why == "cancelled":
        rig.say(inviter, {"t": "invites", "lookups": []})
    if why == "gone":
        rig.do(rig.core.disconnected(inviter))
    number = rig.connect()
    rig.challenge(number, mesh.mesh_id, LOOKUP)
    assert rig.heard(number) == [{"t": "error", "code": "inviter_offline"}]
    assert rig.closed[number] == "inviter_offline"


def test_an_invitee_leaves_with_its_inviter_but_survives_its_reconnection(world: World) -> None:
    rig = Rig()
    inviter = rig.member(world, world.founder)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    number, own = rig.joiner(world)
    again = rig.member(world, world.founder)
    assert number not in rig.closed
    rig.say(again, {"t": "send", "to": own, "box": BOX})
    assert rig.heard(number)[-1]["t"] == "box"
    rig.do(rig.core.disconnected(again))
    assert rig.closed[number] == "inviter_offline"


def test_whoever_registered_an_invitation_first_keeps_it(world: World) -> None:
    rig = Rig()
    thief = world.member()
    inviter, other = rig.member(world, world.founder), rig.member(world, thief)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    rig.say(other, {"t": "invites", "lookups": [LOOKUP]})
    rig.say(other, {"t": "invites", "lookups": []})
    number = rig.connect()
    rig.challenge(number, world.mesh_id, LOOKUP)
    assert rig.heard(number)[0]["inviter"] == world.founder.peer_id


def test_an_invitee_may_send_few_boxes_and_stay_briefly(world: World) -> None:
    rig = Rig()
    inviter = rig.member(world, world.founder)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    number, _ = rig.joiner(world)
    for _ in range(rig.limits.joiner_boxes):
        rig.say(number, {"t": "send", "to": world.founder.peer_id, "box": BOX})
    assert number not in rig.closed
    rig.say(number, {"t": "send", "to": world.founder.peer_id, "box": BOX})
    assert rig.closed[number] == "rate_limited"
    slow, _ = rig.joiner(world)
    rig.do(rig.core.tick(rig.limits.joiner_seconds - 1))
    assert slow not in rig.closed
    rig.do(rig.core.tick(rig.limits.joiner_seconds))
    assert rig.closed[slow] == "too_slow"


# ── limits ──────────────────────────────────────────────────────────────────────────────────


def test_a_connection_that_does_not_sign_in_is_closed_after_ten_seconds(world: World) -> None:
    rig = Rig()
    silent, halfway = rig.connect(), rig.connect()
    rig.challenge(halfway, world.mesh_id)
    signed_in = rig.member(world, world.member())
    assert rig.core.next_deadline() == 10.0
    rig.do(rig.core.tick(9.9))
    assert rig.closed == {}
    rig.do(rig.core.tick(10.0))
    assert rig.closed == {silent: "too_slow", halfway: "too_slow"}
    assert signed_in not in rig.closed


def test_a_member_signs_in_again_once_a_day(world: World) -> None:
    rig = Rig()
    number = rig.member(world, world.member())
    rig.do(rig.core.tick(24 * 3600.0))
    assert rig.closed == {number: "session_over"}


def test_an_invitee_that_leaves_with_its_inviter_is_not_turned_out_twice(world: World) -> None:
    rig = Rig(limits=Limits(session_seconds=60.0, joiner_seconds=60.0))
    inviter = rig.member(world, world.founder)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    number, _ = rig.joiner(world)
    rig.do(rig.core.tick(60.0))
    assert rig.closed == {inviter: "session_over", number: "inviter_offline"}


def test_newcomers_are_busied_away_when_all_places_are_taken(world: World) -> None:
    rig = Rig(limits=Limits(connections=6, unauthenticated=2, reserved=1))
    waiting = [rig.connect() for _ in range(2)]
    assert rig.closed == {}
    third = rig.connect()
    assert rig.closed == {third: "busy"}
    assert errors(rig.heard(third)) == ["busy"]
    # After the grace, whoever says nothing makes room.
    rig.now = 2.0
    fourth = rig.member(world, world.member())
    assert rig.closed == {third: "busy", waiting[0]: "busy"}
    assert rig.heard(fourth)[-1]["t"] == "ready"


def test_members_leave_a_place_so_that_one_of_them_can_come_back(world: World) -> None:
    rig = Rig(limits=Limits(connections=4, unauthenticated=2, reserved=1))
    members = [world.member() for _ in range(4)]
    numbers = [rig.member(world, member) for member in members]
    assert rig.closed == {numbers[3]: "busy"}
    again = rig.member(world, members[0])
    assert rig.closed == {numbers[3]: "busy", numbers[0]: "replaced"}
    assert again not in rig.closed


def test_invitees_have_their_own_share_of_places(world: World) -> None:
    rig = Rig(limits=Limits(joiners=2))
    inviter = rig.member(world, world.founder)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    numbers = [rig.joiner(world)[0] for _ in range(2)]
    number = rig.connect()
    rig.challenge(number, world.mesh_id, LOOKUP)
    assert errors(rig.heard(number)) == ["busy"]
    rig.do(rig.core.disconnected(numbers[0]))
    assert rig.joiner(world)[1].startswith("j-")


def test_invitees_that_fill_the_unauthenticated_share_make_newcomers_wait(world: World) -> None:
    rig = Rig(limits=Limits(joiners=2, unauthenticated=2))
    inviter = rig.member(world, world.founder)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    for _ in range(2):
        rig.joiner(world)
    rig.now = 5.0
    number = rig.connect()
    assert rig.closed[number] == "busy"


def test_the_hosting_node_takes_no_place_from_others(world: World) -> None:
    rig = Rig(limits=Limits(connections=3, unauthenticated=1, reserved=1))
    rig.core.attach(99, world.mesh_id, world.founder.peer_id, 0.0, UNIX)
    numbers = [rig.member(world, world.member()) for _ in range(2)]
    assert rig.closed == {}
    assert [rig.heard(n)[0]["t"] for n in numbers] == ["ready", "ready"]


def test_a_burst_of_a_hundred_frames_is_fine_and_more_is_not(world: World) -> None:
    rig = Rig()
    number = rig.member(world, world.member())  # two frames
    absent = {"t": "send", "to": Identity.generate().peer_id, "box": BOX}
    for _ in range(98):
        rig.say(number, absent)
    assert number not in rig.closed
    rig.now = 1.0
    for _ in range(20):
        rig.say(number, absent)
    assert number not in rig.closed
    rig.do(rig.core.allow(number, rig.now))
    assert rig.closed[number] == "rate_limited"
    assert rig.core.allow(number, rig.now) == []


@pytest.mark.parametrize(
    ("stage", "frame"),
    [
        ("new", {"t": "send", "to": "a" * 32, "box": BOX}),
        ("new", {"t": "invites", "lookups": []}),
        ("challenged", {"t": "invites", "lookups": []}),
        ("challenged", "hello"),
        ("member", "hello"),
        ("joiner", {"t": "invites", "lookups": []}),
        ("joiner", "hello"),
    ],
)
def test_a_frame_out_of_turn_ends_the_connection(
    world: World, stage: str, frame: str | dict[str, Any]
) -> None:
    rig = Rig()
    rig.say(rig.member(world, world.founder), {"t": "invites", "lookups": [LOOKUP]})
    number = rig.connect()
    if stage == "challenged":
        rig.challenge(number, world.mesh_id)
    elif stage == "member":
        number = rig.member(world, world.member())
    elif stage == "joiner":
        number, _ = rig.joiner(world)
    rig.say(number, hello_frame(world.mesh_id, bytes(16)) if frame == "hello" else frame)
    assert rig.closed[number] == "unexpected"
    rig.say(number, "anything")  # what still arrives is ignored
    assert number not in rig.core._conns


def test_nothing_is_remembered_when_everybody_is_gone(world: World) -> None:
    rig = Rig()
    inviter = rig.member(world, world.founder)
    rig.say(inviter, {"t": "invites", "lookups": [LOOKUP]})
    rig.joiner(world)
    rig.connect()
    for number in list(rig.core._conns):
        rig.do(rig.core.disconnected(number))
    assert rig.core._conns == {}
    assert rig.core._meshes == {}
    assert rig.core.next_deadline() is None


_IDS = st.sampled_from(["a" * 32, "b" * 32, "j-" + "0" * 16, "", "x"])
_FRAMES = st.one_of(
    st.text(max_size=60),
    st.builds(
        lambda mesh, invite: orjson.dumps(
            {"t": "hello", "v": 1, "mesh": mesh, "nonce": "A" * 22 + "=="}
            | ({"invite": invite} if invite else {})
        ).decode(),
        _IDS,
        st.sampled_from([None, LOOKUP, "x"]),
    ),
    st.builds(lambda to: orjson.dumps({"t": "send", "to": to, "box": BOX}).decode(), _IDS),
    st.builds(
        lambda lookups: orjson.dumps({"t": "invites", "lookups": lookups}).decode(),
        st.lists(st.sampled_from([LOOKUP, "cd" * 32, "x"]), max_size=3),
    ),
)
_MEMBERS = World()
_PEOPLE = [_MEMBERS.founder, _MEMBERS.member(), _MEMBERS.member()]
_STEPS = st.one_of(
    st.tuples(st.just("connect"), st.none(), st.none()),
    st.tuples(st.just("member"), st.integers(0, 2), st.none()),
    st.tuples(st.just("join"), st.none(), st.none()),
    st.tuples(st.just("leave"), st.integers(0, 9), st.none()),
    st.tuples(st.just("say"), st.integers(0, 9), _FRAMES),
    st.tuples(st.just("write"), st.integers(0, 9), st.integers(0, 2)),
    st.tuples(st.just("invite"), st.integers(0, 9), st.none()),
    st.tuples(st.just("drop"), st.integers(0, 2), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 3.0, 11.0, 61.0, 1e5]), st.none()),
)


def _step(rig: Rig, kind: str, which: Any, what: Any) -> None:
    live = list(rig.core._conns)
    number = live[which % len(live)] if live and isinstance(which, int) else 0
    match kind:
        case "connect":
            rig.connect()
        case "member":
            number = rig.connect()
            if number not in rig.closed:
                nonce = rig.challenge(number, _MEMBERS.mesh_id)
                rig.say(number, rig.auth(_MEMBERS, _PEOPLE[which], nonce))
        case "join":
            rig.say(rig.connect(), hello_frame(_MEMBERS.mesh_id, bytes(16), LOOKUP))
        case "leave":
            rig.do(rig.core.disconnected(number))
        case "say":
            rig.say(number, what)
        case "write":
            rig.say(number, {"t": "send", "to": _PEOPLE[what].peer_id, "box": BOX})
        case "invite":
            rig.say(number, {"t": "invites", "lookups": [LOOKUP]})
        case "drop":
            rig.do(rig.core.drop(_MEMBERS.mesh_id, _PEOPLE[which].peer_id))
        case "wait":
            rig.now += which
            rig.do(rig.core.tick(rig.now))


@settings(max_examples=150, deadline=None)
@given(st.lists(_STEPS, max_size=40))
def test_whatever_clients_do_the_state_stays_small_and_consistent(
    steps: list[tuple[str, Any, Any]],
) -> None:
    limits = Limits(connections=6, unauthenticated=4, joiners=2, reserved=1)
    rig = Rig(limits=limits)
    views: dict[int, set[str]] = {}
    for kind, which, what in steps:
        _step(rig, kind, which, what)
        counts = rig.core.counts
        assert sum(counts.values()) <= limits.connections
        assert counts["new"] + counts["challenged"] + counts["joiner"] <= limits.unauthenticated
        assert counts["joiner"] <= limits.joiners
        assert counts["member"] <= limits.connections - limits.reserved
        # What each member was told adds up to who is there.
        for number, frames in rig.said.items():
            for frame in frames:
                if frame["t"] == "ready" and "peers" in frame:
                    views[number] = set(frame["peers"])
                elif frame["t"] == "up":
                    views[number].add(frame["id"])
                elif frame["t"] == "down":
                    views[number].discard(frame["id"])
        rig.said.clear()
        here = {c.id: n for n, c in rig.core._conns.items() if c.state.value == "member"}
        for peer, number in here.items():
            assert views[number] == set(here) - {peer}
        for mesh in rig.core._meshes.values():
            assert all(conn.number in rig.core._conns for conn in mesh.lookups.values())
            assert all(joiner.inviter in mesh.members for joiner in mesh.joiners.values())
            assert mesh.members or mesh.joiners


def test_a_chain_through_an_admin_is_accepted_and_a_lapsed_one_is_not() -> None:
    old = World(now=UNIX - 91 * 24 * 3600)
    rig = Rig()
    assert rig.closed.get(rig.member(old, old.founder)) == "refused"
    world = World()
    admin = Identity.generate()
    world.membership.issue(world.founder, admin.public_key, "Admin", Role.ADMIN, UNIX)
    guest = Identity.generate()
    world.membership.issue(admin, guest.public_key, "Guest", Role.OBSERVE, UNIX)
    assert len(world.membership.chain(guest.peer_id)) == 3
    assert rig.heard(rig.member(world, guest))[0]["t"] == "ready"
    assert mesh_id_of(world.authority.public_key, world.founder.public_key) == world.mesh_id
