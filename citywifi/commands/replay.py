"""``citywifi replay``: play the demo city's libraries, their gateways and their visitors' phones."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from citywifi.demo_settings import use_running_demo
from citywifi.errors import CommandError
from citywifi.replay.demo import TIME_ZONE
from citywifi.replay.errors import ReplayError
from citywifi.replay.run import Plan, Replay, Report, days_until
from citywifi.replay.schedule import PlannedSession
from citywifi.replay.tally import Tally, Totals
from foundation.runtime import open_runtime, serve_until_stopped
from foundation.settings import Settings

_FASTEST = "max"


def replay(
    last_day: Annotated[
        str,
        typer.Option(
            "--date", metavar="YYYY-MM-DD", help="The day to play, or the last of --days. [default: yesterday]"
        ),
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days, ending with --date.")] = 1,
    speed: Annotated[
        str, typer.Option(metavar="NUMBER|max", help="Simulated seconds a real second, or max: as fast as it goes.")
    ] = _FASTEST,
    seed: Annotated[int, typer.Option(help="The same seed plays the same day again.")] = 1,
    library: Annotated[
        list[str] | None, typer.Option(help="Only libraries whose name contains this; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many sessions of each day; 0: all.")] = 0,
    concurrency: Annotated[
        int, typer.Option(min=1, max=200, help="Phones getting online at once; with --speed max, sessions at once.")
    ] = 32,
    answered: Annotated[
        Path | None, typer.Option(help="Write each accounting record that was answered to this file, as JSON lines.")
    ] = None,
    keep_gateways: Annotated[
        bool, typer.Option("--keep-gateways", help="Let browsers be phones at the gateways until stopped.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar; only what went wrong.")] = False,
) -> None:
    """Play a day of the demo city: phones over HTTP, gateways over RADIUS, as many sessions as were published.

    It is for the demo alone, which `citywifi serve --demo` starts. At the end it compares what it played with what
    the database holds; exit status 1 if they differ.
    """
    settings = use_running_demo()
    plan = Plan(
        days=_days(last_day, days, settings),
        seed=seed,
        speed=_speed(speed),
        libraries=tuple(library or ()),
        limit=limit,
        concurrency=concurrency,
    )
    with ExitStack() as stack:
        file = stack.enter_context(_open_for_lines(answered)) if answered else None
        try:
            agrees = asyncio.run(_run(settings, plan, Tally(file), keep_gateways=keep_gateways, quiet=quiet))
        except ReplayError as error:
            raise CommandError(str(error)) from None
    if not agrees:
        sys.exit(1)


async def _run(settings: Settings, plan: Plan, tally: Tally, *, keep_gateways: bool, quiet: bool) -> bool:
    """True if the database holds what was played, or if it was stopped before the end."""
    async with open_runtime(settings):
        pass  # it refuses in one sentence what is not prepared
    replay_run = Replay(settings, plan, tally)
    if not replay_run.sessions:
        raise CommandError("no library of the plan is open on these days; choose another --date or --library")
    await replay_run.check_services()
    async with replay_run.gateways_up(with_fronts=keep_gateways):
        stopping = asyncio.create_task(serve_until_stopped())
        playing = asyncio.create_task(_play(replay_run, quiet=quiet))
        try:
            await asyncio.wait((stopping, playing), return_when=asyncio.FIRST_COMPLETED)
            agrees = playing.result() if playing.done() else True
            if not playing.done() and not quiet:
                typer.echo("Stopped before the end; nothing was compared.")
            if keep_gateways and not stopping.done():
                await stopping
            return agrees
        finally:
            for task in (playing, stopping):
                task.cancel()
            await asyncio.gather(playing, stopping, return_exceptions=True)


async def _play(replay_run: Replay, *, quiet: bool) -> bool:
    started_at = asyncio.get_running_loop().time()
    with _progress(replay_run, hidden=quiet) as advance:
        report = await replay_run.play(advance)
    elapsed_seconds = asyncio.get_running_loop().time() - started_at
    if not quiet or report.differences:
        _tell(replay_run, report, elapsed_seconds)
    return not report.differences


def _tell(replay_run: Replay, report: Report, elapsed_seconds: float) -> None:
    tally, played = replay_run.tally, Totals.of(report.played)
    typer.echo(
        f"Run {replay_run.run}, {elapsed_seconds:.1f} s: {tally.registered} phones went through the portal,"
        f" {tally.remembered} were remembered; {sum(tally.records.values()):,} accounting records answered"
    )
    typer.echo(f"  played     {played}")
    typer.echo(f"  database   {Totals.of(report.stored)}")
    for line in report.differences:
        typer.secho(f"  {line}", fg="red", err=True)
    typer.echo("  They differ." if report.differences else "  They agree.")


class _SimulatedTime(ProgressColumn):
    """What the simulated city's clocks show."""

    def __init__(self, replay_run: Replay) -> None:
        super().__init__()
        self._clock = replay_run.clock

    def render(self, task: Task) -> Text:
        rate = f"{task.speed:.0f}/s" if task.speed else ""
        return Text(f"{self._clock.now().astimezone(TIME_ZONE):%a %d %b %H:%M}  {rate}", style="cyan")


@contextmanager
def _progress(replay_run: Replay, *, hidden: bool) -> Iterator[Callable[[PlannedSession], None]]:
    columns = (
        TextColumn("Sessions"),
        BarColumn(),
        MofNCompleteColumn(),
        _SimulatedTime(replay_run),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as progress:
        task = progress.add_task("sessions", total=replay_run.sessions)
        yield lambda _session: progress.advance(task)


@contextmanager
def _open_for_lines(path: Path) -> Iterator[TextIO]:
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
    with file:
        yield file


def _days(last_day: str, count: int, settings: Settings) -> tuple[date, ...]:
    """The days to play. Raises CommandError for a day that is not over, or that the server would not believe."""
    today = datetime.now(TIME_ZONE).date()
    try:
        last = date.fromisoformat(last_day) if last_day else today - timedelta(days=1)
    except ValueError:
        raise CommandError(f"--date {last_day!r} is not a date; write it like 2026-11-21") from None
    if last >= today:
        raise CommandError(f"{last} is not over yet; the replay plays the past, so choose a day before {today}")
    days = days_until(last, count)
    limit_seconds = settings.radius.accounting_delay_limit_seconds
    age_seconds = (datetime.now(UTC) - datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC)).total_seconds()
    if age_seconds > limit_seconds:
        raise CommandError(
            f"{days[0]} is longer ago than the RADIUS server believes ({limit_seconds / 86400:.0f} days); start it with"
            f" CITYWIFI_RADIUS__ACCOUNTING_DELAY_LIMIT_SECONDS={int(age_seconds) + 86400}, and the replay too"
        )
    return days


def _speed(text: str) -> float | None:
    if text == _FASTEST:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise CommandError(f"--speed {text!r} is not understood; give simulated seconds a real second, or max")
    return speed
