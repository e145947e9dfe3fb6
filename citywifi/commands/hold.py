"""``citywifi hold``: what may not be deleted for a case."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from sqlalchemy import select

from captive_portal.information_rights.holds import (
    HeldDevice,
    HeldResident,
    HeldVenue,
    HoldError,
    Order,
    Subject,
    end_problems,
    problems,
)
from captive_portal.storage import holds as storage
from captive_portal.storage.holds import ListedHold
from captive_portal.ways_in.contacts import read_contact
from citywifi.commands.workplace import (
    AsJson,
    CouncilCode,
    perform,
    print_json,
    print_table,
    read_secret_line,
    record,
    shown_time,
    write_private,
)
from citywifi.errors import CommandError
from citywifi.imports.store import Council, find_council
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.runtime import Runtime
from foundation.schema import councils

app = typer.Typer(help="What may not be deleted for a case.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="HOLD", help="Its number; `citywifi hold list` has it.")]
Day = Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="The day on which it ends by itself.")]
_MOMENTS = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]


@app.command("list")
def list_holds(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the holds, ended ones too."""
    found = perform(lambda runtime: _list(runtime, council))
    now = datetime.now(UTC)
    lines = [{**_line(one), "is_active": one.is_active(now)} for one in found]
    if as_json:
        print_json(lines)
        return
    table = Table("Hold", "Case", "About", "Placed", "Ends", "", box=None, pad_edge=False)
    for one in found:
        state = "" if one.is_active(now) else "ended"
        about = one.venue or one.kind
        table.add_row(str(one.id), one.case_number, about, shown_time(one.placed_at), shown_time(one.expires_at), state)
    print_table(table)


@app.command()
def place(
    case: Annotated[str, typer.Option(help="The case's number.")],
    authoriser: Annotated[str, typer.Option(help="Who authorised it, by office.")],
    reason: Annotated[str, typer.Option(help="What the data are needed for; nobody's name.")],
    until: Day,
    resident: Annotated[
        bool, typer.Option("--resident", help="Hold a resident, whose contact is read from standard input.")
    ] = False,
    device: Annotated[
        bool, typer.Option("--device", help="Hold a device, whose address is read from standard input.")
    ] = False,
    venue: Annotated[str | None, typer.Option(help="Hold everybody at this venue, by name or reference.")] = None,
    begin: Annotated[
        datetime | None, typer.Option("--from", formats=_MOMENTS, help="Of a venue: from when, by its clock.")
    ] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=_MOMENTS, help="Of a venue: to when.")] = None,
    council: CouncilCode = None,
) -> None:
    """Keep a resident's or a device's data, or those of a venue's time, for a case; prints the hold's number."""
    if sum((resident, device, venue is not None)) != 1:
        raise CommandError("say one of --resident, --device and --venue")
    typed = read_secret_line("contact" if resident else "address") if resident or device else ""

    async def work(runtime: Runtime) -> int:
        found = await find_council(runtime.database, council)
        zone, now = await _zone(runtime, found), datetime.now(UTC)
        if venue is None:
            subject = _read_subject(runtime, typed, is_resident=resident)
        else:
            subject = await _venue(runtime, found, venue, _moment(begin, zone), _moment(end, zone))
        order = Order(case, authoriser, reason, until.replace(tzinfo=zone).astimezone(UTC))
        for _field, problem in problems(order, subject, now):
            raise CommandError(problem)
        async with runtime.database.write() as connection:
            number = await storage.place(connection, runtime, found.id, order, subject, now)
            detail = {"case": case, "until": order.expires_at.isoformat()}
            await record(connection, "place a hold", f"hold {number}", council_id=found.id, detail=detail)
        return number

    try:
        typer.echo(f"hold {perform(work)}")
    except HoldError as error:
        raise CommandError(str(error)) from None


@app.command()
def end(number: Number) -> None:
    """End a hold now. What it kept is deleted by the next run of the retention job."""
    perform(lambda runtime: _move_end(runtime, number, None))
    typer.echo(f"hold {number} has ended")


@app.command()
def prolong(number: Number, until: Day) -> None:
    """Let a hold end on another day."""
    moment = perform(lambda runtime: _move_end(runtime, number, until))
    typer.echo(f"hold {number} ends {shown_time(moment)} UTC")


@app.command()
def export(
    number: Number, output: Annotated[Path, typer.Option("--output", help="A new file, which only you can read.")]
) -> None:
    """Write all that is held to a file, for the case: with contacts and addresses in the clear."""

    async def work(runtime: Runtime) -> bytes:
        hold = await _find(runtime, number)
        async with runtime.database.write() as connection:
            rows, records = await storage.contents(connection, runtime, number, datetime.now(UTC))
            detail = {table: len(found) for table, found in rows.items()}
            await record(
                connection, "take out what is held", f"hold {number}", council_id=hold.council_id, detail=detail
            )
        saved = {"case": hold.case_number, "rows": rows, "deleted meanwhile": records}
        return json.dumps(saved, indent=2, ensure_ascii=False).encode() + b"\n"

    write_private(output, perform(work))
    typer.echo(f"wrote {output}")


def _line(hold: ListedHold) -> dict[str, Any]:
    names = (
        "id", "case_number", "authoriser", "reason", "kind", "venue", "held_from", "held_until", "placed_at",
        "expires_at", "records",
    )  # fmt: skip
    return {name: getattr(hold, name) for name in names}


def _read_subject(runtime: Runtime, typed: str, *, is_resident: bool) -> Subject:
    if is_resident:
        contact = read_contact(typed, runtime.settings)
        if contact is None:
            raise CommandError("that is no email address, and no mobile number that texts can be sent to")
        return HeldResident(contact)
    try:
        return HeldDevice(MacAddress.parse(typed))
    except NotAMacAddressError:
        raise CommandError("that is no address of a device; one is written like 00-00-5E-00-53-01") from None


async def _venue(
    runtime: Runtime, council: Council, venue: str, begin: datetime | None, end: datetime | None
) -> HeldVenue:
    if begin is None or end is None:
        raise CommandError("say from when to when: --from '2026-11-20 14:30' --to '2026-11-20 16:00'")
    async with runtime.database.read() as connection:
        venue_id = await storage.find_venue(connection, council.id, venue)
    if venue_id is None:
        raise CommandError(f"{venue!r} is not the name or reference of one venue of {council.name}")
    return HeldVenue(venue_id, begin, end)


def _moment(typed: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if typed is None else typed.replace(tzinfo=zone).astimezone(UTC)


async def _zone(runtime: Runtime, council: Council) -> ZoneInfo:
    question = select(councils.c.time_zone).where(councils.c.id == council.id)
    async with runtime.database.read() as connection:
        return ZoneInfo((await connection.execute(question)).scalar_one())


async def _list(runtime: Runtime, code: str | None) -> list[ListedHold]:
    found = await find_council(runtime.database, code)
    async with runtime.database.read() as connection:
        return await storage.list_holds(connection, [found.id])


async def _find(runtime: Runtime, number: int) -> ListedHold:
    async with runtime.database.read() as connection:
        own = (await connection.execute(select(councils.c.id))).scalars().all()
        hold = await storage.find_hold(connection, own, number)
    if hold is None or not hold.is_active(datetime.now(UTC)):
        raise CommandError(f"there is no hold {number} that lasts; `citywifi hold list` has them")
    return hold


async def _move_end(runtime: Runtime, number: int, until: datetime | None) -> datetime:
    hold, now = await _find(runtime, number), datetime.now(UTC)
    moment = now if until is None else until.replace(tzinfo=ZoneInfo(hold.time_zone)).astimezone(UTC)
    if until is not None:
        for _field, problem in end_problems(moment, now):
            raise CommandError(problem)
    async with runtime.database.write() as connection:
        await storage.move_end(connection, number, moment)
        action, detail = "end a hold" if until is None else "prolong a hold", {"until": moment.isoformat()}
        await record(connection, action, f"hold {number}", council_id=hold.council_id, detail=detail)
    return moment
