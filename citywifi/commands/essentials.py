"""``citywifi essentials``: sites that residents can open before they sign up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from captive_portal.essentials import watch
from captive_portal.essentials.before_login import FOREIGN_HOST, BeforeLogin, Reach, load_sites, try_sites
from captive_portal.essentials.sites import EssentialsError, EssentialSite, Purpose, make_site
from captive_portal.storage import essentials as storage
from captive_portal.storage.essentials import Checked, Listed
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, print_table, record, shown_time
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.database import Statements
from foundation.runtime import Runtime

app = typer.Typer(help="Sites that residents can open before they sign up.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="KEY", help="As `citywifi essentials list` calls it.")]
_Change = Callable[[Statements, int], Awaitable[str]]


@app.command("list")
def list_sites(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the sites, the hosts that equipment is told of, and what the last look at them found."""
    listed, checks = perform(lambda runtime: _list(runtime, council))
    if as_json:
        print_json([_as_values(one, checks.get(one.site.key)) for one in listed])
        return
    table = Table("Key", "Name", "Hosts", "Offered", "Last look", box=None, pad_edge=False)
    for one in listed:
        checked = checks.get(one.site.key)
        found = "–" if checked is None else f"{shown_time(checked.checked_at)} {checked.problem or 'answers'}"
        offered = "left out" if one.is_left_out else "yes"
        table.add_row(one.site.key, one.site.name, ", ".join(one.site.hosts), offered, found)
    print_table(table)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="As residents read it.")],
    address: Annotated[str, typer.Argument(metavar="URL", help="Where its link leads, with https://.")],
    host: Annotated[
        list[str] | None,
        typer.Option(help="Another host that its pages need, or *. and a name; can be given again."),
    ] = None,
    purpose: Annotated[str, typer.Option(help=f"What it is for: {', '.join(Purpose)}.")] = Purpose.COUNCIL.value,
    council: CouncilCode = None,
) -> None:
    """Let residents open a site before they sign up, or change one that is there.

    Residents see it at once; equipment lets it through when its configuration is entered anew.
    """
    try:
        site = make_site(name, address, host or (), purpose)
    except EssentialsError as error:
        raise CommandError(str(error)) from None

    async def put(connection: Statements, council_id: int) -> str:
        await storage.put_site(connection, council_id, site, datetime.now(UTC))
        return f"{site.key}: {', '.join(site.hosts)}; enter each gateway's configuration anew"

    _change(council, "add an essential site", site.key, put)


@app.command()
def remove(key: Key, council: CouncilCode = None) -> None:
    """Offer a site no longer. One that comes with CityWiFi can be put back."""

    async def take_out(connection: Statements, council_id: int) -> str:
        if not await storage.remove_site(connection, council_id, key, datetime.now(UTC)):
            raise EssentialsError(f"there is no site {key!r}; see: citywifi essentials list")
        return f"{key} is offered no longer; enter each gateway's configuration anew"

    _change(council, "remove an essential site", key, take_out)


@app.command()
def put_back(key: Key, council: CouncilCode = None) -> None:
    """Offer one that comes with CityWiFi again, as it comes."""

    async def put(connection: Statements, council_id: int) -> str:
        if not await storage.put_back(connection, council_id, key):
            raise EssentialsError(f"none that comes with CityWiFi is called {key!r}; see: citywifi essentials list")
        return f"{key} is offered again; enter each gateway's configuration anew"

    _change(council, "put back an essential site", key, put)


@app.command()
def check(
    before_login: Annotated[
        bool,
        typer.Option("--before-login", help="From this device on a venue's WiFi, which has not signed up."),
    ] = False,
    portal: Annotated[str | None, typer.Option(metavar="URL", help="The portal's address, for --before-login.")] = None,
    foreign: Annotated[str, typer.Option(metavar="HOST", help="One that must be shut before login.")] = FOREIGN_HOST,
    council: CouncilCode = None,
    as_json: AsJson = False,
) -> None:
    """Look whether the sites answer, and whether their pages need hosts that are not in the list.

    With --before-login: whether this device can open them now, and nothing else; that needs no installation here, only
    the portal's address and the council's code. Exit status 1 when something is wrong.
    """
    if before_login:
        if portal is None or council is None:
            raise CommandError("--before-login needs --portal URL and --council CODE: the list comes from the portal")
        _check_before_login(portal, council, foreign, as_json=as_json)
        return
    looked = perform(lambda runtime: _check(runtime, council))
    if as_json:
        print_json([{"key": site.key, **asdict(found)} for site, found in looked])
    else:
        table = Table("Key", "Answer", "Hosts that it wants and that are not in the list", box=None, pad_edge=False)
        for site, found in looked:
            table.add_row(site.key, found.problem or "answers", ", ".join(found.missing_hosts) or "–")
        print_table(table)
    if any(found.problem for _, found in looked):
        raise typer.Exit(1)


def _check_before_login(portal: str, council: str, foreign: str, *, as_json: bool) -> None:
    async def look() -> BeforeLogin:
        return await try_sites(await load_sites(portal, council), foreign)

    try:
        found = asyncio.run(look())
    except EssentialsError as error:
        raise CommandError(str(error)) from None
    if as_json:
        sites = [{"key": tried.site.key, "hosts": dict(tried.hosts)} for tried in found.sites]
        print_json({"sites": sites, "foreign": {foreign: found.foreign}})
    else:
        table = Table("Key", "Host", "Before login", box=None, pad_edge=False)
        for tried in found.sites:
            for host, reach in tried.hosts:
                table.add_row(tried.site.key, host, reach)
        table.add_row("(on no list)", foreign, found.foreign)
        print_table(table)
        _explain(found, foreign)
    if not found.is_right:
        raise typer.Exit(1)


def _explain(found: BeforeLogin, foreign: str) -> None:
    if found.foreign is Reach.OPEN:
        typer.echo(f"{foreign} is open: this device has signed up already, or the gateway lets everything through")
    elif found.is_right:
        typer.echo("all of them are open, and the rest is shut")
    else:
        typer.echo("enter the gateway's configuration anew (citywifi nas configuration) and look at its notes")


def _change(council: str | None, action: str, key: str, change: _Change) -> None:
    async def work(runtime: Runtime) -> str:
        chosen = await find_council(runtime.database, council)
        async with runtime.database.write() as connection:
            said = await change(connection, chosen.id)
            await record(connection, action, key, council_id=chosen.id)
        return said

    try:
        typer.echo(perform(work))
    except EssentialsError as error:
        raise CommandError(str(error)) from None


async def _list(runtime: Runtime, council: str | None) -> tuple[list[Listed], Mapping[str, Checked]]:
    chosen = await find_council(runtime.database, council)
    async with runtime.database.read() as connection:
        return await storage.list_sites(connection, chosen.id), await storage.load_checks(connection, chosen.id)


async def _check(runtime: Runtime, council: str | None) -> list[tuple[EssentialSite, Checked]]:
    chosen = await find_council(runtime.database, council)
    async with runtime.database.read() as connection:
        sites = await storage.offered_sites(connection, chosen.id)
    return await watch.check(runtime, chosen.id, sites, datetime.now(UTC))


def _as_values(one: Listed, checked: Checked | None) -> dict[str, object]:
    site = one.site
    return {
        "key": site.key,
        "purpose": site.purpose,
        "name": site.name,
        "address": site.address,
        "hosts": site.hosts,
        "offered": not one.is_left_out,
        "last_look": None if checked is None else asdict(checked),
    }
