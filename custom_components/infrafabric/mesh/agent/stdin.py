"""Reading standard input without holding up Ctrl-C."""

import asyncio
import os
import threading
from typing import Final

_STDIN: Final = 0
_PIECE: Final = 65_536


async def read_stdin(limit: int, *, one_line: bool = False) -> str:
    """Return what standard input holds, at most *limit* bytes and perhaps only its first line."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[bytes] = loop.create_future()

    def finish(data: bytes) -> None:
        if not result.done():
            result.set_result(data)

    def work() -> None:
        data = b""
        while len(data) < limit and (piece := os.read(_STDIN, _PIECE)):
            data += piece
            if one_line and b"\n" in piece:
                break
        loop.call_soon_threadsafe(finish, data[:limit])

    # A daemon that reads unbuffered: one that still waits must not hold up the end.
    threading.Thread(target=work, name="stdin", daemon=True).start()
    return (await result).decode(errors="replace")
