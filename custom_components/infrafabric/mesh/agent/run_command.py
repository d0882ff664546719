"""``run``: be online until stopped, and answer the other commands meanwhile."""

from argparse import Namespace
import asyncio

from ..model import MembershipRevoked, MessageReceived, NodeEvent
from ..node import MeshNode
from .events import event_json, node_json, sentence
from .output import Printer, note
from .owner import own
from .reach import PATIENCE, load_settings
from .setup_commands import settings_from
from .waiting import revoked_error


async def run(args: Namespace) -> None:
    """Run the node until the task is cancelled or the node is removed from the mesh."""
    settings = settings_from(args, load_settings(args.state))
    loop = asyncio.get_running_loop()
    end: asyncio.Future[None] = loop.create_future()

    def finish(error: Exception | None = None) -> None:
        if end.done():
            return
        if error is None:
            end.set_result(None)
        else:
            end.set_exception(error)

    def stuck(gone: bool) -> None:  # noqa: FBT001 - a printer's callback
        if gone:
            loop.call_soon_threadsafe(finish)
        else:
            note("Nobody reads the output; no more of it from here on.")

    printer = Printer(stuck)

    def tell(node: MeshNode, event: NodeEvent) -> None:
        if args.json:
            if (data := event_json(node, event)) is not None:
                printer.put(data)
        elif isinstance(event, MessageReceived):
            if args.listen and (data := event_json(node, event)) is not None:
                printer.put(data)
        elif (text := sentence(event)) is not None:
            note(text)
        if isinstance(event, MembershipRevoked):
            finish(revoked_error())

    try:
        async with own(
            args.state, settings, running=True, patience=PATIENCE, listener=tell
        ) as owner:
            node = owner.node
            if node.revoked:
                raise revoked_error()
            if args.json:
                about = node_json(node)
                about["node"]["name"] = settings.name
                printer.put({"event": "ready", **about})
            else:
                note(f"{settings.name} is online in the mesh {node.mesh_name}; Ctrl-C stops it.")
            await end
    finally:
        await asyncio.to_thread(printer.close)
