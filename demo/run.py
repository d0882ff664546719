"""Starts two real Home Assistants and an agent that form a mesh; see ``--help``."""

import argparse
import asyncio
from pathlib import Path
import shutil
import signal
import sys
import tempfile
import time

# Started as a file by script/demo.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo.api import PASSWORD, USERNAME, Json
from demo.checks import run_checks
from demo.dashboard import PATH
from demo.processes import Child, DemoError, free_port, port_is_free
from demo.world import World


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="script/demo",
        description="Start two real Home Assistants, Home and Studio, and an agent, that form one "
        "mesh; Studio controls a real OBS Studio and a stand-in for vMix. Ctrl-C ends all of it "
        "and leaves nothing behind.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="no browser needed: check what the demo shows, one line each, on free ports, and end "
        "with 0 if everything is right, else with 1",
    )
    parser.add_argument(
        "--port-base",
        type=int,
        metavar="PORT",
        help="port of Home; Studio gets the next one (default: 8123, or free ones with --check)",
    )
    return parser.parse_args()


def choose_ports(args: argparse.Namespace) -> tuple[int, int]:
    """Return the ports of Home and Studio.

    Raises:
        DemoError: One is in use.

    """
    if args.check and args.port_base is None:
        return free_port(), free_port()
    base = 8123 if args.port_base is None else args.port_base
    for port in (base, base + 1):
        if not port_is_free(port):
            raise DemoError(
                f"Port {port} is in use (another Home Assistant?); choose others with --port-base"
            )
    return base, base + 1


async def main(args: argparse.Namespace) -> int:
    """Build the world, check or show it, end it."""
    began = time.monotonic()
    task = asyncio.current_task()
    # Also what a shell that starts this in the background has it ignore.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel if task else exit)

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    ports = choose_ports(args)
    folder = Path(tempfile.mkdtemp(prefix="infrafabric-demo-"))
    world = World(folder, ports, say)
    keep = False
    try:
        try:
            await world.build()
            if not args.check:
                await show(world)
            print("", "Checks", "", sep="\n", flush=True)
            failed = await run_checks(world, lambda text: print(text, flush=True))
            keep = failed > 0
        except Exception as err:  # noqa: BLE001 - whatever it is, the logs say more
            keep = True
            print(f"\nerror: {type(err).__name__}: {err}\n", file=sys.stderr)
        if keep:
            for child in world.children:
                print(child.tail(), "", sep="\n", file=sys.stderr)
    finally:
        say("Ending everything …")
        await world.close()
        if keep:
            print(f"Logs and configurations are kept in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    say("Failed" if keep else "Done")
    return int(keep)


async def show(world: World) -> None:
    """Say where to look, and stay until Ctrl-C."""
    print()
    for home in world.homes:
        print(f"  {home.name:8} {home.url}{PATH}")
    print(f"  Log in as {USERNAME} with the password {PASSWORD}")
    print("  Ctrl-C ends everything", flush=True)
    async with world.phone.notifications() as shown:
        await watch(world, shown)


async def watch(world: World, shown: asyncio.Queue[Json]) -> None:
    """Print what the agent hears and the phone shows, until something ends."""
    heard = 0
    while True:
        await asyncio.sleep(0.5)
        while not shown.empty():
            print(f"  The phone at Home shows: {shown.get_nowait()['message']}", flush=True)
        if world.studios.has_obs and not world.studios.receiver.running:
            # It takes one stream, and ends with it.
            await world.studios.receiver.start()
        for child in world.children:
            if not child.running:
                raise DemoError(f"{child.name} has ended with status {child.returncode}")
        messages = world.agent.messages()
        for message in messages[heard:]:
            print(f"  The agent heard: {message['content']}", flush=True)
        heard = len(messages)


if __name__ == "__main__":
    try:
        status = asyncio.run(main(arguments()))
    except DemoError as problem:
        print(f"error: {problem}", file=sys.stderr)
        status = 1
    except asyncio.CancelledError, KeyboardInterrupt:
        # Asked to end, and everything has ended.
        status = 0
    finally:
        # A second Ctrl-C does not wait for orderly ends.
        Child.kill_leftovers()
    sys.exit(status)
