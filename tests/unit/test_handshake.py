"""The proof is bound to both identities, both certificates and both nonces, in one direction."""

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.errors import RefusedError
from infrafabric.mesh.link.frames import FrameError, FrameType, Hello
from infrafabric.mesh.link.handshake import Handshake
from infrafabric.mesh.link.transfer import CREDIT
from infrafabric.mesh.trust.identity import Identity

HOME, STUDIO, EVE = (Identity(bytes([n]) * 32) for n in (1, 2, 3))


def side(me: Identity, other_end: Identity, **changes: object) -> Handshake:
    own, other = ("AA", "BB") if me is HOME else ("BB", "AA")
    values = {
        "identity": me,
        "mesh_id": "m" * 32,
        "peer": other_end.public,
        "own_fingerprint": own,
        "peer_fingerprint": other,
        "nonce": bytes([len(own) + (me is HOME)]) * 32,
        "credit": CREDIT,
        "hello": {"name": me.peer_id},
    }
    return Handshake(**(values | changes))


def exchange(one: Handshake, other: Handshake) -> None:
    """Carry frames between both until there are none."""
    queue = [(other, one.start()), (one, other.start())]
    while queue:
        receiver, frame = queue.pop(0)
        reply = receiver.receive(frame[0], frame[1:])
        if reply is not None:
            queue.append((one if receiver is other else other, reply))


def test_two_honest_ends_open() -> None:
    one, other = side(HOME, STUDIO), side(STUDIO, HOME)
    exchange(one, other)
    assert one.open
    assert other.open
    assert one.peer_hello.hello == {"name": STUDIO.peer_id}


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": EVE},
        {"mesh_id": "n" * 32},
        {"peer": EVE.public},
        {"own_fingerprint": "CC"},
        {"peer_fingerprint": "CC"},
    ],
)
def test_anything_that_differs_spoils_the_proof(changes) -> None:
    one, other = side(HOME, STUDIO), side(STUDIO, HOME, **changes)
    with pytest.raises(RefusedError) as caught:
        exchange(one, other)
    assert caught.value.code == "proof_failed"
    assert not one.open
    assert not other.open


def test_a_proof_does_not_work_twice_or_backwards() -> None:
    one, other = side(HOME, STUDIO), side(STUDIO, HOME)
    hello = other.start()
    proof = other.receive(FrameType.HELLO, one.start()[1:])
    fresh = side(HOME, STUDIO, nonce=b"\7" * 32)
    fresh.receive(FrameType.HELLO, hello[1:])
    with pytest.raises(RefusedError):
        fresh.receive(FrameType.PROOF, proof[1:])
    reflected = side(HOME, STUDIO)
    own = reflected.receive(FrameType.HELLO, reflected.start()[1:])
    with pytest.raises(RefusedError):
        reflected.receive(FrameType.PROOF, own[1:])


def test_another_version_is_refused() -> None:
    future = Hello(nonce=b"\0" * 32, credit=CREDIT, versions=(2, 3), hello={}).encode()
    with pytest.raises(RefusedError) as caught:
        side(HOME, STUDIO).receive(FrameType.HELLO, future[1:])
    assert caught.value.code == "version_mismatch"
    newer = Hello(nonce=b"\0" * 32, credit=CREDIT, versions=(1, 3), hello={}).encode()
    assert side(HOME, STUDIO).receive(FrameType.HELLO, newer[1:])


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3, 4]), st.binary(max_size=80)), max_size=6))
def test_no_sequence_of_frames_opens_it_without_a_proof(frames) -> None:
    one = side(HOME, STUDIO)
    for kind, payload in frames:
        try:
            one.receive(kind, payload)
        except FrameError, RefusedError:
            break
    assert not one.open
    assert not one.proven


def test_frames_out_of_turn_are_refused() -> None:
    one, other = side(HOME, STUDIO), side(STUDIO, HOME)
    with pytest.raises(FrameError):
        one.receive(FrameType.READY, b"")
    with pytest.raises(FrameError):
        one.receive(FrameType.PROOF, b"x" * 64)
    one.receive(FrameType.HELLO, other.start()[1:])
    with pytest.raises(FrameError):
        one.receive(FrameType.HELLO, other.start()[1:])
    with pytest.raises(RefusedError):
        one.receive(FrameType.PROOF, b"short")
