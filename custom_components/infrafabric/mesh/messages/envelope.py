"""What stays the same from one message to the next, checked once and written once.

A node says many things in the same way to the same peers. What changes is the content and five
short members. Everything around them is validated and put into its RFC 8785 form when it is first
used; afterwards the rest is only filled in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

import orjson

from ..encoding import MAX_SAFE_INTEGER, canonical_json, plain_json
from .schema import CONVERSATION, is_conversation, is_trace_id, validate

PLAIN_CONTENT: Final = 64 * 1024
"""Bytes of content up to which nothing but its form needs a look."""

_NONCE: Final = "0" * 24
_TIMESTAMP: Final = "2026-01-01T00:00:00.000Z"
_TRACE_ID: Final = "0" * 12


@dataclass(frozen=True, slots=True)
class Envelope:
    """The text of a message in pieces; the members that change go between them."""

    to_content: bytes
    to_conversation: bytes
    to_nonce: bytes
    to_sequence: bytes
    to_timestamp: bytes
    to_trace: bytes
    end: bytes
    traced: bool

    @classmethod
    def make(cls, fields: dict[str, Any], *, traced: bool) -> Self:
        """Check the members that stay the same and write the pieces.

        Args:
            fields: These members. Not ``content``, ``conversation_id``, ``nonce``,
                ``sequence_num``, ``timestamp``, ``trace_id``: they change. Nor ``hazard`` and
                ``provenance``, which stand between others and are rare.
            traced: Whether there is a ``trace_id``.

        Raises:
            ValueError: They do not fit the schema.

        """
        sample = {
            "content": {},
            "conversation_id": CONVERSATION + "0",
            "nonce": _NONCE,
            "sequence_num": 1,
            "timestamp": _TIMESTAMP,
            **fields,
        }
        if traced:
            sample["trace_id"] = _TRACE_ID
        body = canonical_json(sample)
        validate(orjson.loads(body), len(body))

        def piece(*names: str) -> bytes:
            members = canonical_json({name: fields[name] for name in names if name in fields})
            return members[1:-1] + b"," if len(members) > len("{}") else b""

        envelope = cls(
            b"{" + piece("citation_ids") + b'"content":',
            b',"conversation_id":',
            b',"nonce":"',
            b'",'
            + piece("performative", "protocol", "receiver", "scope", "sender")
            + b'"sequence_num":',
            b',"timestamp":"',
            b'",' + piece("topic") + (b'"trace_id":"' if traced else b""),
            (b'",' if traced else b"") + piece("ttl")[:-1] + b"}",
            traced,
        )
        filled = envelope.fill({}, CONVERSATION + "0", _NONCE, 1, _TIMESTAMP, _TRACE_ID)
        if filled != body:
            raise ValueError("the message cannot be filled in")
        return envelope

    def fill(
        self,
        content: Mapping[str, Any],
        conversation_id: str,
        nonce: str,
        sequence: int,
        timestamp: str,
        trace_id: str | None,
    ) -> bytes | None:
        """Return the RFC 8785 text of a message, or None: then it must be made step by step.

        Args:
            content: A JSON object.
            conversation_id: ``if://conversation/…``.
            nonce: 24 lower-case hexadecimal characters.
            sequence: The number.
            timestamp: ``YYYY-MM-DDThh:mm:ss.sssZ``.
            trace_id: 12 lower-case hexadecimal characters if the envelope is traced.

        Raises:
            ValueError: The content cannot be written.

        """
        text = plain_json(content, depth=1)
        if (
            text is None
            or len(text) > PLAIN_CONTENT
            or type(content) is not dict
            or type(sequence) is not int
            or not 1 <= sequence <= MAX_SAFE_INTEGER
            or not is_conversation(conversation_id)
            or (self.traced and not is_trace_id(trace_id))
        ):
            return None
        return b"".join(
            (
                self.to_content,
                text,
                self.to_conversation,
                orjson.dumps(conversation_id),
                self.to_nonce,
                nonce.encode("ascii"),
                self.to_sequence,
                b"%d" % sequence,
                self.to_timestamp,
                timestamp.encode("ascii"),
                self.to_trace,
                trace_id.encode("ascii") if self.traced and trace_id is not None else b"",
                self.end,
            )
        )


def common_members(
    sender: str,
    receivers: tuple[str, ...],
    performative: str,
    topic: str | None,
    protocol: str | None,
    ttl: int,
    mission_id: str,
    workflow: str,
    domain: str,
    priority: str,
    citation_ids: tuple[str, ...],
) -> dict[str, Any]:
    """Return the members that an envelope has."""
    members: dict[str, Any] = {
        "performative": performative,
        "receiver": receivers[0] if len(receivers) == 1 else list(receivers),
        "scope": {
            "domain": domain,
            "mission_id": mission_id,
            "priority": priority,
            "workflow": workflow,
        },
        "sender": sender,
        "ttl": ttl,
    }
    if topic is not None:
        members["topic"] = topic
    if protocol is not None:
        members["protocol"] = protocol
    if citation_ids:
        members["citation_ids"] = list(citation_ids)
    return members


@lru_cache(maxsize=256)
def envelope_of(traced: bool, *common: Any) -> Envelope:  # noqa: FBT001 - part of the cache's key
    """Return the envelope of such messages (*common*: as ``common_members``).

    Raises:
        ValueError: They do not fit the schema.
        TypeError: One of them cannot be hashed, so it is of no allowed type.

    """
    return Envelope.make(common_members(*common), traced=traced)
