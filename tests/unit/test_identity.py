"""A key signs for one purpose at a time, opens what is sealed for it, and names its node."""

import hashlib

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.encoding import base32
from infrafabric.mesh.trust.identity import (
    Identity,
    PublicIdentity,
    Purpose,
    check_groups,
    is_identifier,
    mesh_id_of,
    peer_id_of,
)

HOME, STUDIO = (Identity(bytes([n]) * 32) for n in (1, 2))


def test_a_key_comes_back_from_its_seed_and_never_shows_it():
    again = Identity(HOME.seed)
    assert again.public_key == HOME.public_key
    assert again.peer_id == HOME.peer_id == HOME.public.peer_id
    assert HOME.seed.hex() not in repr(HOME)
    assert repr(HOME) == f"<Identity {HOME.peer_id}>"
    assert Identity.generate().seed != Identity.generate().seed


def test_rfc_8032_s_first_test_vector_holds():
    identity = Identity(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    assert identity.public_key.hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )
    signature = identity.sign_raw(b"")
    assert signature.hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert identity.public.verify_raw(b"", signature)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_has_32_bytes(size):
    with pytest.raises(ValueError, match="32 bytes"):
        Identity(bytes(size))
    with pytest.raises(ValueError, match="32 bytes"):
        PublicIdentity(bytes(size))


def test_a_signature_holds_for_its_purpose_only():
    for made in Purpose:
        signature = HOME.sign(made, b"data")
        for checked in Purpose:
            assert HOME.public.verify(checked, b"data", signature) is (made is checked)
        assert not HOME.public.verify_raw(b"data", signature)
        assert HOME.public.verify_raw(f"infrafabric/{made}/1\0".encode() + b"data", signature)


@given(st.integers(0, 511), st.binary(max_size=20))
def test_a_changed_signature_does_not_hold(bit, data):
    signature = bytearray(HOME.sign_raw(data))
    signature[bit // 8] ^= 1 << (bit % 8)
    assert not HOME.public.verify_raw(data, bytes(signature))


@pytest.mark.parametrize("signature", [b"", b"\0" * 63, b"\0" * 64, b"\0" * 65, "text"])
def test_what_is_no_signature_does_not_hold(signature):
    assert not HOME.public.verify_raw(b"data", signature)


def test_a_key_of_small_order_signs_nothing_and_seals_nothing():
    bad = PublicIdentity(b"\1" + b"\0" * 31)
    assert not bad.verify_raw(b"data", b"\1" + b"\0" * 63)
    with pytest.raises(ValueError, match="usable"):
        bad.seal(b"data")


@given(st.binary(max_size=100))
def test_only_the_owner_opens_what_is_sealed(data):
    box = HOME.public.seal(data)
    assert HOME.unseal(box) == data
    with pytest.raises(ValueError, match="cannot be opened"):
        STUDIO.unseal(box)
    with pytest.raises(ValueError):
        HOME.unseal(box[:-1] + bytes([box[-1] ^ 1]))


@pytest.mark.parametrize("box", [b"", b"\0" * 47, b"\0" * 48, b"\0" * 100])
def test_what_is_no_box_is_not_opened(box):
    with pytest.raises(ValueError):
        HOME.unseal(box)


def test_a_peer_id_is_the_hash_of_the_key_for_that_use():
    expected = hashlib.sha256(b"infrafabric/peer-id/1\0" + HOME.public_key).digest()[:20]
    assert HOME.peer_id == base32(expected)
    assert is_identifier(HOME.peer_id)
    assert mesh_id_of(HOME.public_key, STUDIO.public_key) != peer_id_of(
        HOME.public_key + STUDIO.public_key
    )
    assert mesh_id_of(HOME.public_key, STUDIO.public_key) != mesh_id_of(
        STUDIO.public_key, HOME.public_key
    )


@pytest.mark.parametrize("text", ["", "a" * 31, "a" * 33, "A" * 32, "1" * 32, None, 5, ["a"] * 32])
def test_what_has_another_form_is_no_identifier(text):
    assert not is_identifier(text)


def test_check_groups_change_with_any_swap_or_mistake():
    groups = check_groups(HOME.peer_id)
    assert len(groups.split("-")) == 9
    assert groups.replace("-", "").lower().startswith(HOME.peer_id)
    check = groups[-4:]
    for position in range(31):
        one, two = HOME.peer_id[position], HOME.peer_id[position + 1]
        if one != two:
            swapped = HOME.peer_id[:position] + two + one + HOME.peer_id[position + 2 :]
            assert check_groups(swapped)[-4:] != check
