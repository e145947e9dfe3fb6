"""The tables of access equipment, kept up to date from the database."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

import structlog
from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.privacy import Keyring, PrivacyError
from foundation.schema import access_points, network_access_servers
from radius import metrics
from radius.message_authenticators import MessageAuthenticators
from radius.nas_table import AccessPoint, NasTable, Network, NetworkAccessServer, Quarantine
from radius.polled import Polled

__all__ = ["AccessPoint", "NasDirectory", "NasTable", "Network", "NetworkAccessServer", "Quarantine"]

logger = structlog.get_logger(__name__)


class NasDirectory(Polled):
    """The current table, kept up to date from the database."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        super().__init__(database, _CHANGES, "equipment")
        self._keyring = keyring
        self.table = NasTable()
        self.message_authenticators = MessageAuthenticators()

    async def refresh(self) -> None:
        """As in every table; first what was learnt of Message-Authenticator is written down."""
        await self.message_authenticators.save(self.database)
        await super().refresh()

    async def read(self, connection: AsyncConnection) -> None:
        """Raises DBAPIError or OSError."""
        servers = (await connection.execute(select(network_access_servers))).mappings().all()
        points = (await connection.execute(select(access_points))).mappings().all()
        known = [self._open(row) for row in servers]
        usable = [pair for pair in known if pair is not None]
        by_address = dict(pair for pair in map(_place, points) if pair is not None)
        self.table = NasTable(usable, by_address)
        self.message_authenticators.reread()
        metrics.network_access_servers.set(self.table.server_count)
        metrics.unusable_network_access_servers.set(len(known) - len(usable))
        metrics.access_points.set(self.table.access_point_count)

    def _open(self, row: RowMapping) -> tuple[Network | None, NetworkAccessServer] | None:
        """One row with its secrets in clear; a row that cannot be used must not take the others down."""
        try:
            # What speaks RadSec is known by its certificate; its secret protects nothing, so UDP must not use it.
            has_network, is_udp = row["network"] is not None, row["radsec_name"] is None
            network = ip_network(str(row["network"]), strict=False) if has_network else None
            secrets, previous_until = self._open_secrets(row)
        except (ValueError, PrivacyError) as error:
            logger.error("a network access server cannot be used", nas_id=row["id"], problem=str(error))
            return None
        required = _requires_message_authenticator(row)
        quarantine = Quarantine(row["quarantine_vlan"], row["quarantine_role"], row["quarantine_url"])
        return network if is_udp else None, NetworkAccessServer(
            id=row["id"],
            council_id=row["council_id"],
            vendor=row["vendor"],
            secrets=secrets,
            previous_secret_until=previous_until,
            # TLS keeps strangers from altering packets, which is what it would be there for.
            require_message_authenticator=is_udp and required,
            learns_message_authenticator=is_udp and not required,
            venue_id=row["venue_id"],
            radsec_name=row["radsec_name"],
            radsec_network=None if is_udp else network,
            quarantine=quarantine if row["unknown_devices"] == "quarantine" else None,
        )

    def _open_secrets(self, row: RowMapping) -> tuple[tuple[bytes, ...], datetime | None]:
        """The present secret and, while it is still good, the previous one with its end. Raises PrivacyError."""
        present = self._keyring.decrypt("nas secret", row["secret_encrypted"])
        until = row["previous_secret_until"]
        if row["previous_secret_encrypted"] is None or until is None or until <= datetime.now(UTC):
            return (present,), None
        return (present, self._keyring.decrypt("nas secret", row["previous_secret_encrypted"])), until


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


# What a change would change, in one row.
_CHANGES = select(
    select(func.count()).select_from(network_access_servers).scalar_subquery(),
    select(func.max(network_access_servers.c.updated_at)).scalar_subquery(),
    select(func.count()).select_from(access_points).scalar_subquery(),
    select(func.max(access_points.c.id)).scalar_subquery(),
    select(func.max(access_points.c.updated_at)).scalar_subquery(),
)
