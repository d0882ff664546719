"""The steps that every method of a vMix is made of: find by name, call, and wait for the XML."""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from ..errors import DeadlineError, InvalidError, UnsupportedError
from ..model import Feature, StudioState
from .functions import Call
from .link import REQUEST_TIMEOUT
from .watching import VmixWatcher, not_connected
from .xml import Reading

SETTLE: Final = 5.0
"""Seconds until a change that takes no time by itself must show."""
_CONFIRM_PAUSE: Final = 0.2


def unknown(code: str, what: str, name: str) -> InvalidError:
    """Return the error for a name that this vMix does not have."""
    return InvalidError(code, f"vMix has no {what} called {name}.", name=name)


def invalid(name: str, text: str) -> InvalidError:
    """Return the error for a value that vMix could not take."""
    return InvalidError("invalid_value", text, name=name)


class VmixSteps(VmixWatcher):
    """What the methods share."""

    def _known(self) -> StudioState:
        if self._state is None or not self.connected:
            raise not_connected()
        return self._state

    def _need(self, feature: Feature) -> StudioState:
        state = self._known()
        if feature not in state.features:
            self._lacks(feature)
        return state

    def _lacks(self, feature: Feature) -> NoReturn:
        version = "" if self._state is None else self._state.version.software
        raise UnsupportedError(
            "unsupported",
            f"vMix {version} has no {feature.value.replace('_', ' ')} that others can use.",
            what=feature.value,
            version=version,
        )

    async def _call(self, call: Call, timeout: float = REQUEST_TIMEOUT) -> str:
        link = self._link
        if link is None or not self.connected:
            raise not_connected()
        return await link.call(call, timeout)

    async def _until(
        self, what: str, true: Callable[[Reading], bool], timeout: float | None = None
    ) -> Reading:
        """Return the first reading from now on of which *true* holds.

        Raises:
            DeadlineError: None came in time.

        """
        timeout = SETTLE if timeout is None else timeout
        try:
            async with asyncio.timeout(timeout):
                while not true(reading := await self._fresh()):  # noqa: ASYNC110
                    await asyncio.sleep(_CONFIRM_PAUSE)
        except TimeoutError:
            raise DeadlineError(
                "not_confirmed",
                f"vMix did not confirm within {timeout:g} s: {what}. Look at vMix itself.",
                output=what,
                state="unknown",
            ) from None
        return reading

    def _source(self, name: str) -> str:
        """Return the key of a source by key, name, or number."""
        sources = self._known().sources
        if name in sources:
            return name
        named = [source for source in sources.values() if source.name == name]
        if len(named) > 1:
            # vMix would take the first, and perhaps the wrong picture goes on air.
            numbers = ", ".join(str(source.number) for source in named)
            raise InvalidError(
                "ambiguous_name",
                f"vMix has several inputs called {name}. Use a number or key: {numbers}.",
                name=name,
                numbers=numbers,
            )
        if named:
            return named[0].key
        for source in sources.values():
            if str(source.number) == name:
                return source.key
        raise unknown("unknown_source", "input", name)

    def _mix(self, mix: int) -> None:
        if mix not in self._known().mixes:
            raise unknown("unknown_name", "mix", str(mix))
