"""``citywifi council``: the councils that an installation serves."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from citywifi.errors import CommandError
from foundation.database import Database
from foundation.runtime import check_schema
from foundation.schema import audit_events, councils
from foundation.settings import load_settings

app = typer.Typer(help="The councils that this installation serves.", no_args_is_help=True)


@app.command()
def add(
    code: Annotated[str, typer.Argument(help="Government Statistical Service code, such as E08000026.")],
    name: Annotated[str, typer.Argument(help="What residents know it as, such as Coventry.")],
    time_zone: Annotated[str, typer.Option(help="Opening hours are in this zone.")] = "Europe/London",
) -> None:
    """Add a council: the controller of its residents' data."""
    if not re.fullmatch(r"[A-Z]\d{8}", code):
        raise CommandError(f"{code!r} is not a council's code; write a letter and eight digits, such as E08000026")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise CommandError(f"there is no time zone {time_zone!r}; write one such as Europe/London") from None
    asyncio.run(_add(code, name, time_zone))
    typer.echo(f"{name} was added; next: citywifi terms publish, citywifi import")


@app.command("list")
def list_councils() -> None:
    """List the councils."""
    for code, name in asyncio.run(_list()):
        typer.echo(f"{code}  {name}")


async def _add(code: str, name: str, time_zone: str) -> None:
    database = Database(load_settings().resolved_database_url)
    now = datetime.now(UTC)
    try:
        await check_schema(database)
        async with database.write() as connection:
            row = councils.insert().values(code=code, name=name, time_zone=time_zone, created_at=now)
            council_id = (await connection.execute(row.returning(councils.c.id))).scalar_one()
            event = {"council_id": council_id, "at": now, "actor": "command line", "action": "add council"}
            await connection.execute(audit_events.insert().values(**event, subject=code))
    except IntegrityError:
        raise CommandError(f"there is already a council {code}") from None
    finally:
        await database.close()


async def _list() -> list[tuple[str, str]]:
    database = Database(load_settings().resolved_database_url)
    try:
        await check_schema(database)
        async with database.read() as connection:
            rows = await connection.execute(select(councils.c.code, councils.c.name).order_by(councils.c.name))
            return [(row.code, row.name) for row in rows]
    finally:
        await database.close()
