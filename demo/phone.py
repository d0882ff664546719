"""A phone with the companion app, and the rule by which it shows what people elsewhere write."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from typing import Final

from .api import Api, Flow, Json
from .mesh import DOMAIN
from .processes import DemoError

RULE: Final = "Neighbours"
"""Title of the rule, and of its notifications."""

APP: Final[Json] = {
    # It stays connected to Home Assistant instead of waiting for a push service.
    "app_data": {"push_websocket_channel": True},
    "app_id": "demo",
    "app_name": "Demo",
    "app_version": "1.0",
    "device_id": "demo-phone",
    "device_name": "Phone",
    "manufacturer": "Demo",
    "model": "Phone",
    "os_name": "Demo",
    "os_version": "1",
    "supports_encryption": False,
}


class Phone:
    """A phone of the demo user, as Home Assistant sees it."""

    def __init__(self, api: Api, webhook_id: str) -> None:
        """Take a phone that is registered."""
        self._api = api
        self._webhook_id = webhook_id

    @classmethod
    async def register(cls, api: Api) -> Phone:
        """Register it as the companion app does."""
        made = await api.rest("POST", "/api/mobile_app/registrations", APP)
        return cls(api, made["webhook_id"])

    async def device(self) -> str:
        """Return the id of its device.

        Raises:
            DemoError: There is none.

        """
        for device in await self._api.call("config/device_registry/list"):
            if ["mobile_app", APP["device_id"]] in device["identifiers"]:
                return str(device["id"])
        raise DemoError("The phone has no device")

    @contextlib.asynccontextmanager
    async def notifications(self) -> AsyncIterator[asyncio.Queue[Json]]:
        """Collect what it is told to show, as long as this lasts."""
        async with self._api.events(
            "mobile_app/push_notification_channel", webhook_id=self._webhook_id
        ) as pushes:
            yield pushes


async def add_rule(api: Api, phone: Phone) -> None:
    """Add "Notifications and webhooks", and in it the rule, through their dialogs."""
    flow = await api.config_flow(DOMAIN)
    made = await flow.choose("surfaces")
    rule = await Flow.begin(
        api,
        "/api/config/config_entries/subentries/flow",
        [made["result"]["entry_id"], "notification_rule"],
    )
    done = await rule.submit(
        name=RULE,
        occasions=["peer_message"],
        phones=[await phone.device()],
        buttons={"dashboard": "/"},
        look={"priority": "normal"},
        limits={"quiet_time": 15, "rtt": 200, "loss": 5},
    )
    if done["type"] != "create_entry":
        raise DemoError(f"The rule was not made: {done}")
