"""A simulated phone: a browser without script, cookie or memory, which reads the page in front of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

import aiohttp
from yarl import URL

# Any: what the phone reaches is a socket in a folder, whatever the name.
_BASE: Final = "http://portal.invalid"
_MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class Page(HTMLParser):
    """What is on a page: its heading, its one main form, and the ways in that it offers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.heading = ""
        # Where the main form leads; empty where there is none.
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.ways: list[str] = []
        self._in_heading = self._in_form = False
        self.feed(text)
        self.heading = " ".join(self.heading.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self._in_form = values.get("id") == "main-form"
                self.action = values.get("action", "") if self._in_form else self.action
            case "h1":
                self._in_heading = True
            case "input" if values.get("name") == "way":
                self.ways.append(values.get("value", ""))
            case "input" if self._in_form and values.get("type") == "hidden":
                self.hidden[values.get("name", "")] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = self._in_heading and tag != "h1"
        self._in_form = self._in_form and tag != "form"

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data


@dataclass(slots=True)
class Phone:
    """It stops where a redirect leaves the portal; ``away`` is where to."""

    http: aiohttp.ClientSession
    # The part after the portal's address.
    path: str = ""
    status: int = 0
    page: Page = field(default_factory=lambda: Page(""), repr=False)
    away: str = field(default="", repr=False)
    milliseconds: int = 0

    @property
    def place(self) -> str:
        """The last part of the address, by which pages of a journey are known."""
        return self.path.partition("?")[0].rpartition("/")[2]

    async def open(self, path: str) -> None:
        """Open an address of the portal and follow it."""
        await self._go("GET", path, None)

    async def submit(self, **fields: str) -> None:
        """Fill in the main form and send it."""
        await self._go("POST", self.page.action, {**self.page.hidden, **fields})

    async def _go(self, method: str, path: str, fields: Mapping[str, str] | None) -> None:
        began, self.away = time.monotonic(), ""
        for _ in range(_MOST_REDIRECTS):
            self.path = path
            # As it stands: a seal is broken by quoting the address anew.
            url = URL(f"{_BASE}{path}", encoded=True)
            async with self.http.request(method, url, data=fields, allow_redirects=False) as answer:
                self.status, self.page = answer.status, Page(await answer.text())
                location = answer.headers.get("Location", "")
            if self.status not in _REDIRECTS:
                break
            if not location.startswith("/"):
                self.away = location
                break
            method, path, fields = "GET", location, None
        self.milliseconds = round((time.monotonic() - began) * 1000)
