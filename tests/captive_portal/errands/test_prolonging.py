"""A code that is typed while grace lasts: the session goes on, where its equipment can be told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import update

from foundation.schema import network_access_servers
from radius import attributes
from radius.attributes import encode_all
from radius.packet import Code, Packet, encode_reply
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import City, Phone, newest_code, start_session, token_names
from tests.radius.equipment import Equipment
from tests.radius.support import SECRET


def answer(code: Code, **values: int) -> Callable[[Packet], list[bytes]]:
    """Equipment that always says this."""
    pairs = {name.replace("_", "-"): value for name, value in values.items()}
    return lambda request: [encode_reply(code, request, encode_all(pairs), SECRET)]


YES = answer(Code.COA_ACK)
NO = answer(Code.COA_NAK, Error_Cause=503)


@pytest.fixture
async def equipment(request: pytest.FixtureRequest, city: City) -> AsyncIterator[Equipment]:
    """The library's chilli, which takes CoA-Requests."""
    await offer(city, "email")
    with Equipment(getattr(request, "param", YES)) as opened:
        values = {
            "secret_encrypted": city.runtime.keyring.encrypt("nas secret", SECRET),
            "dynamic_authorization_host": "127.0.0.1",
            "dynamic_authorization_port": opened.port,
        }
        async with city.database.write() as connection:
            await connection.execute(update(network_access_servers).values(**values))
        yield opened


async def type_code_in_grace(phone: Phone, city: City) -> None:
    """On for ten minutes, then with the right code."""
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.post(phone.path.replace("code", "grace"))
    await phone.arrive(res="success", challenge=None)
    [user_name] = await token_names(city)
    await start_session(city, user_name=user_name)
    await phone.get(phone.path)
    await phone.get(phone.path.replace("online", "status"))
    assert "9 minutes" in phone.text
    await phone.get(phone.path.replace("status", "code"))
    await phone.submit(code=newest_code(city))
    assert phone.page == "online"


async def test_the_session_gets_the_policys_end_by_coa_and_the_pages_say_so(
    phone: Phone, city: City, equipment: Equipment
) -> None:
    await type_code_in_grace(phone, city)
    assert "Your code was right. You stay online." in phone.text
    (request,) = equipment.requests
    assert request.code is Code.COA_REQUEST
    assert attributes.get_integer(request, "Session-Timeout") in range(4 * 3600 - 5, 4 * 3600 + 1)
    await phone.get(phone.path.partition("?")[0].replace("online", "status"))
    assert "3 hours 59 minutes" in phone.text or "4 hours" in phone.text


@pytest.mark.parametrize("equipment", [NO], indirect=True, ids=["refuses"])
async def test_equipment_that_refuses_ends_the_session_as_it_was_told_and_the_pages_say_so(
    phone: Phone, city: City, equipment: Equipment
) -> None:
    await type_code_in_grace(phone, city)
    assert "When this connection ends, connect once more: you need no code again." in phone.text
    assert [request.code for request in equipment.requests] == [Code.COA_REQUEST]
    await phone.get(phone.path.partition("?")[0].replace("online", "status"))
    assert "9 minutes" in phone.text


async def test_a_second_press_of_the_button_asks_the_equipment_nothing(
    phone: Phone, city: City, equipment: Equipment
) -> None:
    await type_code_in_grace(phone, city)
    await phone.post(phone.path.partition("?")[0].replace("online", "code"), code=newest_code(city))
    assert phone.page == "online"
    assert len(equipment.requests) == 1
