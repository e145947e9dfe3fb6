"""The command ``citywifi``: what its groups are, and how an error that a person can mend is shown."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from citywifi.command_group import group_of
from citywifi.demo_settings import use_running_demo

# In the order of the help.
_MODULES: Final = {
    "serve": "citywifi.commands.serve",
    "doctor": "citywifi.commands.doctor",
    "replay": "citywifi.commands.replay",
    "database": "citywifi.commands.database",
    "council": "citywifi.commands.council",
    "terms": "citywifi.commands.terms",
    "marketing": "citywifi.commands.marketing",
    "branding": "citywifi.commands.branding",
    "certificates": "citywifi.commands.certificates",
    "credentials": "citywifi.commands.credentials",
    "nas": "citywifi.commands.nas",
    "gateway": "citywifi.commands.gateway",
    "essentials": "citywifi.commands.essentials",
    "policy": "citywifi.commands.policy",
    "problem": "citywifi.commands.problem",
    "realm": "citywifi.commands.realm",
    "import": "citywifi.commands.imports",
    "radius": "citywifi.commands.radius",
    "report": "citywifi.commands.report",
    "session": "citywifi.commands.session",
    "simulate": "citywifi.commands.simulate",
    "ways": "citywifi.commands.ways",
    "voucher": "citywifi.commands.voucher",
    "sponsor": "citywifi.commands.sponsor",
    "staff": "citywifi.commands.staff",
    "api-key": "citywifi.commands.api_key",
    "requests": "citywifi.commands.requests",
    "disclosures": "citywifi.commands.disclosures",
    "retention": "citywifi.commands.retention",
    "hold": "citywifi.commands.hold",
}

app = typer.Typer(
    name="citywifi",
    cls=group_of(_MODULES),
    help="A city's free public WiFi: captive portal, RADIUS server and monitoring.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    except Exception as error:
        from citywifi.mendable import MENDABLE

        if not isinstance(error, MENDABLE):
            raise
        typer.secho(f"citywifi: {error}", fg="red", err=True)
        sys.exit(2)
