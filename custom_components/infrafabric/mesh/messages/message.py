"""IFMessage v2.1: one signed message, made, checked and exported.

A message is a JSON object. Its RFC 8785 bytes are signed as they are and travel unchanged with
the raw Ed25519 signature (RFC 8032) beside them; nobody re-serialises what it did not write.
The export form is the same object with a ``signature`` member, which anyone can check: remove
``signature``, write the rest as RFC 8785, verify.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Self

import orjson

from ..encoding import b64decode, b64encode, canonical_json, hexdecode, is_plain, parse_json
from ..errors import InvalidError
from ..model import ReceiptStatus
from ..trust.identity import KEY_SIZE, SIGNATURE_SIZE, Identity, peer_id_of, verify_raw
from .envelope import common_members, envelope_of
from .schema import (
    AGENT,
    BROADCAST,
    CONVERSATION,
    DEFAULT_TTL,
    MAX_CONTENT,
    MAX_MESSAGE,
    ContentTooLargeError,
    validate,
)

__all__ = [
    "BROADCAST",
    "DEFAULT_TTL",
    "MAX_CONTENT",
    "MAX_MESSAGE",
    "IFMessage",
    "MessageRefusedError",
    "agent_address",
]

_NONCE_SIZE: Final = 12
_CONVERSATION_SIZE: Final = 16
_ED25519: Final = "ed25519:"


class MessageRefusedError(Exception):
    """A received message is not acceptable.

    Args:
        status: The receipt for it.
        detail: What is wrong, for a log; never copied from the message.

    """

    def __init__(self, status: ReceiptStatus, detail: str) -> None:
        """Keep the status and the detail."""
        super().__init__(detail)
        self.status = status
        self.detail = detail


def agent_address(peer_id: str) -> str:
    """Return the message address ``if://agent/<peer id>``."""
    return AGENT + peer_id


@lru_cache(maxsize=4096)
def _address_of(public_key: bytes) -> str:
    return AGENT + peer_id_of(public_key)


@lru_cache(maxsize=2)
def _second(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()[: -len("+00:00")]


def _written(now: float) -> str:
    # The little more than nothing is for what a double makes of a millisecond.
    seconds, milliseconds = divmod(int(now * 1000 + 0.001), 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def _changing_members(
    content: Mapping[str, Any],
    conversation_id: str,
    nonce: str,
    sequence: int,
    timestamp: str,
    trace_id: str | None,
) -> dict[str, Any]:
    members = {
        "content": content,
        "conversation_id": conversation_id,
        "nonce": nonce,
        "sequence_num": sequence,
        "timestamp": timestamp,
    }
    return members if trace_id is None else members | {"trace_id": trace_id}


def _check_canonical(fields: dict[str, Any], body: bytes) -> None:
    """Raise ValueError unless *body* is the RFC 8785 form of *fields*, which fit the schema."""
    # The schema leaves no room for anything that orjson writes in another way, but in these three.
    plain = (
        "hazard" not in fields
        and "provenance" not in fields
        and is_plain(fields["content"], depth=1)
    )
    written = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS) if plain else canonical_json(fields)
    if written != body:
        raise ValueError("JSON is not in canonical form")


def _checked_body(fields: Mapping[str, Any]) -> bytes:
    """Return the RFC 8785 bytes of a message, checked as its receiver will check them."""
    body = canonical_json(fields)
    parsed = orjson.loads(body)
    validate(parsed, len(body))
    # A float of 2**53 and above is written as an integer that nobody accepts.
    orjson.dumps(parsed, option=orjson.OPT_STRICT_INTEGER)
    return body


@dataclass(frozen=True, slots=True)
class IFMessage:
    """A message whose schema and signature were checked when it was made or parsed."""

    body: bytes
    """The exact RFC 8785 bytes that are signed."""
    signature: bytes = field(repr=False)
    """64 bytes, Ed25519 over ``body``."""
    timestamp: datetime = field(repr=False, compare=False)
    """When it was made (UTC)."""
    _parsed: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def create(
        cls,
        identity: Identity,
        receivers: Sequence[str],
        content: Mapping[str, Any],
        *,
        sequence: int,
        now: float,
        random: Callable[[int], bytes],
        performative: str = "inform",
        conversation_id: str | None = None,
        topic: str | None = None,
        protocol: str | None = None,
        trace_id: str | None = None,
        ttl: int = DEFAULT_TTL,
        mission_id: str = "default",
        workflow: str = "default",
        domain: str = "technical",
        priority: str = "medium",
        citation_ids: Sequence[str] = (),
        hazard: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make and sign a message.

        Args:
            identity: The sender.
            receivers: 1…256 addresses, ``if://agent/…``.
            content: A JSON object, up to 1 MiB as RFC 8785.
            sequence: 1…2**53 - 1, higher than in every earlier message of this sender.
            now: Unix time, seconds.
            random: Returns that many random bytes.
            performative: One of the FIPA-ACL performatives of the schema.
            conversation_id: ``if://conversation/…``; a new one when None.
            topic: ``if://topic/…``.
            protocol: ``fipa-request`` is what receivers assume when None.
            trace_id: 12 lower-case hexadecimal characters.
            ttl: 1…3600 seconds.
            mission_id: Part of the scope.
            workflow: Part of the scope.
            domain: legal, finance, markets, macro, technical or governance.
            priority: low, medium, high or critical.
            citation_ids: ``if://citation/…`` or ``cit:…``.
            hazard: See the schema.
            provenance: See the schema.

        Raises:
            InvalidError: ``message_invalid`` (details ``reason``) or ``message_too_large``.

        """
        conversation = (
            CONVERSATION + random(_CONVERSATION_SIZE).hex()
            if conversation_id is None
            else conversation_id
        )
        common = (
            _address_of(identity.public_key),
            tuple(receivers),
            performative,
            topic,
            protocol,
            ttl,
            mission_id,
            workflow,
            domain,
            priority,
            tuple(citation_ids),
        )
        timestamp = _written(now)
        changing = (conversation, random(_NONCE_SIZE).hex(), sequence, timestamp, trace_id)
        try:
            body = None
            # The envelopes are kept by equality, and True equals a ttl of 1.
            if hazard is None and provenance is None and type(ttl) is int:
                body = envelope_of(trace_id is not None, *common).fill(content, *changing)
            if body is None:
                fields = common_members(*common) | _changing_members(content, *changing)
                if hazard is not None:
                    fields["hazard"] = hazard
                if provenance is not None:
                    fields["provenance"] = provenance
                body = _checked_body(fields)
        except ContentTooLargeError as err:
            msg = f"The message is too large: {err}. Send less at once."
            raise InvalidError("message_too_large", msg) from err
        except (ValueError, TypeError, RecursionError, orjson.JSONEncodeError) as err:
            reason = str(err) or "nested too deeply"
            msg = f"The message is not valid: {reason}."
            raise InvalidError("message_invalid", msg, reason=reason) from err
        return cls(body, identity.sign_raw(body), datetime.fromisoformat(timestamp))

    @classmethod
    def parse(cls, body: bytes, signature: bytes, public_key: bytes) -> Self:
        """Check a received message completely, except for freshness and addressing.

        Args:
            body: The bytes as they came.
            signature: The raw signature as it came.
            public_key: The 32-byte key of the member that must have signed it.

        Raises:
            MessageRefusedError: ``TOO_LARGE``; ``MALFORMED``: not canonical JSON, or not the
                schema; ``BAD_SIGNATURE``: not signed with *public_key*, or the sender it names
                has another key.

        """
        if len(body) > MAX_MESSAGE:
            raise MessageRefusedError(ReceiptStatus.TOO_LARGE, "the message is too large")
        try:
            fields = parse_json(body)
            timestamp = validate(fields, len(body))
            _check_canonical(fields, body)
        except ContentTooLargeError as err:
            raise MessageRefusedError(ReceiptStatus.TOO_LARGE, str(err)) from err
        except ValueError as err:
            raise MessageRefusedError(ReceiptStatus.MALFORMED, str(err)) from err
        if fields["sender"] != _address_of(public_key):
            raise MessageRefusedError(
                ReceiptStatus.BAD_SIGNATURE, "the sender it names has another key"
            )
        if not verify_raw(public_key, body, signature):
            raise MessageRefusedError(ReceiptStatus.BAD_SIGNATURE, "the signature is wrong")
        return cls(body, signature, timestamp, fields)

    @classmethod
    def from_export(cls, exported: object) -> Self:
        """Read and check the export form; the sender's address vouches for the key in it.

        Raises:
            MessageRefusedError: As ``parse``; ``MALFORMED`` also for a signature object that
                does not name every other field.

        """
        try:
            fields, key, signature = _split_export(exported)
            body = canonical_json(fields)
        except ValueError as err:
            raise MessageRefusedError(ReceiptStatus.MALFORMED, str(err)) from err
        return cls.parse(body, signature, key)

    def export(self, public_key: bytes) -> dict[str, Any]:
        """Return a new JSON object: every field and the ``signature`` object.

        Args:
            public_key: The sender's key, as its membership record has it.

        Raises:
            ValueError: The key is not the sender's.

        """
        if _address_of(public_key) != self.fields["sender"]:
            msg = "the key is not the sender's"
            raise ValueError(msg)
        fields: dict[str, Any] = orjson.loads(self.body)
        signed_fields = sorted(fields)
        fields["signature"] = {
            "algorithm": "ed25519",
            "public_key": _ED25519 + b64encode(public_key),
            "signature_bytes": _ED25519 + self.signature.hex(),
            "signed_fields": signed_fields,
        }
        return fields

    def addressed_to(self, peer_id: str) -> bool:
        """Tell whether *peer_id* is a receiver, by name or by a wildcard such as ``…agent/*``."""
        address = AGENT + peer_id
        return self.fields["receiver"] == address or any(
            receiver == address or (receiver[-1] == "*" and address.startswith(receiver[:-1]))
            for receiver in self.receivers
        )

    @property
    def fields(self) -> Mapping[str, Any]:
        """The parsed body; treat it as read-only."""
        parsed = self._parsed
        if parsed is None:
            # Whoever sends a message seldom reads it.
            parsed = orjson.loads(self.body)
            object.__setattr__(self, "_parsed", parsed)
        return parsed

    @property
    def sender(self) -> str:
        """Peer id of the sender."""
        return str(self.fields["sender"][len(AGENT) :])

    @property
    def receivers(self) -> tuple[str, ...]:
        """Addresses (``if://agent/…``), at least one."""
        receiver = self.fields["receiver"]
        return (receiver,) if isinstance(receiver, str) else tuple(receiver)

    @property
    def performative(self) -> str:
        """FIPA-ACL performative."""
        return str(self.fields["performative"])

    @property
    def conversation_id(self) -> str:
        """``if://conversation/…``."""
        return str(self.fields["conversation_id"])

    @property
    def topic(self) -> str | None:
        """``if://topic/…``, or None."""
        return self.fields.get("topic")

    @property
    def content(self) -> Mapping[str, Any]:
        """The JSON object the sender wanted to say; untrusted."""
        content: Mapping[str, Any] = self.fields["content"]
        return content

    @property
    def sequence_num(self) -> int:
        """1…2**53 - 1, rising per sender."""
        return int(self.fields["sequence_num"])

    @property
    def nonce(self) -> str:
        """24 hexadecimal characters."""
        return str(self.fields["nonce"])

    @property
    def ttl(self) -> int:
        """Seconds after ``timestamp`` that the message is worth reading, 1…3600."""
        return int(self.fields["ttl"])

    @property
    def trace_id(self) -> str | None:
        """12 hexadecimal characters, or None."""
        return self.fields.get("trace_id")

    @property
    def scope(self) -> Mapping[str, str]:
        """``mission_id``, ``workflow``, ``domain`` and perhaps ``priority``."""
        scope: Mapping[str, str] = self.fields["scope"]
        return scope


def _split_export(exported: object) -> tuple[dict[str, Any], bytes, bytes]:
    """Return fields, public key and signature of an exported message (ValueError if not one)."""
    if not isinstance(exported, dict):
        msg = "not an object"
        raise ValueError(msg)
    fields = dict(exported)
    signature = fields.pop("signature", None)
    if not isinstance(signature, dict) or signature.keys() != {
        "algorithm",
        "public_key",
        "signature_bytes",
        "signed_fields",
    }:
        msg = "signature: missing, or not the four members it must have"
        raise ValueError(msg)
    if signature["algorithm"] != "ed25519":
        msg = "signature.algorithm: not ed25519"
        raise ValueError(msg)
    if not all(isinstance(name, str) for name in fields) or signature["signed_fields"] != sorted(
        fields
    ):
        msg = "signature.signed_fields: not the sorted list of all other fields"
        raise ValueError(msg)
    return (
        fields,
        b64decode(_unprefixed(signature["public_key"]), KEY_SIZE),
        hexdecode(_unprefixed(signature["signature_bytes"]), SIGNATURE_SIZE),
    )


def _unprefixed(text: object) -> str:
    if not isinstance(text, str) or not text.startswith(_ED25519):
        msg = "signature: not prefixed with ed25519:"
        raise ValueError(msg)
    return text.removeprefix(_ED25519)
