"""``citywifi retention``: how long a council keeps data, the oldest that it has, and limits of its own."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from captive_portal.storage.retention_report import RetentionReport, read_report
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table, record, shown_time
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.retention_limits import BOUNDS, RetentionLimitError, check_limit, inherit_limit, set_limit
from foundation.runtime import Runtime

app = typer.Typer(help="How long a council keeps data.", no_args_is_help=True)

Setting = Annotated[str, typer.Argument(metavar="LIMIT", help=f"One of {', '.join(BOUNDS)}.")]


@app.command("list")
def list_rules(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """Show each rule with its limit and the oldest record that is held, and when the job ran."""
    report = perform(lambda runtime: _report(runtime, council))
    rules = [
        {
            "rule": rule.name,
            "hours": int(rule.age.total_seconds()) // 3600,
            "oldest": rule.oldest,
            "is_overdue": rule.is_overdue,
        }
        for rule in report.rules
    ]
    if as_json:
        own = [asdict(one) for one in report.own]
        print_json({"last_run": report.last_run, "rules": rules, "own": own})
        return
    table = Table("What", "Kept for hours", "Oldest held", "", box=None, pad_edge=False)
    for rule in report.rules:
        hours = int(rule.age.total_seconds()) // 3600
        late = "beyond its time, or held for a case" if rule.is_overdue else ""
        table.add_row(rule.name, f"{hours:,}", shown_time(rule.oldest), late)
    print_table(table)
    for one in report.own:
        typer.echo(f"own limit: {one.setting} {one.value}, since {shown_time(one.set_at)}: {one.reason}")
    typer.echo(f"the job ran last: {shown_time(report.last_run)}")


@app.command("set")
def set_own(
    setting: Setting,
    value: Annotated[int, typer.Argument(help="Hours or days, as the limit's name says.")],
    reason: Annotated[str, typer.Option(help="Why, in words that can be published.")],
    council: CouncilCode = None,
) -> None:
    """Give a council a limit of its own, within bounds; in force at the job's next run."""

    async def work(runtime: Runtime) -> str:
        found = await find_council(runtime.database, council)
        check_limit(runtime.settings.retention, setting, value, reason)
        async with runtime.database.write() as connection:
            await set_limit(connection, runtime.database, found.id, setting, value, reason, datetime.now(UTC))
            detail = {"value": value, "reason": reason}
            await record(connection, "set a retention limit", setting, council_id=found.id, detail=detail)
        return found.name

    try:
        typer.echo(f"{perform(work)}: {setting} is {value}")
    except RetentionLimitError as error:
        raise CommandError(str(error)) from None


@app.command()
def inherit(setting: Setting, council: CouncilCode = None) -> None:
    """Go back to what the settings say for the whole installation."""

    async def work(runtime: Runtime) -> str:
        found = await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            if not await inherit_limit(connection, found.id, setting):
                raise CommandError(f"{found.name} has no limit {setting!r} of its own")
            await record(connection, "inherit a retention limit", setting, council_id=found.id)
        return found.name

    typer.echo(f"{perform(work)}: {setting} is as the settings say")


async def _report(runtime: Runtime, code: str | None) -> RetentionReport:
    found = await find_council(runtime.database, code)
    return await read_report(runtime, found.id, datetime.now(UTC))
