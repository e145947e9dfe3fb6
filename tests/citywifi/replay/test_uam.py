"""CoovaChilli's seal and challenge arithmetic, by vectors that were computed apart from this code."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.gateways.coovachilli import chap_response as portal_chap_response
from citywifi.replay.uam import (
    Proof,
    chap_response,
    keyed_challenge,
    mask_password,
    read_proof,
    redirect_url,
    seal,
)

CHALLENGE = bytes(range(16))
SECRET = b"uamsecret"
PASSWORD = b"correct horse"
KEYED = bytes.fromhex("7ab1ee6992605a3e13bd489d85ded794")


def test_the_keyed_challenge_mixes_in_the_secret() -> None:
    assert keyed_challenge(CHALLENGE, SECRET) == KEYED
    assert keyed_challenge(CHALLENGE, b"") == CHALLENGE


def test_chap_response_and_masked_password_are_the_contract_s() -> None:
    assert chap_response(PASSWORD, KEYED).hex() == "346d1bcdd84e5fb58e784b159357cca0"
    assert mask_password(PASSWORD, KEYED).hex() == "19de9c1bf7032e1e7bd23aeee0"


def test_the_seal_is_over_the_text_before_it() -> None:
    url = (
        "https://portal.example/login?res=notyet&uamip=10.1.0.1&uamport=3990&challenge=000102030405060708090a0b0c0d0e0f"
    )
    assert seal(url, SECRET) == "0FE09E9CB91472E9190D9B6043ECB70C"


def test_a_redirect_has_chilli_s_order_and_the_seal_at_its_end() -> None:
    given_in_any_order = {"userurl": "http://a.example/?b=c&d", "uamip": "10.1.0.1", "res": "notyet", "mac": "A-B"}
    url = redirect_url("https://portal.example/arrive", SECRET, given_in_any_order)
    names = [name for name, _ in parse_qsl(urlsplit(url).query)]
    assert names == ["res", "uamip", "mac", "userurl", "md"]
    unsealed, _, digest = url.partition("&md=")
    assert digest == seal(unsealed, SECRET)
    assert dict(parse_qsl(urlsplit(url).query))["userurl"] == "http://a.example/?b=c&d"


def test_without_a_secret_there_is_no_seal_and_a_query_is_continued() -> None:
    assert redirect_url("http://p.example/?x=1", b"", {"res": "notyet"}) == "http://p.example/?x=1&res=notyet"


def test_a_chap_proof_is_carried_on_and_a_masked_password_revealed() -> None:
    response = chap_response(PASSWORD, KEYED)
    assert read_proof({"response": response.hex()}, KEYED) == Proof(response=response, challenge=KEYED)
    assert read_proof({"password": mask_password(PASSWORD, KEYED).hex()}, KEYED) == Proof(password=PASSWORD)


@pytest.mark.parametrize(
    "query", [{}, {"response": "zz"}, {"response": "00"}, {"password": ""}, {"password": "00" * 129}]
)
def test_a_malformed_proof_is_none(query: dict[str, str]) -> None:
    assert read_proof(query, KEYED) is None


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=40), st.binary(min_size=16, max_size=16))
def test_portal_and_gateway_compute_the_same_response(password: str, challenge: bytes) -> None:
    expected = chap_response(password.encode(), keyed_challenge(challenge, SECRET)).hex()
    assert portal_chap_response(password, challenge, SECRET) == expected
