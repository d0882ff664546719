"""The command line: every command, its options and its help."""

import argparse
from pathlib import Path
import re
from typing import TYPE_CHECKING, Final

from ..signaling.actions import MAX_CONNECTIONS, MIN_CONNECTIONS, Limits
from .settings import DEFAULT_PORT, check_local_address, is_ice_url
from .store import default_directory

ROLES: Final = ("observe", "command", "admin")
SEND_TIMEOUT: Final = 10.0
REQUEST_TIMEOUT: Final = 30.0
LEAVE_WAIT: Final = 10.0
_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(s|m|min|h|d)?")
_MAX_EXPIRY: Final = 30 * 86_400

EXIT_CODES: Final = """\
exit codes: 0 done · 2 wrong usage · 3 refused · 4 unreachable · 5 timeout · 1 anything else;
130 and 143 when interrupted. Commands that run until they are stopped end with 0."""


def duration(text: str) -> float:
    """Return seconds of ``90``, ``30s``, ``15min``, ``24h`` or ``7d``."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"“{text}” is no duration; write 30s, 15min, 24h or 7d")
    return float(match[1]) * _UNITS[match[2] or "s"]


def _expiry(text: str) -> float:
    seconds = duration(text)
    if not 60 <= seconds <= _MAX_EXPIRY:  # noqa: PLR2004
        raise argparse.ArgumentTypeError("an invitation lasts from 1min to 30d")
    return seconds


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 31):
        raise argparse.ArgumentTypeError(f"“{text}” is no number from 1 on")
    return int(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"“{text}” is no port from 0 to 65535")
    return int(text)


def _connections(text: str) -> int:
    number = _positive(text)
    if not MIN_CONNECTIONS <= number <= MAX_CONNECTIONS:
        raise argparse.ArgumentTypeError(
            f"a server bears {MIN_CONNECTIONS} to {MAX_CONNECTIONS} connections"
        )
    return number


def _local_address(text: str) -> str:
    try:
        return check_local_address(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(f"“{text}” is no IP address") from err


def _signal_url(text: str) -> str:
    from ..trust.invitation import is_signaling_url  # noqa: PLC0415 - brings in the cryptography

    if not is_signaling_url(text):
        raise argparse.ArgumentTypeError(
            f"“{text}” is no address of a signaling server; write ws://HOST:PORT or wss://HOST"
        )
    return text


def _stun_url(text: str) -> str:
    if not is_ice_url(text) or not text.startswith("stun"):
        raise argparse.ArgumentTypeError(
            f"“{text}” is no stun: address; TURN servers need passwords and belong in --ice-file"
        )
    return text


def _ttl(text: str) -> int:
    seconds = _positive(text)
    if seconds > 3600:  # noqa: PLR2004
        raise argparse.ArgumentTypeError("a message is fresh for 1 to 3600 seconds")
    return seconds


def build() -> argparse.ArgumentParser:
    """Return the parser; ``args.command`` names the command."""
    parser = argparse.ArgumentParser(
        prog="infrafabric",
        description="Peer-to-peer mesh of homes, studios and software agents.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    groups = parser.add_subparsers(metavar="COMMAND", dest="group")
    agent = groups.add_parser(
        "agent",
        help="be a member of a mesh: init, join, invite, run, send, listen, peers, status …",
        description="Be a member of a mesh, without Home Assistant.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = agent.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for add in (_init, _join, _run, _invite, _send, _listen, _peers, _status):
        add(commands)
    for add in (_invitations, _cancel, _role, _revoke, _leave):
        add(commands)
    _signal(groups)
    return parser


if TYPE_CHECKING:
    type _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001


def _command(
    commands: _Commands, name: str, text: str, *, state: bool = True, about: str = ""
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=about or f"{text[0].upper()}{text[1:]}.",
    )
    parser.set_defaults(command=name)
    parser.add_argument("--json", action="store_true", help="print JSON, also for errors")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens to stderr")
    if state:
        parser.add_argument(
            "--state",
            type=Path,
            metavar="DIR",
            default=default_directory(),
            help="where this node's key and state are kept (default: $INFRAFABRIC_STATE, "
            "or infrafabric in the XDG data directory)",
        )
    return parser


def _network_options(parser: argparse.ArgumentParser, when: str) -> None:
    group = parser.add_argument_group(f"network ({when})")
    group.add_argument(
        "--signal",
        action="append",
        type=_signal_url,
        metavar="URL",
        help="address of the signaling server that this node uses or hosts; give it again for "
        "further addresses of the same server",
    )
    group.add_argument(
        "--host-signal",
        nargs="?",
        const=f"0.0.0.0:{DEFAULT_PORT}",
        metavar="HOST:PORT",
        help="host a signaling server while running (default: %(const)s); others are told "
        "--signal, or this address",
    )
    group.add_argument(
        "--local-address",
        action="append",
        type=_local_address,
        metavar="IP",
        help="use only this address of the machine for links (repeatable; default: all)",
    )
    group.add_argument(
        "--ice-server",
        action="append",
        type=_stun_url,
        metavar="stun:HOST:PORT",
        help="STUN server (repeatable)",
    )
    group.add_argument(
        "--ice-file",
        type=Path,
        metavar="FILE",
        help='JSON file of ICE servers: [{"url": "turn:…", "username": "…", "credential": "…"}]; '
        "read before each dial",
    )
    group.add_argument(
        "--relay-only",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="use TURN servers for every link",
    )


def _init(commands: _Commands) -> None:
    parser = _command(commands, "init", "make a new mesh with this node as its first admin")
    parser.add_argument("--mesh", required=True, metavar="NAME", help="name of the mesh")
    parser.add_argument("--name", required=True, help="name of this node")
    _network_options(parser, "remembered; --signal or --host-signal is needed")


def _join(commands: _Commands) -> None:
    parser = _command(
        commands,
        "join",
        "join a mesh with an invitation",
        about="Join a mesh with an invitation. Whoever has the invitation can join in your place, "
        "and arguments can be seen by every user of the machine: rather let it be read from "
        "standard input (the default) or from --file.",
    )
    parser.add_argument(
        "invitation", nargs="?", default="-", help="the invitation, or - for standard input"
    )
    parser.add_argument("--file", type=Path, help="read the invitation from this file")
    parser.add_argument("--name", required=True, help="name of this node")
    parser.add_argument(
        "--timeout", type=duration, default=20.0, help="how long to try (default: 20s)"
    )
    _network_options(parser, "remembered")


def _run(commands: _Commands) -> None:
    parser = _command(
        commands,
        "run",
        "be online until stopped",
        about="Be online until stopped with Ctrl-C or SIGTERM. Meanwhile the other commands use "
        "this node. With --json every event is a line of JSON on standard output.",
    )
    parser.add_argument(
        "--listen", action="store_true", help="print received messages as lines of JSON"
    )
    _network_options(parser, "for this run only")


def _invite(commands: _Commands) -> None:
    parser = _command(
        commands,
        "invite",
        "let somebody join",
        about="Print an invitation, and nothing else, on standard output. It lets one node join "
        "while this one is online: so this command waits until somebody has joined, unless "
        "“infrafabric agent run” keeps the node online anyway.",
    )
    parser.add_argument(
        "--role", choices=ROLES, default="observe", help="what it may do (default: observe)"
    )
    parser.add_argument(
        "--expires", type=_expiry, default="24h", help="how long it is good for (default: 24h)"
    )
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="wait until somebody has joined",
    )


def _send(commands: _Commands) -> None:
    parser = _command(
        commands,
        "send",
        "send a message, or a request and wait for the reply",
        about="Send a signed message and wait for its receipt, or a request and print the content "
        "of the reply. Waits for the peer to be connected.",
    )
    parser.add_argument("peer", nargs="?", help="name, id, or beginning of the id")
    parser.add_argument("--broadcast", action="store_true", help="send to every connected peer")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--content", metavar="JSON", help="a JSON object, or - for standard input")
    what.add_argument("--text", help="short for --content '{\"message\": TEXT}'")
    parser.add_argument(
        "--request", action="store_true", help="wait for the reply and print its content"
    )
    parser.add_argument("--performative", help="default: inform, or request with --request")
    parser.add_argument("--topic", metavar="if://topic/…")
    parser.add_argument("--conversation", metavar="if://conversation/…")
    parser.add_argument(
        "--trace-id", metavar="HEX", help="12 hexadecimal characters; a reply repeats the request's"
    )
    parser.add_argument("--ttl", type=_ttl, metavar="SECONDS", help="default: 300")
    parser.add_argument(
        "--timeout",
        type=duration,
        help=f"for everything together (default: {SEND_TIMEOUT:g}s; {REQUEST_TIMEOUT:g}s with "
        "--request)",
    )


def _listen(commands: _Commands) -> None:
    parser = _command(commands, "listen", "print received messages as lines of JSON")
    parser.add_argument("--count", type=_positive, metavar="N", help="end after N messages")
    parser.add_argument("--timeout", type=duration, help="fail when it takes longer")


def _wait_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        type=duration,
        help="wait so long for every member to be connected (default: 5s when no agent runs)",
    )


def _peers(commands: _Commands) -> None:
    _wait_option(_command(commands, "peers", "show the other members and their links"))


def _status(commands: _Commands) -> None:
    _wait_option(_command(commands, "status", "show how this node is doing"))


def _invitations(commands: _Commands) -> None:
    _command(commands, "invitations", "show open invitations")


def _cancel(commands: _Commands) -> None:
    parser = _command(commands, "cancel", "make an open invitation useless")
    parser.add_argument("invitation", metavar="ID", help="its id, or the beginning")


def _role(commands: _Commands) -> None:
    parser = _command(commands, "role", "give a peer another role")
    parser.add_argument("peer", help="name, id, or beginning of the id")
    parser.add_argument("role", choices=ROLES)


def _revoke(commands: _Commands) -> None:
    parser = _command(commands, "revoke", "remove a peer from the mesh for good")
    parser.add_argument("peer", help="name, id, or beginning of the id")


def _leave(commands: _Commands) -> None:
    parser = _command(
        commands,
        "leave",
        "leave the mesh and delete the key of this node",
        about="Say goodbye to the mesh, so that nobody waits for this node, and delete its key "
        "and state for good. The agent must not run. To come back takes a new invitation.",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--wait",
        type=duration,
        default=LEAVE_WAIT,
        help=f"how long to wait for a member that hears the goodbye (default: {LEAVE_WAIT:g}s)",
    )
    parser.add_argument("--force", action="store_true", help="leave even if no member can be told")


def _signal(groups: _Commands) -> None:
    parser = _command(
        groups,
        "signal",
        "run a signaling server",
        state=False,
        about="Run a signaling server, through which nodes of any mesh find each other, until "
        "stopped. Prints its address on standard output. It can read nothing of what it passes on.",
    )
    parser.add_argument(
        "--host",
        default="0.0.0.0",  # noqa: S104 - others have to reach it
        help="address to listen at (default: all)",
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="default: %(default)s; 0: any free one"
    )
    parser.add_argument(
        "--url",
        action="append",
        type=_signal_url,
        help="address at which clients reach it, if that is another one, as behind a proxy "
        "(repeatable); others are refused",
    )
    parser.add_argument(
        "--max-connections",
        type=_connections,
        default=Limits().connections,
        metavar="N",
        help=f"how many nodes it serves at once, {MIN_CONNECTIONS} to {MAX_CONNECTIONS} "
        "(default: %(default)s)",
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate chain, PEM")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="private key, PEM")
