"""Actions of webhooks."""

from collections.abc import Mapping
from typing import Final

import probatio

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.json import JsonValueType

from ....const import DOMAIN
from ....targets import Action
from ..database import DatabaseError
from .sending import OUTBOUND


async def _resend_webhooks(call: ServiceCall) -> ServiceResponse:
    """Try dead letters again and return how many each webhook had.

    Raises:
        HomeAssistantError: Those of a webhook cannot be had; all others are tried all the same.

    """
    resent: list[JsonValueType] = []
    failed: HomeAssistantError | None = None
    for outbound in list(call.hass.data.get(OUTBOUND, {}).values()):
        try:
            count = await outbound.async_resend()
        except DatabaseError as err:
            failed = HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="webhook_outbox_failed",
                translation_placeholders={
                    "webhook": outbound.hook.name,
                    "problem": f"{str(err).rstrip('.')}.",
                },
            )
        else:
            resent.append({"name": outbound.hook.name, "resent": count})
    if failed is not None:
        raise failed
    return {"webhooks": resent}


WEBHOOK_ACTIONS: Final[Mapping[str, Action]] = {
    "resend_webhooks": Action(
        handler=_resend_webhooks,
        schema=probatio.All(probatio.Schema({})),
        response=SupportsResponse.OPTIONAL,
        admin=True,
    ),
}
