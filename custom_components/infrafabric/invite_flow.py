"""The part of the options flow about invitations: making one, waiting for its peer, cancelling."""

import asyncio
from contextlib import suppress
from typing import Any, Final, override

import probatio

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    QrCodeSelector,
    QrCodeSelectorConfig,
    QrErrorCorrectionLevel,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util import dt as dt_util

from .addresses import Reach, reach_of
from .forms import COPY, EXPIRIES, EXPIRY, ROLE, SHOWN, async_role_name, bullets, plain, to_copy
from .hub import MeshConfigEntry, MeshHub
from .mesh.api import InvitationView
from .mesh.errors import MeshError
from .mesh.model import InvitationsChanged, NodeEvent, PeerJoined, PeerView, Role

CONF_EXPIRY: Final = "expiry"
CONF_INVITATIONS: Final = "invitations"
CONF_QR: Final = "qr"
CONF_ROLE: Final = "role"
CONF_TEXT: Final = "invitation"

INVITE_ERRORS: Final = frozenset({"no_signaling_address", "not_admin", "too_many_invitations"})
"""Codes that have their own text under ``options.error``."""

JOIN_GRACE: Final = 10.0
"""Seconds between an invitation being spent and its peer being known; then it was cancelled."""

QR_SCALE: Final = 4
"""Pixels a module: about 500 for the whole code, which a phone reads from a screen."""

INVITE_STEPS: Final = {
    Reach.PUBLIC: "invite",
    Reach.PRIVATE: "invite_private",
    Reach.NOWHERE: "invite_unreachable",
}
"""The same form with the text that fits the addresses."""

INVITE_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_ROLE, default=Role.OBSERVE.value): ROLE,
        probatio.Required(CONF_EXPIRY, default="day"): EXPIRY,
    }
)


class InvitationSteps(OptionsFlow):
    """The steps about invitations, and what every step needs."""

    config_entry: MeshConfigEntry

    _invitation: InvitationView
    _joined: PeerView

    def __init__(self) -> None:
        """Begin with nothing chosen."""
        self._invitation_id = ""
        self._text = ""
        self._fingerprint = ""
        self._changed = asyncio.Event()
        self._known = asyncio.Event()
        self._wait_task: asyncio.Task[None] | None = None
        self._unsubscribe: CALLBACK_TYPE | None = None

    @property
    def _hub(self) -> MeshHub:
        """The running hub; the dialog ends when there is none."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow("not_loaded")
        return self.config_entry.runtime_data

    @callback
    @override
    def async_remove(self) -> None:
        """Stop listening when the dialog closes; an open invitation stays open."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    async def _async_revoke(self, peer: PeerView) -> ConfigFlowResult:
        try:
            await self._hub.node.revoke(peer.peer_id)
        except MeshError as err:
            return self.async_abort(
                reason="failed", description_placeholders={"error": plain(str(err))}
            )
        return self.async_abort(
            reason="peer_removed", description_placeholders={"peer": plain(peer.name)}
        )

    # -- invite -------------------------------------------------------------------------------

    async def async_step_invite(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what the new peer may do and how long the invitation is open."""
        hub = self._hub
        errors: dict[str, str] = {}
        error = ""
        if user_input is not None:
            self.async_remove()
            self._unsubscribe = hub.async_subscribe(self._follow)
            try:
                self._invitation, self._text = await hub.node.create_invitation(
                    role=Role(user_input[CONF_ROLE]),
                    expires_in=EXPIRIES[user_input[CONF_EXPIRY]],
                )
            except MeshError as err:
                errors["base"] = err.code if err.code in INVITE_ERRORS else "failed"
                error = str(err)
            else:
                self._invitation_id = self._invitation.invitation_id
                self._fingerprint = hub.node.mesh_fingerprint
                return await self.async_step_invite_code()
        urls = hub.node.invitation_urls
        return self.async_show_form(
            step_id=INVITE_STEPS[reach_of(urls)],
            data_schema=self.add_suggested_values_to_schema(INVITE_SCHEMA, user_input),
            errors=errors,
            description_placeholders={
                "addresses": bullets(urls),
                "error": error,
            },
        )

    async_step_invite_private = async_step_invite
    async_step_invite_unreachable = async_step_invite

    async def async_step_invite_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the invitation as text and as a QR code."""
        if user_input is not None:
            return await self.async_step_invite_wait()
        schema = probatio.Schema(
            {
                to_copy(CONF_TEXT, self._text): COPY,
                probatio.Optional(CONF_QR): QrCodeSelector(
                    QrCodeSelectorConfig(
                        data=self._text,
                        scale=QR_SCALE,
                        error_correction_level=QrErrorCorrectionLevel.LOW,
                    )
                ),
            }
        )
        return self.async_show_form(
            step_id="invite_code",
            data_schema=schema,
            description_placeholders={
                "role": await async_role_name(self.hass, self._invitation.role),
                "expires": _local_time(self._invitation),
            },
            last_step=False,
        )

    async def async_step_invite_wait(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for somebody to use the invitation."""
        if self._wait_task is None:
            # In the background, because it may last for days: Home Assistant must not wait for
            # it when it stops.
            self._wait_task = self.hass.async_create_background_task(
                self._async_wait(), "infrafabric invitation"
            )
        if not self._wait_task.done():
            return self.async_show_progress(
                step_id="invite_wait",
                progress_action="invite_wait",
                description_placeholders={
                    "expires": _local_time(self._invitation),
                    # The other side is asked to compare it, now.
                    "fingerprint": self._fingerprint,
                },
                progress_task=self._wait_task,
            )
        self._wait_task = None
        return self.async_show_progress_done(
            next_step_id="invite_joined" if self._known.is_set() else "invite_closed"
        )

    async def async_step_invite_joined(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show who joined, to be compared with what the other screen shows."""
        peer = self._joined
        return self.async_show_menu(
            step_id="invite_joined",
            menu_options=["invite_keep", "invite_undo"],
            description_placeholders={
                "peer": plain(peer.name),
                "check_groups": peer.check_groups,
                "role": await async_role_name(self.hass, peer.role),
            },
        )

    async def async_step_invite_closed(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End: the invitation expired or was cancelled before anybody used it."""
        return self.async_abort(reason="invitation_closed")

    async def async_step_invite_keep(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End: it was the right one."""
        return self.async_abort(
            reason="peer_kept", description_placeholders={"peer": plain(self._joined.name)}
        )

    async def async_step_invite_undo(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Revoke the new peer: it was somebody else."""
        return await self._async_revoke(self._joined)

    @callback
    def _follow(self, event: NodeEvent) -> None:
        """Notice what becomes of the invitation."""
        if not self._invitation_id:
            return
        if isinstance(event, PeerJoined) and event.invitation_id == self._invitation_id:
            self._joined = event.peer
            self._known.set()
            self._changed.set()
        elif isinstance(event, InvitationsChanged) and all(
            view.invitation_id != self._invitation_id for view in self._hub.node.invitations
        ):
            self._changed.set()

    async def _async_wait(self) -> None:
        """Return when the peer is known, or when nobody can come any more."""
        await asyncio.gather(self._changed.wait(), asyncio.sleep(SHOWN))
        with suppress(TimeoutError):
            async with asyncio.timeout(JOIN_GRACE):
                await self._known.wait()

    # -- open invitations ---------------------------------------------------------------------

    async def async_step_invitations(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """List the open invitations and cancel the chosen ones."""
        node = self._hub.node
        if not node.invitations:
            return self.async_abort(reason="no_invitations")
        if user_input is not None:
            chosen = user_input.get(CONF_INVITATIONS, [])
            for invitation_id in chosen:
                # Spent or expired while the dialog was open: that is as good as cancelled.
                with suppress(MeshError):
                    await node.cancel_invitation(invitation_id)
            return self.async_abort(
                reason="invitations_cancelled",
                description_placeholders={"count": str(len(chosen))},
            )
        options = [
            SelectOptionDict(
                value=view.invitation_id,
                label=f"{await async_role_name(self.hass, view.role)} → {_local_time(view)}"
                f" ({view.invitation_id[:8]})",
            )
            for view in node.invitations
        ]
        selector = SelectSelector(
            SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST)
        )
        return self.async_show_form(
            step_id="invitations",
            data_schema=probatio.Schema({probatio.Optional(CONF_INVITATIONS): selector}),
        )


def _local_time(invitation: InvitationView) -> str:
    return f"{dt_util.as_local(invitation.expires):%Y-%m-%d %H:%M}"
