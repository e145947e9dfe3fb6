"""Where the open API is: its operations, its document, and the page that explains it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Final

from aiohttp import web

from captive_portal.api import own_data, staff_actions, venues
from captive_portal.api.documentation import explain
from captive_portal.api.limits import RATES, Rates
from captive_portal.api.openapi import document
from captive_portal.api.operations import operation_of, routes_of, tell_everybody
from captive_portal.api.problems import KINDS, PREFIX
from captive_portal.languages import DEFAULT, current_language
from captive_portal.pages.common import RUNTIME, render
from foundation.access_rules import ANYBODY, add_routes

HANDLERS: Final = (*venues.HANDLERS, *own_data.HANDLERS, *staff_actions.HANDLERS)
# The document as it is sent, and what the page says.
_DOCUMENT: Final = web.AppKey("api_document", bytes)
_EXPLAINED: Final = web.AppKey("api_explained", Mapping[str, object])
_MEDIA_TYPE: Final = "application/json"


def add_api_routes(app: web.Application) -> None:
    """Add the API to the portal. Operations carry the rule of who may use them."""
    settings = app[RUNTIME].settings.portal
    app[RATES] = Rates(settings)
    app[_DOCUMENT], app[_EXPLAINED] = _describe(settings.public_url)
    app.add_routes(routes_of(HANDLERS))
    pages = (
        web.get(PREFIX, to_documentation, name="api"),
        web.get(f"{PREFIX}/", show_documentation, name="api_documentation"),
        web.get(f"{PREFIX}/openapi.json", show_document, name="api_document"),
    )
    add_routes(app, ANYBODY, pages)


@cache
def _describe(public_url: str) -> tuple[bytes, Mapping[str, object]]:
    """The document, and what the page says; once, because it takes a tenth of a second."""
    made = document((operation_of(one) for one in HANDLERS), public_url)
    return json.dumps(made).encode(), explain(made)


async def show_document(request: web.Request) -> web.Response:
    """GET /api/v1/openapi.json"""
    tell_everybody(request)
    return web.Response(body=request.app[_DOCUMENT], content_type=_MEDIA_TYPE)


async def show_documentation(request: web.Request) -> web.Response:
    """GET /api/v1/: the page that explains it, in English."""
    current_language.set(DEFAULT)
    explained = request.app[_EXPLAINED]
    return render(request, "api.html", {**explained, "problems": KINDS, "can_switch_language": False})


async def to_documentation(_request: web.Request) -> web.Response:
    """GET /api/v1"""
    return web.Response(status=303, headers={"Location": f"{PREFIX}/"})
