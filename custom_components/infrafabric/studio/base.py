"""What both clients share: subscribers, and the one task that keeps a connection alive."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Callable
import contextlib
import logging
import random
from typing import Final

from .errors import AuthenticationError, StudioError, UnreachableError
from .events import Connected, Disconnected, StateChanged, StudioEvent
from .model import StudioState

_LOGGER: Final = logging.getLogger(__name__)

FIRST_RETRY: Final = 1.0
"""Seconds until the second attempt; doubled for each one after it."""
LAST_RETRY: Final = 5.0
"""Seconds between attempts in the long run: a studio that is switched on is there in seconds, and
one that is off all night costs a few refused packets a minute."""
KICKED_RETRY: Final = 60.0
"""Seconds to stay away when somebody threw this client out."""
RETRY_JITTER: Final = 0.2
"""Share of each pause that is random, so that many clients do not come at once."""


class SupervisedClient(ABC):
    """A client that connects, works until the connection ends, and begins again.

    Args:
        address: "host:port", for log lines and errors.
        rng: Source of the jitter.

    """

    def __init__(self, address: str, *, rng: random.Random | None = None) -> None:
        """Begin without a connection and without a task."""
        self.address = address
        self._rng = rng or random.Random()  # noqa: S311  # jitter is no secret
        self._subscribers: list[Callable[[StudioEvent], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._state: StudioState | None = None
        self._connected = False
        self._last_code: str | None = ""

    # -- what is known ------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the studio answers and its state is current."""
        return self._connected

    @property
    def state(self) -> StudioState | None:
        """What is known now, or was known last; None before the first connection."""
        return self._state

    def subscribe(self, callback: Callable[[StudioEvent], None]) -> Callable[[], None]:
        """Call *callback* with every event; return what ends that."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._subscribers.remove(callback)

        return unsubscribe

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to connect, and keep the connection until ``stop``; returns at once.

        After an ``AuthenticationError`` it begins again, with whatever password is set by then.
        """
        if self._task is None or self._task.done():
            self._last_code = ""
            self._task = asyncio.create_task(self._run(), name=f"studio {self.address}")

    async def stop(self) -> None:
        """End the connection and every task; safe to repeat, and ``start`` may follow."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            # Not awaited itself, so that a cancelled caller stays cancelled.
            await asyncio.wait([task])
        self._connected = False

    @abstractmethod
    async def _session(self) -> None:
        """Connect, call ``_became_ready`` when all is read, and work until the end.

        Returns:
            When the studio said goodbye.

        Raises:
            StudioError: The connection could not be made, or broke.

        """

    async def _run(self) -> None:
        pause = FIRST_RETRY
        while True:
            error: StudioError | None = None
            self._was_ready = False
            try:
                await self._session()
            except StudioError as err:
                error = err
            except Exception as err:  # noqa: BLE001  # a bug must not end the supervision
                error = self._fault(err)
            if self._task is not asyncio.current_task():
                # A session that fails while it is cancelled hides the cancellation.
                return
            self._became_lost(error)
            if isinstance(error, AuthenticationError):
                return
            # Only a session that worked proves that coming back soon makes sense.
            if self._was_ready:
                pause = FIRST_RETRY
            wait = KICKED_RETRY if error is not None and error.code == "studio_kicked" else pause
            await self._pause(wait * (1 + RETRY_JITTER * self._rng.random()))
            pause = min(pause * 2, LAST_RETRY)

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt."""
        await asyncio.sleep(seconds)

    def _fault(self, err: Exception) -> StudioError:
        """Log a bug, in full once in a row, and return what to tell of it."""
        again = not self._connected and self._last_code == "studio_fault"
        _LOGGER.log(
            logging.DEBUG if again else logging.ERROR,
            "Unexpected error in the connection to %s",
            self.address,
            exc_info=err,
        )
        return UnreachableError(
            "studio_fault",
            f"The connection to {self.address} ended by a fault of this software. The log says "
            "more: please report it.",
        )

    # -- for the session ----------------------------------------------------------------------

    _was_ready = False

    def _became_ready(self, state: StudioState) -> None:
        """Tell that everything was read and the state is current."""
        self._was_ready = True
        self._connected = True
        self._last_code = ""
        self._state = state
        self._emit(Connected(state))

    def _replace(self, state: StudioState) -> None:
        """Make *state* the known one; subscribers hear of it if it differs."""
        if state != self._state:
            self._state = state
            if self._connected:
                self._emit(StateChanged(state))

    def _became_lost(self, error: StudioError | None) -> None:
        code = None if error is None else error.code
        if self._connected or code != self._last_code:
            self._connected = False
            self._last_code = code
            self._emit(Disconnected(error))

    def _emit(self, event: StudioEvent) -> None:
        for callback in list(self._subscribers):
            try:
                callback(event)
            except Exception:  # whoever listens must not break the connection
                _LOGGER.exception("A subscriber failed on %s", type(event).__name__)
