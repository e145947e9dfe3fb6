"""The realms of each council and the servers of each realm, read into memory; their secrets are in clear only there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from foundation.privacy import Keyring, PrivacyError
from foundation.schema import home_servers, realms
from radius.polled import Polled
from radius.roaming import metrics
from radius.roaming.realm import find_realm

logger = structlog.get_logger(__name__)

UDP = "udp"
RADSEC = "radsec"


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """One port of a home server, and what is shared with it. ``secret`` is in clear, so it is never shown as text."""

    transport: str
    host: str
    port: int
    secret: bytes
    radsec_name: str | None = None

    @property
    def name(self) -> str:
        """What it is called in metrics and logs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, repr=False)
class HomeServer:
    """A row of ``home_servers``; ``accounting`` is None where records are not forwarded to it."""

    id: int
    priority: int
    authentication: Address
    accounting: Address | None


@dataclass(frozen=True, slots=True, repr=False)
class Realm:
    """A realm of a council with its servers, the first to be asked in front."""

    id: int
    council_id: int
    name: str
    servers: tuple[HomeServer, ...]


class RealmTable:
    """One state of the realms; never changed, only replaced."""

    def __init__(self, known: Iterable[Realm] = ()) -> None:
        self._by_council: dict[int, dict[str, Realm]] = {}
        for realm in known:
            self._by_council.setdefault(realm.council_id, {})[realm.name] = realm

    def __len__(self) -> int:
        return sum(map(len, self._by_council.values()))

    def find(self, council_id: int, realm: str) -> Realm | None:
        """Who serves a realm (in lower case) for the guests of a council."""
        return find_realm(self._by_council.get(council_id, {}), realm)

    def realms(self) -> list[Realm]:
        """All of them."""
        return [realm for council in self._by_council.values() for realm in council.values()]

    def addresses(self) -> frozenset[Address]:
        """Every port of every server."""
        servers = [server for realm in self.realms() for server in realm.servers]
        ports = [(server.authentication, server.accounting) for server in servers]
        return frozenset(address for pair in ports for address in pair if address is not None)


class RealmDirectory(Polled):
    """The current table, kept up to date from the database."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        super().__init__(database, _CHANGES, "realms")
        self._keyring = keyring
        self.table = RealmTable()

    def addresses(self) -> frozenset[Address]:
        """Every port of every server, as it is now."""
        return self.table.addresses()

    async def read(self, connection: AsyncConnection) -> None:
        """Raises DBAPIError or OSError."""
        realm_rows = (await connection.execute(select(realms))).mappings().all()
        server_rows = (await connection.execute(_SERVERS)).mappings().all()
        opened = [(row["realm_id"], self._open(row)) for row in server_rows]
        usable: dict[int, list[HomeServer]] = {}
        for realm_id, server in opened:
            if server is not None:
                usable.setdefault(realm_id, []).append(server)
        self.table = RealmTable(
            Realm(row["id"], row["council_id"], row["name"], tuple(usable.get(row["id"], ()))) for row in realm_rows
        )
        metrics.realms.set(len(self.table))
        metrics.unusable_home_servers.set(sum(server is None for _, server in opened))

    def _open(self, row: RowMapping) -> HomeServer | None:
        """One row with its secret in clear; a row that cannot be used must not take the others down."""
        if row["transport"] not in (UDP, RADSEC):
            logger.error("a home server cannot be used: its transport is not known", home_server_id=row["id"])
            return None
        try:
            secret = self._keyring.decrypt("nas secret", row["secret_encrypted"])
        except PrivacyError as error:
            logger.error("a home server cannot be used", home_server_id=row["id"], problem=str(error))
            return None
        at = Address(row["transport"], row["host"], row["port"], secret, row["radsec_name"])
        accounting = None
        if row["accounting_port"] is not None:
            # One RadSec connection carries both (RFC 6614 section 2.4).
            port = row["port"] if row["transport"] == RADSEC else row["accounting_port"]
            accounting = Address(at.transport, at.host, port, secret, at.radsec_name)
        return HomeServer(row["id"], row["priority"], at, accounting)


_SERVERS = select(home_servers).order_by(home_servers.c.priority, home_servers.c.id)
# What a change would change, in one row; `citywifi realm` touches the realm when it changes a server.
_CHANGES = select(
    select(func.count()).select_from(realms).scalar_subquery(),
    select(func.max(realms.c.updated_at)).scalar_subquery(),
    select(func.count()).select_from(home_servers).scalar_subquery(),
    select(func.max(home_servers.c.id)).scalar_subquery(),
)
