"""Only a plain data-channel session with literal addresses passes, signed for this dial."""

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.errors import RefusedError
from infrafabric.mesh.link.sdp import MAX_SDP, Candidate, Envelope, Session, own_text
from infrafabric.mesh.trust.identity import Identity, Purpose
from infrafabric.mesh.trust.signed import Signed

HOME, STUDIO = Identity(b"\1" * 32), Identity(b"\2" * 32)
MESH, ATTEMPT, NOW = "m" * 32, "0f" * 16, 1_800_000_000.0
FINGERPRINT = ":".join(["AB"] * 32)
LINES = [
    "v=0",
    "o=- 1 1 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "a=msid-semantic:WMS *",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    "a=sctp-port:5000",
    "a=max-message-size:262144",
    "a=candidate:1 1 UDP 2130706431 192.168.1.5 5000 typ host generation 0",
    "a=candidate:2 1 tcp 2130706431 192.168.1.5 9 typ host tcptype active",
    "a=candidate:3 1 udp 1 2001:db8::1 6000 typ relay raddr 0.0.0.0 rport 9",
    "a=end-of-candidates",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuv",
    f"a=fingerprint:sha-256 {FINGERPRINT.lower()}",
    "a=setup:actpass",
]


def text(*, add: list[str] | None = None, drop: str = "\n", **replace: str) -> str:
    lines = [line for line in LINES if drop not in line] + (add or [])
    return "\r\n".join(lines) + "\r\n"


def test_a_plain_offer_is_read_and_written_anew() -> None:
    session = Session.parse("offer", text())
    assert session.fingerprint == FINGERPRINT
    assert [(c.address, c.port, c.type) for c in session.candidates] == [
        ("192.168.1.5", 5000, "host"),
        ("2001:db8::1", 6000, "relay"),
    ]
    again = session.text()
    assert Session.parse("offer", again) == session
    assert "raddr" not in again
    assert "tcp" not in again


REFUSED = {
    "a host name": {"add": ["a=candidate:1 1 udp 1 secret.local 5000 typ host"]},
    "a multicast address": {"add": ["a=candidate:1 1 udp 1 224.0.0.1 5000 typ host"]},
    "no address": {"add": ["a=candidate:1 1 udp 1 0.0.0.0 5000 typ host"]},
    "a scoped address": {"add": ["a=candidate:1 1 udp 1 fe80::1%eth0 5000 typ host"]},
    "a port beyond the range": {"add": ["a=candidate:1 1 udp 1 10.0.0.1 65536 typ host"]},
    "port zero": {"add": ["a=candidate:1 1 udp 1 10.0.0.1 0 typ host"]},
    "a second component": {"add": ["a=candidate:1 2 udp 1 10.0.0.1 5000 typ host"]},
    "an unknown type": {"add": ["a=candidate:1 1 udp 1 10.0.0.1 5000 typ magic"]},
    "a short candidate": {"add": ["a=candidate:1 1 udp 1"]},
    "a strange foundation": {"add": ["a=candidate:!! 1 udp 1 10.0.0.1 5000 typ host"]},
    "too many candidates": {"add": ["a=candidate:1 1 udp 1 10.0.0.1 5000 typ host"] * 20},
    "a second media section": {"add": ["m=audio 9 UDP/TLS/RTP/SAVPF 0"]},
    "no media section": {"drop": "m=application"},
    "another media section": {
        "drop": "m=application",
        "add": ["m=audio 9 UDP/TLS/RTP/SAVPF 0"],
    },
    "a weak fingerprint": {"add": ["a=fingerprint:sha-1 AB:CD"]},
    "a malformed fingerprint": {"add": ["a=fingerprint:sha-256 AB:CD"]},
    "two fingerprints": {"add": ["a=fingerprint:sha-256 " + ":".join(["CD"] * 32)]},
    "no fingerprint": {"drop": "fingerprint"},
    "no password": {"drop": "ice-pwd"},
    "a short password": {"drop": "ice-pwd", "add": ["a=ice-pwd:short"]},
    "a strange user name": {"drop": "ice-ufrag", "add": ["a=ice-ufrag:ab cd"]},
    "no role": {"drop": "setup"},
    "an impossible role": {"drop": "setup", "add": ["a=setup:holdconn"]},
    "a strange mid": {"drop": "mid:", "add": ["a=mid:<script>"]},
    "tiny messages": {"drop": "max-message", "add": ["a=max-message-size:1000"]},
    "port 0 of SCTP": {"drop": "sctp-port", "add": ["a=sctp-port:0"]},
    "an ICE lite peer": {"add": ["a=ice-lite"]},
    "an unknown attribute": {"add": ["a=crypto:1 x"]},
    "an unknown line": {"add": ["z=0 0"]},
    "a line without sense": {"add": ["hello"]},
    "control characters": {"add": ["a=mid:0\0"]},
    "letters beyond ASCII": {"add": ["s=Küche"]},
    "more than 16 KiB": {"add": ["s=" + "x" * MAX_SDP]},
}


@pytest.mark.parametrize("how", REFUSED.values(), ids=REFUSED.keys())
def test_a_description_is_refused_for(how) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Session.parse("offer", text(**how))


def test_an_answer_takes_a_role() -> None:
    with pytest.raises(ValueError, match="role"):
        Session.parse("answer", text())
    answer = text(drop="setup", add=["a=setup:active"])
    assert Session.parse("answer", answer).setup == "active"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(garbage) -> None:
    for whole in (garbage, text(add=[garbage])):
        try:
            session = Session.parse("offer", whole)
        except ValueError:
            continue
        assert Session.parse("offer", session.text()) == session


@given(st.text(alphabet="0123456789abcdef.:% udptyphosrelay", max_size=80))
def test_any_candidate_is_read_or_refused(value) -> None:
    try:
        candidate = Candidate.parse(value)
    except ValueError:
        return
    assert candidate is None or Candidate.parse(candidate.text()) == candidate


def test_other_fingerprints_of_our_own_are_not_sent() -> None:
    own = own_text(text(add=["a=fingerprint:sha-512 AB:CD"]))
    assert "sha-512" not in own
    assert Session.parse("offer", own).fingerprint == FINGERPRINT


def sealed(**changes: object) -> Signed:
    body = {
        "v": 1,
        "kind": "offer",
        "mesh": MESH,
        "from": HOME.peer_id,
        "to": STUDIO.peer_id,
        "id": ATTEMPT,
        "exp": int(NOW) + 30,
        "sdp": text(),
    }
    return Signed.make(HOME, Purpose.SDP, {k: v for k, v in (body | changes).items() if v != ()})


def opened(signed: Signed, **changes: object) -> Envelope:
    values = {
        "kind": "offer",
        "mesh_id": MESH,
        "own_id": STUDIO.peer_id,
        "peer": HOME.public,
        "now": NOW,
    }
    return Envelope.open(signed, **(values | changes))


def test_an_envelope_reads_back_as_made() -> None:
    session = Session.parse("offer", text())
    signed = Envelope.make(
        HOME, mesh_id=MESH, peer=STUDIO.public, attempt=ATTEMPT, session=session, now=NOW
    )
    envelope = opened(signed)
    assert envelope == Envelope(attempt=ATTEMPT, session=session, digest=signed.digest)


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"v": True},
        {"kind": "answer"},
        {"mesh": "n" * 32},
        {"from": STUDIO.peer_id},
        {"to": HOME.peer_id},
        {"id": "xyz"},
        {"id": 5},
        {"id": ()},
        {"exp": "soon"},
        {"exp": 1.5},
        {"exp": True},
        {"exp": ()},
        {"sdp": 5},
        {"sdp": "v=0"},
        {"offer": "0" * 64},
        {"extra": 1},
    ],
)
def test_an_envelope_that_differs_is_refused(changes) -> None:
    with pytest.raises(RefusedError) as caught:
        opened(sealed(**changes))
    assert caught.value.code == "sdp_refused"


def test_an_envelope_by_another_or_for_another_purpose_is_refused() -> None:
    good = sealed()
    bad = [
        Signed(good.body, STUDIO.sign(Purpose.SDP, good.body)),
        Signed(good.body, HOME.sign(Purpose.BEACON, good.body)),
        Signed(good.body[:-1], good.signature),
        Signed(b"[]", HOME.sign(Purpose.SDP, b"[]")),
        Signed(b"{", HOME.sign(Purpose.SDP, b"{")),
        sealed(sdp="x" * 40_000),
    ]
    for signed in bad:
        with pytest.raises(RefusedError):
            opened(signed)


@pytest.mark.parametrize(("now", "fresh"), [(-119, True), (-121, False), (149, True), (151, False)])
def test_an_envelope_is_valid_for_half_a_minute_of_any_sane_clock(now, fresh) -> None:
    if fresh:
        assert opened(sealed(), now=NOW + now)
    else:
        with pytest.raises(RefusedError) as caught:
            opened(sealed(), now=NOW + now)
        assert caught.value.code == "sdp_expired"


def test_an_answer_is_bound_to_its_offer() -> None:
    answer = sealed(kind="answer", offer="a" * 64, sdp=text(drop="setup", add=["a=setup:active"]))
    assert opened(answer, kind="answer", attempt=ATTEMPT, offer="a" * 64)
    for changes in ({"attempt": "00" * 16}, {"offer": "b" * 64}):
        with pytest.raises(RefusedError):
            opened(answer, kind="answer", **({"attempt": ATTEMPT, "offer": "a" * 64} | changes))
