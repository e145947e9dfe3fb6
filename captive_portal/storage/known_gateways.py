"""The gateways of an installation as the portal's drivers know them, for whoever explains and configures them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Row, select

from captive_portal.errors import PortalError
from captive_portal.essentials.sites import hosts_of
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.configuration import Site
from captive_portal.laboratory import KnownGateway
from captive_portal.storage.equipment import GATEWAY_COLUMNS, gateway_of
from captive_portal.storage.essentials import offered_sites
from foundation.database import Statements
from foundation.mac_address import MacAddress
from foundation.runtime import Runtime
from foundation.schema import access_points, is_in_service, network_access_servers

_NAS = network_access_servers.c


class NoDriverError(PortalError):
    """A gateway is entered with a kind that no driver understands."""


async def list_known(
    connection: Statements, runtime: Runtime, councils: Collection[int] | None = None
) -> list[KnownGateway]:
    """Every gateway in service that a driver understands; of these councils only, where some are given."""
    stations: dict[int, set[MacAddress]] = defaultdict(set)
    question = select(access_points.c.nas_id, access_points.c.mac_address)
    for nas_id, mac_address in await connection.execute(question):
        stations[nas_id].add(MacAddress.parse(mac_address))
    wanted = _select().where(is_in_service()).order_by(_NAS.name)
    rows = await connection.execute(wanted if councils is None else wanted.where(_NAS.council_id.in_(councils)))
    return [
        _known(runtime, row, driver, frozenset(stations[row.gateway_id]))
        for row in rows
        if (driver := row.gateway_driver or row.vendor) in DRIVERS
    ]


async def site_of(
    connection: Statements, runtime: Runtime, nas_id: int, radius_host: str | None = None
) -> tuple[GatewayDriver, Site]:
    """A gateway's driver, and what its configuration names. Raises NoDriverError."""
    row = (await connection.execute(_select().where(_NAS.id == nas_id))).one()
    name = row.gateway_driver or row.vendor
    if name not in DRIVERS:
        raise NoDriverError(
            f"the captive portal has no driver {name!r}, which {row.gateway_name!r} is entered with; "
            f"it has {', '.join(DRIVERS)}"
        )
    portal_url = runtime.settings.portal.public_url.rstrip("/")
    gateway = _known(runtime, row, name, frozenset()).gateway
    radius = runtime.settings.radius
    return DRIVERS[name], Site(
        gateway=gateway,
        portal_url=portal_url,
        arrival_url=gateway.portal_address,
        api_url=f"{portal_url}/api/capport/{gateway.arrival_key}/" if gateway.arrival_key else "",
        radius_host=radius_host or _reachable(radius.host) or urlsplit(portal_url).hostname or "",
        authentication_port=radius.authentication_port,
        accounting_port=radius.accounting_port,
        walled_garden=hosts_of(await offered_sites(connection, gateway.council_id)),
    )


def _select() -> Any:
    return select(
        *GATEWAY_COLUMNS,
        _NAS.gateway_driver,
        _NAS.vendor,
        _NAS.dynamic_authorization_host,
        _NAS.dynamic_authorization_port,
    )


def _known(runtime: Runtime, row: Row[*tuple[Any, ...]], driver: str, stations: frozenset[MacAddress]) -> KnownGateway:
    portal_url = runtime.settings.portal.public_url.rstrip("/")
    host, port = row.dynamic_authorization_host, row.dynamic_authorization_port
    return KnownGateway(
        driver,
        gateway_of(runtime.keyring, row, driver, portal_url),
        stations,
        f"{host} port {port}" if host else None,
    )


def _reachable(host: str) -> str | None:
    """The RADIUS server's address, if it is one that a gateway can use."""
    return None if host in ("0.0.0.0", "::", "127.0.0.1", "::1") else host  # noqa: S104  compared, not bound
