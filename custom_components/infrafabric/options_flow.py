"""Options flow: invite, open invitations, peers, and settings that apply while links stay up."""

from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util import dt as dt_util

from .addresses import signaling_urls
from .const import (
    CONF_ICE,
    CONF_ICE_SERVERS,
    CONF_LOCAL_ADDRESSES,
    CONF_SIGNALING_URLS,
    ICE_HOME_ASSISTANT,
)
from .forms import ICE, ICE_SERVERS, ROLE, TEXT, TEXTS, async_role_name, bullets, checked, plain
from .invite_flow import CONF_ROLE, InvitationSteps
from .mesh.errors import MeshError
from .mesh.model import PeerView, Role

CONF_NAME: Final = "name"
CONF_PEER: Final = "peer"

PEER_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_NAME): TEXT, probatio.Required(CONF_ROLE): ROLE}
)
SETTINGS_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_ICE, default=ICE_HOME_ASSISTANT): ICE,
        probatio.Optional(CONF_ICE_SERVERS): ICE_SERVERS,
        probatio.Optional(CONF_SIGNALING_URLS): TEXTS,
        probatio.Optional(CONF_LOCAL_ADDRESSES): TEXTS,
    }
)


class MeshOptionsFlow(InvitationSteps):
    """What *Configure* offers for a mesh."""

    _peer_id = ""

    async def async_step_init(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer what this node may do."""
        node = self._hub.node
        placeholders = {
            "mesh": plain(node.mesh_name),
            "fingerprint": node.mesh_fingerprint,
            "node": node.check_groups,
            "role": await async_role_name(self.hass, node.role),
        }
        if node.role is Role.ADMIN:
            return self.async_show_menu(
                step_id="init",
                menu_options=["invite", "invitations", "peers", "settings"],
                description_placeholders=placeholders,
            )
        # Another step with another text: it says why there is no inviting.
        return self.async_show_menu(
            step_id="init_member",
            menu_options=["settings"],
            description_placeholders=placeholders,
        )

    async_step_init_member = async_step_init

    # -- peers --------------------------------------------------------------------------------

    async def async_step_peers(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a peer."""
        peers = self._hub.peers
        if not peers:
            return self.async_abort(reason="no_peers")
        if user_input is not None:
            self._peer_id = user_input[CONF_PEER]
            return await self.async_step_peer()
        options = [
            SelectOptionDict(
                value=peer.peer_id,
                label=f"{peer.name} ({await async_role_name(self.hass, peer.role)})",
            )
            for peer in sorted(peers.values(), key=lambda peer: peer.name.casefold())
        ]
        selector = SelectSelector(
            SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
        )
        return self.async_show_form(
            step_id="peers",
            data_schema=probatio.Schema({probatio.Required(CONF_PEER): selector}),
            last_step=False,
        )

    @property
    def _peer(self) -> PeerView:
        if (peer := self._hub.peers.get(self._peer_id)) is None:
            raise AbortFlow("peer_gone")
        return peer

    async def async_step_peer(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show one peer and what can be done with it."""
        peer = self._peer
        return self.async_show_menu(
            step_id="peer",
            menu_options=["peer_edit", "peer_remove"],
            description_placeholders={
                "peer": plain(peer.name),
                "check_groups": peer.check_groups,
                "role": await async_role_name(self.hass, peer.role),
                "lapses": _date(peer),
            },
        )

    async def async_step_peer_edit(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change a peer's name and role."""
        peer = self._peer
        errors: dict[str, str] = {}
        error = ""
        values: dict[str, Any] = {CONF_NAME: peer.name, CONF_ROLE: peer.role.value}
        if user_input is not None:
            values, errors = checked(user_input)
            if not errors:
                node = self._hub.node
                try:
                    if values[CONF_NAME] != peer.name:
                        await node.rename_peer(peer.peer_id, values[CONF_NAME])
                    if (role := Role(values[CONF_ROLE])) is not peer.role:
                        await node.set_role(peer.peer_id, role)
                except MeshError as err:
                    errors["base"] = "failed"
                    error = str(err)
                else:
                    return self.async_abort(
                        reason="peer_updated",
                        description_placeholders={"peer": plain(values[CONF_NAME])},
                    )
            values = user_input
        return self.async_show_form(
            step_id="peer_edit",
            data_schema=self.add_suggested_values_to_schema(PEER_SCHEMA, values),
            errors=errors,
            description_placeholders={
                "peer": plain(peer.name),
                "check_groups": peer.check_groups,
                "error": error,
            },
        )

    async def async_step_peer_remove(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask once more, then revoke a peer."""
        peer = self._peer
        if user_input is not None:
            return await self._async_revoke(peer)
        return self.async_show_form(
            step_id="peer_remove",
            data_schema=probatio.Schema({}),
            description_placeholders={
                "peer": plain(peer.name),
                "check_groups": peer.check_groups,
            },
        )

    # -- settings -----------------------------------------------------------------------------

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change how links are made; applied to the running node."""
        values: dict[str, Any] = dict(self.config_entry.options)
        errors: dict[str, str] = {}
        if user_input is not None:
            values, errors = checked(user_input)
            if not errors:
                # The entry's update listener applies it without dropping a link.
                return self.async_create_entry(data=values)
            values = user_input
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(SETTINGS_SCHEMA, values),
            errors=errors,
            description_placeholders={
                "addresses": bullets(signaling_urls(self.hass, self.config_entry.options))
            },
        )


def _date(peer: PeerView) -> str:
    return f"{dt_util.as_local(peer.not_after):%Y-%m-%d}"
