"""The command ``citywifi``: what its groups are, and how an error that a person can mend is shown."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from citywifi.commands import (
    branding,
    certificates,
    console_password,
    council,
    credentials,
    database,
    doctor,
    gateway,
    imports,
    nas,
    policy,
    radius,
    realm,
    replay,
    report,
    serve,
    session,
    simulate,
    sponsor,
    staff,
    terms,
    voucher,
    ways,
)
from citywifi.demo_settings import use_running_demo
from citywifi.mendable import MENDABLE

app = typer.Typer(
    name="citywifi",
    help="A city's free public WiFi: captive portal, RADIUS server and monitoring.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)
app.command("replay")(replay.replay)
app.command("console-password")(console_password.console_password)
app.add_typer(database.app, name="database")
app.add_typer(council.app, name="council")
app.add_typer(terms.app, name="terms")
app.add_typer(branding.app, name="branding")
app.add_typer(certificates.app, name="certificates")
app.add_typer(credentials.app, name="credentials")
app.add_typer(nas.app, name="nas")
app.add_typer(gateway.app, name="gateway")
app.add_typer(policy.app, name="policy")
app.add_typer(realm.app, name="realm")
app.add_typer(imports.app, name="import")
app.add_typer(radius.app, name="radius")
app.add_typer(report.app, name="report")
app.add_typer(session.app, name="session")
app.add_typer(simulate.app, name="simulate")
app.add_typer(ways.app, name="ways")
app.add_typer(voucher.app, name="voucher")
app.add_typer(sponsor.app, name="sponsor")
app.add_typer(staff.app, name="staff")


def _show_version(wanted: bool) -> None:
    if wanted:
        from foundation.telemetry import build_version

        typer.echo(build_version())
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001  its callback answers
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Work with the demo of `citywifi serve --demo`.")] = False,
) -> None:
    """A city's free public WiFi: captive portal, RADIUS server and monitoring."""
    if demo:
        use_running_demo()


def main() -> None:
    """Run the command line; exit status 2 with one sentence for what a person can mend."""
    try:
        app()
    except MENDABLE as error:
        typer.secho(f"citywifi: {error}", fg="red", err=True)
        sys.exit(2)
