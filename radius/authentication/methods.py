"""Chooses the method that an Access-Request asks for, and runs it.

The User-Name's shape chooses: a one-time token's, a MAC address, or anything else for a lasting credential. Every path
asks the directory once and verifies one password, whether the name is known or not, so that the time of a reject tells
nothing.
"""

from __future__ import annotations

import re
from datetime import datetime

from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from radius import attributes
from radius.authentication.device import is_device_password, parse_address, station_address
from radius.authentication.outcome import Accepted, Outcome, Rejected, RejectReason
from radius.authentication.password import Proof, read_proofs
from radius.directory import MOST_TOKEN_USES, Credential, Device, Directory, Token
from radius.errors import MalformedAttributeError
from radius.nas import NetworkAccessServer
from radius.packet import Packet

_TOKEN_NAME = re.compile("t[a-z2-7]{26}")
_NO_METHOD = "none"
_EAP = "eap"
_MAC = "mac"


class Authenticator:
    """Decides Access-Requests; makes no reply and keeps no state."""

    def __init__(self, directory: Directory, keyring: Keyring) -> None:
        self._directory = directory
        self._keyring = keyring
        # Opened and compared for names that nobody has.
        self._nobodys_password = keyring.encrypt("credential", b"nobody's")

    async def authenticate(self, packet: Packet, nas: NetworkAccessServer, now: datetime) -> Outcome:
        """Accepted or rejected. Raises what Directory raises when the database does not answer."""
        try:
            asked = _read(packet, nas)
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
        is_right = proof.proves(self._keyring.one_time_password(user_name).encode())
        pseudonym = self._keyring.device_pseudonym(nas.council_id, station) if station else None
        reason = _token_refusal(token, is_right, pseudonym, nas, now)
        if token is None or reason is not None:
            return Rejected(proof.method, reason or RejectReason.UNKNOWN_USER)
        if not await self._directory.use_token(token.id):
            return Rejected(proof.method, RejectReason.TOKEN_USED_UP)
        return Accepted(proof.method, token.resident_id, token.device_id)

    async def _by_address(
        self, address: MacAddress, proof: Proof, station: MacAddress | None, nas: NetworkAccessServer, now: datetime
    ) -> Outcome:
        pseudonym = self._keyring.device_pseudonym(nas.council_id, address)
        device = await self._directory.device(nas.council_id, pseudonym)
        is_right = is_device_password(proof, address)
        reason = _device_refusal(device, is_right, station == address, now)
        if device is None or reason is not None:
            return Rejected(_MAC, reason or RejectReason.DEVICE_NOT_REMEMBERED)
        return Accepted(_MAC, device.resident_id, device.id, good_until=device.remembered_until)

    async def _by_credential(self, user_name: str, proof: Proof, nas: NetworkAccessServer, now: datetime) -> Outcome:
        credential = await self._directory.credential(nas.council_id, user_name)
        sealed = credential.password_encrypted if credential else self._nobodys_password
        is_right = proof.proves(self._keyring.decrypt("credential", sealed))
        reason = _credential_refusal(credential, is_right, now)
        if credential is None or reason is not None:
            return Rejected(proof.method, reason or RejectReason.UNKNOWN_USER)
        return Accepted(proof.method, credential.resident_id, good_until=credential.expires_at)


def _read(packet: Packet, nas: NetworkAccessServer) -> tuple[str, Proof, MacAddress | None] | Rejected:
    """User name, proof and the device's address. Raises MalformedAttributeError."""
    if attributes.get_octets(packet, "EAP-Message") is not None:
        return Rejected(_EAP, RejectReason.EAP_NOT_OFFERED)
    proofs = read_proofs(packet, nas.secret)
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


def _credential_refusal(credential: Credential | None, is_right: bool, now: datetime) -> RejectReason | None:
    if credential is None:
        return RejectReason.UNKNOWN_USER
    if not is_right:
        return RejectReason.WRONG_PASSWORD
    if credential.revoked_at is not None:
        return RejectReason.CREDENTIAL_REVOKED
    if credential.expires_at is not None and credential.expires_at <= now:
        return RejectReason.CREDENTIAL_EXPIRED
    return None
