"""Certificates come from files, and new ones are in force within a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from foundation.settings import EapSettings
from radius.authentication.eap.tls_contexts import CHECK_SECONDS, TlsContexts
from radius.authentication.eap.tls_keys import EAP_PEAP, EAP_TLS, EAP_TTLS
from tests.radius.eap.support import SERVER_NAME, Certificates

ALL = {EAP_PEAP, EAP_TTLS, EAP_TLS}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def offered(contexts: TlsContexts) -> set[int]:
    return {eap_type for eap_type in ALL if contexts.get(eap_type) is not None}


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.make(tmp_path / "certificates")


def contexts_of(folder: Path, clock: Clock, **eap: Any) -> TlsContexts:
    return TlsContexts(EapSettings(**eap), folder, clock)


def test_each_method_has_a_context_of_its_own(certificates: Certificates) -> None:
    contexts = contexts_of(certificates.folder, Clock())
    assert offered(contexts) == ALL
    assert len({id(contexts.get(eap_type)) for eap_type in ALL}) == 3


def test_without_a_server_certificate_there_is_none_until_it_comes(certificates: Certificates, tmp_path: Path) -> None:
    clock, folder = Clock(), tmp_path / "later"
    contexts = contexts_of(folder, clock)
    assert offered(contexts) == set()
    certificates.folder.rename(folder)
    assert offered(contexts) == set()
    clock.now += CHECK_SECONDS
    assert offered(contexts) == ALL


@pytest.mark.parametrize("missing", ["ca.pem", "client CA that is no certificate"])
def test_without_a_client_ca_passwords_are_still_offered(certificates: Certificates, missing: str) -> None:
    if missing == "ca.pem":
        (certificates.folder / "ca.pem").unlink()
    else:
        (certificates.folder / "ca.pem").write_text("not a certificate")
    assert offered(contexts_of(certificates.folder, Clock())) == {EAP_PEAP, EAP_TTLS}


def test_a_revocation_list_that_was_asked_for_must_be_there(certificates: Certificates) -> None:
    contexts = contexts_of(certificates.folder, Clock(), revocation_list_file=certificates.folder / "absent.pem")
    assert offered(contexts) == {EAP_PEAP, EAP_TTLS}
    (certificates.folder / "revoked.pem").unlink()
    assert offered(contexts_of(certificates.folder, Clock())) == ALL


def test_new_files_make_new_contexts_and_unchanged_ones_do_not(certificates: Certificates) -> None:
    clock = Clock()
    contexts = contexts_of(certificates.folder, clock)
    first = contexts.get(EAP_PEAP)
    clock.now += CHECK_SECONDS
    assert contexts.get(EAP_PEAP) is first
    certificates.write("server", certificates.authority.issue_server([SERVER_NAME], certificates.now))
    assert contexts.get(EAP_PEAP) is first
    clock.now += CHECK_SECONDS
    assert contexts.get(EAP_PEAP) is not first


@pytest.mark.parametrize("fault", ["half a certificate", "the key of another", "gone", "no key at all"])
def test_files_that_cannot_be_used_leave_the_old_ones_in_force(certificates: Certificates, fault: str) -> None:
    clock, folder = Clock(), certificates.folder
    contexts = contexts_of(folder, clock)
    first = contexts.get(EAP_PEAP)
    if fault == "half a certificate":
        (folder / "server.pem").write_bytes((folder / "server.pem").read_bytes()[:200])
    elif fault == "the key of another":
        (folder / "server.key").write_bytes((folder / "anna.key").read_bytes())
    elif fault == "gone":
        (folder / "server.pem").unlink()
    else:
        (folder / "server.key").write_text("")
    clock.now += CHECK_SECONDS
    assert contexts.get(EAP_PEAP) is first


def test_certificates_of_one_s_own_are_taken_from_where_the_settings_say(
    certificates: Certificates, tmp_path: Path
) -> None:
    folder = certificates.folder
    files = {
        "certificate_file": folder / "server.pem",
        "private_key_file": folder / "server.key",
        "client_ca_file": folder / "foreign-ca.pem",
    }
    assert offered(contexts_of(tmp_path / "elsewhere", Clock(), **files)) == ALL
    assert offered(contexts_of(tmp_path / "elsewhere", Clock(), **files, methods=("peap",))) == {EAP_PEAP, EAP_TTLS}


def test_a_server_speaks_no_version_below_the_lowest(certificates: Certificates) -> None:
    contexts = contexts_of(certificates.folder, Clock(), lowest_tls_version="1.3")
    context = contexts.get(EAP_PEAP)
    assert context is not None
    connection = SSL.Connection(context, None)
    connection.set_accept_state()
    client_context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client_context.set_max_proto_version(SSL.TLS1_2_VERSION)
    client = SSL.Connection(client_context, None)
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    connection.bio_write(client.bio_read(65536))
    with pytest.raises(SSL.Error):
        connection.do_handshake()


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_keys_are_agreed_by_x25519_and_our_first_flight_takes_one_fragment(
    certificates: Certificates, version: int
) -> None:
    context = contexts_of(certificates.folder, Clock()).get(EAP_TTLS)
    assert context is not None
    device_context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    device_context.set_min_proto_version(version)
    device_context.set_max_proto_version(version)
    device, server = SSL.Connection(device_context), SSL.Connection(context)
    device.set_connect_state()
    server.set_accept_state()
    with pytest.raises(SSL.WantReadError):
        device.do_handshake()
    server.bio_write(device.bio_read(65_536))
    with pytest.raises(SSL.WantReadError):
        server.do_handshake()
    flight = server.bio_read(65_536)
    assert server.get_group_name() == "x25519"
    assert len(flight) < EapSettings().fragment_octets - 5
