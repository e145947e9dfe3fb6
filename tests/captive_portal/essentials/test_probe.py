"""Essential sites are opened as a browser would: what they need is found, and our own network stays shut."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from captive_portal.essentials.before_login import Reach, load_sites, try_sites
from captive_portal.essentials.probe import PublicResolver, look_at, make_http, needed_hosts, open_site
from captive_portal.essentials.sites import EssentialsError, make_site
from foundation.certificates import Authority, make_authority
from tests.captive_portal.conftest import Client

NAME = "www.council.example"
PAGE = """<!DOCTYPE html><link rel="stylesheet" href="https://assets.council.example/a.css">
<link rel="canonical" href="https://canonical.example/"><script src="//code.example/a.js"></script>
<img src="/logo.png"><img src="data:image/png;base64,AAAA"><iframe src="http://192.0.2.1/"></iframe><script src="https://[">"""


class _Here(AbstractResolver):
    """Every name is this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [{"hostname": host, "host": "127.0.0.1", "port": self._port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A site by HTTPS with a certificate of an authority that the client trusts."""
    authority = Authority(make_authority("Test", "Test", datetime.now(UTC)))
    pair = authority.issue_server([NAME, "new.council.example"], datetime.now(UTC))
    for name, octets in (("chain", pair.certificate), ("key", pair.key), ("root", authority.certificate)):
        (tmp_path / name).write_bytes(octets)
    app = web.Application()
    app.add_routes(
        [
            web.get("/", _with(200, PAGE)),
            web.get("/moved", _to("https://new.council.example/")),
            web.get("/round", _to("https://www.council.example/round")),
            web.get("/plain", _to("http://www.council.example/")),
            web.get("/inside", _to("https://10.0.0.1/")),
            web.get("/shut", _with(403)),
            web.get("/long", _with(200, "x" * 3_000_000)),
        ]
    )
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=serving)
    await site.start()
    port = runner.addresses[0][1]
    trusting = ssl.create_default_context(cafile=str(tmp_path / "root"))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=_Here(port), ssl=trusting)) as session:
        yield session
    await runner.cleanup()


def _with(status: int, text: str = "") -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, content_type="text/html")

    return answer


def _to(address: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def redirect(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": address})

    return redirect


def test_a_page_needs_what_it_shows_and_runs() -> None:
    assert needed_hosts(PAGE, f"https://{NAME}/") == {"assets.council.example", "code.example", NAME}


async def test_what_is_not_in_the_list_is_named(http: aiohttp.ClientSession) -> None:
    sites = [
        make_site("One", f"https://{NAME}/moved", ["new.council.example"]),
        make_site("Two", "https://other.example/", ["*.council.example"]),
    ]
    [(_, one), (_, two)] = await look_at(http, sites, datetime.now(UTC))
    assert (one.problem, one.missing_hosts) == (None, ("code.example",))
    assert two.problem == "its certificate is not valid for its name"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/round", "redirects more than"),
        ("/plain", "not https://"),
        ("/inside", "no host's name"),
        ("/shut", "answers 403"),
        ("/none", "answers 404"),
    ],
)
async def test_why_a_site_cannot_be_opened_is_told(http: aiohttp.ClientSession, path: str, problem: str) -> None:
    opened = await open_site(http, f"https://{NAME}{path}")
    assert opened.problem is not None
    assert problem in opened.problem


async def test_a_page_without_end_is_read_to_a_limit(http: aiohttp.ClientSession) -> None:
    assert (await open_site(http, f"https://{NAME}/long")).problem is None


async def test_a_name_of_our_own_network_is_not_connected_to() -> None:
    with pytest.raises(OSError, match="no public address"):
        await PublicResolver().resolve("localhost", 443)
    async with make_http() as real:
        opened = await open_site(real, "https://localhost.localdomain/")
    assert opened.problem == "its name is not known, or has no public address"


async def test_a_device_reads_the_list_from_the_portal(client: Client) -> None:
    sites = await load_sites(str(client.make_url("")), "E08000026")
    assert "nhs-111" in {site.key for site in sites}
    with pytest.raises(EssentialsError, match="answers 404"):
        await load_sites(str(client.make_url("")), "E00000000")
    with pytest.raises(EssentialsError, match="cannot be read"):
        await load_sites("http://127.0.0.1:9", "E08000026")


async def test_a_name_that_there_is_not_is_no_open_site() -> None:
    found = await try_sites([make_site("Nobody", "https://nobody.invalid/", [])], "foreign.invalid")
    assert found.foreign is Reach.NO_NAME
    assert not found.is_right
