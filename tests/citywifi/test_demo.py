from __future__ import annotations

from ipaddress import IPv4Network

from sqlalchemy import func, select

from citywifi import demo
from citywifi.demo_city import load_demo_city
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import access_points, network_access_servers, terms_versions, venues, wards

NETWORK = IPv4Network("127.10.0.0/24")


async def test_the_demo_city_has_every_library_with_a_gateway_and_an_access_point(any_database: Database) -> None:
    keyring = Keyring.demo()
    await demo.fill(any_database, keyring, NETWORK)
    city = load_demo_city()
    async with any_database.read() as connection:
        counts = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (venues, wards, network_access_servers, access_points, terms_versions)
        ]
        placed = await connection.execute(
            select(func.count()).where(venues.c.ward_id.is_not(None), venues.c.small_area_id.is_not(None))
        )
        secrets = (await connection.execute(select(network_access_servers.c.secret_encrypted))).scalars().all()
    libraries = len(city.libraries)
    assert counts == [libraries, len(city.wards), libraries + 1, libraries + 1, 2]
    assert placed.scalar_one() == libraries
    assert {keyring.decrypt("nas secret", secret) for secret in secrets} == {b"testing123"}


def test_each_gateway_has_an_address_and_a_name_of_its_own() -> None:
    gateways = demo.demo_gateways(load_demo_city(), NETWORK)
    assert len({gateway.address for gateway in gateways}) == len(gateways)
    assert len({gateway.nas_identifier for gateway in gateways}) == len(gateways)
    assert len({gateway.access_point_mac for gateway in gateways}) == len(gateways)
    assert all(gateway.address.startswith("127.") for gateway in gateways)
