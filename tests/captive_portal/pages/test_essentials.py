"""What residents may open before they sign up, and the page that says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from captive_portal.essentials.sites import default_sites, make_site
from captive_portal.storage import essentials
from tests.captive_portal.conftest import City, Phone


async def test_the_first_page_leads_to_what_is_open_without_signing_up_and_back(phone: Phone) -> None:
    await phone.arrive()
    start = phone.path
    listing = start.replace("start", "essentials")
    assert f'href="{listing}"' in phone.text
    await phone.get(listing)
    assert phone.status == 200
    for site in default_sites():
        assert f'href="{site.address}"' in phone.text
    assert ">999<" in phone.text
    assert f'href="{start}"' in phone.text


async def test_a_councils_own_site_stands_first_and_what_it_left_out_is_gone(phone: Phone, city: City) -> None:
    own = make_site("Coventry City Council", "https://www.coventry.gov.uk/", ["*.coventry.gov.uk"])
    async with city.database.write() as connection:
        await essentials.put_site(connection, city.council_id, own, datetime.now(UTC))
        assert await essentials.remove_site(connection, city.council_id, "nhs-111", datetime.now(UTC))
    await phone.get("/essentials")
    assert phone.path == "/councils/E08000026/essentials"
    assert phone.text.index("Your council") < phone.text.index("https://www.coventry.gov.uk/")
    assert "111.nhs.uk" not in phone.text


async def test_programs_get_the_same_list(phone: Phone) -> None:
    await phone.get("/councils/E08000026/essentials.json")
    told = json.loads(phone.text)
    sites = [make_site(each["name"], each["address"], each["hosts"], each["purpose"]) for each in told["sites"]]
    assert [site.address for site in sites] == [site.address for site in default_sites()]


@pytest.mark.parametrize("page", ["essentials", "essentials.json"])
async def test_a_council_that_is_none_has_no_list(phone: Phone, page: str) -> None:
    await phone.get(f"/councils/E00000000/{page}")
    assert phone.status == 404


async def test_the_list_is_there_in_the_language_of_the_journey(phone: Phone) -> None:
    await phone.arrive()
    await phone.get(phone.path.replace("start", "essentials") + "?lang=cy")
    assert phone.page == "essentials"
    assert '<html class="govuk-template" lang="cy"' in phone.text
