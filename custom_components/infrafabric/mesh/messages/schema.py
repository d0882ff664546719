"""The IFMessage v2.1 schema as hand-written checks: one pass, no unknown member anywhere.

A generic JSON Schema validator takes some hundred microseconds per message, more than the
signature; these take a few.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
import hashlib
import math
import re
from typing import Final

from ..encoding import MAX_SAFE_INTEGER, canonical_json

AGENT: Final = "if://agent/"
BROADCAST: Final = "if://agent/*"
CONVERSATION: Final = "if://conversation/"

MAX_CONTENT: Final = 1 << 20
"""Largest content, bytes as RFC 8785."""
MAX_MESSAGE: Final = MAX_CONTENT + (16 << 10)
"""Largest message body, bytes."""
MAX_RECEIVERS: Final = 256
MAX_CITATIONS: Final = 64
MAX_TTL: Final = 3600
DEFAULT_TTL: Final = 300

PERFORMATIVES: Final = frozenset(
    (
        "request",
        "inform",
        "agree",
        "refuse",
        "query-if",
        "query-ref",
        "contradict",
        "escalate",
        "share",
        "hold",
    )
)
DOMAINS: Final = frozenset(("legal", "finance", "markets", "macro", "technical", "governance"))
PRIORITIES: Final = frozenset(("low", "medium", "high", "critical"))
HAZARDS: Final = frozenset(("legal", "safety", "conflict", "ethical", "privacy"))


class _Repeated:
    """A pattern whose strings come again and again: the last answers are remembered."""

    def __init__(self, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.fullmatch = lru_cache(maxsize=512)(re.compile(pattern, flags).fullmatch)


# Lengths are inside the patterns, so that each string is walked once.
_URI: Final = r"[!-~]{1,200}"
_RECEIVER: Final = _Repeated(
    r"(?=.{1,256}\Z)if://agent/(?:[\w.~%:@-]+/)*(?:[\w.~%:@-]+|\*)", re.ASCII
)
_CONVERSATION: Final = re.compile(f"if://conversation/{_URI}")
_TOPIC: Final = re.compile(f"if://topic/{_URI}")
_CITATION: Final = re.compile(f"(?:if://citation/|cit:){_URI}")
# One line of text without control characters, surrogates or the two Unicode line separators.
_LINE: Final = _Repeated(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,128}")
_RATIONALE: Final = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]{1,2048}")
_NONCE: Final = re.compile(r"[0-9a-f]{24}")
_TRACE_ID: Final = re.compile(r"[0-9a-f]{12}")
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|\+00:00)"
)

_REQUIRED: Final = frozenset(
    (
        "performative",
        "sender",
        "receiver",
        "conversation_id",
        "content",
        "timestamp",
        "sequence_num",
        "nonce",
        "ttl",
        "scope",
    )
)


class ContentTooLargeError(ValueError):
    """The content, or the message as a whole, is over its limit."""


def _refuse(name: str, rule: str) -> ValueError:
    return ValueError(f"{name}: {rule}")


def _matches(name: str, pattern: re.Pattern[str] | _Repeated, value: object) -> None:
    if type(value) is not str or pattern.fullmatch(value) is None:
        raise _refuse(name, "not a string of the required form")


def _one_of(name: str, values: frozenset[str], value: object) -> None:
    if type(value) is not str or value not in values:
        raise _refuse(name, "not one of the allowed values")


def is_conversation(value: object) -> bool:
    """Tell whether *value* may be a ``conversation_id``."""
    return type(value) is str and _CONVERSATION.fullmatch(value) is not None


def is_trace_id(value: object) -> bool:
    """Tell whether *value* may be a ``trace_id``."""
    return type(value) is str and _TRACE_ID.fullmatch(value) is not None


def _integer(name: str, low: int, high: int, value: object) -> None:
    if type(value) is not int or not low <= value <= high:
        raise _refuse(name, f"not an integer from {low} to {high}")


def _number(name: str, high: float, value: object) -> None:
    if type(value) not in (int, float) or not 0 <= value <= high:  # type: ignore[operator]
        raise _refuse(name, "not a number in its range")


def _object(
    name: str,
    value: object,
    required: frozenset[str],
    checks: Mapping[str, Callable[[object], None]],
) -> None:
    if type(value) is not dict:
        raise _refuse(name, "not an object")
    if not required <= value.keys():
        raise _refuse(name, "a required member is missing")
    for key, item in value.items():
        check = checks.get(key)
        if check is None:
            raise _refuse(name, "an unknown member")
        check(item)


def _topic(value: object) -> None:
    _matches("topic", _TOPIC, value)


def _protocol(value: object) -> None:
    _matches("protocol", _LINE, value)


def _trace_id(value: object) -> None:
    _matches("trace_id", _TRACE_ID, value)


def _citation_ids(value: object) -> None:
    if type(value) is not list or len(value) > MAX_CITATIONS:
        raise _refuse("citation_ids", f"not a list of at most {MAX_CITATIONS}")
    for citation in value:
        _matches("citation_ids", _CITATION, citation)


def _line(name: str) -> Callable[[object], None]:
    return lambda value: _matches(name, _LINE, value)


def _auto_escalate(value: object) -> None:
    if type(value) is not bool:
        raise _refuse("hazard.auto_escalate", "not a boolean")


_THRESHOLD_CHECKS: Final[Mapping[str, Callable[[object], None]]] = {
    "original_confidence": lambda value: _number("hazard.threshold_override", 1, value),
    "reason": lambda value: _matches("hazard.threshold_override", _RATIONALE, value),
}
_HAZARD_CHECKS: Final[Mapping[str, Callable[[object], None]]] = {
    "type": lambda value: _one_of("hazard.type", HAZARDS, value),
    "severity": lambda value: _one_of("hazard.severity", PRIORITIES, value),
    "auto_escalate": _auto_escalate,
    "rationale": lambda value: _matches("hazard.rationale", _RATIONALE, value),
    "threshold_override": lambda value: _object(
        "hazard.threshold_override",
        value,
        frozenset(("original_confidence", "reason")),
        _THRESHOLD_CHECKS,
    ),
}
_PROVENANCE_CHECKS: Final[Mapping[str, Callable[[object], None]]] = {
    "commit": _line("provenance.commit"),
    "version": _line("provenance.version"),
    "model": _line("provenance.model"),
    "cost_usd": lambda value: _number("provenance.cost_usd", math.inf, value),
    "tokens_used": lambda value: _integer("provenance.tokens_used", 0, MAX_SAFE_INTEGER, value),
}


def _hazard(value: object) -> None:
    _object("hazard", value, frozenset(("type", "severity")), _HAZARD_CHECKS)


def _provenance(value: object) -> None:
    _object("provenance", value, frozenset(), _PROVENANCE_CHECKS)


def _checked_elsewhere(_value: object) -> None:
    """Stand in for a member that ``validate`` checks against another one."""


_OPTIONAL: Final[Mapping[str, Callable[[object], None]]] = {
    "topic": _topic,
    "protocol": _protocol,
    "trace_id": _trace_id,
    "citation_ids": _citation_ids,
    "hazard": _hazard,
    "provenance": _provenance,
    "topic_hash": _checked_elsewhere,
}


def _check_receiver(value: object) -> None:
    if type(value) is list:
        if not 1 <= len(value) <= MAX_RECEIVERS:
            raise _refuse("receiver", f"not 1 to {MAX_RECEIVERS} addresses")
        for receiver in value:
            _matches("receiver", _RECEIVER, receiver)
        if len(set(value)) != len(value):
            raise _refuse("receiver", "an address is named twice")
    else:
        _matches("receiver", _RECEIVER, value)


def _check_scope(value: object) -> None:
    if type(value) is not dict:
        raise _refuse("scope", "not an object")
    count = 3
    if "priority" in value:
        count = 4
        _one_of("scope.priority", PRIORITIES, value["priority"])
    _matches("scope.mission_id", _LINE, value.get("mission_id"))
    _matches("scope.workflow", _LINE, value.get("workflow"))
    _one_of("scope.domain", DOMAINS, value.get("domain"))
    if len(value) != count:
        raise _refuse("scope", "an unknown member")


def _timestamp(value: object) -> datetime:
    if type(value) is not str or _TIMESTAMP.fullmatch(value) is None:
        raise _refuse("timestamp", "not a string of the required form")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _refuse("timestamp", "no such date") from None
    # Python 3.14 reads 24:00 as the next midnight; the format has one spelling for that.
    if value[11:13] == "24" or moment.tzinfo is not UTC:
        raise _refuse("timestamp", "no such time")
    return moment


def validate(fields: object, size: int) -> datetime:
    """Check *fields*, the parsed JSON of a message body of *size* bytes.

    Returns:
        The message's timestamp.

    Raises:
        ContentTooLargeError: Content or message over the limit.
        ValueError: Not the schema; the text names the field and never quotes the value.

    """
    if size > MAX_MESSAGE:
        msg = f"more than {MAX_MESSAGE} bytes"
        raise ContentTooLargeError(msg)
    if type(fields) is not dict:
        raise _refuse("message", "not an object")
    keys = fields.keys()
    if not keys >= _REQUIRED:
        raise _refuse("message", "a required field is missing")
    if len(keys) != len(_REQUIRED):
        for name in keys - _REQUIRED:
            check = _OPTIONAL.get(name)
            if check is None:
                raise _refuse("message", "an unknown field")
            check(fields[name])
    _one_of("performative", PERFORMATIVES, fields["performative"])
    # Which agent it is, the signature's key says; so no pattern is needed here.
    if type(fields["sender"]) is not str:
        raise _refuse("sender", "not a string")
    _check_receiver(fields["receiver"])
    conversation_id = fields["conversation_id"]
    _matches("conversation_id", _CONVERSATION, conversation_id)
    _integer("sequence_num", 1, MAX_SAFE_INTEGER, fields["sequence_num"])
    _matches("nonce", _NONCE, fields["nonce"])
    _integer("ttl", 1, MAX_TTL, fields["ttl"])
    _check_scope(fields["scope"])
    content = fields["content"]
    if type(content) is not dict:
        raise _refuse("content", "not an object")
    if size > MAX_CONTENT and len(canonical_json(content)) > MAX_CONTENT:
        msg = f"content of more than {MAX_CONTENT} bytes"
        raise ContentTooLargeError(msg)
    if "topic_hash" in keys:
        expected = "sha256:" + hashlib.sha256(conversation_id.encode()).hexdigest()
        if fields["topic_hash"] != expected:
            raise _refuse("topic_hash", "not the hash of the conversation_id")
    return _timestamp(fields["timestamp"])
