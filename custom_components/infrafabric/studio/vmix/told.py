"""What a client told vMix about its streams, which vMix's API does not tell back."""

import hashlib
import hmac
import secrets

from ..destination import VmixStream
from ..model import StudioState


class Told:
    """The last settings of each stream, in a form that shows no key."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._salt = secrets.token_bytes(32)
        self._marks: dict[str, bytes] = {}

    def remember(self, stream: str, settings: VmixStream) -> None:
        """Note that vMix took these settings."""
        self._marks[stream] = self._mark(settings)

    def is_same(self, stream: str, settings: VmixStream) -> bool:
        """Return whether the stream still has these settings, as far as this client knows."""
        return hmac.compare_digest(self._marks.get(stream, b""), self._mark(settings))

    def forget(self, stream: str | None = None) -> None:
        """Forget a stream, or all of them: somebody else may have changed it."""
        if stream is None:
            self._marks.clear()
        else:
            self._marks.pop(stream, None)

    def follow(self, before: StudioState, now: StudioState) -> None:
        """Forget streams that ended, and everything when another preset was opened."""
        if before.preset != now.preset:
            self.forget()
        for stream in list(self._marks):
            if _is_on(before, stream) and not _is_on(now, stream):
                self.forget(stream)

    def _mark(self, settings: VmixStream) -> bytes:
        values = (settings.server, settings.key, settings.username, settings.password)
        return hmac.digest(self._salt, "\n".join(values).encode(), hashlib.sha256)


def _is_on(state: StudioState, stream: str) -> bool:
    output = state.outputs.get(stream)
    return output is not None and output.state.is_on is True
