"""A node's goodbye: said over every link, and waited for until the other ends have heard it."""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from ..trust.records import Reason

if TYPE_CHECKING:
    from .engine import Engine

LEAVING: Final = 5.0
"""Seconds that linked members get to hear a goodbye; a link without a fault takes less than one."""
HEARD: Final = f"peer_{Reason.LEFT}"
"""Why a link ended whose other end has taken in this node's goodbye."""


async def say_goodbye(engine: Engine) -> bool:
    """Leave the mesh; tell whether a member is known to have heard it.

    One that has heard it ends its link for that reason; all get ``LEAVING`` seconds to do so.
    """
    # Also those that still exchange members, for the other end may count as connected already.
    links = [session.link for session in engine.sessions.values()]
    goodbye = engine.roster.leave(time.time())
    if not goodbye or not links:
        return False
    # Who has heard it refuses this node from now on.
    engine.policy.set_members((), time.monotonic())
    engine.spread(goodbye)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LEAVING):
            await asyncio.gather(*(link.wait_closed() for link in links))
    return any(link.closed_reason == HEARD for link in links)
