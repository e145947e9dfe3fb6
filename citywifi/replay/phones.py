"""A resident with a phone: no JavaScript, no cookies kept, reads the portal's pages and fills their forms."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
from yarl import URL

from citywifi.replay.errors import PortalJourneyError
from citywifi.replay.gateway import Gateway, Phone, Session
from citywifi.replay.outbox import Outbox
from citywifi.replay.pages import Form, Page, read_page
from citywifi.replay.population import Visitor

# What a phone asks for to see whether it is on the internet.
PROBE = "http://connectivitycheck.gstatic.com/generate_204"
_MOST_REDIRECTS = 10
_MOST_PAGES = 25
_LONGEST_WAY_SECONDS = 0.3
_MAIL_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Opened:
    """A page in the phone's browser; ``name`` is the last part of its path."""

    url: str
    text: str = field(repr=False)
    refresh_header: str | None = None
    # A form came back with what was wrong in it.
    is_refused: bool = False

    @cached_property
    def page(self) -> Page:
        """What it says, read when somebody looks at it."""
        return read_page(self.text, self.refresh_header)

    @property
    def name(self) -> str:
        """Such as start, code, waiting or online."""
        return urlsplit(self.url).path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Resident:
    """Whoever holds a phone; one for all of them, because it remembers nothing but the mail it read."""

    http: aiohttp.ClientSession
    outbox: Outbox

    async def get_online(self, gateway: Gateway, phone: Phone, visitor: Visitor) -> bool:
        """Get a connected phone onto the network: True if it went through the portal, False if it was remembered.

        Raises PortalJourneyError, aiohttp.ClientError or TimeoutError.
        """
        if await gateway.first_packet(phone):
            return False
        browser = _Browser(self.http, gateway, phone, visitor.language)
        opened = await browser.open(gateway.intercept(phone, PROBE))
        for _ in range(_MOST_PAGES):
            if phone.session is not None:
                await self._see_the_end(browser, opened, phone.session)
                return True
            opened = await self._go_on(browser, opened, visitor)
        raise PortalJourneyError(f"the portal's page {opened.name!r} came again and again")

    async def _go_on(self, browser: _Browser, opened: Opened, visitor: Visitor) -> Opened:
        """Do what a page asks for. Raises PortalJourneyError for a page that a resident would not understand."""
        match opened.name:
            case "start":
                return await browser.send(opened, _start_form(opened, visitor))
            case "email" if visitor.email is not None:
                self.outbox.forget(visitor.email)
                form = _form(opened, "email")
                form.fill("email", visitor.email)
                return await browser.send(opened, form)
            case "code" if visitor.email is not None:
                return await self._type_code(browser, opened, visitor.email)
            case "waiting" if opened.page.refresh is not None:
                await asyncio.sleep(opened.page.refresh.after_seconds)
                return await browser.open(urljoin(opened.url, opened.page.refresh.address))
            case "connect" | "failed" | "ended" | "expired" | "waiting":
                return await browser.send(opened, _form(opened, action="connect"))
        raise PortalJourneyError(f"the portal led a phone to {opened.name!r}, which asks for nothing that it knows")

    async def _see_the_end(self, browser: _Browser, opened: Opened, session: Session) -> None:
        """Once the phone is on, its sign-in sheet shows one page more and closes by itself, whatever that page says."""
        refresh = opened.page.refresh if opened.name == "waiting" else None
        if refresh is None:
            return
        if session.starting is not None:
            # Simulated residents are in a hurry: no longer than until there is something to see.
            await asyncio.wait((session.starting,), timeout=refresh.after_seconds)
        await browser.open(urljoin(opened.url, refresh.address))

    async def _type_code(self, browser: _Browser, opened: Opened, email: str) -> Opened:
        code = await self.outbox.code_for(email, _MAIL_PATIENCE_SECONDS)
        if code is None or opened.is_refused:
            self.outbox.forget(email)
            return await browser.send(opened, _form(opened, action="resend"))
        form = _form(opened, "code")
        form.fill("code", code)
        return await browser.send(opened, form)


def _start_form(opened: Opened, visitor: Visitor) -> Form:
    form = _form(opened, "accept_terms")
    form.choose("way", "click" if visitor.email is None else "email")
    form.choose("accept_terms", "yes")
    if visitor.wants_to_be_remembered:
        form.choose("remember_device", "yes")
    return form


def _form(opened: Opened, field_name: str = "", *, action: str = "") -> Form:
    """The page's form with a field, or the one that leads somewhere. Raises PortalJourneyError."""
    for form in opened.page.forms:
        if field_name and any(one.name == field_name for one in form.fields):
            return form
        if action and urlsplit(urljoin(opened.url, form.action)).path.endswith(f"/{action}"):
            return form
    raise PortalJourneyError(f"the portal's page {opened.name!r} has no form for {field_name or action}")


class _Browser:
    """Opens addresses for one phone; those of its gateway do not leave the building."""

    def __init__(self, http: aiohttp.ClientSession, gateway: Gateway, phone: Phone, language: str) -> None:
        self._http = http
        self._gateway = gateway
        self._phone = phone
        self._headers = {"Accept-Language": language, "Accept": "text/html"}

    async def send(self, opened: Opened, form: Form) -> Opened:
        """Submit a form by its first button."""
        url = urljoin(opened.url, form.action or opened.url)
        button = form.buttons[0] if form.buttons else None
        return await self.open(url, form.content(button))

    async def open(self, url: str, form: list[tuple[str, str]] | None = None) -> Opened:
        """Load a page, or send a form, and follow where it leads."""
        for _ in range(_MOST_REDIRECTS):
            if url.startswith(self._gateway.settings.base_url + "/"):
                target = await self._ask_gateway(url)
            else:
                answer = await self._ask_portal(url, form)
                if isinstance(answer, Opened):
                    return answer
                target = answer
            url, form = urljoin(url, target), None
        raise PortalJourneyError("the portal redirected a phone in a circle")

    async def _ask_portal(self, url: str, form: list[tuple[str, str]] | None) -> Opened | str:
        """A page, or where it redirects."""
        method, data = ("GET", None) if form is None else ("POST", aiohttp.FormData(form))
        # As it is: the seal is over this very spelling.
        address = URL(url, encoded=True)
        async with self._http.request(
            method, address, data=data, headers=self._headers, allow_redirects=False
        ) as response:
            if "Location" in response.headers:
                return response.headers["Location"]
            text = await response.text()
            # A form with a fault comes back as a page, with the fault beside its field.
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise PortalJourneyError(f"the portal answered with status {response.status}")
            is_refused = response.status >= HTTPStatus.BAD_REQUEST
            return Opened(url, text, response.headers.get("Refresh"), is_refused)

    async def _ask_gateway(self, url: str) -> str:
        parts = urlsplit(url)
        target = await self._gateway.visit(self._phone, parts.path, dict(parse_qsl(parts.query)))
        session = self._phone.session
        if session is not None and session.starting is not None:
            # A phone's way back to the portal by radio takes longer than its gateway's Start by wire.
            await asyncio.wait((session.starting,), timeout=_LONGEST_WAY_SECONDS)
        if target is None:
            raise PortalJourneyError(f"the portal sent a phone to {parts.path} of its gateway, which has no such page")
        return target
