"""What the tests of the RADIUS server share: a small city, packets, a client, and a running server."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from foundation.credentials import nt_hash
from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.partitions import ensure_months
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import (
    access_points,
    councils,
    credentials,
    devices,
    network_access_servers,
    one_time_tokens,
    residents,
    venues,
)
from foundation.settings import RadiusSettings, Settings
from radius import attributes
from radius.authentication import mschap
from radius.nas import NetworkAccessServer
from radius.packet import (
    Attribute,
    Code,
    Packet,
    decode,
    encode_request,
    hide_password,
    new_authenticator,
    verify_reply,
)
from radius.server import RadiusServer, running
from radius.service import Arrival, Port, Request
from tools.free_ports import free_ports

SECRET = b"a shared secret of a test"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEVICE = MacAddress.parse("02-00-5E-00-53-01")
ACCESS_POINT = "00-1A-2B-3C-4D-5E"
TOKEN_NAME = "t" + "a2b3c4d5e6f7" * 2 + "zz"
NAS = NetworkAccessServer(id=1, council_id=1, vendor="coovachilli", secrets=(SECRET,), venue_id=None)

Values = dict[str, Any] | list[tuple[str, Any]]


@dataclass(frozen=True)
class City:
    """The numbers of the rows that ``build_city`` made."""

    council_id: int
    nas_id: int
    venue_id: int
    access_point_id: int
    resident_id: int
    device_id: int


async def build_city(database: Database, keyring: Keyring, *, networks: Iterable[str] = ("127.0.0.1/32",)) -> City:
    """One council, venue and access point, a NAS per network, and a resident with a remembered device."""
    now = datetime.now(UTC)
    made = {"created_at": now, "updated_at": now}
    council_id = await insert(database, councils, code="E08000026", name="Coventry", created_at=now)
    owned = {"council_id": council_id}
    venue_id = await insert(database, venues, **owned, **made, source="test", reference="1", name="Central Library")
    nas_ids = [
        await insert(
            database,
            network_access_servers,
            **owned,
            **made,
            name=f"gateway {network}",
            network=network,
            secret_encrypted=keyring.encrypt("nas secret", SECRET),
            vendor="coovachilli",
        )
        for network in networks
    ]
    access_point_id = await insert(
        database,
        access_points,
        **owned,
        nas_id=nas_ids[0],
        venue_id=venue_id,
        name="hall",
        mac_address=ACCESS_POINT.replace("-", "").lower(),
        created_at=now,
    )
    resident_id = await insert(
        database, residents, **owned, contact_kind="none", registered_at=now, last_seen_at=now - timedelta(days=2)
    )
    device_id = await insert(
        database,
        devices,
        **owned,
        resident_id=resident_id,
        mac_pseudonym=keyring.device_pseudonym(council_id, DEVICE),
        randomised=True,
        remembered_until=now + timedelta(days=90),
        created_at=now,
        last_seen_at=now - timedelta(days=2),
    )
    return City(council_id, nas_ids[0], venue_id, access_point_id, resident_id, device_id)


async def insert(database: Database, table: Any, **values: Any) -> int:
    """One row; its number."""
    await ensure_months(database, [moment for moment in values.values() if isinstance(moment, datetime)])
    async with database.write() as connection:
        result = await connection.execute(table.insert().values(**values))
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


async def rows(database: Database, table: Any) -> list[Any]:
    """All rows of a table in their order."""
    async with database.read() as connection:
        return list(await connection.execute(table.select().order_by(table.c.id)))


async def add_credential(
    database: Database, keyring: Keyring, city: City, name: str, password: str, **more: Any
) -> None:
    """A lasting credential."""
    sealed = keyring.encrypt("credential", password.encode())
    await insert(
        database,
        credentials,
        council_id=city.council_id,
        user_name=name,
        password_encrypted=sealed,
        created_at=datetime.now(UTC),
        **more,
    )


async def add_hashed_credential(
    database: Database, keyring: Keyring, city: City, name: str, password: str, **more: Any
) -> None:
    """A lasting credential of which only the NT hash is kept, as the portal makes them."""
    values = {
        "council_id": city.council_id,
        "user_name": name,
        "nt_hash_encrypted": keyring.encrypt("nt hash", nt_hash(password)),
        "created_at": datetime.now(UTC),
    }
    await insert(database, credentials, **values | more)


async def add_token(database: Database, city: City, *, name: str = TOKEN_NAME, **more: Any) -> int:
    """A one-time token of the city's device at its first NAS, good for two minutes; its number."""
    now = datetime.now(UTC)
    values = {"nas_id": city.nas_id, "expires_at": now + timedelta(minutes=2)} | more
    return await insert(
        database,
        one_time_tokens,
        council_id=city.council_id,
        user_name=name,
        resident_id=city.resident_id,
        device_id=city.device_id,
        created_at=now,
        **values,
    )


def access_request(values: Values, *, identifier: int = 7, secret: bytes = SECRET) -> Packet:
    """An Access-Request; ``User-Password`` is given in clear and hidden here.

    ``CHAP`` makes a CHAP-Password of a password, ``MS-CHAPv2`` the attributes of RFC 2548 of a password.
    """
    authenticator = new_authenticator()
    pairs = list(values.items()) if isinstance(values, dict) else list(values)
    user_name = next((value for name, value in pairs if name == "User-Name"), "")
    encoded = []
    for name, value in pairs:
        if name == "User-Password":
            password = value if isinstance(value, bytes) else value.encode()
            encoded.append((2, hide_password(password, secret, authenticator)))
        elif name == "CHAP":
            digest = hashlib.md5(b"\x05" + value.encode() + authenticator).digest()
            encoded.append((3, b"\x05" + digest))
        elif name == "MS-CHAPv2":
            encoded += mschapv2_attributes(user_name.encode(), value)
        else:
            encoded.append(attributes.encode(name, value))
    return encode_request(Code.ACCESS_REQUEST, identifier, encoded, secret, authenticator=authenticator)


def mschapv2_attributes(user_name: bytes, password: str, identifier: int = 0xA7) -> tuple[Attribute, ...]:
    """What a device that knows the password makes of a challenge (RFC 2548 sections 2.1.2 and 2.3.2)."""
    challenge, peer_challenge = new_authenticator(), new_authenticator()
    hashed = mschap.challenge_hash(peer_challenge, challenge, user_name)
    nt_response = mschap.challenge_response(hashed, nt_hash(password))
    response = bytes((identifier, 0)) + peer_challenge + bytes(8) + nt_response
    return attributes.encode_all({"MS-CHAP-Challenge": challenge, "MS-CHAP2-Response": response})


def eap_mschapv2_response(
    challenge: bytes, password: bytes, *, user_name: bytes = b"anna", name: bytes | None = None
) -> bytes:
    """What a device answers to an EAP-MSCHAPv2 challenge; ``name`` is put beside a response made for another."""
    operation, identifier, length = struct.unpack_from("!BBH", challenge)
    assert (operation, length, challenge[4]) == (1, len(challenge), 16)
    peer_challenge = bytes(range(100, 116))
    hashed = mschap.challenge_hash(peer_challenge, challenge[5:21], user_name)
    nt_response = mschap.challenge_response(hashed, nt_hash(password))
    body = b"\x31" + peer_challenge + bytes(8) + nt_response + b"\0" + (user_name if name is None else name)
    return struct.pack("!BBH", 2, identifier, 4 + len(body)) + body


def request_of(packet: Packet, nas: NetworkAccessServer = NAS) -> Request:
    """The packet as the service hands it to its handler, just arrived."""
    arrival = Arrival(datetime.now(UTC), time.monotonic())
    return Request(packet, nas, nas.secrets[0], arrival, ("127.0.0.1", 49152, packet.code, packet.identifier))


def accounting_request(values: Values, *, identifier: int = 7, secret: bytes = SECRET) -> Packet:
    """An Accounting-Request of the test's device, unless ``values`` say otherwise."""
    usual = {
        "Acct-Session-Id": "0001",
        "User-Name": TOKEN_NAME,
        "Calling-Station-Id": str(DEVICE),
        "Called-Station-Id": f"{ACCESS_POINT}:CityWiFi",
        "NAS-Identifier": "gateway",
    }
    pairs = usual | dict(values)
    present = {name: value for name, value in pairs.items() if value is not None}
    return encode_request(Code.ACCOUNTING_REQUEST, identifier, attributes.encode_all(present), secret)


def radius_settings(**more: Any) -> RadiusSettings:
    """On loopback, at ports that the caller must have found free: no buffer worth a warning, rejects at once."""
    return RadiusSettings(**{"receive_buffer_octets": 65_536, "reject_delay_seconds": 0} | more)


@asynccontextmanager
async def server_on(database: Database, keyring: Keyring, tmp_path: Path, **more: Any) -> AsyncIterator[RadiusServer]:
    """A running server of this process, on two free ports."""
    authentication_port, accounting_port = free_ports(2)
    settings = Settings(
        data_directory=tmp_path,
        radius=radius_settings(authentication_port=authentication_port, accounting_port=accounting_port, **more),
    )
    async with running(Runtime(settings, database, keyring)) as server:
        yield server


class Client:
    """A NAS with one socket. Close it at the end."""

    def __init__(self, server: RadiusServer, port: Port, source: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((source, 0))
        self._socket.connect(server.transports[port].address)

    def send(self, octets: bytes) -> None:
        """Send a datagram."""
        self._socket.send(octets)

    async def receive(self, timeout_seconds: float = 5) -> bytes:
        """The next datagram. Raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            return await asyncio.get_running_loop().sock_recv(self._socket, 4096)

    async def ask(self, request: Packet, timeout_seconds: float = 5) -> Packet:
        """The verified reply."""
        self.send(request.octets)
        reply = decode(await self.receive(timeout_seconds))
        verify_reply(reply, request, SECRET)
        return reply

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
