"""Standard Webhooks signatures: the published vector, Node's own Ed25519, and every forgery."""

import base64
import json
from pathlib import Path
import shutil
import subprocess

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.infrafabric.surfaces.webhooks.signing import (
    MAX_SIGNATURES,
    TIMESTAMP_TOLERANCE,
    PrivateKey,
    PublicKey,
    SymmetricKey,
    WebhookError,
    signed_headers,
    verify,
)

# The vector of the reference implementations (standardwebhooks and svix, all languages).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

KEY = SymmetricKey.parse(SECRET)
PRIVATE = PrivateKey(bytes(range(32)))

NODE = """
const crypto = require('crypto');
const {pem, id, timestamp, body, signature, seed} = JSON.parse(require('fs').readFileSync(0));
const data = Buffer.from(`${id}.${timestamp}.${body}`);
const ok = crypto.verify(null, data, pem, Buffer.from(signature, 'base64'));
const key = {key: Buffer.from(seed, 'base64'), format: 'der', type: 'pkcs8'};
const own = crypto.sign(null, data, key);
console.log(JSON.stringify({ok, own: own.toString('base64')}));
"""


def headers(**changes: str) -> dict[str, str]:
    names = {"id": MESSAGE_ID, "timestamp": str(TIMESTAMP), "signature": SIGNATURE} | changes
    return {f"webhook-{name}": value for name, value in names.items()}


def test_the_published_vector_comes_out_and_is_accepted() -> None:
    assert KEY.sign(MESSAGE_ID, TIMESTAMP, BODY) == SIGNATURE
    verified = verify(headers(), BODY, [KEY], TIMESTAMP)
    assert (verified.message_id, verified.timestamp) == (MESSAGE_ID, TIMESTAMP)


def test_node_accepts_our_v1a_signature_and_we_accept_its() -> None:
    assert shutil.which("node"), "script/setup installs Node.js"
    spki = bytes.fromhex("302a300506032b6570032100") + PRIVATE.public.key
    pkcs8 = bytes.fromhex("302e020100300506032b657004220420") + PRIVATE.seed
    entry = PRIVATE.sign(MESSAGE_ID, TIMESTAMP, BODY)
    version, signature = entry.split(",")
    assert version == "v1a"
    told = {
        "pem": f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(spki).decode()}\n"
        "-----END PUBLIC KEY-----\n",
        "id": MESSAGE_ID,
        "timestamp": TIMESTAMP,
        "body": BODY.decode(),
        "signature": signature,
        "seed": base64.b64encode(pkcs8).decode(),
    }
    answer = subprocess.run(
        ["node", "-e", NODE],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    result = json.loads(answer.stdout)

    assert result["ok"] is True
    verify(headers(signature=f"v1a,{result['own']}"), BODY, [PRIVATE.public], TIMESTAMP)


def refused(**changes: str) -> str:
    with pytest.raises(WebhookError) as caught:
        verify(headers(**changes), BODY, [KEY, PRIVATE.public], TIMESTAMP)
    assert SECRET.removeprefix("whsec_") not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "msg_other"}, "bad_signature"),
        ({"id": ""}, "bad_id"),
        ({"id": "a b"}, "bad_id"),
        ({"id": "x" * 129}, "bad_id"),
        ({"timestamp": str(TIMESTAMP + 1)}, "bad_signature"),
        # The same number in other words is another message.
        ({"timestamp": f"0{TIMESTAMP}"}, "bad_signature"),
        ({"timestamp": "soon"}, "bad_timestamp"),
        ({"timestamp": "-1"}, "bad_timestamp"),
        ({"timestamp": "1" * 13}, "bad_timestamp"),
        ({"signature": ""}, "bad_signature"),
        ({"signature": SIGNATURE.removeprefix("v1,")}, "bad_signature"),
        ({"signature": SIGNATURE.replace("v1,", "v2,")}, "bad_signature"),
        # A MAC is no Ed25519 signature, whatever its label says.
        ({"signature": SIGNATURE.replace("v1,", "v1a,")}, "bad_signature"),
        ({"signature": "v1,not base64!"}, "bad_signature"),
    ],
)
def test_what_is_not_genuine_is_refused(changes: dict[str, str], code: str) -> None:
    assert refused(**changes) == code


@pytest.mark.parametrize("name", ["id", "timestamp", "signature"])
def test_a_missing_header_is_named(name: str) -> None:
    rest = headers()
    del rest[f"webhook-{name}"]
    with pytest.raises(WebhookError, match=f"webhook-{name}") as caught:
        verify(rest, BODY, [KEY], TIMESTAMP)
    assert caught.value.code == "missing_header"


@settings(deadline=None)
@given(position=st.integers(0, len(BODY) * 8 - 1))
def test_any_flipped_bit_of_the_body_is_noticed(position: int) -> None:
    body = bytearray(BODY)
    body[position // 8] ^= 1 << position % 8
    for key, signer in ((KEY, KEY), (PRIVATE.public, PRIVATE)):
        genuine = signed_headers(MESSAGE_ID, TIMESTAMP, BODY, [signer])
        with pytest.raises(WebhookError):
            verify(genuine, bytes(body), [key], TIMESTAMP)


@pytest.mark.parametrize(
    ("late", "code"),
    [
        (TIMESTAMP_TOLERANCE, None),
        (TIMESTAMP_TOLERANCE + 1, "too_old"),
        (-TIMESTAMP_TOLERANCE, None),
        (-TIMESTAMP_TOLERANCE - 1, "too_new"),
    ],
)
def test_a_message_is_good_for_five_minutes_either_way(late: int, code: str | None) -> None:
    if code is None:
        assert verify(headers(), BODY, [KEY], TIMESTAMP + late).message_id == MESSAGE_ID
    else:
        with pytest.raises(WebhookError) as caught:
            verify(headers(), BODY, [KEY], TIMESTAMP + late)
        assert caught.value.code == code


def test_while_keys_change_either_one_will_do() -> None:
    new = SymmetricKey(bytes(24))
    both = signed_headers(MESSAGE_ID, TIMESTAMP, BODY, [KEY, new, PRIVATE])
    for key in (KEY, new, PRIVATE.public):
        assert verify(both, BODY, [key], TIMESTAMP)
        assert verify(both, BODY, [SymmetricKey(bytes(25)), key], TIMESTAMP)


def test_only_the_first_signatures_are_tried() -> None:
    padding = " ".join(["v1,AAAA"] * MAX_SIGNATURES)
    assert refused(signature=f"{padding} {SIGNATURE}") == "bad_signature"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (SymmetricKey, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        (SymmetricKey, "whsec_c2hvcnQ="),
        (SymmetricKey, "whsec_!!!!"),
        (SymmetricKey, "whsec_" + base64.b64encode(bytes(65)).decode()),
        (PrivateKey, SECRET),
        (PrivateKey, "whsk_" + base64.b64encode(bytes(31)).decode()),
        (PublicKey, "whpk_" + base64.b64encode(bytes(33)).decode()),
    ],
)
def test_what_is_no_key_is_refused_without_being_repeated(kind: type, text: str) -> None:
    with pytest.raises(WebhookError) as caught:
        kind.parse(text)
    assert caught.value.code == "bad_key"
    assert text.partition("_")[2] == "" or text.partition("_")[2] not in str(caught.value)


def test_keys_survive_being_written_down_and_show_no_secret() -> None:
    assert SymmetricKey.parse(KEY.text()) == KEY
    assert PrivateKey.parse(PRIVATE.text()) == PRIVATE
    assert PublicKey.parse(PRIVATE.public.text()) == PRIVATE.public
    for key, secret in ((KEY, KEY.secret), (PRIVATE, PRIVATE.seed)):
        assert repr(secret) not in repr(key)
        assert base64.b64encode(secret).decode() not in repr(key)
