"""EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2-02, [MS-CHAP] sections 2.2 and 3): MS-CHAPv2 within EAP.

Every packet but the device's two acknowledgements has a header of operation, identifier and length (MS-Length, which
is that of the type data). The server's last request tells the result; the device acknowledges it with the operation
alone. Changing passwords (operation 7) and second tries are not offered.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable
from datetime import datetime
from typing import Final

from radius.authentication import mschap
from radius.authentication.credential import CredentialVerifier, Verified, readable_name
from radius.authentication.eap.method import Continue, Failed, Round, Succeeded
from radius.errors import EapMalformedError

EAP_MSCHAPV2: Final = 26

_METHOD: Final = "mschapv2"
_HEADER: Final = struct.Struct("!BBH")
_CHALLENGE, _RESPONSE, _SUCCESS, _FAILURE = 1, 2, 3, 4
# Some devices show it to the person.
_SERVER_NAME: Final = b"CityWiFi"
_MSK_OCTETS: Final = 64


class EapMschapv2:
    """One run with the device that gave ``identity``.

    The name in the device's response is the one that it proves to be, so that one is looked up; the identity only
    where the response has none. Devices disagree about putting a realm or a Windows domain into either.
    """

    eap_type = EAP_MSCHAPV2

    def __init__(
        self,
        identity: str,
        council_id: int,
        verifier: CredentialVerifier,
        *,
        new_challenge: Callable[[], bytes] = mschap.new_challenge,
    ) -> None:
        self._identity = identity
        self._council_id = council_id
        self._verifier = verifier
        self._challenge = new_challenge()
        self._identifier = secrets.randbelow(256)
        self._result: Succeeded | Failed | None = None

    def begin(self) -> bytes:
        """The challenge and our name."""
        return self._packet(_CHALLENGE, bytes((len(self._challenge),)) + self._challenge + _SERVER_NAME)

    async def respond(self, type_data: bytes, now: datetime, identifier: int) -> Round:
        """First the response to the challenge, then the acknowledgement of its result."""
        if self._result is None:
            return await self._judge(self._read(type_data), now)
        return self._acknowledged(self._result, type_data)

    def _read(self, type_data: bytes) -> mschap.Mschapv2Proof:
        """Raises EapMalformedError."""
        if len(type_data) <= _HEADER.size:
            raise EapMalformedError("an EAP-MSCHAPv2 response is too short")
        # The identifier is not compared: devices copy it from here or from the EAP header, and nothing hangs on it.
        operation, identifier, length = _HEADER.unpack_from(type_data)
        size, rest = type_data[_HEADER.size], type_data[_HEADER.size + 1 :]
        if operation != _RESPONSE or length != len(type_data):
            raise EapMalformedError("an EAP-MSCHAPv2 response has operation 2 and the length of its data")
        if size != mschap.RESPONSE_OCTETS or len(rest) < size:
            raise EapMalformedError(f"an EAP-MSCHAPv2 response has {mschap.RESPONSE_OCTETS} octets before the name")
        user_name = rest[size:] or self._identity.encode(errors="replace")
        return mschap.read_response(rest[:size], user_name, self._challenge, identifier)

    async def _judge(self, proof: mschap.Mschapv2Proof, now: datetime) -> Round:
        verified = await self._verifier.verify(self._council_id, readable_name(proof.user_name), proof, now)
        if not isinstance(verified, Verified):
            self._result = Failed(_METHOD, verified)
            return Continue(self._packet(_FAILURE, mschap.failure()), self._result)
        keys = proof.keys(verified.stored)
        # [MS-CHAP] section 3.1.5.1; what PEAP's crypto-binding takes of it are the first 32 octets.
        self._result = Succeeded(_METHOD, verified.credential, (keys.receive + keys.send).ljust(_MSK_OCTETS, b"\0"))
        return Continue(self._packet(_SUCCESS, proof.success(verified.stored) + b" M=Welcome"))

    def _acknowledged(self, result: Succeeded | Failed, type_data: bytes) -> Round:
        """The result that was told, and no other, once the device has it.

        A device that does not believe our proof says failure, or nothing at all.
        """
        if isinstance(result, Failed) or type_data == bytes((_SUCCESS,)):
            return result
        raise EapMalformedError("the device did not acknowledge the result with its operation")

    def _packet(self, operation: int, data: bytes) -> bytes:
        return _HEADER.pack(operation, self._identifier, _HEADER.size + len(data)) + data
