"""``infrafabric``: reads the command line, runs one command, turns its end into an exit code."""

from argparse import Namespace
import asyncio
from collections.abc import Callable, Coroutine, Sequence
import importlib
import io
import logging
import os
import signal
import sys
from typing import Any, Final

from ..errors import MeshError
from .output import print_error
from .parser import build

_LOGGER: Final = logging.getLogger(__name__)

EXIT_USAGE: Final = 2
_SIGNALED: Final = 128
"""Added to the signal's number when a command was interrupted, as shells do."""

_MODULES: Final = {
    "init": "setup_commands",
    "join": "setup_commands",
    "leave": "leave_command",
    "run": "run_command",
    "signal": "signal_command",
}
"""Where a command is, if not in node_commands: modules that take a second to import."""
_SERVICES: Final = frozenset(("run", "listen", "signal"))
"""Commands that are meant to be stopped; that is not a failure."""

type _Command = Callable[[Namespace], Coroutine[Any, Any, None]]


class _InterruptedError(Exception):
    """A signal ended the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; see ``parser.EXIT_CODES``."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of peers are any language's; a terminal that cannot show them is no failure.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = build()
    args = parser.parse_args(argv)
    if args.version:
        from .owner import version  # noqa: PLC0415

        print(f"infrafabric {version()}")
        return 0
    if args.group is None:
        parser.print_help()
        return EXIT_USAGE
    _log(verbose=args.verbose)
    try:
        asyncio.run(_until_signal(_find(args.command)(args)))
    except MeshError as err:
        print_error(err, as_json=args.json)
        return err.exit_code
    except _InterruptedError as err:
        return 0 if args.command in _SERVICES else _SIGNALED + err.number
    except KeyboardInterrupt:
        # Before the loop ran, or a second one while it was cleaning up.
        return _SIGNALED + signal.SIGINT
    except BrokenPipeError:
        # Whoever read the output has enough; do not fail again when Python flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as err:
        _LOGGER.debug("The command failed", exc_info=True)
        reason = f"{type(err).__name__}: {err}"
        text = f"Something unexpected happened ({reason}); run again with --verbose to see where."
        print_error(MeshError("internal_error", text), as_json=args.json)
        return MeshError.exit_code
    return 0


def _find(name: str) -> _Command:
    """Return a command's function; the node and WebRTC are imported only by those that need it."""
    module = importlib.import_module(f".{_MODULES.get(name, 'node_commands')}", __package__)
    command: _Command = getattr(module, name)
    return command


def _log(*, verbose: bool) -> None:
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if verbose:
        # Only our own: what libraries log at this level may hold TURN passwords.
        logging.getLogger(__name__.rpartition(".agent")[0]).setLevel(logging.DEBUG)


async def _until_signal(command: Coroutine[Any, Any, None]) -> None:
    """Run a command; SIGINT and SIGTERM let it clean up, a second one ends it at once.

    Raises:
        _InterruptedError: A signal ended it.

    """
    loop = asyncio.get_running_loop()
    working = loop.create_task(command)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)
        working.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await working
    except asyncio.CancelledError:
        if received:
            raise _InterruptedError(received[0]) from None
        raise
