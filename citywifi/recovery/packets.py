"""The octets of a storm's requests: what does not change is made beforehand, so that sending costs a digest.

The attributes are CoovaChilli's, from ``citywifi.replay.gateway_packets``. The codec makes objects that a server needs
and a storm does not.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from typing import Final

from citywifi.recovery import plan
from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.gateway_packets import MAC_PASSWORD, Pair, Place, Station, octet_pairs, place_pairs, station_pairs
from radius import attributes
from radius.authenticators import NO_AUTHENTICATOR, hide_password, keyed_digest
from radius.packet import SHORTEST_PACKET_OCTETS, Attribute, Code, new_authenticator

_HEAD: Final = struct.Struct("!BBH")
_MESSAGE_AUTHENTICATOR: Final = b"\x50\x12"
_CHAP_IDENTIFIER: Final = b"\x01"


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """What a device is let on by; ``uses_chap`` else PAP."""

    user_name: str
    password: bytes
    uses_chap: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """An Access-Request but for its identifier."""

    authenticator: bytes
    body: bytes
    secret: bytes

    def __call__(self, identifier: int) -> bytes:
        """The request, with Message-Authenticator first (RFC 3579 section 3.2)."""
        unsigned = _MESSAGE_AUTHENTICATOR + NO_AUTHENTICATOR + self.body
        head = _HEAD.pack(Code.ACCESS_REQUEST, identifier, SHORTEST_PACKET_OCTETS + len(unsigned))
        head += self.authenticator
        signature = hmac.digest(self.secret, head + unsigned, "md5")
        return head + _MESSAGE_AUTHENTICATOR + signature + self.body


def place_of(storm: plan.Plan, access_point: int) -> Place:
    """What an access point says of itself."""
    address = plan.address_of(storm, access_point)
    name = plan.nas_identifier(access_point)
    return Place(address, name, plan.access_point_mac(access_point), name, f"http://{address}:3990/logoff")


def remembered(access_point: int, person: int) -> Credential:
    """CoovaChilli's MAC authentication."""
    return Credential(str(plan.device_mac(access_point, person)), MAC_PASSWORD)


def place_octets(place: Place) -> bytes:
    """The attributes of all requests of one access point."""
    return join(attributes.encode_all(place_pairs(place)))


def session_octets(access_point: int, person: int, user_name: str, acct_session_id: str, of_place: bytes) -> bytes:
    """The attributes of all requests about one device."""
    address = plan.device_address(access_point, person)
    station = Station(plan.device_mac(access_point, person), address, person + 1)
    pairs: list[Pair] = [("User-Name", user_name), ("Acct-Session-Id", acct_session_id), *station_pairs(station)]
    return join(attributes.encode_all(pairs)) + of_place


def question(credential: Credential, of_session: bytes, secret: bytes) -> Question:
    """The Access-Request of a device; ``of_session`` from ``session_octets``."""
    authenticator = new_authenticator()
    if credential.uses_chap:
        digest = md5(_CHAP_IDENTIFIER + credential.password + authenticator, usedforsecurity=False).digest()
        proof = attributes.encode_all({"CHAP-Password": _CHAP_IDENTIFIER + digest, "CHAP-Challenge": authenticator})
    else:
        proof = attributes.encode_all({"User-Password": hide_password(credential.password, secret, authenticator)})
    return Question(authenticator, join(proof) + _LOGIN + of_session, secret)


def accounting_request(
    identifier: int, record: AccountingRecord, now: datetime, of_session: bytes, secret: bytes
) -> bytes:
    """An Accounting-Request that tells how long ago it happened (RFC 2866 section 5.2); ``of_session`` with Class."""
    pairs: list[Pair] = [
        ("Acct-Status-Type", record.status),
        ("Event-Timestamp", record.event_at),
        ("Acct-Delay-Time", max(0, int((now - record.event_at).total_seconds()))),
    ]
    if record.status in (Status.INTERIM, Status.STOP):
        pairs.append(("Acct-Session-Time", record.seconds))
        pairs += octet_pairs("Input", record.input_octets) + octet_pairs("Output", record.output_octets)
    if record.terminate_cause is not None:
        pairs.append(("Acct-Terminate-Cause", int(record.terminate_cause)))
    body = join(attributes.encode_all(pairs)) + of_session
    head = _HEAD.pack(Code.ACCOUNTING_REQUEST, identifier, SHORTEST_PACKET_OCTETS + len(body))
    return head + keyed_digest(head, NO_AUTHENTICATOR, body, secret) + body


def join(encoded: Iterable[Attribute]) -> bytes:
    """Attributes as they are on the wire."""
    return b"".join([bytes((number, len(value) + 2)) + value for number, value in encoded])


_LOGIN: Final = join(attributes.encode_all({"Service-Type": "Login-User"}))
