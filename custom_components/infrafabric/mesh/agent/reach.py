"""Getting something done by a node: by the agent that runs, or by one started for it."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
import time
from typing import Any, Final

from ..errors import InvalidError, RefusedError
from .control import NotRunningError, call
from .settings import Settings
from .store import STATE_FILE, check_private_directory, read_private

PATIENCE: Final = 5.0
"""Seconds to wait while another process holds the directory but does not answer (yet)."""
_PAUSE: Final = 0.1


def load_settings(directory: Path) -> Settings:
    """Return the settings of the node in *directory*.

    Raises:
        InvalidError: ``no_state``, ``state_exposed``, ``state_unreadable``.

    """
    check_private_directory(directory)
    settings = Settings.load(directory)
    state = read_private(directory / STATE_FILE)
    if state is None or "version" not in state:
        # A document without a version is the key of a join that was never answered.
        raise InvalidError(
            "no_state",
            f"There is no mesh in {directory} yet; run “infrafabric agent init” to make one or "
            "“infrafabric agent join” to join one.",
            path=str(directory),
        )
    # Without settings, the process that made the state was killed before it wrote them.
    return settings or Settings(name=str(state.get("node_name")))


async def ask(
    directory: Path,
    op: str,
    args: Mapping[str, Any],
    *,
    on_event: Callable[[dict[str, Any]], None],
    start: bool = True,
    own_args: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Carry out an operation and return its result.

    Args:
        directory: The state directory.
        op: The operation.
        args: What it takes.
        on_event: Takes its events.
        start: Whether a node of our own has to go online for it.
        own_args: Used in place of *args* with a node of our own.

    Raises:
        MeshError: As the operation failed.

    """
    settings = load_settings(directory)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return await call(directory, op, args, on_event)
        except NotRunningError:
            pass
        try:
            return await _by_ourselves(
                directory, settings, op, own_args or args, on_event, start=start
            )
        except RefusedError as err:
            if err.code != "state_in_use" or time.monotonic() > until:
                raise
        await asyncio.sleep(_PAUSE)


async def _by_ourselves(
    directory: Path,
    settings: Settings,
    op: str,
    args: Mapping[str, Any],
    on_event: Callable[[dict[str, Any]], None],
    *,
    start: bool,
) -> dict[str, Any]:
    # Here and not above: the node and WebRTC take a second to import, a running agent's client
    # need not wait for them.
    from .owner import own  # noqa: PLC0415

    async def emit(event: dict[str, Any]) -> None:
        on_event(event)

    async with own(directory, settings, start=start) as owner:
        result = await owner.operations.perform(op, args, emit)
        await owner.control.drain()
        return result
