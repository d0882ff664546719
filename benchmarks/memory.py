"""Resident memory per link, both ends: what a fresh process grows by as links are added."""

import asyncio
from pathlib import Path
import sys
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measure import resident_kb
from benchmarks.raw_ends import RawFar, RawNear, stay_on_loopback
from infrafabric.mesh.link.link import Link, LinkHandler, LinkSettings
from infrafabric.mesh.trust.identity import Identity

FIRST = 5
"""Links before the first look: what is loaded and made once."""
LINKS = 30
"""Links between the two looks."""


class _Node(LinkHandler):
    """Wants nothing of a link."""

    def link_opened(self, link: Link) -> None:
        """Take note of nothing."""

    def link_quality(self, link: Link) -> None:
        """Likewise."""


async def raw_link() -> object:
    """Return an open raw connection."""
    far = RawFar()
    near = RawNear(far, 0)
    await near.connect()
    return far, near


async def mesh_link() -> object:
    """Return an open, proved link."""
    settings = LinkSettings(local_addresses=("127.0.0.1",))
    own, other = Identity.generate(), Identity.generate()
    common: dict[str, Any] = {"mesh_id": "m" * 32, "settings": settings, "handler": _Node()}
    near = Link(identity=own, peer=other.public, **common)
    far = Link(identity=other, peer=own.public, **common)
    await near.accept_answer(await far.create_answer(await near.create_offer()))
    await asyncio.gather(near.wait_open(), far.wait_open())
    return near, far


async def main(kind: str) -> float:
    """Return KiB per link of a *kind*."""
    make = {"raw": raw_link, "mesh": mesh_link}[kind]
    links = [await make() for _ in range(FIRST)]
    await asyncio.sleep(0.3)
    before = resident_kb()
    links += [await make() for _ in range(LINKS)]
    await asyncio.sleep(0.3)
    return (resident_kb() - before) / LINKS


async def per_link_kb(kind: str) -> float:
    """Return KiB per link of a *kind*, measured in a fresh process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, kind, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return float(output)


if __name__ == "__main__":
    import os

    stay_on_loopback()
    print(asyncio.run(main(sys.argv[1])), flush=True)
    # The links are not closed one by one: nothing is measured any more.
    os._exit(0)
