"""RadSec: who is let in, and by which certificates."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import NotReadyError
from radius import metrics
from radius.packet import Code
from radius.server import RadiusServer
from radius.transport import radsec as transport
from radius.transport.tls import Refusal
from tests.radius.support import City
from tests.radius.transport.support import (
    NAME,
    SERVER_NAME,
    Certificates,
    Peer,
    add_equipment,
    address_of,
    client_context,
    connected,
    counted,
    hears_nothing,
    login,
    radsec_server,
)


async def test_without_a_certificate_nothing_gets_in(radsec: RadiusServer, certificates: Certificates) -> None:
    async with counted(metrics.radsec_refusals, Refusal.NO_CERTIFICATE):
        await hears_nothing(radsec, client_context(certificates, None))


async def test_a_certificate_of_a_foreign_authority_is_refused(
    radsec: RadiusServer, certificates: Certificates, tmp_path: Path
) -> None:
    foreign = Certificates(tmp_path / "foreign").equipment()
    async with counted(metrics.radsec_refusals, Refusal.UNKNOWN_AUTHORITY):
        await hears_nothing(radsec, client_context(certificates, foreign))


async def test_an_expired_certificate_is_refused(radsec: RadiusServer, certificates: Certificates) -> None:
    old = certificates.equipment(now=datetime.now(UTC) - timedelta(days=800))
    async with counted(metrics.radsec_refusals, Refusal.EXPIRED):
        await hears_nothing(radsec, client_context(certificates, old))


async def test_a_revoked_certificate_is_refused_from_the_next_second_on(
    radsec: RadiusServer, certificates: Certificates
) -> None:
    file = certificates.equipment()
    certificates.revoke(file)
    assert radsec.radsec is not None
    radsec.radsec.check()
    async with counted(metrics.radsec_refusals, Refusal.REVOKED):
        await hears_nothing(radsec, client_context(certificates, file))


async def test_a_good_certificate_with_another_name_is_refused(
    radsec: RadiusServer, certificates: Certificates
) -> None:
    async with counted(metrics.radsec_refusals, Refusal.UNKNOWN_NAME):
        await hears_nothing(radsec, client_context(certificates, certificates.equipment("other.wifi.example.org")))


async def test_a_residents_certificate_is_no_equipments_even_with_its_name(
    radsec: RadiusServer, certificates: Certificates
) -> None:
    # The name is the subject's common name and the user principal name: neither counts.
    async with counted(metrics.radsec_refusals, Refusal.UNKNOWN_NAME):
        await hears_nothing(radsec, client_context(certificates, certificates.device(NAME)))


async def test_tls_1_1_is_refused(radsec: RadiusServer, certificates: Certificates) -> None:
    context = client_context(certificates, certificates.equipment())
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with counted(metrics.radsec_refusals, Refusal.TLS_VERSION):
        await hears_nothing(radsec, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken(
    radsec: RadiusServer, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = client_context(certificates, certificates.equipment())
    context.minimum_version = context.maximum_version = version
    async with connected(radsec, context) as peer:
        assert peer.writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        assert (await peer.ask(login())).code is Code.ACCESS_ACCEPT


async def test_equipment_may_be_held_to_its_network(
    database: Database, keyring: Keyring, city: City, certificates: Certificates, radsec: RadiusServer
) -> None:
    await add_equipment(database, keyring, city, "held.wifi.example.org", network="127.0.0.3/32")
    await radsec.equipment.refresh()
    context = client_context(certificates, certificates.equipment("held.wifi.example.org"))
    async with counted(metrics.radsec_refusals, Refusal.WRONG_NETWORK):
        await hears_nothing(radsec, context)
    async with connected(radsec, context, source="127.0.0.3") as peer:
        assert (await peer.ask(login())).code is Code.ACCESS_ACCEPT


async def test_a_revocation_list_that_disappears_does_not_let_the_revoked_in(
    radsec: RadiusServer, certificates: Certificates
) -> None:
    file = certificates.equipment()
    certificates.revoke(file)
    assert radsec.radsec is not None
    radsec.radsec.check()
    (certificates.directory / "revoked.pem").unlink()
    radsec.radsec.check()
    async with counted(metrics.radsec_refusals, Refusal.REVOKED):
        await hears_nothing(radsec, client_context(certificates, file))


async def test_files_that_change_during_a_handshake_count(radsec: RadiusServer, certificates: Certificates) -> None:
    """The handshake verifies by the files as they were when it began."""
    file = certificates.equipment()
    certificates.revoke(file)
    transport = radsec.radsec
    assert transport is not None
    host, port = transport.address
    with socket.create_connection((host, port)) as raw:
        raw.setblocking(False)
        async with asyncio.timeout(5):
            while not transport._handshakes.total():  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0.01)
        transport.check()
        async with counted(metrics.radsec_refusals, Refusal.REVOKED):
            reader, writer = await asyncio.open_connection(
                sock=raw, ssl=client_context(certificates, file), server_hostname=SERVER_NAME
            )
            writer.write(login().octets)
            assert await Peer(reader, writer).is_closed()
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_why_somebody_was_refused_is_in_the_log_once_a_minute(
    radsec: RadiusServer, certificates: Certificates
) -> None:
    with capture_logs() as lines:
        for _ in range(2):
            async with counted(metrics.radsec_refusals, Refusal.UNKNOWN_NAME):
                await hears_nothing(radsec, client_context(certificates, certificates.equipment("other.example.org")))
    (line,) = [line for line in lines if "refused" in line["event"]]
    assert line["names"] == "other.example.org"
    assert "--radsec-name" in line["explanation"]


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_has_words(refusal: Refusal) -> None:
    assert refusal.explanation


async def test_a_new_server_certificate_is_shown_without_a_restart(
    radsec: RadiusServer, certificates: Certificates
) -> None:
    context = client_context(certificates, certificates.equipment())
    async with connected(radsec, context) as peer:
        before = peer.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
    pair = certificates.authority.issue_server(["radius.wifi.example.org"], certificates.now)
    (certificates.directory / "server.key").write_bytes(pair.key)
    assert radsec.radsec is not None
    # Certificate and key do not fit for a moment: the old ones stay in force.
    radsec.radsec.check()
    async with connected(radsec, context) as peer:
        assert peer.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"] == before
    (certificates.directory / "server.pem").write_bytes(pair.certificate)
    radsec.radsec.check()
    async with connected(radsec, context) as peer:
        assert peer.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"] != before


async def test_connections_beyond_the_limit_are_refused(
    database: Database, keyring: Keyring, nas_id: int, certificates: Certificates, tmp_path: Path
) -> None:
    context = client_context(certificates, certificates.equipment())
    async with radsec_server(database, keyring, tmp_path, most_connections=1) as server:
        async with connected(server, context) as peer:
            await peer.ask(login())
            async with counted(metrics.radsec_refusals, Refusal.TOO_MANY_CONNECTIONS):
                await hears_nothing(server, context)
            assert (await peer.ask(login(2))).code is Code.ACCESS_ACCEPT
        server.sample_metrics()
        assert metrics.radsec_connections_limit._value.get() == 1


async def test_certificates_that_are_no_use_stop_the_start_with_their_names(
    database: Database, keyring: Keyring, city: City, tmp_path: Path
) -> None:
    with pytest.raises(NotReadyError, match=r"server\.pem.*citywifi certificates"):
        async with radsec_server(database, keyring, tmp_path):
            pass


async def test_strangers_who_say_nothing_do_not_keep_equipment_out(
    radsec: RadiusServer, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_MOST_HANDSHAKES_FROM_ONE_ADDRESS", 2)
    address = address_of(radsec)
    with socket.create_connection(address), socket.create_connection(address):
        async with counted(metrics.radsec_refusals, Refusal.TOO_MANY_HANDSHAKES):
            with socket.create_connection(address):
                await asyncio.sleep(0.05)
        context = client_context(certificates, certificates.equipment())
        async with connected(radsec, context, source="127.0.0.3") as peer:
            assert (await peer.ask(login())).code is Code.ACCESS_ACCEPT


async def test_a_handshake_that_does_not_go_on_is_given_up(
    radsec: RadiusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_HANDSHAKE_SECONDS", 0.1)
    async with counted(metrics.radsec_refusals, Refusal.HANDSHAKE_TIMEOUT):
        with socket.create_connection(address_of(radsec)):
            await asyncio.sleep(0.4)


async def test_what_is_no_tls_is_refused(radsec: RadiusServer) -> None:
    async with counted(metrics.radsec_refusals, Refusal.HANDSHAKE_FAILED):
        with socket.create_connection(address_of(radsec)) as stranger:
            stranger.sendall(login().octets)
            await asyncio.sleep(0.1)
