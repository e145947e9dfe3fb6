"""PEAP version 0 ([MS-PEAP], draft-kamath-pppext-peapv0-00): a tunnel, and in it EAP-MSCHAPv2 or EAP-GTC.

Inner EAP packets travel without code, identifier and length, which the outer packet has; only the Extensions method,
which tells the result in both directions, travels whole. RFC 9427 gives the keys under TLS 1.3.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Final

from radius.authentication.eap import inner
from radius.authentication.eap.method import Continue, Failed, Round, Succeeded
from radius.authentication.eap.negotiation import IDENTITY_REQUEST, Ask
from radius.authentication.eap.packet import Code, EapPacket, decode
from radius.authentication.eap.peap_result import (
    EXTENSIONS,
    FAILURE,
    SUCCESS,
    CompoundKeys,
    encode_result,
    is_bound,
    read_result,
)
from radius.authentication.eap.resumption import Login
from radius.authentication.eap.tls_keys import EAP_PEAP, master_session_key
from radius.authentication.eap.tls_method import TlsMethod, TlsTerms
from radius.authentication.outcome import RejectReason
from radius.errors import EapMalformedError

_NONCE_OCTETS: Final = 32
_HEADER_OCTETS: Final = 4


class EapPeap(TlsMethod):
    """One run with one device."""

    eap_type = EAP_PEAP
    name = "peap"

    def __init__(self, terms: TlsTerms) -> None:
        super().__init__(terms)
        self._inner = inner.negotiation(self.name, inner.IN_PEAP, terms)
        # The tunnel stands, but in TLS 1.2 the device has yet to acknowledge the handshake's last message.
        self._has_asked = False
        self._result: Succeeded | Failed | None = None
        self._keys: CompoundKeys | None = None

    def close(self) -> None:
        """Let go of the tunnel."""
        super().close()
        self._inner.close()

    async def established(self, plain: bytes, login: Login | None, now: datetime, identifier: int) -> Round:
        """The tunnel stands. A resumed login is told its result at once, any other is asked who it is."""
        if plain:
            return self.fail(RejectReason.EAP_UNEXPECTED, "the device spoke inside the tunnel before it was asked")
        if login is not None:
            return await self.resume(login, now)
        return self._ask(IDENTITY_REQUEST) if self.tls.is_tls13 else self.send()

    async def received(self, plain: bytes, now: datetime, identifier: int) -> Round:
        """An inner response; nothing where the device acknowledges the handshake's end."""
        if not self._has_asked and self._result is None:
            return self._ask(IDENTITY_REQUEST) if not plain else self._out_of_turn()
        if isinstance(self._result, Failed):
            # The device knows; whatever it says to it changes nothing.
            return self._result
        if not plain:
            return self.fail(RejectReason.EAP_INNER_METHOD_MISSING, "the device answered nothing inside the tunnel")
        response = _decompress(plain, identifier)
        if self._result is not None:
            return self._judge(response, self._result)
        answer = await self._inner.respond(response, now)
        if isinstance(answer, Ask):
            return self._ask(answer)
        if isinstance(answer, Succeeded):
            credential = answer.credential
            keys = CompoundKeys.of_inner_method(master_session_key(self.tls, EAP_PEAP), answer.msk)
            return self._tell(self.succeed(f"peap/{answer.method}", credential), keys)
        return self._tell(self._failed(answer))

    async def resume(self, login: Login, now: datetime) -> Round:
        """As in every method; the result is told inside the tunnel."""
        result = await super().resume(login, now)
        return self._tell(result) if isinstance(result, Failed) else result

    def conclude(self, verdict: Succeeded) -> Round:
        """A resumed login."""
        return self._tell(verdict, CompoundKeys.of_resumption(verdict.msk))

    def _ask(self, request: Ask) -> Continue:
        self._has_asked = True
        verdict = self._failed(request.verdict) if request.verdict else None
        return self.send(bytes((request.eap_type,)) + request.type_data, verdict)

    def _tell(self, result: Succeeded | Failed, keys: CompoundKeys | None = None) -> Continue:
        """Send the result, to which the device answers with its own."""
        self._result, self._keys = result, keys
        status = FAILURE if keys is None else SUCCESS
        data = encode_result(status, keys, secrets.token_bytes(_NONCE_OCTETS))
        # Any identifier will do: the device answers with it and nothing hangs on it.
        packet = EapPacket(Code.REQUEST, secrets.randbelow(256), EXTENSIONS, data)
        return self.send(packet.encode(), result if isinstance(result, Failed) else None)

    def _judge(self, response: EapPacket, result: Succeeded) -> Round:
        if response.eap_type != EXTENSIONS:
            return self._out_of_turn()
        assert self._keys is not None
        told = read_result(response.type_data)
        wrong = replace(self.fail(RejectReason.EAP_CRYPTO_BINDING_WRONG), method=result.method)
        if told.binding is not None and not is_bound(told.binding, self._keys):
            return wrong
        if not told.is_success:
            # Devices refuse so when our Cryptobinding TLV is not right for them.
            return replace(wrong, detail=self.describe("the device does not agree to the success"))
        if told.binding is None:
            # Some devices know no crypto-binding; they use the tunnel's key alone ([MS-PEAP] section 3.3.5.7).
            return replace(result, detail=self.describe("no crypto-binding"))
        return replace(result, msk=self._keys.master_session_key())

    def _failed(self, failed: Failed) -> Failed:
        return Failed(inner.name_of("peap/", failed), failed.reason, self.describe(failed.detail))

    def _out_of_turn(self) -> Failed:
        return self.fail(RejectReason.EAP_UNEXPECTED, "the device spoke inside the tunnel out of turn")


def _decompress(plain: bytes, identifier: int) -> EapPacket:
    """An inner packet. Some devices send it whole. Raises EapMalformedError."""
    is_whole = len(plain) > _HEADER_OCTETS and plain[0] == Code.RESPONSE
    if is_whole and int.from_bytes(plain[2:4], "big") == len(plain):
        return decode(plain)
    if not plain:
        raise EapMalformedError("an inner packet has a type")
    return EapPacket(Code.RESPONSE, identifier, plain[0], plain[1:])
