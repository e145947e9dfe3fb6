"""My data on the portal's pages: who may see it, what can be changed, what an export is, and what deleting leaves."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from captive_portal.information_rights.my_data import MyData
from captive_portal.storage import journeys as stored_journeys
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.schema import (
    accounting_sessions,
    audit_events,
    authentications,
    devices,
    journeys,
    residents,
    terms_versions,
    verification_codes,
    voucher_uses,
)
from tests.captive_portal.codes_on_paper import offer, print_code
from tests.captive_portal.conftest import (
    PHONE,
    City,
    Phone,
    get_online,
    newest_code,
    publish_terms,
    start_session,
    token_names,
)

ANN = "ann@example.org"


async def get_online_by_email(phone: Phone, city: City, address: str = ANN) -> str:
    """The journey's path."""
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email=address)
    await phone.submit(code=newest_code(city))
    await phone.arrive(res="success", challenge=None)
    await start_session(city, user_name=(await token_names(city))[-1])
    await phone.get(phone.path)
    assert phone.page == "online"
    return phone.path.rpartition("/")[0]


async def online_by_click(phone: Phone, city: City) -> str:
    await get_online(phone, city)
    return phone.path.rpartition("/")[0]


async def forget_double_clicks(city: City) -> None:
    """As if the codes so far had been sent a minute ago."""
    async with city.database.write() as connection:
        earlier = datetime.now(UTC) - timedelta(minutes=1)
        await connection.execute(update(verification_codes).values(created_at=earlier))


async def open_by_code(phone: Phone, city: City, journey: str) -> None:
    await forget_double_clicks(city)
    await phone.get(f"{journey}/data")
    await phone.submit()
    await phone.submit(code=newest_code(city))
    assert (phone.page, phone.status) == ("data", 200)


async def count(city: City, table: object) -> int:
    async with city.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]  # a table


async def test_whoever_gave_no_contact_sees_their_data_at_once(phone: Phone, city: City) -> None:
    journey = await online_by_click(phone, city)
    await phone.get(f"{journey}/status")
    assert f'href="{journey}/data"' in phone.text
    await phone.get(f"{journey}/data")
    assert phone.status == 200
    for text in ("You gave none", "Without giving anything", "Central Library", "Terms, version 1", "42.3 MB"):
        assert text in phone.text
    assert "This device" in phone.text
    assert "We send no advertising" in phone.text
    assert "180 days" in phone.text


async def test_who_gave_a_contact_proves_it_first_and_it_is_masked_until_then(phone: Phone, city: City) -> None:
    journey = await get_online_by_email(phone, city)
    await forget_double_clicks(city)
    await phone.get(f"{journey}/data")
    assert ANN not in phone.text
    assert "a" in phone.text
    for page in ("data/export.json", "data/export.csv", "data/delete", "data/terms/1"):
        await phone.get(f"{journey}/{page}")
        assert (phone.page, ANN in phone.text) == ("data", False)
    await phone.submit()
    assert phone.page == "code"
    await phone.submit(code="000000" if newest_code(city) != "000000" else "111111")
    assert (phone.status, ANN in phone.text) == (422, False)
    await phone.submit(code=newest_code(city))
    assert (phone.page, ANN in phone.text) == ("data", True)


async def test_a_stranger_can_neither_change_nor_delete_what_a_code_protects(phone: Phone, city: City) -> None:
    journey = await get_online_by_email(phone, city)
    await phone.post(f"{journey}/data/delete", confirm="yes")
    await phone.post(f"{journey}/data/contact", contact="eve@example.org")
    await phone.post(f"{journey}/data/language", language="cy")
    async with city.database.read() as connection:
        resident = (await connection.execute(select(residents))).one()
    assert (resident.contact_kind, resident.language) == ("email", "en")


async def test_it_stays_open_for_a_quarter_of_an_hour(
    phone: Phone, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    journey = await get_online_by_email(phone, city)
    await open_by_code(phone, city, journey)
    moment = datetime.now(UTC)
    for minutes, is_open in ((14, True), (16, False)):
        monkeypatch.setattr("captive_portal.pages.my_data.clock", lambda m=minutes: moment + timedelta(minutes=m))
        await phone.get(f"{journey}/data")
        assert (ANN in phone.text) is is_open


async def test_before_a_device_is_registered_and_while_proof_is_awaited_there_is_no_such_page(
    phone: Phone, city: City
) -> None:
    await phone.arrive()
    journey = phone.path.rpartition("/")[0]
    await phone.get(f"{journey}/data")
    assert phone.page == "start"
    await phone.submit(way="click", accept_terms="yes")
    await phone.get(f"{journey}/data")
    assert phone.page == "waiting"


async def test_an_export_has_everything_and_can_be_read_where_no_file_can_be_saved(phone: Phone, city: City) -> None:
    journey = await online_by_click(phone, city)
    response = await phone.client.get(f"{journey}/data/export.json")
    assert response.content_type == "application/json"
    assert response.headers["Content-Disposition"] == 'attachment; filename="my-wifi-data.json"'
    exported = json.loads(await response.text())
    assert set(exported) == {each.name for each in fields(MyData)}
    assert exported["registration"]["contact"] is None
    assert exported["sessions"][0]["octets_received"] == 41_300_000
    table = await phone.client.get(f"{journey}/data/export.csv?show=yes")
    assert (table.content_type, "Content-Disposition" in table.headers) == ("text/plain", False)
    rows = list(csv.DictReader(io.StringIO(await table.text())))
    assert {"part": "devices", "number": "1", "name": "is_this_one", "value": "yes"} in rows
    assert "no-store" in table.headers["Cache-Control"]


async def test_the_text_that_was_accepted_can_be_read_later_and_no_other(phone: Phone, city: City) -> None:
    journey = await online_by_click(phone, city)
    await publish_terms(city, 2)
    async with city.database.read() as connection:
        numbers = {(row.version, row.language): row.id for row in await connection.execute(select(terms_versions))}
    await phone.get(f"{journey}/data/terms/{numbers[1, 'en']}")
    assert "Do not break the law." in phone.text
    assert "Version 1" in phone.text
    for other in (numbers[2, "en"], numbers[1, "cy"], 10**17):
        await phone.get(f"{journey}/data/terms/{other}")
        assert phone.status == 404


async def test_the_language_is_changed_there(phone: Phone, city: City) -> None:
    journey = await online_by_click(phone, city)
    await phone.post(f"{journey}/data/language", language="cy")
    assert 'lang="cy"' in phone.text
    await phone.post(f"{journey}/data/language", language="xx")
    async with city.database.read() as connection:
        assert (await connection.execute(select(residents.c.language))).scalar_one() == "cy"


async def test_a_new_contact_is_kept_when_its_code_is_typed(phone: Phone, city: City) -> None:
    journey = await get_online_by_email(phone, city)
    await open_by_code(phone, city, journey)
    await forget_double_clicks(city)
    await phone.post(f"{journey}/data/contact", contact="nobody")
    assert (phone.status, "Enter an email address" in phone.text) == (422, True)
    await phone.post(f"{journey}/data/contact", contact="ann@example.net")
    assert phone.page == "code"
    await phone.get(f"{journey}/data")
    assert ANN in phone.text
    await phone.get(f"{journey}/data/code")
    await phone.submit(code=newest_code(city))
    assert "ann@example.net" in phone.text
    assert ANN not in phone.text


async def test_whether_an_address_is_known_learns_only_who_reads_what_is_sent_there(phone: Phone, city: City) -> None:
    async with city.database.write() as connection:
        now, keyring = datetime.now(UTC), city.runtime.keyring
        await connection.execute(
            residents.insert().values(
                council_id=city.council_id, contact_kind="email",
                contact_encrypted=keyring.encrypt("contact", b"bob@example.org"),
                contact_pseudonym=keyring.contact_pseudonym(city.council_id, "bob@example.org"),
                registered_at=now, last_seen_at=now,
            )
        )  # fmt: skip
    journey = await online_by_click(phone, city)
    answers = []
    for address in ("bob@example.org", "new@example.org", "bob@example.org"):
        await forget_double_clicks(city)
        await phone.post(f"{journey}/data/contact", contact=address)
        answers.append((phone.page, phone.status, "other data" in phone.text))
    assert set(answers) == {("code", 200, False)}
    await phone.submit(code=newest_code(city))
    assert (phone.status, "You have other data with us" in phone.text) == (422, True)


async def test_nothing_is_deleted_without_the_tick(phone: Phone, city: City) -> None:
    journey = await online_by_click(phone, city)
    await phone.get(f"{journey}/data/delete")
    await phone.submit()
    assert (phone.status, "Tick the box" in phone.text) == (422, True)
    assert await count(city, residents) == 1


async def test_after_deleting_the_device_is_on_as_nobodys_and_its_next_visit_begins_anew(
    phone: Phone, city: City
) -> None:
    journey = await online_by_click(phone, city)
    await phone.get(f"{journey}/data/delete")
    await phone.submit(confirm="yes")
    assert phone.page == "online"
    assert "Everything that we kept of you was deleted" in phone.text
    for page in ("status", "data", "data/delete", "code"):
        await phone.get(f"{journey}/{page}")
        assert phone.page == "online"
    for form in ("logout", "forget", "data/delete", "connect"):
        await phone.post(f"{journey}/{form}", confirm="yes")
        assert phone.page == "online"
    for table in (residents, devices):
        assert await count(city, table) == 0
    await phone.arrive()
    assert phone.page == "start"
    assert not phone.path.startswith(journey)


async def test_deleting_before_being_on_ends_the_journey(phone: Phone, city: City) -> None:
    journey = await online_by_click(phone, city)
    await phone.arrive(res="logoff", challenge=None)
    assert phone.page == "ended"
    await phone.get(f"{journey}/data/delete")
    await phone.submit(confirm="yes")
    assert (phone.page, phone.status) == ("expired", 410)
    assert "was deleted" in phone.text
    assert await count(city, residents) == 0


async def test_a_code_on_paper_stays_used_by_a_device_that_nobody_knows(phone: Phone, city: City) -> None:
    await offer(city, "code")
    code = await print_code(city)
    await phone.arrive()
    await phone.submit(way="code", accept_terms="yes")
    await phone.submit(code=code.text)
    await phone.arrive(res="success", challenge=None)
    await start_session(city, user_name=(await token_names(city))[-1])
    await phone.get(phone.path)
    await phone.post(f"{phone.path.rpartition('/')[0]}/data/delete", confirm="yes")
    assert phone.page == "online"
    async with city.database.read() as connection:
        use = (await connection.execute(select(voucher_uses))).one()
    assert use.mac_pseudonym != city.runtime.keyring.device_pseudonym(city.council_id, _address())
    await phone.arrive()
    await phone.submit(way="code", accept_terms="yes")
    await phone.submit(code=code.text)
    assert (phone.status, "This code has been used" in phone.text) == (422, True)


async def test_mails_of_the_demo_codes_and_lines_of_the_log_go_with_it(
    phone: Phone, city: City, keyring: Keyring
) -> None:
    journey = await get_online_by_email(phone, city)
    [token] = await token_names(city)
    async with city.database.write() as connection:
        for name, spelling in ((token, "own"), (PHONE.lower(), "own address"), ("calm-otter-0042", "somebody else's")):
            await connection.execute(
                authentications.insert().values(
                    council_id=city.council_id, at=datetime.now(UTC), nas_id=city.nas_id, method="pap", accepted=True,
                    reason="", detail=spelling, milliseconds=1.0,
                    user_pseudonym=keyring.pseudonym("user", city.council_id, name.encode()),
                )
            )  # fmt: skip
    await open_by_code(phone, city, journey)
    await phone.post(f"{journey}/data/delete", confirm="yes")
    assert list(city.runtime.settings.outbox_directory.glob("*.eml")) == []
    assert await count(city, verification_codes) == 0
    async with city.database.read() as connection:
        left = (await connection.execute(select(authentications.c.detail))).scalars().all()
        event = (await connection.execute(select(audit_events))).one()
    assert left == ["somebody else's"]
    assert (event.actor, event.action, event.detail) == (
        "my data",
        "erase",
        {"sessions": 1, "log lines": 2, "devices": 1, "requests": 0},
    )


async def test_sessions_of_equipment_that_does_not_tell_whose_they_are_are_found_by_their_names(
    phone: Phone, city: City
) -> None:
    journey = await online_by_click(phone, city)
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        for number, more in enumerate(({"calling_station_id": PHONE}, {"calling_station_id": "00-00-5E-00-53-99"})):
            # What everybody's EAP says outside of its tunnel is no name of anybody.
            said = {"user_name": "anonymous", **more}
            await connection.execute(
                accounting_sessions.insert().values(
                    council_id=city.council_id, session_key=bytes([number]) * 16, nas_id=city.nas_id,
                    acct_session_id=f"x{more['calling_station_id']}", started_at=now, updated_at=now, received_at=now,
                    **said,
                )
            )  # fmt: skip
    await phone.post(f"{journey}/data/delete", confirm="yes")
    async with city.database.read() as connection:
        rows = (await connection.execute(select(accounting_sessions).order_by(accounting_sessions.c.id))).all()
    assert [row.is_erased for row in rows] == [True, True, False]
    assert rows[1].acct_session_id == "erased"
    assert rows[2].calling_station_id == "00-00-5E-00-53-99"


async def test_the_journey_that_goes_on_keeps_nothing_of_what_the_gateway_told(
    phone: Phone, city: City, keyring: Keyring
) -> None:
    journey = await online_by_click(phone, city)
    await phone.post(f"{journey}/data/delete", confirm="yes")
    async with city.database.read() as connection:
        row = (await connection.execute(select(journeys))).one()
    details = stored_journeys.details_of(keyring, row.details_encrypted)
    assert (dict(details.hand_over), details.user_name, details.device_id, details.is_erased) == ({}, None, None, True)
    assert row.mac_pseudonym != keyring.device_pseudonym(city.council_id, _address())


def _address() -> MacAddress:
    return MacAddress.parse(PHONE)
