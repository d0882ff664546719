"""The senders in the documentation, as they stand there, send what an inbound webhook accepts."""

import asyncio
from pathlib import Path
import re
import shutil
import sys
import time

import pytest

from custom_components.infrafabric.surfaces.webhooks.signing import SymmetricKey, verify

from .webhook_world import receiver

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "webhooks.md"
KEY = SymmetricKey(bytes(range(32)))


@pytest.mark.parametrize(
    ("language", "program"),
    [("python", [sys.executable, "-"]), ("javascript", ["node", "-"]), ("sh", ["sh"])],
    ids=["python", "javascript", "sh"],
)
async def test_a_documented_sender_signs_as_it_should(
    socket_enabled: None, language: str, program: list[str]
) -> None:
    assert shutil.which(program[0]), program[0]
    block = re.search(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert block
    async with receiver() as there:
        source = block[1].replace(
            "http://homeassistant.local:8123", f"http://127.0.0.1:{there.port}"
        )
        source = source.replace("whsec_…", KEY.text()).replace("/api/webhook/…", "/api/webhook/abc")
        process = await asyncio.create_subprocess_exec(
            *program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, wrong = await process.communicate(source.encode())

    assert process.returncode == 0, wrong.decode()
    assert b"200" in said
    (got,) = there.requests
    verify(got.headers, got.body, [KEY], time.time())
    assert got.json == {"action": "stop_stream"}
