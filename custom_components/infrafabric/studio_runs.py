"""Doing one thing in several places at once, and telling what became of it in each studio."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .errors import studio_errors
from .studio.errors import UnreachableError
from .studio.model import StudioKind
from .studio_coordinator import MODELS, StudioCoordinator
from .studio_secrets import scrub
from .targets import invalid, targeted_entries

type StudioHandler = Callable[[StudioCoordinator, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Does one thing in one studio, which is connected, and returns what the studio confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an action in one studio: a result, or an error without secrets."""

    studio: StudioCoordinator
    result: dict[str, Any]
    error: HomeAssistantError | None = None


def targeted_studios(call: ServiceCall) -> list[StudioCoordinator]:
    """Return the targeted studios.

    Raises:
        ServiceValidationError: A named device is no studio or not loaded, or there is no studio.

    """
    studios: dict[str, StudioCoordinator] = {}
    for entry, _device_id, named in targeted_entries(call):
        if isinstance(entry.runtime_data, StudioCoordinator):
            studios[entry.entry_id] = entry.runtime_data
        elif named:
            raise invalid("not_a_studio")
    if not studios:
        raise invalid("no_studio_targeted")
    return list(studios.values())


def in_each_studio(
    handler: StudioHandler, *, only: StudioKind | None = None, one: bool = False
) -> Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]:
    """Return an action that does the same in every targeted studio at once.

    With a response, studios that failed are in it as long as one did not; without one, a single
    failure is an error, because nobody would see it otherwise.

    Args:
        handler: What to do in each.
        only: The program that alone can do it.
        one: Whether it makes sense for a single studio only.

    """

    async def handle(call: ServiceCall) -> ServiceResponse:
        studios = targeted_studios(call)
        if one and len(studios) != 1:
            raise invalid("one_studio_only")
        outcomes = await all_done(_attempt(handler, studio, call.data, only) for studio in studios)
        failed = [outcome for outcome in outcomes if outcome.error is not None]
        if failed and (len(failed) == len(outcomes) or not call.return_response):
            raise _failure(call.hass, failed, len(outcomes))
        return {"studios": [_report(call.hass, outcome) for outcome in outcomes]}

    return handle


async def all_done[T](attempts: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for all of *attempts*, whatever becomes of some, and raise what only a bug raises."""
    done: list[T] = []
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
        done.append(outcome)
    return done


def studio_response(studio: StudioCoordinator) -> dict[str, Any]:
    """Return what tells a studio from others in a response."""
    return {ATTR_DEVICE_ID: studio.device_id, "name": studio.name}


def text_of(hass: HomeAssistant, err: HomeAssistantError) -> str:
    """Return an error in the language of this Home Assistant."""
    domain, key = err.translation_domain, err.translation_key
    texts = async_get_cached_translations(hass, hass.config.language, "exceptions", domain)
    text = texts.get(f"component.{domain}.exceptions.{key}.message")
    if text is None:
        return str(err)
    try:
        return text.format(**(err.translation_placeholders or {}))
    except KeyError:
        return str(err)


def common_kind(errors: Iterable[HomeAssistantError]) -> type[HomeAssistantError]:
    """Return the kind of one error for several: the caller's fault only if each of them is."""
    if all(isinstance(error, ServiceValidationError) for error in errors):
        return ServiceValidationError
    return HomeAssistantError


def reasons_of(hass: HomeAssistant, errors: Iterable[tuple[str, HomeAssistantError]]) -> str:
    """Return what failed, by name, each with its reason in the language of this Home Assistant."""
    return " ".join(f"{name}: {text_of(hass, error)}" for name, error in errors)


async def _attempt(
    handler: StudioHandler,
    studio: StudioCoordinator,
    data: Mapping[str, Any],
    only: StudioKind | None,
) -> Outcome:
    secrets = studio.secrets
    try:
        with studio_errors(secrets):
            if only not in (None, studio.kind):
                raise invalid("studio_other_kind", kind=MODELS[only])
            if not studio.available or studio.state is None:
                raise UnreachableError("studio_not_connected", "The studio is not connected.")
            result = await handler(studio, data)
    except HomeAssistantError as err:
        return Outcome(studio=studio, result={}, error=_clean(err, secrets))
    return Outcome(studio=studio, result=scrub(result, secrets))


def _clean(err: HomeAssistantError, secrets: frozenset[str]) -> HomeAssistantError:
    """Return *err* without secrets, and without a cause: a caller may have typed one as a name."""
    kind = ServiceValidationError if isinstance(err, ServiceValidationError) else HomeAssistantError
    if err.translation_key is None:
        return kind(scrub(str(err), secrets))
    return kind(
        translation_domain=err.translation_domain,
        translation_key=err.translation_key,
        translation_placeholders=scrub(err.translation_placeholders, secrets),
    )


def _report(hass: HomeAssistant, outcome: Outcome) -> dict[str, Any]:
    if outcome.error is not None:
        return {**studio_response(outcome.studio), "error": text_of(hass, outcome.error)}
    return {**studio_response(outcome.studio), **outcome.result}


def _failure(hass: HomeAssistant, failed: Sequence[Outcome], targeted: int) -> HomeAssistantError:
    """Return one error for all that failed; each is named with its reason."""
    errors = [(outcome.studio.name, outcome.error) for outcome in failed if outcome.error]
    kind = common_kind(error for _, error in errors)
    if targeted == 1:
        ((studio, error),) = errors
        return kind(
            translation_domain=DOMAIN,
            translation_key="studio_failed",
            translation_placeholders={"studio": studio, "reason": text_of(hass, error)},
        )
    return kind(
        translation_domain=DOMAIN,
        translation_key="studios_failed",
        translation_placeholders={
            "failed": str(len(failed)),
            "targeted": str(targeted),
            "reasons": reasons_of(hass, errors),
        },
    )
