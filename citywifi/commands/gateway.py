"""``citywifi gateway``: the gateway laboratory."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from captive_portal.laboratory import Explanation, KnownGateway
from captive_portal.laboratory import explain as explain_redirect
from captive_portal.storage.known_gateways import list_known
from citywifi.commands.workplace import AsJson, perform, print_json, print_table
from foundation.runtime import Runtime

app = typer.Typer(help="What gateways send to the portal.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep the group a group while it has one command."""


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
