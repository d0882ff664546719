"""An exported message can be checked by anybody, with other software, too."""

import json
from pathlib import Path
import shutil
import subprocess

import pytest

from infrafabric.mesh.messages.message import (
    IFMessage,
    MessageRefusedError,
    agent_address,
)

from .message_world import HOME, MESSAGE, STUDIO, draft

NODE = shutil.which("node")


def test_the_export_names_every_field_and_reads_back():
    exported = json.loads(json.dumps(MESSAGE.export(HOME.public_key)))
    assert exported["signature"]["signed_fields"] == sorted(MESSAGE.fields)
    assert exported["signature"]["algorithm"] == "ed25519"
    assert IFMessage.from_export(exported) == MESSAGE
    assert IFMessage.from_export(dict(reversed(exported.items()))) == MESSAGE


def test_an_export_needs_the_sender_s_key():
    with pytest.raises(ValueError, match="not the sender's"):
        MESSAGE.export(STUDIO.public_key)


def _with_signature(**more):
    exported = MESSAGE.export(HOME.public_key)
    exported["signature"] |= more
    return exported


@pytest.mark.parametrize(
    "exported",
    [
        None,
        [],
        dict(MESSAGE.fields),
        MESSAGE.export(HOME.public_key) | {"signature": None},
        MESSAGE.export(HOME.public_key) | {"ttl": 301},
        MESSAGE.export(HOME.public_key) | {1: 2},
        MESSAGE.export(HOME.public_key) | {"content": {"a": float("nan")}},
        MESSAGE.export(HOME.public_key) | {"sender": agent_address(STUDIO.peer_id)},
        _with_signature(extra=1),
        _with_signature(algorithm="none"),
        _with_signature(algorithm=None),
        _with_signature(signed_fields=["content"]),
        _with_signature(signed_fields=None),
        _with_signature(signed_fields=[*sorted(MESSAGE.fields), "signature"]),
        _with_signature(public_key=5),
        _with_signature(public_key="ed25519:AAAA"),
        _with_signature(signature_bytes=MESSAGE.signature.hex()),
        _with_signature(signature_bytes="ed25519:" + MESSAGE.signature.hex().upper()),
        _with_signature(signature_bytes="ed25519:" + "0" * 128),
        _with_signature(
            public_key=IFMessage.create(STUDIO, **draft()).export(STUDIO.public_key)["signature"][
                "public_key"
            ]
        ),
    ],
)
def test_a_changed_export_is_refused(exported):
    with pytest.raises(MessageRefusedError):
        IFMessage.from_export(exported)


def test_leaving_a_signed_field_out_of_an_export_is_refused():
    for name in MESSAGE.fields:
        exported = MESSAGE.export(HOME.public_key)
        del exported[name]
        exported["signature"]["signed_fields"].remove(name)
        with pytest.raises(MessageRefusedError):
            IFMessage.from_export(exported)


def node_says(exported):
    script = Path(__file__).with_name("verify_message.mjs")
    return subprocess.run(
        [NODE, script],
        input=json.dumps(exported),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
def test_node_verifies_an_exported_message_with_its_own_crypto():
    message = IFMessage.create(
        HOME,
        **draft(
            content={
                "é\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"): [
                    1e21,
                    0.1,
                    -0.0,
                    1e-7,
                    '\u2028\x7f\x01"\\/',
                ],
                "ﬁ": None,
                "€": 1,
            }
        ),
    )
    done = node_says(message.export(HOME.public_key))
    assert done.stderr == ""
    assert (done.returncode, done.stdout.strip()) == (0, HOME.peer_id)


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"ttl": 301}, "the signature is wrong"),
        ({"extra": 1}, "not every field is signed"),
        ({"sender": agent_address(STUDIO.peer_id)}, "the key is not the sender's"),
    ],
)
def test_node_refuses_a_changed_message(more, reason):
    done = node_says(MESSAGE.export(HOME.public_key) | more)
    assert (done.returncode, done.stdout.strip()) == (1, reason)
