"""``citywifi doctor``: check a deployment and say what to do about each finding."""

from __future__ import annotations

import asyncio

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from foundation.settings import load_settings

_MARKS = {"ok": "[green]ok[/]", "note": "[cyan]note[/]", "problem": "[bold red]problem[/]"}


def doctor() -> None:
    """Check database, clocks, key, certificates, ports, equipment and terms; exit status 1 if there is a problem."""
    from citywifi.diagnosis import examine

    findings = asyncio.run(examine(load_settings()))
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("Check")
    table.add_column("Finding, and what to do", overflow="fold")
    for finding in findings:
        remedy = f" [bold]→ {escape(finding.remedy)}[/]" if finding.remedy else ""
        what = escape(finding.finding) + remedy
        table.add_row(_MARKS[finding.level], finding.check, what)
    Console().print(table)
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)
