"""What a resident sees when RADIUS says no, and that pressing the button once more is enough when it says yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captive_portal.journey import PATIENCE
from foundation.database import Database
from foundation.privacy import Keyring
from radius.packet import Packet
from tests.captive_portal.simulated.aruba import SimulatedInstant
from tests.captive_portal.simulated.base import Device, SimulatedGateway
from tests.captive_portal.simulated.meraki import SimulatedSignOn
from tests.captive_portal.simulated.omada_radius import SimulatedOmadaController
from tests.captive_portal.simulated.place import open_place


@pytest.mark.parametrize("kind", [SimulatedInstant, SimulatedSignOn], ids=lambda kind: kind.title())
async def test_a_reject_brings_the_browser_back_and_the_next_attempt_lets_it_on(
    kind: type[SimulatedGateway], database: Database, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil_first_password(monkeypatch, kind)
    async with open_place(kind(), database, keyring, tmp_path) as place:
        phone = await place.browser("firefox").be_intercepted()
        await phone.click_through()
        assert phone.place == "failed"
        await phone.submit()
        await phone.be_let_on()
        assert phone.place == "online"


async def test_a_reject_that_leaves_the_browser_with_a_line_of_json_is_got_over_by_opening_the_page_again(
    database: Database, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil_first_password(monkeypatch, SimulatedOmadaController)
    async with open_place(SimulatedOmadaController(), database, keyring, tmp_path) as place:
        phone = await place.browser("firefox").be_intercepted()
        await phone.click_through()
        assert "-41529" in phone.text
        await phone.open(phone.client.probe_url)
        assert phone.place == "waiting"
        await place.let_time_pass(phone, PATIENCE)
        await phone.reload()
        await phone.submit()
        await phone.be_let_on()
        assert phone.place == "online"


def _spoil_first_password(monkeypatch: pytest.MonkeyPatch, kind: type[SimulatedGateway]) -> None:
    """What the browser brings is changed on the way the first time."""
    right, spoilt = kind.authenticate, [True]

    async def authenticate(gateway: SimulatedGateway, device: Device, user_name: str, **given: Any) -> Packet | None:
        if spoilt:
            spoilt.clear()
            given["password"] = "not this one"
        return await right(gateway, device, user_name, **given)

    monkeypatch.setattr(kind, "authenticate", authenticate)
