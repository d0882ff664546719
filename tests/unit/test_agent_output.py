"""What people and programs read."""

from datetime import UTC, datetime, timedelta
import json
import os
import threading

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.agent import output
from infrafabric.mesh.agent.events import PROBLEMS, event_json, sentence
from infrafabric.mesh.agent.output import (
    Printer,
    invitations_table,
    peers_table,
    status_table,
    table,
    to_json,
)
from infrafabric.mesh.agent.selection import find_peer
from infrafabric.mesh.errors import InvalidError
from infrafabric.mesh.model import (
    MembershipRevoked,
    MessageRefused,
    PeerConnected,
    PeerDisconnected,
    PeerRemoved,
    PeerView,
    ProblemsChanged,
    ReceiptStatus,
    Role,
    StatsChanged,
)
from infrafabric.mesh.trust.identity import check_groups

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def peer(peer_id: str = "a" * 32, name: str = "Home") -> PeerView:
    return PeerView(
        peer_id=peer_id,
        name=name,
        check_groups=check_groups(peer_id),
        role=Role.ADMIN,
        not_after=NOW,
    )


def row(**changes: object) -> dict[str, object]:
    return {
        "name": "Home",
        "peer_id": "abc",
        "role": "admin",
        "connected": True,
        "path": "direct_lan",
        "rtt_ms": 1.234,
        "loss_percent": 0.0,
        "band": "good",
        "last_seen": None,
        "failure": None,
        **changes,
    }


def test_columns_line_up_whatever_the_script() -> None:
    text = table(("NAME", "X"), [("日本", "1"), ("e\u0301", "2"), ("abc", "3")])
    assert text.splitlines() == ["NAME  X", "日本  1", "e\u0301     2", "abc   3"]


def test_unknown_values_are_dashes_never_zeros() -> None:
    text = peers_table([row(rtt_ms=None, loss_percent=None, band="unknown")], NOW)
    assert text.splitlines()[1].split()[4:] == ["–", "–", "–", "now"]


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=5), "5 s ago"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=5), "5 d ago"),
        (timedelta(seconds=-5), "0 s ago"),
    ],
)
def test_an_absent_peer_shows_why_and_since_when(ago: timedelta, shown: str) -> None:
    seen = (NOW - ago).isoformat()
    text = peers_table([row(connected=False, failure="ice_failed", last_seen=seen)], NOW)
    assert "down (ice failed)" in text
    assert text.endswith(shown)
    assert peers_table([row(connected=False)], NOW).endswith("never")


def test_empty_lists_say_so() -> None:
    assert "invite" in peers_table([])
    assert invitations_table([]) == "No open invitation."


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (timedelta(minutes=7), "in 7 min"),
        (timedelta(hours=24), "in 24 h 0 min"),
        (timedelta(days=3), "in 3 d"),
        (timedelta(minutes=-7), "over"),
    ],
)
def test_an_invitation_shows_how_long_it_lasts(left: timedelta, shown: str) -> None:
    entry = {"invitation_id": "0a", "role": "observe", "expires": (NOW + left).isoformat()}
    assert invitations_table([entry], NOW).endswith(shown)


def test_status_names_problems_and_a_lost_membership() -> None:
    status = {
        "running": False,
        "node": {
            "name": "X",
            "role": "admin",
            "revoked": True,
            "check_groups": "AA",
            "not_after": NOW.isoformat(),
        },
        "mesh": {"name": "Lab", "fingerprint": "FF"},
        "signaling": {"connected": []},
        "peers": {"online": 0, "total": 2},
        "links": {"direct": 0, "relayed": 0},
        "messages": {"in_per_minute": 0, "out_per_minute": 0, "refused": {"stale": 2}},
        "problems": ["membership_revoked", "new_problem"],
    }
    text = status_table(status, PROBLEMS)
    assert "X (none: removed from the mesh)" in text
    assert "not connected" in text
    assert "2 stale" in text
    assert "this node was removed from the mesh; new_problem" in text


@given(st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
def test_json_on_a_terminal_is_one_line_without_anything_a_terminal_obeys(value: object) -> None:
    text = to_json(value)
    assert json.loads(text) == value
    assert all(char >= " " and not "\x7f" <= char <= "\x9f" for char in text)
    assert not set(text) & set("\u202e\u2066\u2028")


def test_errors_are_sentences_or_json(capsys) -> None:
    error = InvalidError("no_state", "There is none.", path="/x")
    output.print_error(error, as_json=False)
    output.print_error(error, as_json=True)
    plain, data = capsys.readouterr().err.splitlines()
    assert plain == "Error: There is none."
    assert json.loads(data) == {
        "error": {"code": "no_state", "message": "There is none.", "details": {"path": "/x"}}
    }


def test_the_printer_prints_everything_that_was_given_before_it_closed() -> None:
    reading, writing = os.pipe()
    printer = Printer(lambda gone: None, writing)
    for number in range(50):
        printer.put({"n": number})
    printer.close()
    os.close(writing)
    with os.fdopen(reading) as file:
        assert [json.loads(line)["n"] for line in file] == list(range(50))


def test_a_reader_that_is_gone_is_noticed_once() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    gone: list[bool] = []
    noticed = threading.Event()
    printer = Printer(lambda value: (gone.append(value), noticed.set()), writing)
    printer.put({})
    assert noticed.wait(20)
    printer.put({})
    printer.close()
    os.close(writing)
    assert gone == [True]


def test_a_reader_that_is_too_slow_never_holds_up_the_node(monkeypatch) -> None:
    monkeypatch.setattr(output, "MAX_WAITING", 3)
    reading, writing = os.pipe()
    stuck: list[bool] = []
    printer = Printer(stuck.append, writing)
    line = {"text": "x" * 40_000}
    for _ in range(20):
        printer.put(line)
    assert stuck == [False]
    printer.close(0.05)
    os.close(reading)
    os.close(writing)


def test_events_read_well_for_people_and_programs() -> None:
    view = peer()
    assert sentence(PeerConnected(view)) == "Home is connected."
    assert sentence(PeerDisconnected(view, "stopped")) == "Home is disconnected (stopped)."
    assert "revoked" in (sentence(PeerRemoved("x", "revoked")) or "")
    assert sentence(ProblemsChanged(())) == "All problems are solved."
    assert "clock" in (sentence(ProblemsChanged(("clock_skew",))) or "")
    assert sentence(MembershipRevoked()) is None
    node: object = None
    assert event_json(node, MembershipRevoked()) == {"event": "revoked"}
    assert event_json(node, PeerRemoved("x", "left")) == {
        "event": "peer_removed",
        "peer_id": "x",
        "reason": "left",
    }
    assert event_json(node, MessageRefused("x", ReceiptStatus.STALE)) == {
        "event": "message_refused",
        "peer_id": "x",
        "status": "stale",
    }
    assert event_json(node, ProblemsChanged(("a",))) == {"event": "problems", "problems": ["a"]}
    assert event_json(node, StatsChanged.__new__(StatsChanged)) is None


PEERS = {
    view.peer_id: view
    for view in (
        peer("abcd" + "a" * 28, "Home"),
        peer("abce" + "a" * 28, "Studio"),
        peer("bcde" + "a" * 28, "studio"),
        peer("cdef" + "a" * 28, "abcd"),
    )
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("abcd" + "a" * 28, "abcd"),
        ("ABCD-AAAA", "abcd"),
        (" home ", "abcd"),
        ("bcde", "bcde"),
        (check_groups("bcde" + "a" * 28), "bcde"),
    ],
)
def test_a_peer_is_found_by_id_beginning_check_groups_or_name(text: str, found: str) -> None:
    assert find_peer(PEERS, text).peer_id.startswith(found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("STUDIO", "ambiguous_peer"),
        ("abc", "unknown_peer"),
        ("Nobody", "unknown_peer"),
        ("", "unknown_peer"),
        # A peer that calls itself like another's id does not get its messages.
        ("abcd", "ambiguous_peer"),
    ],
)
def test_a_doubtful_peer_is_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        find_peer(PEERS, text)
    assert caught.value.code == code
