"""Home Assistant's own REST and WebSocket API, as its frontend uses it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
import contextlib
import itertools
import ssl
from typing import Any, Final, Self

import aiohttp

from .processes import DemoError

NAME: Final = "Demo"
USERNAME: Final = "demo"
PASSWORD: Final = "demo-demo"  # noqa: S105 - printed for everybody who watches the demo

type Json = dict[str, Any]


class Api:
    """One logged-in user at one Home Assistant."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        """Use the Home Assistant at *url*; nothing is opened yet."""
        self.url = url
        # The certificate of a Home Assistant at home is often its own; tests pass a context.
        self._tls: ssl.SSLContext | bool = True if tls is None else tls
        self._session: aiohttp.ClientSession | None = None
        self._token = ""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._results: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, asyncio.Queue[Json]] = {}

    async def __aenter__(self) -> Self:
        """Open the HTTP session."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=60),
            connector=aiohttp.TCPConnector(ssl=self._tls),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        await self.close()

    async def close(self) -> None:
        """Close the WebSocket and the HTTP session."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
            self._reader = None
        if self._socket is not None:
            await self._socket.close()
            self._socket = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- REST ---------------------------------------------------------------------------------

    async def rest(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        form: Mapping[str, str] | None = None,
        user: bool = True,
    ) -> Any:
        """Send one request and return the JSON of the answer.

        Raises:
            DemoError: The answer is an error.

        """
        if self._session is None:
            raise DemoError("the API is closed")
        headers = {"Authorization": f"Bearer {self._token}"} if user else {}
        async with self._session.request(
            method, f"{self.url}{path}", json=json, data=form, headers=headers
        ) as response:
            if response.status >= 400:
                text = await response.text()
                raise DemoError(f"{method} {path} answered {response.status}: {text[:500]}")
            return await response.json()

    async def answers(self) -> bool:
        """Tell whether Home Assistant serves HTTP already."""
        try:
            await self.rest("GET", "/manifest.json", user=False)
        except aiohttp.ClientError, DemoError, TimeoutError:
            return False
        return True

    async def onboard(self) -> None:
        """Make the demo user and go through the other steps that a new installation asks for."""
        client = {"client_id": f"{self.url}/"}
        user = {"name": NAME, "username": USERNAME, "password": PASSWORD, "language": "en"}
        await self.rest("POST", "/api/onboarding/users", {**client, **user}, user=False)
        await self.log_in()
        steps = {
            step["step"]
            for step in await self.rest("GET", "/api/onboarding", user=False)
            if not step["done"]
        }
        if "core_config" in steps:
            await self.rest("POST", "/api/onboarding/core_config", {})
        await self.rest("POST", "/api/onboarding/analytics", {})
        redirect = {"redirect_uri": f"{self.url}/?auth_callback=1"}
        await self.rest("POST", "/api/onboarding/integration", {**client, **redirect})

    async def log_in(self) -> None:
        """Log in as the demo user would in a browser."""
        client_id = f"{self.url}/"
        flow = await self.rest(
            "POST",
            "/auth/login_flow",
            {
                "client_id": client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": f"{self.url}/?auth_callback=1",
            },
            user=False,
        )
        done = await self.rest(
            "POST",
            f"/auth/login_flow/{flow['flow_id']}",
            {"client_id": client_id, "username": USERNAME, "password": PASSWORD},
            user=False,
        )
        if done["type"] != "create_entry":
            raise DemoError(f"The log-in was refused: {done.get('errors')}")
        tokens = await self.rest(
            "POST",
            "/auth/token",
            form={
                "client_id": client_id,
                "grant_type": "authorization_code",
                "code": done["result"],
            },
            user=False,
        )
        self._token = tokens["access_token"]

    # -- WebSocket ----------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the WebSocket as the user who logged in."""
        if self._session is None:
            raise DemoError("the API is closed")
        socket = await self._session.ws_connect(
            f"{self.url.replace('http', 'ws', 1)}/api/websocket", max_msg_size=0
        )
        self._socket = socket
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": self._token})
        answer = await socket.receive_json()
        if answer["type"] != "auth_ok":
            raise DemoError(f"The WebSocket refused the log-in: {answer}")
        self._reader = asyncio.create_task(self._read(socket), name=f"reader of {self.url}")

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            data = message.json()
            if data["type"] == "event":
                if queue := self._events.get(data["id"]):
                    queue.put_nowait(data["event"])
            elif data["type"] == "result":
                future = self._results.pop(data["id"], None)
                if future is None or future.done():
                    continue
                if data["success"]:
                    future.set_result(data["result"])
                else:
                    future.set_exception(DemoError(f"Home Assistant said: {data['error']}"))
        for future in self._results.values():
            if not future.done():
                future.set_exception(DemoError(f"{self.url} closed the connection"))

    async def call(self, kind: str, **fields: Any) -> Any:
        """Send one WebSocket command and return its result.

        Raises:
            DemoError: Home Assistant refused it, or the connection is gone.

        """
        return await self._command(next(self._ids), kind, fields)

    async def _command(self, number: int, kind: str, fields: Mapping[str, Any]) -> Any:
        if self._socket is None or self._reader is None or self._reader.done():
            raise DemoError(f"{self.url} is not connected")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._results[number] = future
        await self._socket.send_json({"id": number, "type": kind, **fields})
        async with asyncio.timeout(90):
            return await future

    @contextlib.asynccontextmanager
    async def events(
        self, kind: str = "subscribe_events", **fields: Any
    ) -> AsyncIterator[asyncio.Queue[Json]]:
        """Subscribe to something and collect what comes."""
        number = next(self._ids)
        queue = self._events[number] = asyncio.Queue()
        await self._command(number, kind, fields)
        try:
            yield queue
        finally:
            del self._events[number]
            with contextlib.suppress(DemoError):
                await self.call("unsubscribe_events", subscription=number)

    async def action(
        self,
        domain: str,
        name: str,
        data: Json | None = None,
        *,
        target: Json | None = None,
        response: bool = False,
    ) -> Any:
        """Call an action and return its response, if asked for one."""
        fields: Json = {"domain": domain, "service": name, "service_data": data or {}}
        if target:
            fields["target"] = target
        result = await self.call("call_service", **fields, return_response=response)
        return result["response"] if response else None

    async def states(self) -> dict[str, Json]:
        """Return every state by entity id."""
        return {state["entity_id"]: state for state in await self.call("get_states")}

    async def state(self, entity_id: str) -> str | None:
        """Return one state, or None if there is no such entity."""
        found = (await self.states()).get(entity_id)
        return found["state"] if found else None

    # -- flows --------------------------------------------------------------------------------

    async def config_flow(self, domain: str) -> Flow:
        """Begin to add an integration."""
        return await Flow.begin(self, "/api/config/config_entries/flow", domain)

    async def options_flow(self, entry_id: str) -> Flow:
        """Begin what an entry's *Configure* offers."""
        return await Flow.begin(self, "/api/config/config_entries/options/flow", entry_id)


class Flow:
    """A config or options flow, walked through as its dialog does."""

    def __init__(self, api: Api, path: str, step: Json) -> None:
        """Stand at *step*."""
        self._api = api
        self._path = path
        self.step = step

    @classmethod
    async def begin(cls, api: Api, path: str, handler: str | list[str]) -> Self:
        """Open the dialog; that of a part of an entry is named by the entry and the part's type."""
        return cls(api, path, await api.rest("POST", path, {"handler": handler}))

    @classmethod
    async def resume(cls, api: Api, path: str, flow_id: str) -> Self:
        """Open a dialog that Home Assistant itself began."""
        return cls(api, path, await api.rest("GET", f"{path}/{flow_id}"))

    async def submit(self, **values: Any) -> Json:
        """Send a form and return the next step."""
        path = f"{self._path}/{self.step['flow_id']}"
        self.step = await self._api.rest("POST", path, values)
        if self.step.get("errors"):
            raise DemoError(
                f"The form {self.step['step_id']} answered {self.step['errors']}: "
                f"{self.step.get('description_placeholders')}"
            )
        return self.step

    async def choose(self, option: str) -> Json:
        """Choose from a menu."""
        return await self.submit(next_step_id=option)

    async def progress(self, seconds: float) -> Json:
        """Wait while a progress step is shown and return the step after it."""
        path = f"{self._path}/{self.step['flow_id']}"
        async with asyncio.timeout(seconds):
            while self.step["type"] in ("progress", "progress_done"):
                await asyncio.sleep(0.1)
                self.step = await self._api.rest("GET", path)
        if self.step.get("errors"):
            raise DemoError(
                f"{self.step['step_id']}: {self.step['errors']} "
                f"{self.step.get('description_placeholders')}"
            )
        return self.step

    async def close(self) -> None:
        """Close the dialog."""
        await self._api.rest("DELETE", f"{self._path}/{self.step['flow_id']}")
