"""Lasting credentials: what is compared with what, and that a name which nobody has costs the same work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from foundation.credentials import CredentialError, checked_user_name, nt_hash
from foundation.database import Database
from foundation.privacy import Keyring
from radius.authentication import stored_password
from radius.authentication.credential import CredentialVerifier, Verified, readable_name
from radius.authentication.outcome import RejectReason
from radius.authentication.password import PapProof
from radius.authentication.stored_password import StoredPassword
from radius.directory import Credential, Directory
from tests.radius.support import City, add_credential, add_hashed_credential

NOW = datetime.now(UTC)


@pytest.fixture
async def verifier(database: Database, keyring: Keyring, city: City) -> CredentialVerifier:
    """Beside demo: Anna by hash only, Bert revoked, Cleo expired."""
    await add_hashed_credential(database, keyring, city, "anna", "x")
    await add_hashed_credential(database, keyring, city, "bert", "x", revoked_at=NOW - timedelta(hours=1))
    await add_hashed_credential(database, keyring, city, "cleo", "x", expires_at=NOW)
    return CredentialVerifier(Directory(database), keyring)


async def test_the_credential_and_what_keys_are_derived_from_are_returned(
    verifier: CredentialVerifier, city: City
) -> None:
    verified = await verifier.verify(city.council_id, "anna", PapProof(b"x"), NOW)
    assert isinstance(verified, Verified)
    assert verified.credential.user_name == "anna"
    assert (verified.stored.nt_hash, verified.stored.password) == (nt_hash("x"), None)


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("anna", b"y", RejectReason.WRONG_PASSWORD),
        ("bert", b"y", RejectReason.WRONG_PASSWORD),
        ("bert", b"x", RejectReason.CREDENTIAL_REVOKED),
        ("cleo", b"x", RejectReason.CREDENTIAL_EXPIRED),
        ("dora", b"x", RejectReason.UNKNOWN_USER),
        ("dora", b"nobody's", RejectReason.UNKNOWN_USER),
        ("dora", b"", RejectReason.UNKNOWN_USER),
    ],
)
async def test_why_not(
    verifier: CredentialVerifier, city: City, name: str, password: bytes, reason: RejectReason
) -> None:
    assert await verifier.verify(city.council_id, name, PapProof(password), NOW) is reason


async def test_who_was_proven_by_other_means_is_found_unless_revoked_or_expired(
    verifier: CredentialVerifier, city: City
) -> None:
    for name in ("anna", r"CITY\anna"):
        found = await verifier.find(city.council_id, name, NOW)
        assert isinstance(found, Credential)
        assert found.user_name == "anna"
    assert await verifier.find(city.council_id, "bert", NOW) is RejectReason.CREDENTIAL_REVOKED
    assert await verifier.find(city.council_id, "cleo", NOW) is RejectReason.CREDENTIAL_EXPIRED
    assert await verifier.find(city.council_id, "dora", NOW) is RejectReason.UNKNOWN_USER


def test_nobody_is_given_a_name_that_would_be_taken_for_a_domain_and_a_name() -> None:
    with pytest.raises(CredentialError, match="no backslash"):
        checked_user_name(r"CITY\anna")


async def test_an_unknown_name_takes_the_same_steps_as_a_known_one(
    verifier: CredentialVerifier, city: City, database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def watched(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def noted(*given: object) -> object:
            steps.append(name)
            return real(*given)

        monkeypatch.setattr(owner, name, noted)

    watched(Keyring, "decrypt")
    watched(PapProof, "proves")
    watched(stored_password, "nt_hash")
    sealed = keyring.encrypt("nt hash", StoredPassword.of(b"both").nt_hash)
    await add_credential(database, keyring, city, "both", "both", nt_hash_encrypted=sealed)
    taken, asked = {}, {}
    for name in ("anna", "bert", "both", "dora"):
        steps.clear()
        before = names_asked_for()
        await verifier.verify(city.council_id, name, PapProof(b"wrong"), NOW)
        taken[name], asked[name] = [*steps], names_asked_for() - before
    assert taken["anna"] == taken["bert"] == taken["both"] == taken["dora"]
    assert {*asked.values()} == {1}


def names_asked_for() -> float:
    """How many names the database was asked for; that is seen of compiled code, too."""
    return REGISTRY.get_sample_value("citywifi_radius_batch_rows_sum", {"queue": "credentials"}) or 0


async def test_a_row_without_any_password_lets_nobody_in(
    database: Database, keyring: Keyring, city: City, verifier: CredentialVerifier
) -> None:
    await add_hashed_credential(database, keyring, city, "empty", "x", nt_hash_encrypted=None)
    for password in (b"", b"x", bytes(16)):
        assert await verifier.verify(city.council_id, "empty", PapProof(password), NOW) is RejectReason.WRONG_PASSWORD


async def test_a_credential_with_both_forms_opens_for_both(
    database: Database, keyring: Keyring, city: City, verifier: CredentialVerifier
) -> None:
    sealed = keyring.encrypt("nt hash", StoredPassword.of(b"both").nt_hash)
    await add_credential(database, keyring, city, "both", "both", nt_hash_encrypted=sealed)
    verified = await verifier.verify(city.council_id, "both", PapProof(b"both"), NOW)
    assert isinstance(verified, Verified)
    assert (verified.stored.nt_hash, verified.stored.password) == (nt_hash("both"), b"both")


@pytest.mark.parametrize(
    ("octets", "name"), [(b"anna", "anna"), ("siân".encode(), "siân"), (b"a\xff", "a\ufffd"), (b"a\0", "a\ufffd")]
)
def test_any_octets_make_a_name_that_can_be_looked_up(octets: bytes, name: str) -> None:
    assert readable_name(octets) == name
