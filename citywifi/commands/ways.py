"""``citywifi ways``: how residents get in, by council and venue; and how many texts a council pays for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.ways_in.ways import CHOICES, UnknownWayError, Way, read_ways, usable, ways_of, write_ways
from citywifi.commands.policy import VenueReference
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table, record
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from citywifi.policies import Found, Where, find_place
from foundation.runtime import Runtime
from foundation.schema import councils, venues
from foundation.text_budgets import month_of, segments_sent

app = typer.Typer(help="Ways in: what residents can choose at a venue, and texts.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class _Texts:
    council: str
    month: str
    sent: int
    limit: int
    # The council has no limit of its own.
    is_default: bool


@app.command("set")
def set_ways(
    names: Annotated[list[str], typer.Argument(metavar="WAY…", help=f"In their order: {', '.join(CHOICES)}.")],
    venue: VenueReference = None,
    council: CouncilCode = None,
) -> None:
    """Choose the ways in of a council, or of one of its venues."""
    try:
        ways = read_ways(names)
    except UnknownWayError as error:
        raise CommandError(str(error)) from None
    found, works = perform(lambda runtime: _set(runtime, Where(council, venue), ways))
    typer.echo(f"{found.words}: {', '.join(ways)}; in force at once")
    if not works:
        typer.echo("texts are not shown to anybody before a provider is set; see docs/ways_in.md")


@app.command()
def inherit(
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="Reference of a venue in its register, or its name.")],
    council: CouncilCode = None,
) -> None:
    """Let a venue offer what its council does."""
    found, _ = perform(lambda runtime: _set(runtime, Where(council, venue), None))
    typer.echo(f"{found.words} offers what {found.council.name} does; in force at once")


@app.command("list")
def list_ways(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List what a council offers, and the venues that offer something else."""
    rows = perform(lambda runtime: _list(runtime, council))
    if as_json:
        print_json(rows)
        return
    table = Table("At", "Ways in", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["venue"] or f"all of {row['council']}", ", ".join(row["ways"]))
    print_table(table)


@app.command()
def texts(
    a_month: Annotated[
        str | None, typer.Option("--limit", metavar="NUMBER", help="Pay for so many a month; or inherit.")
    ] = None,
    council: CouncilCode = None,
    as_json: AsJson = False,
) -> None:
    """Show how many texts a council sent this month, and how many it pays for; or change that."""
    limit = _read_limit(a_month)
    found = perform(lambda runtime: _texts(runtime, council, change=a_month is not None, limit=limit))
    if as_json:
        print_json({"month": found.month, "sent": found.sent, "limit": found.limit})
        return
    source = ", from the setting sms.texts_per_month" if found.is_default else ""
    typer.echo(f"{found.council} has sent {found.sent} of {found.limit} texts in {found.month}{source}")


def _read_limit(text: str | None) -> int | None:
    if text in (None, "inherit"):
        return None
    assert text is not None
    if not (text.isascii() and text.isdecimal() and int(text) <= 10_000_000):
        raise CommandError(f"{text!r} is no number of texts; write one such as 2000, or inherit")
    return int(text)


async def _set(runtime: Runtime, where: Where, ways: tuple[Way, ...] | None) -> tuple[Found, bool]:
    found = await find_place(runtime.database, where)
    venue_id = found.place.venue_id
    table, number = (councils, found.council.id) if venue_id is None else (venues, venue_id)
    written = None if ways is None else write_ways(ways)
    async with runtime.database.write() as connection:
        await connection.execute(update(table).where(table.c.id == number).values(ways_in=written))
        detail = {"ways": written or "as the council"}
        await record(connection, "set ways in", found.words, council_id=found.council.id, detail=detail)
    return found, ways is None or usable(ways, runtime.settings) == ways


async def _list(runtime: Runtime, code: str | None) -> list[dict[str, Any]]:
    chosen = await find_council(runtime.database, code)
    async with runtime.database.read() as connection:
        own = select(councils.c.ways_in).where(councils.c.id == chosen.id)
        council_ways = (await connection.execute(own)).scalar_one()
        differing = select(venues.c.name, venues.c.ways_in).where(
            venues.c.council_id == chosen.id, venues.c.ways_in.is_not(None)
        )
        rows = (await connection.execute(differing.order_by(venues.c.name))).all()
    everywhere = {"council": chosen.name, "venue": "", "ways": ways_of(None, council_ways)}
    return [
        everywhere,
        *({"council": chosen.name, "venue": row.name, "ways": ways_of(row.ways_in, None)} for row in rows),
    ]


async def _texts(runtime: Runtime, code: str | None, *, change: bool, limit: int | None) -> _Texts:
    chosen = await find_council(runtime.database, code)
    async with runtime.database.write() as connection:
        if change:
            row = update(councils).where(councils.c.id == chosen.id).values(texts_per_month=limit)
            await connection.execute(row)
            await record(connection, "set texts a month", chosen.code, council_id=chosen.id, detail={"texts": limit})
        return await _count(connection, runtime, chosen.id, chosen.name)


async def _count(connection: AsyncConnection, runtime: Runtime, council_id: int, name: str) -> _Texts:
    question = select(councils.c.time_zone, councils.c.texts_per_month).where(councils.c.id == council_id)
    row = (await connection.execute(question)).one()
    month = month_of(datetime.now(UTC), row.time_zone)
    limit = runtime.settings.sms.texts_per_month if row.texts_per_month is None else row.texts_per_month
    sent = await segments_sent(connection, council_id, month)
    return _Texts(name, month, sent, limit, row.texts_per_month is None)
