"""A portal with one council, one library and its gateway; a phone that follows forms; what gateway and RADIUS do."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from sqlalchemy import select
from yarl import URL

from captive_portal.app import create_app
from captive_portal.gateways.coovachilli import seal
from captive_portal.languages import NAMES
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import (
    access_points,
    accounting_sessions,
    devices,
    network_access_servers,
    one_time_tokens,
    terms_versions,
    venues,
)
from foundation.settings import PortalSettings, Settings

PORTAL_URL = "http://portal.example"
LOGIN_URL = "http://10.1.0.1:3990"
PORTAL_SECRET = b"a portal secret"
PHONE = "00-00-5E-00-53-01"
Client = TestClient[Request, Application]


@dataclass(frozen=True, slots=True)
class City:
    """What the tests' portal serves."""

    runtime: Runtime
    council_id: int
    venue_id: int
    nas_id: int

    @property
    def database(self) -> Database:
        return self.runtime.database


@dataclass(slots=True)
class Form(HTMLParser):
    """The page's main form, read as a simulated phone reads it."""

    html: str
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    _inside: bool = False

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self._inside = attributes.get("id") == "main-form"
            if self._inside:
                self.action = attributes.get("action") or ""
        elif tag == "input" and self._inside and attributes.get("type") == "hidden":
            self.fields[attributes.get("name") or ""] = attributes.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(demo=True, data_directory=tmp_path / "data", portal=PortalSettings(public_url=PORTAL_URL))


@pytest.fixture
async def city(database: Database, keyring: Keyring, settings: Settings, council_id: int) -> City:
    return await build_city(Runtime(settings, database, keyring), council_id)


async def build_city(runtime: Runtime, council_id: int) -> City:
    """A library with a gateway, an access point and terms."""
    database, keyring = runtime.database, runtime.keyring
    now = datetime.now(UTC)
    async with database.write() as connection:
        venue = await connection.execute(
            venues.insert()
            .values(
                council_id=council_id,
                source="test",
                reference="1",
                name="Central Library",
                created_at=now,
                updated_at=now,
            )
            .returning(venues.c.id)
        )
        venue_id = int(venue.scalar_one())
        nas = await connection.execute(
            network_access_servers.insert()
            .values(
                council_id=council_id,
                name="Central Library",
                network="10.1.0.1/32",
                secret_encrypted=keyring.encrypt("nas secret", b"a radius secret"),
                vendor="coovachilli",
                venue_id=venue_id,
                nas_identifier="central",
                portal_secret_encrypted=keyring.encrypt("portal secret", PORTAL_SECRET),
                login_url=LOGIN_URL,
                created_at=now,
                updated_at=now,
            )
            .returning(network_access_servers.c.id)
        )
        nas_id = int(nas.scalar_one())
        await connection.execute(
            access_points.insert().values(
                council_id=council_id,
                nas_id=nas_id,
                venue_id=venue_id,
                name="Ground floor",
                mac_address="00005e005300",
                created_at=now,
            )
        )
    city = City(runtime, council_id, venue_id, nas_id)
    await publish_terms(city, 1)
    return city


async def publish_terms(city: City, version: int) -> None:
    """A new version of the terms, in every language."""
    others = dict.fromkeys(NAMES, "# 1\n\n2")
    texts = others | {
        "en": "# Be kind\n\nDo not break the law.",
        "cy": "# Byddwch yn garedig\n\nPeidiwch â thorri'r gyfraith.",
    }
    async with city.database.write() as connection:
        for language, text in texts.items():
            await connection.execute(
                terms_versions.insert().values(
                    council_id=city.council_id,
                    version=version,
                    language=language,
                    text=text,
                    published_at=datetime.now(UTC),
                )
            )


@pytest.fixture
async def client(city: City, aiohttp_client: Callable[[Application], Awaitable[Client]]) -> Client:
    return await aiohttp_client(create_app(city.runtime))


def redirect(secret: bytes | None = PORTAL_SECRET, **changed: str | None) -> str:
    """The path and query to which chilli sends a phone; a parameter given as None is left out."""
    parameters = {
        "res": "notyet",
        "uamip": "10.1.0.1",
        "uamport": "3990",
        "challenge": "000102030405060708090a0b0c0d0e0f",
        "called": "00-00-5E-00-53-00",
        "mac": PHONE,
        "ip": "10.1.0.23",
        "nasid": "central",
        "sessionid": "5f0a",
        "userurl": "http://example.org/",
        **changed,
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    query = urlencode(given, quote_via=quote)
    path = f"/arrive/coovachilli?{query}"
    return path if secret is None else f"{path}&md={seal(PORTAL_URL + path, secret)}"


@dataclass(slots=True)
class Phone:
    """A browser without scripts, cookies or any memory but the page in front of it."""

    client: Client
    city: City
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""
    status: int = 0
    text: str = ""

    async def get(self, path: str) -> Phone:
        """Open an address and follow it to its page, or to the gateway."""
        return await self._follow(await self._request("GET", path))

    async def post(self, path: str, **fields: str) -> Phone:
        """Post a form and follow the answer."""
        return await self._follow(await self._request("POST", path, fields))

    async def submit(self, **fields: str) -> Phone:
        """Fill in the page's main form and send it."""
        form = Form(self.text)
        assert form.action, f"no form on {self.path}"
        return await self.post(form.action, **{**form.fields, **fields})

    async def arrive(self, *, secret: bytes | None = PORTAL_SECRET, **changed: str | None) -> Phone:
        """Be redirected by the gateway."""
        return await self.get(redirect(secret, **changed))

    @property
    def page(self) -> str:
        """The last part of the address."""
        return self.path.partition("?")[0].rpartition("/")[2]

    async def _request(self, method: str, path: str, fields: dict[str, str] | None = None) -> ClientResponse:
        # As it stands, like a browser: a seal is broken by quoting the address anew.
        response = await self.client.request(
            method, URL(path, encoded=True), data=fields, headers=self.headers, allow_redirects=False
        )
        assert "Set-Cookie" not in response.headers
        self.path, self.status, self.text = path, response.status, await response.text()
        return response

    async def _follow(self, response: ClientResponse) -> Phone:
        while response.status in (302, 303):
            location = response.headers["Location"]
            if not location.startswith("/"):
                self.path = location
                return self
            response = await self._request("GET", location)
        return self


@pytest.fixture
def phone(client: Client, city: City) -> Phone:
    return Phone(client, city)


async def start_session(
    city: City,
    *,
    user_name: str | None = None,
    started_at: datetime | None = None,
    stopped_at: datetime | None = None,
    number: int = 1,
) -> None:
    """What RADIUS writes at Accounting-Start of the one device that is there."""
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        device = (await connection.execute(select(devices.c.id, devices.c.resident_id))).one()
        await connection.execute(
            accounting_sessions.insert().values(
                council_id=city.council_id,
                session_key=number.to_bytes(16, "big"),
                nas_id=city.nas_id,
                venue_id=city.venue_id,
                resident_id=device.resident_id,
                device_id=device.id,
                acct_session_id=str(number),
                user_name=user_name,
                started_at=started_at or now + timedelta(milliseconds=1),
                updated_at=now,
                received_at=now,
                stopped_at=stopped_at,
                input_octets=1_000_000,
                output_octets=41_300_000,
            )
        )


async def token_names(city: City) -> list[str]:
    """The one-time user names made so far, in their order."""
    async with city.database.read() as connection:
        return list(
            (await connection.execute(select(one_time_tokens.c.user_name).order_by(one_time_tokens.c.id))).scalars()
        )


async def get_online(phone: Phone, city: City, **choices: str) -> None:
    """By click-through."""
    await phone.arrive()
    await phone.submit(way="click", accept_terms="yes", **choices)
    assert phone.path.startswith(f"{LOGIN_URL}/logon")
    await phone.arrive(res="success", challenge=None)
    [user_name] = await token_names(city)
    await start_session(city, user_name=user_name)
    await phone.get(phone.path)
    assert phone.page == "online"


def newest_code(city: City) -> str:
    """The code in the newest mail of the demo's outbox."""
    newest = max(city.runtime.settings.outbox_directory.glob("*.eml"))
    message = email.message_from_bytes(newest.read_bytes(), policy=email.policy.default)
    found = re.search(r"^(\d{6})\s*$", message.get_content(), re.MULTILINE)
    assert found is not None
    return found[1]
