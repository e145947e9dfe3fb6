"""Gateways and the places that they stand in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select

from captive_portal.appearance.branding import PLAIN, Brand, brand_of
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import Clue
from captive_portal.gateways.gateway import Gateway
from captive_portal.ways_in.ways import DEFAULT_WAYS, Way, ways_of
from foundation.database import Statements
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.schema import access_points, councils, is_in_service, logos, network_access_servers, venues

_NAS = network_access_servers
GATEWAY_COLUMNS: Final = (
    _NAS.c.id.label("gateway_id"),
    _NAS.c.council_id.label("gateway_council_id"),
    _NAS.c.venue_id.label("gateway_venue_id"),
    _NAS.c.name.label("gateway_name"),
    _NAS.c.nas_identifier.label("gateway_nas_identifier"),
    _NAS.c.network.label("gateway_network"),
    _NAS.c.portal_url,
    _NAS.c.portal_secret_encrypted,
    _NAS.c.login_url,
    _NAS.c.arrival_key,
    _NAS.c.gateway_options,
)
"""What `gateway_of` reads."""
_gateway_values: Final = attrgetter(*(column.name for column in GATEWAY_COLUMNS))
# Gateways and places that are kept as values; a city has some hundreds.
_MOST_PLACES: Final = 2048
_driver_is_the_one = func.coalesce(_NAS.c.gateway_driver, _NAS.c.vendor) == bindparam("driver")
_BY_ARRIVAL_KEY: Final = select(*GATEWAY_COLUMNS).where(
    _driver_is_the_one, _NAS.c.arrival_key == bindparam("arrival_key")
)
_BY_NAME: Final = (
    select(*GATEWAY_COLUMNS)
    .where(_driver_is_the_one, _NAS.c.nas_identifier == bindparam("nas_identifier"))
    .order_by(_NAS.c.id)
)
_BY_ACCESS_POINT: Final = (
    select(*GATEWAY_COLUMNS)
    .join(access_points, access_points.c.nas_id == _NAS.c.id)
    .where(_driver_is_the_one, access_points.c.mac_address == bindparam("mac_address"), is_in_service())
    .order_by(_NAS.c.id)
)
_NAMELESS_BY_ACCESS_POINT: Final = _BY_ACCESS_POINT.where(_NAS.c.nas_identifier.is_(None))
_VENUE_OF_ACCESS_POINT: Final = select(access_points.c.venue_id).where(
    access_points.c.council_id == bindparam("council_id"),
    access_points.c.nas_id == bindparam("nas_id"),
    access_points.c.mac_address == bindparam("mac_address"),
)
_PLACE: Final = (
    select(
        councils.c.id,
        councils.c.code,
        councils.c.name,
        councils.c.time_zone,
        venues.c.name,
        venues.c.ways_in.label("venue_ways"),
        councils.c.ways_in.label("council_ways"),
        venues.c.branding.label("venue_branding"),
        councils.c.branding.label("council_branding"),
    )
    .select_from(councils)
    .outerjoin(venues, (venues.c.council_id == councils.c.id) & (venues.c.id == bindparam("venue_id")))
)
_WAYS: Final = (
    select(venues.c.ways_in, councils.c.ways_in.label("council_ways"))
    .select_from(councils)
    .outerjoin(venues, (venues.c.council_id == councils.c.id) & (venues.c.id == bindparam("venue_id")))
    .where(councils.c.id == bindparam("council_id"))
)
_LOGO: Final = select(logos.c.octets).where(logos.c.digest == bindparam("digest")).limit(1)
_PLACE_BY_NUMBER: Final = _PLACE.where(councils.c.id == bindparam("council_id"))
_PLACE_BY_CODE: Final = _PLACE.where(councils.c.code == bindparam("code"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the resident is, as pages show it."""

    council_id: int
    council_code: str
    council_name: str
    time_zone: str
    venue_name: str | None
    # The ways in that are offered here, in their order.
    ways: tuple[Way, ...] = DEFAULT_WAYS
    brand: Brand = PLAIN

    @property
    def display_name(self) -> str:
        """Who offers the WiFi, as the page's head and title say it."""
        return self.brand.name or self.council_name


async def find_gateways(
    connection: Statements, keyring: Keyring, driver: str, clue: Clue, portal_url: str, arrival_key: str | None
) -> list[Gateway]:
    """The gateway of an arrival address of its own; else those that a clue fits.

    These may be several, because councils may call theirs alike.
    Without a fit by NAS-Identifier it may be one whose name nobody wrote down, found by its access point.
    """
    if arrival_key is not None:
        by_key = {"driver": driver, "arrival_key": arrival_key}
        found = (await connection.execute(_BY_ARRIVAL_KEY, by_key)).all()
        return [gateway_of(keyring, row, driver, portal_url) for row in found]
    rows: Sequence[Row[*tuple[Any, ...]]] = []
    if clue.nas_identifier:
        by_name = {"driver": driver, "nas_identifier": clue.nas_identifier}
        rows = (await connection.execute(_BY_NAME, by_name)).all()
    if not rows and clue.access_point:
        statement = _NAMELESS_BY_ACCESS_POINT if clue.nas_identifier else _BY_ACCESS_POINT
        by_access_point = {"driver": driver, "mac_address": clue.access_point.octets.hex()}
        rows = (await connection.execute(statement, by_access_point)).all()
    return [gateway_of(keyring, row, driver, portal_url) for row in rows]


async def gateways_of_access_point(connection: Statements, driver: str, access_point: MacAddress) -> set[int]:
    """The numbers of the gateways of a kind that have an access point of this address."""
    values = {"driver": driver, "mac_address": access_point.octets.hex()}
    return {row.gateway_id for row in await connection.execute(_BY_ACCESS_POINT, values)}


async def venue_of(connection: Statements, gateway: Gateway, clue: Clue) -> int | None:
    """The access point's venue, else the gateway's."""
    if clue.access_point is None:
        return gateway.venue_id
    values = {
        "council_id": gateway.council_id,
        "nas_id": gateway.nas_id,
        "mac_address": clue.access_point.octets.hex(),
    }
    venue_id = (await connection.execute(_VENUE_OF_ACCESS_POINT, values)).scalar_one_or_none()
    return gateway.venue_id if venue_id is None else int(venue_id)


async def load_place(connection: Statements, council_id: int, venue_id: int | None) -> Place:
    """The council and, where it is known, the venue."""
    found = await connection.execute(_PLACE_BY_NUMBER, {"council_id": council_id, "venue_id": venue_id})
    return place_of(*found.one())


async def find_council(connection: Statements, code: str) -> Place | None:
    """A council by its code, without a venue."""
    row = (await connection.execute(_PLACE_BY_CODE, {"code": code, "venue_id": None})).one_or_none()
    return None if row is None else place_of(*row)


async def ways_at(connection: Statements, council_id: int, venue_id: int | None) -> tuple[Way, ...]:
    """The ways in that a venue offers, or, without one, its council."""
    found = await connection.execute(_WAYS, {"council_id": council_id, "venue_id": venue_id})
    return ways_of(*found.one())


@lru_cache(maxsize=_MOST_PLACES)
def place_of(
    council_id: int,
    code: str,
    name: str,
    time_zone: str,
    venue_name: str | None,
    venue_ways: str | None,
    council_ways: str | None,
    venue_branding: str | None,
    council_branding: str | None,
) -> Place:
    """Of what is stored of a council and of a venue of it, if any."""
    ways, brand = ways_of(venue_ways, council_ways), brand_of(venue_branding, council_branding)
    return Place(council_id, code, name, time_zone, venue_name, ways, brand)


async def load_logo(connection: Statements, digest: str) -> bytes | None:
    """A logo's PNG by the part of its address."""
    octets = (await connection.execute(_LOGO, {"digest": digest})).scalars().first()
    return None if octets is None else bytes(octets)


async def list_councils(connection: Statements) -> list[tuple[str, str]]:
    """Code and name of every council, by name."""
    statement = select(councils.c.code, councils.c.name).order_by(councils.c.name)
    return [(row.code, row.name) for row in await connection.execute(statement)]


async def council_numbers(connection: Statements) -> list[int]:
    """The numbers of all councils."""
    return [row.id for row in await connection.execute(select(councils.c.id).order_by(councils.c.id))]


def gateway_of(keyring: Keyring, row: Any, driver: str, portal_url: str) -> Gateway:
    """Of a row that has ``GATEWAY_COLUMNS`` as attributes.

    ``portal_url`` is the portal's own address, without a slash at its end.
    """
    return _gateway(keyring, driver, portal_url, _gateway_values(row))


# Kept by all that is stored of it, so that a change makes another one.
@lru_cache(maxsize=_MOST_PLACES)
def _gateway(keyring: Keyring, driver: str, portal_url: str, values: tuple[Any, ...]) -> Gateway:
    nas_id, council_id, venue_id, name, nas_identifier, network, own_url, sealed, login_url, key, options = values
    own = f"/{key}" if key else ""
    return Gateway(
        nas_id=nas_id,
        council_id=council_id,
        venue_id=venue_id,
        portal_address=own_url or f"{portal_url}/arrive/{driver}{own}",
        login_url=login_url,
        portal_secret=keyring.decrypt("portal secret", sealed) if sealed else None,
        name=name,
        nas_identifier=nas_identifier,
        network=network,
        arrival_key=key,
        options={
            **{option.name: option.default for option in DRIVERS[driver].options},
            **(json.loads(options) if options else {}),
        },
    )
