"""``citywifi realm``: whose residents are authenticated elsewhere, and where. Changes are effective within a second."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from citywifi.commands import home_servers
from citywifi.commands.home_servers import AccountingPort, Priority, RadSec, SecretStdin, ServerName, wanted_servers
from citywifi.commands.workplace import (
    AsJson,
    CouncilCode,
    perform,
    print_json,
    print_table,
    record,
)
from citywifi.errors import CommandError
from citywifi.home_server_states import UNKNOWN, states_of_running_server
from citywifi.imports.store import find_council
from citywifi.realms import add_realm, add_servers, check_servers, find_realm, list_realms, remove_realm
from foundation.runtime import Runtime
from foundation.settings import load_settings
from radius.errors import LocalFaultError
from radius.roaming.realm import realm_pattern

app = typer.Typer(help="Realms: residents of others here, authenticated by their home servers.", no_args_is_help=True)
app.add_typer(home_servers.app, name="server")

Name = Annotated[str, typer.Argument(metavar="NAME", help="solihull.example, *.example for all below it, or *.")]


@app.command()
def add(
    name: Name,
    server: Annotated[
        list[str], typer.Option(metavar="HOST[:PORT]", help="A home server; several are asked in this order.")
    ],
    secret_stdin: SecretStdin = False,
    radsec: RadSec = False,
    server_name: ServerName = None,
    accounting_port: AccountingPort = None,
    priority: Priority = 1,
    council: CouncilCode = None,
) -> None:
    """Add a realm and its home servers, which share one secret; others are added with `realm server add`."""
    pattern = _checked(name)
    servers = wanted_servers(server, secret_stdin, radsec, server_name, accounting_port, priority)

    async def work(runtime: Runtime) -> None:
        chosen = await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            realm_id = await add_realm(connection, chosen.id, pattern)
            await add_servers(connection, runtime.keyring, realm_id, servers)
            detail = {"servers": [each.shown for each in servers]}
            await record(connection, "add realm", pattern, council_id=chosen.id, detail=detail)

    perform(work)
    typer.echo(f"added {pattern}; the RADIUS server knows it within a second. Try it: citywifi realm check '{pattern}'")


@app.command("list")
def list_all(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List realms and home servers, and how the running RADIUS server finds them; secrets are never shown."""
    rows = perform(lambda runtime: list_realms(runtime.database, council))
    states = states_of_running_server(load_settings().monitoring)
    for row in rows:
        row["state"] = states.get(row["server"] or "", UNKNOWN)
    if as_json:
        print_json(rows)
        return
    table = Table("Realm", "Home server", "Transport", "Accounting", "Priority", "State", box=None, pad_edge=False)
    for row in rows:
        accounting = "–" if row["accounting_port"] is None else str(row["accounting_port"])
        priority = "–" if row["priority"] is None else str(row["priority"])
        table.add_row(
            row["realm"], row["server"] or "none", row["transport"] or "–", accounting, priority, row["state"]
        )
    print_table(table)


@app.command()
def remove(name: Name, council: CouncilCode = None) -> None:
    """Remove a realm with its home servers: its residents are served here no longer."""
    pattern = _checked(name)

    async def work(runtime: Runtime) -> None:
        async with runtime.database.write() as connection:
            realm = await find_realm(connection, pattern, council)
            await remove_realm(connection, realm.id)
            await record(connection, "remove realm", pattern, council_id=realm.council_id)

    perform(work)
    typer.echo(f"removed {pattern}; within a second its residents are served here no longer")


@app.command()
def check(name: Name, council: CouncilCode = None) -> None:
    """Ask each home server of a realm for its status (Status-Server), and say what came back."""
    pattern = _checked(name)
    findings = perform(lambda runtime: check_servers(runtime, pattern, council))
    for finding in findings:
        typer.echo(f"{finding.server}  {finding.words}")
    if not all(finding.is_answered for finding in findings):
        raise typer.Exit(1)


def _checked(name: str) -> str:
    try:
        return realm_pattern(name)
    except LocalFaultError as error:
        raise CommandError(str(error)) from None
