from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from citywifi.certificate_diagnosis import check_certificates
from foundation.certificate_store import CertificateStore
from foundation.settings import EapSettings, RadSecSettings, Settings

NOW = datetime.now(UTC)
NAME = "radius.wifi.example.org"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_directory=tmp_path)


@pytest.fixture
def store(settings: Settings) -> CertificateStore:
    made = CertificateStore(settings.certificates_directory)
    made.create([NAME], "", NOW)
    return made


def found(settings: Settings, now: datetime = NOW) -> list[tuple[str, str]]:
    """Level and words of each finding; a problem always says what to do."""
    findings = list(check_certificates(settings, now))
    assert all(remedy for level, _, _, remedy in findings if level == "problem")
    return [(level, words) for level, _, words, _ in findings]


def test_without_certificates_encrypted_wifi_is_not_offered(settings: Settings) -> None:
    assert found(settings) == [
        ("note", "there is no server certificate, so encrypted WiFi (802.1X) is not offered"),
    ]


def test_good_certificates_are_told_with_their_time(settings: Settings, store: CertificateStore) -> None:
    assert found(settings) == [
        ("ok", f"the server certificate of {NAME} is good for 729 days"),
        ("ok", "the certificate authority is good for 3649 days"),
    ]


@pytest.mark.parametrize(("days", "words"), [(705, "is good for 24 days"), (731, "expired on")])
def test_a_server_certificate_that_ends_is_a_problem(
    settings: Settings, store: CertificateStore, days: int, words: str
) -> None:
    level, told = found(settings, NOW + timedelta(days=days))[0]
    assert level == "problem"
    assert words in told


def test_an_authority_that_ends_is_told_a_year_before(settings: Settings, store: CertificateStore) -> None:
    level, told = found(settings, NOW + timedelta(days=3650 - 300))[-1]
    assert (level, "authority" in told) == ("problem", True)


def test_a_key_of_another_certificate_is_a_problem(settings: Settings, store: CertificateStore) -> None:
    before = store.server_key_file.read_bytes()
    store.renew_server(NOW)
    store.server_key_file.write_bytes(before)
    level, told = found(settings)[0]
    assert (level, "not that of the certificate" in told) == ("problem", True)
    store.server_key_file.unlink()
    assert found(settings)[0][0] == "problem"


def test_a_key_that_others_can_read_is_a_problem(settings: Settings, store: CertificateStore) -> None:
    store.server_key_file.chmod(0o644)
    store.authority_key_file.chmod(0o640)
    assert [words for level, words in found(settings) if level == "problem"] == [
        f"the private key {store.server_key_file} can be read by others",
        f"the private key {store.authority_key_file} can be read by others",
    ]


def test_a_lost_revocation_list_is_a_problem(settings: Settings, store: CertificateStore) -> None:
    store.revocation_list_file.unlink()
    assert ("problem", True) in [(level, "not complete" in words) for level, words in found(settings)]


def test_certificates_that_the_settings_name_are_examined(settings: Settings, store: CertificateStore) -> None:
    elsewhere = settings.model_copy(
        update={
            "eap": EapSettings(certificate_file=store.server_file, private_key_file=store.authority_key_file),
            "radsec": RadSecSettings(enabled=True, certificate_file=Path("/nowhere/radsec.pem")),
        }
    )
    told = found(elsewhere)
    assert told[0][0] == "problem"
    assert told[1] == ("problem", "there is no RadSec certificate at /nowhere/radsec.pem")
