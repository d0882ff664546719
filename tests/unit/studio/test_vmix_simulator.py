"""The simulator itself, byte for byte: what public sources say of vMix's two APIs."""

import asyncio

import pytest

from tests.vmix_simulator import RELEASES, VmixSimulator, World


async def talk(port: int, *lines: bytes) -> bytes:
    """Send lines, one after each answer, and return all that came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = b""
    try:
        for line in (b"", *lines):
            if line:
                writer.write(line)
            async with asyncio.timeout(20):
                heard += await reader.read(100_000)
    finally:
        writer.close()
    return heard


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_names_its_source(release: str) -> None:
    assert RELEASES[release].source


async def test_a_conversation_as_in_the_help() -> None:
    async with VmixSimulator() as simulator:
        heard = await talk(
            simulator.port,
            b"TALLY\r\n",
            b"XMLTEXT vmix/version\r\n",
            b"XMLTEXT vmix/nothing\r\n",
            b"FUNCTION PreviewInput Input=3\r\n",
            b"FUNCTION NoSuchFunction\r\n",
            b"FUNCTION PreviewInput Input=99\r\n",
            b"NONSENSE\r\n",
            b"VERSION\r\n",
            b"QUIT\r\n",
        )

    assert heard.split(b"\r\n") == [
        b"VERSION OK 28.0.0.39",
        b"TALLY OK 1200",
        b"XMLTEXT OK 28.0.0.39",
        b"XMLTEXT ER XML Entry Not Found",
        b"FUNCTION OK Completed",
        # openavc measured that: a name that vMix does not know is a success.
        b"FUNCTION OK Completed",
        b"FUNCTION ER Input not found",
        b"NONSENSE ER Unknown Command",
        b"VERSION OK 28.0.0.39",
        b"QUIT OK Bye",
        b"",
    ]


async def test_the_announced_length_counts_the_last_line_end() -> None:
    async with VmixSimulator() as simulator:
        heard = await talk(simulator.port, b"XML\r\n")
        document = simulator.world.xml()

    assert heard == b"VERSION OK 28.0.0.39\r\nXML %d\r\n%s\r\n" % (len(document) + 2, document)


async def test_subscribers_hear_what_functions_change_before_their_answer() -> None:
    async with VmixSimulator() as simulator:
        heard = await talk(
            simulator.port,
            b"SUBSCRIBE TALLY\r\n",
            b"SUBSCRIBE ACTS\r\n",
            b"FUNCTION CutDirect Input=3\r\n",
            b"FUNCTION SetVolume Input=2&Value=50\r\n",
            b"FUNCTION StartStreaming Value=4\r\n",
            b"FUNCTION AudioOff Input=1\r\n",
        )

    assert heard.decode().split("\r\n")[1:-1] == [
        "SUBSCRIBE OK TALLY Subscribed",
        "TALLY OK 1200",
        "SUBSCRIBE OK ACTS Subscribed",
        "ACTS OK Input 1 0",
        "ACTS OK Input 3 1",
        "TALLY OK 0210",
        "FUNCTION OK Completed",
        "ACTS OK InputVolume 2 0.0625",
        "FUNCTION OK Completed",
        "ACTS OK Streaming 1",
        "FUNCTION OK Completed",
        "ACTS OK InputAudio 1 0",
        "FUNCTION OK Completed",
    ]


async def test_the_web_controller_refuses_a_line_of_the_tcp_api() -> None:
    async with VmixSimulator() as simulator:
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator.http_port)
        writer.write(b"SUBSCRIBE ACTS\r\n")
        writer.write_eof()
        heard = await reader.read(1000)
        writer.close()

    assert heard.startswith(b"HTTP/1.0 400 Bad Request\r\n")


def test_only_running_streams_are_in_the_xml() -> None:
    world = World("28")
    assert b"<streaming>False</streaming>" in world.xml()
    world.stream(2, on=True)
    assert b'<streaming channel2="True">True</streaming>' in world.xml()
