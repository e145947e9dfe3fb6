"""``citywifi nas configuration``: what an engineer enters into a gateway, ready to paste."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from captive_portal.essentials.resolution import addresses_of
from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.walled_garden import configuration_of
from captive_portal.storage.known_gateways import NoDriverError, site_of
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json
from citywifi.equipment import find_nas
from citywifi.errors import CommandError
from foundation.runtime import Runtime

Which = Annotated[str, typer.Argument(metavar="NETWORK|NAME", help="Its network, name or RadSec name.")]
RadiusHost = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Where the gateway reaches the RADIUS server, if not as set.")
]


def configuration(
    which: Which, radius_host: RadiusHost = None, council: CouncilCode = None, as_json: AsJson = False
) -> None:
    """Print what to enter into a gateway so that it uses this portal.

    SECRET stands for the shared secret and PORTAL-SECRET for the portal's: secrets are never printed.
    """
    driver, site, made = perform(lambda runtime: _find(runtime, which, radius_host, council))
    if as_json:
        print_json({"driver": driver.name, "title": driver.title, "arrival_url": site.arrival_url, **asdict(made)})
        return
    typer.echo(f"{site.gateway.name}: {driver.title} ({driver.name})")
    _show(made, site)


async def _find(
    runtime: Runtime, which: str, radius_host: str | None, council: str | None
) -> tuple[GatewayDriver, Site, Configuration]:
    async with runtime.database.read() as connection:
        nas = await find_nas(connection, which, council)
        try:
            driver, site = await site_of(connection, runtime, nas.id, radius_host)
        except NoDriverError as error:
            raise CommandError(str(error)) from None
    return driver, site, configuration_of(driver, site, await addresses_of(driver, site))


def _show(made: Configuration, site: Site) -> None:
    typer.echo(f"Where it sends browsers: {site.arrival_url}")
    option = made.captive_portal_option
    typer.echo(f"DHCP option 114 (RFC 8910): {option or 'leave it out'}")
    for snippet in made.snippets:
        typer.echo(f"\n== {snippet.title} – {snippet.place}\n{snippet.text}")
    if made.notes:
        typer.echo("\nLook at this, too:")
    for note in made.notes:
        typer.echo(f"- {note}")
