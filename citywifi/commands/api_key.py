"""``citywifi api-key``: which programs of a council may use the open API, what for, and how often."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from sqlalchemy import select

from captive_portal.storage import api_keys
from captive_portal.storage.api_keys import MOST_A_MINUTE, SCOPES, KeyNotMadeError, NewKey, Scope
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table, record, shown_time
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from citywifi.vouchers import read_until
from foundation.runtime import Runtime
from foundation.schema import councils

app = typer.Typer(help="Keys of the open API: programs of a council, and what they may do.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The program that has it, such as 'library desk'.")]
Scopes = Annotated[
    list[Scope],
    typer.Option("--scope", help="; ".join(f"{scope}: {SCOPES[scope]}" for scope in Scope) + ". May be given again."),
]


@app.command()
def add(
    name: Name,
    scope: Scopes,
    council: CouncilCode = None,
    rate: Annotated[int, typer.Option(min=1, max=MOST_A_MINUTE, help="How many requests in a minute.")] = 60,
    until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Good until the end of this day, or so long, such as 90d."),
    ] = None,
) -> None:
    """Make a key for a program and show it, once."""

    async def work(runtime: Runtime) -> str:
        now, owner = datetime.now(UTC), await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            zone_of = select(councils.c.time_zone).where(councils.c.id == owner.id)
            zone = ZoneInfo((await connection.execute(zone_of)).scalar_one())
            expires_at = None if until is None else read_until(until, zone, now)
            new = NewKey(owner.id, name, scope, rate, expires_at)
            try:
                text = await api_keys.add(connection, runtime.database, runtime.keyring, new, now)
            except KeyNotMadeError as error:
                raise CommandError(str(error)) from None
            detail = {"scopes": sorted(set(scope)), "requests_per_minute": rate}
            await record(connection, "add api key", name.strip(), council_id=owner.id, detail=detail)
        return text

    typer.echo(perform(work))
    typer.echo("give this key to the program now: it is kept as a keyed hash only", err=True)


@app.command("list")
def list_keys(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the keys of a council, what they may do, and when they were last used."""
    rows = perform(lambda runtime: _list(runtime, council))
    if as_json:
        print_json(rows)
        return
    table = Table("Program", "Scopes", "A minute", "Last used", "Until", box=None, pad_edge=False)
    for row in rows:
        end = "revoked" if row["revoked_at"] else shown_time(row["expires_at"])
        scopes = ", ".join(row["scopes"])
        table.add_row(row["name"], scopes, str(row["requests_per_minute"]), shown_time(row["used_at"]), end)
    print_table(table)


@app.command()
def revoke(name: Name, council: CouncilCode = None) -> None:
    """Let a key open nothing any more, from now on."""

    async def work(runtime: Runtime) -> None:
        owner = await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            known = {key.name: key.id for _, key in await api_keys.of_councils(connection, [owner.id])}
            if name.strip() not in known:
                raise CommandError(f"there is no key named {name.strip()}; see `citywifi api-key list`")
            if await api_keys.revoke(connection, owner.id, known[name.strip()], datetime.now(UTC)):
                await record(connection, "revoke api key", name.strip(), council_id=owner.id)

    perform(work)
    typer.echo(f"the key of {name.strip()} opens nothing any more")


async def _list(runtime: Runtime, council: str | None) -> list[dict[str, Any]]:
    owner = await find_council(runtime.database, council)
    async with runtime.database.read() as connection:
        found = await api_keys.of_councils(connection, [owner.id])
    return [
        {
            "name": key.name,
            "scopes": sorted(key.scopes),
            "requests_per_minute": key.requests_per_minute,
            "created_at": key.created_at,
            "used_at": key.used_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
        }
        for _, key in found
    ]
