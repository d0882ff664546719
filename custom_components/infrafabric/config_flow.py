"""Config flow: create a mesh, join one with an invitation, add a studio, or what tells of them."""

import asyncio
from collections.abc import Mapping
import logging
import time
from typing import Any, Final, override

import probatio

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.core import callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .addresses import Reach, invitation_urls, reach_of, signaling_urls
from .const import (
    CONF_KIND,
    CONF_MESH_ID,
    CONF_NODE_NAME,
    CONF_PEER_ID,
    CONF_SIGNALING_URLS,
    DOMAIN,
    KIND_MESH,
    KIND_OBS,
    KIND_SURFACES,
    KIND_VMIX,
)
from .forms import (
    LONG_TEXT,
    SHOWN,
    TEXT,
    TEXTS,
    async_role_name,
    async_surfaces_name,
    bullets,
    checked,
    plain,
)
from .hub import async_software
from .mesh.api import NodeConfig
from .mesh.errors import MeshError
from .mesh.node import MeshNode
from .mesh.trust.identity import check_groups
from .mesh.trust.invitation import Invitation
from .options_flow import MeshOptionsFlow
from .store import MemoryStore, MeshStore
from .studio_flow import StudioSteps
from .studio_options import StudioOptionsFlow
from .studio_setup import is_studio
from .surfaces.setup import SUBENTRIES, is_surfaces

_LOGGER: Final = logging.getLogger(__name__)

CONF_INVITATION: Final = "invitation"
CONF_MESH_NAME: Final = "mesh_name"

JOIN_ERRORS: Final = frozenset(
    {
        "clock_skew",
        "invitation_expired",
        "invitation_malformed",
        "invitation_refused",
        "invitation_revoked",
        "invitation_spent",
        "inviter_unreachable",
        "join_timeout",
        "signaling_unreachable",
    }
)
"""Codes that have their own text under ``config.error``."""

CREATE_STEPS: Final = {
    Reach.PUBLIC: "create",
    Reach.PRIVATE: "create_private",
    Reach.NOWHERE: "create_unreachable",
}
"""The same form with the text that fits the addresses."""

CREATE_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_MESH_NAME): TEXT,
        probatio.Required(CONF_NODE_NAME): TEXT,
        probatio.Optional(CONF_SIGNALING_URLS): TEXTS,
    }
)
JOIN_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_INVITATION): LONG_TEXT, probatio.Required(CONF_NODE_NAME): TEXT}
)
REAUTH_SCHEMA: Final = probatio.Schema({probatio.Required(CONF_INVITATION): LONG_TEXT})
RECONFIGURE_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_NODE_NAME): TEXT, probatio.Optional(CONF_SIGNALING_URLS): TEXTS}
)


class InfraFabricConfigFlow(StudioSteps, domain=DOMAIN):
    """Make a config entry for one mesh, one studio, or what tells of them; or mend one."""

    VERSION = 1
    MINOR_VERSION = 1

    _text = ""
    """The invitation as it was pasted; in memory only, for another try."""
    _node_name = ""
    _invitation: Invitation
    _join_task: asyncio.Task[dict[str, Any]] | None = None
    _failure: MeshError | None = None
    _store: tuple[str, MemoryStore] | None = None
    """The mesh that is being joined, and what is known of it."""

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry[Any]) -> OptionsFlow:
        """Return the flow behind the entry's *Configure*."""
        return StudioOptionsFlow() if is_studio(config_entry) else MeshOptionsFlow()

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: ConfigEntry[Any]) -> bool:
        """Tell whether the entry has a *Configure*: rules and webhooks are edited one by one."""
        return not is_surfaces(config_entry)

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry[Any]
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what may be added to the entry."""
        if not is_surfaces(config_entry):
            return {}
        return {name: kind.flow for name, kind in SUBENTRIES.items()}

    @override
    async def async_step_user(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to add."""
        return self.async_show_menu(
            step_id="user", menu_options=["create", "join", KIND_OBS, KIND_VMIX, KIND_SURFACES]
        )

    # -- notifications and webhooks -----------------------------------------------------------

    async def async_step_surfaces(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add the entry that rules and webhooks are added to."""
        await self.async_set_unique_id(KIND_SURFACES)
        self._abort_if_unique_id_configured(error="surfaces_exist")
        return self.async_create_entry(
            title=await async_surfaces_name(self.hass), data={CONF_KIND: KIND_SURFACES}
        )

    # -- create -------------------------------------------------------------------------------

    async def async_step_create(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make a new mesh with this Home Assistant as its first node."""
        values: dict[str, Any] = {CONF_NODE_NAME: self.hass.config.location_name}
        errors: dict[str, str] = {}
        error = ""
        if user_input is not None:
            values, errors = checked(user_input)
            if not errors:
                try:
                    return await self._async_create(values)
                except MeshError as err:
                    errors["base"] = "create_failed"
                    error = str(err)
            values = user_input
        # An address with a mistake in it cannot be shown among the good ones.
        good = {} if CONF_SIGNALING_URLS in errors else checked(values)[0]
        urls = invitation_urls(self.hass, good)
        return self.async_show_form(
            step_id=CREATE_STEPS[reach_of(urls)],
            data_schema=self.add_suggested_values_to_schema(CREATE_SCHEMA, values),
            errors=errors,
            description_placeholders={"addresses": bullets(urls), "error": error},
        )

    async_step_create_private = async_step_create
    async_step_create_unreachable = async_step_create

    async def _async_create(self, values: Mapping[str, Any]) -> ConfigFlowResult:
        store = MemoryStore()
        await MeshNode.create_mesh(
            store, mesh_name=values[CONF_MESH_NAME], node_name=values[CONF_NODE_NAME]
        )
        data = await self._async_keep(store, values[CONF_NODE_NAME])
        await self.async_set_unique_id(data[CONF_MESH_ID])
        return self.async_create_entry(
            title=values[CONF_MESH_NAME],
            data=data,
            options={CONF_SIGNALING_URLS: values.get(CONF_SIGNALING_URLS, [])},
        )

    async def _async_keep(self, store: MemoryStore, node_name: str) -> dict[str, Any]:
        """Write a node's state to disk and return the data of its entry."""
        node = await MeshNode.load(
            store, NodeConfig(name=node_name), http=async_get_clientsession(self.hass)
        )
        if store.data is not None:
            await MeshStore(self.hass, node.mesh_id).save(store.data)
        return {
            CONF_KIND: KIND_MESH,
            CONF_MESH_ID: node.mesh_id,
            CONF_PEER_ID: node.peer_id,
            CONF_NODE_NAME: node_name,
        }

    # -- join ---------------------------------------------------------------------------------

    async def async_step_join(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take an invitation; also where a failed attempt comes back to."""
        values: dict[str, Any] = {
            CONF_INVITATION: self._text,
            CONF_NODE_NAME: self._node_name or self.hass.config.location_name,
        }
        errors: dict[str, str] = {}
        if user_input is not None:
            checked_values, errors = checked(user_input)
            errors |= self._read_invitation(user_input[CONF_INVITATION])
            if not errors:
                self._node_name = checked_values[CONF_NODE_NAME]
                # A dialog that was left open elsewhere must not stand in the way; whichever is
                # done first ends the others.
                await self.async_set_unique_id(self._invitation.mesh_id, raise_on_progress=False)
                self._abort_if_unique_id_configured()
                return await self.async_step_join_confirm()
            values = user_input
        return self._show_invitation_form("join", JOIN_SCHEMA, values, errors)

    async def async_step_join_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show whose mesh it is before anything is sent."""
        if user_input is not None:
            return await self.async_step_joining()
        invitation = self._invitation
        return self.async_show_form(
            step_id="join_confirm",
            data_schema=probatio.Schema({}),
            description_placeholders={
                "mesh": plain(invitation.mesh_name),
                "fingerprint": check_groups(invitation.mesh_id),
                "inviter": check_groups(invitation.inviter.peer_id),
                "role": await async_role_name(self.hass, invitation.role),
            },
        )

    async def async_step_joining(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Connect to the inviter while a progress step is shown."""
        if self._join_task is None:
            self._join_task = self.hass.async_create_task(
                self._async_join_shown(), "infrafabric join", eager_start=False
            )
        if not self._join_task.done():
            return self.async_show_progress(
                step_id="joining",
                progress_action="joining",
                description_placeholders={"mesh": plain(self._invitation.mesh_name)},
                progress_task=self._join_task,
            )
        if (failure := self._join_task.exception()) is not None:
            if not isinstance(failure, MeshError):
                _LOGGER.error("Joining failed unexpectedly", exc_info=failure)
                failure = MeshError("join_failed", type(failure).__name__)
            self._failure = failure
            self._join_task = None
            back = "reauth_confirm" if self.source == SOURCE_REAUTH else "join"
            return self.async_show_progress_done(next_step_id=back)
        return self.async_show_progress_done(next_step_id="joined")

    async def async_step_joined(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Make the entry, or set the mended one up again."""
        assert self._join_task is not None  # noqa: S101 - the only way here is through it
        data = self._join_task.result()
        if self.source == SOURCE_REAUTH:
            return self.async_update_reload_and_abort(self._get_reauth_entry(), data_updates=data)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=self._invitation.mesh_name, data=data, options={})

    async def _async_join_shown(self) -> dict[str, Any]:
        """Join, but not faster than a browser can follow."""
        outcome: dict[str, Any] | BaseException
        outcome, _ = await asyncio.gather(
            self._async_join(), asyncio.sleep(SHOWN), return_exceptions=True
        )
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def _async_join(self) -> dict[str, Any]:
        """Join, write the membership to disk and return the data of its entry."""
        on_disk = MeshStore(self.hass, self._invitation.mesh_id)
        # What is on disk holds the key of a node that was revoked, or of one whose entry never
        # came to be because Home Assistant stopped; with that key the invitation still answers.
        if self._store is None or self._store[0] != self._invitation.mesh_id:
            self._store = (self._invitation.mesh_id, MemoryStore(await on_disk.load()))
        # Kept for another try, for which the node must ask with the same key.
        store = self._store[1]
        await MeshNode.join(
            store,
            self._text,
            node_name=self._node_name,
            http=async_get_clientsession(self.hass),
            software=await async_software(self.hass),
        )
        if self.source == SOURCE_REAUTH:
            entry = self._get_reauth_entry()
            if entry.state is ConfigEntryState.LOADED:
                # The revoked node would write its own state over the new membership.
                await self.hass.config_entries.async_unload(entry.entry_id)
        return await self._async_keep(store, self._node_name)

    def _read_invitation(self, text: str) -> dict[str, str]:
        """Remember an invitation and return what is wrong with it."""
        self._text = text
        self._failure = None
        try:
            self._invitation = Invitation.parse(text, time.time())
        except MeshError as err:
            return {CONF_INVITATION: err.code if err.code in JOIN_ERRORS else "join_failed"}
        return {}

    def _show_invitation_form(
        self,
        step_id: str,
        schema: probatio.Schema,
        values: Mapping[str, Any],
        errors: dict[str, str],
        **placeholders: str,
    ) -> ConfigFlowResult:
        """Show a form with an invitation in it, and how the last attempt failed."""
        placeholders = {"seconds": "", "error": ""} | placeholders
        if (failure := self._failure) is not None:
            errors = {"base": failure.code if failure.code in JOIN_ERRORS else "join_failed"}
            placeholders |= {
                "error": str(failure),
                # Who is ahead does not matter to the reader: either clock may be the wrong one.
                "seconds": failure.details.get("seconds", "").lstrip("-"),
            }
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
            description_placeholders=placeholders,
        )

    # -- mend ---------------------------------------------------------------------------------

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin when the node is no member of its mesh, or a studio wants another password."""
        step = {
            KIND_MESH: self.async_step_reauth_confirm,
            KIND_OBS: self.async_step_reauth_obs,
            KIND_VMIX: self.async_step_reauth_vmix,
        }
        return await step[entry_data[CONF_KIND]]()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a new invitation to the same mesh."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._read_invitation(user_input[CONF_INVITATION])
            if not errors and self._invitation.mesh_id != entry.data[CONF_MESH_ID]:
                errors = {CONF_INVITATION: "wrong_mesh"}
            if not errors:
                self._node_name = entry.data[CONF_NODE_NAME]
                return await self.async_step_joining()
        return self._show_invitation_form(
            "reauth_confirm",
            REAUTH_SCHEMA,
            {CONF_INVITATION: self._text},
            errors,
            mesh=plain(entry.title),
            fingerprint=check_groups(entry.data[CONF_MESH_ID]),
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Begin to change what the entry needs to work; for a mesh, that is all of it."""
        if is_surfaces(self._get_reconfigure_entry()):
            # Home Assistant offers it for every entry of an integration, or for none.
            return self.async_abort(reason="surfaces_reconfigure")
        step = {
            KIND_MESH: self._async_reconfigure_mesh,
            KIND_OBS: self.async_step_reconfigure_obs,
            KIND_VMIX: self.async_step_reconfigure_vmix,
        }
        return await step[self._get_reconfigure_entry().data[CONF_KIND]](user_input)

    async def _async_reconfigure_mesh(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the node's name and the addresses at which others find it."""
        entry = self._get_reconfigure_entry()
        values: Mapping[str, Any] = {**entry.data, **entry.options}
        errors: dict[str, str] = {}
        if user_input is not None:
            new, errors = checked(user_input)
            if not errors:
                # The entry's update listener applies it to the running node.
                return self.async_update_and_abort(
                    entry,
                    data_updates={CONF_NODE_NAME: new[CONF_NODE_NAME]},
                    options={
                        **entry.options,
                        CONF_SIGNALING_URLS: new.get(CONF_SIGNALING_URLS, []),
                    },
                )
            values = user_input
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(RECONFIGURE_SCHEMA, values),
            errors=errors,
            description_placeholders={
                "addresses": bullets(signaling_urls(self.hass, entry.options))
            },
        )
