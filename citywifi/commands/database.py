"""``citywifi database``: prepare an installation's database and key, and tell how they are."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from sqlalchemy import select

from citywifi import demo as demo_city
from citywifi.errors import CommandError
from foundation import migrations
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import installation
from foundation.settings import Settings, load_settings

app = typer.Typer(help="Prepare the database and the key, or see how they are.", no_args_is_help=True)


@app.command()
def prepare(
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill it with the demo city; everything in it is public.")
    ] = False,
) -> None:
    """Make or migrate the database, and make the key file if there is none. Safe to run again."""
    settings = load_settings(demo=True) if demo else load_settings()
    typer.echo(asyncio.run(prepare_installation(settings)))


@app.command()
def status() -> None:
    """Show which database is used and whether its schema is the newest."""
    settings = load_settings()
    typer.echo(asyncio.run(_status(settings)))


async def prepare_installation(settings: Settings) -> str:
    """Bring an installation to where its services can start; says in one sentence what it did.

    Raises CommandError where data and key do not belong together.
    """
    database = Database(settings.resolved_database_url)
    try:
        was = await migrations.state(database)
        facts = await _facts(database) if was.current else {}
        _refuse_mixture(settings, facts)
        keyring = _keyring(settings, facts)
        await migrations.upgrade(database)
        if "key_fingerprint" not in facts:
            await _begin(database, keyring, settings)
    finally:
        await database.close()
    if was.current is None:
        return f"made a new database: {database.description}"
    return f"migrated the database: {database.description}" if not was.is_newest else "the database was up to date"


def _refuse_mixture(settings: Settings, facts: dict[str, str]) -> None:
    holds_demo = facts.get("demo") == "true"
    if facts and holds_demo != settings.demo:
        what, other = ("the demo city", "another") if holds_demo else ("a real installation", "a new")
        raise CommandError(f"this database holds {what}; choose {other} one with CITYWIFI_DATABASE_URL")


def _keyring(settings: Settings, facts: dict[str, str]) -> Keyring:
    if settings.demo:
        return Keyring.demo()
    file = settings.resolved_key_file
    if not file.exists() and "key_fingerprint" in facts:
        raise CommandError(f"the key file {file} of this database is missing; restore it from your backup")
    return Keyring.load(file) if file.exists() else Keyring.create(file)


async def _begin(database: Database, keyring: Keyring, settings: Settings) -> None:
    if settings.demo:
        await demo_city.fill(database, keyring, settings.demo_network)
        demo_city.make_certificates(settings.certificates_directory)
        return
    async with database.write() as connection:
        await connection.execute(installation.insert().values(name="key_fingerprint", value=keyring.fingerprint))


async def _facts(database: Database) -> dict[str, str]:
    async with database.read() as connection:
        return {row.name: row.value for row in await connection.execute(select(installation))}


async def _status(settings: Settings) -> str:
    database = Database(settings.resolved_database_url)
    try:
        schema = await migrations.state(database)
    finally:
        await database.close()
    if schema.current is None:
        return f"{database.description} is empty; run `citywifi database prepare`"
    if not schema.is_newest:
        return (
            f"{database.description} has schema {schema.current}, the newest is {schema.newest}; "
            "run `citywifi database prepare`"
        )
    return f"{database.description} has the newest schema, {schema.current}"
