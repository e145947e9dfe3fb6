"""``citywifi session``: who is connected, as numbers, and ending or changing a session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select

from citywifi.commands.workplace import AsJson, perform, print_json, print_table, record, shown_time
from citywifi.errors import CommandError
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, network_access_servers, venues
from radius.dynamic_authorization import Outcome, Result, disconnect_session, refresh_session

app = typer.Typer(help="Sessions that are open: show, end, change.", no_args_is_help=True)

SessionNumber = Annotated[int, typer.Argument(metavar="SESSION", help="Its number; `citywifi session list` has it.")]

_MOST_SHOWN = 1000
_DONE = {Result.DISCONNECTED, Result.CHANGED}


@app.command("list")
def list_sessions(as_json: AsJson = False) -> None:
    """Show the open sessions, the newest first, without who they belong to."""
    found = perform(_open_sessions)
    if as_json:
        print_json(found)
        return
    table = Table("session", "since", "venue", "equipment", "vendor", "kB")
    for row in found:
        kilobytes = (row["input_octets"] + row["output_octets"]) // 1000
        since = shown_time(row["started_at"])
        table.add_row(str(row["id"]), since, row["venue"] or "–", row["equipment"], row["vendor"], f"{kilobytes:,}")
    print_table(table)
    if len(found) == _MOST_SHOWN:
        typer.echo(f"only the newest {_MOST_SHOWN:,} are shown")


@app.command()
def end(session: SessionNumber) -> None:
    """Ask a session's equipment to end it (Disconnect-Request). Exit status 1 when it did not."""

    async def work(runtime: Runtime) -> Outcome:
        return await disconnect_session(runtime.database, runtime.keyring, session)

    _tell(session, "end session", work)


@app.command()
def refresh(session: SessionNumber) -> None:
    """Bring the limits of the policies into an open session (CoA-Request). Exit status 1 when that failed."""

    async def work(runtime: Runtime) -> Outcome:
        now = datetime.now(UTC)
        return await refresh_session(runtime.database, runtime.keyring, runtime.settings.radius, session, now)

    _tell(session, "refresh session", work)


def _tell(session: int, action: str, work: Any) -> None:
    async def work_and_record(runtime: Runtime) -> Outcome:
        outcome: Outcome = await work(runtime)
        if outcome.result is Result.NO_SUCH_SESSION:
            raise CommandError(f"there is no session {session}; `citywifi session list` has those that are open")
        detail = {"result": outcome.result.value, "error_cause": outcome.error_cause}
        owner = select(accounting_sessions.c.council_id).where(accounting_sessions.c.id == session)
        async with runtime.database.write() as connection:
            council_id = (await connection.execute(owner)).scalar_one()
            await record(connection, action, f"session {session}", council_id=council_id, detail=detail)
        return outcome

    outcome = perform(work_and_record)
    typer.echo(outcome.explanation)
    if outcome.result not in _DONE:
        raise typer.Exit(1)


async def _open_sessions(runtime: Runtime) -> list[dict[str, Any]]:
    async with runtime.database.read() as connection:
        return [dict(row) for row in (await connection.execute(_OPEN)).mappings()]


_OPEN = (
    select(
        accounting_sessions.c.id,
        accounting_sessions.c.started_at,
        accounting_sessions.c.input_octets,
        accounting_sessions.c.output_octets,
        venues.c.name.label("venue"),
        network_access_servers.c.name.label("equipment"),
        network_access_servers.c.vendor,
    )
    .join(network_access_servers, network_access_servers.c.id == accounting_sessions.c.nas_id)
    .outerjoin(venues, venues.c.id == accounting_sessions.c.venue_id)
    .where(accounting_sessions.c.stopped_at.is_(None))
    .order_by(accounting_sessions.c.started_at.desc(), accounting_sessions.c.id.desc())
    .limit(_MOST_SHOWN)
)
