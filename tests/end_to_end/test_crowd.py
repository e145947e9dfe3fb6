"""A bus full of people, and the next one, and the next: 500 phones arrive within ten seconds, and all get online."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select

from citywifi.demo_city import load_demo_city
from citywifi.replay.demo import gateway_settings
from citywifi.replay.gateway import Gateway, Phone
from citywifi.replay.outbox import Outbox
from citywifi.replay.phones import Resident
from citywifi.replay.population import Visitor
from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.schema import accounting_sessions, journeys
from tests.end_to_end.installation import Installation

PHONES = 500
_ARRIVE_WITHIN_SECONDS = 10.0
# Nobody stands before a page for longer, with all of them and the services on two cores.
_LONGEST_WAIT_SECONDS = 60.0
_GATEWAYS = 4
# One of so many gives an email address and types the code.
_BY_EMAIL = 4
_LANGUAGES = ("en", "cy", "pl", "ar")


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Installation:
    return Installation.prepare(tmp_path, sqlite_url)


@pytest.mark.city
@pytest.mark.timeout(180)
async def test_all_get_online_and_none_sees_an_error(
    installation: Installation, request: pytest.FixtureRequest
) -> None:
    with installation.running(("portal", "radius")):
        waited, statuses = await _crowd(installation)
    assert len(waited) == PHONES
    assert {status for status in statuses if status >= HTTPStatus.BAD_REQUEST} == set()
    assert max(waited) < _LONGEST_WAIT_SECONDS
    middle, most = sorted(waited)[PHONES // 2], sorted(waited)[PHONES * 99 // 100]
    told = f"{PHONES} phones: half online within {middle:.1f} s of arriving, 99 % within {most:.1f} s"
    request.node.user_properties.append(("duration", told))
    assert await _states(installation) == {"online": PHONES}
    assert "Traceback" not in installation.log("portal")


async def _crowd(installation: Installation) -> tuple[list[float], Counter[int]]:
    """Seconds from each phone's arrival until its sheet has seen that it is online; and the status of every answer."""
    statuses: Counter[int] = Counter()

    async def note(_session: object, _context: object, ended: aiohttp.TraceRequestEndParams) -> None:
        statuses[ended.response.status] += 1

    noting = aiohttp.TraceConfig()
    noting.on_request_end.append(note)
    settings = gateway_settings(load_demo_city(), installation.settings)[:_GATEWAYS]
    gateways = [Gateway(one, run="crowd") for one in settings]
    async with AsyncExitStack() as stack:
        for gateway in gateways:
            await gateway.open()
            stack.callback(gateway.close)
        http = await stack.enter_async_context(
            # Each phone has connections of its own, as many as it wants.
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=_LONGEST_WAIT_SECONDS), trace_configs=[noting],
            )
        )  # fmt: skip
        resident = Resident(http, Outbox(installation.settings.outbox_directory))
        arrivals = [_arrive(resident, gateways[number % _GATEWAYS], number) for number in range(PHONES)]
        return await asyncio.gather(*arrivals), statuses


async def _arrive(resident: Resident, gateway: Gateway, number: int) -> float:
    await asyncio.sleep(number * _ARRIVE_WITHIN_SECONDS / PHONES)
    arrived_at = time.monotonic()
    device = MacAddress(b"\x02\x00\x5e\x10" + number.to_bytes(2, "big"))
    visitor = Visitor(
        device,
        email=None if number % _BY_EMAIL else f"resident-{number}@example.org",
        wants_to_be_remembered=number % 2 == 0,
        language=_LANGUAGES[number % len(_LANGUAGES)],
    )
    phone: Phone = gateway.connect(device)
    # It raises for a page of an error, and for one that leads nowhere.
    assert await resident.get_online(gateway, phone, visitor)
    assert phone.session is not None
    return time.monotonic() - arrived_at


async def _states(installation: Installation) -> dict[str, int]:
    """How many journeys are in each state; and that as many sessions are open."""
    database = Database(installation.settings.resolved_database_url)
    async with database.read() as connection:
        found = Counter((await connection.execute(select(journeys.c.state))).scalars())
        is_open = accounting_sessions.c.stopped_at.is_(None)
        sessions = (await connection.execute(select(func.count()).where(is_open))).scalar_one()
    await database.close()
    assert sessions == PHONES
    return dict(found)
