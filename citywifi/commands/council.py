"""``citywifi council``: the councils that an installation serves."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from citywifi.commands.workplace import perform, record
from citywifi.errors import CommandError
from foundation.runtime import Runtime
from foundation.schema import councils

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
    perform(lambda runtime: _add(runtime, code, name, time_zone))
    typer.echo(f"{name} was added; next: citywifi terms publish, citywifi import")


@app.command("list")
def list_councils() -> None:
    """List the councils."""
    for code, name in perform(_list):
        typer.echo(f"{code}  {name}")


async def _add(runtime: Runtime, code: str, name: str, time_zone: str) -> None:
    try:
        async with runtime.database.write() as connection:
            row = councils.insert().values(code=code, name=name, time_zone=time_zone, created_at=datetime.now(UTC))
            council_id = (await connection.execute(row.returning(councils.c.id))).scalar_one()
            await record(connection, "add council", code, council_id=council_id)
    except IntegrityError:
        raise CommandError(f"there is already a council {code}") from None


async def _list(runtime: Runtime) -> list[tuple[str, str]]:
    async with runtime.database.read() as connection:
        rows = await connection.execute(select(councils.c.code, councils.c.name).order_by(councils.c.name))
        return [(row.code, row.name) for row in rows]
