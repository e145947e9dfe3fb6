"""``citywifi import``: the publishers' files as they are; says what went in, and why the rest did not."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from citywifi.errors import CommandError
from citywifi.imports.areas import import_areas
from citywifi.imports.boundaries import import_boundaries
from citywifi.imports.deprivation import import_deprivation
from citywifi.imports.population import import_population
from citywifi.imports.registers import REGISTERS
from citywifi.imports.report import Outcome, Problem
from citywifi.imports.store import ImportJob, find_council
from citywifi.imports.venues import VenueMapping, import_venues
from foundation.database import Database
from foundation.runtime import check_schema
from foundation.settings import load_settings

PROBLEMS_SHOWN = 20

app = typer.Typer(help="Import the publishers' files as they are.", no_args_is_help=True)

Importer = Callable[[ImportJob, Path], Awaitable[Outcome]]

File = Annotated[Path, typer.Argument(help="The publisher's file.", metavar="FILE", show_default=False)]
CouncilCode = Annotated[
    str | None, typer.Option("--council", metavar="CODE", help="Code of the council; needed only if there are several.")
]
Rejects = Annotated[
    Path | None,
    typer.Option("--rejects", metavar="FILE.csv", help="Write every row or value that could not be used to this file."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would change, and change nothing.")]


@app.command()
def areas(file: File, council: CouncilCode = None, rejects: Rejects = None, dry_run: DryRun = False) -> None:
    """Small areas: their profile, the lookup 2011 to 2021, or Code-Point postcodes, told apart by their headings."""
    _run(import_areas, file, council, rejects, dry_run)


@app.command()
def deprivation(file: File, council: CouncilCode = None, rejects: Rejects = None, dry_run: DryRun = False) -> None:
    """Indices of Multiple Deprivation 2025, of the council's small areas."""
    _run(import_deprivation, file, council, rejects, dry_run)


@app.command()
def population(file: File, council: CouncilCode = None, rejects: Rejects = None, dry_run: DryRun = False) -> None:
    """How many people live in each small area."""
    _run(import_population, file, council, rejects, dry_run)


@app.command()
def boundaries(file: File, council: CouncilCode = None, rejects: Rejects = None, dry_run: DryRun = False) -> None:
    """Outlines of wards or small areas (GeoJSON)."""
    _run(import_boundaries, file, council, rejects, dry_run)


@app.command()
def venues(
    file: File,
    mapping: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help=f"How the columns are read: {', '.join(REGISTERS)}, or a file; recognised if not given.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar='FIELD="COLUMN"', help="Read a field from this column; may be given several times."),
    ] = None,
    council: CouncilCode = None,
    rejects: Rejects = None,
    dry_run: DryRun = False,
) -> None:
    """A register of places with WiFi, as CSV, JSON or GeoJSON; each is put into its ward and small area."""
    asked = VenueMapping(mapping, tuple(column or ()))
    _run(lambda job, path: import_venues(job, path, asked), file, council, rejects, dry_run)


def _run(importer: Importer, file: Path, council: str | None, rejects: Path | None, dry_run: bool) -> None:
    outcome = asyncio.run(_import(importer, file, council, dry_run))
    if rejects is not None:
        write_rejects(rejects, outcome)
    show(outcome, Console(), dry_run=dry_run, rejects=rejects)


async def _import(importer: Importer, file: Path, council_code: str | None, dry_run: bool) -> Outcome:
    database = Database(load_settings().resolved_database_url)
    columns = (TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    tasks: dict[str, TaskID] = {}

    def progress(stage: str, done: int, total: int) -> None:
        # Only now there is something to draw: a file that cannot be used gets its sentence and nothing else.
        bar.start()
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=total)
        bar.update(tasks[stage], completed=done, total=total)

    try:
        await check_schema(database)
        council = await find_council(database, council_code)
        return await importer(ImportJob(database, council, progress, dry_run), file)
    finally:
        if tasks:
            bar.stop()
        await database.close()


def show(outcome: Outcome, console: Console, *, dry_run: bool, rejects: Path | None) -> None:
    """Print the outcome: a table, the first rows that could not be used, and what there is to say about the file."""
    table = Table(
        title=f"{outcome.subject}{' (dry run: nothing was written)' if dry_run else ''}", title_justify="left"
    )
    figures = {
        "rows read": outcome.rows_read,
        "new": outcome.inserted,
        "changed": outcome.updated,
        "unchanged": outcome.unchanged,
        "merged": outcome.merged,
        "elsewhere": outcome.elsewhere,
        "not usable": len(outcome.rejected),
    }
    for name in figures:
        table.add_column(name, justify="right")
    table.add_row(*(f"{figure:,}" for figure in figures.values()))
    console.print(table)
    _show_problems(console, "Rows that are not used", outcome.rejected, rejects)
    _show_problems(console, "Values that were left out or put right, in rows that are used", outcome.remarks, rejects)
    for notice in outcome.notices:
        console.print(f"Note: {escape(notice)}", soft_wrap=True, highlight=False)


def _show_problems(console: Console, title: str, problems: Sequence[Problem], rejects: Path | None) -> None:
    if not problems:
        return
    console.print(f"{title}: {len(problems):,}", soft_wrap=True, highlight=False)
    for problem in problems[:PROBLEMS_SHOWN]:
        console.print(f"  {escape(str(problem))}", soft_wrap=True, highlight=False)
    if len(problems) > PROBLEMS_SHOWN:
        where = f"all are in {rejects}" if rejects else "--rejects FILE.csv writes them all"
        console.print(
            f"  … and {len(problems) - PROBLEMS_SHOWN:,} more; {escape(where)}", soft_wrap=True, highlight=False
        )


def write_rejects(file: Path, outcome: Outcome) -> None:
    """Write every problem as CSV. Raises CommandError."""
    try:
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("line", "column", "value", "reason", "row is used"))
            for used, problems in (("no", outcome.rejected), ("yes", outcome.remarks)):
                for problem in problems:
                    row = (problem.line, _harmless(problem.column), _harmless(problem.value), problem.reason, used)
                    writer.writerow(row)
    except OSError as error:
        raise CommandError(f"{file} cannot be written ({error.strerror}); the import itself is done") from None


def _harmless(text: str) -> str:
    """A publisher's text as a spreadsheet's cell: it shall not be taken for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
