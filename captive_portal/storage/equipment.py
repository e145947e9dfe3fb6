"""Gateways and the places that they stand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.gateways.base import Clue, Gateway
from foundation.privacy import Keyring
from foundation.schema import access_points, councils, network_access_servers, venues


@dataclass(frozen=True, slots=True)
class Place:
    """Where the resident is, as pages show it."""

    council_id: int
    council_code: str
    council_name: str
    time_zone: str
    venue_name: str | None


async def find_gateways(
    connection: AsyncConnection, keyring: Keyring, driver: str, clue: Clue, portal_address: str
) -> list[Gateway]:
    """The gateways that a clue fits: several, where councils gave them the same name.

    Without a fit by NAS-Identifier it may be one whose name nobody wrote down, found by its access point.
    """
    nas = network_access_servers
    by_name = select(nas).where(nas.c.vendor == driver, nas.c.nas_identifier == clue.nas_identifier)
    rows = (await connection.execute(by_name.order_by(nas.c.id))).all() if clue.nas_identifier else []
    if not rows and clue.access_point:
        by_access_point = (
            select(nas)
            .join(access_points, access_points.c.nas_id == nas.c.id)
            .where(nas.c.vendor == driver, access_points.c.mac_address == clue.access_point.octets.hex())
        )
        if clue.nas_identifier:
            by_access_point = by_access_point.where(nas.c.nas_identifier.is_(None))
        rows = (await connection.execute(by_access_point.order_by(nas.c.id))).all()
    return [_gateway(keyring, row, portal_address) for row in rows]


async def load_gateway(connection: AsyncConnection, keyring: Keyring, nas_id: int, portal_address: str) -> Gateway:
    """The gateway of a journey."""
    nas = network_access_servers
    row = (await connection.execute(select(nas).where(nas.c.id == nas_id))).one()
    return _gateway(keyring, row, portal_address)


async def venue_of(connection: AsyncConnection, gateway: Gateway, clue: Clue) -> int | None:
    """The access point's venue, else the gateway's."""
    if clue.access_point is not None:
        statement = select(access_points.c.venue_id).where(
            access_points.c.council_id == gateway.council_id,
            access_points.c.nas_id == gateway.nas_id,
            access_points.c.mac_address == clue.access_point.octets.hex(),
        )
        venue_id = (await connection.execute(statement)).scalar_one_or_none()
        if venue_id is not None:
            return int(venue_id)
    return gateway.venue_id


async def load_place(connection: AsyncConnection, council_id: int, venue_id: int | None) -> Place:
    """The council and, where it is known, the venue."""
    statement = (
        select(councils.c.id, councils.c.code, councils.c.name, councils.c.time_zone, venues.c.name.label("venue"))
        .select_from(councils)
        .outerjoin(venues, (venues.c.council_id == councils.c.id) & (venues.c.id == venue_id))
        .where(councils.c.id == council_id)
    )
    return _place((await connection.execute(statement)).one())


async def find_council(connection: AsyncConnection, code: str) -> Place | None:
    """A council by its code, without a venue."""
    statement = select(councils.c.id).where(councils.c.code == code)
    council_id = (await connection.execute(statement)).scalar_one_or_none()
    return None if council_id is None else await load_place(connection, council_id, None)


async def list_councils(connection: AsyncConnection) -> list[tuple[str, str]]:
    """Code and name of every council, by name."""
    statement = select(councils.c.code, councils.c.name).order_by(councils.c.name)
    return [(row.code, row.name) for row in await connection.execute(statement)]


def _place(row: Row[*tuple[Any, ...]]) -> Place:
    return Place(row.id, row.code, row.name, row.time_zone, row.venue)


def _gateway(keyring: Keyring, row: Row[*tuple[Any, ...]], portal_address: str) -> Gateway:
    sealed = row.portal_secret_encrypted
    return Gateway(
        nas_id=row.id,
        council_id=row.council_id,
        venue_id=row.venue_id,
        portal_address=row.portal_url or portal_address,
        login_url=row.login_url,
        portal_secret=keyring.decrypt("portal secret", sealed) if sealed else None,
    )
