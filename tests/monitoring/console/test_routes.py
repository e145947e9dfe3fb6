"""Every route of the console's site, asked for by somebody who has no right to it; every answer carries its headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from foundation.access_rules import Anybody, Staff
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import staff_roles
from foundation.settings import MonitoringSettings, Settings
from foundation.staff import Role
from monitoring.console.site import make_console_app
from tests.monitoring.city import City
from tests.support.routes import made_up_requests
from tests.support.staff import add_staff

Client = TestClient[web.Request, web.Application]
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Strict-Transport-Security": "max-age=31536000",
    "Server": "CityWiFi",
}
# What is the same for everybody, and who has it may keep it for a while.
KEPT: Final = {"/report", "/report.csv", "/static/console.css"}


@pytest.fixture
def app(city: City, keyring: Keyring) -> web.Application:
    settings = Settings(monitoring=MonitoringSettings(public_url="https://console.example"))
    return make_console_app(Runtime(settings, city.database, keyring))


@pytest.fixture
async def client(aiohttp_client: Callable[[web.Application], Awaitable[Client]], app: web.Application) -> Client:
    return await aiohttp_client(app)


async def test_every_route_is_for_everybody_or_for_engineers(app: web.Application) -> None:
    rules = {str(one): one.rule for one in made_up_requests(app)}
    assert {path for path, rule in rules.items() if " /console" in path and isinstance(rule, Anybody)} == {
        "GET /console/log-in", "HEAD /console/log-in", "POST /console/log-in"
    }  # fmt: skip
    assert {rule for rule in rules.values() if not isinstance(rule, Anybody)} == {Staff(frozenset({Role.ENGINEER}))}


async def test_nobody_sees_the_console_without_a_log_in(app: web.Application, client: Client) -> None:
    for one in made_up_requests(app):
        for headers in ({}, {"Cookie": "__Secure-citywifi-console=made-up"}):
            response = await client.request(one.method, one.path, headers=headers, allow_redirects=False)
            sent_away = (response.status, response.headers.get("Location")) == (303, "/console/log-in")
            assert sent_away == isinstance(one.rule, Staff), one


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ENGINEER])
async def test_another_role_does_not_open_it(
    app: web.Application, client: Client, city: City, keyring: Keyring, role: Role
) -> None:
    account = await add_staff(city.database, keyring, "engineer", [city.council_id], Role.ENGINEER)
    response = await client.post("/console/log-in", data=account.log_in(), allow_redirects=False)
    cookie = {"Cookie": response.headers["Set-Cookie"].partition(";")[0]}
    assert (await client.get("/console", headers=cookie)).status == 200
    async with city.database.write() as connection:
        await connection.execute(staff_roles.update().values(role=role.value))
    for one in made_up_requests(app):
        if isinstance(one.rule, Staff):
            response = await client.request(one.method, one.path, headers=cookie, allow_redirects=False)
            assert response.status == 403, one


async def test_every_answer_carries_its_headers_and_no_cookie(app: web.Application, client: Client) -> None:
    requests = [(one.method, one.path) for one in made_up_requests(app)]
    requests += [(method, path) for _, path in requests for method in ("PUT", "DELETE")]
    for method, path in [*requests, ("GET", "/nothing"), ("GET", "/report?from=x"), ("GET", "/report?council=x")]:
        response = await client.request(method, path, allow_redirects=False)
        assert "Set-Cookie" not in response.headers, path
        assert {name: response.headers.get(name) for name in HEADERS} == HEADERS, path
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'"), path
        assert (response.headers["Cache-Control"] == "no-store") or path in KEPT, path


async def test_a_page_that_fails_or_misses_its_database_carries_them_too(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, status in ((ConnectionRefusedError, 503), (RuntimeError, 500)):

        def fail(_database: Database, error: type[Exception] = error) -> None:
            raise error

        monkeypatch.setattr(Database, "read", fail)
        response = await client.get("/report")
        assert response.status == status
        assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
