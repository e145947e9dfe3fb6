"""``citywifi realm server``: the servers that authenticate a realm's residents."""

from __future__ import annotations

from typing import Annotated

import typer

from citywifi.commands.workplace import CouncilCode, perform, read_secret_line, record
from citywifi.equipment_values import RADSEC_SECRET, checked_secret
from citywifi.errors import CommandError
from citywifi.realms import WantedServer, add_servers, checked_server, find_realm, is_address, remove_server
from foundation.certificates import CertificateError, checked_dns_name
from foundation.runtime import Runtime

app = typer.Typer(help="The servers that authenticate a realm's residents.", no_args_is_help=True)

SecretStdin = Annotated[bool, typer.Option("--secret-stdin", help="Read the shared secret from standard input (UDP).")]
RadSec = Annotated[bool, typer.Option("--radsec", help="RADIUS over TLS instead of UDP; port 2083 if none is given.")]
ServerName = Annotated[
    str | None,
    typer.Option(metavar="DNS", help="The name in the certificate of a RadSec server; its host if not given."),
]
AccountingPort = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Forward accounting to this port; with RadSec any number, it goes the same way."
    ),
]
Priority = Annotated[int, typer.Option(min=0, max=1000, help="The lowest is asked first.")]
RealmName = Annotated[str, typer.Argument(metavar="REALM", help="The realm, as `citywifi realm list` shows it.")]
Host = Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="The home server.")]


@app.command()
def add(
    realm: RealmName,
    server: Host,
    secret_stdin: SecretStdin = False,
    radsec: RadSec = False,
    server_name: ServerName = None,
    accounting_port: AccountingPort = None,
    priority: Priority = 1,
    council: CouncilCode = None,
) -> None:
    """Add a home server to a realm."""
    wanted = wanted_servers([server], secret_stdin, radsec, server_name, accounting_port, priority)

    async def work(runtime: Runtime) -> None:
        async with runtime.database.write() as connection:
            found = await find_realm(connection, realm.lower(), council)
            await add_servers(connection, runtime.keyring, found.id, wanted)
            detail = {"servers": [each.shown for each in wanted]}
            await record(connection, "add home server", found.name, council_id=found.council_id, detail=detail)

    perform(work)
    typer.echo(f"added {wanted[0].shown}; the RADIUS server knows it within a second")


@app.command()
def remove(realm: RealmName, server: Host, council: CouncilCode = None) -> None:
    """Remove a home server from a realm."""

    async def work(runtime: Runtime) -> str:
        async with runtime.database.write() as connection:
            found = await find_realm(connection, realm.lower(), council)
            shown = await remove_server(connection, found.id, server)
            detail = {"servers": [shown]}
            await record(connection, "remove home server", found.name, council_id=found.council_id, detail=detail)
            return shown

    typer.echo(f"removed {perform(work)}")


def wanted_servers(
    texts: list[str],
    secret_stdin: bool,
    radsec: bool,
    server_name: str | None,
    accounting_port: int | None,
    priority: int,
) -> list[WantedServer]:
    """What the options say, in the order in which they are to be asked. Raises CommandError."""
    if radsec == secret_stdin:
        raise CommandError("a home server by UDP needs --secret-stdin; one by RadSec needs --radsec and no secret")
    if server_name is not None and not radsec:
        raise CommandError("--server-name is of a RadSec server's certificate; add --radsec")
    secret = RADSEC_SECRET if radsec else checked_secret(read_secret_line("the shared secret"))
    servers = []
    for number, text in enumerate(texts):
        host, port = checked_server(text, 2083 if radsec else 1812)
        name = _checked_name(server_name or host) if radsec else None
        servers.append(WantedServer(host, port, priority + number, secret, name, accounting_port))
    return servers


def _checked_name(name: str) -> str:
    try:
        if not is_address(name):
            return checked_dns_name(name)
    except CertificateError:
        pass
    raise CommandError(f"{name!r} is not a name that a certificate carries; give it with --server-name")
