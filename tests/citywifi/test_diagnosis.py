from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from citywifi import demo
from citywifi.diagnosis import Finding, examine
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import councils, network_access_servers
from foundation.settings import MonitoringSettings, PortalSettings, RadiusSettings, Settings
from foundation.staff import Role
from tests.radius.support import build_city
from tests.support.staff import add_staff
from tools.free_ports import free_ports


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str, keyring: Keyring) -> Settings:
    Keyring.create(tmp_path / "keys" / "citywifi.key")
    return Settings(
        data_directory=tmp_path, database_url=SecretStr(sqlite_url), key_file=tmp_path / "keys" / "citywifi.key"
    )


def problems(findings: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.remedy for finding in findings if finding.level == "problem"}


async def test_the_demo_city_has_no_problem(any_database: Database, any_database_url: str, tmp_path: Path) -> None:
    await demo.fill(any_database, Keyring.demo(), Settings().demo_network)
    found = await examine(Settings(demo=True, database_url=SecretStr(any_database_url), data_directory=tmp_path))
    assert problems([finding for finding in found if finding.check != "ports"]) == {}


async def test_a_fresh_installation_is_told_what_comes_next(settings: Settings) -> None:
    found = problems(await examine(settings))
    assert found["councils"] == "run: citywifi council add CODE NAME"
    assert "equipment" in found


async def test_a_council_without_terms_and_a_nas_without_access_points_are_found(
    settings: Settings, database: Database, council_id: int
) -> None:
    now = datetime.now(UTC)
    async with database.write() as connection:
        await connection.execute(
            network_access_servers.insert().values(
                council_id=council_id,
                name="Leith",
                network="192.0.2.1/32",
                vendor="coovachilli",
                nas_identifier="leith",
                secret_encrypted=Keyring.load(settings.resolved_key_file).encrypt("nas secret", b"a long random one"),
                created_at=now,
                updated_at=now,
            )
        )
    findings = await examine(settings)
    assert problems(findings)["terms"] == "run: citywifi terms publish en=FILE"
    told = [finding.finding for finding in findings if finding.check == "equipment"]
    assert told == [
        "the network access server 'Leith' has no access points",
        "the gateway 'Leith' has no portal secret or no login address",
    ]


async def test_a_council_for_which_nobody_works_is_told(
    settings: Settings, database: Database, keyring: Keyring, council_id: int
) -> None:
    def told(findings: list[Finding]) -> list[str]:
        return [finding.remedy for finding in findings if finding.check == "staff"]

    assert told(await examine(settings)) == [
        "run: citywifi staff add NAME --role engineer",
        "run: citywifi staff add NAME --role manager",
    ]
    await add_staff(database, keyring, "town-hall", [council_id], Role.ENGINEER, Role.MANAGER)
    assert told(await examine(settings)) == []


async def test_a_database_with_an_old_schema_is_found(tmp_path: Path, settings: Settings) -> None:
    empty = settings.model_copy(update={"database_url": settings.database_url.__class__(f"sqlite:///{tmp_path / 'e'}")})
    assert problems(await examine(empty))["migrations"] == "run: citywifi database prepare"


async def test_a_database_that_does_not_answer_is_found(tmp_path: Path) -> None:
    away = Settings(database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"), data_directory=tmp_path)
    assert "database" in problems(await examine(away))


async def test_a_missing_key_is_found(settings: Settings) -> None:
    settings.resolved_key_file.unlink()
    assert "key" in problems(await examine(settings))


async def test_a_port_that_somebody_else_has_is_found(settings: Settings) -> None:
    portal, console, metrics, authentication, accounting = free_ports(5)
    settings = settings.model_copy(
        update={
            "portal": PortalSettings(port=portal),
            "monitoring": MonitoringSettings(port=console, metrics_port=metrics),
            "radius": RadiusSettings(authentication_port=authentication, accounting_port=accounting),
        }
    )
    assert "ports" not in problems(await examine(settings))
    with socket.socket() as other:
        other.bind(("127.0.0.1", portal))
        other.listen()
        found = await examine(settings)
    assert "ports" in problems(found)


async def test_every_problem_says_what_to_do(settings: Settings, database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(councils.insert().values(code="E1", name="x", created_at=datetime.now(UTC)))
    assert all(finding.remedy for finding in await examine(settings) if finding.level == "problem")


async def test_equipment_that_need_not_send_message_authenticator_is_named(
    settings: Settings, database: Database, keyring: Keyring
) -> None:
    await build_city(database, keyring)
    assert not [finding for finding in await examine(settings) if "Message-Authenticator" in finding.finding]
    async with database.write() as connection:
        await connection.execute(network_access_servers.update().values(message_authenticator="auto"))
    (found,) = [finding for finding in await examine(settings) if "Message-Authenticator" in finding.finding]
    assert "gateway 127.0.0.1/32" in found.finding
