"""The far end in a process of its own, spoken to over its standard input and output.

A request is a line ``[method, [arguments]]``, the answer to it a line with the JSON result.
"""

import asyncio
import json
from pathlib import Path
import sys
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# The module is found only from here on.
from benchmarks.mesh_ends import MeshFar, bound_in_flight  # noqa: E402
from benchmarks.raw_ends import RawFar, stay_on_loopback  # noqa: E402

KINDS = {"raw": RawFar, "mesh": MeshFar}


class RemoteFar:
    """Stands for a far end in another process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Use ``start_process``."""
        self._process = process

    @classmethod
    async def start_process(cls, kind: str, cap: int) -> RemoteFar:
        """Start the process for a *kind* of end, with at most *cap* bytes in flight."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            kind,
            str(cap),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        return cls(process)

    def __getattr__(self, method: str) -> Any:
        """Return a coroutine function that calls *method* over there."""

        async def call(*arguments: Any) -> Any:
            stdin, stdout = self._process.stdin, self._process.stdout
            if stdin is None or stdout is None:
                raise RuntimeError("the process was started without pipes")
            stdin.write(json.dumps([method, arguments]).encode() + b"\n")
            answer = await stdout.readline()
            if not answer:
                raise RuntimeError("the far end has ended; its error is above")
            return json.loads(answer)

        return call

    async def end_process(self) -> None:
        """End it and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


async def main(kind: str) -> None:
    """Do what is asked until the input ends."""
    far = KINDS[kind]()
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        method, arguments = json.loads(line)
        result = await getattr(far, method)(*arguments)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    stay_on_loopback()
    bound_in_flight(int(sys.argv[2]))
    asyncio.run(main(sys.argv[1]))
