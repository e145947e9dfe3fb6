"""The portal over HTTP: first pages beside a bare aiohttp handler (the limit) and Django, and a whole registration.

A first page counts as so many a second on one core: a second divided by the processor time that the server took for
one. So it does not matter that the client shares the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import insert, select

from bench.browser import Browser
from bench.processes import processor_time, seconds_between
from bench.row import Row
from bench.service import running_service
from captive_portal.appearance import design
from captive_portal.gateways.coovachilli import seal
from citywifi.commands.database import prepare_installation
from citywifi.demo import UAM_SECRET, DemoGateway, demo_gateways
from citywifi.demo_city import load_demo_city
from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.schema import accounting_sessions, devices, one_time_tokens
from foundation.settings import PortalSettings, Settings
from tools.free_ports import free_port

_HERE = Path(__file__).parent
_JOURNEYS = 100
_PAGES = 1_000
_REGISTRATIONS = 50
_REPETITIONS = 3
_START_SECONDS = 15.0
# What Debian's packages python3-django and gunicorn bring.
_DJANGO = "/usr/lib/python3/dist-packages/django"
A_CORE = "a second a core"


def measure() -> list[Row]:
    """First pages of three servers, arrivals, whole registrations, and the size of the first page."""
    with tempfile.TemporaryDirectory(prefix="citywifi-bench-") as name:
        port = free_port()
        portal = PortalSettings(port=port, public_url=f"http://127.0.0.1:{port}")
        settings = Settings(demo=True, data_directory=Path(name), portal=portal)
        asyncio.run(prepare_installation(settings))
        with running_service("portal", settings) as process_id, Browser(port) as browser:
            arrivals, paths = _arrive(settings, browser, process_id)
            pages = [_rate(browser, process_id, paths) for _ in range(_REPETITIONS)]
            page = browser.get(paths[0]).body
            registrations = [_register(settings, browser, number) for number in range(_REGISTRATIONS)]
        return [
            Row.of("first pages", pages, A_CORE),
            Row.of("first pages: a bare aiohttp handler", _of_bare_handler(Path(name), page), A_CORE),
            *_of_django(Path(name)),
            Row.of("arrivals, each a journey in the database", [arrivals], A_CORE),
            Row.of("a whole registration (click-through, six requests)", registrations, "ms of the server's answers"),
            Row.of("size of the first page", [len(page)], "octets"),
        ]


def _arrive(settings: Settings, browser: Browser, process_id: int) -> tuple[float, list[str]]:
    before = processor_time(process_id)
    paths = [browser.get(_redirect(settings, number)).location for number in range(_JOURNEYS)]
    return _JOURNEYS / seconds_between(before, processor_time(process_id)), paths


def _rate(browser: Browser, process_id: int, paths: list[str]) -> float:
    before = processor_time(process_id)
    for number in range(_PAGES):
        answer = browser.get(paths[number % len(paths)])
        if answer.status != 200:
            raise RuntimeError(f"a first page came with status {answer.status}")
    return _PAGES / seconds_between(before, processor_time(process_id))


def _of_bare_handler(folder: Path, page: bytes) -> list[float]:
    file, port = folder / "page.html", free_port()
    file.write_bytes(page)
    command = [sys.executable, "-m", "bench.bare_page", str(port), str(file)]
    with _running(command, port) as process_id, Browser(port) as browser:
        return [_rate(browser, process_id, ["/"]) for _ in range(_REPETITIONS)]


def _of_django(folder: Path) -> list[Row]:
    """Nothing where Django is not installed."""
    gunicorn = shutil.which("gunicorn", path="/usr/bin")
    if gunicorn is None or not Path(_DJANGO).exists():
        print("Django is not measured: install Debian's python3-django and gunicorn", file=sys.stderr)
        return []
    ways = [("click", "Without giving any details", ""), ("email", "With my email address", "We email you a code.")]
    page = {
        "templates": str(_HERE.parent / "captive_portal" / "templates"),
        "stylesheet": design.read_stylesheet(),
        "context": {**design.page_context("en"), "remembered_days": 90, "ways": ways},
    }
    file, port = folder / "page.json", free_port()
    file.write_text(json.dumps(page))
    # One worker, which keeps connections: the default worker closes each.
    command = [gunicorn, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "1", "--workers", "1",
               "--keep-alive", "60", "--chdir", str(_HERE), "django_page:application"]  # fmt: skip
    with _running(command, port, PAGE=str(file)) as process_id, Browser(port) as browser:
        path = f"/j/{24 * 'a'}/start"
        rates = [_rate(browser, process_id, [path]) for _ in range(_REPETITIONS)]
    return [Row.of("first pages: Django, the same template, no database", rates, A_CORE)]


@contextmanager
def _running(command: list[str], port: int, **environment: str) -> Iterator[int]:
    """A server, from when it takes connections; gives its process number."""
    # Debian's Python must not see our environment's packages.
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    process = subprocess.Popen(command, env={**variables, **environment}, cwd=_HERE.parent, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                Browser(port).__exit__(None, None, None)
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start") from None
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=_START_SECONDS)


def _register(settings: Settings, browser: Browser, number: int) -> float:
    """Milliseconds that one resident waits for the portal, from the gateway's redirect to "You are online"."""
    number += _JOURNEYS
    answers = [browser.get(_redirect(settings, number))]
    start = answers[-1].location
    answers.append(browser.get(start))
    terms = re.search(rb'name="terms" value="(\d+)"', answers[-1].body)
    assert terms is not None
    form = {"way": "click", "accept_terms": "yes", "terms": terms[1].decode()}
    answers.append(browser.post(start, urlencode(form)))
    answers.append(browser.get(_redirect(settings, number, res="success")))
    waiting = answers[-1].location
    asyncio.run(_begin_session(settings))
    answers.append(browser.get(waiting))
    answers.append(browser.get(answers[-1].location))
    if b"online" not in answers[-1].body.lower() or answers[-1].status != 200:
        raise RuntimeError("a registration did not come to its end")
    return sum(answer.seconds for answer in answers) * 1000


async def _begin_session(settings: Settings) -> None:
    """What RADIUS stores at the Accounting-Start of the device that was released last."""
    database, now = Database(settings.resolved_database_url), datetime.now(UTC)
    token = one_time_tokens.c
    last = select(token.user_name, token.device_id, token.nas_id, token.council_id, devices.c.resident_id)
    last = last.join(devices, devices.c.id == token.device_id).order_by(token.id.desc()).limit(1)
    async with database.write() as connection:
        values = dict((await connection.execute(last)).one()._mapping)
        key = os.urandom(16)
        values |= {"session_key": key, "acct_session_id": key.hex()}
        await connection.execute(
            insert(accounting_sessions).values(**values, started_at=now, updated_at=now, received_at=now)
        )
    await database.close()


def _redirect(settings: Settings, number: int, *, res: str = "notyet") -> str:
    gateway: DemoGateway = demo_gateways(load_demo_city(), settings.demo_network)[0]
    host, port = gateway.address, gateway.login_url.rpartition(":")[2]
    parameters = {
        "res": res,
        "uamip": host,
        "uamport": port,
        "challenge": f"{number:032x}",
        "called": str(gateway.access_point_mac),
        "mac": str(MacAddress(b"\x02\x00" + number.to_bytes(4, "big"))),
        "ip": "10.1.0.2",
        "nasid": gateway.nas_identifier,
    }
    path = f"/arrive/coovachilli?{urlencode(parameters)}"
    return f"{path}&md={seal(settings.portal.public_url + path, UAM_SECRET)}"
