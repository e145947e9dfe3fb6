"""Every route of the portal, asked for by somebody who has no right to it; every answer carries its headers."""

from __future__ import annotations

import pytest
from aiohttp import web

from captive_portal.api.access import Everybody, WithKey, WithToken
from foundation.access_rules import AccessRule, Anybody, GatewaySecret, KnownAddress, Staff, ThisMachine
from foundation.staff import Role
from tests.captive_portal.conftest import City, Client, Phone
from tests.support.routes import MadeUp, made_up_requests
from tests.support.staff import Account, add_staff

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "CityWiFi",
}
LOG_IN = "/staff/log-in"


def everything(client: Client) -> list[MadeUp]:
    """What a stranger asks for, of every route."""
    app = client.app
    assert app is not None
    return list(made_up_requests(app))


def routes(client: Client, *rules: type[AccessRule]) -> list[MadeUp]:
    """Of all routes under such rules."""
    found = [one for one in everything(client) if isinstance(one.rule, rules)]
    assert found
    return found


async def cookie_of(client: Client, account: Account) -> dict[str, str]:
    response = await client.post(LOG_IN, data=account.log_in(), allow_redirects=False)
    assert response.status == 303
    return {"Cookie": response.headers["Set-Cookie"].partition(";")[0]}


async def test_there_is_no_rule_that_these_tests_do_not_try(client: Client) -> None:
    known = (Anybody, KnownAddress, GatewaySecret, ThisMachine, Staff, Everybody, WithKey, WithToken)
    others = [one for one in everything(client) if not isinstance(one.rule, known)]
    assert others == []


async def test_an_address_that_was_made_up_shows_nothing(client: Client) -> None:
    for one in routes(client, KnownAddress):
        response = await client.request(one.method, one.path, allow_redirects=False)
        assert 400 <= response.status < 500, one


async def test_equipment_without_the_secret_is_refused(client: Client) -> None:
    for one in routes(client, GatewaySecret):
        response = await client.request(one.method, one.path, headers={"Authorization": "Bearer wrong"})
        assert response.status == 401, one


async def test_what_is_for_this_machine_is_nowhere_for_others(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.BaseRequest, "remote", "192.0.2.7")
    for one in routes(client, ThisMachine):
        assert (await client.request(one.method, one.path)).status == 404, one


async def test_the_open_api_lets_nobody_in_without_key_or_token(client: Client) -> None:
    for one in routes(client, WithKey, WithToken):
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            response = await client.request(one.method, one.path, headers=headers)
            assert response.status == 401, one
            assert response.headers["WWW-Authenticate"].startswith("Bearer"), one


async def test_pages_of_staff_ask_for_a_log_in(client: Client) -> None:
    for one in routes(client, Staff):
        for headers in ({}, {"Cookie": "citywifi-staff=made-up"}):
            response = await client.request(one.method, one.path, headers=headers, allow_redirects=False)
            assert (response.status, response.headers["Location"]) == (303, LOG_IN), one


@pytest.mark.parametrize("role", list(Role))
async def test_pages_of_staff_are_for_the_roles_that_they_name(client: Client, city: City, role: Role) -> None:
    account = await add_staff(city.database, city.runtime.keyring, "somebody", [city.council_id], role)
    cookie = await cookie_of(client, account)
    for one in routes(client, Staff):
        assert isinstance(one.rule, Staff)
        may = not one.rule.roles or role in one.rule.roles
        response = await client.request(one.method, one.path, headers=cookie, allow_redirects=False)
        # A form without the log-in's token is refused to everybody.
        assert (response.status == 403) == (not may or one.method == "POST"), one
        assert response.status < 500, one


async def test_every_answer_carries_its_headers_and_no_cookie(client: Client, city: City) -> None:
    phone = await Phone(client, city).arrive()
    own = [f"/j/{phone.path.split('/')[2]}/{page}" for page in ("start", "status", "terms", "nothing")]
    requests = [(one.method, one.path) for one in everything(client)]
    requests += [(method, one.path) for one in routes(client, Anybody) for method in ("PUT", "DELETE")]
    for method, path in [*requests, *(("GET", path) for path in own), ("GET", "/nothing")]:
        response = await client.request(method, path, allow_redirects=False)
        assert response.status < 500, path
        assert "Set-Cookie" not in response.headers, path
        assert {name: response.headers.get(name) for name in HEADERS} == HEADERS, path
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'"), path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "Strict-Transport-Security" not in response.headers, path


async def test_nobody_keeps_a_page_that_is_somebodys(client: Client) -> None:
    for one in everything(client):
        response = await client.request(one.method, one.path, allow_redirects=False)
        is_public = isinstance(one.rule, Everybody | Anybody)
        assert is_public or response.headers["Cache-Control"] == "no-store", one


async def test_a_page_that_fails_carries_them_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.BaseRequest, "query", None)
    response = await client.get("/")
    assert response.status == 500
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
