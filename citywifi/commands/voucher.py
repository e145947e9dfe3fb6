"""``citywifi voucher``: codes on paper, in batches, for people without email or mobile phone."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from captive_portal.ways_in.voucher_codes import Form
from citywifi.commands.policy import VenueReference
from citywifi.commands.workplace import (
    AsJson,
    CouncilCode,
    perform,
    print_json,
    print_table,
    shown_time,
    write_private,
)
from citywifi.errors import CommandError
from citywifi.policies import Where
from citywifi.policy_values import parse_duration, show_duration
from citywifi.revocations import revoke_batch
from citywifi.voucher_sheets import Sheet, load_printer, make_pdf
from citywifi.vouchers import (
    MOST_CODES,
    Made,
    NewBatch,
    list_batches,
    make_batch,
    read_codes,
    write_codes,
)
from foundation.runtime import Runtime

app = typer.Typer(help="Codes on paper: for people without email or mobile phone.", no_args_is_help=True)

NetworkName = Annotated[
    str, typer.Option("--network", metavar="SSID", help="The open network; the QR code then joins it.")
]
LargePrint = Annotated[bool, typer.Option("--large-print", help="Two cards on a page, in large letters.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What staff know the batch by, such as 'Front desk November'.")],
    sheet: Annotated[Path | None, typer.Option(metavar="FILE.pdf", help="Cards to print and cut.")] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="The codes, for printing again; only you can read it.")
    ] = None,
    number: Annotated[int, typer.Option(min=1, max=MOST_CODES, help="How many codes.")] = 30,
    form: Annotated[Form, typer.Option(help="What the codes are made of.")] = Form.WORDS,
    venue: VenueReference = None,
    devices: Annotated[int, typer.Option(min=1, max=1000, help="How many devices one code lets on.")] = 1,
    gives: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long a device is let on, such as 4h; without it: to the end."),
    ] = None,
    until: Annotated[
        str, typer.Option(metavar="DATE", help="Good until the end of this day, or so long, such as 30d.")
    ] = "30d",
    network: NetworkName = "",
    large_print: LargePrint = False,
    council: CouncilCode = None,
) -> None:
    """Make a batch of codes. They are kept as a keyed hash only: what is not written now is gone."""
    _check_files(sheet, file)
    seconds = None if gives is None else parse_duration(gives)
    asked = NewBatch(name, Where(council, venue), form, number, devices, seconds, until)

    async def work(runtime: Runtime) -> tuple[Made, Sheet]:
        made = await make_batch(runtime, asked)
        return made, _sheet(made, asked, network, runtime.settings.portal.public_url)

    made, described = perform(work)
    if file is not None:
        write_private(file, write_codes(made.codes))
    if sheet is not None:
        cards = [(code.form, code.text) for code in made.codes]
        write_private(sheet, make_pdf(replace(described, is_large=large_print), cards))
    typer.echo(f"made {len(made.codes)} codes, good until {described.until}; they are only in what was written now")


@app.command("list")
def list_them(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the batches; codes are never shown."""
    rows = perform(lambda runtime: list_batches(runtime, council))
    if as_json:
        print_json(rows)
        return
    table = Table("Batch", "At", "Form", "Codes", "Let on", "Gives", "Good until", box=None, pad_edge=False)
    for row in rows:
        gives = show_duration(row["access_seconds"]) if row["access_seconds"] else "to the end"
        until = "revoked" if row["revoked_at"] else shown_time(row["expires_at"])
        let_on = f"{row['devices_let_on']} of {row['codes'] * row['devices_per_code']}"
        table.add_row(row["name"], row["venue"] or "everywhere", row["form"], str(row["codes"]), let_on, gives, until)
    print_table(table)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The batch, as the list shows it.")], council: CouncilCode = None
) -> None:
    """End a batch: its codes let nobody on any more, and whoever they let on is put off."""
    for sentence in perform(lambda runtime: revoke_batch(runtime, name, council)).sentences:
        typer.echo(sentence)


@app.command("print")
def print_sheets(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="What `citywifi voucher create --file` wrote.")],
    sheet: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="Cards to print and cut.")],
    until: Annotated[str, typer.Option(metavar="WORDS", help="What the cards say of the end, such as '31 March'.")],
    gives: Annotated[str | None, typer.Option(metavar="TIME", help="How long a device is let on, such as 4h.")] = None,
    devices: Annotated[int, typer.Option(min=1, max=1000)] = 1,
    at: Annotated[str, typer.Option(metavar="WORDS", help="The place, as the cards say it.")] = "",
    network: NetworkName = "",
    large_print: LargePrint = False,
) -> None:
    """Print the codes of a file (again), such as in large print."""
    _check_files(sheet, None)
    codes = read_codes(file)

    async def work(runtime: Runtime) -> str:
        return runtime.settings.portal.public_url

    seconds = None if gives is None else parse_duration(gives)
    described = Sheet("the council", at, network, perform(work), until, _given(seconds), devices, large_print)
    write_private(sheet, make_pdf(described, codes))
    typer.echo(f"{len(codes)} cards are in {sheet}")


def _check_files(sheet: Path | None, file: Path | None) -> None:
    if sheet is None and file is None:
        raise CommandError("name a file for the codes, with --sheet or --file: they are kept nowhere else")
    for path in (sheet, file):
        if path is not None and path.exists():
            raise CommandError(f"there is already a {path}; give another place, or move it away")
        if path is not None and not os.access(path.parent, os.W_OK):
            raise CommandError(f"{path.parent} is no folder that you may write in; give another place")
    # Codes that were made and could not be written would be lost.
    if sheet is not None:
        load_printer()


def _sheet(made: Made, asked: NewBatch, network: str, portal_url: str) -> Sheet:
    last = made.expires_at.astimezone(made.zone) - timedelta(seconds=1)
    until = f"{last.day} {last:%B %Y}"
    place = made.venue_name
    return Sheet(made.council_name, place, network, portal_url, until, _given(asked.access_seconds), asked.devices)


def _given(seconds: int | None) -> str:
    if seconds is None:
        return ""
    hours, minutes = divmod(seconds // 60, 60)
    words = [f"{hours} hour{'s' * (hours != 1)}"] * bool(hours) + [f"{minutes} minute{'s' * (minutes != 1)}"] * bool(
        minutes
    )
    return f"You are online for {' '.join(words)}."
