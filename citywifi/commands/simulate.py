"""``citywifi simulate``: what the installation does on a bad day, played against its running services."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from citywifi.commands.workplace import AsJson, perform, print_json, record
from citywifi.errors import CommandError
from foundation.runtime import Runtime

if TYPE_CHECKING:
    from citywifi.recovery.plan import Plan
    from citywifi.recovery.report import Report
    from citywifi.recovery.storm import Storm

app = typer.Typer(help="Play a bad day against the running services.", no_args_is_help=True)

_REDRAW_SECONDS = 0.25


@app.callback()
def _group() -> None:
    """Play a bad day against the running services."""


@app.command()
def recovery(
    access_points: Annotated[int, typer.Option(min=1, max=9000, help="How many access points start.")] = 1000,
    people: Annotated[int, typer.Option(min=1, max=250, help="How many people want to be on at each.")] = 30,
    spread: Annotated[float, typer.Option(min=0.1, help="Seconds within which power returns and all ask.")] = 60,
    within: Annotated[float, typer.Option(min=1, help="Seconds within which everybody must be on.")] = 90,
    remembered: Annotated[
        int, typer.Option(min=0, max=100, help="Per cent of devices known by their address; others have passwords.")
    ] = 70,
    whole_sessions: Annotated[
        bool, typer.Option("--whole-sessions", help="Also report an Interim-Update and the Stop of each session.")
    ] = False,
    network: Annotated[
        str, typer.Option(metavar="CIDR", help="Loopback addresses of the access points, one each.")
    ] = "127.11.0.0/16",
    seed: Annotated[int, typer.Option(help="The same seed plays the same storm again.")] = 1,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Write the simulated council, although this is no demo.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the simulated council in the database.")] = False,
    as_json: AsJson = False,
) -> None:
    """Power returns to a city's access points and everybody wants to be on at once.

    Writes a council called SIMULATED with its access points, residents and devices, plays, compares with the database,
    and takes the council away again. Exit status 1 if somebody was not on in time, was rejected, or is not stored.
    """
    from citywifi.recovery.plan import Plan

    plan = Plan(
        access_points=access_points,
        people=people,
        spread_seconds=spread,
        within_seconds=within,
        remembered_percent=remembered,
        whole_sessions=whole_sessions,
        network=_network(network, access_points),
        seed=seed,
    )
    report = perform(partial(_play, plan=plan, prepare=prepare, keep=keep, quiet=as_json))
    if as_json:
        print_json(report.to_json())
    else:
        _tell(report)
    if not report.is_weathered:
        sys.exit(1)


@app.command()
def remove() -> None:
    """Take away the simulated council that --keep, or a simulation that was killed, left in the database."""
    typer.echo("removed" if perform(_remove) else "there was none")


async def _play(runtime: Runtime, *, plan: Plan, prepare: bool, keep: bool, quiet: bool) -> Report:
    from citywifi.recovery.errors import SimulationError
    from citywifi.recovery.run import play
    from citywifi.replay.errors import ServiceUnreachableError

    if not runtime.keyring.is_demo and not prepare:
        raise CommandError(
            "this is no demo; --prepare lets a simulated council be written into it for as long as it takes, and the"
            " services will be busy meanwhile"
        )
    async with runtime.database.write() as connection:
        detail = {"access_points": plan.access_points, "people": plan.people}
        await record(connection, "simulate recovery", "simulated council", detail=detail)
    tell: Callable[[str], None] = (lambda _: None) if quiet else partial(typer.echo, err=True)
    try:
        return await play(runtime, plan, keep=keep, watch=partial(_progress, hidden=quiet), tell=tell)
    except (SimulationError, ServiceUnreachableError) as error:
        raise CommandError(str(error)) from None


async def _remove(runtime: Runtime) -> bool:
    from citywifi.recovery.city import remove as remove_rows

    return await remove_rows(runtime.database)


@contextmanager
def _progress(storm: Storm, *, hidden: bool) -> Iterator[None]:
    columns = (TextColumn("On"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[asked]:,} asked"))
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=hidden, auto_refresh=False) as progress:
        task = progress.add_task("on", total=storm.plan.devices, asked=0)

        async def redraw() -> None:
            while True:
                progress.update(task, completed=storm.counts.on, asked=storm.counts.asked, refresh=True)
                await asyncio.sleep(_REDRAW_SECONDS)

        redrawing = asyncio.ensure_future(redraw())
        try:
            yield
        finally:
            redrawing.cancel()
            progress.update(task, completed=storm.counts.on, asked=storm.counts.asked, refresh=True)


def _tell(report: Report) -> None:
    for line in report.lines():
        typer.echo(line)
    for line in report.differences:
        typer.secho(f"  {line}", fg="red", err=True)
    typer.echo("  The database holds what was confirmed, once." if not report.differences else "  They differ.")


def _network(text: str, access_points: int) -> IPv4Network:
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise CommandError(f"--network {text!r} is no IPv4 network: {error}; write it like 127.11.0.0/16") from None
    if not network.is_loopback or network.num_addresses < access_points + 2:
        raise CommandError(f"--network {text} must be of loopback (127.0.0.0/8) and have {access_points + 2} addresses")
    return network
