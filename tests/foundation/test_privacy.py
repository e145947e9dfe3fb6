from __future__ import annotations

import hmac
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from foundation.mac_address import MacAddress
from foundation.privacy import Keyring, PrivacyError

ADDRESS = MacAddress.parse("00-00-5E-00-53-01")


def test_a_device_has_one_pseudonym_per_council(keyring: Keyring) -> None:
    assert keyring.device_pseudonym(1, ADDRESS) == keyring.device_pseudonym(1, ADDRESS)
    assert keyring.device_pseudonym(1, ADDRESS) != keyring.device_pseudonym(2, ADDRESS)


def test_a_pseudonym_depends_on_key_and_purpose(keyring: Keyring) -> None:
    other = Keyring(bytes(32))
    assert keyring.device_pseudonym(1, ADDRESS) != other.device_pseudonym(1, ADDRESS)
    assert keyring.pseudonym("code", 1, b"x") != keyring.pseudonym("journey", 1, b"x")


def test_a_pseudonym_is_an_hmac_of_purpose_council_and_value() -> None:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"citywifi/pseudonym").derive(bytes(32))
    expected = hmac.digest(key, b"code\x0012\x00x", "sha256")[:16]
    assert Keyring(bytes(32)).pseudonym("code", 12, b"x") == expected


def test_an_email_address_is_found_however_it_is_typed(keyring: Keyring) -> None:
    assert keyring.contact_pseudonym(1, " Ann@Example.org ") == keyring.contact_pseudonym(1, "ann@example.org")


def test_what_is_encrypted_opens_only_for_its_purpose_and_key(keyring: Keyring) -> None:
    sealed = keyring.encrypt("contact", b"ann@example.org")
    assert b"ann" not in sealed
    assert keyring.decrypt("contact", sealed) == b"ann@example.org"
    with pytest.raises(PrivacyError):
        keyring.decrypt("nas secret", sealed)
    with pytest.raises(PrivacyError):
        Keyring(bytes(32)).decrypt("contact", sealed)


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x02" + bytes(60), b"\x01" + bytes(60)])
def test_damaged_data_is_refused(keyring: Keyring, damage: bytes) -> None:
    with pytest.raises(PrivacyError):
        keyring.decrypt("contact", damage)


def test_a_one_time_password_is_derived_and_can_be_typed(keyring: Keyring) -> None:
    password = keyring.one_time_password("tabc")
    assert password == keyring.one_time_password("tabc") != keyring.one_time_password("tabd")
    assert len(password) == 20
    assert password.isalnum()


def test_a_key_file_is_made_once_and_is_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "citywifi.key"
    made = Keyring.create(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Keyring.load(file).fingerprint == made.fingerprint
    with pytest.raises(PrivacyError, match="already"):
        Keyring.create(file)


def test_a_key_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    file = tmp_path / "citywifi.key"
    Keyring.create(file)
    file.chmod(0o644)
    with pytest.raises(PrivacyError, match="chmod 600"):
        Keyring.load(file)


@pytest.mark.parametrize("content", ["", "not base64!", "QUJD"])
def test_a_damaged_key_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "citywifi.key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(PrivacyError):
        Keyring.load(file)


def test_a_missing_key_file_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(PrivacyError, match="database prepare"):
        Keyring.load(tmp_path / "none.key")


def test_only_the_demo_key_is_the_demo_key(keyring: Keyring) -> None:
    assert Keyring.demo().is_demo
    assert not keyring.is_demo
