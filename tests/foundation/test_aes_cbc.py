from __future__ import annotations

import pytest

from foundation.aes_cbc import decrypt, encrypt

# NIST SP 800-38A, appendix F.2.5, without its padding: the first block.
KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
VECTOR = bytes(range(16))
BLOCK = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")


def test_the_standard_s_first_block_comes_out() -> None:
    assert encrypt(BLOCK, KEY, VECTOR)[:16].hex() == "f58c4c04d6e5f1ba779eabfb5f7bfbd6"


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 400])
def test_what_was_encrypted_is_decrypted(length: int) -> None:
    assert decrypt(encrypt(b"x" * length, KEY, VECTOR), KEY, VECTOR) == b"x" * length


def test_a_key_of_another_length_is_cut_or_filled_up_with_zeros() -> None:
    assert decrypt(encrypt(b"x", KEY + b"more", VECTOR), KEY, VECTOR) == b"x"
    assert decrypt(encrypt(b"x", b"short", VECTOR), b"short" + bytes(27), VECTOR) == b"x"


@pytest.mark.parametrize("octets", [b"", b"x" * 15, b"x" * 17])
def test_what_is_not_made_of_blocks_is_nothing(octets: bytes) -> None:
    assert decrypt(octets, KEY, VECTOR) is None


def test_another_key_gives_nothing() -> None:
    assert decrypt(encrypt(b"hello", KEY, VECTOR), b"another", VECTOR) is None
