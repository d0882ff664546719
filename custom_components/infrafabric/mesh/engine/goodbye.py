"""A node's goodbye: said to every linked member, and waited for until they have heard it."""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from ..model import NodeEvent, PeerDisconnected
from ..trust.records import Reason

if TYPE_CHECKING:
    from .engine import Engine
    from .listeners import Listeners

LEAVING: Final = 5.0
"""Seconds that linked members get to hear a goodbye; a link without a fault takes less than one."""
HEARD: Final = f"peer_{Reason.LEFT}"
"""Why a link ended whose other end has taken in this node's goodbye."""


async def say_goodbye(engine: Engine, listeners: Listeners) -> bool:
    """Leave the mesh; tell whether a member is known to have heard it.

    One that has heard it ends its link for that reason; all get ``LEAVING`` seconds to do so.
    """
    waiting = set(engine.connected)
    goodbye = engine.roster.leave(time.time())
    heard = False
    nobody_left = asyncio.Event()

    def follow(event: NodeEvent) -> None:
        nonlocal heard
        if isinstance(event, PeerDisconnected):
            heard |= event.reason == HEARD
            waiting.discard(event.peer.peer_id)
            if not waiting:
                nobody_left.set()

    if goodbye and waiting:
        unsubscribe = listeners.add(follow)
        # Who has heard it refuses this node from now on.
        engine.policy.set_members((), time.monotonic())
        engine.spread(goodbye)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVING):
                await nobody_left.wait()
        unsubscribe()
    return heard
