"""Every kind of gateway with every kind of client, and with everything that goes wrong on the way.

A row is a simulated gateway (tests/captive_portal/simulated), with a portal, a database and a RADIUS server of its
own; its cells are residents who come one after the other. The last lines of a test run show the tables.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from _pytest.mark.structures import ParameterSet

from captive_portal.gateways import DRIVERS
from foundation.database import Database
from foundation.privacy import Keyring
from tests.captive_portal.simulated import find_gateways
from tests.captive_portal.simulated.base import SimulatedGateway
from tests.captive_portal.simulated.browser import SimulatedBrowser
from tests.captive_portal.simulated.clients import CLIENTS
from tests.captive_portal.simulated.faults import FAULTS, mend, why_not
from tests.captive_portal.simulated.place import Place, open_place
from tests.support.matrix import note_cell, note_no_cell

GATEWAYS: Final = {gateway.title(): gateway for gateway in find_gateways()}
CLIENT_TABLE: Final = "every gateway with every client"
FAULT_TABLE: Final = "every gateway with every fault"
WHY_NOT: Final = {
    "apple_capport": "the captive portal API is yet to come",
    "android_capport": "the captive portal API is yet to come",
}


def why_not_client(gateway: type[SimulatedGateway], client: str) -> str | None:
    """Why a client cannot come to this gateway; None where it can."""
    return gateway.not_applicable.get(client) or WHY_NOT.get(client)


def tried(columns: Iterable[str], why: Callable[[type[SimulatedGateway], str], str | None]) -> list[ParameterSet]:
    """A test for each cell that applies, those of a gateway in one process after each other."""
    return [
        pytest.param(title, column, marks=pytest.mark.xdist_group(f"gateway {title}"), id=f"{title}-{column}")
        for title, gateway in GATEWAYS.items()
        for column in columns
        if why(gateway, column) is None
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
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
@pytest.mark.parametrize(
    ("place", "client"), tried([client.name for client in CLIENTS], why_not_client), indirect=["place"]
)
async def test_a_client_gets_online_sees_its_status_and_leaves(
    place: Place, client: str, request: pytest.FixtureRequest
) -> None:
    note_cell(request.node, CLIENT_TABLE, place.gateway.title(), client)
    browser = place.browser(client)
    await browser.be_intercepted()
    await browser.click_through()
    assert await browser.probe(), f"captive, at {browser.shown}"
    # The sheet may have gone with the probe's success; the journey's address leads to where its resident is.
    await browser.open(browser.journey_url)
    assert browser.place == "online", browser.shown
    await browser.follow("/status")
    assert browser.place == "status", browser.shown
    if DRIVERS[place.gateway.driver].capabilities.can_log_out:
        await browser.submit()
        await until_ended(browser)
        assert not await browser.probe()


async def until_ended(browser: SimulatedBrowser) -> None:
    """What the portal itself does at the gateway takes a moment."""
    async with asyncio.timeout(8):
        while await browser.probe() or browser.place != "ended":
            await browser.gateway.poll()
            await browser.gateway.settle()
            await browser.open(browser.journey_url)
            await asyncio.sleep(0.01)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("place", "fault"), tried(FAULTS, why_not), indirect=["place"])
async def test_a_resident_gets_online_in_spite_of_it(place: Place, fault: str, request: pytest.FixtureRequest) -> None:
    note_cell(request.node, FAULT_TABLE, place.gateway.title(), fault)
    try:
        await FAULTS[fault](place)
    finally:
        mend(place.gateway)


def test_a_cell_that_is_not_tried_has_its_reason(request: pytest.FixtureRequest) -> None:
    for title, gateway in GATEWAYS.items():
        for client in CLIENTS:
            if reason := why_not_client(gateway, client.name):
                note_no_cell(request.node, CLIENT_TABLE, title, client.name, reason)
        for fault in FAULTS:
            if reason := why_not(gateway, fault):
                note_no_cell(request.node, FAULT_TABLE, title, fault, reason)
        known = {client.name for client in CLIENTS} | FAULTS.keys()
        assert gateway.not_applicable.keys() <= known, f"{title} gives reasons for what is not tried"


def test_every_driver_has_a_simulated_gateway() -> None:
    simulated = {gateway.driver for gateway in GATEWAYS.values()}
    assert simulated == DRIVERS.keys(), f"without a simulated gateway: {DRIVERS.keys() - simulated}"
