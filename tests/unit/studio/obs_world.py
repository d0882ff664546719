"""A scripted WebSocket server in place of OBS: it says what a test wants, right or wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
import json
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from infrafabric.studio.obs import protocol

PASSWORD = "correct horse battery"
SALT = "c2FsdA=="
CHALLENGE = "Y2hhbGxlbmdl"

STREAM = {
    "outputActive": False,
    "outputReconnecting": False,
    "outputDuration": 0,
    "outputBytes": 0,
    "outputCongestion": 0.0,
    "outputSkippedFrames": 0,
    "outputTotalFrames": 0,
}


def answers() -> dict[str, Any]:
    """Return what a small OBS 30 answers; a number is a refusal with that code."""
    return {
        "GetVersion": {
            "obsVersion": "30.1.0",
            "obsWebSocketVersion": "5.4.0",
            "availableRequests": [],
            "platformDescription": "Test",
        },
        "GetSceneList": {
            "currentProgramSceneName": "One",
            "currentProgramSceneUuid": "uuid-1",
            "currentPreviewSceneName": None,
            "currentPreviewSceneUuid": None,
            "scenes": [
                {"sceneIndex": 0, "sceneName": "Two", "sceneUuid": "uuid-2"},
                {"sceneIndex": 1, "sceneName": "One", "sceneUuid": "uuid-1"},
            ],
        },
        "GetCurrentProgramScene": {
            "currentProgramSceneName": "One",
            "currentProgramSceneUuid": "uuid-1",
        },
        "GetCurrentPreviewScene": 506,
        "GetStudioModeEnabled": {"studioModeEnabled": False},
        "GetInputList": {
            "inputs": [
                {"inputName": "Mic", "inputUuid": "uuid-mic", "inputKind": "pulse_input_capture"},
                {"inputName": "Title", "inputUuid": "uuid-t", "inputKind": "text_ft2_source_v2"},
            ]
        },
        "GetInputVolume": {"inputVolumeDb": -6.0, "inputVolumeMul": 0.5},
        "GetInputMute": {"inputMuted": False},
        "GetInputAudioMonitorType": {"monitorType": "OBS_MONITORING_TYPE_NONE"},
        "GetSceneTransitionList": {
            "currentSceneTransitionName": "Fade",
            "transitions": [
                {"transitionName": "Schnitt", "transitionKind": "cut_transition"},
                {"transitionName": "Fade", "transitionKind": "fade_transition"},
            ],
        },
        "GetCurrentSceneTransition": {"transitionName": "Fade", "transitionDuration": 300},
        "GetProfileList": {"currentProfileName": "Main", "profiles": ["Main", "Other"]},
        "GetSceneCollectionList": {
            "currentSceneCollectionName": "Show",
            "sceneCollections": ["Show"],
        },
        "GetVideoSettings": {"fpsNumerator": 60000, "fpsDenominator": 1001},
        "GetStreamServiceSettings": {
            "streamServiceType": "rtmp_custom",
            "streamServiceSettings": {"server": "rtmp://host/live", "key": "k3y-of-the-stream"},
        },
        "GetStats": {"activeFps": 59.9, "cpuUsage": 12.5, "memoryUsage": 300.0},
        "GetStreamStatus": dict(STREAM),
        "GetRecordStatus": {"outputActive": False, "outputPaused": False},
        "GetVirtualCamStatus": 604,
        "GetReplayBufferStatus": {"outputActive": False},
        "GetOutputList": {"outputs": []},
        **{
            name: {}
            for name in (
                *("StartStream", "StopStream", "StartRecord", "StopRecord", "StartVirtualCam"),
                *("PauseRecord", "ResumeRecord", "SaveReplayBuffer", "TriggerHotkeyByName"),
                *("SetCurrentProgramScene", "SetCurrentPreviewScene", "SetStudioModeEnabled"),
                *("SetStreamServiceSettings", "SetPersistentData", "GetPersistentData"),
                *("SetInputVolume", "SetInputMute", "GetSourceScreenshot", "StartReplayBuffer"),
                *("StopReplayBuffer", "StopVirtualCam", "SetInputSettings", "GetInputSettings"),
                *("GetSceneItemList", "SetSceneItemEnabled", "GetHotkeyList", "SetCurrentProfile"),
                *("SetCurrentSceneTransition", "TriggerStudioModeTransition"),
            )
        },
    }


class FakeObs:
    """The server's side of every connection.

    Attributes:
        answers: By request's name: data, a number (refusal), or a function of the request's data.
        asked: Names and data of the requests, in order.
        said: What clients sent, frame by frame.
        script: Takes the place of everything after the first frame, if set.

    """

    def __init__(self) -> None:
        self.answers = answers()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.said: list[dict[str, Any]] = []
        self.hello: dict[str, Any] | str | None = hello()
        self.script: Callable[[web.WebSocketResponse], Awaitable[None]] | None = None
        self.silent: set[str] = set()
        self.sockets: list[web.WebSocketResponse] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.5, protocols=(protocol.SUBPROTOCOL,))
        await socket.prepare(request)
        self.sockets.append(socket)
        if self.hello is not None:
            text = self.hello if isinstance(self.hello, str) else json.dumps(self.hello)
            await socket.send_str(text)
        if self.script is not None:
            await self.script(socket)
            return socket
        await self.serve(socket)
        return socket

    async def serve(self, socket: web.WebSocketResponse) -> None:
        """Behave like OBS."""
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            frame = json.loads(message.data)
            self.said.append(frame)
            data = frame["d"]
            match frame["op"]:
                case 1:
                    right = protocol.authentication(PASSWORD, salt=SALT, challenge=CHALLENGE)
                    asks = isinstance(self.hello, dict) and "authentication" in self.hello["d"]
                    if asks and data.get("authentication") != right:
                        await socket.close(code=4009, message=b"Authentication failed.")
                        return
                    await socket.send_json({"op": 2, "d": {"negotiatedRpcVersion": 1}})
                case 6:
                    if data["requestType"] not in self.silent:
                        await socket.send_json({"op": 7, "d": self.answer(data)})
                case 8:
                    names = {one["requestType"] for one in data["requests"]}
                    if not names & self.silent:
                        results = [self.answer(one) for one in data["requests"]]
                        body = {"requestId": data["requestId"], "results": results}
                        await socket.send_json({"op": 9, "d": body})

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, data = asked["requestType"], asked.get("requestData", {})
        self.asked.append((name, data))
        found = self.answers.get(name, 204)
        if callable(found):
            found = found(data)
        if name == "GetVersion" and isinstance(found, dict):
            found = {**found, "availableRequests": list(self.answers)}
        status: dict[str, Any] = {"result": True, "code": 100}
        if isinstance(found, int):
            status = {"result": False, "code": found}
        elif isinstance(found, tuple):
            status = {"result": False, "code": found[0], "comment": found[1]}
        body = {"requestType": name, "requestId": asked["requestId"], "requestStatus": status}
        return {**body, "responseData": found} if isinstance(found, dict) else body

    async def tell(self, event: str, **data: Any) -> None:
        """Send an event on the newest connection."""
        body = {"eventType": event, "eventIntent": 1, "eventData": data}
        await self.sockets[-1].send_json({"op": 5, "d": body})


def hello(*, auth: bool = True, rpc: int = 1, version: str = "5.4.0") -> dict[str, Any]:
    """Return the first frame of OBS."""
    data: dict[str, Any] = {"obsWebSocketVersion": version, "rpcVersion": rpc}
    if auth:
        data["authentication"] = {"challenge": CHALLENGE, "salt": SALT}
    return {"op": 0, "d": data}


@contextlib.asynccontextmanager
async def serving(fake: FakeObs) -> AsyncIterator[TestServer]:
    """Listen on a free port of this machine while the context lasts."""
    app = web.Application()
    app.router.add_get("/", fake.handle)
    server = TestServer(app)
    await server.start_server()
    try:
        yield server
    finally:
        for socket in fake.sockets:
            await socket.close()
        await server.close()
