"""``citywifi nas access-point``: what phones see, and at which venue it stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select

from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table, record, shown_time
from citywifi.equipment import add_access_point, find_nas, find_venue, remove_access_point
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.runtime import Runtime
from foundation.schema import access_points, is_in_service, network_access_servers, venues

app = typer.Typer(help="Access points: what phones see, and where it stands.", no_args_is_help=True)

Mac = Annotated[str, typer.Argument(metavar="MAC", help="Its address as in Called-Station-Id, in any spelling.")]


@app.command()
def add(
    nas: Annotated[str, typer.Argument(metavar="NAS", help="Network, name or RadSec name of what it is behind.")],
    mac: Mac,
    name: Annotated[str, typer.Argument(help="What it is called here, such as Central Library, first floor.")],
    venue: Annotated[
        str | None, typer.Option(metavar="REFERENCE", help="Where it stands; the NAS's venue if not given.")
    ] = None,
    council: CouncilCode = None,
) -> None:
    """Add an access point, or move one here whose network access server was removed."""
    address = _parse(mac)
    if not 0 < len(name.strip()) <= 200:
        raise CommandError("an access point's name has 1 to 200 characters")

    async def work(runtime: Runtime) -> bool:
        async with runtime.database.write() as connection:
            server = await find_nas(connection, nas, council)
            if server.network is None and server.radsec_name is None:
                raise CommandError(f"{server.name!r} was removed; add the access point to one in service")
            venue_id = await find_venue(connection, server.council_id, venue) if venue else server.venue_id
            values = {
                "council_id": server.council_id, "nas_id": server.id, "venue_id": venue_id, "name": name.strip(),
                "mac_address": address, "created_at": datetime.now(UTC),
            }  # fmt: skip
            moved = await add_access_point(connection, values)
            await record(connection, "add access point", address, council_id=server.council_id)
            return moved

    moved = perform(work)
    typer.echo(f"{'moved' if moved else 'added'} {name.strip()}; the RADIUS server knows it within a second")


@app.command("list")
def list_access_points(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the access points of network access servers in service."""
    rows = perform(lambda runtime: _list(runtime, council))
    if as_json:
        print_json(rows)
        return
    table = Table("MAC", "Name", "NAS", "Venue", "Last heard", box=None, pad_edge=False)
    for row in rows:
        last = shown_time(row["last_heard_at"])
        table.add_row(row["mac_address"], row["name"], row["nas"], row["venue"] or "–", last)
    print_table(table)


@app.command()
def remove(mac: Mac, council: CouncilCode = None) -> None:
    """Remove an access point; its sessions stay, with the venue that they were at."""
    address = _parse(mac)

    async def work(runtime: Runtime) -> str:
        chosen = await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            mine = (access_points.c.council_id == chosen.id) & (access_points.c.mac_address == address)
            row = (await connection.execute(select(access_points).where(mine))).one_or_none()
            if row is None:
                raise CommandError(f"there is no access point {mac!r}; see: citywifi nas access-point list")
            await remove_access_point(connection, row.id)
            await record(connection, "remove access point", address, council_id=chosen.id)
            return str(row.name)

    typer.echo(f"removed {perform(work)}; its sessions stay, with their venue")


def _parse(text: str) -> str:
    try:
        return MacAddress.parse(text.strip()).format("", upper=False)
    except NotAMacAddressError as error:
        raise CommandError(f"{text!r}: {error}") from None


async def _list(runtime: Runtime, council: str | None) -> list[dict[str, Any]]:
    table = access_points.c
    question = (
        select(
            table.mac_address, table.name, network_access_servers.c.name.label("nas"), venues.c.name.label("venue"),
            table.last_heard_at,
        )
        .join_from(access_points, network_access_servers, table.nas_id == network_access_servers.c.id)
        .outerjoin(venues, table.venue_id == venues.c.id)
        .where(is_in_service())
        .order_by(network_access_servers.c.name, table.name)
    )  # fmt: skip
    if council is not None:
        chosen = await find_council(runtime.database, council)
        question = question.where(table.council_id == chosen.id)
    async with runtime.database.read() as connection:
        rows = (await connection.execute(question)).mappings().all()
    return [{**row, "mac_address": str(MacAddress.parse(row["mac_address"]))} for row in rows]
