"""How many presses of a button, and which warnings, it takes to get from the portal to a gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from tests.captive_portal.simulated.base import SimulatedGateway
from tests.captive_portal.simulated.cambium import SimulatedCambium
from tests.captive_portal.simulated.mikrotik import SimulatedMikroTik, SimulatedMikroTikWithHttps
from tests.captive_portal.simulated.place import open_place

WARNING = "Your browser may warn that this form is not secure"


async def test_a_response_to_a_challenge_needs_no_form_and_no_further_press(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    async with open_place(SimulatedMikroTik(), database, keyring, tmp_path) as place:
        phone = await place.browser("firefox").be_intercepted()
        await phone.submit(way="click", accept_terms="yes")
        assert phone.place in ("waiting", "online")
        assert phone.insecure_posts == 0
        await phone.wait()
        assert phone.place == "online"
        passwords = [url for url in phone.history if "password=" in url]
        assert [len(url.partition("password=")[2]) for url in passwords] == [32]


@pytest.mark.parametrize(
    ("gateway", "warns"),
    [(SimulatedMikroTikWithHttps, False), (SimulatedCambium, True)],
    ids=["https", "plain http"],
)
async def test_a_password_goes_by_a_form_and_the_page_tells_where_browsers_warn(
    gateway: type[SimulatedGateway], warns: bool, database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    async with open_place(gateway(), database, keyring, tmp_path) as place:
        phone = await place.browser("chromeos").be_intercepted()
        await phone.submit(way="click", accept_terms="yes")
        assert (WARNING in phone.text) is warns
        await phone.submit()
        assert phone.insecure_posts == warns
        assert await phone.probe()
        assert not [url for url in phone.history if "pass" in url.partition("?")[2].lower()]
