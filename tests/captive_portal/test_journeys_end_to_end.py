from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from captive_portal.gateways.coovachilli import chap_response
from tests.captive_portal.conftest import LOGIN_URL, PORTAL_SECRET, City, Phone, start_session, token_names


async def test_click_through_leads_from_the_redirect_to_online_and_out_again(phone: Phone, city: City) -> None:
    await phone.arrive()
    assert phone.page == "start"
    await phone.submit(way="click", accept_terms="yes")
    address = urlsplit(phone.path)
    assert f"{address.scheme}://{address.netloc}" == LOGIN_URL
    assert address.path == "/logon"
    [user_name] = await token_names(city)
    password = city.runtime.keyring.one_time_password(user_name)
    expected = chap_response(password, bytes(range(16)), PORTAL_SECRET)
    assert parse_qs(address.query) == {"username": [user_name], "response": [expected]}

    await phone.arrive(res="success", challenge=None)
    assert phone.page == "waiting"
    assert 'http-equiv="refresh"' in phone.text
    await start_session(city, user_name=user_name)
    await phone.get(phone.path)
    assert phone.page == "online"
    assert "You are online" in phone.text

    await phone.get(phone.path.replace("online", "status"))
    assert "42.3 MB" in phone.text
    await phone.submit()
    assert phone.path == f"{LOGIN_URL}/logoff"
    await phone.arrive(res="logoff", challenge=None)
    assert phone.page == "ended"
