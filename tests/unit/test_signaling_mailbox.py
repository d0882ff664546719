"""What a carrier believes about who is there, whatever a server says."""

from typing import Any, cast

from hypothesis import given, strategies as st

from infrafabric.mesh.errors import UnreachableError
from infrafabric.mesh.signaling.base import Carrier
from infrafabric.mesh.signaling.mailbox import Mailbox
from infrafabric.mesh.signaling.wire import MAX_PEERS, Absent, Presence

from .signaling_world import Listener

OWN, OTHER = "a" * 32, "b" * 32


def make() -> tuple[Mailbox, Listener]:
    listener = Listener()
    return Mailbox(cast("Carrier", object()), cast("Any", listener)), listener


def test_a_node_is_never_a_peer_of_itself_and_nobody_comes_twice() -> None:
    mailbox, listener = make()
    mailbox.opened(OWN, [OWN, OTHER, OTHER])
    mailbox.frame(Presence(OWN, up=True))
    mailbox.frame(Presence(OTHER, up=True))
    assert mailbox.present == {OTHER}
    assert listener.events == [("state", True, None), ("present", OTHER, True)]


def test_whoever_is_absent_for_a_box_has_gone() -> None:
    mailbox, listener = make()
    mailbox.opened(OWN, [OTHER])
    mailbox.frame(Absent(OTHER))
    mailbox.frame(Presence(OTHER, up=False))
    assert listener.events[2:] == [("present", OTHER, False)]
    assert not mailbox.has(OTHER)
    assert mailbox.has("j-" + "0" * 16)


def test_nobody_is_there_after_the_end_and_everybody_is_new_after_the_next_beginning() -> None:
    mailbox, listener = make()
    mailbox.opened(OWN, [OTHER])
    mailbox.closed(UnreachableError("signaling_lost", "Lost."))
    assert mailbox.present == frozenset()
    mailbox.opened(OWN, [OTHER])
    assert listener.events.count(("present", OTHER, True)) == 2
    mailbox.silence()
    assert mailbox.present == frozenset()
    assert not mailbox.connected


def test_a_server_cannot_invent_more_peers_than_a_mesh_has() -> None:
    mailbox, _ = make()
    mailbox.opened(OWN, [])
    for number in range(MAX_PEERS + 5):
        mailbox.frame(Presence(f"{number:032x}", up=True))
    assert len(mailbox.present) == MAX_PEERS


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["up", "down", "absent"]))))
def test_what_was_told_adds_up_to_who_is_there(steps: list[tuple[str, str]]) -> None:
    mailbox, listener = make()
    mailbox.opened(OWN, [OTHER])
    for letter, kind in steps:
        peer = letter * 32
        mailbox.frame(Absent(peer) if kind == "absent" else Presence(peer, up=kind == "up"))
    told: set[str] = set()
    for event in listener.events[1:]:
        _, peer, up = event
        assert (peer in told) is not up, "told what was known"
        (told.add if up else told.discard)(peer)
    assert told == mailbox.present
