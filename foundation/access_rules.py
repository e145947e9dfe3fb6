"""Who may use a route. Each route of a site says so, and a site with a route that does not say it is not made.

A rule is declared in one of two ways: a handler's decorator, which holds to it, says so (:func:`under`); or routes
are added together under one rule (:func:`add_routes`). Rules with ``admit`` are held here, before the handler; what
:class:`KnownAddress` and :class:`GatewaySecret` ask for is looked up by the handler, and the tests walk all routes as
a stranger to see that it does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Protocol

from aiohttp import web

from foundation.staff import Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOOPBACK_NAMES: Final = frozenset({"localhost", "localhost.localdomain"})


class RouteWithoutRuleError(Exception):
    """A route does not say who may use it; the message names it."""


class AccessRule(Protocol):
    """Who may use a route."""

    def admit(self, request: web.Request) -> None:
        """Let the request through to its handler, or raise the HTTPException that refuses it."""


@dataclass(frozen=True, slots=True)
class Anybody:
    """The page is for everybody, and shows nothing of anybody."""

    def admit(self, request: web.Request) -> None:
        """Everybody is let through."""


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """For whoever knows the address: a part of it cannot be guessed or made up, and leads to whose it is."""

    # Which part of the path it is.
    part: str

    def admit(self, request: web.Request) -> None:
        """The handler looks the part up. Raises HTTPNotFound where the path has none."""
        if not request.match_info.get(self.part):
            raise web.HTTPNotFound


@dataclass(frozen=True, slots=True)
class GatewaySecret:
    """For access equipment, which proves itself by the secret that it shares with us; the handler checks it."""

    def admit(self, request: web.Request) -> None:
        """What proves it is in the message, so the handler decides."""


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """For a browser on this very machine that calls it so: no page elsewhere gets here by a name of its own."""

    def admit(self, request: web.Request) -> None:
        """Raises HTTPNotFound for anybody else, who need not know what is here."""
        if not is_this_machine(request):
            raise web.HTTPNotFound


@dataclass(frozen=True, slots=True)
class Staff:
    """For staff who are logged in and have one of the roles; without roles for all of them. A decorator holds it."""

    roles: frozenset[Role]

    def admit(self, request: web.Request) -> None:
        """Held by the handler's decorator, which needs to know who it is."""


RULES: Final = web.AppKey("access_rules", dict[web.AbstractRoute, AccessRule])
ANYBODY: Final = Anybody()
_CARRIED: Final = "access_rule"


def add_routes(app: web.Application, rule: AccessRule, routes: Iterable[web.AbstractRouteDef]) -> None:
    """Add routes that are all under one rule."""
    declared = app.setdefault(RULES, {})
    known = set(app.router.routes())
    app.add_routes(routes)
    # A GET brings a HEAD with it, which add_routes does not name.
    declared.update((route, rule) for route in app.router.routes() if route not in known)


def under(rule: AccessRule, handler: Handler) -> Handler:
    """The handler, saying which rule its decorator holds it to."""
    vars(handler)[_CARRIED] = rule
    return handler


def rule_of(app: web.Application, route: web.AbstractRoute) -> AccessRule | None:
    """What a route has declared; None if nothing."""
    declared = app.get(RULES, {}).get(route)
    carried: AccessRule | None = getattr(route.handler, _CARRIED, None)
    return declared or carried


def check_routes(app: web.Application) -> None:
    """Raises RouteWithoutRuleError unless every route says who may use it."""
    for route in app.router.routes():
        if rule_of(app, route) is None:
            path = route.resource.canonical if route.resource else ""
            raise RouteWithoutRuleError(
                f"{route.method} {path} does not say who may use it: add it by foundation.access_rules.add_routes, or "
                "decorate its handler with what lets somebody in"
            )


@web.middleware
async def keep_rules(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Hold every request to the rule of its route. Raises HTTPForbidden for a route without one."""
    route = request.match_info.route
    # A path that there is not has no resource, and its handler says so.
    if route.resource is not None:
        rule = rule_of(request.app, route)
        if rule is None:
            raise web.HTTPForbidden
        rule.admit(request)
    return await handler(request)


def is_this_machine(request: web.Request) -> bool:
    """Whether a request comes from this machine and names it as this machine."""
    return _is_loopback(request.remote) and _names_loopback(request.headers.get("Host"))


def _is_loopback(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False


def _names_loopback(host: str | None) -> bool:
    name = (host or "").lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name in _LOOPBACK_NAMES or _is_loopback(name)
