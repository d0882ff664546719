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

from ..encoding import b64decode, b64encode, canonical_json, hexdecode, parse_canonical_json
from ..errors import InvalidError
from ..model import ReceiptStatus
from ..trust.identity import KEY_SIZE, SIGNATURE_SIZE, Identity, PublicIdentity, peer_id_of
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


@dataclass(frozen=True, slots=True)
class IFMessage:
    """A message whose schema and signature were checked when it was made or parsed."""

    body: bytes
    """The exact RFC 8785 bytes that are signed."""
    signature: bytes = field(repr=False)
    """64 bytes, Ed25519 over ``body``."""
    fields: Mapping[str, Any] = field(repr=False, compare=False)
    """The parsed body; treat it as read-only."""
    timestamp: datetime = field(repr=False, compare=False)
    """When it was made (UTC)."""

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
        fields: dict[str, Any] = {
            "content": content,
            "conversation_id": conversation_id
            if conversation_id is not None
            else CONVERSATION + random(_CONVERSATION_SIZE).hex(),
            "nonce": random(_NONCE_SIZE).hex(),
            "performative": performative,
            "receiver": receivers[0] if len(receivers) == 1 else list(receivers),
            "scope": {
                "domain": domain,
                "mission_id": mission_id,
                "priority": priority,
                "workflow": workflow,
            },
            "sender": _address_of(identity.public_key),
            "sequence_num": sequence,
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")[:-6]
            + "Z",
            "ttl": ttl,
        }
        if topic is not None:
            fields["topic"] = topic
        if protocol is not None:
            fields["protocol"] = protocol
        if trace_id is not None:
            fields["trace_id"] = trace_id
        if citation_ids:
            fields["citation_ids"] = list(citation_ids)
        if hazard is not None:
            fields["hazard"] = hazard
        if provenance is not None:
            fields["provenance"] = provenance
        try:
            body = canonical_json(fields)
            # Read back, so that nothing is shared with the caller and what is checked is what
            # the receiver will read.
            fields = orjson.loads(body)
            timestamp = validate(fields, len(body))
            # A float of 2**53 and above is written as an integer that nobody accepts.
            orjson.dumps(fields, option=orjson.OPT_STRICT_INTEGER)
        except ContentTooLargeError as err:
            msg = f"The message is too large: {err}. Send less at once."
            raise InvalidError("message_too_large", msg) from err
        except (ValueError, RecursionError, orjson.JSONEncodeError) as err:
            reason = str(err) or "nested too deeply"
            msg = f"The message is not valid: {reason}."
            raise InvalidError("message_invalid", msg, reason=reason) from err
        return cls(body, identity.sign_raw(body), fields, timestamp)

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
            fields = parse_canonical_json(body)
            timestamp = validate(fields, len(body))
        except ContentTooLargeError as err:
            raise MessageRefusedError(ReceiptStatus.TOO_LARGE, str(err)) from err
        except ValueError as err:
            raise MessageRefusedError(ReceiptStatus.MALFORMED, str(err)) from err
        if fields["sender"] != _address_of(public_key):
            raise MessageRefusedError(
                ReceiptStatus.BAD_SIGNATURE, "the sender it names has another key"
            )
        if len(signature) != SIGNATURE_SIZE or not PublicIdentity(public_key).verify_raw(
            body, signature
        ):
            raise MessageRefusedError(ReceiptStatus.BAD_SIGNATURE, "the signature is wrong")
        return cls(body, signature, fields, timestamp)

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
        return any(
            receiver == address or (receiver[-1] == "*" and address.startswith(receiver[:-1]))
            for receiver in self.receivers
        )

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
