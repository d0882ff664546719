"""A message that is filled in is the one that is made step by step."""

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.encoding import MAX_DEPTH, MAX_SAFE_INTEGER, canonical_json
from infrafabric.mesh.errors import InvalidError
from infrafabric.mesh.messages.envelope import PLAIN_CONTENT, Envelope, envelope_of
from infrafabric.mesh.messages.message import IFMessage, agent_address
from infrafabric.mesh.messages.schema import PERFORMATIVES

from .message_world import HOME, NOW, STUDIO, draft, fixed

LINE = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def outcome(more):
    try:
        return IFMessage.create(HOME, **draft(**more)).body
    except InvalidError as err:
        return err.code, err.details


@given(
    content=st.dictionaries(st.text(), JSON, max_size=3),
    more=st.fixed_dictionaries(
        {},
        optional={
            "receivers": st.just(["if://agent/*", agent_address(STUDIO.peer_id)]),
            "performative": st.sampled_from(sorted(PERFORMATIVES)) | st.text(),
            "conversation_id": PRINTABLE.map("if://conversation/".__add__) | st.text(),
            "topic": PRINTABLE.map("if://topic/".__add__) | st.text(),
            "protocol": LINE,
            "trace_id": st.from_regex("[0-9a-f]{12}", fullmatch=True) | st.text(),
            "ttl": st.integers(-1, 3602) | st.booleans(),
            "mission_id": LINE | st.text(),
            "workflow": LINE,
            "domain": st.sampled_from(["legal", "technical", "none"]),
            "priority": st.sampled_from(["low", "critical", "none"]),
            "citation_ids": st.lists(PRINTABLE.map("cit:".__add__), max_size=3),
            "sequence": st.sampled_from([0, 1, MAX_SAFE_INTEGER, MAX_SAFE_INTEGER + 1, True, 1.0]),
            "now": st.floats(0, 4e9),
        },
    ),
)
def test_filled_in_or_made_step_by_step_a_message_is_the_same(content, more) -> None:
    with pytest.MonkeyPatch.context() as patch:
        quick = outcome({"content": content, **more})
        patch.setattr(Envelope, "fill", lambda *_: None)
        assert outcome({"content": content, **more}) == quick
    if isinstance(quick, bytes):
        message = IFMessage.parse(quick, HOME.sign_raw(quick), HOME.public_key)
        assert canonical_json(dict(message.fields)) == quick


def test_an_ordinary_message_is_filled_in(monkeypatch) -> None:
    monkeypatch.setattr("infrafabric.mesh.messages.message.canonical_json", None)
    for more in ({}, {"trace_id": "0" * 12}, {"conversation_id": "if://conversation/\"'\\"}):
        IFMessage.create(HOME, **draft(content={"a": [1, {"b": None}]}, **more))


@pytest.mark.parametrize(
    "content",
    [{"a": 0.5}, {"é": 1}, {"a": "x" * PLAIN_CONTENT}, {"a": MAX_SAFE_INTEGER + 1}],
    ids=["float", "key", "large", "integer"],
)
def test_what_is_not_plain_is_not_filled_in(content) -> None:
    common = (HOME.peer_id, (agent_address(STUDIO.peer_id),), "inform", None, None, 300)
    envelope = envelope_of(False, *common, "default", "default", "technical", "medium", ())
    changing = ("if://conversation/1", "0" * 24, 1, "2026-01-01T00:00:00.000Z", None)
    assert envelope.fill({}, *changing) is not None
    assert envelope.fill(content, *changing) is None


def test_nesting_counts_from_the_message() -> None:
    content: dict = {}
    for _ in range(MAX_DEPTH - 1):
        content = {"a": content}
    IFMessage.create(HOME, **draft(content=content))
    with pytest.raises(InvalidError, match="nested too deeply"):
        IFMessage.create(HOME, **draft(content={"a": content}))


def test_a_truth_value_is_no_time_to_live_even_after_one_second_was() -> None:
    IFMessage.create(HOME, **draft(ttl=1))
    with pytest.raises(InvalidError):
        IFMessage.create(HOME, **draft(ttl=True))


def test_times_are_written_to_the_millisecond() -> None:
    for now, text in (
        (NOW, "2027-01-15T08:00:00.250Z"),
        (NOW + 0.039, "2027-01-15T08:00:00.289Z"),
        (0.0, "1970-01-01T00:00:00.000Z"),
    ):
        made = IFMessage.create(HOME, [agent_address("a")], {}, sequence=1, now=now, random=fixed)
        assert made.fields["timestamp"] == text
        assert made.timestamp.isoformat(timespec="milliseconds")[:-6] + "Z" == text
