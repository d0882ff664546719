"""Two nodes and a message with every field, for the tests of messages."""

import pytest

from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.messages.message import (
    IFMessage,
    MessageRefusedError,
    agent_address,
)
from infrafabric.mesh.trust.identity import Identity

NOW = 1_800_000_000.25
HOME = Identity(b"\1" * 32)
STUDIO = Identity(b"\2" * 32)


def fixed(size):
    return bytes(range(size))


def draft(**more):
    values = {
        "receivers": [agent_address(STUDIO.peer_id)],
        "content": {"text": "on air", "level": 0.5, "list": [1, None, True]},
        "sequence": 7,
        "now": NOW,
        "random": fixed,
    }
    return values | more


def full_message():
    return IFMessage.create(
        HOME,
        **draft(
            receivers=[agent_address(STUDIO.peer_id), "if://agent/swarm/financial/*"],
            performative="escalate",
            conversation_id="if://conversation/show-1",
            topic="if://topic/stream",
            protocol="fipa-request",
            trace_id="0123456789ab",
            citation_ids=["if://citation/1", "cit:2"],
            hazard={
                "type": "safety",
                "severity": "high",
                "auto_escalate": True,
                "rationale": "two\nlines",
                "threshold_override": {"original_confidence": 0.25, "reason": "drill"},
            },
            provenance={
                "commit": "abc",
                "version": "1",
                "model": "none",
                "cost_usd": 0.5,
                "tokens_used": 3,
            },
        ),
    )


MESSAGE = full_message()


def signed_anew(fields, identity=HOME):
    """Return body and signature of any fields, as a hostile member would make them."""
    body = canonical_json(fields)
    return body, identity.sign_raw(body)


def refusal(body, signature, key=HOME.public_key):
    with pytest.raises(MessageRefusedError) as caught:
        IFMessage.parse(body, signature, key)
    assert caught.value.detail == str(caught.value)
    return caught.value.status


def paths(value, path=()):
    """Yield the path of every member and item at any depth."""
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    else:
        return
    for key, item in entries:
        yield (*path, key)
        yield from paths(item, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


PATHS = sorted(paths(dict(MESSAGE.fields)), key=str)
OBJECTS = [(), *(path for path in PATHS if isinstance(at(MESSAGE.fields, path), dict))]
