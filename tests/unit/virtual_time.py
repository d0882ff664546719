"""Time that passes when a test wants it to: no machine is too slow for that."""

import asyncio
from collections.abc import Callable
import selectors
from types import ModuleType
from typing import Any, override

import pytest


class JumpingSelector(selectors.DefaultSelector):
    """Waits in no time for what only time brings."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    @override
    def select(self, timeout: float | None = None) -> Any:
        self.now += timeout or 0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while something is done, and jumps in between."""

    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    @override
    def time(self) -> float:
        return self.jumping.now


def in_virtual_time(story: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story())


class Patience:
    """Stands in for asyncio in a module that gives up after a while: at the first pause it makes.

    So it has tried once, and in full, however long that took.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
        monkeypatch.setattr(module, "asyncio", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    def timeout(self, _seconds: float) -> asyncio.Timeout:
        self._limit = asyncio.timeout(None)
        return self._limit

    def ends(self) -> None:
        """Give up now."""
        self._limit.reschedule(asyncio.get_running_loop().time())

    async def sleep(self, seconds: float) -> None:
        self.ends()
        await asyncio.sleep(seconds)
