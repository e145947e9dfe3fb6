"""The gateway's HTTP front for a real browser: what CoovaChilli serves on port 3990, and a small internet behind it.

A browser's phone is known by its source address. ``/phone/2`` makes the browser phone number 2 from then on, and
``/phone/new`` a phone that was never there, so that one machine can be many phones without cookies.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from string import Template

from aiohttp import web

from citywifi.replay.errors import ServiceUnreachableError
from citywifi.replay.gateway import Gateway, Phone, wall_clock
from citywifi.replay.schedule import TerminateCause
from foundation.mac_address import MacAddress

# Addresses for documentation (RFC 7042), below those of the demo's access points.
_DOCUMENTATION_PHONES = 0x7F
FIRST_PHONE = 2
_HIGHEST_PHONE = 0xFFFFFF
_WATCH_EVERY_SECONDS = 1.0
_FAREWELL_SECONDS = 2.0

_INTERNET = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>You are on the internet</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:2rem auto;padding:0 1rem}
li{margin:1rem 0}</style></head>
<body><main><h1>You are on the internet</h1>
<p>This page stands for any page of the internet. You see it because the gateway of $place lets your phone through.</p>
<p>You are phone number $number. Your session has lasted $seconds seconds.</p>
<ul><li><a href="/status">How much time is left?</a></li>
<li><a href="/logoff">Log off</a></li>
<li><a href="/leave">Leave the library and come back</a></li>
<li><a href="/phone/new">Be a new phone</a></li></ul></main></body></html>
"""
)


class HttpFront:
    """Serves one gateway's browsers and keeps their sessions' clocks. ``open`` it first, ``close`` it at the end."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._numbers: dict[str, int] = {}
        self._phones: dict[int, Phone] = {}
        self._watch: asyncio.Task[None] | None = None
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)

    async def open(self) -> None:
        """Listen. Raises OSError."""
        settings = self._gateway.settings
        await self._runner.setup()
        await web.TCPSite(self._runner, settings.address, settings.uam_port).start()
        self._watch = asyncio.create_task(self._keep_time())

    async def close(self) -> None:
        """Stop listening; sessions that are open end because the gateway goes down."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self._runner.cleanup()
        with contextlib.suppress(TimeoutError, ServiceUnreachableError):
            # The RADIUS server may be stopping as well; Accounting-Off ends what it does not hear of.
            async with asyncio.timeout(_FAREWELL_SECONDS):
                phones = self._phones.values()
                await asyncio.gather(*(self._end(phone, TerminateCause.NAS_REBOOT) for phone in phones))

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/leave", self._leave)
        application.router.add_get("/phone/new", self._new_phone)
        application.router.add_get(r"/phone/{number:\d{1,8}}", self._be_phone)
        application.router.add_get("/{anything:.*}", self._anything)
        return application

    async def _anything(self, request: web.Request) -> web.StreamResponse:
        """The gateway's own addresses, or a page of the internet: first packet, then request, caught or let through."""
        phone = self._phone(request)
        own = await self._gateway.visit(phone, request.path, request.query)
        if own is not None:
            return _found(own)
        if await self._gateway.first_packet(phone):
            return self._internet(request, phone)
        return _found(self._gateway.intercept(phone, str(request.url)))

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        """Out of reach and back again: the next request is a first packet once more."""
        phone = self._phone(request)
        await self._end(phone, TerminateCause.LOST_CARRIER)
        phone.mac_authentication_tried = False
        return _found("/")

    async def _new_phone(self, _request: web.Request) -> web.StreamResponse:
        number = secrets.randbelow(_HIGHEST_PHONE - _DOCUMENTATION_PHONES) + _DOCUMENTATION_PHONES + 1
        return _found(f"/phone/{number}")

    async def _be_phone(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        if not 1 <= number <= _HIGHEST_PHONE:
            raise web.HTTPNotFound(text=f"phones have numbers from 1 to {_HIGHEST_PHONE}")
        self._numbers[request.remote or ""] = number
        return _found("/")

    def _phone(self, request: web.Request) -> Phone:
        number = self._numbers.setdefault(request.remote or "", FIRST_PHONE)
        phone = self._phones.get(number)
        if phone is None:
            phone = self._phones[number] = self._gateway.connect(device_of_phone(number))
        phone.last_seen_at = wall_clock()
        return phone

    def _internet(self, request: web.Request, phone: Phone) -> web.Response:
        session = phone.session
        seconds = int((wall_clock() - session.started_at).total_seconds()) if session is not None else 0
        values: Mapping[str, object] = {
            "place": self._gateway.settings.location_name,
            "number": self._numbers[request.remote or ""],
            "seconds": seconds,
        }
        page = _INTERNET.substitute(values)
        if session is not None:
            session.output_octets += len(page)
            session.input_octets += sum(len(name) + len(value) for name, value in request.headers.items())
        return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _end(self, phone: Phone, cause: TerminateCause) -> None:
        self._gateway.count_time(phone)
        await self._gateway.stop(phone, wall_clock(), cause)

    async def _keep_time(self) -> None:
        """Honour Session-Timeout, Idle-Timeout and Acct-Interim-Interval of the browsers' sessions."""
        while True:
            await asyncio.sleep(_WATCH_EVERY_SECONDS)
            for phone in list(self._phones.values()):
                await self._keep_time_of(phone)

    async def _keep_time_of(self, phone: Phone) -> None:
        session = phone.session
        if session is None:
            return
        limits = session.grant.limits
        cause = expired(phone, limits.session_timeout_seconds, limits.idle_timeout_seconds)
        if cause is not None:
            await self._end(phone, cause)
            return
        reported_seconds = session.seconds
        elapsed_seconds = (wall_clock() - session.started_at).total_seconds()
        if limits.interim_interval_seconds and elapsed_seconds - reported_seconds >= limits.interim_interval_seconds:
            self._gateway.count_time(phone)
            await self._gateway.interim(phone, wall_clock())


def _found(address: str) -> web.Response:
    """A redirect to exactly this text: aiohttp's own would write it anew, and break its seal."""
    return web.Response(status=302, headers={"Location": address})


def device_of_phone(number: int) -> MacAddress:
    """The address of a browser's phone: one for documentation, or beyond those a made-up one."""
    if number <= _DOCUMENTATION_PHONES:
        return MacAddress(bytes.fromhex("00005e0053") + bytes((number,)))
    return MacAddress(b"\x02\x00\x5e" + number.to_bytes(3, "big"))


def expired(phone: Phone, session_timeout_seconds: int, idle_timeout_seconds: int) -> TerminateCause | None:
    """Why a session is over by its limits; 0 is no limit."""
    if phone.session is None:
        return None
    now = phone.clock()
    if session_timeout_seconds and (now - phone.session.started_at).total_seconds() >= session_timeout_seconds:
        return TerminateCause.SESSION_TIMEOUT
    if idle_timeout_seconds and (now - phone.last_seen_at).total_seconds() >= idle_timeout_seconds:
        return TerminateCause.IDLE_TIMEOUT
    return None
