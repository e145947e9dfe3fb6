"""The EAP server asked by Access-Requests: State, identifiers, limits, and what is in its replies."""

from __future__ import annotations

import asyncio
import hashlib
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.settings import EapSettings
from radius import attributes
from radius.authentication.credential import CredentialVerifier
from radius.authentication.eap.conversations import MOST_ROUNDS
from radius.authentication.eap.packet import Code, EapPacket, decode, split
from radius.authentication.eap.server import EapConversationServer
from radius.authentication.eap.tls_contexts import CHECK_SECONDS
from radius.authentication.eap.tls_keys import EAP_TTLS
from radius.authentication.outcome import Accepted, Challenged, Rejected, RejectReason, Step
from radius.directory import Directory
from radius.discards import RequestUnansweredError
from radius.nas_table import NetworkAccessServer
from radius.packet import Code as RadiusCode
from radius.packet import encode_request
from radius.service import Arrival, Request
from tests.radius.eap.support import Certificates
from tests.radius.support import SECRET, City, add_credential

IDENTITY = EapPacket(Code.RESPONSE, 7, 1, b"demo")
CLIENT_HELLO = bytes.fromhex("160301")


class Bench:
    """An EAP server with a clock that the test moves."""

    def __init__(self, verifier: CredentialVerifier, council_id: int, folder: Path, **eap: Any) -> None:
        self.now = 1000.0
        self.council_id = council_id
        settings = EapSettings(**{"methods": ("md5",)} | eap)
        self.server = EapConversationServer(settings, folder, verifier, lambda: self.now)

    def request(
        self, packet: EapPacket | bytes, state: bytes | None = None, *, nas_id: int = 1, mtu: int | None = None
    ) -> Request:
        octets = packet if isinstance(packet, bytes) else packet.encode()
        values = {"User-Name": "demo", "State": state, "Framed-MTU": mtu}
        present = attributes.encode_all({name: value for name, value in values.items() if value is not None})
        encoded = (*present, *(split(octets) or ((79, b""),)))
        nas = NetworkAccessServer(id=nas_id, council_id=self.council_id, vendor="other", secrets=(SECRET,))
        sent = encode_request(RadiusCode.ACCESS_REQUEST, 7, encoded, SECRET)
        return Request(sent, nas, SECRET, Arrival(datetime.now(UTC), self.now), ("", 0, 1, 7))

    async def ask(self, packet: EapPacket | bytes, state: bytes | None = None, **more: Any) -> Step:
        return await self.server.step(self.request(packet, state, **more))

    async def challenge(self, packet: EapPacket | bytes, state: bytes | None = None, **more: Any) -> tuple[Any, bytes]:
        """The EAP request and the State of a challenge."""
        step = await self.ask(packet, state, **more)
        assert isinstance(step, Challenged)
        return read(step)


def read(step: Step) -> tuple[EapPacket, bytes]:
    message = b"".join(value for number, value in step.attributes if number == 79)
    return decode(message), next((value for number, value in step.attributes if number == 24), b"")


def md5_response(request: EapPacket, password: bytes = b"demo") -> EapPacket:
    digest = hashlib.md5(bytes((request.identifier,)) + password + request.type_data[1:17]).digest()
    return EapPacket(Code.RESPONSE, request.identifier, 4, b"\x10" + digest)


def assert_rejected(step: Step, reason: RejectReason) -> None:
    assert isinstance(step, Rejected)
    assert step.reason is reason
    assert read(step)[0].code is Code.FAILURE


@pytest.fixture
async def directory(database: Database) -> Directory:
    return Directory(database)


@pytest.fixture
async def verifier(directory: Directory, keyring: Keyring, city: City) -> CredentialVerifier:
    return CredentialVerifier(directory, keyring)


@pytest.fixture
async def bench(verifier: CredentialVerifier, city: City, tmp_path: Path) -> Bench:
    return Bench(verifier, city.council_id, tmp_path)


async def test_md5_from_identity_to_success(bench: Bench) -> None:
    request, state = await bench.challenge(IDENTITY)
    assert (request.code, request.eap_type, request.identifier) == (Code.REQUEST, 4, 8)
    step = await bench.ask(md5_response(request), state)
    assert isinstance(step, Accepted)
    assert read(step)[0] == EapPacket(Code.SUCCESS, request.identifier)
    assert step.method == "eap-md5"
    # No key comes of it, so none is in the reply.
    assert [number for number, _ in step.attributes] == [79]
    assert decode(step.refusal_attributes[0][1]).code is Code.FAILURE


async def test_an_empty_eap_message_is_answered_by_asking_who_it_is(bench: Bench) -> None:
    request, state = await bench.challenge(b"")
    assert (request.eap_type, request.type_data) == (1, b"")
    request, _ = await bench.challenge(EapPacket(Code.RESPONSE, request.identifier, 1, b"demo"), state)
    assert request.eap_type == 4


async def test_a_decided_conversation_is_over(bench: Bench) -> None:
    request, state = await bench.challenge(IDENTITY)
    await bench.ask(md5_response(request), state)
    assert_rejected(await bench.ask(md5_response(request), state), RejectReason.EAP_CONVERSATION_UNKNOWN)


async def test_a_state_is_unguessable_and_good_for_its_own_equipment_alone(bench: Bench) -> None:
    request, state = await bench.challenge(IDENTITY)
    _, another = await bench.challenge(IDENTITY)
    # The last 16 octets are random; what is before them tells which worker has the conversation.
    assert len(state) == len(another) == 19
    assert state[3:] != another[3:]
    elsewhere = await bench.ask(md5_response(request), state, nas_id=2)
    assert_rejected(elsewhere, RejectReason.EAP_CONVERSATION_UNKNOWN)
    assert_rejected(await bench.ask(md5_response(request), bytes(16)), RejectReason.EAP_CONVERSATION_UNKNOWN)
    assert isinstance(await bench.ask(md5_response(request), state), Accepted)


async def test_a_conversation_begins_with_an_identity(bench: Bench) -> None:
    step = await bench.ask(EapPacket(Code.RESPONSE, 7, 4, bytes(17)))
    assert_rejected(step, RejectReason.EAP_CONVERSATION_UNKNOWN)


@pytest.mark.parametrize("octets", ["00", "0207000501ff", "0907000501", "02070004"])
async def test_what_is_no_eap_packet_is_rejected(bench: Bench, octets: str) -> None:
    assert_rejected(await bench.ask(bytes.fromhex(octets)), RejectReason.EAP_MALFORMED)


@pytest.mark.parametrize(
    "response",
    [
        EapPacket(Code.RESPONSE, 99, 4, bytes(17)),
        EapPacket(Code.REQUEST, 8, 4, bytes(17)),
        EapPacket(Code.SUCCESS, 8),
        EapPacket(Code.RESPONSE, 8, 1, b"demo"),
        EapPacket(Code.RESPONSE, 8, 2, b""),
        EapPacket(Code.RESPONSE, 8, 25, b"\0"),
        EapPacket(Code.RESPONSE, 8, 254, bytes(8)),
        b"",
    ],
)
async def test_what_does_not_belong_there_ends_the_conversation(bench: Bench, response: EapPacket | bytes) -> None:
    request, state = await bench.challenge(IDENTITY)
    assert_rejected(await bench.ask(response, state), RejectReason.EAP_UNEXPECTED)
    assert_rejected(await bench.ask(md5_response(request), state), RejectReason.EAP_CONVERSATION_UNKNOWN)


@pytest.mark.parametrize(
    "response",
    [
        EapPacket(Code.RESPONSE, 8, 3, b"\x2b"),
        EapPacket(Code.RESPONSE, 8, 3, b"\0"),
        # An expanded NAK, for a vendor's type.
        EapPacket(Code.RESPONSE, 8, 254, bytes.fromhex("00000000000003 fe00013700000001")),
    ],
)
async def test_a_device_that_wants_none_of_the_methods_is_rejected(bench: Bench, response: EapPacket) -> None:
    _, state = await bench.challenge(IDENTITY)
    assert_rejected(await bench.ask(response, state), RejectReason.EAP_NO_COMMON_METHOD)


async def test_a_device_chooses_once(verifier: CredentialVerifier, city: City, tmp_path: Path) -> None:
    Certificates.make(tmp_path / "certificates")
    bench = Bench(verifier, city.council_id, tmp_path / "certificates", methods=("peap", "ttls", "md5"))
    first, state = await bench.challenge(IDENTITY)
    assert first.eap_type == 25
    second, _ = await bench.challenge(EapPacket(Code.RESPONSE, first.identifier, 3, bytes((4, 21))), state)
    # Ours is the order, theirs the choice.
    assert second.eap_type == 21
    again = await bench.ask(EapPacket(Code.RESPONSE, second.identifier, 3, bytes((4,))), state)
    assert_rejected(again, RejectReason.EAP_UNEXPECTED)


async def test_without_a_certificate_nothing_with_tls_is_offered(
    verifier: CredentialVerifier, city: City, tmp_path: Path
) -> None:
    bench = Bench(verifier, city.council_id, tmp_path, methods=("peap", "ttls", "tls"))
    assert_rejected(await bench.ask(IDENTITY), RejectReason.EAP_NOT_OFFERED)
    Certificates.make(tmp_path / "certificates")
    late = Bench(verifier, city.council_id, tmp_path / "certificates", methods=("peap",))
    assert (await late.challenge(IDENTITY))[0].eap_type == 25


async def test_conversations_are_limited_and_idle_ones_make_room(
    verifier: CredentialVerifier, city: City, tmp_path: Path
) -> None:
    bench = Bench(verifier, city.council_id, tmp_path, most_conversations=3)
    states = [(await bench.challenge(IDENTITY))[1] for _ in range(3)]
    assert_rejected(await bench.ask(IDENTITY), RejectReason.EAP_TOO_MANY_CONVERSATIONS)
    bench.server.sample_metrics()
    assert REGISTRY.get_sample_value("citywifi_radius_eap_conversations") == 3
    assert REGISTRY.get_sample_value("citywifi_radius_eap_conversations_limit") == 3
    bench.now += 6
    request, _ = await bench.challenge(IDENTITY)
    assert_rejected(await bench.ask(md5_response(request), states[0]), RejectReason.EAP_CONVERSATION_UNKNOWN)


async def test_a_conversation_ends_when_nothing_is_heard_and_the_log_is_told(bench: Bench) -> None:
    request, state = await bench.challenge(IDENTITY)
    bench.now += 60
    assert_rejected(await bench.ask(md5_response(request), state), RejectReason.EAP_CONVERSATION_UNKNOWN)
    assert bench.server.take_abandoned() == []


async def test_a_device_that_falls_silent_in_the_middle_is_told_to_the_log(
    verifier: CredentialVerifier, city: City, tmp_path: Path
) -> None:
    Certificates.make(tmp_path / "certificates")
    bench = Bench(verifier, city.council_id, tmp_path / "certificates", methods=("peap", "ttls"))
    first, state = await bench.challenge(IDENTITY)
    await bench.challenge(EapPacket(Code.RESPONSE, first.identifier, 3, bytes((21,))), state)
    bench.now += 61
    bench.server.sample_metrics()
    ((request, rejected),) = bench.server.take_abandoned()
    assert attributes.get_text(request.packet, "User-Name") == "demo"
    assert (rejected.method, rejected.reason) == ("ttls", RejectReason.EAP_ABANDONED)
    assert bench.server.take_abandoned() == []


async def test_rounds_and_octets_are_limited(verifier: CredentialVerifier, city: City, tmp_path: Path) -> None:
    Certificates.make(tmp_path / "certificates")
    bench = Bench(verifier, city.council_id, tmp_path / "certificates", methods=("ttls",))
    request, state = await bench.challenge(IDENTITY)
    for _ in range(MOST_ROUNDS):
        # A first fragment that is never followed by the last one.
        fragment = b"\xc0\x00\x00\x08\x00" + b"x"
        request, state = await bench.challenge(EapPacket(Code.RESPONSE, request.identifier, 21, fragment), state)
    step = await bench.ask(EapPacket(Code.RESPONSE, request.identifier, 21, fragment), state)
    assert_rejected(step, RejectReason.EAP_UNEXPECTED)
    request, state = await bench.challenge(IDENTITY)
    for _ in range(40):
        fragment = b"\xc0\x00\x00\x80\x00" + b"x" * 3500
        step = await bench.ask(EapPacket(Code.RESPONSE, request.identifier, 21, fragment), state)
        if isinstance(step, Rejected):
            break
        request = read(step)[0]
    assert isinstance(step, Rejected)


async def test_a_repetition_while_the_first_is_under_way_is_not_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, state = await bench.challenge(IDENTITY)
    first = asyncio.create_task(bench.ask(md5_response(request), state))
    await asyncio.sleep(0)
    with pytest.raises(RequestUnansweredError):
        await bench.ask(md5_response(request), state)
    assert isinstance(await first, Accepted)


async def test_without_the_database_nothing_is_answered_and_nobody_rejected(
    bench: Bench, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise OSError

    request, state = await bench.challenge(IDENTITY)
    monkeypatch.setattr(directory, "credential", away)
    with pytest.raises(OSError):  # noqa: PT011  what a database that is away raises
        await bench.ask(md5_response(request), state)
    with pytest.raises(RequestUnansweredError):
        await bench.ask(md5_response(request), state)


@pytest.mark.parametrize(("mtu", "octets"), [(None, 1005), (1400, 1005), (600, 596), (64, 69), (0, 69)])
async def test_packets_fit_what_the_equipment_can_pass_on(
    verifier: CredentialVerifier, city: City, tmp_path: Path, mtu: int | None, octets: int
) -> None:
    Certificates.make(tmp_path / "certificates")
    bench = Bench(verifier, city.council_id, tmp_path / "certificates", methods=("ttls",))
    (offer,) = bench.server._offers(bench.request(IDENTITY, mtu=mtu))
    method = offer.begin(b"")
    sent = method._framing.send(bytes(5000))  # type: ignore[attr-defined]  # the size is what the test is about
    assert len(EapPacket(Code.REQUEST, 1, 21, sent).encode()) == octets


async def test_whatever_a_device_sends_the_server_answers_or_stays_silent(
    verifier: CredentialVerifier, city: City, tmp_path: Path, database: Database, keyring: Keyring
) -> None:
    Certificates.make(tmp_path / "certificates")
    methods = ("peap", "ttls", "tls", "md5")
    bench = Bench(verifier, city.council_id, tmp_path / "certificates", methods=methods, most_conversations=20)
    await add_credential(database, keyring, city, "anna", "anna")
    chance = random.Random(5)
    live: list[tuple[EapPacket, bytes]] = []
    for _ in range(2000):
        bench.now += 1
        request, state = chance.choice(live) if live and chance.random() < 0.8 else (IDENTITY, None)
        wanted = chance.choice((request.eap_type, request.eap_type, 3, chance.randrange(256)))
        data = chance.choice((b"\0", b"\x80\0\0\0\x05", b"\xc0\0\0\1\0", bytes((13, 21, 25, 4)))) + (
            chance.choice((b"", CLIENT_HELLO, chance.randbytes(chance.randrange(60))))
        )
        packet = EapPacket(Code.RESPONSE, request.identifier, wanted, data).encode()
        if chance.random() < 0.1:
            at = chance.randrange(len(packet))
            packet = packet[:at] + bytes((chance.randrange(256),)) + packet[at + 1 :]
        step = await bench.ask(IDENTITY if state is None else packet, state)
        assert not isinstance(step, Accepted)
        if isinstance(step, Challenged):
            live = [*live[-30:], read(step)]
    assert len(bench.server._conversations) <= 20
    bench.server.close()
    assert len(bench.server._conversations) == 0


async def test_a_method_is_offered_as_soon_as_its_certificate_is_read(
    verifier: CredentialVerifier, city: City, tmp_path: Path
) -> None:
    bench = Bench(verifier, city.council_id, tmp_path / "later", methods=("ttls",))
    for _ in range(2):
        assert_rejected(await bench.ask(IDENTITY), RejectReason.EAP_NOT_OFFERED)
    Certificates.make(tmp_path / "later")
    bench.now += CHECK_SECONDS
    for _ in range(2):
        request, _state = await bench.challenge(IDENTITY)
        assert request.eap_type == EAP_TTLS
