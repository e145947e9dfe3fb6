"""Which network access server a packet comes from, what it shares with us, and which access point it speaks of.

The tables are read into memory, with the secrets in clear there and nowhere else. A change is effective within about a
second: a cheap question each second tells whether anything changed, and a full reading every half minute finds what
that question cannot see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import structlog
from sqlalchemy import RowMapping, func, select
from sqlalchemy.exc import DBAPIError

from foundation.database import Database
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.privacy import Keyring, PrivacyError
from foundation.schema import access_points, network_access_servers
from radius import metrics

logger = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
_POLLS_PER_FULL_READING = 30
# Answers kept per table; a flood of invented sources must not fill the memory.
_REMEMBERED_ANSWERS = 65_536
_IPV4_MAPPED = 0xFFFF << 32

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Where devices go that nobody registered; what is None, the equipment is not told."""

    vlan: int | None = None
    role: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class NetworkAccessServer:
    """One row of ``network_access_servers``; its secrets are in clear, so it has no representation as text.

    ``secrets`` has the present one first and, while it is being changed, the previous one. ``radsec_name`` is set
    where it speaks RadSec and nothing else. ``quarantine`` is None where unknown devices are rejected.
    """

    id: int
    council_id: int
    vendor: str
    secrets: tuple[bytes, ...]
    require_message_authenticator: bool = True
    venue_id: int | None = None
    radsec_name: str | None = None
    quarantine: Quarantine | None = None
    # Where its RadSec connections must come from; None is anywhere.
    radsec_network: Network | None = None


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """What a Called-Station-Id leads to."""

    id: int
    venue_id: int | None


class NasTable:
    """One state of the equipment; never changed, only replaced."""

    def __init__(
        self,
        servers: Iterable[tuple[Network | None, NetworkAccessServer]] = (),
        access_points_by_address: Mapping[tuple[int, bytes], AccessPoint] | None = None,
    ) -> None:
        prefixes: dict[tuple[int, int], dict[int, NetworkAccessServer]] = {}
        self._by_radsec_name: dict[str, NetworkAccessServer] = {}
        for network, server in servers:
            if server.radsec_name is not None:
                self._by_radsec_name[server.radsec_name.lower()] = server
            if network is None:
                continue
            width = network.max_prefixlen
            shift = width - network.prefixlen
            prefixes.setdefault((width, shift), {})[int(network.network_address) >> shift] = server
        # The longest prefix has the smallest shift.
        self._prefixes = sorted(prefixes.items(), key=lambda item: item[0])
        self._access_points = dict(access_points_by_address or {})
        self._servers_by_source: dict[str, NetworkAccessServer | None] = {}
        self._access_points_by_called: dict[tuple[int, str], AccessPoint | None] = {}

    @property
    def server_count(self) -> int:
        """How many networks and names have a network access server."""
        return sum(len(servers) for _, servers in self._prefixes) + len(self._by_radsec_name)

    @property
    def access_point_count(self) -> int:
        """How many access points are known by their address."""
        return len(self._access_points)

    def find(self, source: str) -> NetworkAccessServer | None:
        """Whose source address this is, by the longest prefix; None for a stranger."""
        try:
            return self._servers_by_source[source]
        except KeyError:
            found = self._search(source)
        if len(self._servers_by_source) >= _REMEMBERED_ANSWERS:
            self._servers_by_source.clear()
        self._servers_by_source[source] = found
        return found

    def find_by_radsec_name(self, names: Iterable[str]) -> NetworkAccessServer | None:
        """Whose certificate carries one of these DNS names."""
        return next((server for name in names if (server := self._by_radsec_name.get(name.lower()))), None)

    def access_point(self, council_id: int, called_station_id: str | None) -> AccessPoint | None:
        """The access point named by a Called-Station-Id (RFC 3580 section 3.20), if it is one of that council's."""
        if not called_station_id:
            return None
        key = council_id, called_station_id
        try:
            return self._access_points_by_called[key]
        except KeyError:
            pass
        try:
            address, _ = MacAddress.parse_station_id(called_station_id)
            found = self._access_points.get((council_id, address.octets))
        except NotAMacAddressError:  # a MikroTik sends its server's name
            found = None
        if len(self._access_points_by_called) >= _REMEMBERED_ANSWERS:
            self._access_points_by_called.clear()
        self._access_points_by_called[key] = found
        return found

    def _search(self, source: str) -> NetworkAccessServer | None:
        address = ip_address(source.partition("%")[0])
        number, width = int(address), address.max_prefixlen
        if width == 128 and number >> 32 == _IPV4_MAPPED >> 32:
            # A socket for both families shows IPv4 sources in this form.
            number, width = number & 0xFFFFFFFF, 32
        for (prefix_width, shift), servers in self._prefixes:
            if prefix_width == width and (server := servers.get(number >> shift)):
                return server
        return None


class NasDirectory:
    """The current table, kept up to date from the database."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._seen: tuple[object, ...] | None = None
        self._polls = 0
        self.table = NasTable()

    async def refresh(self) -> None:
        """Read the tables if they changed since the last time. Raises DBAPIError or OSError."""
        full_reading_is_due = self._polls % _POLLS_PER_FULL_READING == 0
        self._polls += 1
        async with self._database.read() as connection:
            seen = tuple((await connection.execute(_CHANGES)).one())
            if seen == self._seen and not full_reading_is_due:
                return
            servers = (await connection.execute(select(network_access_servers))).mappings().all()
            points = (await connection.execute(select(access_points))).mappings().all()
        known = [self._open(row) for row in servers]
        usable = [pair for pair in known if pair is not None]
        by_address = dict(pair for pair in map(_place, points) if pair is not None)
        self.table = NasTable(usable, by_address)
        self._seen = seen
        metrics.network_access_servers.set(self.table.server_count)
        metrics.unusable_network_access_servers.set(len(known) - len(usable))
        metrics.access_points.set(self.table.access_point_count)

    async def keep_fresh(self) -> None:
        """Refresh for ever; with the database away the last table stays in force."""
        reachable = True
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
            except (DBAPIError, OSError, TimeoutError):
                if reachable:
                    logger.error("the equipment cannot be read from the database; what is known stays in force")
                reachable = False
            else:
                reachable = True

    def _open(self, row: RowMapping) -> tuple[Network | None, NetworkAccessServer] | None:
        """One row with its secrets in clear; a row that cannot be used must not take the others down."""
        try:
            # What speaks RadSec is known by its certificate; its secret protects nothing, so UDP must not use it.
            has_network, is_udp = row["network"] is not None, row["radsec_name"] is None
            network = ip_network(str(row["network"]), strict=False) if has_network else None
            secrets = self._open_secrets(row)
        except (ValueError, PrivacyError) as error:
            logger.error("a network access server cannot be used", nas_id=row["id"], problem=str(error))
            return None
        quarantine = Quarantine(row["quarantine_vlan"], row["quarantine_role"], row["quarantine_url"])
        return network if is_udp else None, NetworkAccessServer(
            id=row["id"],
            council_id=row["council_id"],
            vendor=row["vendor"],
            secrets=secrets,
            # TLS keeps strangers from altering packets, which is what it would be there for.
            require_message_authenticator=is_udp and _requires_message_authenticator(row),
            venue_id=row["venue_id"],
            radsec_name=row["radsec_name"],
            radsec_network=None if is_udp else network,
            quarantine=quarantine if row["unknown_devices"] == "quarantine" else None,
        )

    def _open_secrets(self, row: RowMapping) -> tuple[bytes, ...]:
        """The present secret, and the previous one while it is still good. Raises PrivacyError."""
        present = self._keyring.decrypt("nas secret", row["secret_encrypted"])
        until = row["previous_secret_until"]
        if row["previous_secret_encrypted"] is None or until is None or until <= datetime.now(UTC):
            return (present,)
        return present, self._keyring.decrypt("nas secret", row["previous_secret_encrypted"])


def _requires_message_authenticator(row: RowMapping) -> bool:
    """``auto`` waits for the first one; from then on its absence is an attack."""
    return row["message_authenticator"] != "auto" or row["message_authenticator_seen_at"] is not None


def _place(row: RowMapping) -> tuple[tuple[int, bytes], AccessPoint] | None:
    """One access point by its address; a row whose address is none is passed over."""
    try:
        address = MacAddress.parse(row["mac_address"])
    except NotAMacAddressError:
        logger.error("an access point cannot be used: its address is not a MAC address", access_point_id=row["id"])
        return None
    return (row["council_id"], address.octets), AccessPoint(row["id"], row["venue_id"])


# What a change would change, in one row. Access points have no time of change, so their numbers are weighed: moving
# one to another venue shows.
_CHANGES = select(
    select(func.count()).select_from(network_access_servers).scalar_subquery(),
    select(func.max(network_access_servers.c.updated_at)).scalar_subquery(),
    select(func.count()).select_from(access_points).scalar_subquery(),
    select(func.max(access_points.c.id)).scalar_subquery(),
    select(func.sum(access_points.c.id * func.coalesce(access_points.c.venue_id, 0))).scalar_subquery(),
)
