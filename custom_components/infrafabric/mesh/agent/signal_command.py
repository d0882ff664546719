"""``infrafabric signal``: the signaling server alone."""

from argparse import Namespace
import asyncio
from pathlib import Path
import ssl

from ..errors import InvalidError
from ..signaling.actions import Limits
from ..signaling.server import SignalingServer
from .output import note, print_json
from .owner import listen
from .settings import is_wildcard, own_address, signal_url


async def signal(args: Namespace) -> None:
    """Run until the task is cancelled."""
    context = await asyncio.to_thread(_context, args.tls_cert, args.tls_key)
    given = tuple(args.url or ())
    server = SignalingServer(
        (lambda: given) if given else None, open=True, limits=Limits.of(args.max_connections)
    )
    running = await listen(args.host, args.port, server, context)
    try:
        host = own_address() if is_wildcard(args.host) else args.host
        scheme = "ws" if context is None else "wss"
        urls = given or (signal_url(scheme, host, running.port),)
        if args.json:
            print_json({"urls": urls, "port": running.port})
        else:
            for url in urls:
                print(url, flush=True)
            note("The signaling server runs; Ctrl-C stops it.")
        await asyncio.get_running_loop().create_future()
    finally:
        await running.close()


def _context(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None:
        if key is not None:
            raise InvalidError("usage", "--tls-key needs --tls-cert.")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An encrypted key fails instead of asking for its password.
        context.load_cert_chain(cert, key, password="")
    except OSError as err:
        reason = err.strerror or str(err)
        raise InvalidError(
            "tls_unusable",
            f"The certificate {cert} cannot be used: {reason}. Give --tls-cert and --tls-key as "
            "PEM files.",
        ) from err
    return context
