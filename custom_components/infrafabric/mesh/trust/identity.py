r"""Who a node is: one Ed25519 key per mesh, the peer id made of it, and signatures by purpose.

Ed25519 is RFC 8032. Everything but an IFMessage is signed as
``"infrafabric/<purpose>/1\0" + bytes``, so a signature made for one purpose never passes for
another.
"""

from dataclasses import dataclass
from enum import StrEnum
import hashlib
from typing import Final, Self

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.signing import SigningKey, VerifyKey

from ..encoding import base32

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
PEER_ID_LENGTH: Final = 32
"""Characters in a peer id or a mesh id: 160 bits in base32."""

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_GROUP: Final = 4


class Purpose(StrEnum):
    """What a signature is for; part of the signed bytes."""

    RECORD = "record"
    TOMBSTONE = "tombstone"
    SDP = "sdp"
    LINK = "link"
    SIGNALING = "signaling"
    BEACON = "beacon"
    JOIN = "join"


def _framed(purpose: Purpose, data: bytes) -> bytes:
    return b"infrafabric/" + purpose.encode("ascii") + b"/1\0" + data


def _identifier(kind: bytes, data: bytes) -> str:
    return base32(hashlib.sha256(b"infrafabric/" + kind + b"/1\0" + data).digest()[:20])


def peer_id_of(public_key: bytes) -> str:
    """Return the peer id (32 base32 characters) of a 32-byte Ed25519 public key."""
    return _identifier(b"peer-id", public_key)


def mesh_id_of(authority_key: bytes, founder_key: bytes) -> str:
    """Return the mesh id (32 base32 characters): it names the authority and the first node."""
    return _identifier(b"mesh-id", authority_key + founder_key)


def is_identifier(text: object) -> bool:
    """Tell whether *text* has the form of a peer id or mesh id."""
    return (
        isinstance(text, str) and len(text) == PEER_ID_LENGTH and all(c in _ALPHABET for c in text)
    )


def check_groups(identifier: str) -> str:
    """Return an id for people to compare: upper-case groups of four and a check group.

    The last group is made of the hash of the others, so one mistyped or swapped character
    shows without comparing everything.
    """
    digest = hashlib.sha256(b"infrafabric/check/1\0" + identifier.encode("ascii")).digest()
    text = identifier + base32(digest)[:_GROUP]
    return "-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP)).upper()


def verify_raw(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether *signature* is the one of *public_key* over the bare *data* (IFMessage only)."""
    if len(signature) != SIGNATURE_SIZE:
        return False
    try:
        # What VerifyKey.verify comes to, without its objects: this is the busiest line of all.
        crypto_sign_open(signature + data, public_key)
    except CryptoError, ValueError, TypeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class PublicIdentity:
    """Another node's public key and what can be done with it."""

    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a key of the wrong size.

        Raises:
            ValueError: Not 32 bytes.

        """
        if len(self.public_key) != KEY_SIZE:
            msg = "an Ed25519 public key has 32 bytes"
            raise ValueError(msg)

    @property
    def peer_id(self) -> str:
        """The peer id, 32 base32 characters."""
        return peer_id_of(self.public_key)

    def verify(self, purpose: Purpose, data: bytes, signature: bytes) -> bool:
        """Tell whether *signature* is this key's over *data* for *purpose*."""
        return self.verify_raw(_framed(purpose, data), signature)

    def verify_raw(self, data: bytes, signature: bytes) -> bool:
        """Tell whether *signature* is this key's over the bare *data* (IFMessage only)."""
        return verify_raw(self.public_key, data, signature)

    def seal(self, data: bytes) -> bytes:
        """Return *data* encrypted so that only this key's owner can read it (sealed box).

        Raises:
            ValueError: The key is not a point that X25519 can use.

        """
        try:
            curve = VerifyKey(self.public_key).to_curve25519_public_key()
        except (CryptoError, RuntimeError) as err:
            msg = "not a usable public key"
            raise ValueError(msg) from err
        return bytes(SealedBox(PublicKey(bytes(curve))).encrypt(data))


class Identity:
    """This node's own key: signs and opens sealed boxes. Never prints its seed."""

    def __init__(self, seed: bytes) -> None:
        """Make the key from its 32-byte seed.

        Raises:
            ValueError: The seed has another size.

        """
        if len(seed) != KEY_SIZE:
            msg = "a seed has 32 bytes"
            raise ValueError(msg)
        self._key = SigningKey(seed)
        self.public_key, self._secret = crypto_sign_seed_keypair(seed)
        self.public = PublicIdentity(self.public_key)
        self.peer_id = self.public.peer_id

    @classmethod
    def generate(cls) -> Self:
        """Return a new random identity."""
        return cls(bytes(SigningKey.generate()))

    @property
    def seed(self) -> bytes:
        """The 32-byte secret; only a private store may see it."""
        return bytes(self._key)

    def __repr__(self) -> str:
        """Name the peer, not the key."""
        return f"<Identity {self.peer_id}>"

    def sign(self, purpose: Purpose, data: bytes) -> bytes:
        """Return the 64-byte signature over *data* for *purpose*."""
        return self.sign_raw(_framed(purpose, data))

    def sign_raw(self, data: bytes) -> bytes:
        """Return the 64-byte signature over the bare *data* (IFMessage only)."""
        return crypto_sign(data, self._secret)[:SIGNATURE_SIZE]

    def unseal(self, box: bytes) -> bytes:
        """Return what was sealed for this key.

        Raises:
            ValueError: The box was not made for this key, or was changed.

        """
        curve: PrivateKey = self._key.to_curve25519_private_key()
        try:
            return bytes(SealedBox(curve).decrypt(box))
        except (CryptoError, ValueError, TypeError) as err:
            msg = "the box cannot be opened with this key"
            raise ValueError(msg) from err
