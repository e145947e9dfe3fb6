"""Lighthouse on three pages, in both directions: accessibility and best practices are 100."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.captive_portal.conftest import City, Client, Phone, get_online
from tests.support.peers import Peers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer("chromium"),
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("every page"),
]

_FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking"


async def scores(address: str, chromium: Path, lighthouse: Path, report: Path) -> dict[str, float]:
    """Lighthouse's judgement of a page, 0 to 100 by category."""
    command = ["node", str(lighthouse / "cli" / "index.js"), address, "--quiet", "--output=json"]
    options = [f"--output-path={report}", f"--chrome-flags={_FLAGS}", "--only-categories=accessibility,best-practices"]
    # On a page that is served without TLS only because this is a test.
    audits = ["--skip-audits=is-on-https", "--no-enable-error-reporting"]
    environment = {**os.environ, "CHROME_PATH": str(chromium)}
    process = await asyncio.create_subprocess_exec(*command, *options, *audits, env=environment)
    assert await process.wait() == 0
    result = json.loads(await asyncio.to_thread(report.read_text, "utf-8"))
    failed = [name for name, audit in result["audits"].items() if audit["score"] == 0]
    assert failed == [], address
    return {name: 100 * category["score"] for name, category in result["categories"].items()}


@pytest.mark.parametrize(("page", "language"), [("start", "en"), ("status", "ar"), ("easy-privacy", "ur")])
async def test_lighthouse_gives_full_marks(
    phone: Phone, client: Client, city: City, peers: Peers, tmp_path: Path, page: str, language: str
) -> None:
    chromium, lighthouse = peers.require("chromium"), peers.require_package("lighthouse")
    phone.headers["Accept-Language"] = language
    if page == "start":
        await phone.arrive()
    else:
        await get_online(phone, city)
    address = str(client.make_url(phone.path.rpartition("/")[0] + f"/{page}"))
    marks = await scores(address, chromium, lighthouse, tmp_path / "report.json")
    assert marks == {"accessibility": 100, "best-practices": 100}
