"""The residents that benchmarks make are those that the service would know."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import func, select

from bench.population import Population, fill
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import credentials, devices, residents


async def found(url: str, keyring: Keyring, population: Population, number: int) -> tuple[int, str, int]:
    """How many residents there are, the password of one by name, and the device of one by address."""
    pseudonym = keyring.device_pseudonym(1, population.address(number))
    database = Database(url)
    try:
        async with database.read() as connection:
            many = (await connection.execute(select(func.count()).select_from(residents))).scalar_one()
            password = select(credentials.c.password_encrypted).where(
                credentials.c.user_name == population.user_name(number)
            )
            sealed = (await connection.execute(password)).scalar_one()
            device = select(devices.c.resident_id).where(devices.c.mac_pseudonym == pseudonym)
            resident_id = (await connection.execute(device)).scalar_one()
    finally:
        await database.close()
    return many, keyring.decrypt("credential", sealed).decode(), resident_id


def test_each_resident_has_a_password_and_a_device(any_database_url: str, keyring: Keyring) -> None:
    population = Population.of(12)
    fill(any_database_url, keyring, population, "a shared secret")
    assert asyncio.run(found(any_database_url, keyring, population, 7)) == (12, population.password(7), 8)


def test_the_generator_and_freeradius_know_the_same_residents(tmp_path: Path) -> None:
    population = Population.of(2)
    users = population.write_users(tmp_path / "users").read_text().split()
    devices = population.write_devices(tmp_path / "devices").read_text().split()
    pairs = {(name, password) for _, name, _, _, password in population.radcheck()}
    assert pairs == set(zip(users[::2], users[1::2], strict=True)) | set(zip(devices[::2], devices[1::2], strict=True))
