"""Actions of webhooks."""

from collections.abc import Mapping
from typing import Final

import probatio

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse

from ..targets import Action
from .outbound import OUTBOUND


async def _resend_webhooks(call: ServiceCall) -> ServiceResponse:
    """Try dead letters again and return how many each webhook had."""
    return {
        "webhooks": [
            {"name": outbound.hook.name, "resent": await outbound.async_resend()}
            for outbound in list(call.hass.data.get(OUTBOUND, {}).values())
        ]
    }


WEBHOOK_ACTIONS: Final[Mapping[str, Action]] = {
    "resend_webhooks": Action(
        handler=_resend_webhooks,
        schema=probatio.All(probatio.Schema({})),
        response=SupportsResponse.OPTIONAL,
        admin=True,
    ),
}
