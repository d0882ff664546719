"""The frames of signaling: strict, bounded, and never a surprise for whoever parses them."""

from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from infrafabric.mesh.encoding import b64encode
from infrafabric.mesh.signaling.base import MAX_BOX, MAX_INVITES
from infrafabric.mesh.signaling.wire import (
    MAX_FRAME,
    Absent,
    Auth,
    Box,
    Challenge,
    Failure,
    Hello,
    Invites,
    Presence,
    Ready,
    SendBox,
    Welcome,
    address_of,
    auth_frame,
    encode_frame,
    hello_frame,
    parse_client_frame,
    parse_server_frame,
    transcript,
)

from .signaling_world import LOOKUP, URL, World

NONCE = b64encode(bytes(16))
PEER = "a" * 32
JOINER = "j-" + "0" * 16
BOX = b64encode(b"box")

CLIENT: dict[str, dict[str, Any]] = {
    "hello": {"t": "hello", "v": 1, "mesh": PEER, "nonce": NONCE},
    "invitee": {"t": "hello", "v": 1, "mesh": PEER, "nonce": NONCE, "invite": LOOKUP},
    "send": {"t": "send", "to": JOINER, "box": BOX},
    "invites": {"t": "invites", "lookups": [LOOKUP]},
    "auth": {
        "t": "auth",
        "url": URL,
        "chain": [{"body": "{}", "sig": b64encode(bytes(64))}],
        "authority": b64encode(bytes(32)),
        "founder": b64encode(bytes(32)),
        "sig": b64encode(bytes(64)),
    },
}
SERVER: dict[str, tuple[dict[str, Any], object]] = {
    "challenge": ({"t": "challenge", "nonce": NONCE, "time": 5}, Challenge(bytes(16), 5.0)),
    "ready": (
        {"t": "ready", "id": PEER, "peers": [PEER], "time": 1.5},
        Ready(PEER, (PEER,), 1.5),
    ),
    "welcome": ({"t": "ready", "id": JOINER, "inviter": PEER}, Welcome(JOINER, PEER)),
    "box": ({"t": "box", "from": JOINER, "box": BOX}, Box(JOINER, b"box")),
    "absent": ({"t": "absent", "to": PEER}, Absent(PEER)),
    "up": ({"t": "up", "id": PEER}, Presence(PEER, up=True)),
    "down": ({"t": "down", "id": PEER}, Presence(PEER, up=False)),
    "error": ({"t": "error", "code": "refused"}, Failure("refused")),
}


def text(frame: Any) -> str:
    return orjson.dumps(frame).decode()


def test_client_frames_are_read() -> None:
    assert parse_client_frame(text(CLIENT["hello"])) == Hello(PEER, bytes(16))
    assert parse_client_frame(text(CLIENT["invitee"])) == Hello(PEER, bytes(16), LOOKUP)
    assert parse_client_frame(text(CLIENT["send"])) == SendBox(JOINER, BOX)
    assert parse_client_frame(text(CLIENT["invites"])) == Invites(frozenset({LOOKUP}))
    auth = parse_client_frame(text(CLIENT["auth"]))
    assert isinstance(auth, Auth)
    assert (auth.url, len(auth.chain), auth.signature) == (URL, 1, bytes(64))


@pytest.mark.parametrize("kind", SERVER)
def test_server_frames_are_read(kind: str) -> None:
    frame, value = SERVER[kind]
    assert parse_server_frame(text(frame)) == value


_ALL = [(parse_client_frame, frame) for frame in CLIENT.values()] + [
    (parse_server_frame, frame) for frame, _ in SERVER.values()
]
_WRONG: list[Any] = [None, True, 1, -1, 1.5, "", "x", "é" * 32, [], [1], {}, {"body": 1}, 1e300]


@pytest.mark.parametrize(("parse", "frame"), _ALL)
def test_every_key_is_needed_and_no_other_is_taken(parse: Any, frame: dict[str, Any]) -> None:
    parse(text(frame))
    with pytest.raises(ValueError):
        parse(text({**frame, "more": 1}))
    for key in frame:
        if key == "invite":
            continue
        with pytest.raises(ValueError):
            parse(text({k: v for k, v in frame.items() if k != key}))


@pytest.mark.parametrize(("parse", "frame"), _ALL)
def test_every_value_has_one_type(parse: Any, frame: dict[str, Any]) -> None:
    for key, value in frame.items():
        for wrong in _WRONG:
            if type(wrong) is type(value) and wrong == value:
                continue
            if (key, frame["t"]) in {("lookups", "invites"), ("peers", "ready")} and wrong == []:
                continue
            if key == "url" and type(wrong) is str and wrong:
                continue  # any text may be claimed; it is compared, not dialled
            if key == "time" and type(wrong) in (int, float) and 0 <= wrong < 100:
                continue
            if key == "code" and wrong == "x":
                continue
            with pytest.raises(ValueError):
                parse(text({**frame, key: wrong}))


@pytest.mark.parametrize(
    "frame",
    [
        {**CLIENT["hello"], "v": 2},
        {**CLIENT["hello"], "nonce": b64encode(bytes(15))},
        {**CLIENT["hello"], "mesh": PEER.upper()},
        {**CLIENT["invitee"], "invite": LOOKUP.upper()},
        {**CLIENT["send"], "box": BOX.rstrip("=") + "A"},
        {**CLIENT["send"], "box": b64encode(bytes(MAX_BOX + 1))},
        {**CLIENT["invites"], "lookups": [f"{i:064x}" for i in range(MAX_INVITES + 1)]},
        {**CLIENT["auth"], "chain": []},
        {**CLIENT["auth"], "chain": CLIENT["auth"]["chain"] * 33},
        {**CLIENT["auth"], "chain": [{"body": "x" * 2049, "sig": b64encode(bytes(64))}]},
        {**CLIENT["auth"], "url": "w" * 513},
        {"t": "ready", "id": PEER, "peers": [], "time": 1},
        [],
        "hello",
    ],
)
def test_what_is_too_much_or_slightly_off_is_refused(frame: Any) -> None:
    with pytest.raises(ValueError):
        parse_client_frame(text(frame))


@pytest.mark.parametrize(
    "frame",
    [
        {"t": "ready", "id": PEER, "inviter": PEER},
        {"t": "ready", "id": JOINER, "inviter": PEER, "time": 1},
        {"t": "ready", "id": PEER, "peers": [PEER] * 1025, "time": 1},
        {"t": "error", "code": "Refused!"},
        {"t": "up", "id": JOINER},
    ],
)
def test_a_server_is_not_believed_everything(frame: Any) -> None:
    with pytest.raises(ValueError):
        parse_server_frame(text(frame))


def test_the_largest_box_fits_a_frame() -> None:
    frame = encode_frame("box", from_=PEER, box=b64encode(bytes(MAX_BOX)))
    assert len(frame) <= MAX_FRAME
    box = parse_server_frame(frame)
    assert isinstance(box, Box)
    assert len(box.box) == MAX_BOX


def test_the_most_invitations_fit_a_frame() -> None:
    lookups = [f"{i:064x}" for i in range(MAX_INVITES)]
    frame = encode_frame("invites", lookups=lookups)
    assert len(frame) <= MAX_FRAME
    assert parse_client_frame(frame) == Invites(frozenset(lookups))


def test_a_longer_frame_is_refused_unread() -> None:
    with pytest.raises(ValueError, match="too long"):
        parse_client_frame(text(CLIENT["hello"]) + " " * MAX_FRAME)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(st.text() | _JSON.map(lambda value: orjson.dumps(value).decode()))
def test_any_text_is_a_frame_or_a_value_error(data: str) -> None:
    for parse in (parse_client_frame, parse_server_frame):
        try:
            parse(data)
        except ValueError:
            continue


@given(
    st.sampled_from(_ALL).flatmap(
        lambda known: st.tuples(
            st.just(known[0]), st.just(known[1]), st.sampled_from(sorted(known[1])), _JSON
        )
    )
)
def test_any_value_in_a_known_frame_is_read_or_a_value_error(
    case: tuple[Any, dict[str, Any], str, Any],
) -> None:
    parse, frame, key, value = case
    try:
        parse(orjson.dumps({**frame, key: value}).decode())
    except ValueError:
        return


def test_the_signed_bytes_name_everything_that_must_not_be_exchanged() -> None:
    plain = (URL, PEER, bytes(32), bytes(16), b"\1" * 16)
    others = ("ws://other/", "b" * 32, b"\1" * 32, b"\2" * 16, bytes(16))
    made = {transcript(*plain)}
    for index, other in enumerate(others):
        changed: list[Any] = list(plain)
        changed[index] = other
        made.add(transcript(*changed))
    assert len(made) == 6


def test_frames_made_here_are_read_here() -> None:
    world = World()
    shown = world.credentials(world.founder)
    auth = parse_client_frame(
        auth_frame(URL, shown.chain(), shown.authority, shown.founder, bytes(64))
    )
    assert auth == Auth(URL, tuple(shown.chain()), shown.authority, shown.founder, bytes(64))
    assert parse_client_frame(hello_frame(PEER, bytes(16))) == Hello(PEER, bytes(16))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://Example.org", "example.org:80"),
        ("wss://example.org/", "example.org:443"),
        ("https://example.org./a/b/", "example.org:443/a/b"),
        ("ws://[2001:db8::1]:8123/x", "2001:db8::1:8123/x"),
        ("wss://bücher.example/", "xn--bcher-kva.example:443"),
        ("ftp://example.org/", None),
        ("wss://user@example.org/", None),
        ("wss://example.org/?a=1", None),
        ("wss://example.org/#a", None),
        ("wss://example.org:99999/", None),
        ("/signal", None),
        ("", None),
    ],
)
def test_addresses_are_compared_by_where_they_lead(url: str, address: str | None) -> None:
    assert address_of(url) == address


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_none(url: str) -> None:
    address = address_of("wss://" + url)
    assert address is None or ":" in address
