"""Inbound webhooks: what is genuine, new and allowed is done once; everything else is refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
import json
import logging
from pathlib import Path
import time
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from aiohttp import web
from aiohttp.test_utils import TestClient
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.const import CONF_KIND, DOMAIN, EVENT_WEBHOOK, KIND_SURFACES
from custom_components.infrafabric.surfaces.webhooks.database import DatabaseError
from custom_components.infrafabric.surfaces.webhooks.inbound import receiving as module
from custom_components.infrafabric.surfaces.webhooks.inbound.answers import Answers
from custom_components.infrafabric.surfaces.webhooks.inbound.hook import STUDIO_ACTIONS, InboundHook
from custom_components.infrafabric.surfaces.webhooks.inbound.memory import ISSUE_FAILED, TRY_AGAIN
from custom_components.infrafabric.surfaces.webhooks.inbound.receiving import (
    INBOUND,
    MAX_BURST,
    MAX_RUNNING,
    Inbound,
    answers_path,
    async_setup_inbound,
)
from custom_components.infrafabric.surfaces.webhooks.inbound.request import MAX_BODY, MAX_DEPTH
from custom_components.infrafabric.surfaces.webhooks.keys import OVERLAP, first_key, rotated
from custom_components.infrafabric.surfaces.webhooks.signing import (
    TIMESTAMP_TOLERANCE,
    PrivateKey,
    Signer,
    SymmetricKey,
    signed_headers,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.json import json_bytes
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.aiohttp import MockRequest, MockStreamReader

from .webhook_world import until

WEBHOOK_ID = "ab" * 32
OTHER_ID = "cd" * 32
KEY = SymmetricKey(bytes(range(32)))
OTHER_KEY = SymmetricKey(bytes(range(1, 33)))
PRIVATE = PrivateKey(bytes(range(32)))


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0
        self.stopped: float | None = None

    def __call__(self) -> float:
        return (self.stopped or time.time()) + self.ahead


def a_hook(hook_id: str = "hook1", **changes: Any) -> ConfigSubentry:
    return ConfigSubentry(
        data=MappingProxyType(
            {
                "webhook_id": WEBHOOK_ID,
                "actions": [
                    "start_stream",
                    "stop_stream",
                    "switch_scene",
                    "emergency_stop",
                    "lights_off",
                ],
                "studios": ["device1"],
                "reach": "local",
                "keys": first_key(KEY.text()),
                **changes,
            }
        ),
        subentry_id=hook_id,
        subentry_type="webhook_in",
        title="Director",
        unique_id=None,
    )


type Start = Callable[..., Awaitable[Inbound]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calls(hass: HomeAssistant) -> dict[str, list[ServiceCall]]:
    """Stand in for the actions of studios, which have tests of their own."""
    return {name: async_mock_service(hass, DOMAIN, name) for name in STUDIO_ACTIONS}


@pytest.fixture
async def start(
    hass: HomeAssistant, tmp_path: Path, clock: Clock, calls: dict[str, list[ServiceCall]]
) -> AsyncIterator[Start]:
    hass.config.config_dir = str(tmp_path)
    assert await async_setup_component(hass, "webhook", {})
    running: list[Inbound] = []

    async def begin(hook_id: str = "hook1", **changes: Any) -> Inbound:
        inbound = Inbound(hass, InboundHook.of(a_hook(hook_id, **changes)), clock=clock)
        await inbound.async_start()
        running.append(inbound)
        return inbound

    yield begin
    for inbound in running:
        await inbound.async_stop()


@pytest.fixture
async def client(
    hass: HomeAssistant, start: Start, hass_client_no_auth: ClientSessionGenerator
) -> TestClient[Any, Any]:
    return await hass_client_no_auth()


def a_body(action: str = "stop_stream", **more: Any) -> bytes:
    return json.dumps({"action": action, **more}).encode()


async def call(
    client: TestClient[Any, Any],
    body: bytes,
    *,
    message_id: str = "msg_1",
    signers: tuple[Signer, ...] = (KEY,),
    at: float | None = None,
    webhook_id: str = WEBHOOK_ID,
    method: str = "POST",
    **headers: str,
) -> tuple[int, Any]:
    """Send a signed request and return the status and the answer."""
    timestamp = int(time.time() if at is None else at)
    signed = {**signed_headers(message_id, timestamp, body, signers), **headers}
    signed = {name.replace("_", "-"): value for name, value in signed.items() if value}
    response = await client.request(method, f"/api/webhook/{webhook_id}", data=body, headers=signed)
    text = await response.text()
    return response.status, json.loads(text) if text else None


def nested(depth: int) -> bytes:
    """Return a request whose params are so deep."""
    lists = depth - 1
    return b'{"action": "lights_off", "params": {"x": %b}}' % (b"[" * lists + b"]" * lists)


def said_in(caplog: pytest.LogCaptureFixture) -> str:
    """Return what a log says that is not for debugging, of whatever part of Home Assistant."""
    logged = [each for each in caplog.records if each.levelno >= logging.WARNING]
    return "".join(f"{each.getMessage()} {each.exc_text or ''}" for each in logged)


def nothing_done(calls: dict[str, list[ServiceCall]]) -> bool:
    return not any(calls.values())


# -- what is done -----------------------------------------------------------------------------


async def test_what_is_genuine_and_allowed_is_accepted_and_done(
    hass: HomeAssistant, start: Start, client: Any, calls: dict[str, list[ServiceCall]]
) -> None:
    inbound = await start()
    events = async_capture_events(hass, EVENT_WEBHOOK)

    assert await call(client, a_body(params={"channel": 2}, source="desk")) == (
        202,
        {"status": "accepted", "id": "msg_1"},
    )
    await hass.async_block_till_done()

    (done,) = calls["stop_stream"]
    assert dict(done.data) == {"channel": 2, "device_id": ["device1"]}
    (event,) = events
    assert event.data == {
        "webhook": "Director",
        "webhook_subentry_id": "hook1",
        "action": "stop_stream",
        "params": {"channel": 2},
        "source": "desk",
        "message_id": "msg_1",
        "truncated": False,
    }
    assert event.context.id == done.context.id
    assert event.context.user_id is None
    assert inbound.async_describe() == {
        "accepted": 1,
        "repeats": 0,
        "refused": {},
        "running": 0,
    }


async def test_a_key_pair_does_as_well(hass: HomeAssistant, start: Start, client: Any) -> None:
    await start(keys=first_key(PRIVATE.public.text()))

    assert (await call(client, a_body(), signers=(PRIVATE,)))[0] == 202
    assert (await call(client, a_body(), message_id="msg_2"))[0] == 401


async def test_the_emergency_stop_is_for_the_chosen_studios_or_for_all(
    hass: HomeAssistant, start: Start, client: Any, calls: dict[str, list[ServiceCall]]
) -> None:
    await start()
    await start("hook2", webhook_id=OTHER_ID, studios=[], actions=["emergency_stop"])

    assert (await call(client, a_body("emergency_stop")))[0] == 202
    assert (await call(client, a_body("emergency_stop"), webhook_id=OTHER_ID))[0] == 202
    await hass.async_block_till_done()

    assert [dict(done.data) for done in calls["emergency_stop"]] == [
        {"device_id": ["device1"]},
        {"all": True},
    ]


async def test_an_action_of_the_user_is_an_event_and_nothing_else(
    hass: HomeAssistant, start: Start, client: Any, calls: dict[str, list[ServiceCall]]
) -> None:
    await start()
    events = async_capture_events(hass, EVENT_WEBHOOK)

    assert (await call(client, a_body("lights_off", params={"room": [1]})))[0] == 202
    await hass.async_block_till_done()

    assert [event.data["params"] for event in events] == [{"room": [1]}]
    assert nothing_done(calls)


async def test_what_fails_afterwards_is_logged(
    hass: HomeAssistant, start: Start, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async_mock_service(hass, DOMAIN, "stop_stream", raise_exception=HomeAssistantError("It sulks"))
    await start()

    assert (await call(client, a_body()))[0] == 202
    await hass.async_block_till_done()

    assert "stop_stream in device1, asked for by the webhook Director: It sulks" in caplog.text


def test_no_action_of_a_webhook_reaches_beyond_studios() -> None:
    assert set(STUDIO_ACTIONS) == {
        "start_stream",
        "stop_stream",
        "start_recording",
        "stop_recording",
        "switch_scene",
        "emergency_stop",
    }


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_of", "status", "code"),
    [
        ({"signers": (OTHER_KEY,)}, 401, "bad_signature"),
        ({"signers": ()}, 400, "missing_header"),
        ({"webhook_signature": "v1,!"}, 401, "bad_signature"),
        ({"webhook_id_header": ""}, 400, "missing_header"),
        ({"message_id": "no id!"}, 400, "bad_id"),
        ({"webhook_timestamp": "soon"}, 400, "bad_timestamp"),
        ({"ahead": -TIMESTAMP_TOLERANCE - 100}, 401, "too_old"),
        ({"ahead": TIMESTAMP_TOLERANCE + 900}, 401, "too_new"),
        ({"body": a_body("start_recording")}, 403, "action_not_allowed"),
        ({"body": a_body("unlock")}, 403, "action_not_allowed"),
        ({"body": b"{"}, 400, "malformed"),
        ({"body": b"[]"}, 400, "malformed"),
        ({"body": b"{}"}, 400, "malformed"),
        ({"body": a_body(more=1)}, 400, "malformed"),
        ({"body": a_body(params=[])}, 400, "malformed"),
        ({"body": a_body(params={"channel": 9})}, 400, "malformed"),
        ({"body": a_body(params={"channel": True})}, 400, "malformed"),
        ({"body": a_body(params={"channel": 1.0})}, 400, "malformed"),
        ({"body": a_body("switch_scene", params={"scene": "a\nERROR b"})}, 400, "malformed"),
        ({"body": a_body("switch_scene", params={"scene": "a\u2028b"})}, 400, "malformed"),
        ({"body": a_body("lights_off", source="a\r\nb")}, 400, "malformed"),
        ({"body": a_body("lights_off", source="a\x00b")}, 400, "malformed"),
        ({"body": nested(MAX_DEPTH + 1)}, 400, "malformed"),
        ({"body": a_body(params={"device_id": "other"})}, 400, "malformed"),
        ({"body": b'{"action": ["stop_stream"]}'}, 400, "malformed"),
        ({"body": b"[" * 5000}, 400, "malformed"),
        (
            {"body": b'{"action": "lights_off", "params": {"x": %b}}' % (b"[" * 500 + b"]" * 500)},
            400,
            "malformed",
        ),
        ({"body": a_body(source="x" * MAX_BODY)}, 413, "too_large"),
        ({"body": a_body("lights_off", params={"x": "y" * 10_000})}, 413, "too_large"),
    ],
)
async def test_what_must_not_be_done_is_refused_and_counted(
    hass: HomeAssistant,
    start: Start,
    client: Any,
    calls: dict[str, list[ServiceCall]],
    caplog: pytest.LogCaptureFixture,
    request_of: dict[str, Any],
    status: int,
    code: str,
) -> None:
    inbound = await start()
    events = async_capture_events(hass, EVENT_WEBHOOK)
    asked = {"body": a_body(), **request_of}
    if "ahead" in asked:
        asked["at"] = time.time() + asked.pop("ahead")
    if "webhook_id_header" in asked:
        asked["webhook-id"] = asked.pop("webhook_id_header")
    for name in ("webhook_signature", "webhook_timestamp"):
        if name in asked:
            asked[name.replace("_", "-")] = asked.pop(name)

    got, said = await call(client, **asked)
    await call(client, **{**asked, "message_id": asked.get("message_id", "msg_2")})
    await hass.async_block_till_done()

    assert (got, said["error"]) == (status, code)
    assert inbound.refused == {code: 2}
    assert nothing_done(calls)
    assert events == []
    assert caplog.text.count("refused a request") == 1, "said once, then only counted"
    assert KEY.text() not in caplog.text


async def test_params_may_be_as_deep_as_an_event_can_tell(
    hass: HomeAssistant, start: Start, client: Any
) -> None:
    await start()
    events = async_capture_events(hass, EVENT_WEBHOOK)
    assert (await call(client, nested(MAX_DEPTH)))[0] == 202
    await hass.async_block_till_done()
    (event,) = events
    assert json_bytes(event.as_dict())


async def test_a_changed_body_is_no_longer_genuine(start: Start, client: Any) -> None:
    await start()
    signed = signed_headers("msg_1", int(time.time()), a_body(), [KEY])
    response = await client.post(
        f"/api/webhook/{WEBHOOK_ID}", data=a_body("emergency_stop"), headers=signed
    )
    assert response.status == 401


async def test_the_key_of_one_webhook_opens_no_other(
    hass: HomeAssistant, start: Start, client: Any, calls: dict[str, list[ServiceCall]]
) -> None:
    await start()
    other = await start("hook2", webhook_id=OTHER_ID, keys=first_key(OTHER_KEY.text()))

    assert (await call(client, a_body(), webhook_id=OTHER_ID))[0] == 401
    await hass.async_block_till_done()
    assert other.refused == {"bad_signature": 1}
    assert nothing_done(calls)


@pytest.mark.parametrize(("method", "status"), [("PUT", 405), ("GET", 405), ("HEAD", 200)])
async def test_home_assistant_itself_answers_other_methods(
    hass: HomeAssistant,
    start: Start,
    client: Any,
    calls: dict[str, list[ServiceCall]],
    method: str,
    status: int,
) -> None:
    inbound = await start()
    assert (await call(client, a_body(), method=method))[0] == status
    assert (await call(client, a_body(), webhook_id="ef" * 32))[0] == 200, "an unknown address"
    await hass.async_block_till_done()
    assert (inbound.accepted, inbound.refused) == (0, {})
    assert nothing_done(calls)


async def test_too_many_requests_are_refused_for_a_while(
    start: Start, client: Any, clock: Clock
) -> None:
    # However long they take, no time passes in which more would be allowed.
    clock.stopped = time.time()
    inbound = await start()
    answers = [(await call(client, b"", signers=()))[0] for _ in range(MAX_BURST + 10)]
    assert answers.count(429) == 10
    assert inbound.refused["too_many"] == answers.count(429)

    clock.ahead = 60
    assert (await call(client, a_body()))[0] == 202


async def test_only_so_much_is_done_at_once(hass: HomeAssistant, start: Start, client: Any) -> None:
    gate = asyncio.Event()

    async def slow(_call: ServiceCall) -> None:
        await gate.wait()

    inbound = await start()
    hass.services.async_register(DOMAIN, "stop_stream", slow)
    ids = [f"msg_{number}" for number in range(MAX_RUNNING + 8)]
    answers = await asyncio.gather(*(call(client, a_body(), message_id=each) for each in ids))
    statuses = {each: status for each, (status, _) in zip(ids, answers, strict=True)}
    assert sorted(statuses.values()) == [202] * MAX_RUNNING + [429] * 8
    assert inbound.async_describe()["running"] == MAX_RUNNING

    gate.set()
    await hass.async_block_till_done()
    assert inbound.async_describe()["running"] == 0
    refused = next(each for each in ids if statuses[each] == 429)
    assert (await call(client, a_body(), message_id=refused))[0] == 202, "it may come again"


async def test_what_is_not_done_takes_no_place(
    hass: HomeAssistant, start: Start, client: Any
) -> None:
    inbound = await start()
    assert (await call(client, a_body()))[0] == 202
    assert (await call(client, a_body()))[0] == 202, "a repeat"
    assert (await call(client, a_body("unlock"), message_id="b"))[0] == 403
    for broken in (DatabaseError("disk I/O error"), RuntimeError("shutting down")):
        with patch.object(inbound._memory, "async_first", side_effect=broken):
            assert (await call(client, a_body(), message_id="c"))[0] == 429
    await hass.async_block_till_done()
    assert inbound.async_describe()["running"] == 0


async def test_what_is_accepted_is_done_when_the_sender_hangs_up(
    hass: HomeAssistant, start: Start, calls: dict[str, list[ServiceCall]]
) -> None:
    inbound = await start()
    gate = asyncio.Event()
    remember = inbound._memory.async_first

    async def slowly(*answer: Any) -> Any:
        first = await remember(*answer)
        await gate.wait()
        return first

    body = a_body("emergency_stop")
    headers = signed_headers("msg_1", int(time.time()), body, [KEY])
    request: Any = MockRequest(body, "test", method="POST", headers=headers)
    with patch.object(inbound._memory, "async_first", slowly):
        handling = asyncio.create_task(inbound.async_handle(hass, WEBHOOK_ID, request))
        await until(lambda: inbound.async_describe()["running"] == 1)
        # As the web server of Home Assistant does it.
        handling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handling
        gate.set()
        await hass.async_block_till_done()
    assert len(calls["emergency_stop"]) == 1


async def test_a_body_that_does_not_come_is_given_up(
    hass: HomeAssistant, start: Start, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.05)
    inbound = await start()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(20)
        yield b"}"

    response = await client.post(f"/api/webhook/{WEBHOOK_ID}", data=slowly())
    assert response.status == 400
    assert inbound.refused == {"incomplete": 1}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity, gzip"])
async def test_a_body_that_is_packed_is_refused_before_it_is_read(
    start: Start, client: Any, caplog: pytest.LogCaptureFixture, encoding: str
) -> None:
    inbound = await start()
    garbage = b"this was never packed" * 10
    url = f"/api/webhook/{WEBHOOK_ID}"
    response = await client.post(url, data=garbage, headers={"content-encoding": encoding})

    assert (response.status, await response.json()) == (400, {"error": "malformed"})
    assert inbound.refused == {"malformed": 1}
    assert WEBHOOK_ID not in said_in(caplog)


async def test_a_body_that_says_it_is_not_packed_is_read(start: Start, client: Any) -> None:
    await start()
    assert (await call(client, a_body(), content_encoding="Identity"))[0] == 202


async def test_a_body_that_breaks_off_is_refused_and_counted(
    hass: HomeAssistant, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbound = await start()

    async def breaks_off(_self: object, _count: int) -> bytes:
        raise web.RequestPayloadError("not what its headers say")

    monkeypatch.setattr(MockStreamReader, "read", breaks_off)
    request: Any = MockRequest(content=b"{", mock_source="test", method="POST")
    response = await inbound.async_handle(hass, WEBHOOK_ID, request)
    assert response.status == 400
    assert inbound.refused == {"incomplete": 1}


async def test_whatever_else_fails_is_an_honest_answer_and_keeps_the_address_secret(
    start: Start, client: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbound = await start()

    def fails(*_args: object) -> None:
        raise RuntimeError(f"of {WEBHOOK_ID}")

    with monkeypatch.context() as broken:
        broken.setattr(module, "wanted_of", fails)
        assert await call(client, a_body()) == (429, {"error": "unavailable"})
    assert inbound.refused == {"unavailable": 1}
    assert "The webhook Director failed: RuntimeError" in caplog.text
    assert WEBHOOK_ID not in said_in(caplog)
    assert (await call(client, a_body()))[0] == 202, "and the same request may come again"


# -- repeats ----------------------------------------------------------------------------------


async def test_a_repeat_gets_the_first_answer_and_does_nothing_twice(
    hass: HomeAssistant, start: Start, client: Any, calls: dict[str, list[ServiceCall]]
) -> None:
    inbound = await start()
    first = await call(client, a_body())
    same = await call(client, a_body())
    later = await call(client, a_body(), at=time.time() + 60)
    refused = await call(client, a_body("unlock"), message_id="msg_2")
    again = await call(client, a_body("stop_stream"), message_id="msg_2")
    await hass.async_block_till_done()

    assert first == same == later == (202, {"status": "accepted", "id": "msg_1"})
    assert refused == again == (403, {"error": "action_not_allowed", "id": "msg_2"})
    assert len(calls["stop_stream"]) == 1
    assert (inbound.accepted, inbound.repeats, inbound.refused["action_not_allowed"]) == (1, 3, 1)


async def test_a_restart_forgets_no_answer(
    hass: HomeAssistant, start: Start, client: Any, calls: dict[str, list[ServiceCall]]
) -> None:
    first = await start()
    assert (await call(client, a_body()))[0] == 202
    await hass.async_block_till_done()
    await first.async_stop()

    second = await start()
    assert (await call(client, a_body())) == (202, {"status": "accepted", "id": "msg_1"})
    await hass.async_block_till_done()
    assert len(calls["stop_stream"]) == 1
    assert (second.accepted, second.repeats) == (0, 1)


FAILED = f"{ISSUE_FAILED}_hook1"


def damage(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"this was never a database" * 400)


async def test_a_webhook_whose_file_is_damaged_says_so_and_works_when_it_is_mended(
    hass: HomeAssistant,
    start: Start,
    client: Any,
    calls: dict[str, list[ServiceCall]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = answers_path(hass, "hook1")
    damage(path)
    await start()
    issues = ir.async_get(hass)
    issue = issues.async_get_issue(DOMAIN, FAILED)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["webhook"] == "Director"
    assert str(path) in issue.translation_placeholders["problem"]

    for _ in range(2):
        assert await call(client, a_body("emergency_stop")) == (429, {"error": "unavailable"})
    await hass.async_block_till_done()
    assert nothing_done(calls)
    assert caplog.text.count("The webhook Director can accept nothing") == 1

    path.unlink()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=TRY_AGAIN + 1))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issues.async_get_issue(DOMAIN, FAILED) is None
    assert (await call(client, a_body("emergency_stop")))[0] == 202


async def test_a_request_tries_at_once_whether_the_file_works_again(
    hass: HomeAssistant, start: Start, client: Any
) -> None:
    path = answers_path(hass, "hook1")
    damage(path)
    await start()
    path.unlink()

    assert (await call(client, a_body()))[0] == 202
    assert ir.async_get(hass).async_get_issue(DOMAIN, FAILED) is None


async def test_nothing_is_done_that_cannot_be_remembered(
    hass: HomeAssistant, start: Start, client: Any, calls: dict[str, list[ServiceCall]]
) -> None:
    inbound = await start()
    assert (await call(client, a_body()))[0] == 202
    await hass.async_block_till_done()
    broken = DatabaseError("answers.db cannot be written: disk I/O error")
    with patch.object(inbound._memory._answers, "first", side_effect=broken):
        assert (await call(client, a_body(), message_id="msg_2"))[0] == 429
    await hass.async_block_till_done()
    assert len(calls["stop_stream"]) == 1
    assert ir.async_get(hass).async_get_issue(DOMAIN, FAILED) is not None

    await inbound.async_stop()
    assert ir.async_get(hass).async_get_issue(DOMAIN, FAILED) is None
    with pytest.raises(DatabaseError):
        await inbound._memory.async_first("msg_3", 202, "accepted", 0)
    assert ir.async_get(hass).async_get_issue(DOMAIN, FAILED) is None


def test_a_file_that_is_damaged_within_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    answers = Answers(path)
    answers.open()
    for number in range(500):
        answers.first(f"msg_{number}", 202, "accepted", 0)
    answers.close()
    content = bytearray(path.read_bytes())
    content[8192:12288] = bytes(4096)
    path.write_bytes(content)

    with pytest.raises(DatabaseError, match=r"damaged|malformed"):
        answers.open()


def test_only_so_many_answers_are_remembered(tmp_path: Path) -> None:
    answers = Answers(tmp_path / "answers.db", max_remembered=3)
    answers.open()
    assert answers.first("a", 202, "accepted", 0) is None
    assert answers.first("b", 403, "no", 1000) is None
    assert answers.first("b", 202, "accepted", 1000) == (403, "no")
    assert answers.first("c", 202, "accepted", 1001) is None
    assert answers.first("a", 400, "other", 1002) == (202, "accepted")
    assert answers.first("d", 202, "accepted", 1003) is None
    assert answers.first("b", 400, "other", 1004) == (403, "no")
    assert answers.first("a", 400, "other", 1005) is None, "the oldest made room"
    answers.close()


async def test_a_clock_that_is_set_forward_and_back_lets_no_recording_in_again(
    hass: HomeAssistant,
    start: Start,
    client: Any,
    clock: Clock,
    calls: dict[str, list[ServiceCall]],
) -> None:
    await start()
    at = time.time()
    assert (await call(client, a_body(), message_id="recorded", at=at))[0] == 202
    clock.ahead = 30 * 86_400
    assert (await call(client, a_body("unlock"), message_id="other", at=clock()))[0] == 403
    clock.ahead = 0
    assert (await call(client, a_body(), message_id="recorded", at=at))[0] == 202
    await hass.async_block_till_done()
    assert len(calls["stop_stream"]) == 1


# -- keys -------------------------------------------------------------------------------------


async def test_both_keys_count_for_a_day_while_one_is_exchanged(
    start: Start, client: Any, clock: Clock
) -> None:
    await start(keys=rotated(first_key(KEY.text()), OTHER_KEY.text(), time.time()))

    assert (await call(client, a_body(), message_id="a"))[0] == 202
    assert (await call(client, a_body(), message_id="b", signers=(OTHER_KEY,)))[0] == 202
    clock.ahead = OVERLAP + 1
    at = clock()
    assert (await call(client, a_body(), message_id="c", at=at))[0] == 401
    assert (await call(client, a_body(), message_id="d", at=at, signers=(OTHER_KEY,)))[0] == 202


# -- life -------------------------------------------------------------------------------------


async def test_a_webhook_that_is_gone_leaves_nothing(
    hass: HomeAssistant, start: Start, client: Any, tmp_path: Path
) -> None:
    entry = MockConfigEntry(domain=DOMAIN, data={CONF_KIND: KIND_SURFACES})
    entry.add_to_hass(hass)
    unload = await async_setup_inbound(hass, entry, a_hook())
    assert set(hass.data[INBOUND]) == {"hook1"}
    assert (await call(client, a_body()))[0] == 202
    await hass.async_block_till_done()
    assert list((tmp_path / ".storage").iterdir())

    await unload()
    assert hass.data[INBOUND] == {}
    assert list((tmp_path / ".storage").iterdir()) == []
    assert (await call(client, a_body(), message_id="b"))[0] == 200
