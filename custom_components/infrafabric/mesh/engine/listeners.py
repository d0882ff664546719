"""Those who listen to a node: each gets every event, whatever the others make of it."""

from collections.abc import Callable
import logging
from typing import Final

from ..model import NodeEvent

_LOGGER: Final = logging.getLogger(__name__)


class Listeners:
    """Callbacks for a node's events, called in the event loop."""

    def __init__(self) -> None:
        """Have nobody to tell."""
        self._callbacks: tuple[Callable[[NodeEvent], None], ...] = ()

    def add(self, callback: Callable[[NodeEvent], None]) -> Callable[[], None]:
        """Tell *callback* from now on; call the result to stop."""
        self._callbacks += (callback,)

        def remove() -> None:
            left = list(self._callbacks)
            if callback in left:
                left.remove(callback)
                self._callbacks = tuple(left)

        return remove

    def emit(self, event: NodeEvent) -> None:
        """Tell everybody of an event."""
        for callback in self._callbacks:
            try:
                callback(event)
            except Exception:
                # A listener's mistake must not end the task that brought the event.
                _LOGGER.exception("A listener failed on %s", type(event).__name__)
