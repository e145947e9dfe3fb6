"""What an accepted device is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.arrival_tokens import unseal
from foundation.database import Database
from foundation.database_errors import DatabaseUnavailableError
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from radius import attributes
from radius.authentication.outcome import Accepted, RejectReason
from radius.authorization import (
    REJECT_ATTRIBUTES,
    Authorizer,
    interim_seconds,
    longest_interim_seconds,
    make_class,
    read_class,
)
from radius.nas import NasDirectory, NetworkAccessServer, Quarantine
from radius.packet import Code, Packet, decode, encode_reply
from radius.policies.directory import PolicyDirectory
from radius.policies.usage import UsageDirectory
from radius.service import Arrival, Request
from tests.radius.policies.rows import add_policy, add_session
from tests.radius.support import ACCESS_POINT, DEVICE, NAS, SECRET, City, access_request, build_city, radius_settings

KEYRING = Keyring(bytes(range(32)))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OTHER_DEVICE = "02-00-5E-00-53-02"


class Counter:
    """An authorizer of a city, at noon."""

    def __init__(self, database: Database, city: City, **settings: Any) -> None:
        self.city = city
        self.settings = radius_settings(**settings)
        self.equipment = NasDirectory(database, KEYRING)
        self.policies = PolicyDirectory(database, self.settings)
        usage = UsageDirectory(database)
        self.authorizer = Authorizer(self.settings, KEYRING, self.equipment, self.policies, usage)
        self.nas = replace(NAS, id=city.nas_id, council_id=city.council_id)

    async def ask(
        self,
        accepted: Accepted | None = None,
        *,
        at: datetime = NOON,
        calling: str = str(DEVICE),
        network: str = "CityWiFi",
        more: list[tuple[str, Any]] | None = None,
        **nas: Any,
    ) -> Packet | RejectReason:
        """The Access-Accept, decoded, or why there is none."""
        await self.equipment.refresh()
        await self.policies.refresh()
        accepted = accepted or Accepted("pap", self.city.resident_id, self.city.device_id)
        stations = [("Calling-Station-Id", calling), ("Called-Station-Id", f"{ACCESS_POINT}:{network}")]
        server: NetworkAccessServer = replace(self.nas, **nas)
        packet = access_request([*stations, *(more or [])])
        request = Request(packet, server, SECRET, Arrival(at, 0.0), ("127.0.0.1", 1, Code.ACCESS_REQUEST, 7))
        granted = await self.authorizer.authorize(accepted, request)
        if isinstance(granted, RejectReason):
            return granted
        return decode(encode_reply(Code.ACCESS_ACCEPT, packet, granted, SECRET))


@pytest.fixture
async def counter(database: Database) -> Counter:
    return Counter(database, await build_city(database, KEYRING))


def told(reply: Packet | RejectReason, *names: str) -> dict[str, Any]:
    assert isinstance(reply, Packet), reply
    return {name: attributes.get(reply, name) for name in names}


def seconds_of(reply: Packet | RejectReason) -> Any:
    return told(reply, "Session-Timeout")["Session-Timeout"]


async def test_without_policies_the_set_of_the_settings_is_complete(counter: Counter) -> None:
    reply = await counter.ask()
    expected = {
        "Session-Timeout": 4 * 3600,
        "Idle-Timeout": 900,
        "WISPr-Bandwidth-Max-Down": 10_000_000,
        "WISPr-Bandwidth-Max-Up": 5_000_000,
        "ChilliSpot-Bandwidth-Max-Down": 10_000,
        "ChilliSpot-Bandwidth-Max-Up": 5_000,
        "User-Name": None,
    }
    assert told(reply, *expected) == expected
    assert isinstance(reply, Packet)
    city = counter.city
    assert read_class(KEYRING, attributes.get_all_octets(reply, "Class")) == (city.resident_id, city.device_id)
    assert 540 <= (attributes.get_integer(reply, "Acct-Interim-Interval") or 0) <= 660


async def test_a_policy_reaches_the_device_in_its_vendors_attributes(database: Database, counter: Counter) -> None:
    await add_policy(
        database,
        counter.city,
        venue_id=counter.city.venue_id,
        session_seconds=3600,
        idle_seconds=300,
        download_kilobits_per_second=8000,
        upload_kilobits_per_second=1000,
        vlan=20,
        filter_name="guests",
        daily_octets=5 * 2**32 + 1,
    )
    mikrotik = {
        "Session-Timeout": 3600,
        "Idle-Timeout": 300,
        "Mikrotik-Rate-Limit": "1000k/8000k",
        "Mikrotik-Total-Limit": 1,
        "Mikrotik-Total-Limit-Gigawords": 5,
        "Mikrotik-Address-List": "guests",
        "Mikrotik-Wireless-VLANID": 20,
        "WISPr-Bandwidth-Max-Down": None,
    }
    assert told(await counter.ask(vendor="mikrotik"), *mikrotik) == mikrotik
    cisco = {
        "Session-Timeout": 3600,
        "Airespace-Data-Bandwidth-Average-Contract": 8000,
        "Airespace-Data-Bandwidth-Average-Contract-Upstream": 1000,
        "Airespace-ACL-Name": "guests",
        "Tunnel-Type": 13,
        "Tunnel-Medium-Type": 6,
        "Tunnel-Private-Group-Id": "20",
        "Filter-Id": None,
    }
    assert told(await counter.ask(vendor="cisco"), *cisco) == cisco


async def test_network_and_group_choose_the_policy(database: Database, counter: Counter) -> None:
    await add_policy(database, counter.city, session_seconds=1000)
    await add_policy(database, counter.city, network_name="Secure", session_seconds=2000)
    await add_policy(database, counter.city, group_name="staff", session_seconds=3000)
    assert seconds_of(await counter.ask()) == 1000
    assert seconds_of(await counter.ask(network="Secure")) == 2000
    assert seconds_of(await counter.ask(Accepted("pap", group_name="staff"), network="Secure")) == 3000


async def test_the_venue_is_the_access_points_else_the_gateways(database: Database, counter: Counter) -> None:
    await add_policy(database, counter.city, venue_id=counter.city.venue_id, session_seconds=1000)
    assert seconds_of(await counter.ask(venue_id=None)) == 1000
    unknown = replace(counter.nas, venue_id=counter.city.venue_id)
    packet = access_request({"Called-Station-Id": "hotspot1"})
    request = Request(packet, unknown, SECRET, Arrival(NOON, 0.0), ("127.0.0.1", 1, Code.ACCESS_REQUEST, 7))
    granted = await counter.authorizer.authorize(Accepted("pap"), request)
    assert not isinstance(granted, RejectReason)
    assert attributes.encode("Session-Timeout", 1000) in granted


async def test_a_session_ends_when_the_right_ends(counter: Counter) -> None:
    assert seconds_of(await counter.ask(Accepted("mac", good_until=NOON + timedelta(seconds=1000)))) == 1000


async def test_opening_times_are_those_of_the_councils_clocks(database: Database, counter: Counter) -> None:
    await add_policy(database, counter.city, opens_at="08:00", closes_at="22:00")
    summer = datetime(2026, 7, 1, 20, 30, tzinfo=UTC)
    assert seconds_of(await counter.ask(at=summer)) == 1800
    assert await counter.ask(at=summer + timedelta(minutes=30)) is RejectReason.OUTSIDE_OPENING_TIMES


async def test_what_the_resident_used_today_is_taken_off(any_database: Database) -> None:
    counter = Counter(any_database, await build_city(any_database, KEYRING))
    await add_policy(any_database, counter.city, daily_seconds=3600, daily_octets=10_000)
    two_hours_ago, ended = NOON - timedelta(hours=2), NOON - timedelta(hours=1, minutes=30)
    used = {"stopped_at": ended, "updated_at": ended, "input_octets": 1000, "output_octets": 2000}
    await add_session(any_database, counter.city, two_hours_ago, **used)
    reply = await counter.ask()
    limits = {"Session-Timeout": 1800, "ChilliSpot-Max-Total-Octets": 7000, "ChilliSpot-Max-Total-Gigawords": 0}
    assert told(reply, *limits) == limits
    await add_session(any_database, counter.city, two_hours_ago, **used | {"output_octets": 8000})
    assert await counter.ask() is RejectReason.DAILY_TIME_USED_UP
    # Midnight in Coventry, and the day is new.
    assert seconds_of(await counter.ask(at=NOON + timedelta(hours=12))) == 3600


async def test_data_that_is_used_up_keeps_the_resident_out(database: Database, counter: Counter) -> None:
    await add_policy(database, counter.city, daily_octets=10_000)
    await add_session(database, counter.city, NOON - timedelta(hours=1), input_octets=10_000)
    assert await counter.ask() is RejectReason.DAILY_DATA_USED_UP


async def test_no_more_devices_than_may_be_are_on_at_the_same_time(database: Database, counter: Counter) -> None:
    await add_policy(database, counter.city, simultaneous_devices=1)
    assert seconds_of(await counter.ask()) == 4 * 3600
    await add_session(database, counter.city, NOON - timedelta(hours=1))
    assert await counter.ask(calling=OTHER_DEVICE) is RejectReason.TOO_MANY_DEVICES
    assert seconds_of(await counter.ask(calling="0200.5e00.5301")) == 4 * 3600


async def test_devices_that_log_in_at_once_see_each_other(database: Database, counter: Counter) -> None:
    await add_policy(database, counter.city, simultaneous_devices=2)
    addresses = [f"02-00-5E-00-53-{number:02X}" for number in range(10, 20)]
    answers = await asyncio.gather(*(counter.ask(calling=address) for address in addresses))
    assert sum(isinstance(answer, Packet) for answer in answers) == 2
    assert answers.count(RejectReason.TOO_MANY_DEVICES) == 8
    let_on = [address for address, answer in zip(addresses, answers, strict=True) if isinstance(answer, Packet)]
    assert isinstance(await counter.ask(calling=let_on[0]), Packet)


async def test_the_database_is_asked_only_where_a_policy_needs_it(
    database: Database, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_policy(database, counter.city, session_seconds=60, vlan=20, opens_at="08:00", closes_at="22:00")
    await counter.ask()

    def fail(*_: object) -> None:
        raise AssertionError("usage was asked for")

    monkeypatch.setattr(UsageDirectory, "usage", fail)
    assert seconds_of(await counter.ask()) == 60
    assert seconds_of(await counter.ask(Accepted("peap/mschapv2", resident_id=None))) == 60


async def test_with_the_database_away_a_device_is_let_on_without_its_daily_limits(
    database: Database, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_policy(database, counter.city, session_seconds=900, daily_seconds=60)

    async def fail(*_: object) -> None:
        raise DatabaseUnavailableError("away")

    monkeypatch.setattr(UsageDirectory, "usage", fail)
    assert seconds_of(await counter.ask()) == 60


async def test_the_name_that_accounting_shows_is_told_where_there_is_one(counter: Counter) -> None:
    assert told(await counter.ask(Accepted("peap/mschapv2", user_name="ann")), "User-Name") == {"User-Name": "ann"}
    too_long = Accepted("peap/mschapv2", user_name="é" * 127)
    assert told(await counter.ask(too_long), "User-Name") == {"User-Name": None}


async def test_a_quarantined_device_gets_what_shuts_it_in_and_nothing_of_the_policy(
    database: Database, counter: Counter
) -> None:
    await add_policy(database, counter.city, session_seconds=60, vlan=20, opens_at="01:00", closes_at="02:00")
    unknown = Accepted("mac", is_quarantined=True)
    shut_in = {
        "Session-Timeout": 600,
        "Termination-Action": 1,
        "Tunnel-Type": 13,
        "Tunnel-Medium-Type": 6,
        "Tunnel-Private-Group-Id": "99",
        "Idle-Timeout": None,
        "WISPr-Bandwidth-Max-Down": None,
    }
    reply = await counter.ask(unknown, vendor="hostapd", quarantine=Quarantine(vlan=99))
    assert told(reply, *shut_in) == shut_in
    assert isinstance(reply, Packet)
    assert read_class(KEYRING, attributes.get_all_octets(reply, "Class")) == (None, None)


async def test_ciscos_quarantine_is_two_pairs(counter: Counter) -> None:
    quarantine = Quarantine(role="REDIRECT", url="https://wifi.example.org/a")
    reply = await counter.ask(Accepted("mac", is_quarantined=True), vendor="cisco", quarantine=quarantine)
    assert isinstance(reply, Packet)
    assert attributes.get_all(reply, "Cisco-AVPair") == [
        "url-redirect-acl=REDIRECT",
        "url-redirect=https://wifi.example.org/a?",
    ]


async def test_cisco_is_told_an_address_of_the_devices_own_where_the_quarantine_has_a_place_for_it(
    counter: Counter,
) -> None:
    reply = await ask_for_a_stranger(counter, "https://wifi.long-name-of-a-council.gov.uk/r/{session}")
    assert isinstance(reply, Packet)
    acl, redirection = attributes.get_all_octets(reply, "Cisco-AVPair")
    assert acl == b"url-redirect-acl=REDIRECT"
    # Cisco appends &redirect_url=… in any case; an attribute of its vendor holds 247 octets.
    assert redirection.endswith(b"?")
    assert len(redirection) <= 247
    token = unseal(KEYRING, redirection.decode().rpartition("/")[2].rstrip("?"), NOON)
    assert token is not None
    assert token.nas_id == counter.city.nas_id
    assert token.device == MacAddress.parse(OTHER_DEVICE)
    assert token.access_point == MacAddress.parse(ACCESS_POINT)
    assert token.audit_session_id == "0A0101010000000B5F3E2D1C"
    assert token.expires_at > NOON + timedelta(minutes=59)


async def test_an_address_that_does_not_fit_keeps_the_device_out(counter: Counter) -> None:
    url = f"https://{'a-very-long-name.' * 8}example/r/{{session}}"
    assert await ask_for_a_stranger(counter, url) is RejectReason.DEVICE_NOT_REMEMBERED


async def ask_for_a_stranger(counter: Counter, url: str) -> Packet | RejectReason:
    """What Cisco is told of a device that nobody registered."""
    return await counter.ask(
        Accepted("mac", is_quarantined=True),
        vendor="cisco",
        calling=OTHER_DEVICE,
        more=[("User-Name", OTHER_DEVICE), ("Cisco-AVPair", "audit-session-id=0A0101010000000B5F3E2D1C")],
        quarantine=Quarantine(role="REDIRECT", url=url),
    )


@pytest.mark.parametrize(
    ("vendor", "quarantine"),
    [
        ("coovachilli", Quarantine(vlan=99)),
        ("hostapd", Quarantine(role="wait")),
        ("cisco", Quarantine(url="https://wifi.example.org/a")),
        ("cisco", Quarantine(role="REDIRECT", url="https://wifi.example.org/" + "a" * 300)),
        ("other", Quarantine()),
        ("other", None),
    ],
)
async def test_a_device_that_nothing_would_shut_in_stays_out(
    counter: Counter, vendor: str, quarantine: Quarantine | None
) -> None:
    unknown = Accepted("mac", is_quarantined=True)
    for _ in range(2):
        answer = await counter.ask(unknown, vendor=vendor, quarantine=quarantine)
        assert answer is RejectReason.DEVICE_NOT_REMEMBERED


async def test_meraki_is_given_no_interval_that_it_would_not_keep(database: Database) -> None:
    counter = Counter(database, await build_city(database, KEYRING), interim_interval_seconds=60)
    reply = await counter.ask(vendor="meraki")
    assert isinstance(reply, Packet)
    interval = attributes.get_integer(reply, "Acct-Interim-Interval") or 0
    assert 300 <= interval <= longest_interim_seconds(counter.settings)


@given(st.binary(min_size=16, max_size=16), st.integers(60, 86_400))
def test_interim_intervals_are_spread_by_ten_per_cent_and_never_below_a_minute(
    authenticator: bytes, interval: int
) -> None:
    seconds = interim_seconds(interval, authenticator)
    assert max(60, interval * 0.9 - 1) <= seconds <= interval * 1.1 + 1
    assert seconds == interim_seconds(interval, authenticator)


def test_interim_intervals_of_many_requests_differ() -> None:
    assert len({interim_seconds(600, bytes([number]) * 16) for number in range(256)}) > 50


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_class_is_sealed_and_comes_back(resident: int, device: int) -> None:
    sealed = make_class(KEYRING, resident or None, device or None)
    assert len(sealed) <= 253
    assert read_class(KEYRING, [b"another server's", sealed]) == (resident or None, device or None)


def test_a_reject_says_the_same_to_everybody() -> None:
    assert [attribute for attribute, _ in REJECT_ATTRIBUTES] == [18]
