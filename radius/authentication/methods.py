"""Chooses the method that an Access-Request asks for, and runs it.

The User-Name's shape chooses: a one-time token's, a MAC address, or anything else for a lasting credential. Every path
asks the directory once and verifies one password, whether the name is known or not, so that the time of a reject tells
nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol

from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from radius import attributes
from radius.authentication.credential import CredentialVerifier
from radius.authentication.device import is_device_password, parse_address, station_address
from radius.authentication.outcome import Accepted, Outcome, Rejected, RejectReason, Step
from radius.authentication.password import read_proofs
from radius.authentication.stored_password import Proof, StoredPassword
from radius.directory import MOST_TOKEN_USES, Device, Directory, Token
from radius.errors import MalformedAttributeError
from radius.nas import NetworkAccessServer
from radius.packet import Packet
from radius.service import Request

_TOKEN_NAME = re.compile("t[a-z2-7]{26}")
_NO_METHOD = "none"
_EAP = "eap"
_MAC = "mac"


class EapServer(Protocol):
    """What carries on EAP conversations (``radius.authentication.eap``)."""

    async def step(self, request: Request) -> Step:
        """The next round of the conversation that the request belongs to."""


class Authenticator:
    """Decides Access-Requests; makes no reply and keeps no state. Without an EAP server, EAP is rejected."""

    def __init__(
        self, directory: Directory, keyring: Keyring, credentials: CredentialVerifier, eap: EapServer | None = None
    ) -> None:
        self._directory = directory
        self._keyring = keyring
        self._credentials = credentials
        self._eap = eap

    async def authenticate(self, request: Request) -> Step:
        """Accepted, rejected or another round. Raises what Directory raises when the database does not answer."""
        nas, now = request.nas, request.arrival.at
        try:
            if attributes.get_octets(request.packet, "EAP-Message") is not None:
                return await self._eap.step(request) if self._eap else Rejected(_EAP, RejectReason.EAP_NOT_OFFERED)
            asked = _read(request.packet, request.secret)
        except MalformedAttributeError:
            return Rejected(_NO_METHOD, RejectReason.MALFORMED_ATTRIBUTE)
        if isinstance(asked, Rejected):
            return asked
        user_name, proof, station = asked
        if _TOKEN_NAME.fullmatch(user_name):
            return await self._by_token(user_name, proof, station, nas, now)
        address = parse_address(user_name)
        if address is not None:
            return await self._by_address(address, proof, station, nas, now)
        return await self._by_credential(user_name, proof, nas, now)

    async def _by_token(
        self, user_name: str, proof: Proof, station: MacAddress | None, nas: NetworkAccessServer, now: datetime
    ) -> Outcome:
        token = await self._directory.token(user_name)
        is_right = proof.proves(StoredPassword.of(self._keyring.one_time_password(user_name).encode()))
        pseudonym = self._keyring.device_pseudonym(nas.council_id, station) if station else None
        reason = _token_refusal(token, is_right, pseudonym, nas, now)
        if token is None or reason is not None:
            return Rejected(proof.method, reason or RejectReason.UNKNOWN_USER)
        if not await self._directory.use_token(token.id):
            return Rejected(proof.method, RejectReason.TOKEN_USED_UP)
        return Accepted(proof.method, token.resident_id, token.device_id, group_name=token.group_name)

    async def _by_address(
        self, address: MacAddress, proof: Proof, station: MacAddress | None, nas: NetworkAccessServer, now: datetime
    ) -> Outcome:
        pseudonym = self._keyring.device_pseudonym(nas.council_id, address)
        device = await self._directory.device(nas.council_id, pseudonym)
        is_right = is_device_password(proof, address)
        reason = _device_refusal(device, is_right, station == address, now)
        if device is None or reason is not None:
            return Rejected(_MAC, reason or RejectReason.DEVICE_NOT_REMEMBERED)
        good_until, group_name = device.remembered_until, device.group_name
        return Accepted(_MAC, device.resident_id, device.id, good_until=good_until, group_name=group_name)

    async def _by_credential(self, user_name: str, proof: Proof, nas: NetworkAccessServer, now: datetime) -> Outcome:
        verified = await self._credentials.verify(nas.council_id, user_name, proof, now)
        if isinstance(verified, RejectReason):
            return Rejected(proof.method, verified)
        credential = verified.credential
        return Accepted(
            proof.method,
            credential.resident_id,
            good_until=credential.expires_at,
            group_name=credential.group_name,
        )


def _read(packet: Packet, secret: bytes) -> tuple[str, Proof, MacAddress | None] | Rejected:
    """User name, proof and the device's address. Raises MalformedAttributeError."""
    proofs = read_proofs(packet, secret)
    if not proofs:
        return Rejected(_NO_METHOD, RejectReason.NO_CREDENTIAL)
    if len(proofs) > 1:
        return Rejected(_NO_METHOD, RejectReason.TWO_CREDENTIALS)
    user_name = attributes.get_text(packet, "User-Name")
    if not user_name:
        return Rejected(proofs[0].method, RejectReason.NO_USER_NAME)
    calling = attributes.get_text(packet, "Calling-Station-Id", lenient=True)
    return user_name, proofs[0], station_address(calling)


def _token_refusal(
    token: Token | None, is_right: bool, pseudonym: bytes | None, nas: NetworkAccessServer, now: datetime
) -> RejectReason | None:
    if token is None:
        return RejectReason.UNKNOWN_USER
    if not is_right:
        return RejectReason.WRONG_PASSWORD
    if token.nas_id != nas.id:
        return RejectReason.TOKEN_OF_ANOTHER_NAS
    if token.mac_pseudonym != pseudonym:
        return RejectReason.TOKEN_OF_ANOTHER_DEVICE
    if token.expires_at <= now:
        return RejectReason.TOKEN_EXPIRED
    if token.uses >= MOST_TOKEN_USES:
        return RejectReason.TOKEN_USED_UP
    return None


def _device_refusal(device: Device | None, is_right: bool, is_own_address: bool, now: datetime) -> RejectReason | None:
    if not is_right:
        return RejectReason.WRONG_PASSWORD
    if not is_own_address:
        return RejectReason.ADDRESS_OF_ANOTHER_DEVICE
    if device is None or device.remembered_until is None:
        return RejectReason.DEVICE_NOT_REMEMBERED
    if device.remembered_until <= now:
        return RejectReason.DEVICE_NO_LONGER_REMEMBERED
    return None
