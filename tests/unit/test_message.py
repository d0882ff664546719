"""An IFMessage is accepted exactly as it was signed, and in no other form."""

import copy
import hashlib
import json
from pathlib import Path
import shutil
import subprocess

from hypothesis import example, given, settings, strategies as st
import pytest

from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.errors import InvalidError
from infrafabric.mesh.identity import Identity, Purpose
from infrafabric.mesh.message import (
    BROADCAST,
    MAX_CONTENT,
    MAX_MESSAGE,
    IFMessage,
    MessageRefusedError,
    agent_address,
)
from infrafabric.mesh.message_schema import MAX_CITATIONS, MAX_RECEIVERS, validate
from infrafabric.mesh.model import ReceiptStatus

NOW = 1_800_000_000.25
HOME = Identity(b"\1" * 32)
STUDIO = Identity(b"\2" * 32)
NODE = shutil.which("node")


def fixed(size):
    return bytes(range(size))


def draft(**more):
    values = {
        "receivers": [agent_address(STUDIO.peer_id)],
        "content": {"text": "on air", "level": 0.5, "list": [1, None, True]},
        "sequence": 7,
        "now": NOW,
        "random": fixed,
    }
    return values | more


def full_message():
    return IFMessage.create(
        HOME,
        **draft(
            receivers=[agent_address(STUDIO.peer_id), "if://agent/swarm/financial/*"],
            performative="escalate",
            conversation_id="if://conversation/show-1",
            topic="if://topic/stream",
            protocol="fipa-request",
            trace_id="0123456789ab",
            citation_ids=["if://citation/1", "cit:2"],
            hazard={
                "type": "safety",
                "severity": "high",
                "auto_escalate": True,
                "rationale": "two\nlines",
                "threshold_override": {"original_confidence": 0.25, "reason": "drill"},
            },
            provenance={
                "commit": "abc",
                "version": "1",
                "model": "none",
                "cost_usd": 0.5,
                "tokens_used": 3,
            },
        ),
    )


MESSAGE = full_message()


def signed_anew(fields, identity=HOME):
    """Return body and signature of any fields, as a hostile member would make them."""
    body = canonical_json(fields)
    return body, identity.sign_raw(body)


def refusal(body, signature, key=HOME.public_key):
    with pytest.raises(MessageRefusedError) as caught:
        IFMessage.parse(body, signature, key)
    assert caught.value.detail == str(caught.value)
    return caught.value.status


def paths(value, path=()):
    """Yield the path of every member and item at any depth."""
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    else:
        return
    for key, item in entries:
        yield (*path, key)
        yield from paths(item, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


PATHS = sorted(paths(dict(MESSAGE.fields)), key=str)
OBJECTS = [(), *(path for path in PATHS if isinstance(at(MESSAGE.fields, path), dict))]


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


LINE_FIELDS = ["", "a" * 129, "a\nb", "a\u2028b", "\x7f", 5, None, ["a"]]
BAD_VALUES = {
    ("performative",): ["", "Request", "propose", None, 1, ["inform"], {"a": 1}],
    ("sender",): [None, 1, [], "", "if://agent/*", agent_address(STUDIO.peer_id), HOME.peer_id],
    ("receiver",): [
        "",
        None,
        [],
        {},
        5,
        "if://agent/",
        "if://agent/a b",
        "if://agent/a//b",
        "if://agent/a*",
        "if://agent/*/a",
        "if://agent/a/\n",
        "if://agent/" + "a" * 250,
        "if://service/a",
        "https://agent/a",
        ["if://agent/a", 5],
        ["if://agent/a", "if://agent/a"],
        [f"if://agent/{number}" for number in range(MAX_RECEIVERS + 1)],
    ],
    ("conversation_id",): [
        "",
        "if://conversation/",
        "if://conversation/a b",
        "x",
        None,
        7,
        "if://conversation/" + "a" * 201,
        "if://conversation/é",
    ],
    ("topic",): ["", "if://topic/", None, "if://conversation/a", 7],
    ("protocol",): LINE_FIELDS,
    ("content",): [None, [], "text", 5, True],
    ("citation_ids",): [None, {}, "cit:1", [5], ["cit:"], ["x:1"], ["cit:1"] * (MAX_CITATIONS + 1)],
    ("timestamp",): [
        "2027-01-15T08:00:00",
        "2027-01-15T08:00:00+01:00",
        "2027-01-15T08:00:00.1234567Z",
        "2027-01-15 08:00:00Z",
        "2027-02-30T08:00:00Z",
        "2027-01-15T24:00:00Z",
        "2027-01-15T08:60:00Z",
        "20270115T080000Z",
        "2027-01-15T08:00:00z",
        "２027-01-15T08:00:00Z",
        "2027-01-15T08:00:00Z\n",
        "0000-01-15T08:00:00Z",
        "",
        None,
        1_800_000_000,
    ],
    ("sequence_num",): [0, -1, 1.5, True, "1", None, [], 1e300],
    ("trace_id",): ["", "0123456789AB", "0123456789a", "0123456789abc", None, 12],
    ("nonce",): ["", "0" * 23, "0" * 25, "A" * 24, None, 5, "0" * 23 + "\n"],
    ("ttl",): [0, 3601, -1, 1.5, True, "300", None],
    ("scope",): [None, [], "x", {}],
    ("scope", "mission_id"): LINE_FIELDS,
    ("scope", "workflow"): LINE_FIELDS,
    ("scope", "domain"): ["", "sports", None, 5, ["legal"]],
    ("scope", "priority"): ["", "urgent", None, 5, ["low"]],
    ("topic_hash",): ["", "sha256:" + "0" * 64, None, 5, [], {}],
    ("hazard",): [None, [], {}, "safety", {"type": "safety"}, {"severity": "low"}],
    ("hazard", "type"): ["", "fire", None, 5, [], {}],
    ("hazard", "severity"): ["", "huge", None, 5, [], {}],
    ("hazard", "auto_escalate"): [0, 1, "true", None],
    ("hazard", "rationale"): ["", "a" * 2049, "\x00", None, 5],
    ("hazard", "threshold_override"): [None, {}, [], {"reason": "x"}, {"original_confidence": 0}],
    ("hazard", "threshold_override", "original_confidence"): [-0.1, 1.1, True, "0.5", None],
    ("hazard", "threshold_override", "reason"): ["", "a" * 2049, None, 5],
    ("provenance",): [None, [], "x"],
    ("provenance", "commit"): LINE_FIELDS,
    ("provenance", "version"): LINE_FIELDS,
    ("provenance", "model"): LINE_FIELDS,
    ("provenance", "cost_usd"): [-1, True, "1", None],
    ("provenance", "tokens_used"): [-1, 1.5, True, "1", None],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path, values in BAD_VALUES.items() for value in values],
    ids=lambda part: ".".join(part) if isinstance(part, tuple) else repr(part)[:40],
)
def test_a_value_outside_the_schema_is_refused_even_when_its_sender_signed_it(path, value):
    fields = copy.deepcopy(dict(MESSAGE.fields))
    at(fields, path[:-1])[path[-1]] = value
    status = refusal(*signed_anew(fields))
    expected = ReceiptStatus.MALFORMED
    if path == ("sender",) and isinstance(value, str):
        expected = ReceiptStatus.BAD_SIGNATURE
    assert status is expected


GOOD_VALUES = {
    ("receiver",): [BROADCAST, "if://agent/a/b.c-d_e~f", ["if://agent/a", "if://agent/b/*"]],
    ("timestamp",): ["2027-01-15T08:00:00Z", "2027-01-15T08:00:00.123456+00:00"],
    ("sequence_num",): [1, 2**53 - 1],
    ("ttl",): [1, 3600],
    ("scope",): [{"mission_id": "m", "workflow": "Größe ✓", "domain": "macro"}],
    ("hazard",): [{"type": "legal", "severity": "low"}],
    ("hazard", "threshold_override", "original_confidence"): [0, 1, 0.5],
    ("provenance",): [{}],
    ("provenance", "cost_usd"): [0, 1.25],
    ("citation_ids",): [[], ["cit:1"]],
    ("content",): [{}, {"ключ": {"deep": [[[]]]}}],
    ("topic_hash",): ["sha256:" + hashlib.sha256(b"if://conversation/show-1").hexdigest()],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path, values in GOOD_VALUES.items() for value in values],
    ids=lambda part: ".".join(part) if isinstance(part, tuple) else repr(part)[:40],
)
def test_a_value_inside_the_schema_is_accepted(path, value):
    fields = copy.deepcopy(dict(MESSAGE.fields))
    at(fields, path[:-1])[path[-1]] = value
    assert IFMessage.parse(*signed_anew(fields), HOME.public_key).fields == fields


def test_every_required_field_is_required():
    message = IFMessage.create(HOME, **draft())
    for name in message.fields:
        fields = dict(message.fields)
        del fields[name]
        assert refusal(*signed_anew(fields)) is ReceiptStatus.MALFORMED


@pytest.mark.parametrize("value", [[], None, "text", 5])
def test_a_body_that_is_no_object_is_refused(value):
    assert refusal(*signed_anew(value)) is ReceiptStatus.MALFORMED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
FIELD_NAMES = st.sampled_from(sorted({*MESSAGE.fields, "topic_hash", "signature"})) | st.text()


@settings(max_examples=300)
@given(st.dictionaries(FIELD_NAMES, JSON, max_size=12), st.booleans())
@example({}, False)
def test_no_json_makes_the_validator_fail_in_another_way(fields, over_a_message):
    if over_a_message:
        fields = dict(MESSAGE.fields) | fields
    try:
        validate(fields, 1000)
    except ValueError:
        return
    assert set(fields) >= set(IFMessage.create(HOME, **draft()).fields)


@given(st.binary(max_size=200), st.binary(max_size=70))
def test_no_bytes_make_the_parser_fail_in_another_way(body, signature):
    assert refusal(body, signature) is ReceiptStatus.MALFORMED


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


def test_the_export_names_every_field_and_reads_back():
    exported = json.loads(json.dumps(MESSAGE.export(HOME.public_key)))
    assert exported["signature"]["signed_fields"] == sorted(MESSAGE.fields)
    assert exported["signature"]["algorithm"] == "ed25519"
    assert IFMessage.from_export(exported) == MESSAGE
    assert IFMessage.from_export(dict(reversed(exported.items()))) == MESSAGE


def test_an_export_needs_the_sender_s_key():
    with pytest.raises(ValueError, match="not the sender's"):
        MESSAGE.export(STUDIO.public_key)


def _with_signature(**more):
    exported = MESSAGE.export(HOME.public_key)
    exported["signature"] |= more
    return exported


@pytest.mark.parametrize(
    "exported",
    [
        None,
        [],
        dict(MESSAGE.fields),
        MESSAGE.export(HOME.public_key) | {"signature": None},
        MESSAGE.export(HOME.public_key) | {"ttl": 301},
        MESSAGE.export(HOME.public_key) | {1: 2},
        MESSAGE.export(HOME.public_key) | {"content": {"a": float("nan")}},
        MESSAGE.export(HOME.public_key) | {"sender": agent_address(STUDIO.peer_id)},
        _with_signature(extra=1),
        _with_signature(algorithm="none"),
        _with_signature(algorithm=None),
        _with_signature(signed_fields=["content"]),
        _with_signature(signed_fields=None),
        _with_signature(signed_fields=[*sorted(MESSAGE.fields), "signature"]),
        _with_signature(public_key=5),
        _with_signature(public_key="ed25519:AAAA"),
        _with_signature(signature_bytes=MESSAGE.signature.hex()),
        _with_signature(signature_bytes="ed25519:" + MESSAGE.signature.hex().upper()),
        _with_signature(signature_bytes="ed25519:" + "0" * 128),
        _with_signature(
            public_key=IFMessage.create(STUDIO, **draft()).export(STUDIO.public_key)["signature"][
                "public_key"
            ]
        ),
    ],
)
def test_a_changed_export_is_refused(exported):
    with pytest.raises(MessageRefusedError):
        IFMessage.from_export(exported)


def test_leaving_a_signed_field_out_of_an_export_is_refused():
    for name in MESSAGE.fields:
        exported = MESSAGE.export(HOME.public_key)
        del exported[name]
        exported["signature"]["signed_fields"].remove(name)
        with pytest.raises(MessageRefusedError):
            IFMessage.from_export(exported)


def node_says(exported):
    script = Path(__file__).with_name("verify_message.mjs")
    return subprocess.run(
        [NODE, script],
        input=json.dumps(exported),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
def test_node_verifies_an_exported_message_with_its_own_crypto():
    message = IFMessage.create(
        HOME,
        **draft(
            content={
                "é\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"): [
                    1e21,
                    0.1,
                    -0.0,
                    1e-7,
                    '\u2028\x7f\x01"\\/',
                ],
                "ﬁ": None,
                "€": 1,
            }
        ),
    )
    done = node_says(message.export(HOME.public_key))
    assert done.stderr == ""
    assert (done.returncode, done.stdout.strip()) == (0, HOME.peer_id)


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"ttl": 301}, "the signature is wrong"),
        ({"extra": 1}, "not every field is signed"),
        ({"sender": agent_address(STUDIO.peer_id)}, "the key is not the sender's"),
    ],
)
def test_node_refuses_a_changed_message(more, reason):
    done = node_says(MESSAGE.export(HOME.public_key) | more)
    assert (done.returncode, done.stdout.strip()) == (1, reason)
