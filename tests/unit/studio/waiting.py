"""Waiting for what must come, for the tests of studios."""

import asyncio
from collections.abc import Callable


async def until[T](met: Callable[[], T], seconds: float = 20.0) -> T:
    """Look again and again until there is something, and return it."""
    async with asyncio.timeout(seconds):
        while not (found := met()):
            await asyncio.sleep(0.005)
    return found
