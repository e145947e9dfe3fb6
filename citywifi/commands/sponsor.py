"""``citywifi sponsor``: hostels, schools and clubs that vouch for so many devices until a day."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from citywifi.commands.policy import VenueReference
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table, shown_time
from citywifi.errors import CommandError
from citywifi.policies import Where
from citywifi.revocations import revoke_sponsor
from citywifi.vouchers import NewSponsor, list_sponsors, make_sponsor

app = typer.Typer(help="Sponsors: one code for the people of a hostel, school or club.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The hostel, school or club.")],
    group: Annotated[str, typer.Option(metavar="GROUP", help="Whose policy its people come under.")],
    devices: Annotated[int, typer.Option(min=1, max=10_000, help="How many devices it may let on.")] = 30,
    until: Annotated[
        str, typer.Option(metavar="DATE", help="To the end of this day, or so long, such as 90d.")
    ] = "90d",
    venue: VenueReference = None,
    council: CouncilCode = None,
) -> None:
    """Add a sponsor and show its code, once."""
    if not group.strip():
        raise CommandError("name a group, such as hostel-north; its limits are set with: citywifi policy set --group")
    made = perform(
        lambda runtime: make_sponsor(runtime, NewSponsor(name, Where(council, venue), group, devices, until))
    )
    (code,) = made.codes
    typer.echo(code.text)
    typer.echo("give this code to the sponsor now: it is kept as a keyed hash only", err=True)


@app.command("list")
def list_them(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the sponsors; who is in is told by number only."""
    rows = perform(lambda runtime: list_sponsors(runtime, council))
    if as_json:
        print_json(rows)
        return
    table = Table("Sponsor", "At", "Group", "Devices", "Until", box=None, pad_edge=False)
    for row in rows:
        until = "revoked" if row["revoked_at"] else shown_time(row["expires_at"])
        inside = f"{row['devices']} of {row['most_devices']}"
        table.add_row(row["name"], row["venue"] or "everywhere", row["group_name"], inside, until)
    print_table(table)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The sponsor, as the list shows it.")], council: CouncilCode = None
) -> None:
    """End a sponsor: its code lets nobody on any more, and the devices in its group are put off."""
    for sentence in perform(lambda runtime: revoke_sponsor(runtime, name, council)).sentences:
        typer.echo(sentence)
