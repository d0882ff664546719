"""An IFMessage is accepted exactly as it was signed, and in no other form."""

import copy
import json

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.errors import InvalidError
from infrafabric.mesh.messages.message import (
    BROADCAST,
    MAX_CONTENT,
    MAX_MESSAGE,
    IFMessage,
    agent_address,
)
from infrafabric.mesh.model import ReceiptStatus
from infrafabric.mesh.trust.identity import Purpose

from .message_world import (
    HOME,
    MESSAGE,
    NOW,
    OBJECTS,
    PATHS,
    STUDIO,
    at,
    draft,
    refusal,
    signed_anew,
)


def test_what_is_sent_is_what_is_read():
    received = IFMessage.parse(MESSAGE.body, MESSAGE.signature, HOME.public_key)
    assert received == MESSAGE
    assert hash(received) == hash(MESSAGE)
    assert received.fields == MESSAGE.fields
    assert received.sender == HOME.peer_id
    assert received.receivers == (agent_address(STUDIO.peer_id), "if://agent/swarm/financial/*")
    assert received.performative == "escalate"
    assert received.conversation_id == "if://conversation/show-1"
    assert received.topic == "if://topic/stream"
    assert received.content == {"text": "on air", "level": 0.5, "list": [1, None, True]}
    assert received.timestamp.timestamp() == NOW
    assert received.timestamp.isoformat() == "2027-01-15T08:00:00.250000+00:00"
    assert received.sequence_num == 7
    assert received.nonce == bytes(range(12)).hex()
    assert received.ttl == 300
    assert received.trace_id == "0123456789ab"
    assert received.scope == {
        "mission_id": "default",
        "workflow": "default",
        "domain": "technical",
        "priority": "medium",
    }


def test_a_plain_message_has_every_required_field_and_no_other():
    message = IFMessage.create(HOME, **draft())
    assert sorted(message.fields) == [
        "content",
        "conversation_id",
        "nonce",
        "performative",
        "receiver",
        "scope",
        "sender",
        "sequence_num",
        "timestamp",
        "ttl",
    ]
    assert message.conversation_id == "if://conversation/" + bytes(range(16)).hex()
    assert message.topic is None
    assert message.trace_id is None
    assert message.receivers == (agent_address(STUDIO.peer_id),)


def test_the_bytes_are_canonical_and_the_signature_is_over_them():
    assert MESSAGE.body == canonical_json(dict(MESSAGE.fields))
    assert HOME.public.verify_raw(MESSAGE.body, MESSAGE.signature)


def test_the_content_is_not_shared_with_the_caller():
    content = {"list": [1]}
    message = IFMessage.create(HOME, **draft(content=content))
    content["list"].append(2)
    assert message.content == {"list": [1]}


@given(st.integers(0, len(MESSAGE.body) * 8 - 1))
def test_flipping_any_bit_of_the_body_is_refused(bit):
    body = bytearray(MESSAGE.body)
    body[bit // 8] ^= 1 << (bit % 8)
    assert refusal(bytes(body), MESSAGE.signature) in (
        ReceiptStatus.MALFORMED,
        ReceiptStatus.BAD_SIGNATURE,
    )


@given(st.integers(0, 64 * 8 - 1))
def test_flipping_any_bit_of_the_signature_is_refused(bit):
    signature = bytearray(MESSAGE.signature)
    signature[bit // 8] ^= 1 << (bit % 8)
    assert refusal(MESSAGE.body, bytes(signature)) is ReceiptStatus.BAD_SIGNATURE


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, MESSAGE.signature[:-1]])
def test_a_missing_or_short_signature_is_refused(signature):
    assert refusal(MESSAGE.body, signature) is ReceiptStatus.BAD_SIGNATURE


@given(st.integers(0, len(MESSAGE.body)), st.binary(min_size=1, max_size=3))
def test_inserting_bytes_is_refused(position, extra):
    body = MESSAGE.body[:position] + extra + MESSAGE.body[position:]
    assert refusal(body, MESSAGE.signature) is not ReceiptStatus.ACCEPTED


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_removing_any_member_at_any_depth_is_refused(path):
    fields = copy.deepcopy(dict(MESSAGE.fields))
    del at(fields, path[:-1])[path[-1]]
    assert refusal(canonical_json(fields), MESSAGE.signature) in (
        ReceiptStatus.MALFORMED,
        ReceiptStatus.BAD_SIGNATURE,
    )


@given(
    st.sampled_from(PATHS),
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.just([]),
)
def test_changing_any_member_at_any_depth_is_refused(path, value):
    fields = copy.deepcopy(dict(MESSAGE.fields))
    before = copy.deepcopy(fields)
    at(fields, path[:-1])[path[-1]] = value
    body = canonical_json(fields)
    if body != canonical_json(before):
        assert refusal(body, MESSAGE.signature) in (
            ReceiptStatus.MALFORMED,
            ReceiptStatus.BAD_SIGNATURE,
        )


@given(st.sampled_from(OBJECTS), st.text(max_size=8), st.none() | st.integers(-9, 9))
def test_adding_any_member_at_any_depth_is_refused(path, name, value):
    fields = copy.deepcopy(dict(MESSAGE.fields))
    target = at(fields, path)
    if name in target:
        name += "2"
    target[name] = value
    assert refusal(canonical_json(fields), MESSAGE.signature) in (
        ReceiptStatus.MALFORMED,
        ReceiptStatus.BAD_SIGNATURE,
    )


@pytest.mark.parametrize("path", [path for path in OBJECTS if "content" not in path], ids=str)
def test_an_unknown_member_is_refused_even_when_its_sender_signed_it(path):
    fields = copy.deepcopy(dict(MESSAGE.fields))
    at(fields, path)["extra"] = 1
    assert refusal(*signed_anew(fields)) is ReceiptStatus.MALFORMED


def test_reordered_members_are_refused():
    items = list(MESSAGE.fields.items())
    body = json.dumps(dict(reversed(items)), separators=(",", ":")).encode()
    assert json.loads(body) == MESSAGE.fields
    assert refusal(body, HOME.sign_raw(body)) is ReceiptStatus.MALFORMED


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ": ")])
def test_white_space_is_refused(separators):
    body = json.dumps(dict(MESSAGE.fields), separators=separators, sort_keys=True).encode()
    assert refusal(body, HOME.sign_raw(body)) is ReceiptStatus.MALFORMED


def test_a_member_named_twice_is_refused():
    body = MESSAGE.body[:-1] + b',"ttl":300}'
    assert refusal(body, HOME.sign_raw(body)) is ReceiptStatus.MALFORMED


def test_readdressing_is_refused():
    fields = dict(MESSAGE.fields) | {"receiver": BROADCAST}
    assert refusal(canonical_json(fields), MESSAGE.signature) is ReceiptStatus.BAD_SIGNATURE


def test_another_key_cannot_speak_for_the_sender():
    fields = dict(MESSAGE.fields)
    body, signature = signed_anew(fields, STUDIO)
    assert refusal(body, signature, STUDIO.public_key) is ReceiptStatus.BAD_SIGNATURE
    assert refusal(body, signature, HOME.public_key) is ReceiptStatus.BAD_SIGNATURE


def test_a_signature_for_another_purpose_does_not_pass():
    for purpose in Purpose:
        signature = HOME.sign(purpose, MESSAGE.body)
        assert refusal(MESSAGE.body, signature) is ReceiptStatus.BAD_SIGNATURE


CONTENT = st.dictionaries(
    st.text(max_size=9),
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(),
    max_size=6,
)


@given(CONTENT, st.sampled_from(["request", "query-if", "hold"]), st.integers(1, 3600))
def test_whatever_can_be_made_is_accepted(content, performative, ttl):
    message = IFMessage.create(HOME, **draft(content=content, performative=performative, ttl=ttl))
    received = IFMessage.parse(message.body, message.signature, HOME.public_key)
    assert received.content == content


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"performative": "shout"}, "performative"),
        ({"receivers": []}, "receiver"),
        ({"receivers": ["studio"]}, "receiver"),
        ({"ttl": 0}, "ttl"),
        ({"sequence": 0}, "sequence_num"),
        ({"trace_id": "xyz"}, "trace_id"),
        ({"conversation_id": "x"}, "conversation_id"),
        ({"mission_id": "a\nb"}, "scope.mission_id"),
        ({"citation_ids": ["x"]}, "citation_ids"),
        ({"hazard": {}}, "hazard"),
        ({"provenance": {"cost_usd": -1}}, "provenance.cost_usd"),
        ({"content": {"a": float("nan")}}, "canonical"),
        ({"content": {"a": 2**53}}, "canonical"),
        ({"content": {"a": float(2**60)}}, "53-bit"),
        ({"content": {"a": object()}}, "canonical"),
        ({"content": {1: "a"}}, "canonical"),
        ({"content": ["a"]}, "content"),
    ],
)
def test_what_cannot_be_sent_is_explained(more, reason):
    with pytest.raises(InvalidError, match="not valid") as caught:
        IFMessage.create(HOME, **draft(**more))
    assert caught.value.code == "message_invalid"
    assert reason in caught.value.details["reason"]


def test_content_that_refers_to_itself_is_explained():
    class Odd(dict):
        """Not exactly a dict, so the fast way does not apply to it."""

    content = Odd()
    content["self"] = content
    with pytest.raises(InvalidError) as caught:
        IFMessage.create(HOME, **draft(content=content))
    assert caught.value.code == "message_invalid"
    assert caught.value.details["reason"]


def test_content_of_one_mebibyte_is_sent_and_one_byte_more_is_not():
    overhead = len(canonical_json({"a": ""}))
    message = IFMessage.create(HOME, **draft(content={"a": "x" * (MAX_CONTENT - overhead)}))
    assert IFMessage.parse(message.body, message.signature, HOME.public_key) == message
    with pytest.raises(InvalidError) as caught:
        IFMessage.create(HOME, **draft(content={"a": "x" * (MAX_CONTENT - overhead + 1)}))
    assert caught.value.code == "message_too_large"
    fields = dict(message.fields) | {"content": {"a": "x" * (MAX_CONTENT - overhead + 1)}}
    assert refusal(*signed_anew(fields)) is ReceiptStatus.TOO_LARGE


def test_a_message_over_the_limit_is_not_even_read():
    assert refusal(b"[" * (MAX_MESSAGE + 1), b"") is ReceiptStatus.TOO_LARGE
    assert refusal(b"[" * MAX_MESSAGE, b"") is ReceiptStatus.MALFORMED
    with pytest.raises(InvalidError) as caught:
        IFMessage.create(HOME, **draft(content={"a": "x" * MAX_MESSAGE}))
    assert caught.value.code == "message_too_large"


@pytest.mark.parametrize(
    ("receiver", "expected"),
    [
        (agent_address(STUDIO.peer_id), True),
        (BROADCAST, True),
        (agent_address(HOME.peer_id), False),
        (agent_address(STUDIO.peer_id) + "/*", False),
        (agent_address(STUDIO.peer_id[:-1]), False),
        ("if://agent/swarm/*", False),
        ([agent_address(HOME.peer_id), agent_address(STUDIO.peer_id)], True),
        ([agent_address(HOME.peer_id), "if://agent/swarm/*"], False),
    ],
)
def test_a_message_knows_whom_it_is_addressed_to(receiver, expected):
    receivers = receiver if isinstance(receiver, list) else [receiver]
    message = IFMessage.create(HOME, **draft(receivers=receivers))
    assert message.addressed_to(STUDIO.peer_id) is expected
