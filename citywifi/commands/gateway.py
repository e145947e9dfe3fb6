"""``citywifi gateway``: the gateway laboratory."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from captive_portal.app import create_app
from captive_portal.laboratory import Explanation, KnownGateway
from captive_portal.laboratory import explain as explain_redirect
from captive_portal.laboratory.examples import example_redirect
from captive_portal.laboratory.play import Play
from captive_portal.laboratory.play import play as play_redirect
from captive_portal.storage.known_gateways import list_known
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table
from citywifi.equipment import find_nas
from citywifi.errors import CommandError
from foundation.runtime import Runtime

app = typer.Typer(help="What gateways send to the portal.", no_args_is_help=True)


@app.command()
def explain(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The whole redirect in quotation marks, or - to read it from a pipe.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say what a gateway's redirect is, what each part means, what is wrong with it, and what will follow.

    Nothing is changed and nobody is let on. Exit status 1 when something is wrong.
    """
    pasted = sys.stdin.readline() if url == "-" else url
    explanation = perform(lambda runtime: _explain(runtime, pasted))
    if as_json:
        print_json(asdict(explanation))
    else:
        _show(explanation)
    if explanation.problem is not None:
        raise typer.Exit(1)


@app.command()
def example(
    which: Annotated[str, typer.Argument(metavar="NETWORK|NAME", help="Its network, name or RadSec name.")],
    council: CouncilCode = None,
) -> None:
    """Print a redirect as a gateway would send it, for a device that does not exist; play takes it from a pipe."""
    typer.echo(perform(lambda runtime: _example(runtime, which, council)))


@app.command()
def play(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The whole redirect in quotation marks, or - to read it from a pipe.")
    ],
    as_json: AsJson = False,
) -> None:
    """Play a simulated phone through a gateway's redirect: sign-up, proof, status, log-out, each step told.

    The portal runs in a copy of this installation's configuration that is deleted at the end. No gateway or controller
    is asked, no message is sent and nobody is let on. Exit status 1 when the phone does not get to the end.
    """
    pasted = sys.stdin.readline() if url == "-" else url
    played = perform(lambda runtime: _play(runtime, pasted))
    if as_json:
        print_json(asdict(played))
    else:
        for number, step in enumerate(played.steps, 1):
            seen = f" → {step.page} ({step.milliseconds} ms)" if step.page else ""
            typer.echo(f"{number:>2}. {step.what}{seen}")
        if played.problem is not None:
            typer.secho(f"What is wrong: {played.problem}", fg="red")
    if played.problem is not None:
        raise typer.Exit(1)


async def _example(runtime: Runtime, which: str, council: str | None) -> str:
    async with runtime.database.read() as connection:
        nas = await find_nas(connection, which, council)
        known = [one for one in await list_known(connection, runtime) if one.gateway.nas_id == nas.id]
    if not known:
        raise CommandError(f"no driver of the portal's understands {which!r}; see: citywifi nas change --driver")
    return example_redirect(known[0], runtime.settings.portal.public_url.rstrip("/"), runtime.keyring)


async def _play(runtime: Runtime, url: str) -> Play:
    async with runtime.database.read() as connection:
        known = await list_known(connection, runtime)
    return await play_redirect(runtime, known, url, create_app)


async def _explain(runtime: Runtime, url: str) -> Explanation:
    async with runtime.database.read() as connection:
        known: list[KnownGateway] = await list_known(connection, runtime)
    return explain_redirect(url, known, runtime.settings.portal.public_url.rstrip("/"))


def _show(explanation: Explanation) -> None:
    if explanation.title is not None:
        typer.echo(f"Equipment: {explanation.title} ({explanation.driver})")
    if explanation.gateway is not None:
        typer.echo(f"Gateway: {explanation.gateway}")
    if explanation.outcome is not None:
        typer.echo(f"It says: {explanation.outcome}")
    for note in explanation.notes:
        typer.echo(f"Note: {note}")
    if explanation.problem is not None:
        typer.secho(f"What is wrong: {explanation.problem.what}", fg="red")
        typer.echo(f"What to do: {explanation.problem.what_to_do}")
    if explanation.parameters:
        table = Table("Parameter", "Value", "Meaning", box=None, pad_edge=False)
        for one in explanation.parameters:
            table.add_row(one.name, one.value, one.meaning or "unknown to this kind of gateway")
        typer.echo()
        print_table(table)
    if explanation.steps:
        typer.echo("\nWhat will follow:")
        for number, step in enumerate(explanation.steps, 1):
            typer.echo(f"{number:>2}. {step}")
