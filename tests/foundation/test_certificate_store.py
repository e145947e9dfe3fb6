from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foundation.certificate_store import CertificateStore
from foundation.certificates import (
    Authority,
    CertificateError,
    Pair,
    is_issued_by,
    make_authority,
    read_certificate,
    read_certificates,
    read_revocation_list,
)

NOW = datetime.now(UTC).replace(microsecond=0)
NAME = "radius.wifi.example.org"


@pytest.fixture
def store(tmp_path: Path) -> CertificateStore:
    made = CertificateStore(tmp_path / "certificates")
    made.create([NAME], "Coventry City Council", NOW)
    return made


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_new_folder_has_all_that_the_services_need(store: CertificateStore) -> None:
    assert sorted(everything(store.directory)) == ["ca.key", "ca.pem", "revoked.pem", "server.key", "server.pem"]
    assert store.server().dns_names == (NAME,)
    assert store.is_server_ours()
    assert read_revocation_list(store.revocation_list_file.read_bytes()) == {}
    # With the authority: some devices trust it at first use only when they are sent it.
    assert [one.is_authority for one in read_certificates(store.server_file.read_bytes())] == [False, True]


def test_private_keys_are_for_their_owner_only(store: CertificateStore) -> None:
    for file in (store.authority_key_file, store.server_key_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("left", ["ca.pem", "ca.key"])
def test_an_authority_is_never_overwritten(store: CertificateStore, left: str) -> None:
    for name in {"ca.pem", "ca.key"} - {left}:
        (store.directory / name).unlink()
    before = everything(store.directory)
    with pytest.raises(CertificateError, match="left as it is"):
        store.create([NAME], "", NOW)
    assert everything(store.directory) == before


def test_a_name_that_is_none_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="full host name"):
        CertificateStore(tmp_path / "certificates").create(["radius"], "", NOW)
    assert not (tmp_path / "certificates").exists()


def test_renewing_keeps_the_name_and_the_authority(store: CertificateStore) -> None:
    before, authority = store.server(), store.authority_pem()
    later = NOW + timedelta(days=700)
    store.renew_server(later)
    assert store.server().dns_names == before.dns_names
    assert store.server().not_after > before.not_after
    assert store.server().serial != before.serial
    assert store.authority_pem() == authority


def test_a_lost_server_key_is_mended_by_renewing(store: CertificateStore) -> None:
    store.server_key_file.unlink()
    with pytest.raises(CertificateError, match="citywifi certificates renew"):
        store.server()
    store.renew_server(NOW, [NAME])
    assert store.server().dns_names == (NAME,)


def test_no_private_key_of_others_is_kept(store: CertificateStore) -> None:
    device = store.issue_device("anna", "E08000026", NOW)
    equipment = store.issue_equipment("ap1.example.org", NOW)
    kept = b"".join(everything(store.issued_directory).values())
    assert device.certificate in kept
    assert equipment.certificate in kept
    assert b"PRIVATE" not in kept


def test_what_was_issued_is_revoked_by_name_or_by_serial_number(store: CertificateStore) -> None:
    for _ in range(2):
        store.issue_device("anna", "E08000026", NOW)
    bens = read_certificate(store.issue_device("ben", "E08000026", NOW).certificate)
    carols = read_certificate(store.issue_equipment("carol.example.org", NOW).certificate)
    assert len(store.revoke("anna", NOW)) == 2
    assert store.revoke(bens.serial.upper(), NOW) == [bens]
    revoked = read_revocation_list(store.revocation_list_file.read_bytes())
    assert len(revoked) == 3
    assert carols.serial not in revoked
    assert [one.details.name for one in store.issued() if one.revoked_at is None] == ["carol.example.org"]


def test_revoking_what_is_unknown_or_revoked_says_so(store: CertificateStore) -> None:
    store.issue_device("anna", "E08000026", NOW)
    with pytest.raises(CertificateError, match="no certificate was issued to 'ben'"):
        store.revoke("ben", NOW)
    store.revoke("anna", NOW)
    with pytest.raises(CertificateError, match="revoked before"):
        store.revoke("anna", NOW)


def test_what_is_revoked_stays_revoked(store: CertificateStore) -> None:
    store.issue_device("anna", "E08000026", NOW)
    store.revoke("anna", NOW)
    store.issue_device("ben", "E08000026", NOW + timedelta(days=1))
    store.renew_server(NOW + timedelta(days=2))
    assert list(read_revocation_list(store.revocation_list_file.read_bytes()).values()) == [NOW]


def test_what_expired_long_ago_is_forgotten_because_it_names_somebody(store: CertificateStore) -> None:
    store.issue_device("anna", "E08000026", NOW)
    store.revoke("anna", NOW)
    store.issue_device("ben", "E08000026", NOW + timedelta(days=200))
    store.renew_server(NOW + timedelta(days=730 + 89))
    assert [one.details.name for one in store.issued()] == ["anna", "ben"]
    store.renew_server(NOW + timedelta(days=730 + 91))
    assert [one.details.name for one in store.issued()] == ["ben"]
    assert read_revocation_list(store.revocation_list_file.read_bytes()) == {}


def foreign(tmp_path: Path, names: tuple[str, ...] = (NAME,), now: datetime = NOW) -> tuple[Pair, bytes]:
    """A certificate of another authority, and that authority."""
    other = Authority(make_authority("Another authority", "", now))
    return other.issue_server(names, now), other.certificate


def test_a_certificate_of_another_authority_is_taken_with_its_chain(store: CertificateStore, tmp_path: Path) -> None:
    pair, chain = foreign(tmp_path)
    store.use_server(pair, chain, NOW)
    assert store.server().issuer == "CN=Another authority"
    assert not store.is_server_ours()
    # Devices' certificates are still those of our own authority.
    assert is_issued_by(store.issue_device("anna", "E08000026", NOW).certificate, store.authority_pem())


def test_a_certificate_can_be_used_without_an_authority_of_our_own(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path / "certificates")
    pair, chain = foreign(tmp_path)
    store.use_server(pair, chain, NOW)
    assert store.server().dns_names == (NAME,)
    with pytest.raises(CertificateError, match="citywifi certificates init"):
        store.issue_device("anna", "E08000026", NOW)
    store.create(["another.example.org"], "", NOW)
    assert store.server().dns_names == (NAME,)


def test_what_devices_would_refuse_is_refused_first(store: CertificateStore, tmp_path: Path) -> None:
    before = everything(store.directory)
    pair, chain = foreign(tmp_path)
    other = Authority(make_authority("Third", "", NOW))
    cases = {
        "expired on": (pair, chain, NOW + timedelta(days=800)),
        "good only from": (pair, chain, NOW - timedelta(days=30)),
        "not one for servers": (other.issue_equipment("ap1.example.org", NOW), other.certificate, NOW),
        "not that of the certificate": (Pair(pair.certificate, other.issue_server([NAME], NOW).key), chain, NOW),
        "was not issued by": (pair, other.certificate, NOW),
        "are missing": (pair, b"", NOW),
    }
    for reason, (wrong, wrong_chain, now) in cases.items():
        with pytest.raises(CertificateError, match=reason):
            store.use_server(wrong, wrong_chain, now)
    assert everything(store.directory) == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CertificateError, match="cannot be made"):
        CertificateStore(tmp_path / "file" / "certificates").create([NAME], "", NOW)
