"""Where openNDS gateways come by themselves, asked over HTTP as authmon asks."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import pytest
from sqlalchemy import Row, select, update

from captive_portal.gateway_sessions.authmon import gateway_hash
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.opennds_redirect import hid_of, pack, report_seal, rhid_of
from captive_portal.pages.common import ERRANDS
from foundation.database import Database
from foundation.schema import accounting_sessions, network_access_servers, polled_grants
from tests.captive_portal.conftest import City, Client, Phone

KEY = "k" * 22
ADDRESS = f"/arrive/opennds/{KEY}"
FASKEY = b"1234567890"
OPTIONS = {"level": "4", "gateway_name": "Leith"}
GATEWAY = Gateway(1, 1, None, "x", "http://192.168.1.1:2050", FASKEY, options=OPTIONS)


@dataclass
class OpenNDS:
    """The city's gateway is one of these; devices are numbered."""

    client: Client
    city: City

    async def configure(self, level: str) -> None:
        table = network_access_servers
        values = {
            "gateway_driver": "opennds",
            "arrival_key": KEY,
            "login_url": "http://192.168.1.1:2050",
            "portal_secret_encrypted": self.city.runtime.keyring.encrypt("portal secret", FASKEY),
            "gateway_options": json.dumps({**OPTIONS, "level": level}),
        }
        async with self.city.database.write() as connection:
            await connection.execute(update(table).where(table.c.id == self.city.nas_id).values(**values))

    async def wait(self, number: int) -> str:
        """A phone comes, registers and waits; what the gateway calls it (rhid)."""
        phone = Phone(self.client, self.city)
        items = {
            "hid": hid_of(token_of(number)),
            "clientip": f"10.0.0.{number}",
            "clientmac": mac_of(number),
            "gatewayname": "Leith",
            "gatewayaddress": "192.168.1.1:2050",
        }
        await phone.get(f"{ADDRESS}?{urlencode(pack(items, FASKEY, is_encrypted=False))}")
        assert phone.page == "start", phone.path
        await phone.submit(way="click", accept_terms="yes")
        if urlsplit(phone.path).netloc == "":
            assert phone.page == "waiting"
        # The portal leaves the grant ready behind the answer's back.
        assert self.client.app is not None
        while len(self.client.app[ERRANDS]):  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.005)
        return rhid_of(items["hid"], FASKEY)

    async def ask(self, action: str, payload: str = "none", *, method: str = "POST", **changed: str) -> tuple[int, str]:
        encoded = base64.b64encode(payload.encode()).decode()
        fields = {"auth_get": action, "gatewayhash": gateway_hash(GATEWAY), "payload": encoded, **changed}
        return await self.send(fields, method)

    async def report(self, method: str, number: int, key: bytes = FASKEY, **changed: str) -> tuple[int, str]:
        """What our BinAuth script sends."""
        fields = {
            "auth_get": "reported",
            "method": method,
            "clientmac": mac_of(number),
            "bytes_incoming": "4130",
            "bytes_outgoing": "1000",
            "token": token_of(number),
            **changed,
        }
        text = "&".join(f"{name}={value}" for name, value in fields.items())
        return await self.send({**fields, "seal": report_seal(text, key)}, "POST")

    async def send(self, fields: Mapping[str, str], method: str) -> tuple[int, str]:
        query, form = (fields, None) if method == "GET" else (None, fields)
        async with self.client.request(method, ADDRESS, params=query, data=form) as response:
            assert response.content_type == "text/plain"
            return response.status, await response.text()

    async def view(self) -> list[str]:
        """The rhids that it is told."""
        status, text = await self.ask("view")
        assert status == 200
        return [unquote(entry).split()[0] for entry in text[1:].split()]

    async def sessions(self) -> list[Row[Any]]:
        async with self.city.database.read() as connection:
            question = select(accounting_sessions).order_by(accounting_sessions.c.id)
            return list((await connection.execute(question)).all())


def token_of(number: int) -> str:
    return f"{number:08x}"


def mac_of(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


async def age_grants(database: Database, by: timedelta) -> None:
    """All that is left ready was so earlier."""
    table = polled_grants
    async with database.write() as connection:
        for row in (await connection.execute(select(table))).all():
            older = {"created_at": row.created_at - by, "expires_at": row.expires_at - by}
            await connection.execute(update(table).where(table.c.id == row.id).values(**older))


@pytest.fixture
async def opennds(client: Client, city: City) -> OpenNDS:
    made = OpenNDS(client, city)
    await made.configure("4")
    return made


async def test_the_gateway_is_told_who_waits_and_its_acknowledgement_begins_the_session(opennds: OpenNDS) -> None:
    assert await opennds.ask("view") == (200, "*")
    rhid = await opennds.wait(1)
    assert await opennds.view() == [rhid]
    assert await opennds.view() == [rhid], "until it says that the device is on"
    assert await opennds.sessions() == []
    assert await opennds.ask("view", f"* {rhid}") == (200, "ack")
    [session] = await opennds.sessions()
    assert (session.source, session.stopped_at, session.calling_station_id) == ("authmon", None, "02-00-00-00-00-01")
    assert await opennds.view() == []


async def test_an_acknowledgement_that_comes_twice_begins_one_session(opennds: OpenNDS) -> None:
    rhid = await opennds.wait(1)
    for _ in range(2):
        assert await opennds.ask("view", f"* {rhid}") == (200, "ack")
    assert len(await opennds.sessions()) == 1


async def test_the_policy_s_limits_go_with_the_grant(opennds: OpenNDS) -> None:
    rhid = await opennds.wait(1)
    _status, text = await opennds.ask("view")
    radius = opennds.city.runtime.settings.radius
    minutes = radius.session_timeout_seconds // 60
    rates = radius.upload_kilobits_per_second, radius.download_kilobits_per_second
    assert unquote(text) == f"* {rhid} {minutes} {rates[0]} {rates[1]} 0 0 bmE="


async def test_at_most_four_are_told_at_a_time_the_oldest_first(opennds: OpenNDS) -> None:
    waiting = [await opennds.wait(number) for number in range(1, 7)]
    assert await opennds.view() == waiting[:4]
    await opennds.ask("view", "* " + " ".join(waiting[:4]))
    assert await opennds.view() == waiting[4:]
    assert len(await opennds.sessions()) == 4


async def test_a_list_tells_each_device_once_and_its_acknowledgement_still_counts(opennds: OpenNDS) -> None:
    rhid = await opennds.wait(1)
    _status, text = await opennds.ask("list")
    assert rhid in text
    assert await opennds.ask("list") == (200, "*")
    await opennds.ask("view", f"* {rhid}")
    assert len(await opennds.sessions()) == 1


async def test_clear_forgets_who_waited_before_the_gateway_began_and_spares_who_came_since(opennds: OpenNDS) -> None:
    await opennds.wait(1)
    await age_grants(opennds.city.database, timedelta(seconds=11))
    new = await opennds.wait(2)
    assert await opennds.ask("clear") == (200, "")
    assert await opennds.view() == [new]


async def test_a_grant_that_nobody_came_for_is_not_given_out_any_more(opennds: OpenNDS) -> None:
    await opennds.wait(1)
    await age_grants(opennds.city.database, timedelta(minutes=2))
    assert await opennds.view() == []


async def test_a_gateway_without_php_asks_by_get(opennds: OpenNDS) -> None:
    rhid = await opennds.wait(1)
    assert await opennds.ask("view", f"* {rhid}", method="GET") == (200, "ack")
    assert len(await opennds.sessions()) == 1


async def test_a_log_out_that_only_opennds_s_own_script_tells_ends_the_session_with_its_octets(
    opennds: OpenNDS,
) -> None:
    rhid = await opennds.wait(1)
    await opennds.ask("view", f"* {rhid}")
    told = (
        f"method=idle_deauth, clientmac={mac_of(1)}, bytes_incoming=4130, bytes_outgoing=1000, session_start=1,"
        " session_end=2, token={token}, custom=bmE%3d"
    )
    assert await opennds.ask("deauthed", told.format(token="ffffffff")) == (200, "ack")
    assert (await opennds.sessions())[0].stopped_at is None, "a stranger does not know the visit's token"
    assert await opennds.ask("deauthed", told.format(token=token_of(1))) == (200, "ack")
    [session] = await opennds.sessions()
    assert (session.ended_by, session.terminate_cause) == ("stop", 4)
    assert (session.input_octets, session.output_octets) == (1000, 4130)


@pytest.mark.parametrize("level", ["1", "4"])
async def test_a_sealed_report_begins_and_ends_the_session_at_any_level(opennds: OpenNDS, level: str) -> None:
    await opennds.configure(level)
    await opennds.wait(1)
    for _ in range(2):
        assert await opennds.report("client_auth", 1) == (200, "ack")
    [session] = await opennds.sessions()
    assert (session.source, session.stopped_at) == ("authmon", None)
    assert await opennds.report("client_deauth", 1) == (200, "ack")
    [session] = await opennds.sessions()
    assert (session.ended_by, session.terminate_cause) == ("stop", 1)
    assert (session.input_octets, session.output_octets) == (1000, 4130)
    assert await opennds.report("client_auth", 1) == (200, "ack")


async def test_a_report_of_another_visit_or_device_or_without_seal_begins_nothing(opennds: OpenNDS) -> None:
    await opennds.configure("1")
    await opennds.wait(1)
    assert await opennds.report("client_auth", 1, token="ffffffff") == (200, "ack")
    assert await opennds.report("client_auth", 1, clientmac=mac_of(2)) == (200, "ack")
    status, text = await opennds.report("client_auth", 1, b"another")
    assert (status, text) == (403, "ERROR: wrong-seal")
    assert await opennds.sessions() == []


async def test_who_does_not_say_the_gateway_s_name_hears_nothing(opennds: OpenNDS) -> None:
    await opennds.wait(1)
    assert await opennds.ask("view", gatewayhash="0" * 64) == (403, "ERROR: wrong-gatewayhash")
    assert await opennds.ask("reboot") == (400, "ERROR: unknown-action")


async def test_a_gateway_that_does_not_poll_may_not(opennds: OpenNDS) -> None:
    await opennds.configure("2")
    assert await opennds.ask("view") == (403, "ERROR: wrong-level")


async def test_an_address_that_no_gateway_has_answers_nothing(opennds: OpenNDS) -> None:
    async with opennds.client.post(f"/arrive/opennds/{'x' * 22}", data={"auth_get": "view"}) as response:
        assert (response.status, await response.text()) == (404, "ERROR: no gateway has this address")


async def test_a_body_that_is_too_large_is_not_read(opennds: OpenNDS) -> None:
    assert await opennds.send({"auth_get": "view", "payload": "x" * 9000}, "POST") == (
        413,
        "ERROR: the body is too large",
    )


async def test_a_gateway_that_comes_too_often_is_told_so_and_others_are_not(opennds: OpenNDS) -> None:
    answers = [(await opennds.ask("view"))[0] for _ in range(260)]
    assert answers[:200] == [200] * 200
    assert 429 in answers[200:]


async def test_a_report_by_a_browser_s_form_is_refused(opennds: OpenNDS) -> None:
    fields = {"auth_get": "clear", "gatewayhash": gateway_hash(GATEWAY), "payload": "bm9uZQ=="}
    headers = {"Origin": "https://evil.example"}
    async with opennds.client.post(ADDRESS, data=fields, headers=headers) as response:
        assert response.status == 403


async def test_grants_go_with_their_journeys(opennds: OpenNDS) -> None:
    await opennds.wait(1)
    async with opennds.city.database.read() as connection:
        grant = (await connection.execute(select(polled_grants))).one()
    assert grant.state == "pending"
    assert timedelta(0) < grant.expires_at - datetime.now(UTC) <= timedelta(seconds=90)
