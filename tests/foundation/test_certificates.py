from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from foundation.certificates import (
    Authority,
    CertificateError,
    Pair,
    check_chain,
    check_pair,
    checked_dns_name,
    is_issued_by,
    make_authority,
    read_certificate,
    read_certificates,
    read_revocation_list,
    revocation_list_ends,
)
from foundation.pkcs12 import export_pkcs12
from tests.support.peers import Peers

NOW = datetime.now(UTC).replace(microsecond=0)
NAME = "radius.wifi.example.org"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(make_authority("Coventry WiFi", "Coventry City Council", NOW))


def openssl(program: Path, *arguments: object) -> str:
    answer = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=20)
    return answer.stdout + answer.stderr


def test_a_server_certificate_is_what_phones_accept_of_a_private_authority(authority: Authority) -> None:
    details = read_certificate(authority.issue_server(["Radius.WiFi.example.org."], NOW).certificate)
    assert details.dns_names == (NAME,)
    # clientAuth: with other operators RadSec servers it is ours that connects.
    assert details.purposes == {"serverAuth", "clientAuth"}
    assert details.not_after - details.not_before <= timedelta(days=825)
    assert details.not_before < NOW  # the clock of a device may be behind
    assert not details.is_authority


def test_an_authority_is_good_for_ten_years_and_says_whose_it_is(authority: Authority) -> None:
    details = read_certificate(authority.certificate)
    assert details.is_authority
    assert details.is_self_signed
    assert details.organisation == "Coventry City Council"
    assert details.days_left(NOW) == 3650


def test_a_devices_certificate_names_its_user_and_council_and_no_host(authority: Authority) -> None:
    details = read_certificate(authority.issue_device("able-cake-0001", "E08000026", NOW).certificate)
    assert details.user_names == ("able-cake-0001",)
    assert (details.name, details.organisation, details.dns_names) == ("able-cake-0001", "E08000026", ())
    assert details.purposes == {"clientAuth"}


def test_a_user_name_may_have_any_letters(authority: Authority) -> None:
    details = read_certificate(authority.issue_device("siôn ŵyn@example", "W06000015", NOW).certificate)
    assert details.user_names == ("siôn ŵyn@example",)


def test_equipments_certificate_has_a_dns_name_and_names_no_user(authority: Authority) -> None:
    details = read_certificate(authority.issue_equipment("AP1.example.org", NOW).certificate)
    assert (details.dns_names, details.user_names) == (("ap1.example.org",), ())
    assert details.purposes == {"clientAuth"}


def test_nothing_outlives_the_authority() -> None:
    old = NOW - timedelta(days=3600)
    authority = Authority(make_authority("Coventry WiFi", "", old))
    issued = read_certificate(authority.issue_server([NAME], NOW).certificate)
    assert issued.not_after == read_certificate(authority.certificate).not_after


def test_certificates_of_another_authority_are_not_ours(authority: Authority) -> None:
    other = Authority(make_authority("Coventry WiFi", "Coventry City Council", NOW))
    certificate = other.issue_server([NAME], NOW).certificate
    assert is_issued_by(certificate, other.certificate)
    assert not is_issued_by(certificate, authority.certificate)
    with pytest.raises(CertificateError, match="was not issued by"):
        check_chain(certificate + authority.certificate)


def test_a_key_of_another_certificate_is_found(authority: Authority) -> None:
    one, other = authority.issue_server([NAME], NOW), authority.issue_server([NAME], NOW)
    assert check_pair(one).dns_names == (NAME,)
    with pytest.raises(CertificateError, match="not that of the certificate"):
        check_pair(Pair(one.certificate, other.key))


def test_an_authority_opens_only_with_its_own_key(authority: Authority) -> None:
    with pytest.raises(CertificateError, match="not that of the certificate"):
        Authority(Pair(authority.certificate, make_authority("x", "", NOW).key))
    with pytest.raises(CertificateError, match="not a certificate authority"):
        Authority(authority.issue_server([NAME], NOW))


def test_a_revocation_list_tells_what_was_revoked_and_outlasts_every_certificate(authority: Authority) -> None:
    serial = read_certificate(authority.issue_device("anna", "E1", NOW).certificate).serial
    revoked = authority.revocation_list({serial: NOW}, NOW)
    assert read_revocation_list(revoked) == {serial: NOW}
    assert revocation_list_ends(revoked) == read_certificate(authority.certificate).not_after
    assert read_revocation_list(authority.revocation_list({}, NOW)) == {}


@pytest.mark.parametrize("name", ["", "radius", "-a.example", "a..example", "*.example.org", "x y.example", "a" * 70])
def test_only_full_host_names_are_taken(name: str) -> None:
    with pytest.raises(CertificateError, match="full host name"):
        checked_dns_name(name)


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_user_name_that_no_certificate_can_carry_is_refused(authority: Authority, name: str) -> None:
    with pytest.raises(CertificateError, match="1 to 64"):
        authority.issue_device(name, "E1", NOW)


@pytest.mark.parametrize(
    "octets",
    [b"", b"hello", b"\x30\x03\x02\x01\x01", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
)
def test_what_is_no_certificate_is_refused(octets: bytes) -> None:
    with pytest.raises(CertificateError, match="no certificate"):
        read_certificates(octets)


def test_a_certificate_is_read_in_der_as_tls_has_it(authority: Authority) -> None:
    der = ssl.PEM_cert_to_DER_cert(authority.certificate.decode())
    assert read_certificate(der) == read_certificate(authority.certificate)


def test_a_key_that_a_service_could_not_open_is_refused(authority: Authority) -> None:
    pair = authority.issue_server([NAME], NOW)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = serialization.load_pem_private_key(pair.key, None)
    locked = key.private_bytes(*form, serialization.BestAvailableEncryption(b"x"))
    with pytest.raises(CertificateError, match="protected by a password"):
        check_pair(Pair(pair.certificate, locked))
    with pytest.raises(CertificateError, match="not a private key"):
        check_pair(Pair(pair.certificate, b"hello"))


@pytest.mark.peer("openssl")
def test_openssl_accepts_what_is_issued_until_it_is_revoked(authority: Authority, peers: Peers, tmp_path: Path) -> None:
    program = peers.require("openssl")
    device = authority.issue_device("anna", "E08000026", NOW).certificate
    server = authority.issue_server([NAME], NOW).certificate
    files = {"ca": authority.certificate, "device": device, "server": server,
             "none": authority.revocation_list({}, NOW),
             "crl": authority.revocation_list({read_certificate(device).serial: NOW}, NOW)}  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    def verify(name: str, revoked: str, purpose: str) -> str:
        return openssl(program, "verify", "-x509_strict", "-CAfile", tmp_path / "ca", "-CRLfile", tmp_path / revoked,
                       "-crl_check", "-purpose", purpose, tmp_path / name)  # fmt: skip

    assert verify("device", "none", "sslclient").endswith("OK\n")
    assert verify("server", "crl", "sslserver").endswith("OK\n")
    assert "certificate revoked" in verify("device", "crl", "sslclient")
    assert "purpose" in verify("device", "none", "sslserver")


@pytest.mark.peer("openssl")
def test_openssl_opens_the_file_for_a_device_with_its_password(
    authority: Authority, peers: Peers, tmp_path: Path
) -> None:
    program = peers.require("openssl")
    pair = authority.issue_device("anna", "E08000026", NOW)
    (tmp_path / "anna.p12").write_bytes(export_pkcs12(pair, authority.certificate, "anna", "four-plain-words-here"))
    text = openssl(program, "pkcs12", "-in", tmp_path / "anna.p12", "-passin", "pass:four-plain-words-here", "-nodes")
    assert text.count("BEGIN CERTIFICATE") == 2
    assert "BEGIN PRIVATE KEY" in text
    wrong = openssl(program, "pkcs12", "-in", tmp_path / "anna.p12", "-passin", "pass:wrong", "-nodes")
    assert "BEGIN" not in wrong
