"""Devices whose address only the controller knows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from captive_portal.arrival import CheckedArrival
from captive_portal.errands.controllers import Controllers
from captive_portal.gateways.base import Arrival, Clue, Redirect, Refusal, RefusalReason
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.ruckus_smartzone import RuckusSmartZone
from tests.captive_portal.simulated.base import new_device
from tests.captive_portal.simulated.ruckus_smartzone import SimulatedHiding

DEVICE = new_device(1)


@pytest.fixture
async def controllers() -> AsyncIterator[Controllers]:
    opened = Controllers(patience_seconds=2)
    yield opened
    await opened.close()


@pytest.fixture
async def smartzone() -> AsyncIterator[SimulatedHiding]:
    simulated = SimulatedHiding()
    await simulated.open()
    yield simulated
    await simulated.close()


async def hidden_arrival(smartzone: SimulatedHiding) -> CheckedArrival:
    query = (await smartzone.intercept(DEVICE, "")).partition("?")[2]
    gateway = Gateway(2, 1, None, "", smartzone.login_url, smartzone.portal_secret, options=smartzone.options)
    redirect = Redirect.read(query)
    assert isinstance(redirect, Redirect)
    arrival = RuckusSmartZone().parse(redirect, gateway)
    assert isinstance(arrival, Arrival)
    return CheckedArrival(arrival, gateway, Clue(None, None))


async def test_a_hidden_address_is_asked_for_once(smartzone: SimulatedHiding, controllers: Controllers) -> None:
    checked = await hidden_arrival(smartzone)
    for _ in range(3):
        resolved = await controllers.resolve(RuckusSmartZone(), checked)
        assert isinstance(resolved, CheckedArrival)
        assert resolved.arrival.device == DEVICE.mac
        assert resolved.arrival.hand_over["mac"] == str(DEVICE.mac)
        assert resolved.arrival.hand_over["ue_mac"] == checked.arrival.device
    assert len(smartzone.asked) == 1


async def test_an_address_that_the_controller_does_not_tell_is_refused(
    smartzone: SimulatedHiding, controllers: Controllers
) -> None:
    smartzone.response_codes = [302]
    refused = await controllers.resolve(RuckusSmartZone(), await hidden_arrival(smartzone))
    assert refused == Refusal(RefusalReason.UNRESOLVED)


async def test_a_flood_of_hidden_addresses_does_not_reach_the_controller(
    smartzone: SimulatedHiding, controllers: Controllers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captive_portal.errands.controllers._MOST_RESOLVING", 0)
    refused = await controllers.resolve(RuckusSmartZone(), await hidden_arrival(smartzone))
    assert refused == Refusal(RefusalReason.UNRESOLVED)
    assert smartzone.asked == []
