"""Errors of the mesh library in the words of Home Assistant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .mesh.errors import InvalidError, MeshError

TRANSLATED: Final = frozenset(
    {
        "clock_skew",
        "ice_failed",
        "inviter_unreachable",
        "join_timeout",
        "link_closed",
        "link_timeout",
        "mesh_full",
        "message_invalid",
        "message_too_large",
        "name_invalid",
        "no_candidates",
        "no_signaling_address",
        "no_state",
        "not_admin",
        "own_record",
        "peer_absent",
        "peer_not_connected",
        "proof_failed",
        "request_refused",
        "request_timeout",
        "signaling_unreachable",
        "state_not_saved",
        "state_unreadable",
        "too_many_invitations",
        "too_many_requests",
        "trace_id_in_use",
        "unknown_invitation",
        "unknown_peer",
    }
)
"""Codes that have their own text under ``exceptions``; every other one is shown as it is."""


def translation_of(err: MeshError) -> tuple[str, dict[str, str]]:
    """Return the translation key and the placeholders for *err*."""
    if err.code in TRANSLATED:
        return err.code, dict(err.details)
    return "mesh_error", {"error": str(err)}


@contextmanager
def mesh_errors() -> Iterator[None]:
    """Turn what the library raises into translated Home Assistant errors.

    Raises:
        ServiceValidationError: What the caller gave cannot work.
        HomeAssistantError: Everything else.

    """
    try:
        yield
    except MeshError as err:
        kind = ServiceValidationError if isinstance(err, InvalidError) else HomeAssistantError
        key, placeholders = translation_of(err)
        raise kind(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders=placeholders,
        ) from err
