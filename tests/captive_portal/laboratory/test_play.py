"""A simulated phone through the real portal, of which nothing is left."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from captive_portal.app import create_app
from captive_portal.gateways.coovachilli import seal
from captive_portal.laboratory.examples import example_redirect
from captive_portal.laboratory.play import Play, play
from captive_portal.storage.known_gateways import list_known
from foundation.schema import councils, metadata, network_access_servers
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import LOGIN_URL, PORTAL_SECRET, PORTAL_URL, City, redirect


async def played(city: City, url: str) -> Play:
    async with city.database.read() as connection:
        known = await list_known(connection, city.runtime)
    return await play(city.runtime, known, url, create_app)


async def counts(city: City) -> dict[str, int]:
    async with city.database.read() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
        }


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where plays keep what they make; not tmp_path, whose name can be too long for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="plays-") as made:
        monkeypatch.setattr(tempfile, "tempdir", made)
        yield Path(made)


async def test_each_step_is_told_and_nothing_is_left_behind(city: City, folder: Path) -> None:
    before = await counts(city)
    made = await played(city, PORTAL_URL + redirect())
    assert made.problem is None
    told = " ".join(step.what for step in made.steps)
    assert f"The browser would now open {LOGIN_URL}/logon with username, response" in told
    assert f"{LOGIN_URL}/logoff" in told
    assert "API says that the device is not captive, with 14" in told
    assert "API says that the device is captive." in told
    pages = [step.page for step in made.steps if step.page]
    assert pages[0] == "Free WiFi at Central Library"
    assert "You are online" in pages
    assert await counts(city) == before
    assert is_clean(folder)


def is_clean(folder: Path) -> bool:
    return not list(folder.glob("citywifi-laboratory-*"))


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        ("email", "types the code from the message"),
        ("sms", "types the code from the message"),
        ("code", "types a code that was made for this play only"),
        ("sponsor", "types a code that was made for this play only"),
        ("staff", "Staff enter the number"),
        ("email,click", "chooses to give nothing"),
    ],
)
async def test_the_phone_takes_the_venues_simplest_way_in(city: City, ways: str, told: str) -> None:
    await offer(city, ways)
    made = await played(city, PORTAL_URL + redirect())
    assert made.problem is None, made
    assert told in " ".join(step.what for step in made.steps)


async def test_a_redirect_that_is_not_believed_is_not_played(city: City) -> None:
    made = await played(city, PORTAL_URL + redirect(secret=None))
    assert made.problem is not None
    assert "no seal" in made.problem
    assert made.steps == ()


@pytest.mark.parametrize("url", ["", "https://[::1/", "nonsense", f"{PORTAL_URL}/r/{'a' * 40}", f"{PORTAL_URL}/terms"])
async def test_what_is_no_redirect_is_told_so(city: City, url: str) -> None:
    made = await played(city, url)
    assert made.problem is not None
    assert made.steps == ()


@pytest.mark.parametrize("raw", ["userurl=http://exämple/ a", "userurl=%E4", "userurl=a#b", 'userurl="<b>"'])
async def test_whatever_was_pasted_ends_in_a_play_or_in_a_sentence(city: City, raw: str) -> None:
    url = f"{PORTAL_URL}{redirect(secret=None, userurl=None)}&{raw}"
    made = await played(city, f"{url}&md={seal(url, PORTAL_SECRET)}")
    assert made.steps or made.problem


async def test_a_device_that_is_on_already_is_not_played(city: City) -> None:
    made = await played(city, PORTAL_URL + redirect(res="already"))
    assert made.problem is not None
    assert made.steps == ()


async def test_what_stands_in_the_way_is_told(city: City) -> None:
    async with city.database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM terms_versions")
    made = await played(city, PORTAL_URL + redirect())
    assert made.problem is not None
    assert made.steps


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"gateway_driver": "mikrotik", "login_url": "http://hotspot.example/login"}, "/login with username, password"),
        ({"gateway_driver": "aruba", "login_url": "https://securelogin.example"}, "One button would now post to https"),
        (
            {"gateway_driver": "opennds", "login_url": "http://192.168.1.1:2050", "gateway_options": '{"level": "3"}'},
            "leave it ready for when the gateway asks",
        ),
        ({"gateway_driver": "cisco-central"}, "have the gateway ask about the device anew"),
        ({"gateway_driver": "hostapd"}, "have the gateway ask about the device anew"),
        ({"gateway_driver": "ruckus-smartzone", "login_url": "https://10.2.0.1:9443"}, "call the controller at"),
    ],
    ids=lambda value: value["gateway_driver"] if isinstance(value, dict) else "",
)
async def test_every_shape_of_equipment_is_played_to_the_end(city: City, row: dict[str, str], told: str) -> None:
    async with city.database.write() as connection:
        changed = update(network_access_servers).values(arrival_key="abcdefghijklmnopqrstuv", **row)
        await connection.execute(changed)
    async with city.database.read() as connection:
        [known] = await list_known(connection, city.runtime)
    url = example_redirect(known, PORTAL_URL, city.runtime.keyring)
    made = await play(city.runtime, [known], url, create_app)
    assert made.problem is None, made
    assert told in " ".join(step.what for step in made.steps)
    assert "The session has ended." in {step.what for step in made.steps}


async def test_no_controller_is_ever_called(city: City) -> None:
    async with city.database.write() as connection:
        await connection.execute(
            update(network_access_servers).values(gateway_driver="unifi", login_url="https://192.0.2.1:8443")
        )
        await connection.execute(update(councils).values(ways_in="click"))
    query = "ap=00-00-5E-00-53-00&id=02-00-5E-00-53-01&t=1&url=http%3A%2F%2Fa.example%2F&ssid=x"
    made = await played(city, f"{PORTAL_URL}/guest/s/central/?{query}")
    assert made.problem is None, made
    told = " ".join(step.what for step in made.steps)
    assert "The portal would now call the controller at https://192.0.2.1:8443, to let the device on" in told
    assert "to let the device off" in told
