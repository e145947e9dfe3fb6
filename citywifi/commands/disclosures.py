"""``citywifi disclosures``: the register of who asked for people's data, and what they got."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select

from captive_portal.storage import disclosures as storage
from captive_portal.storage.disclosures import DisclosureError, NewDisclosure, Outcome
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table, record, shown_time
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.runtime import Runtime
from foundation.schema import councils

_MOST_SHOWN = 10_000

app = typer.Typer(help="The register of disclosures: who asked for people's data.", no_args_is_help=True)


@app.command("list")
def list_them(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the register, the latest first. As JSON it has who authorised and what for, too."""
    lines = perform(lambda runtime: _list(runtime, council))
    if as_json:
        print_json(lines)
        return
    table = Table("Number", "Asked", "By", "Law", "Outcome", "Public", box=None, pad_edge=False)
    for line in lines:
        counted = "yes" if line["is_counted"] else "no"
        table.add_row(
            line["number"], shown_time(line["asked_at"]), line["asked_by"], line["statute"], line["outcome"], counted
        )
    print_table(table)


@app.command()
def add(
    asked_by: Annotated[str, typer.Option("--by", help="Which body asks, such as a police force; no person.")],
    authoriser: Annotated[str, typer.Option(help="Who authorised it there, by name or rank.")],
    statute: Annotated[str, typer.Option(help="Under which law: act and section, or the court's order.")],
    scope: Annotated[str, typer.Option(help="Which data, of which venues and times.")],
    asked: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day on which they asked; today if left out.")
    ] = None,
    secret: Annotated[
        bool, typer.Option("--secret", help="The law forbids to tell that they asked: not counted in public.")
    ] = False,
    council: CouncilCode = None,
) -> None:
    """Enter that somebody asks for people's data; prints the line's number."""

    async def work(runtime: Runtime) -> str:
        now = datetime.now(UTC)
        asked_at = now if asked is None else min(now, asked.replace(tzinfo=UTC) + timedelta(hours=12))
        if asked is not None and asked.date() > now.date():
            raise CommandError("the day on which they asked is still to come")
        council_id = (await find_council(runtime.database, council)).id
        new = NewDisclosure(council_id, asked_at, asked_by, statute, authoriser, scope, is_counted=not secret)
        async with runtime.database.write() as connection:
            number = await storage.add(connection, runtime, new)
            await record(connection, "enter a disclosure", number, council_id=council_id)
        return number

    try:
        typer.echo(perform(work))
    except DisclosureError as error:
        raise CommandError(str(error)) from None


@app.command()
def decide(
    number: Annotated[str, typer.Argument(help="The line's number, such as D26-7KQ4MX.")],
    outcome: Annotated[Outcome, typer.Argument(help="What they got.")],
) -> None:
    """Enter what they got, once."""

    async def work(runtime: Runtime) -> None:
        async with runtime.database.write() as connection:
            own = list((await connection.execute(select(councils.c.id))).scalars())
            council_id = await storage.decide(connection, own, number.strip().upper(), outcome, datetime.now(UTC))
            await record(
                connection, "decide a disclosure", number.upper(), council_id=council_id, detail={"outcome": outcome}
            )

    try:
        perform(work)
    except DisclosureError as error:
        raise CommandError(str(error)) from None
    typer.echo(f"{number.upper()}: {outcome}")


async def _list(runtime: Runtime, code: str | None) -> list[dict[str, Any]]:
    council_id = (await find_council(runtime.database, code)).id
    async with runtime.database.write() as connection:
        found = await storage.listed(connection, runtime.keyring, [council_id], _MOST_SHOWN)
        await record(connection, "read the register of disclosures", "register", council_id=council_id)
    names = ("number", "asked_at", "asked_by", "statute", "authoriser", "scope", "outcome", "decided_at", "is_counted")
    return [{name: getattr(one, name) for name in names} for one in found]
