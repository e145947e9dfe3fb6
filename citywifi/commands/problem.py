"""``citywifi problem``: what residents reported, and deleting a report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import delete, func, select

from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table, record, shown_time
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.problem_reports import ProblemKind, open_text
from foundation.runtime import Runtime
from foundation.schema import network_access_servers, problem_reports, venues

app = typer.Typer(help="Problems that residents reported.", no_args_is_help=True)

_MOST_SHOWN = 1000


@app.command("list")
def list_reports(
    days: Annotated[int, typer.Option(min=1, max=3650, help="Of so many days.")] = 7,
    council: CouncilCode = None,
    as_json: AsJson = False,
) -> None:
    """Show what residents reported, the newest first, without who they are."""
    found = perform(lambda runtime: _reports(runtime, council, days))
    if as_json:
        print_json(found)
        return
    table = Table("Number", "When", "Place", "What", "In their words", box=None, pad_edge=False)
    for row in found:
        what = ProblemKind(row["kind"]).meaning
        table.add_row(str(row["id"]), shown_time(row["reported_at"]), row["place"], what, row["text"])
    print_table(table)
    if len(found) == _MOST_SHOWN:
        typer.echo(f"only the newest {_MOST_SHOWN:,} are shown")


@app.command("delete")
def delete_report(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number; `citywifi problem list` has it.")],
) -> None:
    """Delete a report, such as one with somebody's name in it."""

    async def work(runtime: Runtime) -> None:
        gone = delete(problem_reports).where(problem_reports.c.id == number).returning(problem_reports.c.council_id)
        async with runtime.database.write() as connection:
            council_id = (await connection.execute(gone)).scalar_one_or_none()
            if council_id is None:
                raise CommandError(f"there is no report {number}; `citywifi problem list` has those that there are")
            await record(connection, "delete report", f"problem report {number}", council_id=council_id)

    perform(work)
    typer.echo("deleted")


async def _reports(runtime: Runtime, code: str | None, days: int) -> list[dict[str, Any]]:
    chosen = await find_council(runtime.database, code)
    question = _REPORTS.where(
        problem_reports.c.council_id == chosen.id,
        problem_reports.c.reported_at >= datetime.now(UTC) - timedelta(days=days),
    )
    async with runtime.database.read() as connection:
        rows = [dict(row) for row in (await connection.execute(question)).mappings()]
    return [{**row, "text": open_text(runtime.keyring, row.pop("text_encrypted"))} for row in rows]


_REPORTS = (
    select(
        problem_reports.c.id,
        problem_reports.c.reported_at,
        func.coalesce(venues.c.name, network_access_servers.c.name).label("place"),
        problem_reports.c.kind,
        problem_reports.c.state,
        problem_reports.c.finding,
        problem_reports.c.text_encrypted,
    )
    .join(network_access_servers, network_access_servers.c.id == problem_reports.c.nas_id)
    .outerjoin(venues, venues.c.id == problem_reports.c.venue_id)
    .order_by(problem_reports.c.reported_at.desc(), problem_reports.c.id.desc())
    .limit(_MOST_SHOWN)
)
