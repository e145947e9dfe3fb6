"""What the tests of roaming share: realms in the database, a server with settings for roaming."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import home_servers, realms
from foundation.settings import RoamingSettings, Settings
from radius.authenticators import keyed_digest
from radius.packet import Attribute, Code, Packet, decode, encode_reply
from radius.server import RadiusServer, running
from tests.radius.support import insert, radius_settings
from tests.support.freeradius import SECRET as HOME_SECRET
from tools.free_ports import free_ports

Reply = tuple[Code, Sequence[Attribute]]


async def add_realm(database: Database, council_id: int, name: str) -> int:
    """A realm; its number."""
    now = datetime.now(UTC)
    return await insert(database, realms, council_id=council_id, name=name, created_at=now, updated_at=now)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until it holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.02)


async def add_server(
    database: Database,
    keyring: Keyring,
    realm_id: int,
    port: int,
    *,
    accounting_port: int | None = None,
    priority: int = 1,
    secret: bytes = HOME_SECRET,
    **more: Any,
) -> int:
    """A home server on loopback; its number."""
    values = {"host": "127.0.0.1", "transport": "udp"} | more
    return await insert(
        database,
        home_servers,
        realm_id=realm_id,
        priority=priority,
        port=port,
        accounting_port=accounting_port,
        secret_encrypted=keyring.encrypt("nas secret", secret),
        created_at=datetime.now(UTC),
        **values,
    )


@asynccontextmanager
async def roaming_server(
    database: Database,
    keyring: Keyring,
    folder: Path,
    *,
    host: str = "127.0.0.1",
    ports: tuple[int, int] | None = None,
    **roaming: Any,
) -> AsyncIterator[RadiusServer]:
    """A running server of this process."""
    authentication_port, accounting_port = ports or tuple(free_ports(2))
    usual = {"operator_name": "wifi.coventry.example"}
    settings = Settings(
        data_directory=folder,
        radius=radius_settings(
            host=host,
            authentication_port=authentication_port,
            accounting_port=accounting_port,
            reject_delay_seconds=0,
        ),
        roaming=RoamingSettings(**(usual | roaming)),
    )
    async with running(Runtime(settings, database, keyring)) as server:
        yield server


class ScriptedHome:
    """A home server that does as it is told, for what no real one does on demand."""

    def __init__(self, secret: bytes = HOME_SECRET) -> None:
        self.requests: list[Packet] = []
        self.probes = 0
        # What to answer; None is silence. Status-Server is answered as long as ``knows_status``.
        self.answer: Callable[[Packet], Reply | None] = lambda _: (Code.ACCESS_ACCEPT, ())
        self.knows_status = True
        self.signs = True
        self._secret = secret
        self._sources: dict[bytes, Any] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Stop; its port is closed then."""
        if self._socket.fileno() < 0:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while True:
                self._take(*self._socket.recvfrom(4096))

    def _take(self, octets: bytes, source: Any) -> None:
        packet = decode(octets)
        if packet.code is Code.STATUS_SERVER:
            self.probes += 1
            reply: Reply | None = (Code.ACCESS_ACCEPT, ()) if self.knows_status else None
        else:
            self.requests.append(packet)
            reply = self.answer(packet)
        self._sources[packet.authenticator] = source
        if reply is not None:
            self.reply(packet, reply)

    def reply(self, request: Packet, reply: Reply) -> None:
        """Answer a request, now or later."""
        octets = encode_reply(reply[0], request, reply[1], self._secret)
        if not self.signs and request.code is Code.ACCESS_REQUEST:
            head, body = octets[:2] + (len(octets) - 18).to_bytes(2, "big"), octets[38:]
            octets = head + keyed_digest(head, request.authenticator, body, self._secret) + body
        self.send(octets, request)

    def send(self, octets: bytes, request: Packet) -> None:
        """Send anything to where a request came from."""
        self._socket.sendto(octets, self.source(request))

    def source(self, request: Packet) -> Any:
        """Where a request came from."""
        return self._sources[request.authenticator]
