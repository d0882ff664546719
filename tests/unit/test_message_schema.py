"""The schema of a message lets nothing in that it does not name, whoever signed it."""

import copy
import hashlib

from hypothesis import example, given, settings, strategies as st
import pytest

from infrafabric.mesh.messages.message import (
    BROADCAST,
    IFMessage,
    agent_address,
)
from infrafabric.mesh.messages.schema import MAX_CITATIONS, MAX_RECEIVERS, validate
from infrafabric.mesh.model import ReceiptStatus

from .message_world import (
    HOME,
    MESSAGE,
    STUDIO,
    at,
    draft,
    refusal,
    signed_anew,
)

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
