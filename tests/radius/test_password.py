"""PAP and CHAP."""

from __future__ import annotations

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.authentication.password import ChapProof, PapProof, read_proofs
from radius.errors import MalformedAttributeError
from radius.packet import Code, encode_request
from tests.radius.support import SECRET, access_request


@given(st.binary(max_size=128).filter(lambda password: not password.endswith(b"\0")))
def test_pap_passwords_are_octets_and_arrive_as_they_were_sent(password: bytes) -> None:
    (proof,) = read_proofs(access_request({"User-Password": password}), SECRET)
    assert isinstance(proof, PapProof)
    assert proof.proves(password)
    assert not proof.proves(password + b"x")


def test_a_wrong_secret_gives_a_wrong_password_not_an_error() -> None:
    (proof,) = read_proofs(access_request({"User-Password": "demo"}), b"another secret")
    assert not proof.proves(b"demo")


def test_chap_without_a_challenge_uses_the_request_authenticator() -> None:
    (proof,) = read_proofs(access_request({"CHAP": "demo"}), SECRET)
    assert isinstance(proof, ChapProof)
    assert proof.proves(b"demo")
    assert not proof.proves(b"Demo")


def test_chap_with_a_challenge_uses_it() -> None:
    challenge = bytes(range(20))
    response = b"\x09" + md5(b"\x09" + b"demo" + challenge).digest()
    packet = access_request([("CHAP-Password", response), ("CHAP-Challenge", challenge)])
    (proof,) = read_proofs(packet, SECRET)
    assert proof.proves(b"demo")


@pytest.mark.parametrize("length", [1, 16, 18])
def test_a_chap_password_of_another_length_is_malformed(length: int) -> None:
    packet = encode_request(Code.ACCESS_REQUEST, 1, [(3, bytes(length))], SECRET)
    with pytest.raises(MalformedAttributeError):
        read_proofs(packet, SECRET)


def test_a_request_may_offer_nothing_or_against_the_rfc_both() -> None:
    assert read_proofs(access_request({"User-Name": "demo"}), SECRET) == []
    both = read_proofs(access_request({"User-Password": "demo", "CHAP": "demo"}), SECRET)
    assert [proof.method for proof in both] == ["pap", "chap"]


def test_a_proof_is_not_printed() -> None:
    assert "demo" not in repr(read_proofs(access_request({"User-Password": "demo"}), SECRET))
