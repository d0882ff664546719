"""An event loop in which no time passes but what is waited for: no machine is too slow for it."""

import asyncio
from collections.abc import Callable
import selectors
from typing import Any, override


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
