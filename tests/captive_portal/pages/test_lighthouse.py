"""Lighthouse on pages of every make, in both directions: accessibility and best practices are 100."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from captive_portal import security
from captive_portal.appearance import design
from foundation.settings import Settings
from tests.support.peers import Peers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer("chromium"),
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("every page"),
]

_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
]
_JUDGE = Path(__file__).resolve().parents[2] / "support" / "lighthouse.mjs"
# Choices with mistakes, values, forms, an image, pictures to press, code. A page takes seconds; the others are made of
# the same parts, and axe-core, which Lighthouse asks, is asked about them all.
_PAGES = [
    ("en", "start with errors"),
    ("ar", "status"),
    ("ur", "data"),
    ("uk", "carry-on"),
    ("pl", "pictures"),
    ("en", "staff gateway"),
]


@asynccontextmanager
async def running_chromium(chromium: Path, profile: Path) -> AsyncIterator[int]:
    """One for all pages; gives the port of its DevTools."""
    process = await asyncio.create_subprocess_exec(
        chromium, *_FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            found = None
            while found is None:
                found = re.search(rb"DevTools listening on ws://[^:]+:(\d+)/", await process.stderr.readline())
        yield int(found[1])
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def serving(pages: list[str], settings: Settings) -> AsyncIterator[str]:
    """The pages by their number, with the headers that the portal gives them."""
    style = security.style_source(design.read_stylesheet())

    async def show(request: web.Request) -> web.Response:
        headers = security.headers(settings.portal, style, None)
        number = int(request.match_info["number"])
        return web.Response(text=pages[number], content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/{number}", show)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_lighthouse_gives_full_marks(
    every_page: dict[tuple[str, str], str], settings: Settings, peers: Peers, tmp_path: Path
) -> None:
    chromium, lighthouse = peers.require("chromium"), peers.require_package("lighthouse")
    pages = [every_page[one] for one in _PAGES]
    async with serving(pages, settings) as address, running_chromium(chromium, tmp_path / "profile") as port:
        addresses = [f"{address}{number}" for number in range(len(pages))]
        judge = await asyncio.create_subprocess_exec(
            "node", _JUDGE, lighthouse, str(port), *addresses, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await judge.communicate()
    marks = [json.loads(line) for line in told.splitlines()]
    assert len(marks) == len(_PAGES)
    for where, one in zip(_PAGES, marks, strict=True):
        assert one["failed"] == [], where
        assert one["marks"] == {"accessibility": 100, "best-practices": 100}, where
