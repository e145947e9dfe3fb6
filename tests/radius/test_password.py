"""PAP, CHAP and MS-CHAPv2 as they arrive in a request, compared with either form of a stored password."""

from __future__ import annotations

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.credentials import nt_hash
from radius.authentication.mschap import Mschapv2Proof
from radius.authentication.password import ChapProof, PapProof, read_proofs
from radius.authentication.stored_password import StoredPassword
from radius.errors import MalformedAttributeError
from radius.packet import Code, encode_request
from tests.radius.support import SECRET, access_request

OF_DEMO = StoredPassword.of(b"demo")
HASH_OF_DEMO = StoredPassword(nt_hash("demo"))
BOTH_FORMS = pytest.mark.parametrize("stored", [OF_DEMO, HASH_OF_DEMO])


@given(st.binary(max_size=128).filter(lambda password: not password.endswith(b"\0")))
def test_pap_passwords_are_octets_and_arrive_as_they_were_sent(password: bytes) -> None:
    (proof,) = read_proofs(access_request({"User-Password": password}), SECRET)
    assert isinstance(proof, PapProof)
    assert proof.proves(StoredPassword.of(password))
    assert not proof.proves(StoredPassword.of(password + b"x"))


@BOTH_FORMS
def test_a_wrong_secret_gives_a_wrong_password_not_an_error(stored: StoredPassword) -> None:
    (proof,) = read_proofs(access_request({"User-Password": "demo"}), b"another secret")
    assert not proof.proves(stored)


@BOTH_FORMS
@pytest.mark.parametrize("method", ["User-Password", "MS-CHAPv2"])
def test_pap_and_mschapv2_need_no_more_than_the_hash(stored: StoredPassword, method: str) -> None:
    (right,) = read_proofs(access_request({"User-Name": "demo", method: "demo"}), SECRET)
    (wrong,) = read_proofs(access_request({"User-Name": "demo", method: "Demo"}), SECRET)
    assert right.proves(stored)
    assert not wrong.proves(stored)


@given(st.binary(max_size=128))
def test_any_octets_are_compared_with_a_hash_without_an_error(password: bytes) -> None:
    assert PapProof(password).proves(HASH_OF_DEMO) == (password == b"demo")


def test_a_password_that_is_not_utf_8_has_no_hash_that_another_one_could_match() -> None:
    stored = StoredPassword.of(b"\xff\xfe")
    assert PapProof(b"\xff\xfe").proves(stored)
    assert not PapProof(b"\xff\xfe").proves(StoredPassword(stored.nt_hash))


def test_chap_without_a_challenge_uses_the_request_authenticator() -> None:
    (proof,) = read_proofs(access_request({"CHAP": "demo"}), SECRET)
    assert isinstance(proof, ChapProof)
    assert proof.proves(OF_DEMO)
    assert not proof.proves(StoredPassword.of(b"Demo"))


def test_chap_never_matches_where_only_the_hash_is_kept() -> None:
    for password in ("demo", ""):
        (proof,) = read_proofs(access_request({"CHAP": password}), SECRET)
        assert not proof.proves(HASH_OF_DEMO)


def test_chap_with_a_challenge_uses_it() -> None:
    challenge = bytes(range(20))
    response = b"\x09" + md5(b"\x09" + b"demo" + challenge).digest()
    packet = access_request([("CHAP-Password", response), ("CHAP-Challenge", challenge)])
    (proof,) = read_proofs(packet, SECRET)
    assert proof.proves(OF_DEMO)


def test_mschapv2_keeps_the_identifier_and_the_name_as_they_were_sent() -> None:
    (proof,) = read_proofs(access_request({"User-Name": r"CITY\demo", "MS-CHAPv2": "demo"}), SECRET)
    assert isinstance(proof, Mschapv2Proof)
    assert (proof.identifier, proof.user_name) == (0xA7, rb"CITY\demo")
    assert proof.proves(HASH_OF_DEMO)


@pytest.mark.parametrize(
    ("response", "challenge"),
    [(bytes(49), bytes(16)), (bytes(51), bytes(16)), (bytes(50), bytes(8)), (bytes(50), bytes(17)), (bytes(50), None)],
)
def test_mschapv2_of_another_length_or_without_a_challenge_is_malformed(
    response: bytes, challenge: bytes | None
) -> None:
    values = [("MS-CHAP2-Response", response)]
    if challenge is not None:
        values.append(("MS-CHAP-Challenge", challenge))
    with pytest.raises(MalformedAttributeError):
        read_proofs(access_request(values), SECRET)


@pytest.mark.parametrize("length", [1, 16, 18])
def test_a_chap_password_of_another_length_is_malformed(length: int) -> None:
    packet = encode_request(Code.ACCESS_REQUEST, 1, [(3, bytes(length))], SECRET)
    with pytest.raises(MalformedAttributeError):
        read_proofs(packet, SECRET)


def test_a_request_may_offer_nothing_or_against_the_rfc_several() -> None:
    assert read_proofs(access_request({"User-Name": "demo"}), SECRET) == []
    all_three = read_proofs(access_request({"User-Password": "demo", "CHAP": "demo", "MS-CHAPv2": "demo"}), SECRET)
    assert [proof.method for proof in all_three] == ["pap", "chap", "mschapv2"]


def test_proofs_are_not_printed() -> None:
    request = access_request({"User-Name": "demo", "User-Password": "demo", "CHAP": "demo", "MS-CHAPv2": "demo"})
    assert "demo" not in repr(read_proofs(request, SECRET))
