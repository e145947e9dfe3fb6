"""What the tests of EAP share: certificates, a server that speaks EAP, and a real supplicant (eapol_test)."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from foundation.certificates import Authority, Pair, make_authority, read_certificate
from foundation.credentials import add_credential
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import authentications
from foundation.settings import EapSettings, Settings
from radius.server import RadiusServer, running
from radius.service import Port
from tests.radius.support import SECRET, City, build_city, radius_settings, rows
from tools.free_ports import free_ports

SERVER_NAME = "radius.wifi.example.org"
ANNA, PASSWORD = "anna", "correct-horse-battery-staple"
# Only its NT hash is kept, as of most residents.
BEN = "ben"
KEYS_MATCH = "MPPE keys OK: 1  mismatch: 0"


@dataclass(frozen=True)
class Certificates:
    """A folder as `citywifi certificates` makes it, and devices' certificates beside it."""

    folder: Path
    authority: Authority
    now: datetime

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """An authority, a server's certificate, an empty revocation list, and certificates of several devices."""
        folder.mkdir(parents=True)
        now = datetime.now(UTC)
        pair = make_authority("CityWiFi test CA", "Coventry", now)
        made = cls(folder, Authority(pair), now)
        (folder / "ca.pem").write_bytes(pair.certificate)
        made.write("server", made.authority.issue_server([SERVER_NAME], now))
        made.write("anna", made.authority.issue_device(ANNA, "E08000026", now))
        made.write("nobody", made.authority.issue_device("nobody", "E08000026", now))
        made.write("expired", made.authority.issue_device(ANNA, "E08000026", now - timedelta(days=900)))
        revoked = made.authority.issue_device(ANNA, "E08000026", now)
        made.write("withdrawn", revoked)
        made.write("elsewhere", made.authority.issue_device(ANNA, "E08000025", now))
        made.write("machine", made.authority.issue_equipment("machine.example.org", now))
        foreign = make_authority("Another CA", "Elsewhere", now)
        (folder / "foreign-ca.pem").write_bytes(foreign.certificate)
        made.write("foreign", Authority(foreign).issue_device(ANNA, "E08000026", now))
        made.revoke(revoked)
        return made

    def write(self, name: str, pair: Pair) -> None:
        """Certificate and key as two files."""
        (self.folder / f"{name}.pem").write_bytes(pair.certificate)
        (self.folder / f"{name}.key").write_bytes(pair.key)

    def revoke_file(self, name: str) -> None:
        """Write a revocation list with the certificate of a file."""
        self.revoke(Pair((self.folder / f"{name}.pem").read_bytes(), b""))

    def revoke(self, *pairs: Pair) -> None:
        """Write a revocation list with these."""
        serials = {read_certificate(pair.certificate).serial: self.now for pair in pairs}
        (self.folder / "revoked.pem").write_bytes(self.authority.revocation_list(serials, self.now))


@dataclass(frozen=True)
class EapBench:
    """A running server with two residents, and what is around it."""

    server: RadiusServer
    database: Database
    keyring: Keyring
    city: City
    certificates: Certificates

    async def last_line(self) -> Any:
        """The newest line of the log of authentications."""
        (line,) = await self.last_lines(1)
        return line

    async def last_lines(self, count: int) -> list[Any]:
        """The newest lines of the log of authentications, in their order."""
        await self.server.log.drain()
        return (await rows(self.database, authentications))[-count:]


def write_rsa_pair(certificate: Path, key: Path) -> None:
    """A self-signed certificate of the server's name, as some cities still have them."""
    made, now = rsa.generate_private_key(65537, 2048), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    builder = (
        x509.CertificateBuilder(name, name, made.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
    )
    certificate.write_bytes(builder.sign(made, hashes.SHA256()).public_bytes(Encoding.PEM))
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def copy_database(migrated: Path, folder: Path) -> str:
    """The address of a copy of an empty, migrated database."""
    shutil.copy(migrated, folder / "citywifi.sqlite3")
    return f"sqlite:///{folder / 'citywifi.sqlite3'}"


@asynccontextmanager
async def eap_bench(database: Database, keyring: Keyring, folder: Path, **eap: Any) -> AsyncIterator[EapBench]:
    """A server of this process that offers EAP; ``eap`` are settings of that section."""
    city = await build_city(database, keyring)
    now = datetime.now(UTC)
    async with database.write() as connection:
        for name, keep_password in ((ANNA, True), (BEN, False)):
            await add_credential(
                connection,
                keyring,
                council_id=city.council_id,
                resident_id=city.resident_id,
                now=now,
                user_name=name,
                password=PASSWORD,
                keep_password=keep_password,
            )
    certificates = Certificates.make(folder / "certificates")
    authentication_port, accounting_port = free_ports(2)
    settings = Settings(
        data_directory=folder,
        radius=radius_settings(
            authentication_port=authentication_port,
            accounting_port=accounting_port,
            reject_delay_seconds=0,
            requests_per_device_per_minute=100_000,
        ),
        eap=EapSettings(**eap),
    )
    async with running(Runtime(settings, database, keyring)) as server:
        yield EapBench(server, database, keyring, city, certificates)


async def eapol_test(
    program: Path,
    bench: EapBench,
    network: dict[str, str],
    *,
    arguments: tuple[str, ...] = (),
    openssl_settings: Path | None = None,
) -> tuple[int | None, str]:
    """Run the supplicant with one network block; its exit status and what it logged."""
    environment = dict(os.environ) | ({"OPENSSL_CONF": str(openssl_settings)} if openssl_settings else {})
    lines = [f"    {name}={value}" for name, value in network.items()]
    text = "\n".join(["network={", "    key_mgmt=IEEE8021X", "    eapol_flags=0", *lines, "}", ""])
    file = bench.certificates.folder / f"eapol-{abs(hash(text))}.conf"
    file.write_text(text)
    host, port = bench.server.transports[Port.AUTHENTICATION].address
    process = await asyncio.create_subprocess_exec(
        program, "-c", file, "-a", host, "-p", str(port), "-s", SECRET.decode(), "-t", "5", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode(errors="replace")
