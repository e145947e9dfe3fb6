"""A route that does not say who may use it is refused: when the site is made, and again when it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from foundation.access_rules import (
    ANYBODY,
    KnownAddress,
    RouteWithoutRuleError,
    Staff,
    ThisMachine,
    add_routes,
    check_routes,
    keep_rules,
    rule_of,
    under,
)
from foundation.staff import Role

ClientMaker = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


@pytest.fixture
def app() -> web.Application:
    return web.Application(middlewares=[keep_rules])


def test_a_site_is_not_made_with_a_route_without_a_rule(app: web.Application) -> None:
    add_routes(app, ANYBODY, [web.get("/open", hello)])
    check_routes(app)
    app.router.add_post("/forgotten/{number}", hello)
    with pytest.raises(RouteWithoutRuleError, match=r"POST /forgotten/\{number\} does not say who may use it"):
        check_routes(app)


async def test_a_route_without_a_rule_is_closed(app: web.Application, aiohttp_client: ClientMaker) -> None:
    app.router.add_get("/forgotten", hello)
    client = await aiohttp_client(app)
    assert (await client.get("/forgotten")).status == 403
    assert (await client.get("/nothing")).status == 404


def test_what_a_decorator_holds_is_the_routes_rule(app: web.Application) -> None:
    rule = Staff(frozenset({Role.HELPER}))

    async def desk(_request: web.Request) -> web.Response:
        return web.Response()

    app.router.add_get("/desk", under(rule, desk))
    check_routes(app)
    assert {rule_of(app, route) for route in app.router.routes()} == {rule}


@pytest.mark.parametrize(("host", "status"), [("localhost:80", 200), ("[::1]", 200), ("evil.example", 404)])
async def test_this_machine_is_meant_by_address_and_by_name(
    app: web.Application, aiohttp_client: ClientMaker, host: str, status: int
) -> None:
    add_routes(app, ThisMachine(), [web.get("/here", hello)])
    client = await aiohttp_client(app)
    assert (await client.get("/here", headers={"Host": host})).status == status


@pytest.mark.parametrize("remote", ["192.0.2.7", "", "no address"])
async def test_no_other_machine_is(
    app: web.Application, aiohttp_client: ClientMaker, monkeypatch: pytest.MonkeyPatch, remote: str
) -> None:
    add_routes(app, ThisMachine(), [web.get("/here", hello)])
    client = await aiohttp_client(app)
    monkeypatch.setattr(web.BaseRequest, "remote", remote)
    assert (await client.get("/here", headers={"Host": "localhost"})).status == 404


async def test_an_address_must_have_the_part_by_which_it_is_known(
    app: web.Application, aiohttp_client: ClientMaker
) -> None:
    add_routes(app, KnownAddress("key"), [web.get("/without", hello), web.get("/with/{key}", hello)])
    client = await aiohttp_client(app)
    assert (await client.get("/without")).status == 404
    assert (await client.get("/with/k")).status == 200
