"""``citywifi report``: the council's report in the terminal, as CSV or as a page."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from citywifi.errors import CommandError
from foundation.runtime import open_runtime
from foundation.settings import load_settings
from monitoring import usage
from monitoring.console.report_file import as_html
from monitoring.errors import MonitoringError
from monitoring.inclusion.indicators import Period
from monitoring.inclusion.publication import MEASURE_NAMES, as_csv, decimals_of, shown
from monitoring.inclusion.report import CouncilReport, Row, make_report

app = typer.Typer(help="The council's report: registrations, users, sessions, hours and gigabytes.")
_DEFAULT_DAYS = 30


@app.callback(invoke_without_command=True)
def report(
    first: Annotated[str, typer.Option("--from", help="First day, such as 2026-11-01.", show_default="30 days")] = "",
    end: Annotated[str, typer.Option("--to", help="Day after the last, such as 2026-12-01.", show_default="now")] = "",
    council: Annotated[str, typer.Option(help="Code of the council; needed if there are several.")] = "",
    csv: Annotated[Path | None, typer.Option(help="Write a CSV file instead.", dir_okay=False)] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page instead.", dir_okay=False)] = None,
) -> None:
    """Print what was used where, after small counts were withheld. Counts new sessions first."""
    made = asyncio.run(_make(_period(first, end), council or None))
    try:
        if csv is not None:
            csv.write_text(as_csv(made), encoding="utf-8", newline="")
        if html is not None:
            html.write_text(as_html(made), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from None
    if csv is None and html is None:
        _print(made)


async def _make(period: Period, council: str | None) -> CouncilReport:
    settings = load_settings()
    async with open_runtime(settings) as runtime:
        await usage.roll_up(runtime.database, datetime.now(UTC))
        try:
            return await make_report(runtime.database, council, period, settings.monitoring.smallest_published_count)
        except MonitoringError as error:
            raise CommandError(str(error)) from None


def _period(first: str, end: str) -> Period:
    until = _day(end, "--to") if end else datetime.now(UTC).date() + timedelta(days=1)
    since = _day(first, "--from") if first else until - timedelta(days=_DEFAULT_DAYS)
    try:
        return Period(since, until)
    except MonitoringError as error:
        raise CommandError(str(error)) from None


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option} {text!r} is not a date; write it like 2026-11-01") from None


def _print(made: CouncilReport) -> None:
    console = Console()
    last = made.period.end - timedelta(days=1)
    console.print(f"\n[bold]Free WiFi in {made.council_name}[/], {made.period.first} to {last}\n")
    console.print(_table("Ward", made.wards, made.total))
    console.print()
    console.print(_table("Deprivation decile", made.deciles, made.total))
    if made.has_confidential_figures:
        console.print(f"\n[dim]\\[c] withheld: protects counts of fewer than {made.smallest_published_count} people[/]")
    if made.has_unavailable_figures:
        console.print("\n[dim]\\[x] not available: the records are no longer kept[/]")


def _table(first: str, rows: tuple[Row, ...], total: Row) -> Table:
    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column(first, footer=total.area.name)
    for measure, name in MEASURE_NAMES.items():
        decimals = decimals_of(measure)
        table.add_column(name, justify="right", footer=_escaped(shown(total.figure(measure), decimals)))
    for row in rows:
        figures = (shown(row.figure(measure), decimals_of(measure)) for measure in MEASURE_NAMES)
        table.add_row(row.area.name, *map(_escaped, figures))
    return table


def _escaped(figure: str) -> str:
    return figure.replace("[", "\\[")
