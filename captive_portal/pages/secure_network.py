"""User names for the secure network: getting one, the page that shows it once, the list, and removing one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog
from aiohttp import web

from captive_portal import apple_profile, metrics
from captive_portal.languages import choose_language, current_language, ngettext, show_day, show_time
from captive_portal.languages import gettext as _
from captive_portal.pages.common import RUNTIME, change_language, clock, open_visit, render, render_visit, see_other
from captive_portal.pages.forms import FormError, read_form, render_form_errors, text_field
from captive_portal.pages.look import look
from captive_portal.secure_wifi import (
    CredentialLimit,
    NewCredential,
    SecureNetwork,
    find_secure_network,
    make_credential,
    open_page,
)
from captive_portal.storage import credentials, equipment
from captive_portal.storage.journeys import Visit
from captive_portal.typed_addresses import new_page_path, read_page_path
from foundation.certificates import CertificateError

_log: Final = structlog.get_logger(__name__)
# The newest digits of a database's keys are below this.
_LARGEST_NUMBER: Final = 2**63


async def show_secure(request: web.Request) -> web.Response:
    """GET secure: what the secure network is, a button for a user name, and those that the resident has."""
    network, now = _network(request), clock()
    visit, _session = await look(request, now)
    if answer := await change_language(request, now):
        return answer
    if not _may_use(visit):
        return see_other(visit.journey.current_path())
    return render_visit(request, visit, "secure.html", await _context(request, visit, network, now))


async def make(request: web.Request) -> web.Response:
    """POST secure: `page`, the address at which the new user name is to be shown; drawn by the page with the form."""
    network, now = _network(request), clock()
    path = read_page_path(text_field(await read_form(request), "page"))
    if path is None:
        raise web.HTTPBadRequest
    visit, _session = await look(request, now)
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        if not _may_use(visit):
            return see_other(visit.journey.current_path())
        limit = await make_credential(connection, runtime, visit.journey, path, now)
    metrics.credentials.labels(limit or "made").inc()
    if limit is None:
        return see_other(f"/secure/{path}")
    context = await _context(request, visit, network, now)
    return render_form_errors(request, visit, "secure.html", [FormError("get", _limit_message(limit))], context)


async def revoke(request: web.Request) -> web.Response:
    """POST revoke: `credential`, the number of one of the resident's own."""
    now = clock()
    number = text_field(await read_form(request), "credential")
    if not (number.isascii() and number.isdecimal() and len(number) < 20 and int(number) < _LARGEST_NUMBER):
        raise web.HTTPBadRequest
    await look(request, now)
    async with request.app[RUNTIME].database.write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        resident_id = visit.journey.resident_id
        if not _may_use(visit) or resident_id is None:
            return see_other(visit.journey.current_path())
        if await credentials.revoke(connection, resident_id, int(number), now):
            metrics.credentials.labels("revoked").inc()
    return see_other(f"{visit.journey.path('secure')}?removed=yes")


async def show_credential(request: web.Request) -> web.Response:
    """GET /secure/{page}: user name and password, and how a device is set up."""
    opened = await _open(request)
    if isinstance(opened, web.Response):
        return opened
    network, credential, place = opened
    page = read_page_path(request.match_info["page"])
    context = {
        "place": place,
        "information": f"/councils/{place.council_code}/",
        "network": network,
        "credential": credential,
        "user_name": network.identity(credential.user_name),
        "page": page,
        "portal": _portal_address(request),
        "until": show_time(credential.expires_at, place.time_zone),
        "thumbprint": " ".join(network.thumbprint[start : start + 4] for start in range(0, 40, 4)),
    }
    return render(request, "credential.html", context)


async def load_profile(request: web.Request) -> web.Response:
    """GET /secure/{page}/profile: the configuration profile for Apple devices."""
    opened = await _open(request)
    if isinstance(opened, web.Response):
        return opened
    network, credential, place = opened
    profile = apple_profile.make_profile(network, credential, place.council_name, _portal_address(request))
    return _file(profile, apple_profile.MEDIA_TYPE, "secure-wifi.mobileconfig")


async def load_authority(request: web.Request) -> web.Response:
    """GET /secure/{page}/certificate: the authority that devices do not know by themselves."""
    opened = await _open(request)
    if isinstance(opened, web.Response):
        return opened
    network, _credential, _place = opened
    if network.authority is None:
        raise web.HTTPNotFound
    return _file(network.authority, "application/x-x509-ca-cert", "secure-wifi.crt")


def _network(request: web.Request) -> SecureNetwork:
    """The network that is offered. Raises HTTPNotFound where none is."""
    try:
        network = find_secure_network(request.app[RUNTIME].settings)
    except (CertificateError, OSError) as error:
        _log.error("the secure network's certificate cannot be used; run citywifi doctor", reason=str(error))
        network = None
    if network is None:
        raise web.HTTPNotFound
    return network


def _may_use(visit: Visit) -> bool:
    """The device is online on this very journey, and its resident is known."""
    return visit.journey.shows("secure") and visit.journey.is_registered


async def _open(request: web.Request) -> tuple[SecureNetwork, NewCredential, equipment.Place] | web.Response:
    """What a new credential's page shows, or the page that says that it is over."""
    network, now, runtime = _network(request), clock(), request.app[RUNTIME]
    path = read_page_path(request.match_info["page"])
    async with runtime.database.read() as connection:
        credential = await open_page(connection, runtime.keyring, path, now) if path else None
        if credential is None:
            return render(request, "credential_gone.html", {}, status=404)
        place = await equipment.load_place(connection, credential.council_id, None)
    current_language.set(choose_language(request.query.get("lang"), credential.language))
    return network, credential, place


async def _context(request: web.Request, visit: Visit, network: SecureNetwork, now: datetime) -> dict[str, object]:
    runtime, time_zone = request.app[RUNTIME], visit.place.time_zone
    resident_id = visit.journey.resident_id
    assert resident_id is not None
    async with runtime.database.read() as connection:
        alive = await credentials.list_alive(connection, resident_id, now)
    most = runtime.settings.portal.credentials_per_resident
    return {
        "network": network,
        "credentials": [
            {
                "id": one.id,
                "user_name": network.identity(one.user_name),
                "made": show_day(one.created_at, time_zone),
                "last_used": show_day(one.last_used_at, time_zone) if one.last_used_at else "",
            }
            for one in alive
        ],
        "full": len(alive) >= most,
        "full_message": _limit_message(CredentialLimit.NUMBER),
        "known_for": _known_for(runtime.settings.retention.raw_identifier_hours),
        "page": new_page_path(),
        "removed": request.query.get("removed") == "yes",
    }


def _known_for(hours: int) -> str:
    return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": hours}


def _limit_message(limit: CredentialLimit) -> str:
    if limit is CredentialLimit.NUMBER:
        return _("You have as many user names as you can have. Remove one that you do not use")
    return _("You have got too many user names in a short time. Try again in an hour")


def _portal_address(request: web.Request) -> str:
    return request.app[RUNTIME].settings.portal.public_url.rstrip("/")


def _file(octets: bytes, media_type: str, name: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=octets, content_type=media_type, headers=headers)
