"""``citywifi nas``: network access servers and their access points. Changes are effective within a second."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.commands import access_points, nas_configuration
from citywifi.commands.workplace import (
    AsJson,
    CouncilCode,
    perform,
    print_json,
    print_table,
    read_secret_line,
    record,
    shown_time,
)
from citywifi.equipment import Nas, find_nas, find_venue, list_nas, moment_of_change, refuse_taken, retire_nas
from citywifi.equipment_values import (
    RADSEC_SECRET,
    check_together,
    checked_columns,
    checked_duration,
    checked_secret,
    make_secret,
    with_default_port,
)
from citywifi.errors import CommandError
from citywifi.gateway_values import (
    GatewayChange,
    arrival_address,
    check_reachable,
    checked_portal_secret,
    gateway_columns,
    vendor_of_driver,
    without_key,
)
from citywifi.imports.store import find_council
from foundation.runtime import Runtime
from foundation.schema import network_access_servers
from foundation.settings import load_settings

app = typer.Typer(help="Network access servers: who may speak RADIUS to us.", no_args_is_help=True)
app.add_typer(access_points.app, name="access-point")
app.command("configuration")(nas_configuration.configuration)

NetworkArgument = Annotated[
    str | None,
    typer.Argument(metavar="NETWORK", help="Where its packets come from: 192.0.2.0/24, 192.0.2.1, 2001:db8::/64."),
]
Which = Annotated[str, typer.Argument(metavar="NETWORK|NAME", help="Its network, name or RadSec name.")]
SecretStdin = Annotated[
    bool, typer.Option("--secret-stdin", help="Read the shared secret from standard input instead of making one.")
]
PortalSecretStdin = Annotated[
    bool,
    typer.Option("--portal-secret-stdin", help="Read the portal's secret (uamsecret) from standard input, after it."),
]
VendorName = Annotated[
    str | None, typer.Option(help="coovachilli, mikrotik, cisco, …, other; of add, the driver's if not given.")
]
Driver = Annotated[
    str | None, typer.Option(metavar="NAME", help="How the captive portal speaks to it, such as unifi or mikrotik.")
]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="What only this driver needs; repeated.")
]
Name = Annotated[str | None, typer.Option(help="What it is called here; its network if not given.")]
Venue = Annotated[str | None, typer.Option(metavar="REFERENCE", help="Everything behind it is at this venue.")]
Identifier = Annotated[str | None, typer.Option(help="What it calls itself (NAS-Identifier, nasid).")]
RadsecName = Annotated[str | None, typer.Option(metavar="DNS", help="It speaks RadSec; its certificate's name.")]
MessageAuthenticator = Annotated[
    str | None, typer.Option(metavar="require|auto", help="auto: required from the first one on that it sent.")
]
DisconnectHost = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where it takes Disconnect-Requests.")]
DisconnectPort = Annotated[int | None, typer.Option(help="Their port; the vendor's if not given.")]
LoginUrl = Annotated[str | None, typer.Option(metavar="URL", help="Where browsers log in, http://10.1.0.1:3990")]
PortalUrl = Annotated[str | None, typer.Option(metavar="URL", help="The portal's address as it has it (uamserver).")]
UnknownDevices = Annotated[
    str | None, typer.Option(metavar="reject|quarantine", help="What becomes of devices that nobody registered.")
]
QuarantineVlan = Annotated[int | None, typer.Option(help="VLAN for unknown devices.")]
QuarantineRole = Annotated[str | None, typer.Option(help="Role, list or group for unknown devices.")]
QuarantineUrl = Annotated[str | None, typer.Option(metavar="URL", help="Where unknown devices are redirected.")]


@app.command()
def add(
    network: NetworkArgument = None,
    vendor: VendorName = None,
    driver: Driver = None,
    option: Options = None,
    secret_stdin: SecretStdin = False,
    name: Name = None,
    venue: Venue = None,
    council: CouncilCode = None,
    identifier: Identifier = None,
    radsec_name: RadsecName = None,
    message_authenticator: MessageAuthenticator = None,
    disconnect_host: DisconnectHost = None,
    disconnect_port: DisconnectPort = None,
    login_url: LoginUrl = None,
    portal_url: PortalUrl = None,
    portal_secret_stdin: PortalSecretStdin = False,
    unknown_devices: UnknownDevices = None,
    quarantine_vlan: QuarantineVlan = None,
    quarantine_role: QuarantineRole = None,
    quarantine_url: QuarantineUrl = None,
) -> None:
    """Add a network access server. Without --secret-stdin a strong secret is made and shown once.

    NETWORK is left out for a gateway that the portal lets devices on at without RADIUS.
    """
    if radsec_name and secret_stdin:
        raise CommandError("RadSec has its certificate instead of a secret; leave out --secret-stdin")
    columns = checked_columns(
        {
            "network": network, "vendor": vendor or vendor_of_driver(driver), "nas_identifier": identifier,
            "radsec_name": radsec_name,
            "name": name or network or (radsec_name.lower() if radsec_name else None) or identifier or driver,
            "message_authenticator": message_authenticator,
            "dynamic_authorization_host": disconnect_host, "dynamic_authorization_port": disconnect_port,
            "login_url": login_url, "portal_url": portal_url, "unknown_devices": unknown_devices,
            "quarantine_vlan": quarantine_vlan, "quarantine_role": quarantine_role, "quarantine_url": quarantine_url,
        }
    )  # fmt: skip
    row = with_default_port({**_EMPTY, **columns, **gateway_columns({}, driver, option or ())})
    check_together(row)
    check_reachable(row)
    secret = RADSEC_SECRET if radsec_name else _read_secret(secret_stdin)
    portal_secret = _read_portal_secret(portal_secret_stdin, driver)
    perform(lambda runtime: _add(runtime, row, council, venue, secret, portal_secret))
    _tell_added(row, secret if network and not secret_stdin else None)


@app.command("list")
def list_servers(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the network access servers; secrets are never shown."""
    rows = perform(lambda runtime: _list(runtime, council))
    if as_json:
        print_json(rows)
        return
    table = Table("Network", "Name", "Vendor", "Driver", "Venue", "Transport", "Message-Authenticator", "Last heard",
                  "Secret", box=None, pad_edge=False)  # fmt: skip
    for row in rows:
        until = row["previous_secret_until"]
        table.add_row(
            row["network"] or row["radsec_name"] or ("–" if row["transport"] == "portal" else "removed"),
            row["name"],
            row["vendor"],
            row["gateway_driver"] or "–",
            row["venue"] or "–",
            row["transport"],
            row["message_authenticator_state"],
            shown_time(row["last_heard_at"]),
            f"old one until {until:%Y-%m-%d %H:%M}" if until else "",
        )
    print_table(table)


@app.command()
def rotate(
    which: Which,
    secret_stdin: SecretStdin = False,
    keep_old_for: Annotated[
        str, typer.Option(metavar="DURATION", help="How long the old secret is good, too: 30m, 1h, 2d or 0.")
    ] = "1h",
    council: CouncilCode = None,
) -> None:
    """Give a new shared secret; the old one is good for a while, so that the equipment can be changed after it."""
    overlap = checked_duration(keep_old_for)
    secret = _read_secret(secret_stdin)

    async def work(runtime: Runtime) -> tuple[str, datetime]:
        async with runtime.database.write() as connection:
            nas = await find_nas(connection, which, council)
            if nas.radsec_name is not None:
                raise CommandError(
                    "RadSec has a certificate instead of a secret: make a new one with citywifi certificates equipment"
                )
            if runtime.keyring.decrypt("nas secret", nas.secret_encrypted) == secret:
                raise CommandError("this is the present secret; give another, or leave out --secret-stdin")
            until = datetime.now(UTC) + overlap
            values = {
                "secret_encrypted": runtime.keyring.encrypt("nas secret", secret),
                "previous_secret_encrypted": nas.secret_encrypted if overlap else None,
                "previous_secret_until": until if overlap else None,
            }
            await _change(connection, nas, values, "rotate secret")
            return nas.name, until

    name, until = perform(work)
    kept = f"the old one is good until {until:%Y-%m-%d %H:%M:%S} UTC" if overlap else "the old one is good no longer"
    typer.echo(f"{name} has a new secret; {kept}")
    if not secret_stdin:
        typer.echo(f"the new secret, shown only now: {secret.decode()}")


@app.command()
def change(
    which: Which,
    network: Annotated[str | None, typer.Option(metavar="NETWORK", help="Where its packets come from now.")] = None,
    vendor: VendorName = None,
    driver: Driver = None,
    option: Options = None,
    new_arrival_address: Annotated[
        bool, typer.Option("--new-arrival-address", help="Make a new one; the old one is good no longer.")
    ] = False,
    name: Name = None,
    venue: Venue = None,
    council: CouncilCode = None,
    identifier: Identifier = None,
    message_authenticator: MessageAuthenticator = None,
    disconnect_host: DisconnectHost = None,
    disconnect_port: DisconnectPort = None,
    login_url: LoginUrl = None,
    portal_url: PortalUrl = None,
    portal_secret_stdin: PortalSecretStdin = False,
    unknown_devices: UnknownDevices = None,
    quarantine_vlan: QuarantineVlan = None,
    quarantine_role: QuarantineRole = None,
    quarantine_url: QuarantineUrl = None,
) -> None:
    """Change what is given; an empty text takes a value away. The shared secret is changed with rotate."""
    columns = checked_columns(
        {
            "network": network, "vendor": vendor, "name": name, "nas_identifier": identifier,
            "message_authenticator": message_authenticator, "dynamic_authorization_host": disconnect_host,
            "dynamic_authorization_port": disconnect_port, "login_url": login_url, "portal_url": portal_url,
            "unknown_devices": unknown_devices, "quarantine_vlan": quarantine_vlan,
            "quarantine_role": quarantine_role, "quarantine_url": quarantine_url,
        }
    )  # fmt: skip
    asked = GatewayChange(driver, tuple(option or ()), new_arrival_address)
    portal_secret = read_secret_line("the portal's secret") if portal_secret_stdin else None
    if not columns and venue is None and portal_secret is None and not asked:
        raise CommandError("nothing was given that should change; see: citywifi nas change --help")
    changed = perform(lambda runtime: _apply(runtime, which, council, columns, venue, portal_secret, asked))
    typer.echo(f"changed {changed['name']}; the RADIUS server knows it within a second")
    if asked:
        _tell_arrival_address(changed)


@app.command()
def remove(which: Which, council: CouncilCode = None) -> None:
    """Take a network access server out of service: what it sends is not answered any more."""

    async def work(runtime: Runtime) -> tuple[str, bool]:
        async with runtime.database.write() as connection:
            nas = await find_nas(connection, which, council)
            if nas.network is None and nas.radsec_name is None and nas.arrival_key is None:
                raise CommandError(f"{nas.name!r} was removed before; its row is kept for the history of its sessions")
            deleted = await retire_nas(connection, nas)
            await record(connection, "remove nas", f"network access server {nas.id}", council_id=nas.council_id)
            return nas.name, deleted

    name, deleted = perform(work)
    if deleted:
        typer.echo(f"removed {name} and its access points; nothing had been heard of it")
    else:
        typer.echo(
            f"removed {name}: it is not answered any more. Its sessions, log lines and access points stay for the "
            "history; an access point can be added again to another network access server"
        )


async def _add(
    runtime: Runtime,
    row: dict[str, Any],
    council: str | None,
    venue: str | None,
    secret: bytes,
    portal_secret: bytes | None,
) -> None:
    chosen = await find_council(runtime.database, council)
    row = {**row, "council_id": chosen.id, "secret_encrypted": runtime.keyring.encrypt("nas secret", secret)}
    if portal_secret is not None:
        row["portal_secret_encrypted"] = runtime.keyring.encrypt("portal secret", portal_secret)
    async with runtime.database.write() as connection:
        if venue:
            row["venue_id"] = await find_venue(connection, chosen.id, venue)
        await refuse_taken(connection, row)
        now = await moment_of_change(connection)
        statement = insert(network_access_servers).values(**row, created_at=now, updated_at=now)
        nas_id = (await connection.execute(statement.returning(network_access_servers.c.id))).scalar_one()
        subject = f"network access server {nas_id}"
        detail = {"name": row["name"], "network": row["network"], "radsec_name": row["radsec_name"]}
        await record(connection, "add nas", subject, council_id=chosen.id, detail=detail)


async def _apply(
    runtime: Runtime,
    which: str,
    council: str | None,
    columns: dict[str, Any],
    venue: str | None,
    portal_secret: str | None,
    asked: GatewayChange,
) -> Mapping[str, Any]:
    async with runtime.database.write() as connection:
        nas = await find_nas(connection, which, council)
        if venue is not None:
            columns["venue_id"] = await find_venue(connection, nas.council_id, venue) if venue else None
        if asked:
            columns |= asked.columns(nas._asdict())
        whole = with_default_port({**nas._asdict(), **columns})
        if portal_secret is not None:
            secret = checked_portal_secret(portal_secret, whole["gateway_driver"])
            columns["portal_secret_encrypted"] = runtime.keyring.encrypt("portal secret", secret)
        check_together(whole)
        check_reachable(whole)
        await refuse_taken(connection, whole, besides=nas.id)
        if columns.get("message_authenticator") == "auto":
            # It learns anew: the equipment may have been replaced by one that sends none.
            columns["message_authenticator_seen_at"] = None
        columns["dynamic_authorization_port"] = whole["dynamic_authorization_port"]
        await _change(connection, nas, columns, "change nas")
        return whole


async def _change(connection: AsyncConnection, nas: Nas, values: Mapping[str, Any], action: str) -> None:
    now = await moment_of_change(connection)
    statement = update(network_access_servers).where(network_access_servers.c.id == nas.id)
    await connection.execute(statement.values(**values, updated_at=now))
    detail = {"columns": sorted(values)}
    await record(connection, action, f"network access server {nas.id}", council_id=nas.council_id, detail=detail)


async def _list(runtime: Runtime, council: str | None) -> list[dict[str, Any]]:
    chosen = (await find_council(runtime.database, council)).id if council is not None else None
    async with runtime.database.read() as connection:
        rows = await list_nas(connection, chosen, datetime.now(UTC))
    portal_url = runtime.settings.portal.public_url
    return [{**without_key(row), "arrival_url": arrival_address(portal_url, row)} for row in rows]


def _read_secret(from_stdin: bool) -> bytes:
    return checked_secret(read_secret_line("a shared secret")) if from_stdin else make_secret()


def _read_portal_secret(from_stdin: bool, driver: str | None) -> bytes | None:
    return checked_portal_secret(read_secret_line("the portal's secret"), driver) if from_stdin else None


def _tell_added(row: Mapping[str, Any], made_secret: bytes | None) -> None:
    typer.echo(f"added {row['name']}; the RADIUS server knows it within a second")
    _tell_arrival_address(row)
    if row["radsec_name"]:
        typer.echo(
            f"its certificate is made with: citywifi certificates equipment {row['radsec_name']} --output FOLDER"
        )
    elif made_secret is not None:
        typer.echo(f"its secret, shown only now: {made_secret.decode()}")


def _tell_arrival_address(row: Mapping[str, Any]) -> None:
    address = arrival_address(load_settings().portal.public_url, row)
    if address is not None:
        typer.echo(f"where it sends browsers: {address}")
        typer.echo(f"what to enter there: citywifi nas configuration {shlex.quote(row['name'])}")


_EMPTY: Mapping[str, Any] = {
    "gateway_driver": None,
    "arrival_key": None,
    "login_url": None,
    "network": None,
    "radsec_name": None,
    "message_authenticator": "require",
    "unknown_devices": "reject",
    "quarantine_vlan": None,
    "quarantine_role": None,
    "quarantine_url": None,
    "dynamic_authorization_host": None,
    "dynamic_authorization_port": None,
}
