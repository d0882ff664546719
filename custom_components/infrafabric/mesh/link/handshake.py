"""Who is at the other end of a fresh connection: HELLO, PROOF and READY without I/O.

Each side signs both DTLS fingerprints as its own transport saw them, both nonces and both peer
ids, so a proof is worth nothing on any other connection, in the other direction, or twice.
"""

from collections.abc import Mapping
from typing import Any, Final

from ..encoding import b64encode, canonical_json
from ..errors import RefusedError
from ..trust.identity import SIGNATURE_SIZE, Identity, PublicIdentity, Purpose
from .frames import VERSION, FrameError, FrameType, Hello

HANDSHAKE: Final = frozenset({FrameType.HELLO, FrameType.PROOF, FrameType.READY})
"""The frame types this is for."""


class Handshake:
    """One side of the exchange on channel 0."""

    def __init__(
        self,
        *,
        identity: Identity,
        mesh_id: str,
        peer: PublicIdentity,
        own_fingerprint: str,
        peer_fingerprint: str,
        nonce: bytes,
        credit: int,
        hello: Mapping[str, Any],
    ) -> None:
        """Prepare to prove *identity* to *peer*.

        Args:
            identity: This node.
            mesh_id: The mesh both belong to.
            peer: Who must be at the other end.
            own_fingerprint: SHA-256 fingerprint of the certificate this end uses.
            peer_fingerprint: SHA-256 fingerprint of the certificate DTLS verified.
            nonce: 32 random bytes.
            credit: Bytes of messages that the peer may have under way.
            hello: What this node says of itself.

        """
        self.peer_hello: Hello | None = None
        self.proven = False
        """The peer's proof is verified."""
        self.open = False
        """The peer verified this node's proof, too."""
        self._identity = identity
        self._mesh_id = mesh_id
        self._peer = peer
        self._own_fingerprint = own_fingerprint
        self._peer_fingerprint = peer_fingerprint
        self._nonce = nonce
        self._hello = Hello(nonce=nonce, credit=credit, hello=hello)

    def start(self) -> bytes:
        """Return the first frame to send."""
        return self._hello.encode()

    def receive(self, kind: int, payload: bytes) -> bytes | None:
        """Take a handshake frame; return the frame that answers it.

        Raises:
            FrameError: Malformed, or out of turn.
            RefusedError: ``version_mismatch``, ``proof_failed``.

        """
        if kind == FrameType.HELLO and self.peer_hello is None:
            return self._hear(Hello.decode(payload))
        if kind == FrameType.PROOF and self.peer_hello is not None and not self.proven:
            return self._verify(self.peer_hello, payload)
        if kind == FrameType.READY and self.proven and not self.open and not payload:
            self.open = True
            return None
        raise FrameError("a handshake frame out of turn")

    def _hear(self, hello: Hello) -> bytes:
        if not hello.versions[0] <= VERSION <= hello.versions[1]:
            code, text = "version_mismatch", "The peer speaks another version of the protocol."
            raise RefusedError(code, text)
        self.peer_hello = hello
        claim = self._claim(
            self._identity.peer_id,
            self._peer.peer_id,
            self._own_fingerprint,
            self._peer_fingerprint,
            self._nonce,
            hello.nonce,
        )
        return bytes([FrameType.PROOF]) + self._identity.sign(Purpose.LINK, claim)

    def _verify(self, hello: Hello, signature: bytes) -> bytes:
        claim = self._claim(
            self._peer.peer_id,
            self._identity.peer_id,
            self._peer_fingerprint,
            self._own_fingerprint,
            hello.nonce,
            self._nonce,
        )
        if len(signature) != SIGNATURE_SIZE or not self._peer.verify(
            Purpose.LINK, claim, signature
        ):
            code, text = "proof_failed", "The other end could not prove that it is the peer."
            raise RefusedError(code, text)
        self.proven = True
        return bytes([FrameType.READY])

    def _claim(
        self,
        signer: str,
        verifier: str,
        signer_fingerprint: str,
        verifier_fingerprint: str,
        signer_nonce: bytes,
        verifier_nonce: bytes,
    ) -> bytes:
        return canonical_json(
            {
                "mesh": self._mesh_id,
                "self": signer,
                "peer": verifier,
                "fingerprint": signer_fingerprint,
                "peer_fingerprint": verifier_fingerprint,
                "nonce": b64encode(signer_nonce),
                "peer_nonce": b64encode(verifier_nonce),
            }
        )
