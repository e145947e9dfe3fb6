"""What the tests of RadSec share: certificates, a server that takes them, and a peer that speaks RADIUS over TLS."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import Counter

from foundation.certificates import Authority, Pair, make_authority, read_certificate
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import network_access_servers
from foundation.settings import RadSecSettings, Settings
from radius.packet import Packet, decode, verify_reply
from radius.server import RadiusServer, running
from radius.transport.stream import read_packet
from tests.radius.support import City, access_request, insert, radius_settings
from tools.free_ports import free_ports

# What RFC 6614 section 2.3 prescribes.
SECRET = b"radsec"
NAME = "library.wifi.example.org"
SERVER_NAME = "radius.wifi.example.org"


class Certificates:
    """A folder like that of `citywifi certificates`, and what its authority issues."""

    def __init__(self, directory: Path, now: datetime | None = None) -> None:
        self.directory = directory
        self.now = now or datetime.now(UTC)
        directory.mkdir(parents=True)
        self.authority = Authority(make_authority("The authority of a test", "CityWiFi", self.now))
        (directory / "ca.pem").write_bytes(self.authority.certificate)
        self._write("server", self.authority.issue_server([SERVER_NAME], self.now))
        self.revoke()

    def server(self, name: str) -> Path:
        """A certificate for another operator's server."""
        return self._write(name, self.authority.issue_server([name], self.now))

    def equipment(self, name: str = NAME, now: datetime | None = None) -> Path:
        """A certificate for equipment; its key lies beside it with the ending ``.key``."""
        return self._write(name, self.authority.issue_equipment(name, now or self.now))

    def device(self, name: str) -> Path:
        """A certificate for a resident's device."""
        return self._write(name, self.authority.issue_device(name, "E08000026", self.now))

    def revoke(self, *files: Path) -> None:
        """Make these, and no others, the revoked ones."""
        serials = {read_certificate(file.read_bytes()).serial: self.now for file in files}
        replacement = self.directory / "revoked.new"
        replacement.write_bytes(self.authority.revocation_list(serials, self.now))
        replacement.rename(self.directory / "revoked.pem")

    def _write(self, name: str, pair: Pair) -> Path:
        file = self.directory / f"{name}.pem"
        file.write_bytes(pair.certificate)
        file.with_suffix(".key").write_bytes(pair.key)
        return file


async def add_equipment(database: Database, keyring: Keyring, city: City, name: str = NAME, **more: Any) -> int:
    """A network access server that speaks RadSec; its number."""
    now = datetime.now(UTC)
    values = {"vendor": "other", "created_at": now, "updated_at": now} | more
    return await insert(
        database,
        network_access_servers,
        council_id=city.council_id,
        name=name,
        radsec_name=name,
        venue_id=city.venue_id,
        secret_encrypted=keyring.encrypt("nas secret", SECRET),
        **values,
    )


@asynccontextmanager
async def radsec_server(database: Database, keyring: Keyring, folder: Path, **more: Any) -> AsyncIterator[RadiusServer]:
    """A running server of this process; the certificates lie in ``folder``."""
    authentication_port, accounting_port = free_ports(2)
    settings = Settings(
        data_directory=folder,
        radius=radius_settings(authentication_port=authentication_port, accounting_port=accounting_port),
        radsec=RadSecSettings(enabled=True, port=listening_port(), **more),
    )
    async with running(Runtime(settings, database, keyring)) as server:
        yield server


def listening_port() -> int:
    """A free TCP port below those that the kernel gives to connections, of which tests make many."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def address_of(server: RadiusServer) -> tuple[str, int]:
    """Where a server listens for RadSec."""
    assert server.radsec is not None
    return server.radsec.address


def client_context(certificates: Certificates, certificate: Path | None) -> ssl.SSLContext:
    """TLS as a peer sets it up, with or without a certificate of its own."""
    context = ssl.create_default_context(cafile=str(certificates.directory / "ca.pem"))
    if certificate is not None:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


@dataclass
class Peer:
    """One TLS connection to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, octets: bytes) -> None:
        """Send octets, whatever they are."""
        self.writer.write(octets)

    async def receive(self, timeout_seconds: float = 5) -> Packet:
        """The next packet. Raises IncompleteReadError when the server closes."""
        return decode(await read_packet(self.reader, timeout_seconds))

    async def ask(self, request: Packet) -> Packet:
        """The verified reply."""
        self.send(request.octets)
        reply = await self.receive()
        verify_reply(reply, request, SECRET)
        return reply

    async def is_closed(self, timeout_seconds: float = 5) -> bool:
        """Whether the server closes the connection before it says anything more. Raises TimeoutError."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self.reader.read(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True


@asynccontextmanager
async def connected(server: RadiusServer, context: ssl.SSLContext, source: str = "127.0.0.1") -> AsyncIterator[Peer]:
    """A peer whose handshake, as far as it can tell, is done."""
    host, port = address_of(server)
    reader, writer = await asyncio.open_connection(
        host, port, ssl=context, server_hostname=SERVER_NAME, local_addr=(source, 0)
    )
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()
        # The transport closes its socket in the next turn of the loop.
        await asyncio.sleep(0)


def login(identifier: int = 1, password: str = "demo", secret: bytes = SECRET) -> Packet:
    """An Access-Request of a user that there is."""
    values = {"User-Name": "demo", "User-Password": password}
    return access_request(values, identifier=identifier, secret=secret)


@asynccontextmanager
async def counted(counter: Counter, label: str, times: int = 1) -> AsyncIterator[None]:
    """Within five seconds after the block the counter has grown by so much."""
    before = counter.labels(label)._value.get()
    yield
    async with asyncio.timeout(5):
        while counter.labels(label)._value.get() < before + times:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)
    assert counter.labels(label)._value.get() == before + times


async def hears_nothing(server: RadiusServer, context: ssl.SSLContext) -> None:
    """A peer that is not let in: with TLS 1.3 it learns that only when it wants to read."""
    try:
        async with connected(server, context) as peer:
            peer.send(login().octets)
            assert await peer.is_closed()
    except (ssl.SSLError, ConnectionError):
        pass
