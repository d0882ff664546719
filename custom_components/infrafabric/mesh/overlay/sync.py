"""What two neighbours tell each other about membership before any other traffic (sans-IO).

Both send the digest of the records and tombstones they hold. If the digests differ, both send a
summary and answer the other's with what it lacks, so a demoted or revoked peer's older record
dies wherever it is still held. Payloads are JSON objects with ``k``: ``digest``, ``summary`` or
``records``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from ..trust.membership import MAX_SIGNED, Membership
from ..trust.signed import Signed

MAX_SUMMARY: Final = 1000
"""Members in a summary, so that it fits a payload. What is left out is sent again, which costs
bytes and does no harm."""
BATCH_BYTES: Final = 48 * 1024
"""Bytes of records in one payload, unless a single one is larger."""
MAX_BATCH: Final = 512


def batches(signed: Sequence[Signed]) -> Iterator[list[dict[str, str]]]:
    """Yield the travelling forms in lists that fit a payload."""
    batch: list[dict[str, str]] = []
    size = 0
    for item in signed:
        if batch and (size + len(item.body) > BATCH_BYTES or len(batch) >= MAX_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(item.to_json())
        size += len(item.body) + 128
    if batch:
        yield batch


def read_batch(value: object) -> list[Signed]:
    """Return the signed values of a batch.

    Raises:
        ValueError: Not a list of at most 512 signed values.

    """
    if not isinstance(value, list) or len(value) > MAX_BATCH:
        msg = "not a list of signed values"
        raise ValueError(msg)
    return [Signed.from_json(item, MAX_SIGNED) for item in value]


@dataclass(slots=True)
class SyncStep:
    """What to do after a payload."""

    send: list[Mapping[str, Any]] = field(default_factory=list)
    records: list[Signed] = field(default_factory=list)
    """To be checked and added to the membership before anything else is processed."""
    done: bool = False
    """The peer's knowledge is ours now: other traffic may begin."""


class RecordSync:
    """The exchange over one link."""

    def __init__(self, membership: Membership) -> None:
        """Begin with nothing said."""
        self._membership = membership
        self._summarised = False
        self._answered = False

    def start(self) -> Mapping[str, Any]:
        """Return the first payload."""
        return {"k": "digest", "digest": self._membership.digest().hex()}

    def received(self, payload: Mapping[str, Any]) -> SyncStep:
        """Take the peer's payload.

        Raises:
            ValueError: Out of form, or not expected now.

        """
        match payload:
            case {"k": "digest", "digest": str() as digest, **rest} if not rest:
                if digest == self._membership.digest().hex():
                    return SyncStep(done=True)
                if self._summarised:
                    return SyncStep()
                self._summarised = True
                have = dict(islice(self._membership.summary().items(), MAX_SUMMARY))
                return SyncStep(send=[{"k": "summary", "have": have}])
            case {"k": "summary", "have": have, **rest} if not rest and not self._answered:
                # Once per link: the summary of a large mesh is not cheap to compare.
                self._answered = True
                return SyncStep(send=self._answer(have))
            case {"k": "records", "signed": signed, "last": bool() as last, **rest} if not rest:
                return SyncStep(records=read_batch(signed), done=last)
        msg = "not a payload of the membership exchange"
        raise ValueError(msg)

    def _answer(self, have: Any) -> list[Mapping[str, Any]]:
        parts = list(batches(self._membership.missing(have))) or [[]]
        return [
            {"k": "records", "signed": part, "last": number == len(parts)}
            for number, part in enumerate(parts, 1)
        ]
