"""The commands that a running agent does, or a node started for them."""

from argparse import Namespace
import asyncio
import json
from typing import Any, Final

from ..errors import InvalidError, RefusedError
from .control import MAX_LINE
from .output import (
    Printer,
    invitations_table,
    note,
    peers_table,
    print_json,
    status_table,
)
from .parser import REQUEST_TIMEOUT, SEND_TIMEOUT
from .reach import ask
from .stdin import read_stdin

OWN_WAIT: Final = 5.0
"""Seconds that ``peers`` and ``status`` give a node of their own to link up."""


def _ignore(_: dict[str, Any]) -> None:
    """Take an event that nobody wants."""


async def _look(args: Namespace, op: str) -> dict[str, Any]:
    wait = OWN_WAIT if args.wait is None else args.wait
    return await ask(
        args.state,
        op,
        {"wait": args.wait or 0},
        on_event=_ignore,
        own_args={"wait": wait, "settle": args.wait is None},
        start=wait > 0,
    )


async def status(args: Namespace) -> None:
    """Show how the node is doing."""
    answer = await _look(args, "status")
    if args.json:
        print_json(answer)
        return
    from .events import PROBLEMS  # noqa: PLC0415 - brings in the node's types

    print(status_table(answer, PROBLEMS))


async def peers(args: Namespace) -> None:
    """Show the other members."""
    answer = await _look(args, "peers")
    if args.json:
        print_json(answer)
        return
    print(peers_table(answer["peers"]))
    if not answer["running"]:
        note("No agent runs here; links were made for this look only.")


async def send(args: Namespace) -> None:
    """Send a message or a request."""
    content = await _content(args)
    if args.broadcast == (args.peer is not None):
        raise InvalidError("usage", "Give a peer, or --broadcast for everybody.")
    if args.broadcast and args.request:
        raise InvalidError("usage", "A request goes to one peer, not to everybody.")
    performative = args.performative or ("request" if args.request else "inform")
    given = {
        "topic": args.topic,
        "conversation_id": args.conversation,
        "trace_id": args.trace_id,
        "ttl": args.ttl,
    }
    draft = {"content": content, "performative": performative}
    draft |= {key: value for key, value in given.items() if value is not None}
    standard = REQUEST_TIMEOUT if args.request else SEND_TIMEOUT
    timeout = standard if args.timeout is None else args.timeout
    op = "request" if args.request else "broadcast" if args.broadcast else "send"
    what: dict[str, Any] = {"draft": draft, "timeout": timeout}
    if args.peer is not None:
        what["peer"] = args.peer
    answer = await ask(args.state, op, what, on_event=_ignore)
    if args.request:
        _show_reply(answer, as_json=args.json)
    elif args.json:
        print_json(answer)
    elif args.broadcast:
        accepted = sum(status == "accepted" for status in answer["receipts"].values())
        note(f"Accepted by {accepted} of {len(answer['receipts'])} connected peers.")


def _show_reply(answer: dict[str, Any], *, as_json: bool) -> None:
    reply = answer["reply"]
    print_json(answer if as_json else reply["content"])
    if reply["performative"] == "refuse":
        raise RefusedError(
            "request_refused",
            f"{answer['name']} refused the request.",
            peer=answer["name"],
            status="refuse",
        )


async def _content(args: Namespace) -> dict[str, Any]:
    if args.text is not None:
        return {"message": args.text}
    text = await read_stdin(MAX_LINE) if args.content == "-" else args.content
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise InvalidError("content_invalid", f"The content is not JSON: {err}.") from err
    if not isinstance(content, dict):
        raise InvalidError(
            "content_invalid", 'The content is no JSON object, such as {"on": true}.'
        )
    return content


async def listen(args: Namespace) -> None:
    """Print received messages."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[None] = loop.create_future()

    def stuck(gone: bool) -> None:  # noqa: FBT001 - a printer's callback
        loop.call_soon_threadsafe(finish, gone)

    def finish(gone: bool) -> None:  # noqa: FBT001 - likewise
        if end.done():
            return
        if gone:
            end.set_result(None)
        else:
            end.set_exception(
                RefusedError("listener_too_slow", "Nobody reads the output fast enough; stopped.")
            )

    printer = Printer(stuck)

    def tell(event: dict[str, Any]) -> None:
        if event["event"] == "message" or args.json:
            printer.put(event)
        elif event["event"] == "listening":
            note("Listening for messages; Ctrl-C stops.")

    working = asyncio.ensure_future(
        ask(
            args.state,
            "listen",
            {"count": args.count, "timeout": args.timeout},
            on_event=tell,
        )
    )
    try:
        both: list[asyncio.Future[Any]] = [working, end]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        else:
            await end
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        end.cancel()
        await asyncio.to_thread(printer.close)


async def invite(args: Namespace) -> None:
    """Print an invitation and perhaps wait until somebody joined."""

    def tell(event: dict[str, Any]) -> None:
        if args.json:
            print_json(event)
        else:
            print(event["invitation"], flush=True)
            note(f"Whoever has this text can join as {event['role']}, once.")
            if not event["stays"]:
                note("Only while this node is online: start “infrafabric agent run” if you end it.")
            if event["waits"]:
                note("Waiting until somebody has joined…")

    if args.wait is False:
        wait = {"wait": False}
    else:
        wait = {} if args.wait is None else {"wait": True}
    answer = await ask(
        args.state,
        "invite",
        {"role": args.role, "expires": args.expires, **wait},
        on_event=tell,
    )
    joined = answer["joined"]
    if joined is None:
        return
    if args.json:
        print_json({"event": "joined", "invitation_id": answer["invitation_id"], "peer": joined})
    else:
        note(f"{joined['name']} joined as {joined['role']}: {joined['check_groups']}")


async def invitations(args: Namespace) -> None:
    """Show open invitations."""
    answer = await ask(args.state, "invitations", {}, on_event=_ignore, start=False)
    if args.json:
        print_json(answer)
    else:
        print(invitations_table(answer["invitations"]))


async def cancel(args: Namespace) -> None:
    """Make an invitation useless."""
    answer = await ask(
        args.state, "cancel", {"invitation": args.invitation}, on_event=_ignore, start=False
    )
    if args.json:
        print_json(answer)
    else:
        note(f"Nobody can join with {answer['invitation_id']} any more.")


async def revoke(args: Namespace) -> None:
    """Remove a peer from the mesh."""
    answer = await ask(args.state, "revoke", {"peer": args.peer}, on_event=_ignore)
    _show_change(args, answer, f"{answer['name']} is no longer a member of the mesh.")


async def role(args: Namespace) -> None:
    """Give a peer another role."""
    what = {"peer": args.peer, "role": args.role}
    answer = await ask(args.state, "role", what, on_event=_ignore)
    _show_change(args, answer, f"{answer['name']} has the role {args.role} now.")


def _show_change(args: Namespace, answer: dict[str, Any], text: str) -> None:
    if args.json:
        print_json(answer)
        return
    note(text)
    if not answer["told"]:
        note("No other member was connected; they learn of it when one is online with this node.")
