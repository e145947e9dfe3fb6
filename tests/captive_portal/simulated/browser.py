"""A simulated browser: no script, no cookies, no memory but the page in front of it and its address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from captive_portal.gateways.gateway import origin
from tests.captive_portal.simulated.base import Answer, Device, SimulatedGateway
from tests.captive_portal.simulated.clients import Client
from tests.captive_portal.simulated.page import Form, Page, read_page

_WISPR: Final = "<WISPAccessGatewayParam"
_API_TYPE: Final = "application/captive+json"
_MOST_REDIRECTS: Final = 20
_MOST_PROBES: Final = 3
_PATIENCE_SECONDS: Final = 5.0
_BETWEEN_RELOADS_SECONDS: Final = 0.01
_REDIRECTS: Final = (301, 302, 303, 307, 308)

# Asks the portal: method, path with query, fields of a form, headers.
PortalRequest = Callable[[str, str, Mapping[str, str] | None, Mapping[str, str]], Awaitable[Answer]]


class UnreachableError(AssertionError):
    """The browser shows an error of its own: nothing answers at that address while the device is captive."""


@dataclass(slots=True, eq=False)
class SimulatedBrowser:
    """A client behind a gateway. Several of one device are tabs, or sheets opened one after the other."""

    client: Client
    device: Device
    gateway: SimulatedGateway
    portal_url: str
    portal: PortalRequest = field(repr=False)
    url: str = ""
    status: int = 0
    text: str = ""
    page: Page = field(default_factory=Page)
    # Addresses in the order in which they were opened, by GET.
    history: list[str] = field(default_factory=list)
    # Forms of an HTTPS page that are posted by HTTP: some browsers ask before they do that.
    insecure_posts: int = 0
    # The sign-in sheet went when the probe succeeded; what is opened afterwards is in the device's own browser.
    is_closed: bool = False
    _policy: str = ""

    # -- what a person does -------------------------------------------------------------------------------------------

    async def probe(self) -> bool:
        """Whether the client finds the internet free; does not change what the browser shows.

        One that asks the captive portal API believes that, so API and probe must agree.
        """
        for _ in range(_MOST_PROBES):
            # What the API says follows accounting, so that must have come through; a session may end just now.
            await self.gateway.settle()
            is_free = await self._probe_by_http()
            if not self.client.asks_api:
                return is_free
            told = await self.ask_api()
            if told["captive"] is not is_free:
                return is_free
        raise AssertionError(f"the API says {told}, the probe that it is {is_free} to be free")

    async def ask_api(self) -> dict[str, Any]:
        """What the captive portal API says to this device (RFC 8908)."""
        url = self.gateway.captive_portal_api(self.device)
        assert url.startswith("https:"), f"clients ask the API by HTTPS only, not at {url}"
        answer = await self._ask("GET", url, None)
        assert answer.status == 200, f"{url} answers {answer.status}"
        assert answer.headers["Content-Type"].partition(";")[0] == _API_TYPE
        told: dict[str, Any] = json.loads(answer.text)
        return told

    async def _probe_by_http(self) -> bool:
        answer = await self._ask("GET", self.client.probe_url, None)
        return answer.status == self.client.free_status and answer.text == self.client.free_body

    async def be_intercepted(self) -> SimulatedBrowser:
        """Associate, find out that the network is captive, and open the sign-in page."""
        await self.gateway.associate(self.device)
        assert not await self.probe(), "a device that nobody knows is not captive"
        if self.client.asks_api:
            address = (await self.ask_api())["user-portal-url"]
            assert address.startswith("https:"), f"clients open the portal by HTTPS only, not {address}"
            return await self.open(address)
        return await self.open(self.client.start_url or self.client.probe_url)

    async def open(self, url: str) -> SimulatedBrowser:
        """Open an address and follow redirects, as from the address bar or a link."""
        return await self._navigate("GET", urljoin(self.url, url), None, policy="")

    async def reload(self) -> SimulatedBrowser:
        """The page once more."""
        return await self.open(self.url)

    async def submit(self, **filled: str) -> SimulatedBrowser:
        """Fill in the page's main form and press its button."""
        form = self.page.main_form
        assert form is not None, f"no form at {self.shown}"
        return await self.submit_form(form, filled)

    async def submit_form(self, form: Form, filled: Mapping[str, str]) -> SimulatedBrowser:
        """Fill in a form and press its button."""
        target, content = urljoin(self.url, form.action), form.content(dict(filled))
        if form.method == "get":
            return await self._navigate("GET", f"{target.partition('?')[0]}?{urlencode(content)}", None, self._policy)
        if self.url.startswith("https:") and target.startswith("http:"):
            self.insecure_posts += 1
        return await self._navigate("POST", target, content, self._policy)

    async def follow(self, part: str) -> SimulatedBrowser:
        """Press the link that leads to an address with this part."""
        found = [link.address for link in self.page.links if part in link.address]
        assert found, f"no link to {part} at {self.shown}"
        return await self.open(found[0])

    async def click_through(self) -> SimulatedBrowser:
        """Get online without giving any details, from the first page to the one that says so (or to the internet)."""
        assert self.place == "start", f"expected the first page, not {self.shown}"
        await self.submit(way="click", accept_terms="yes")
        return await self.be_let_on()

    async def be_let_on(self) -> SimulatedBrowser:
        """Press what is to be pressed on the way through the gateway, and wait until the portal has proof."""
        await self.go_through_gateway()
        return await self.wait()

    async def go_through_gateway(self) -> SimulatedBrowser:
        """Press the button of the page whose form leads to the gateway, where there is one."""
        return await self.submit() if self._is_hand_over else self

    async def wait(self, patience_seconds: float = _PATIENCE_SECONDS) -> SimulatedBrowser:
        """Stay on the waiting page until it goes on by itself, or the sheet goes. Raises TimeoutError."""
        async with asyncio.timeout(patience_seconds):
            while self.place == "waiting" and self.page.refresh_seconds is not None:
                await self.gateway.poll()
                await self.gateway.settle()
                if self.client.closes_when_free and not self.is_closed and await self._probe_by_http():
                    self.is_closed = True
                    return self._show(self.client.probe_url, Answer(self.client.free_status, self.client.free_body))
                if self.client.follows_refresh:
                    await self.open(self.page.refresh_address or self.url)
                else:
                    await self.follow("/waiting")
                if self.place == "waiting":
                    await asyncio.sleep(_BETWEEN_RELOADS_SECONDS)
        return self

    async def look_at_journey(self) -> SimulatedBrowser:
        """Open the journey's own address in the device's browser, whatever became of the sheet."""
        self.is_closed = True
        await self.open(self.journey_url)
        return await self.wait()

    # -- what it shows ------------------------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """Which of the portal's pages it shows; empty for what is not the portal's."""
        if not self._is_portal(self.url):
            return ""
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def is_well(self) -> bool:
        """Whether a resident who is online sees that, or what they wanted at first, and no mistake of ours."""
        return self.status < 400 and self.place in ("online", "")

    @property
    def shown(self) -> str:
        """For the message of a test that fails."""
        return f"{self.url} ({self.status}, {self.page.title.strip()!r})"

    @property
    def journey_url(self) -> str:
        """The latest address of the journey itself, which leads to the page where it is."""
        found = next(url for url in reversed(self.history) if self._is_portal(url) and "/j/" in url)
        path = urlsplit(found).path.split("/")
        return f"{self.portal_url}/j/{path[2]}/"

    @property
    def _is_hand_over(self) -> bool:
        """The portal's page with one button whose form leads to the gateway."""
        form = self.page.main_form
        return form is not None and not self._is_portal(urljoin(self.url, form.action))

    def _is_portal(self, url: str) -> bool:
        return url.startswith(f"{self.portal_url}/")

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    async def _navigate(self, method: str, url: str, fields: Mapping[str, str] | None, policy: str) -> SimulatedBrowser:
        for _ in range(_MOST_REDIRECTS):
            self._check_policy(policy, url)
            if method == "GET":
                self.history.append(url)
            answer = await self._ask(method, url, fields)
            if answer.status not in _REDIRECTS or answer.location is None:
                return await self._show(url, answer)._leave_gateway()
            url = urljoin(url, answer.location)
            if answer.status not in (307, 308):
                method, fields = "GET", None
        raise AssertionError(f"redirected for ever, to {url} in the end")

    async def _leave_gateway(self) -> SimulatedBrowser:
        """A page of the gateway itself that refers to another one."""
        if not self.page.refresh_address or not self.gateway.owns(self.url):
            return self
        return await self.open(self.page.refresh_address if self.client.follows_refresh else self.page.links[0].address)

    async def _ask(self, method: str, url: str, fields: Mapping[str, str] | None) -> Answer:
        url = url.partition("#")[0]
        if self._is_portal(url):
            return await self.portal(method, url.removeprefix(self.portal_url), fields, self._headers(method))
        if self.gateway.owns(url):
            given = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)) if fields is None else fields
            return await self.gateway.visit(self.device, method, url, given)
        if self.gateway.lets_through(self.device, url):
            is_probe = url == self.client.probe_url
            return Answer(self.client.free_status, self.client.free_body) if is_probe else Answer(200, "The internet")
        if urlsplit(url).scheme != "http":
            raise UnreachableError(f"{url} cannot be reached by a captive device")
        return Answer.redirect(await self.gateway.intercept(self.device, url))

    def _headers(self, method: str) -> dict[str, str]:
        headers = {"User-Agent": self.client.user_agent, "Accept-Language": "en-GB,en;q=0.9"}
        if method == "POST":
            # Pages of the portal ask for no referrer, so that forms come with this.
            headers["Origin"] = "null"
        return headers

    def _show(self, url: str, answer: Answer) -> SimulatedBrowser:
        self.url, self.status, self.text = url, answer.status, answer.text
        self.page = read_page(answer.text)
        self._policy = answer.headers.get("Content-Security-Policy", "")
        if self.client.reads_wispr:
            assert _WISPR not in answer.text, "a log-in for roaming devices, which nobody here takes"
        budget, octets = self.client.page_budget_octets, len(answer.text.encode())
        assert budget is None or octets <= budget, f"{self.shown} has {octets} octets, more than {budget}"
        if self.client.sees_only_accessible_tree and self._is_portal(url):
            missing = self.page.what_a_screen_reader_misses()
            assert not missing, f"{self.shown} lacks {missing}"
        assert "<script" not in answer.text or not self._is_portal(url) or self.page.forms, "a page needs a script"
        return self

    def _check_policy(self, policy: str, url: str) -> None:
        """form-action of the page that a form was on holds for its target and all that this redirects to."""
        if not policy or not self.client.enforces_policy:
            return
        directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
        allowed = directives.get("form-action", "").split()
        if f"{urlsplit(url).scheme}:" in allowed:
            return
        own = {origin(self.portal_url)} if "'self'" in allowed else set()
        assert origin(url) in own | set(allowed), f"the page's policy lets its form lead to {allowed}, not to {url}"
