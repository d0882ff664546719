"""Standard Webhooks signatures: symmetric ``v1`` (HMAC-SHA256) and asymmetric ``v1a`` (Ed25519).

After the Standard Webhooks specification 1.0.0 (https://www.standardwebhooks.com), sections
"Signature scheme" and "Verifying signatures". What is signed is ``<id>.<timestamp>.<body>`` over
the body's bytes as they travel. No clock and no randomness of its own: both are passed in.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import hashlib
import hmac
import re
from typing import Final, Protocol

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey as Ed25519Key, VerifyKey as Ed25519PublicKey

HEADER_ID: Final = "webhook-id"
HEADER_TIMESTAMP: Final = "webhook-timestamp"
HEADER_SIGNATURE: Final = "webhook-signature"

TIMESTAMP_TOLERANCE: Final = 300
"""Seconds a message may be old, or ahead of this clock; what the reference libraries allow."""

MIN_SECRET: Final = 24
"""Bytes of a symmetric secret at least, after the specification."""
MAX_SECRET: Final = 64
"""Bytes of a symmetric secret at most, after the specification."""
ED25519_KEY: Final = 32
"""Bytes of an Ed25519 seed and of a public key (RFC 8032, section 5.1.5)."""

MAX_ID: Final = 128
"""Characters of a message's id; it is remembered, so it is bounded."""
MAX_SIGNATURES: Final = 8
"""Signatures in one header; a sender that rotates keys needs two or three."""

_ID: Final = re.compile(rf"[A-Za-z0-9_.:-]{{1,{MAX_ID}}}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


class WebhookError(Exception):
    """A message is not genuine, or a key is not one.

    Args:
        code: ``missing_header``, ``bad_id``, ``bad_timestamp``, ``too_old``, ``too_new``,
            ``bad_signature`` or ``bad_key``.
        text: One English sentence. Never a key.

    """

    def __init__(self, code: str, text: str) -> None:
        """Keep the code beside the text."""
        super().__init__(text)
        self.code = code


class Signer(Protocol):
    """What signs messages."""

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return one entry for the header ``webhook-signature``."""


class Verifier(Protocol):
    """What tells genuine signatures."""

    def accepts(self, version: str, signature: bytes, signed: bytes) -> bool:
        """Tell, in constant time, whether *signature* of that version fits *signed*."""


@dataclass(frozen=True, slots=True)
class SymmetricKey:
    """A secret that both sides know: ``whsec_`` and base64 of 24 to 64 bytes."""

    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> SymmetricKey:
        """Read a secret; raise ``WebhookError`` (``bad_key``) if it is none."""
        secret = _decoded(text, "whsec_")
        if not MIN_SECRET <= len(secret) <= MAX_SECRET:
            raise WebhookError("bad_key", f"A secret has {MIN_SECRET} to {MAX_SECRET} bytes.")
        return cls(secret)

    def text(self) -> str:
        """Return the secret as it is handed over."""
        return "whsec_" + base64.b64encode(self.secret).decode()

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return ``v1,`` and the base64 of the HMAC."""
        return (
            "v1," + base64.b64encode(self._mac(signed_bytes(message_id, timestamp, body))).decode()
        )

    def accepts(self, version: str, signature: bytes, signed: bytes) -> bool:
        """Tell whether a ``v1`` signature is genuine."""
        return version == "v1" and hmac.compare_digest(signature, self._mac(signed))

    def _mac(self, signed: bytes) -> bytes:
        return hmac.digest(self.secret, signed, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that only the sender knows: ``whsk_`` and base64 of an Ed25519 seed."""

    seed: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> PrivateKey:
        """Read a private key; raise ``WebhookError`` (``bad_key``) if it is none."""
        seed = _decoded(text, "whsk_")
        if len(seed) != ED25519_KEY:
            raise WebhookError("bad_key", f"A private key has {ED25519_KEY} bytes.")
        return cls(seed)

    def text(self) -> str:
        """Return the key as it is stored."""
        return "whsk_" + base64.b64encode(self.seed).decode()

    @property
    def public(self) -> PublicKey:
        """What receivers verify with."""
        return PublicKey(bytes(Ed25519Key(self.seed).verify_key))

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return ``v1a,`` and the base64 of the Ed25519 signature."""
        signed = signed_bytes(message_id, timestamp, body)
        return "v1a," + base64.b64encode(Ed25519Key(self.seed).sign(signed).signature).decode()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a ``PrivateKey``: ``whpk_`` and base64 of 32 bytes."""

    key: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read a public key; raise ``WebhookError`` (``bad_key``) if it is none."""
        key = _decoded(text, "whpk_")
        if len(key) != ED25519_KEY:
            raise WebhookError("bad_key", f"A public key has {ED25519_KEY} bytes.")
        return cls(key)

    def text(self) -> str:
        """Return the key as it is handed over."""
        return "whpk_" + base64.b64encode(self.key).decode()

    def accepts(self, version: str, signature: bytes, signed: bytes) -> bool:
        """Tell whether a ``v1a`` signature is genuine."""
        if version != "v1a":
            return False
        try:
            Ed25519PublicKey(self.key).verify(signed, signature)
        except BadSignatureError, ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Verified:
    """What a genuine message's headers say.

    Attributes:
        message_id: The sender's id of it: the same one in every attempt to deliver it.
        timestamp: Unix seconds when the sender signed this attempt.

    """

    message_id: str
    timestamp: int


def signed_bytes(message_id: str, timestamp: int, body: bytes) -> bytes:
    """Return what a signature covers."""
    return b"%s.%d.%s" % (message_id.encode(), timestamp, body)


def signed_headers(
    message_id: str, timestamp: int, body: bytes, signers: Iterable[Signer]
) -> dict[str, str]:
    """Return the three headers; with several signers, receivers can change keys one by one."""
    entries = [signer.sign(message_id, timestamp, body) for signer in signers]
    return {
        HEADER_ID: message_id,
        HEADER_TIMESTAMP: str(timestamp),
        HEADER_SIGNATURE: " ".join(entries),
    }


def verify(
    headers: Mapping[str, str], body: bytes, verifiers: Iterable[Verifier], now: float
) -> Verified:
    """Check a message against every key that is accepted at the moment.

    Args:
        headers: Of the request; names in lower case, or a mapping that ignores case.
        body: Its bytes as they came.
        verifiers: The keys; two while they are being changed.
        now: Unix seconds.

    Raises:
        WebhookError: It is not genuine, or not of now.

    """
    try:
        message_id, stamp, signatures = (
            headers[name] for name in (HEADER_ID, HEADER_TIMESTAMP, HEADER_SIGNATURE)
        )
    except KeyError as err:
        raise WebhookError("missing_header", f"The header {err.args[0]} is missing.") from None
    if not _ID.fullmatch(message_id):
        raise WebhookError("bad_id", f"{HEADER_ID} has other characters, or too many.")
    if not _TIMESTAMP.fullmatch(stamp):
        raise WebhookError("bad_timestamp", f"{HEADER_TIMESTAMP} is no number of seconds.")
    timestamp = int(stamp)
    # The timestamp is signed as it was written; another spelling of the number is another message.
    signed = b"%s.%s.%s" % (message_id.encode(), stamp.encode(), body)
    keys = list(verifiers)
    genuine = [
        key.accepts(version, signature, signed)
        for version, signature in _entries(signatures)
        for key in keys
    ]
    if not any(genuine):
        raise WebhookError("bad_signature", "No signature fits the message and the key.")
    # Only now: who has no key learns nothing about this clock.
    if timestamp < now - TIMESTAMP_TOLERANCE:
        raise WebhookError("too_old", "The message was signed too long ago.")
    if timestamp > now + TIMESTAMP_TOLERANCE:
        raise WebhookError("too_new", "The message was signed in the future: check both clocks.")
    return Verified(message_id, timestamp)


def _entries(header: str) -> list[tuple[str, bytes]]:
    """Return version and signature of each entry that has the form of one, the first few only."""
    found = []
    for entry in header.split(" ")[:MAX_SIGNATURES]:
        version, _, signature = entry.partition(",")
        try:
            found.append((version, base64.b64decode(signature, validate=True)))
        except binascii.Error, ValueError:
            continue
    return found


def _decoded(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise WebhookError("bad_key", f"The key does not begin with {prefix}.")
    try:
        return base64.b64decode(text.removeprefix(prefix), validate=True)
    except binascii.Error, ValueError:
        raise WebhookError("bad_key", "What follows the prefix is not base64.") from None
