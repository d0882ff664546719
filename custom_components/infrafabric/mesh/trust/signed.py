"""A signed JSON value that travels inside other JSON: its exact bytes and the signature."""

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
from typing import Any, Self

from ..encoding import b64decode, b64encode, canonical_json, parse_canonical_json
from .identity import SIGNATURE_SIZE, Identity, PublicIdentity, Purpose


@dataclass(frozen=True, slots=True)
class Signed:
    """Canonical JSON bytes with a signature over them; says nothing about who made it.

    Travels as ``{"body": "<the JSON text>", "sig": "<base64>"}``.
    """

    body: bytes
    signature: bytes

    @classmethod
    def make(cls, identity: Identity, purpose: Purpose, value: Mapping[str, Any]) -> Self:
        """Sign *value* with *identity* for *purpose*."""
        body = canonical_json(dict(value))
        return cls(body, identity.sign(purpose, body))

    @classmethod
    def from_json(cls, value: object, max_size: int) -> Self:
        """Read the travelling form.

        Raises:
            ValueError: Not that form, or a body of more than *max_size* bytes.

        """
        if not isinstance(value, dict) or value.keys() != {"body", "sig"}:
            msg = "not a signed value"
            raise ValueError(msg)
        text = value["body"]
        if not isinstance(text, str) or len(text) > max_size:
            msg = "the signed body is not a string or too long"
            raise ValueError(msg)
        try:
            body = text.encode()
        except UnicodeEncodeError as err:
            msg = "the signed body is not Unicode"
            raise ValueError(msg) from err
        if len(body) > max_size:
            msg = "the signed body is too long"
            raise ValueError(msg)
        return cls(body, b64decode(value["sig"], SIGNATURE_SIZE))

    def to_json(self) -> dict[str, str]:
        """Return the travelling form."""
        return {"body": self.body.decode(), "sig": b64encode(self.signature)}

    def verified(self, signer: PublicIdentity, purpose: Purpose) -> bool:
        """Tell whether *signer* signed this for *purpose*."""
        return signer.verify(purpose, self.body, self.signature)

    def value(self) -> dict[str, Any]:
        """Return the JSON object in the body.

        Raises:
            ValueError: Not canonical JSON, or not an object.

        """
        value = parse_canonical_json(self.body)
        if not isinstance(value, dict):
            msg = "the signed body is not an object"
            raise ValueError(msg)
        return value

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 of the body: names this value in digests and keep lists."""
        return hashlib.sha256(self.body).hexdigest()
