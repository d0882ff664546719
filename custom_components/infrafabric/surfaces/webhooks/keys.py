"""Keys of webhooks as a subentry keeps them, two of them while one is exchanged.

A key is ``{"key": text, "until": seconds or None}``, the newest first; the older one ends by
itself.
"""

from collections.abc import Mapping, Sequence
import os
from typing import Any, Final

from .signing import ED25519_KEY, PrivateKey, PublicKey, Signer, SymmetricKey, Verifier

CONF_KEYS: Final = "keys"
CONF_KEY: Final = "key"
CONF_UNTIL: Final = "until"

OVERLAP: Final = 86_400
"""Seconds that the old key stays good after a new one was made: time to hand it over."""
SECRET_BYTES: Final = 32
"""Bytes of a generated secret."""


def new_secret() -> str:
    """Return a new symmetric key."""
    return SymmetricKey(os.urandom(SECRET_BYTES)).text()


def new_private_key() -> str:
    """Return a new asymmetric key."""
    return PrivateKey(os.urandom(ED25519_KEY)).text()


def public_key(key: str) -> str:
    """Return what receivers verify with, of an asymmetric key."""
    return PrivateKey.parse(key).public.text()


def is_asymmetric(key: str) -> bool:
    """Tell whether a key is one half of a pair."""
    return not key.startswith("whsec_")


def first_key(key: str) -> list[dict[str, Any]]:
    """Return what a subentry keeps of its only key."""
    return [{CONF_KEY: key, CONF_UNTIL: None}]


def rotated(keys: Sequence[Mapping[str, Any]], key: str, now: float) -> list[dict[str, Any]]:
    """Return what a subentry keeps when a key is exchanged; the last one stays good for a day."""
    return [*first_key(key), {CONF_KEY: keys[0][CONF_KEY], CONF_UNTIL: now + OVERLAP}]


def good_keys(keys: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """Return the keys that count now."""
    return [each[CONF_KEY] for each in keys if each[CONF_UNTIL] is None or now < each[CONF_UNTIL]]


def signers(keys: Sequence[Mapping[str, Any]], now: float) -> list[Signer]:
    """Return what signs an outbound message now."""
    return [
        PrivateKey.parse(key) if is_asymmetric(key) else SymmetricKey.parse(key)
        for key in good_keys(keys, now)
    ]


def verifiers(keys: Sequence[Mapping[str, Any]], now: float) -> list[Verifier]:
    """Return what tells genuine inbound messages now."""
    return [
        PublicKey.parse(key) if is_asymmetric(key) else SymmetricKey.parse(key)
        for key in good_keys(keys, now)
    ]
