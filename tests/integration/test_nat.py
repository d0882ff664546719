"""Two hosts behind separate NATs: direct with STUN, relayed with TURN, not at all without."""

from collections.abc import AsyncIterator
import json
from pathlib import Path

import pytest
import pytest_asyncio

from demo.agents import Agent
from demo.processes import until

from .nat_lab import CORE, PASSWORD, TURN_PORT, USER, NatLab, require_counterparts

pytestmark = pytest.mark.asyncio(loop_scope="session")

STUN = ("--ice-server", f"stun:{CORE}:{TURN_PORT}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_counterparts()
    return tmp_path_factory.mktemp("nat")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab(folder: Path, watch) -> AsyncIterator[NatLab]:
    lab = NatLab(folder)
    watch([lab.signal, lab.turn])
    async with lab:
        yield lab


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(lab: NatLab, watch) -> AsyncIterator[tuple[Agent, Agent]]:
    """Return two members of one mesh, one behind each NAT, offline."""
    one, other = (Agent(side, lab.folder / side, lab.inside(f"host-{side}")) for side in "ab")
    await one.found("NAT mesh", "--signal", lab.signal_url)
    await one.start()
    try:
        # Joining needs no link, only the server in the middle.
        await other.join(await one.invite())
    finally:
        await one.stop()
    yield one, other


@pytest_asyncio.fixture(loop_scope="session")
async def online(pair, watch) -> AsyncIterator:
    """Bring both online with the same options, and offline again."""

    async def start(*options: str) -> None:
        for agent in pair:
            await agent.start(*options)
        watch([agent.process for agent in pair])

    yield start
    for agent in pair:
        await agent.stop()


def turn(folder: Path, transport: str) -> tuple[str, str]:
    """Return the options for one TURN server and nothing else."""
    path = folder / f"{transport}.json"
    url = f"turn:{CORE}:{TURN_PORT}?transport={transport}"
    path.write_text(json.dumps([{"url": url, "username": USER, "credential": PASSWORD}]))
    path.chmod(0o600)
    return ("--ice-file", str(path))


async def talk(pair) -> None:
    """Send a message each way over the link, end to end."""
    for one, other in (pair, reversed(pair)):
        sent = await one.command("send", other.peer_id, "--text", f"from {one.name}")
        assert sent

        def heard(agent=other, text=f"from {one.name}") -> bool:
            return any(message["content"] == {"message": text} for message in agent.messages())

        await other.until("to hear the other one", heard)


async def test_without_any_server_the_nats_keep_them_apart(pair, online) -> None:
    one, other = pair
    await online()
    failures: set[str | None] = set()

    async def looks() -> list[str | None]:
        views = [
            (await agent.peers())[peer.peer_id] for agent, peer in ((one, other), (other, one))
        ]
        assert not any(view["connected"] for view in views)
        return [view["failure"] for view in views]

    async def failed() -> bool:
        failures.update(await looks())
        return bool(failures & {"ice_failed", "link_timeout"})

    # Both are signed in and dial; an attempt takes ten seconds.
    await until("an attempt to fail", failed, 90, seen=looks)


async def test_with_stun_the_link_is_direct(pair, online) -> None:
    one, other = pair
    await online(*STUN)
    assert (await one.wait_linked(other.peer_id))["path"] == "direct_wan"
    assert (await other.wait_linked(one.peer_id))["path"] == "direct_wan"
    await talk(pair)


async def test_with_turn_only_the_link_is_relayed(lab: NatLab, pair, online) -> None:
    one, other = pair
    await online(*turn(lab.folder, "udp"))
    assert (await one.wait_linked(other.peer_id))["path"] == "turn_udp"
    assert (await other.wait_linked(one.peer_id))["path"] == "turn_udp"
    await talk(pair)


async def test_where_udp_is_blocked_the_relay_is_reached_over_tcp(lab, pair, online) -> None:
    one, other = pair
    for side in "ab":
        lab.set_rules(side, "meta l4proto tcp")
    try:
        await online(*turn(lab.folder, "tcp"))
        assert (await one.wait_linked(other.peer_id))["path"] == "turn_tcp"
        assert (await other.wait_linked(one.peer_id))["path"] == "turn_tcp"
        await talk(pair)
    finally:
        for side in "ab":
            lab.set_rules(side)
