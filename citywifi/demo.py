"""Fills a database with the demo city: its places, a gateway in each library, terms, and something to log in with.

Everything in it that should be secret is known to everybody. A service without the demo flag refuses such a database.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.demo_city import DemoCity, DemoLibrary, load_demo_city
from foundation.certificate_store import CertificateStore
from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.schema import (
    access_points,
    councils,
    credentials,
    devices,
    installation,
    network_access_servers,
    residents,
    small_areas,
    terms_versions,
    venues,
    wards,
)

RADIUS_SECRET: Final = b"testing123"
UAM_SECRET: Final = b"demo-uamsecret"
USER_NAME: Final = "demo"
PASSWORD: Final = "demo"  # noqa: S105  the demo's, known to everybody
# A device that is let on without a page; an address from the block for documentation (RFC 7042).
REMEMBERED_DEVICE: Final = MacAddress.parse("00-00-5E-00-53-01")
# What devices find in the RADIUS server's certificate.
SERVER_NAME: Final = "radius.demo.example"
LOOPBACK_NAS: Final = "radclient on this machine"
_LOOPBACK_ACCESS_POINT: Final = MacAddress.parse("00-00-5E-00-53-FE")
# All by which a visitor of the demo can get on alone.
_WAYS: Final = "click,email,sms,code"
_LANGUAGES: Final = ("en", "cy")


@dataclass(frozen=True, slots=True)
class DemoGateway:
    """The simulated CoovaChilli gateway of one library; each has a loopback address of its own."""

    number: int
    library: DemoLibrary
    address: str
    nas_identifier: str
    # What it and its access point call themselves in Called-Station-Id.
    access_point_mac: MacAddress
    login_url: str


def demo_gateways(city: DemoCity, network: IPv4Network) -> tuple[DemoGateway, ...]:
    """One gateway for each library, at the network's first address and up."""
    return tuple(
        DemoGateway(
            number=number,
            library=library,
            address=str(network[number]),
            nas_identifier=nas_identifier(library),
            access_point_mac=MacAddress(bytes.fromhex("00005e0053") + bytes([0x80 + number])),
            login_url=f"http://{network[number]}:3990",
        )
        for number, library in enumerate(city.libraries, start=1)
    )


def nas_identifier(library: DemoLibrary) -> str:
    """What a library's gateway calls itself, such as ``tile-hill``."""
    return re.sub(r"[^a-z0-9]+", "-", library.name.lower()).strip("-")


async def fill(database: Database, keyring: Keyring, network: IPv4Network) -> None:
    """Insert the demo city into an empty, migrated database; its gateways are in the network."""
    city = load_demo_city()
    now = datetime.now(UTC)
    async with database.write() as connection:
        await connection.execute(
            insert(installation),
            [{"name": "demo", "value": "true"}, {"name": "key_fingerprint", "value": keyring.fingerprint}],
        )
        council = await _insert(
            connection, councils, code=city.council_code, name=city.council_name, created_at=now, ways_in=_WAYS
        )
        venue_ids = await _insert_places(connection, city, council, now)
        await _insert_equipment(connection, keyring, demo_gateways(city, network), council, venue_ids, now)
        await _insert_terms(connection, council, now)
        central_library = next(venue_ids[library.reference] for library in city.libraries if "Central" in library.name)
        await _insert_people(connection, keyring, council, central_library, now)


def make_certificates(directory: Path) -> None:
    """A certificate authority of this demo alone, so that it offers encrypted WiFi (802.1X) at once."""
    store = CertificateStore(directory)
    if not store.has_authority:
        store.create([SERVER_NAME], "CityWiFi demo", datetime.now(UTC))


async def _insert(connection: AsyncConnection, table: Table, **values: object) -> int:
    return int((await connection.execute(insert(table).values(**values).returning(table.c.id))).scalar_one())


async def _insert_places(connection: AsyncConnection, city: DemoCity, council: int, now: datetime) -> dict[str, int]:
    ward_ids = {
        ward.code: await _insert(
            connection, wards, council_id=council, code=ward.code, name=ward.name, outline=json.dumps(ward.outline)
        )
        for ward in city.wards
    }
    area_ids = {
        area.code: await _insert(
            connection, small_areas, council_id=council, code=area.code, edition=area.edition, name=area.name,
            ward_id=ward_ids[area.ward_code], latitude=area.latitude, longitude=area.longitude,
            population=area.population, imd_year=2025, imd_decile=area.imd_decile, imd_rank=area.imd_rank,
            digital_exclusion_risk=area.digital_exclusion_risk,
        )
        for area in city.small_areas
    }  # fmt: skip
    return {
        library.reference: await _insert(
            connection, venues, council_id=council, source="demo", reference=library.reference, name=library.name,
            kind="library", address=library.address, postcode=library.postcode, latitude=library.latitude,
            longitude=library.longitude, ward_id=ward_ids[library.ward_code],
            small_area_id=area_ids[library.small_area_code], opening_hours=library.opening_hours,
            created_at=now, updated_at=now,
        )
        for library in city.libraries
    }  # fmt: skip


async def _insert_equipment(
    connection: AsyncConnection,
    keyring: Keyring,
    gateways: tuple[DemoGateway, ...],
    council: int,
    venue_ids: dict[str, int],
    now: datetime,
) -> None:
    async def add(name: str, network: str, access_point: MacAddress, venue: int | None, **more: object) -> None:
        nas = await _insert(
            connection, network_access_servers, council_id=council, name=name, network=network, vendor="coovachilli",
            secret_encrypted=keyring.encrypt("nas secret", RADIUS_SECRET), venue_id=venue,
            created_at=now, updated_at=now, **more,
        )  # fmt: skip
        await _insert(
            connection, access_points, council_id=council, nas_id=nas, venue_id=venue, name=f"{name}, access point 1",
            mac_address=access_point.format("", upper=False), created_at=now,
        )  # fmt: skip

    for gateway in gateways:
        await add(
            gateway.library.name,
            f"{gateway.address}/32",
            gateway.access_point_mac,
            venue_ids[gateway.library.reference],
            nas_identifier=gateway.nas_identifier,
            portal_secret_encrypted=keyring.encrypt("portal secret", UAM_SECRET),
            login_url=gateway.login_url,
            dynamic_authorization_host=gateway.address,
            dynamic_authorization_port=3799,
        )
    # Packets from elsewhere on this machine, such as the README's radclient line.
    await add(LOOPBACK_NAS, "127.0.0.0/8", _LOOPBACK_ACCESS_POINT, None)


async def _insert_terms(connection: AsyncConnection, council: int, now: datetime) -> None:
    for language in _LANGUAGES:
        text = files("citywifi.demo_city").joinpath(f"terms.{language}.txt").read_text(encoding="utf-8")
        await _insert(
            connection, terms_versions, council_id=council, version=1, language=language, text=text, published_at=now
        )


async def _insert_people(
    connection: AsyncConnection, keyring: Keyring, council: int, venue: int, now: datetime
) -> None:
    resident = await _insert(
        connection, residents, council_id=council, contact_kind="none", registered_venue_id=venue,
        registered_at=now, last_seen_at=now,
    )  # fmt: skip
    await _insert(
        connection, devices, council_id=council, resident_id=resident, randomised=False,
        mac_pseudonym=keyring.device_pseudonym(council, REMEMBERED_DEVICE),
        remembered_until=now + timedelta(days=365), created_at=now, last_seen_at=now,
    )  # fmt: skip
    await _insert(
        connection, credentials, council_id=council, resident_id=resident, user_name=USER_NAME,
        password_encrypted=keyring.encrypt("credential", PASSWORD.encode()), created_at=now,
    )  # fmt: skip
