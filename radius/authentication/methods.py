"""Chooses the method that an Access-Request asks for, and runs it.

The User-Name's shape chooses: a one-time token's, a MAC address, or anything else for a lasting credential. Every path
asks the directory once and verifies one password, whether the name is known or not, so that the time of a reject tells
nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, Protocol

from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from radius import attributes
from radius.authentication.credential import CredentialVerifier
from radius.authentication.device import parse_address, proven_password, station_address
from radius.authentication.mschap import Mschapv2Proof
from radius.authentication.mschap_attributes import error_attributes, success_attributes
from radius.authentication.outcome import Accepted, Outcome, Rejected, RejectReason, Step
from radius.authentication.password import read_proofs
from radius.authentication.stored_password import Proof, StoredPassword
from radius.directory import MOST_TOKEN_USES, Device, Directory, Token
from radius.errors import MalformedAttributeError
from radius.nas import NetworkAccessServer
from radius.service import Request

_TOKEN_NAME = re.compile("t[a-z2-7]{26}")
_USER_NAME = attributes.definition_of("User-Name").number
_CALLING_STATION_ID = attributes.definition_of("Calling-Station-Id").number
_EAP_MESSAGE = attributes.definition_of("EAP-Message").number
_NO_METHOD = "none"
_EAP = "eap"
_MAC = "mac"
# What registering on the portal would mend.
_MAY_REGISTER = (RejectReason.DEVICE_NOT_REMEMBERED, RejectReason.DEVICE_NO_LONGER_REMEMBERED)


class _Claim(NamedTuple):
    """Who a request says it is from, and how it would show that."""

    request: Request
    user_name: str
    proof: Proof

    @property
    def station(self) -> MacAddress | None:
        """The device's address."""
        return station_address(attributes.get_text(self.request.packet, "Calling-Station-Id", lenient=True))

    def is_of(self, address: MacAddress) -> bool:
        """Whether the device has that address, which is the user name's."""
        first = self.request.packet.first
        # Most equipment writes both alike: then the address need not be read twice.
        return first.get(_CALLING_STATION_ID) == first.get(_USER_NAME) or self.station == address


Decision = Rejected | tuple[Accepted, StoredPassword]
"""With the password that was proven, of which MS-CHAPv2 makes its keys."""


class EapServer(Protocol):
    """What carries on EAP conversations (``radius.authentication.eap``)."""

    async def step(self, request: Request) -> Step:
        """The next round of the conversation that the request belongs to."""


class Authenticates(Protocol):
    """What decides Access-Requests."""

    async def authenticate(self, request: Request) -> Step:
        """Accepted, rejected or another round. Raises RequestUnansweredError, and what Directory raises."""


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
        try:
            is_eap = _EAP_MESSAGE in request.packet.first
            proofs = read_proofs(request.packet, request.secret)
            if len(proofs) + is_eap > 1:
                return Rejected(_NO_METHOD, RejectReason.TWO_CREDENTIALS)
            if is_eap:
                return await self._eap.step(request) if self._eap else Rejected(_EAP, RejectReason.EAP_NOT_OFFERED)
            if not proofs:
                return Rejected(_NO_METHOD, RejectReason.NO_CREDENTIAL)
            claim = _read(request, proofs[0])
        except MalformedAttributeError:
            return Rejected(_NO_METHOD, RejectReason.MALFORMED_ATTRIBUTE)
        return _with_method_attributes(await self._decide(claim), claim)

    async def _decide(self, claim: _Claim) -> Decision:
        if not claim.user_name:
            return Rejected(claim.proof.method, RejectReason.NO_USER_NAME)
        if _TOKEN_NAME.fullmatch(claim.user_name):
            return await self._by_token(claim)
        address = parse_address(claim.user_name)
        if address is not None:
            return await self._by_address(claim, address)
        return await self._by_credential(claim)

    async def _by_token(self, claim: _Claim) -> Decision:
        method, nas, now = claim.proof.method, claim.request.nas, claim.request.arrival.at
        token = await self._directory.token(claim.user_name)
        password = StoredPassword.of(self._keyring.one_time_password(claim.user_name).encode())
        is_right = claim.proof.proves(password)
        station = claim.station
        pseudonym = self._keyring.device_pseudonym(nas.council_id, station) if station else None
        reason = _token_refusal(token, is_right, pseudonym, nas, now)
        if token is None or reason is not None:
            return Rejected(method, reason or RejectReason.UNKNOWN_USER)
        if not await self._directory.use_token(token.id):
            return Rejected(method, RejectReason.TOKEN_USED_UP)
        until, group_name = token.access_until, token.group_name
        return Accepted(method, token.resident_id, token.device_id, good_until=until, group_name=group_name), password

    async def _by_address(self, claim: _Claim, address: MacAddress) -> Decision:
        nas, now = claim.request.nas, claim.request.arrival.at
        pseudonym = self._keyring.device_pseudonym(nas.council_id, address)
        device = await self._directory.device(nas.council_id, pseudonym)
        password = proven_password(claim.proof, address)
        reason = _device_refusal(device, password is not None, claim.is_of(address), now)
        if password is not None and nas.quarantine is not None and reason in _MAY_REGISTER:
            # As nobody's, so that what it does there is not counted as anybody's.
            return Accepted(_MAC, detail=f"quarantined: {reason.explanation}", is_quarantined=True), password
        if device is None or password is None or reason is not None:
            return Rejected(_MAC, reason or RejectReason.DEVICE_NOT_REMEMBERED)
        good_until, group_name = device.remembered_until, device.group_name
        return Accepted(_MAC, device.resident_id, device.id, good_until=good_until, group_name=group_name), password

    async def _by_credential(self, claim: _Claim) -> Decision:
        method, request = claim.proof.method, claim.request
        verified = await self._credentials.verify(
            request.nas.council_id, claim.user_name, claim.proof, request.arrival.at
        )
        if isinstance(verified, RejectReason):
            return Rejected(method, verified)
        credential = verified.credential
        accepted = Accepted(
            method,
            credential.resident_id,
            good_until=credential.expires_at,
            group_name=credential.group_name,
        )
        return accepted, verified.stored


def _read(request: Request, proof: Proof) -> _Claim:
    """Raises MalformedAttributeError."""
    user_name = attributes.get_text(request.packet, "User-Name") or ""
    return _Claim(request, user_name, proof)


def _with_method_attributes(decision: Decision, claim: _Claim) -> Outcome:
    """What MS-CHAPv2 tells the device and its equipment of the result; the other methods tell nothing."""
    proof, request = claim.proof, claim.request
    if not isinstance(proof, Mschapv2Proof):
        return decision if isinstance(decision, Rejected) else decision[0]
    error = error_attributes(proof)
    if isinstance(decision, Rejected):
        return replace(decision, attributes=error)
    accepted, password = decision
    success = success_attributes(proof, password, request.secret, request.packet.authenticator)
    return replace(accepted, attributes=success, refusal_attributes=error)


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
