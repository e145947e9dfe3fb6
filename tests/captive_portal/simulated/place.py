"""A library with one simulated gateway, a portal and a RADIUS server, all of this process and on one database."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from aiohttp import DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from sqlalchemy import select
from yarl import URL

from captive_portal.app import create_app
from captive_portal.storage import journeys
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import (
    access_points,
    councils,
    network_access_servers,
    terms_versions,
    venues,
    verification_codes,
)
from foundation.settings import PortalSettings, Settings
from radius.server import RadiusServer, running
from tests.captive_portal.simulated.base import (
    ACCESS_POINT,
    RADIUS_SECRET,
    Answer,
    Device,
    SimulatedGateway,
    Surroundings,
    new_device,
)
from tests.captive_portal.simulated.browser import SimulatedBrowser
from tests.captive_portal.simulated.clients import CLIENTS
from tests.radius.support import radius_settings
from tools.free_ports import free_ports

PORTAL_URL: Final = "https://portal.example"
_TIMES: Final = ("handed_over_at", "released_at", "waiting_since")
_CLIENTS: Final = {client.name: client for client in CLIENTS}


@dataclass(slots=True, eq=False)
class Place:
    """Where residents arrive; ``browser`` makes one of them."""

    runtime: Runtime
    gateway: SimulatedGateway
    radius: RadiusServer
    council_id: int
    nas_id: int
    arrival_key: str | None
    _portal: TestClient[Request, Application]
    _devices: list[Device] = field(default_factory=list)

    @property
    def database(self) -> Database:
        """The one that portal and RADIUS share."""
        return self.runtime.database

    def device(self, *, ipv6_only: bool = False) -> Device:
        """One that was never here before."""
        self._devices.append(new_device(len(self._devices) + 1, ipv6_only=ipv6_only))
        return self._devices[-1]

    def browser(self, client: str = "firefox", device: Device | None = None) -> SimulatedBrowser:
        """A client of that name on a device, else on a new one."""
        return SimulatedBrowser(_CLIENTS[client], device or self.device(), self.gateway, PORTAL_URL, self.ask)

    async def let_time_pass(self, browser: SimulatedBrowser, passed: timedelta) -> None:
        """The browser's journey, and every code that was sent, are so much older."""
        path_id, now = browser.journey_url.split("/")[-2], datetime.now(UTC)
        keyring = self.runtime.keyring
        async with self.database.short_write() as connection:
            visit = await journeys.load_visit(connection, keyring, path_id, PORTAL_URL, now=now, for_update=True)
            assert visit is not None
            journey = visit.journey
            times = {
                name: getattr(journey.details, name) for name in ("handed_over_at", "released_at", "waiting_since")
            }
            details = replace(journey.details, **{name: at and at - passed for name, at in times.items()})
            aged = replace(journey, details=details, expires_at=journey.expires_at - passed)
            await journeys.save(connection, keyring, aged, now)
        async with self.database.write() as connection:
            codes = verification_codes.c
            for row in await connection.execute(select(codes.id, codes.created_at, codes.expires_at)):
                older = {"created_at": row.created_at - passed, "expires_at": row.expires_at - passed}
                await connection.execute(verification_codes.update().where(codes.id == row.id).values(**older))

    async def ask(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask the portal. The address goes out as it stands: a seal is broken by quoting it anew."""
        async with self._portal.request(
            method, URL(path, encoded=True), data=fields, headers=headers, allow_redirects=False
        ) as response:
            assert "Set-Cookie" not in response.headers
            answered = dict(response.headers)
            return Answer(response.status, await response.text(), response.headers.get("Location"), answered)


@asynccontextmanager
async def open_place(
    gateway: SimulatedGateway, database: Database, keyring: Keyring, folder: Path
) -> AsyncIterator[Place]:
    """Build it around a gateway; ``folder`` takes the outbox and the journal."""
    authentication_port, accounting_port = free_ports(2)
    settings = Settings(
        demo=True,
        data_directory=folder,
        portal=PortalSettings(public_url=PORTAL_URL),
        radius=radius_settings(authentication_port=authentication_port, accounting_port=accounting_port),
    )
    runtime = Runtime(settings, database, keyring)
    arrival_key = secrets.token_urlsafe(16) if gateway.has_own_arrival_address else None
    await gateway.open()
    try:
        # Before RADIUS begins, which would else see the row a second later.
        council_id, nas_id = await _build(runtime, gateway, arrival_key)
        async with running(runtime) as radius, _portal_of(runtime) as portal:
            place = Place(runtime, gateway, radius, council_id, nas_id, arrival_key, portal)
            gateway.configure(_surroundings(place))
            yield place
            await gateway.settle()
    finally:
        await gateway.close()


def _surroundings(place: Place) -> Surroundings:
    own = f"/{place.arrival_key}" if place.arrival_key else ""
    radius = place.runtime.settings.radius
    return Surroundings(
        portal_url=PORTAL_URL,
        arrival_url=f"{PORTAL_URL}/arrive/{place.gateway.driver}{own}",
        authentication_server=(radius.host, radius.authentication_port),
        accounting_server=(radius.host, radius.accounting_port),
        ask_portal=place.ask,
    )


@asynccontextmanager
async def _portal_of(runtime: Runtime) -> AsyncIterator[TestClient[Request, Application]]:
    server = TestServer(create_app(runtime))
    client: TestClient[Request, Application] = TestClient(server, cookie_jar=DummyCookieJar())
    async with client:
        yield client


async def _build(runtime: Runtime, gateway: SimulatedGateway, arrival_key: str | None) -> tuple[int, int]:
    """A council with terms, a library, the gateway and its access point; the council's and gateway's numbers."""
    now, keyring = datetime.now(UTC), runtime.keyring
    made = {"created_at": now, "updated_at": now}
    sealed = keyring.encrypt("portal secret", gateway.portal_secret) if gateway.portal_secret else None
    async with runtime.database.write() as connection:
        council = councils.insert().values(code="E08000026", name="Coventry", created_at=now).returning(councils.c.id)
        owned = {"council_id": (await connection.execute(council)).scalar_one()}
        venue = venues.insert().values(**owned, source="test", reference="1", name="Central Library", **made)
        owned_place = owned | {"venue_id": (await connection.execute(venue.returning(venues.c.id))).scalar_one()}
        nas = network_access_servers.insert().values(
            **owned_place,
            **made,
            **gateway.row(),
            name="Central Library",
            secret_encrypted=keyring.encrypt("nas secret", RADIUS_SECRET),
            portal_secret_encrypted=sealed,
            arrival_key=arrival_key,
            gateway_options=json.dumps(gateway.options),
        )
        nas_id = (await connection.execute(nas.returning(network_access_servers.c.id))).scalar_one()
        hall = {"name": "Ground floor", "mac_address": ACCESS_POINT.octets.hex(), "created_at": now}
        await connection.execute(access_points.insert().values(**owned_place, nas_id=nas_id, **hall))
        terms = {"version": 1, "language": "en", "text": "# Be kind\n\nDo not break the law.", "published_at": now}
        await connection.execute(terms_versions.insert().values(**owned, **terms))
    return owned["council_id"], nas_id
