"""Small pieces of equipment that take Disconnect- and CoA-Requests and answer as real ones do; and their sessions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from foundation.database import Database
from foundation.schema import accounting_sessions, network_access_servers
from radius.packet import Code, Packet, decode, encode_reply, verify_request
from tests.radius.support import DEVICE, SECRET, City, insert

QUICK = (0.05, 0.05, 0.05)
Answer = Callable[[Packet], list[bytes]]


class Equipment:
    """A NAS's dynamic authorisation port. ``answer`` gets each verified request and returns the datagrams to send."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.requests: list[Packet] = []
        self.sources: list[str] = []

    def __enter__(self) -> Equipment:
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        datagram, source = self._socket.recvfrom(4096)
        request = decode(datagram)
        verify_request(request, SECRET)
        self.requests.append(request)
        self.sources.append(source[0])
        for reply in self._answer(request):
            self._socket.sendto(reply, source)


def acknowledge(request: Packet) -> list[bytes]:
    return [encode_reply(Code.DISCONNECT_ACK, request, (), SECRET)]


async def add_session(database: Database, city: City, **more: Any) -> int:
    now = datetime.now(UTC)
    values = {
        "session_key": bytes(16),
        "acct_session_id": "5f3759df",
        "user_name": "somebody",
        "calling_station_id": str(DEVICE),
        "nas_identifier": "gateway",
        "started_at": now,
        "updated_at": now,
        "received_at": now,
    }
    return await insert(database, accounting_sessions, council_id=city.council_id, nas_id=city.nas_id, **values | more)


async def listens_at(database: Database, port: int | None, host: str | None = "127.0.0.1") -> None:
    async with database.write() as connection:
        await connection.execute(
            update(network_access_servers).values(dynamic_authorization_host=host, dynamic_authorization_port=port)
        )


async def is_made_by(database: Database, vendor: str, port: int | None) -> None:
    await listens_at(database, port)
    async with database.write() as connection:
        await connection.execute(update(network_access_servers).values(vendor=vendor))
