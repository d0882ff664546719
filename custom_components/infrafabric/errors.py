"""Errors of the two libraries in the words of Home Assistant."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .mesh.errors import InvalidError, MeshError
from .studio.errors import (
    InvalidError as StudioInvalidError,
    StudioError,
    UnsupportedError as StudioUnsupportedError,
)
from .studio.model import Feature
from .studio.secrets import scrub_text

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

LACKS: Final = "studio_lacks_"
"""Begins the key of the text for what a studio cannot do, where it is no single request."""

STUDIO_TRANSLATED: Final = frozenset(
    {
        *(f"{LACKS}{feature}" for feature in Feature),
        # vMix sends SRT from outputs that only its own settings can change.
        f"{LACKS}srt",
        "studio_ambiguous_name",
        "studio_another",
        "studio_auth_failed",
        "studio_auth_missing",
        "studio_busy",
        "studio_closed",
        "studio_destination_choice",
        "studio_destination_differs",
        "studio_fault",
        "studio_invalid_value",
        "studio_kicked",
        "studio_no_destination",
        "studio_not_confirmed",
        "studio_not_connected",
        "studio_output_failed",
        "studio_protocol",
        "studio_refused_connection",
        "studio_request_refused",
        "studio_request_timeout",
        "studio_secret_request",
        "studio_stream_running",
        "studio_timeout",
        "studio_tls",
        "studio_too_old",
        "studio_unknown_channel",
        "studio_unknown_host",
        "studio_unknown_name",
        "studio_unknown_output",
        "studio_unknown_source",
        "studio_unknown_transition",
        "studio_unsupported",
        "studio_wrong_port",
    }
)
"""The same for codes of the studio library, by ``studio_key``."""


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


def studio_key(code: str) -> str:
    """Return the translation key for a code of the studio library.

    It begins with ``studio_``, because a mesh has codes of the same name, such as
    ``request_refused``.
    """
    return code if code.startswith("studio_") else f"studio_{code}"


def studio_translation_of(err: StudioError) -> tuple[str, dict[str, str]]:
    """Return the translation key and the placeholders for *err*."""
    key = studio_key(err.code)
    if key == "studio_unsupported":
        lacks = f"{LACKS}{err.details.get('what', '').lower()}"
        key = lacks if lacks in STUDIO_TRANSLATED else key
    if key in STUDIO_TRANSLATED:
        return key, dict(err.details)
    return "studio_error", {"error": str(err)}


def without_secrets[E: StudioError](err: E, secrets: Iterable[str]) -> E:
    """Return a copy of *err* with secrets masked, however they are written in it.

    A studio may echo in its reasons what it was told or is set to.
    """
    details = {name: scrub_text(value, secrets) for name, value in err.details.items()}
    return type(err)(err.code, scrub_text(str(err), secrets), **details)


def studio_error(err: StudioError, secrets: Iterable[str] = ()) -> HomeAssistantError:
    """Return *err* as a translated Home Assistant error without secrets."""
    clean = without_secrets(err, secrets)
    callers_fault = isinstance(clean, StudioInvalidError | StudioUnsupportedError)
    kind = ServiceValidationError if callers_fault else HomeAssistantError
    key, placeholders = studio_translation_of(clean)
    return kind(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


@contextmanager
def studio_errors(secrets: Iterable[str] = ()) -> Iterator[None]:
    """Turn what the studio library raises into translated Home Assistant errors.

    Args:
        secrets: What must not be in them.

    Raises:
        ServiceValidationError: What the caller gave cannot work, or this studio has no such thing.
        HomeAssistantError: Everything else.

    """
    try:
        yield
    except StudioError as err:
        # The original is no cause: its text would be in the traceback of a DEBUG log.
        clean = without_secrets(err, secrets)
        raise studio_error(clean) from clean
