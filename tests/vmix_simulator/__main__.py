"""Runs the simulator until it is interrupted."""

import argparse
import asyncio
import signal

from .releases import RELEASES
from .server import VmixSimulator
from .world import World


async def run(arguments: argparse.Namespace) -> None:
    """Listen until it is interrupted."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not KeyboardInterrupt: a shell starts what runs in the background with SIGINT ignored.
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    simulator = VmixSimulator(World(arguments.release), host=arguments.host)
    await simulator.start(arguments.tcp_port, arguments.http_port)
    release = simulator.world.release
    print(
        f"vMix simulator {release.version} {release.edition}: TCP {simulator.port}, "
        f"HTTP {simulator.http_port}",
        flush=True,
    )
    try:
        await stopped.wait()
    finally:
        await simulator.stop()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.vmix_simulator",
        description="A stand-in for vMix, a closed Windows program, for tests and the demo.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--tcp-port", type=int, default=8099)
    parser.add_argument("--http-port", type=int, default=8088)
    parser.add_argument("--release", choices=sorted(RELEASES), default="28")
    arguments = parser.parse_args()
    asyncio.run(run(arguments))


if __name__ == "__main__":
    main()
