"""``citywifi policy``: what devices may do, by venue, network and group of residents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json
from citywifi.errors import CommandError
from citywifi.imports.store import Council, find_council
from citywifi.policies import (
    Found,
    Where,
    describe,
    find_place,
    origin_of,
    read_policies,
    remove_policy,
    set_policy,
)
from citywifi.policy_values import LIMITS, Limit, read_limits, show_limit
from foundation.runtime import Runtime
from foundation.settings import RadiusSettings
from radius import attribute_text
from radius.attributes import encode_all
from radius.authentication.outcome import RejectReason
from radius.authorization import lasting_attributes
from radius.policies.decision import Grant, decide
from radius.policies.directory import PolicyTable
from radius.policies.effective import Limits, Place, Policy, sources
from radius.vendors import NAMES, VENDORS, Pairs, Vendor

app = typer.Typer(help="What devices may do: time, data, speed, VLAN, opening times.", no_args_is_help=True)

VenueReference = Annotated[
    str | None, typer.Option("--venue", metavar="REF", help="Reference of a venue in its register, or its name.")
]
NetworkName = Annotated[str | None, typer.Option("--network", metavar="SSID", help="Name of a network.")]
GroupName = Annotated[str | None, typer.Option("--group", metavar="GROUP", help="A group of residents, such as staff.")]
Written = str | None


def _limit(name: str, example: str) -> Any:
    limit = next(each for each in LIMITS if each.name == name)
    words = "inherit" if limit.without is None or name == "opening" else "none or inherit"
    return typer.Option(limit.option, metavar="LIMIT", help=f"Such as {example}; or {words}.", show_default=False)


@app.command("set")
def set_limits(
    council: CouncilCode = None,
    venue: VenueReference = None,
    network: NetworkName = None,
    group: GroupName = None,
    opening: Annotated[Written, _limit("opening", "08:00-22:00, or always")] = None,
    session_seconds: Annotated[Written, _limit("session_seconds", "4h")] = None,
    idle_seconds: Annotated[Written, _limit("idle_seconds", "15min")] = None,
    daily_seconds: Annotated[Written, _limit("daily_seconds", "6h")] = None,
    daily_octets: Annotated[Written, _limit("daily_octets", "2GB")] = None,
    download: Annotated[Written, _limit("download_kilobits_per_second", "10Mbit/s")] = None,
    upload: Annotated[Written, _limit("upload_kilobits_per_second", "2Mbit/s")] = None,
    devices: Annotated[Written, _limit("simultaneous_devices", "3")] = None,
    vlan: Annotated[Written, _limit("vlan", "20")] = None,
    filter_name: Annotated[Written, _limit("filter_name", "guests")] = None,
) -> None:
    """Set limits for a council, venue, network or group; its other limits stay as they are.

    ``none`` frees from a limit that a less exact policy has; ``inherit`` leaves it to that policy or to the setting.
    """
    written = {
        "opening": opening,
        "session_seconds": session_seconds,
        "idle_seconds": idle_seconds,
        "daily_seconds": daily_seconds,
        "daily_octets": daily_octets,
        "download_kilobits_per_second": download,
        "upload_kilobits_per_second": upload,
        "simultaneous_devices": devices,
        "vlan": vlan,
        "filter_name": filter_name,
    }
    limits = read_limits(written)
    if not limits:
        raise CommandError("give at least one limit, such as --session-time 4h; `citywifi policy set --help` has all")
    where = Where(council, venue, network, group)
    found, is_new, has_members = perform(lambda runtime: set_policy(runtime, where, limits))
    typer.echo(f"{'made' if is_new else 'changed'} the policy for {found.words}; in force within a second")
    if found.place.group_name and not has_members:
        typer.echo(f"nobody is in the group {found.place.group_name} yet")


@app.command("list")
def list_policies(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the policies with all limits that are in force where they count."""

    async def work(runtime: Runtime) -> tuple[list[Policy], PolicyTable, dict[int, str], Council]:
        chosen = await find_council(runtime.database, council)
        table, names = await read_policies(runtime)
        own = [policy for policy in table.policies if policy.place.council_id == chosen.id]
        return sorted(own, key=lambda policy: policy.exactness), table, names, chosen

    own, table, names, chosen = perform(work)
    if as_json:
        print_json([_as_values(policy, table, names) for policy in own])
        return
    if all(policy.place != Place(chosen.id) for policy in own):
        own.insert(0, Policy(Place(chosen.id), Limits()))
    shown = Table("For", "In force there (what is decided elsewhere is in brackets)", box=None, pad_edge=False)
    for policy in own:
        words = describe(policy.place, names.get(policy.place.venue_id or 0, ""), chosen.name)
        shown.add_row(words, ", ".join(filter(None, (_cell(limit, policy, table) for limit in LIMITS))))
    Console().print(shown, markup=False, highlight=False)


@app.command()
def show(
    council: CouncilCode = None,
    venue: VenueReference = None,
    network: NetworkName = None,
    group: GroupName = None,
    vendor: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Show the attributes for: {', '.join(NAMES)}.")
    ] = None,
) -> None:
    """Show the limits in force somewhere for somebody, which policy each comes from, and the RADIUS attributes."""
    if vendor is not None and vendor not in VENDORS:
        raise CommandError(f"{vendor!r} is no vendor that is known; there are {', '.join(NAMES)}")

    async def work(runtime: Runtime) -> tuple[Found, PolicyTable, dict[int, str], RadiusSettings]:
        place = await find_place(runtime.database, Where(council, venue, network, group))
        return place, *await read_policies(runtime), runtime.settings.radius

    found, table, names, settings = perform(work)
    typer.echo(f"In force for {found.words}:")
    shown = Table.grid(padding=(0, 3))
    effective = table.effective(found.place)
    for limit in LIMITS:
        value = getattr(effective, limit.name)
        origin = origin_of(sources(table.policies, found.place)[limit.name], limit, names, found.council.name)
        shown.add_row(f"  {limit.title}", show_limit(limit, value), origin)
    Console().print(shown, markup=False, highlight=False)
    now = datetime.now(UTC)
    granted = decide(effective, now, table.time_zone(found.place.council_id))
    if isinstance(granted, RejectReason):
        typer.echo(f"At this moment nobody is let on: {granted.explanation}.")
        granted = Grant(effective.session_seconds, effective.daily_octets)
    if vendor is not None:
        _show_attributes(VENDORS[vendor], lasting_attributes(effective, VENDORS[vendor]), granted, settings)


@app.command()
def remove(
    council: CouncilCode = None, venue: VenueReference = None, network: NetworkName = None, group: GroupName = None
) -> None:
    """Remove the policy of exactly this council, venue, network and group; less exact ones stay."""
    where = Where(council, venue, network, group)
    found = perform(lambda runtime: remove_policy(runtime, where))
    typer.echo(f"removed the policy for {found.words}; in force within a second")


def _cell(limit: Limit, policy: Policy, table: PolicyTable) -> str:
    own = getattr(policy.limits, limit.name)
    if own is not None:
        return f"{limit.title} {show_limit(limit, own)}"
    inherited = getattr(table.effective(policy.place), limit.name)
    return "" if inherited is None else f"({limit.title} {show_limit(limit, inherited)})"


def _show_attributes(vendor: Vendor, lasting: Pairs, granted: Grant, settings: RadiusSettings) -> None:
    typer.echo(f"To {vendor.title}, for a device that gets on and used nothing today:")
    if not vendor.speaks_radius:
        typer.echo("  nothing, because it speaks no RADIUS")
    else:
        interval = max(settings.interim_interval_seconds, vendor.shortest_interim_seconds)
        data = () if granted.data_octets is None else vendor.data(granted.data_octets)
        told: Pairs = (
            ("Session-Timeout", granted.session_seconds),
            *data,
            *lasting,
            ("Acct-Interim-Interval", interval),
        )
        for line in attribute_text.describe(encode_all(told)):
            typer.echo(f"  {line}")
        if granted.data_octets is not None and not data:
            typer.echo("It cannot be told of daily data; the session is ended when they are used up.")
    typer.echo(vendor.notes)


def _as_values(policy: Policy, table: PolicyTable, names: dict[int, str]) -> dict[str, Any]:
    """For programs: seconds, octets, kilobits a second."""
    place, effective = policy.place, table.effective(policy.place)

    def values(limits: Any) -> dict[str, Any]:
        return {limit.name: getattr(limits, limit.name) for limit in LIMITS}

    return {
        "venue": names.get(place.venue_id or 0, ""),
        "network": place.network_name,
        "group": place.group_name,
        "says": values(policy.limits),
        "in_force": values(effective),
    }
