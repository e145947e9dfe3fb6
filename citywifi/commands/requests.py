"""``citywifi requests``: complaints and other requests about data, and what is due when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.information_rights import steps
from captive_portal.information_rights.requests import TOLD, Happened, InformationRequest, Kind, Outcome, RequestError
from captive_portal.information_rights.steps import Step
from captive_portal.storage import information_requests as storage
from captive_portal.storage.information_requests import NewRequest
from captive_portal.ways_in.contacts import read_contact
from citywifi.commands.workplace import (
    AsJson,
    CouncilCode,
    perform,
    print_json,
    print_table,
    record,
    shown_time,
)
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.runtime import Runtime

_MOST_SHOWN = 1000

app = typer.Typer(help="Complaints and other requests about data.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The request's number, such as 26-7KQ4MX.")]
Text = Annotated[str, typer.Option("--text", help="What who asked reads on the page of the request.")]


@app.command("list")
def list_them(
    closed: Annotated[bool, typer.Option("--closed", help="Those that are closed, the latest first.")] = False,
    council: CouncilCode = None,
    as_json: AsJson = False,
) -> None:
    """List open requests, what is due first at the top; never who asked, nor what was written."""
    rows = perform(lambda runtime: _list(runtime, council, closed=closed))
    if as_json:
        print_json(rows)
        return
    table = Table("Number", "What", "Received", "Waits for", "Due before", "Ended", box=None, pad_edge=False)
    for row in rows:
        ended = f"{row['outcome']}, {shown_time(row['closed_at'])}" if row["closed_at"] else "–"
        table.add_row(
            row["number"], row["kind"], shown_time(row["received_at"]), row["waits_for"] or "the council",
            shown_time(row["due_at"]), ended,
        )  # fmt: skip
    print_table(table)


@app.command()
def show(
    number: Number,
    texts: Annotated[bool, typer.Option("--texts", help="Also the contact, and what was written; recorded.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a request, how its clock stands, and what happened to it."""
    found = perform(lambda runtime: _show(runtime, number, texts=texts))
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        if name != "events":
            shown = shown_time(value) if isinstance(value, datetime) else value
            typer.echo(f"{name.replace('_', ' ')}: {'–' if value is None else shown}")
    for event in found["events"]:
        typer.echo(f"{shown_time(event['at'])}  {event['kind']}, by the {event['actor']}")
        if "text" in event:
            typer.echo("".join(f"    {line}\n" for line in event["text"].splitlines()), nl=False)


@app.command()
def add(
    kind: Annotated[Kind, typer.Argument(help="What is asked for.")],
    received: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day on which it came; today if left out.")
    ] = None,
    contact: Annotated[str, typer.Option(help="Their email address or mobile number, if they gave one.")] = "",
    text: Annotated[str, typer.Option(help="What it is about.")] = "",
    council: CouncilCode = None,
) -> None:
    """Enter a request that came by letter, by telephone or at a desk."""
    number = perform(lambda runtime: _add(runtime, kind, received, contact, text, council))
    typer.echo(number)


@app.command()
def acknowledge(number: Number) -> None:
    """Tell who complained that it came; the law gives 30 days."""
    _step(number, Step(Happened.ACKNOWLEDGED))


@app.command()
def identified(number: Number, text: Annotated[str, typer.Option("--text", help="How, such as: at the desk.")]) -> None:
    """Identity was proved in another way than by a code; the month begins today."""
    _step(number, Step(Happened.IDENTITY_PROVED, text))


@app.command()
def ask(number: Number, text: Text) -> None:
    """Ask what a subject access request means; its clock stands until they answer."""
    _step(number, Step(Happened.CLARIFICATION_ASKED, text))


@app.command("go-on")
def go_on(number: Number, text: Annotated[str, typer.Option("--text", help="What they said.")]) -> None:
    """They have answered in another way than on the page; the clock goes on."""
    _step(number, Step(Happened.CLARIFIED, text))


@app.command()
def extend(number: Number, text: Text) -> None:
    """Take two months more, with the reason; within the first month only."""
    _step(number, Step(Happened.EXTENDED, text))


@app.command()
def write(number: Number, text: Text) -> None:
    """Write to who asked: how it goes, if it takes long."""
    _step(number, Step(Happened.WRITTEN, text))


@app.command()
def answer(
    number: Number,
    outcome: Annotated[Outcome, typer.Argument(help="How it ends.")],
    text: Text,
    give_data: Annotated[
        bool, typer.Option("--give-data", help="Let them load all that is kept under their contact, after a code.")
    ] = False,
    erase: Annotated[
        bool, typer.Option("--erase", help="Delete everything that is kept under their contact now, but the request.")
    ] = False,
) -> None:
    """Answer a request, and close it."""
    _step(number, Step(Happened.ANSWERED, text, outcome, give_data, erase))


def _step(number: str, step: Step) -> None:
    async def work(runtime: Runtime) -> tuple[InformationRequest, str | None]:
        async with runtime.database.write() as connection:
            before = await _find(connection, runtime, number, for_update=True)
            taken = await steps.take(connection, runtime, before, step, datetime.now(UTC))
            detail = {"outcome": step.outcome, "erased": step.erases} if step.happened is Happened.ANSWERED else None
            action = f"{step.happened} (request)"
            await record(connection, action, before.number, council_id=before.council_id, detail=detail)
        return taken.after, await steps.finish(runtime, taken)

    try:
        after, problem = perform(work)
    except RequestError as error:
        raise CommandError(str(error)) from None
    due_at = after.due_at()
    clock = (
        "closed" if after.closed_at else "the clock stands" if due_at is None else f"due before {shown_time(due_at)}"
    )
    typer.echo(f"{after.number}: {clock}")
    if step.happened in TOLD and problem is not None:
        typer.echo(f"nothing was sent to who asked: {problem}; tell them in another way", err=True)


async def _find(
    connection: AsyncConnection, runtime: Runtime, number: str, *, for_update: bool = False
) -> InformationRequest:
    found = await storage.load(connection, runtime, number.strip().upper(), for_update=for_update)
    if found is None:
        raise CommandError(f"there is no request {number}; `citywifi requests list` shows which there are")
    return found


async def _list(runtime: Runtime, code: str | None, *, closed: bool) -> list[dict[str, Any]]:
    council_id = (await find_council(runtime.database, code)).id
    async with runtime.database.read() as connection:
        found = await storage.listed(connection, [council_id], _MOST_SHOWN, closed=closed)
    names = ("number", "kind", "received_at", "waits_for", "due_at", "closed_at", "outcome")
    return [{name: getattr(one, name) for name in names} for one in found]


async def _show(runtime: Runtime, number: str, *, texts: bool) -> dict[str, Any]:
    async with runtime.database.write() as connection:
        asked = await _find(connection, runtime, number)
        happened = await storage.events(connection, runtime.keyring, asked.id)
        if texts:
            await record(connection, "read a request", asked.number, council_id=asked.council_id)
    events = [{"at": one.at, "kind": one.kind, "actor": one.actor} for one in happened]
    if texts:
        events = [{**event, "text": one.text} for event, one in zip(events, happened, strict=True)]
    return {
        "number": asked.number,
        "kind": asked.kind,
        "received_at": asked.received_at,
        "acknowledged_at": asked.acknowledged_at,
        "identity_proved_at": asked.identity_proved_at,
        "waits_for": asked.waits_for,
        "due_at": asked.due_at(),
        "extended_at": asked.extended_at,
        "closed_at": asked.closed_at,
        "outcome": asked.outcome,
        **({"contact": asked.contact} if texts else {}),
        "events": events,
    }


async def _add(
    runtime: Runtime, kind: Kind, received: datetime | None, contact: str, text: str, code: str | None
) -> str:
    now = datetime.now(UTC)
    received_at = now if received is None else min(now, received.replace(tzinfo=UTC) + timedelta(hours=12))
    if received is not None and received.date() > now.date():
        raise CommandError("the day on which it came is still to come")
    read = read_contact(contact, runtime.settings) if contact else None
    if contact and read is None:
        raise CommandError("the contact is neither an email address nor a mobile number that can be texted")
    council_id = (await find_council(runtime.database, code)).id
    async with runtime.database.write() as connection:
        new = NewRequest(council_id, kind, "en", read, text)
        entered = await steps.enter(connection, runtime, new, received_at, now)
        await record(connection, "add a request", entered.after.number, council_id=council_id)
    problem = await steps.finish(runtime, entered)
    if read is not None and problem is not None:
        typer.echo(f"nothing was sent to who asked: {problem}; tell them in another way", err=True)
    return entered.after.number
