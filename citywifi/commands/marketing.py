"""``citywifi marketing``: who asks residents whether they may write to them, and who said yes."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from captive_portal.information_rights.marketing import (
    LONGEST_NAME,
    LONGEST_TEXT,
    Channel,
    Controller,
    Recipient,
    Sender,
)
from captive_portal.languages import NAMES
from captive_portal.storage import marketing as storage
from captive_portal.storage.holds import find_venue
from captive_portal.storage.marketing import ListedOffer
from citywifi.commands.workplace import (
    AsJson,
    CouncilCode,
    perform,
    print_json,
    print_table,
    record,
    shown_time,
    write_private,
)
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.runtime import Runtime

app = typer.Typer(help="News for residents who said yes to them, apart from the WiFi.", no_args_is_help=True)

Version = Annotated[int, typer.Argument(metavar="VERSION", help="`citywifi marketing list` has it.")]
# A telephone number begins with one of these, too, and has to stay one.
_RUNS_IN_SPREADSHEETS: Final = ("=", "-", "@", "\t", "\r")


@app.command()
def offer(
    texts: Annotated[
        list[str],
        typer.Argument(help="The words beside the box, one for each language: 'en=Email me news about the libraries'."),
    ],
    controller: Annotated[Controller, typer.Option(help="Who writes to those who say yes, and answers for it.")],
    name: Annotated[str, typer.Option(help="Its name, as residents know it.")],
    channel: Annotated[Channel, typer.Option(help="How the news come.")] = Channel.EMAIL,
    venue: Annotated[str | None, typer.Option(help="Of a venue's own: its name or reference.")] = None,
    council: CouncilCode = None,
) -> None:
    """Ask residents, after they are online, whether they want news. Other words of one sender are a new version."""
    if (controller is Controller.VENUE) != (venue is not None):
        raise CommandError("--venue goes with --controller venue, and the other way round")
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        raise CommandError(f"a name has 1 to {LONGEST_NAME} characters")
    read = dict(_read(argument) for argument in texts)

    async def work(runtime: Runtime) -> int:
        found = await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            venue_id = None if venue is None else await find_venue(connection, found.id, venue)
            if venue is not None and venue_id is None:
                raise CommandError(f"{venue!r} is not the name or reference of one venue of {found.name}")
            sender = Sender(controller, name, venue_id, channel)
            version = await storage.publish_offer(connection, found.id, sender, read, datetime.now(UTC))
            detail = {"controller": controller.value, "channel": channel.value, "languages": sorted(read)}
            await record(connection, "offer news", f"version {version}", council_id=found.id, detail=detail)
        return version

    typer.echo(f"version {perform(work)} is asked in {', '.join(sorted(read))}")


@app.command("list")
def list_offers(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List who asks, and how many said yes."""
    found = perform(lambda runtime: _list(runtime, council))
    if as_json:
        print_json([_line(one) for one in found])
        return
    table = Table("Version", "Controller", "Name", "By", "Languages", "Said yes", "Asked", box=None, pad_edge=False)
    for one in found:
        asked = f"until {shown_time(one.closed_at)}" if one.closed_at else "yes"
        sender = one.sender
        table.add_row(
            str(one.version), sender.controller, sender.name, sender.channel, " ".join(one.languages),
            f"{one.consents:,}", asked,
        )  # fmt: skip
    print_table(table)


@app.command()
def close(version: Version, council: CouncilCode = None) -> None:
    """Ask nobody any more. Who said yes said it, and can take it back."""

    async def work(runtime: Runtime) -> None:
        found = await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            if not await storage.close_offer(connection, found.id, version, datetime.now(UTC)):
                raise CommandError(f"nobody is asked by version {version}; `citywifi marketing list` has those")
            await record(connection, "close an offer of news", f"version {version}", council_id=found.id)

    perform(work)
    typer.echo(f"version {version} is not asked any more")


@app.command()
def export(
    version: Version,
    output: Annotated[Path, typer.Option("--output", help="A new file, which only you can read.")],
    council: CouncilCode = None,
) -> None:
    """Write a table (CSV) of whom the sender of a version may write to now, whichever of its words they agreed to.

    It takes the place of any earlier one: who is not in it any more has taken their yes back, or is gone. Each line
    has the address that stops the news, which must be in every message (List-Unsubscribe, RFC 8058).
    """

    async def work(runtime: Runtime) -> tuple[bytes, int]:
        found = await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            sender = await storage.find_sender(connection, found.id, version)
            if sender is None:
                raise CommandError(f"there is no version {version}; `citywifi marketing list` has those")
            recipients = await storage.recipients(connection, runtime, found.id, sender)
            detail = {"recipients": len(recipients)}
            await record(
                connection, "export consents to news", f"version {version}", council_id=found.id, detail=detail
            )
        return _table(recipients, runtime.settings.portal.public_url.rstrip("/")), len(recipients)

    content, number = perform(work)
    write_private(output, content)
    typer.echo(f"wrote {number:,} to {output}; it takes the place of any earlier one")


def _read(argument: str) -> tuple[str, str]:
    language, _separator, text = argument.partition("=")
    if language not in NAMES:
        raise CommandError(f"{argument!r} does not begin with a language; write one of {', '.join(NAMES)}, then =")
    text = text.strip()
    if not (0 < len(text) <= LONGEST_TEXT and text.isprintable()):
        raise CommandError(f"the words beside a box are one line of 1 to {LONGEST_TEXT} characters")
    return language, text


def _table(recipients: list[Recipient], public_url: str) -> bytes:
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(("contact", "language", "agreed_to", "agreed_at", "stop_address"))
    for one in recipients:
        address = f"{public_url}/news/stop/{one.stop_token}"
        cells = (one.contact, one.language, one.text, one.given_at.isoformat(), address)
        writer.writerow(f"'{cell}" if cell.startswith(_RUNS_IN_SPREADSHEETS) else cell for cell in cells)
    return lines.getvalue().encode()


def _line(offer: ListedOffer) -> dict[str, object]:
    sender = offer.sender
    return {
        "version": offer.version,
        "controller": sender.controller,
        "name": sender.name,
        "channel": sender.channel,
        "languages": offer.languages,
        "consents": offer.consents,
        "published_at": offer.published_at,
        "closed_at": offer.closed_at,
    }


async def _list(runtime: Runtime, code: str | None) -> list[ListedOffer]:
    found = await find_council(runtime.database, code)
    async with runtime.database.read() as connection:
        return await storage.list_offers(connection, found.id)
