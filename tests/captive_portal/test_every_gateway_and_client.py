"""Every kind of gateway with every kind of client, and with everything that goes wrong on the way.

A row is a simulated gateway (tests/captive_portal/simulated), with a portal, a database and a RADIUS server of its
own; its cells are residents who come one after the other, or the reason why there can be none. The last lines of a
test run show the tables.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from captive_portal.gateways import DRIVERS
from captive_portal.laboratory import explain
from captive_portal.storage.known_gateways import list_known
from foundation.database import Database
from foundation.privacy import Keyring
from tests.captive_portal.simulated import find_gateways
from tests.captive_portal.simulated.base import SimulatedGateway
from tests.captive_portal.simulated.browser import SimulatedBrowser
from tests.captive_portal.simulated.clients import CLIENTS
from tests.captive_portal.simulated.faults import FAULTS, mend, why_not
from tests.captive_portal.simulated.place import PORTAL_URL, Place, open_place
from tests.support.matrix import note_cell

GATEWAYS: Final = {gateway.title(): gateway for gateway in find_gateways()}
CLIENT_NAMES: Final = [client.name for client in CLIENTS]
CLIENT_TABLE: Final = "every gateway with every client"
FAULT_TABLE: Final = "every gateway with every fault"
WITHOUT_API: Final = "it gives devices no address of the captive portal API (DHCP option 114)"


def why_not_client(gateway: type[SimulatedGateway], client: str) -> str | None:
    """Why a client cannot come to this gateway; None where it can."""
    if reason := gateway.not_applicable.get(client):
        return reason
    asks_api = next(each.asks_api for each in CLIENTS if each.name == client)
    return WITHOUT_API if asks_api and not gateway.gives_captive_portal_api else None


# The cells of a gateway are tried in one process, so that its place is built once.
@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[pytest.param(title, marks=pytest.mark.xdist_group(f"gateway {title}")) for title in GATEWAYS],
)
async def place(
    request: pytest.FixtureRequest,
    migrated_sqlite_file: Path,
    keyring: Keyring,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Place]:
    """Of one gateway, for all of its cells."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copy(migrated_sqlite_file, folder / "citywifi.sqlite3")
    database = Database(f"sqlite:///{folder / 'citywifi.sqlite3'}")
    try:
        async with open_place(GATEWAYS[request.param](), database, keyring, folder) as opened:
            yield opened
    finally:
        await database.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("client", CLIENT_NAMES)
async def test_a_client_gets_online_sees_its_status_and_leaves(
    place: Place, client: str, request: pytest.FixtureRequest
) -> None:
    reason = why_not_client(type(place.gateway), client)
    note_cell(request.node, CLIENT_TABLE, place.gateway.title(), CLIENT_NAMES, client, reason)
    if reason is not None:
        return
    browser = place.browser(client)
    await browser.be_intercepted()
    await browser.click_through()
    assert browser.is_well, browser.shown
    assert await browser.probe(), f"captive, at {browser.shown}"
    # The sheet may have gone with the probe's success; the journey's address leads to where its resident is.
    await browser.look_at_journey()
    assert browser.place == "online", browser.shown
    await browser.follow("/status")
    assert browser.place == "status", browser.shown
    if DRIVERS[place.gateway.driver].capabilities.can_log_out:
        await browser.submit()
        await until_ended(browser)


async def until_ended(browser: SimulatedBrowser) -> None:
    """What the portal itself does at the gateway takes a moment."""
    async with asyncio.timeout(8):
        while await browser.probe() or browser.place != "ended":
            await browser.gateway.poll()
            await browser.gateway.settle()
            await browser.open(browser.journey_url)
            await asyncio.sleep(0.01)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_resident_gets_online_in_spite_of_it(place: Place, fault: str, request: pytest.FixtureRequest) -> None:
    reason = why_not(type(place.gateway), fault)
    note_cell(request.node, FAULT_TABLE, place.gateway.title(), list(FAULTS), fault, reason)
    if reason is not None:
        return
    try:
        await FAULTS[fault](place)
    finally:
        mend(place.gateway)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_laboratory_explains_the_redirect(place: Place) -> None:
    browser = await place.browser().be_intercepted()
    arrival = next(url for url in browser.history if url.startswith(f"{PORTAL_URL}/"))
    async with place.database.read() as connection:
        known = await list_known(connection, place.runtime)
    explanation = explain(arrival, known, PORTAL_URL)
    assert explanation.problem is None
    if "/r/" in arrival:
        assert "sealed" in explanation.notes[-1]
        return
    assert (explanation.driver, explanation.gateway) == (place.gateway.driver, "Central Library")
    assert [one.name for one in explanation.parameters if one.meaning is None] == []
    assert len(explanation.steps) > 3
    told = repr(explanation)
    for spelling in (browser.device.dashes, browser.device.colons, browser.device.plain):
        assert spelling.lower() not in told.lower()
    elsewhere = arrival.replace(arrival.partition("?")[0], f"{PORTAL_URL}/login")
    assert explain(elsewhere, known, PORTAL_URL).driver in DRIVERS


def test_reasons_are_given_only_for_what_is_tried() -> None:
    known = {*CLIENT_NAMES, *FAULTS}
    for title, gateway in GATEWAYS.items():
        assert gateway.not_applicable.keys() <= known, title


def test_every_driver_has_a_simulated_gateway() -> None:
    simulated = {gateway.driver for gateway in GATEWAYS.values()}
    assert simulated == DRIVERS.keys(), f"without a simulated gateway: {DRIVERS.keys() - simulated}"
