"""One datagram in, one reply out; everything else is discarded for a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.settings import RadiusSettings
from radius import metrics
from radius.defences import Defences
from radius.discards import RequestUnansweredError, Unanswered
from radius.duplicates import DuplicateCache
from radius.nas import NasDirectory, NasTable
from radius.packet import Attribute, Code, decode, encode_request, verify_reply
from radius.service import Arrival, Port, Request, Service, fault_location
from tests.radius.support import NAS, NOW, SECRET, access_request, accounting_request

SOURCE = ("192.0.2.1", 50_000)


class Handler:
    """Answers as it is told, and counts."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.reply: tuple[Code, Sequence[Attribute]] | Exception = (Code.ACCESS_ACCEPT, ())

    async def handle(self, request: Request) -> tuple[Code, Sequence[Attribute]]:
        self.requests.append(request)
        await asyncio.sleep(0)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def service(handler: Handler, database: Database, keyring: Keyring) -> Service:
    return make_service(handler, NasDirectory(database, keyring))


def make_service(handler: Handler, equipment: NasDirectory, port: Port = Port.AUTHENTICATION) -> Service:
    equipment.table = NasTable([(ip_network("192.0.2.0/24"), NAS)])
    return Service(port, equipment, handler, DuplicateCache(keep_seconds=10), lambda: 1.0)


def arrival(monotonic: float = 0.0) -> Arrival:
    return Arrival(NOW, monotonic)


def discarded(reason: str, port: Port = Port.AUTHENTICATION) -> float:
    return float(metrics.discards.labels(port, reason)._value.get())


async def test_an_authentic_request_is_answered_with_message_authenticator_first(service: Service) -> None:
    packet = access_request({"User-Name": "demo"})
    request = service.admit(packet.octets, SOURCE, arrival())
    assert isinstance(request, Request)
    reply = await service.answer(request)
    assert reply is not None
    verify_reply(decode(reply), packet, SECRET)
    assert reply[20:22] == bytes((80, 18))


async def test_proxy_state_comes_back_in_order(service: Service) -> None:
    packet = access_request([("User-Name", "demo"), ("Proxy-State", b"one"), ("Proxy-State", b"two")])
    request = service.admit(packet.octets, SOURCE, arrival())
    assert isinstance(request, Request)
    reply = await service.answer(request)
    assert reply is not None
    assert [value for number, value in decode(reply).attributes if number == 33] == [b"one", b"two"]


async def test_a_retransmission_is_answered_with_the_same_octets_and_processed_once(
    service: Service, handler: Handler
) -> None:
    octets = access_request({"User-Name": "demo"}).octets
    request = service.admit(octets, SOURCE, arrival())
    assert isinstance(request, Request)
    before = discarded("repeated_while_in_progress")
    assert service.admit(octets, SOURCE, arrival()) is None
    assert discarded("repeated_while_in_progress") == before + 1
    reply = await service.answer(request)
    assert service.admit(octets, SOURCE, arrival(2)) == reply
    assert len(handler.requests) == 1


async def test_the_same_identifier_with_a_new_authenticator_is_a_new_request(service: Service) -> None:
    for _ in range(2):
        packet = access_request({"User-Name": "demo"}, identifier=9)
        assert isinstance(service.admit(packet.octets, SOURCE, arrival()), Request)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (RequestUnansweredError(Unanswered.STORAGE_UNAVAILABLE), "storage_unavailable"),
        (RuntimeError("a fault with somebody's name in it"), "internal_error"),
    ],
)
async def test_a_request_that_fails_is_not_answered_and_its_retransmission_is_tried_again(
    service: Service, handler: Handler, failure: Exception, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    octets = access_request({"User-Name": "demo"}).octets
    before = discarded(reason)
    handler.reply = failure
    request = service.admit(octets, SOURCE, arrival())
    assert isinstance(request, Request)
    assert await service.answer(request) is None
    assert discarded(reason) == before + 1
    handler.reply = (Code.ACCESS_REJECT, ())
    again = service.admit(octets, SOURCE, arrival(1))
    assert isinstance(again, Request)
    assert await service.answer(again) is not None
    output = capsys.readouterr()
    assert "somebody" not in output.out + output.err


@pytest.mark.parametrize("port", list(Port))
async def test_status_server_is_answered_on_both_ports(
    handler: Handler, database: Database, keyring: Keyring, port: Port
) -> None:
    service = make_service(handler, NasDirectory(database, keyring), port)
    packet = encode_request(Code.STATUS_SERVER, 3, (), SECRET)
    reply = service.admit(packet.octets, SOURCE, arrival())
    assert isinstance(reply, bytes)
    verify_reply(decode(reply), packet, SECRET)
    expected = Code.ACCESS_ACCEPT if port is Port.AUTHENTICATION else Code.ACCOUNTING_RESPONSE
    assert decode(reply).code is expected
    assert handler.requests == []


@pytest.mark.parametrize(
    ("datagram", "source", "reason"),
    [
        (access_request({"User-Name": "demo"}).octets, ("198.51.100.1", 1), "unknown_source"),
        (access_request({"User-Name": "demo"}, secret=b"wrong").octets, SOURCE, "message_authenticator_wrong"),
        (accounting_request({"Acct-Status-Type": "Start"}).octets, SOURCE, "wrong_port"),
        (b"", SOURCE, "too_short"),
        (b"\x01\x02\x00\x13" + bytes(16), SOURCE, "length_field_too_small"),
        (b"\x01\x02\x00\x14" + bytes(16), SOURCE, "message_authenticator_missing"),
        (b"\xff\x02\x00\x14" + bytes(16), SOURCE, "unknown_code"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_request_of_ours_is_discarded_and_counted(
    service: Service, datagram: bytes, source: tuple[str, int], reason: str
) -> None:
    before = discarded(reason)
    assert service.admit(datagram, source, arrival()) is None
    assert discarded(reason) == before + 1


@given(st.data())
@settings(max_examples=300)
def test_no_octets_whatever_make_admission_raise(data: st.DataObject) -> None:
    good = access_request({"User-Name": "demo", "User-Password": "demo"}).octets
    kind = data.draw(st.sampled_from(["random", "cut", "changed"]))
    if kind == "random":
        octets = data.draw(st.binary(max_size=200))
    elif kind == "cut":
        octets = good[: data.draw(st.integers(0, len(good) - 1))]
    else:
        changed = bytearray(good)
        changed[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
        octets = bytes(changed)
    service = make_service(Handler(), NasDirectory(None, None))  # type: ignore[arg-type]  # no database is asked
    assert service.admit(octets, SOURCE, arrival()) is None


async def test_a_reject_is_held_and_asking_again_brings_it_no_sooner(
    handler: Handler, database: Database, keyring: Keyring
) -> None:
    equipment = NasDirectory(database, keyring)
    equipment.table = NasTable([(ip_network("192.0.2.0/24"), NAS)])
    defences = Defences(RadiusSettings(reject_delay_seconds=5))
    cache = DuplicateCache(keep_seconds=10)
    service = Service(Port.AUTHENTICATION, equipment, handler, cache, lambda: 1.0, defences=defences)
    handler.reply = (Code.ACCESS_REJECT, ())
    octets = access_request({"User-Name": "demo"}).octets
    request = service.admit(octets, SOURCE, arrival())
    assert isinstance(request, Request)
    answering = asyncio.create_task(service.answer(request))
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(defences.reject_delay) == 1
    assert service.admit(octets, SOURCE, arrival()) is None
    handler.reply = (Code.ACCESS_CHALLENGE, ())
    another = service.admit(access_request({"User-Name": "demo"}, identifier=8).octets, SOURCE, arrival())
    assert isinstance(another, Request)
    assert await service.answer(another) is not None
    defences.reject_delay.release()
    reply = await answering
    assert reply is not None
    assert service.admit(octets, SOURCE, arrival()) == reply


async def test_a_device_that_asks_too_often_is_not_answered_until_it_waits(
    handler: Handler, database: Database, keyring: Keyring
) -> None:
    equipment = NasDirectory(database, keyring)
    equipment.table = NasTable([(ip_network("192.0.2.0/24"), NAS)])
    defences = Defences(RadiusSettings(requests_per_device_per_minute=2))
    cache = DuplicateCache(keep_seconds=10)
    service = Service(Port.AUTHENTICATION, equipment, handler, cache, lambda: 1.0, defences=defences)
    before = discarded("too_many_of_device")
    packets = [
        access_request({"User-Name": "demo", "Calling-Station-Id": "02-00-5E-00-53-01"}, identifier=number).octets
        for number in range(3)
    ]
    admitted = [isinstance(service.admit(octets, SOURCE, arrival()), Request) for octets in packets]
    assert admitted == [True, True, False]
    assert discarded("too_many_of_device") == before + 1
    # Its retransmission is not taken for one in progress.
    assert isinstance(service.admit(packets[2], SOURCE, arrival(30)), Request)


def test_a_fault_is_located_without_any_value() -> None:
    with pytest.raises(ValueError, match="somebody") as caught:
        raise ValueError("somebody's name")
    where = fault_location(caught.value)
    assert where.startswith("test_service.py:")
    assert "somebody" not in where
