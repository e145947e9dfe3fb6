"""A phone behind the plain Linux gateway: a lease with option 114, the captive portal API, registration, log-out.

nft, dnsmasq and the agent run as deploy/nftables-gateway has them, in a network namespace; the phone is curl and a
DHCP client in another. Portal, gateway and the council's site have certificates of the test's own authority, which the
phone trusts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import pytest
from aiohttp import web
from sqlalchemy import select

from captive_portal.app import create_app
from captive_portal.essentials.sites import default_sites, make_site
from captive_portal.gateways.walled_garden import configuration_of
from captive_portal.storage import essentials
from captive_portal.storage.known_gateways import site_of
from foundation.certificates import Authority, make_authority
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, councils, network_access_servers, terms_versions, venues
from foundation.settings import PortalSettings, Settings
from tests.captive_portal.simulated.page import read_page
from tests.support.gateway_agent import FOLDER, PROGRAM
from tests.support.network import require_namespaces
from tests.support.opennds import (
    COUNCIL_ADDRESS,
    COUNCIL_NAME,
    GATEWAY_ADDRESS,
    INTERNET_ADDRESS,
    PORTAL_NAME,
    Town,
    town,
)
from tests.support.peers import Peers

pytestmark = [pytest.mark.slow, pytest.mark.peer("nft"), pytest.mark.peer("dnsmasq"), pytest.mark.timeout(60)]

GATEWAY_NAME: Final = "wifi-hall.test"
API: Final = f"https://{GATEWAY_NAME}/"
PORTAL_URL: Final = f"https://{PORTAL_NAME}"
PROBE: Final = "http://captive.apple.com/hotspot-detect.html"
KEY: Final = secrets.token_urlsafe(16)
SECRET: Final = secrets.token_urlsafe(16)
FOREIGN: Final = "www.example.org"
_SITE: Final = """\
import http.server, ssl, sys
address, chain, key = sys.argv[1:]
server = http.server.HTTPServer((address, 443), http.server.SimpleHTTPRequestHandler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(chain, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
# busybox udhcpc tells options that it has no name for in hexadecimal.
_LEASE: Final = """\
#!/bin/sh
if [ "$1" = bound ]; then
    ip addr flush dev "$interface"
    ip addr add "$ip/24" dev "$interface"
    ip route replace default via "$router"
    echo "$opt114" >"$(dirname "$0")/opt114"
fi
"""


@dataclass
class Phone:
    """A device with a DHCP client and a program that fetches; no cookies, no scripts."""

    town: Town
    url: str = ""
    text: str = ""

    def lease(self) -> str:
        """Get an address; what option 114 says."""
        script = self.town.folder / "lease114"
        script.write_text(_LEASE)
        script.chmod(0o755)
        udhcpc = ["busybox", "udhcpc", "-i", "wifi", "-n", "-q", "-f", "-t", "20", "-T", "1", "-O", "114", "-s", script]
        self.run(*map(str, udhcpc))
        return bytes.fromhex((self.town.folder / "opt114").read_text().strip()).decode()

    def open(self, url: str, **fields: str) -> Phone:
        """Open an address, or send a form, and follow redirects."""
        form = [argument for name, value in fields.items() for argument in ("--data-urlencode", f"{name}={value}")]
        marked = self.curl("-L", "-w", "\n%{url_effective}", *form, url)
        self.text, _, self.url = marked.rpartition("\n")
        return self

    def submit(self, **fields: str) -> Phone:
        """Fill in the page's main form and send it."""
        form = read_page(self.text).main_form
        assert form is not None, self.url
        sent = form.content(fields) or {"": ""}
        return self.open(urljoin(self.url, form.action), **sent)

    def ask_api(self) -> dict[str, Any]:
        """What the captive portal API says."""
        # The agent may be still beginning.
        patient = ("--retry", "10", "--retry-connrefused", "--retry-delay", "1")
        told: dict[str, Any] = json.loads(self.curl(*patient, "-H", "Accept: application/captive+json", API))
        return told

    @property
    def page(self) -> str:
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def authority(self) -> str:
        return str(self.town.folder / "authority.pem")

    def fetches(self, url: str) -> bool:
        """Whether it can be opened."""
        command = ["ip", "netns", "exec", self.town.phone, "curl", "-s", "-m", "5", "--cacert", self.authority, url]
        return subprocess.run(command, check=False, capture_output=True, timeout=20).returncode == 0

    def curl(self, *arguments: str) -> str:
        return self.run("curl", "-s", "-S", "-m", "5", "--cacert", self.authority, *arguments)

    def run(self, *command: str) -> str:
        inside = ["ip", "netns", "exec", self.town.phone, *command]
        done = subprocess.run(inside, check=False, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def made_town(peers: Peers, tmp_path: Path) -> Iterator[Town]:
    for name in ("nft", "dnsmasq", "busybox", "curl", "ip"):
        peers.require(name)
    require_namespaces()
    with town(tmp_path) as made:
        yield made


def authority_of(made: Town) -> Authority:
    """A certificate authority that the town's devices trust."""
    authority = Authority(make_authority("Test", "Test", datetime.now(UTC)))
    (made.folder / "authority.pem").write_bytes(authority.certificate)
    return authority


async def test_a_phone_learns_from_option_114_that_it_is_captive_gets_on_and_logs_out(
    made_town: Town, database: Database, keyring: Keyring
) -> None:
    authority = authority_of(made_town)
    async with (
        serving(made_town, database, keyring, authority) as runtime,
        council_site(made_town, authority),
        gateway(made_town, authority, await garden(runtime)),
    ):
        phone = Phone(made_town)
        assert await asyncio.to_thread(phone.lease) == API
        await asyncio.to_thread(look_around_before_login, phone)
        await asyncio.to_thread(visit, phone, made_town)
    async with database.read() as connection:
        session = (await connection.execute(select(accounting_sessions))).one()
    assert (session.source, session.ended_by, session.terminate_cause) == ("api", "stop", 1)
    assert session.input_octets > 0
    assert session.output_octets > 0


def look_around_before_login(phone: Phone) -> None:
    """The council's site is open, nothing else is, and the command for engineers says so."""
    until(lambda: phone.fetches(f"https://{COUNCIL_NAME}/"))
    assert not phone.fetches(f"https://{FOREIGN}/")
    check = ["-m", "citywifi", "essentials", "check", "--before-login", "--json", "--foreign", FOREIGN]
    told = phone.run(
        "env", f"SSL_CERT_FILE={phone.authority}", sys.executable, *check,
        "--portal", PORTAL_URL, "--council", "E08000026",
    )  # fmt: skip
    assert json.loads(told) == {
        "sites": [{"key": "council-test", "hosts": {COUNCIL_NAME: "open"}}],
        "foreign": {FOREIGN: "shut"},
    }


def visit(phone: Phone, made_town: Town) -> None:
    """From captive to on and back, by what the API says."""
    told = phone.ask_api()
    assert told["captive"] is True
    assert "seconds-remaining" not in told
    arrival = f"302 {PORTAL_URL}/arrive/nftables/{KEY}?mac="
    assert made_town.fetch(PROBE).startswith(arrival)
    assert made_town.fetch("https://www.example.org/").startswith("000")

    phone.open(told["user-portal-url"])
    assert phone.page == "start", phone.url
    phone.submit(way="click", accept_terms="yes")
    until(lambda: phone.open(phone.url).page == "online")
    assert made_town.fetch(PROBE) == "200 "
    told = phone.ask_api()
    assert told["captive"] is False
    assert 14_300 < told["seconds-remaining"] <= 14_400
    assert "Time left" in phone.open(told["venue-info-url"]).text

    phone.open(told["user-portal-url"])
    assert phone.page == "online", phone.url
    phone.open(phone.url.replace("online", "status")).submit()
    until(lambda: phone.ask_api()["captive"] is True)
    assert made_town.fetch(PROBE).startswith(arrival)


def until(reached: Any) -> None:
    """Look again until it is so; each look takes some milliseconds."""
    assert any(reached() for _ in range(200))


@asynccontextmanager
async def serving(
    made_town: Town, database: Database, keyring: Keyring, authority: Authority
) -> AsyncIterator[Runtime]:
    """The portal by HTTPS at its end of the cable."""
    host = made_town.portal_address
    portal = PortalSettings(public_url=PORTAL_URL, host=host, port=443)
    settings = Settings(demo=True, data_directory=made_town.folder / "data", portal=portal)
    runtime = Runtime(settings, database, keyring)
    await build(runtime)
    runner = web.AppRunner(create_app(runtime))
    await runner.setup()
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate(authority, made_town.folder, PORTAL_NAME))
        await web.TCPSite(runner, host, 443, ssl_context=context).start()
        yield runtime
    finally:
        await runner.cleanup()


def certificate(authority: Authority, folder: Path, name: str) -> tuple[Path, Path]:
    """Certificate and key of a name."""
    pair = authority.issue_server([name], datetime.now(UTC))
    files = folder / f"{name}.pem", folder / f"{name}.key"
    for file, octets in zip(files, (pair.certificate, pair.key), strict=True):
        file.write_bytes(octets)
    return files


@asynccontextmanager
async def council_site(made_town: Town, authority: Authority) -> AsyncIterator[None]:
    """A site on the internet that is in the list of what is open before login."""
    files = map(str, certificate(authority, made_town.folder, COUNCIL_NAME))
    command = ["ip", "netns", "exec", made_town.internet, sys.executable, "-c", _SITE, COUNCIL_ADDRESS, *files]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL, cwd=made_town.folder / "pages")
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def garden(runtime: Runtime) -> str:
    """What dnsmasq is told of the council's one site, as an engineer would paste it."""
    now = datetime.now(UTC)
    async with runtime.database.write() as connection:
        council_id, nas_id = (
            await connection.execute(select(network_access_servers.c.council_id, network_access_servers.c.id))
        ).one()
        for site in default_sites():
            await essentials.remove_site(connection, council_id, site.key, now)
        own = make_site("The council", f"https://{COUNCIL_NAME}/", [])
        await essentials.put_site(connection, council_id, own, now)
        made = configuration_of(*await site_of(connection, runtime, nas_id))
    return next(snippet.text for snippet in made.snippets if "garden" in snippet.place)


@asynccontextmanager
async def gateway(made_town: Town, authority: Authority, opened: str) -> AsyncIterator[None]:
    """The rules, dnsmasq and the agent, each with what stands for this place filled in."""
    folder = made_town.folder
    rules = (FOLDER / "citywifi.nft").read_text().replace("198.51.100.1", made_town.portal_address)
    (folder / "citywifi.nft").write_text(rules)
    await asyncio.to_thread(subprocess.run, inside(made_town, "nft", "-f", str(folder / "citywifi.nft")), check=True)
    (folder / "dnsmasq.conf").write_text(f"{dnsmasq_configuration(made_town)}{opened}\n")
    chain, key = certificate(authority, folder, GATEWAY_NAME)
    settings = {
        "portal": PORTAL_URL,
        "driver": "nftables",
        "key": KEY,
        "secret": SECRET,
        "interface": "lan",
        "certificate": str(chain),
        "private_key": str(key),
        "authority": str(folder / "authority.pem"),
    }
    file = folder / "citywifi-gateway.toml"
    file.write_text(
        "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()) + "poll_seconds = 0.2\n"
    )
    file.chmod(0o600)
    resolver = Path("/etc/netns") / made_town.gateway
    resolver.mkdir(parents=True)
    (resolver / "resolv.conf").write_text(f"nameserver {GATEWAY_ADDRESS}\n")
    commands = (
        ("dnsmasq", "--keep-in-foreground", f"--conf-file={folder / 'dnsmasq.conf'}"),
        (sys.executable, str(PROGRAM), "--settings", str(file)),
    )
    processes = [await asyncio.create_subprocess_exec(*inside(made_town, *command)) for command in commands]
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
        (resolver / "resolv.conf").unlink()
        resolver.rmdir()


def dnsmasq_configuration(made_town: Town) -> str:
    """As deployed, under this place's names, and with files of its own."""
    own = f"""\
no-resolv
no-hosts
no-ping
pid-file={made_town.folder / "dnsmasq.pid"}
dhcp-leasefile={made_town.folder / "dnsmasq.leases"}
server={INTERNET_ADDRESS}
address=/{PORTAL_NAME}/{made_town.portal_address}
"""
    return (FOLDER / "dnsmasq.conf").read_text().replace("wifi-hall.example.org", GATEWAY_NAME) + own


def inside(made_town: Town, *command: str) -> list[str]:
    """A command on the gateway."""
    return ["ip", "netns", "exec", made_town.gateway, *command]


async def build(runtime: Runtime) -> None:
    """A council with terms, a library, and its gateway, which speaks no RADIUS."""
    now, keyring = datetime.now(UTC), runtime.keyring
    made = {"created_at": now, "updated_at": now}
    async with runtime.database.write() as connection:
        council = councils.insert().values(code="E08000026", name="Coventry", created_at=now).returning(councils.c.id)
        owned = {"council_id": (await connection.execute(council)).scalar_one()}
        venue = venues.insert().values(**owned, source="test", reference="1", name="Central Library", **made)
        venue_id = (await connection.execute(venue.returning(venues.c.id))).scalar_one()
        await connection.execute(
            network_access_servers.insert().values(
                **owned,
                **made,
                name="Central Library: hall",
                venue_id=venue_id,
                vendor="other",
                gateway_driver="nftables",
                secret_encrypted=keyring.encrypt("nas secret", b"none"),
                portal_secret_encrypted=keyring.encrypt("portal secret", SECRET.encode()),
                arrival_key=KEY,
            )
        )
        terms = {"version": 1, "language": "en", "text": "# Be kind", "published_at": now}
        await connection.execute(terms_versions.insert().values(**owned, **terms))
