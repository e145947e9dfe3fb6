"""Realms and home servers as the command line enters and checks them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.errors import CommandError
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import councils, home_servers, realms
from radius.roaming.connect import connector
from radius.roaming.table import RADSEC, UDP, Address, RealmDirectory
from radius.roaming.upstream import ask_for_status

_ANY_PORT: Final = 0
_LARGEST_PORT: Final = 65535
_SERVER: Final = re.compile(r"\[([^\]]+)\](?::(\d{1,5}))?|([^:]+)(?::(\d{1,5}))?|([0-9A-Fa-f:.]+)")
_HOST_NAME: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, repr=False)
class WantedServer:
    """A home server as it is to be. ``radsec_name`` is None where it speaks UDP."""

    host: str
    port: int
    priority: int
    secret: bytes
    radsec_name: str | None
    accounting_port: int | None

    @property
    def shown(self) -> str:
        """Host and port."""
        return shown_server(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of asking one port of a server for its status."""

    server: str
    is_answered: bool
    words: str


def shown_server(host: str, port: int) -> str:
    """As in metrics and logs; an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def checked_server(text: str, default_port: int) -> tuple[str, int]:
    """Host and port of ``HOST``, ``HOST:PORT``, ``[IPV6]:PORT`` or a bare IPv6 address. Raises CommandError."""
    found = _SERVER.fullmatch(text.strip())
    host, port = "", default_port
    if found is not None:
        host = found[1] or found[3] or found[5]
        port = int(found[2] or found[4] or default_port)
    is_port = port == default_port or 1 <= port <= _LARGEST_PORT
    if not is_port or not is_host(host):
        raise CommandError(
            f"{text!r} is not a server; write it like radius.example.org, 192.0.2.1:1812 or [2001:db8::1]:1812"
        )
    return host.lower(), port


def is_address(host: str) -> bool:
    """Whether a host is given by its address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_host(host: str) -> bool:
    """Whether this can be an address or a name; one of digits and dots is an address with a mistake in it."""
    return is_address(host) or (bool(_HOST_NAME.fullmatch(host)) and not host.replace(".", "").isdigit())


async def find_realm(connection: AsyncConnection, name: str, council_code: str | None) -> Row[Any]:
    """The row of a realm. Raises CommandError where there is none, or several councils have one."""
    question = select(realms).join(councils, councils.c.id == realms.c.council_id).where(realms.c.name == name)
    if council_code is not None:
        question = question.where(councils.c.code == council_code)
    rows = (await connection.execute(question)).all()
    if not rows:
        raise CommandError(f"there is no realm {name}; see: citywifi realm list")
    if len(rows) > 1:
        raise CommandError(f"several councils have a realm {name}; say which one with --council CODE")
    return rows[0]


async def add_realm(connection: AsyncConnection, council_id: int, name: str) -> int:
    """The new row's number. Raises CommandError where there is one already."""
    now = datetime.now(UTC)
    row = insert(realms).values(council_id=council_id, name=name, created_at=now, updated_at=now)
    try:
        return int((await connection.execute(row.returning(realms.c.id))).scalar_one())
    except IntegrityError:
        raise CommandError(f"there is already a realm {name}; see: citywifi realm server add {name} HOST") from None


async def add_servers(
    connection: AsyncConnection, keyring: Keyring, realm_id: int, servers: Sequence[WantedServer]
) -> None:
    """Add home servers. Raises CommandError where one is there already."""
    for server in servers:
        row = insert(home_servers).values(
            realm_id=realm_id,
            priority=server.priority,
            transport=UDP if server.radsec_name is None else RADSEC,
            host=server.host,
            port=server.port,
            accounting_port=server.accounting_port,
            secret_encrypted=keyring.encrypt("nas secret", server.secret),
            radsec_name=server.radsec_name,
            created_at=datetime.now(UTC),
        )
        try:
            await connection.execute(row)
        except IntegrityError:
            raise CommandError(f"the realm has {server.shown} already; remove it first to change it") from None
    await _touch(connection, realm_id)


async def remove_server(connection: AsyncConnection, realm_id: int, text: str) -> str:
    """Remove the home server that a text names, the port only where it is needed. Raises CommandError."""
    host, port = checked_server(text, _ANY_PORT)
    question = select(home_servers).where(home_servers.c.realm_id == realm_id, home_servers.c.host == host)
    rows = [row for row in (await connection.execute(question)).all() if port in (_ANY_PORT, row.port)]
    if len(rows) != 1:
        problem = "several servers are at" if rows else "no server is at"
        raise CommandError(f"{problem} {text}; write HOST:PORT as `citywifi realm list` shows it")
    await connection.execute(delete(home_servers).where(home_servers.c.id == rows[0].id))
    await _touch(connection, realm_id)
    return shown_server(rows[0].host, rows[0].port)


async def remove_realm(connection: AsyncConnection, realm_id: int) -> None:
    """Remove a realm and its home servers."""
    await connection.execute(delete(home_servers).where(home_servers.c.realm_id == realm_id))
    await connection.execute(delete(realms).where(realms.c.id == realm_id))


async def list_realms(database: Database, council_code: str | None) -> list[dict[str, Any]]:
    """A row for each home server, and one for a realm that has none."""
    question = (
        select(
            councils.c.code.label("council"),
            realms.c.name.label("realm"),
            home_servers.c.host,
            home_servers.c.port,
            home_servers.c.transport,
            home_servers.c.accounting_port,
            home_servers.c.priority,
            home_servers.c.radsec_name,
        )
        .join(councils, councils.c.id == realms.c.council_id)
        .outerjoin(home_servers, home_servers.c.realm_id == realms.c.id)
        .order_by(councils.c.code, realms.c.name, home_servers.c.priority, home_servers.c.id)
    )
    if council_code is not None:
        question = question.where(councils.c.code == council_code)
    async with database.read() as connection:
        rows = [dict(row) for row in (await connection.execute(question)).mappings()]
    for row in rows:
        host, port = row.pop("host"), row.pop("port")
        row["server"] = None if host is None else shown_server(host, port)
    return rows


async def check_servers(runtime: Runtime, name: str, council_code: str | None) -> list[Finding]:
    """Ask every port of a realm's home servers for its status. Raises CommandError where there is none."""
    async with runtime.database.read() as connection:
        row = await find_realm(connection, name, council_code)
    directory = RealmDirectory(runtime.database, runtime.keyring)
    await directory.refresh()
    realm = next(realm for realm in directory.table.realms() if realm.id == row.id)
    if not realm.servers:
        raise CommandError(f"{name} has no home server that can be used; see: citywifi realm list")
    ports = [port for server in realm.servers for port in (server.authentication, server.accounting) if port]
    return [await _check(runtime, address) for address in dict.fromkeys(ports)]


async def _check(runtime: Runtime, address: Address) -> Finding:
    exchange = connector(runtime.settings)(address)
    began = time.monotonic()
    try:
        reply = await ask_for_status(exchange, runtime.settings.roaming.answer_seconds)
    finally:
        exchange.close()
    milliseconds = (time.monotonic() - began) * 1000
    if reply is None:
        return Finding(
            address.name,
            False,
            "no answer to Status-Server: it is down, does not know us or our secret, or does not know Status-Server",
        )
    words = f"answered Status-Server after {milliseconds:.0f} ms"
    if not reply.message_authenticator_at and address.transport == UDP:
        words += "; without Message-Authenticator: unless its logins are answered with one, they are not believed"
    return Finding(address.name, True, words)


async def _touch(connection: AsyncConnection, realm_id: int) -> None:
    """The RADIUS server sees by a realm's time of change that its servers changed; so it must move."""
    latest = (await connection.execute(select(func.max(realms.c.updated_at)))).scalar_one()
    moment = max(datetime.now(UTC), latest + timedelta(microseconds=1))
    await connection.execute(update(realms).where(realms.c.id == realm_id).values(updated_at=moment))
