"""EAP-TTLS version 0 (RFC 5281): a tunnel, and in it PAP, CHAP, MS-CHAPv2 or EAP.

CHAP and MS-CHAPv2 answer a challenge that comes of the tunnel itself (section 11.1), so that nothing recorded elsewhere
can be played into it. Keys are the tunnel's; those of inner methods stay inside.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Final

from radius.authentication import mschap
from radius.authentication.credential import Verified, readable_name
from radius.authentication.eap import inner, ttls_avps
from radius.authentication.eap.method import Failed, Round, Succeeded
from radius.authentication.eap.negotiation import Ask, Negotiation
from radius.authentication.eap.packet import Code, EapPacket, decode
from radius.authentication.eap.resumption import Login
from radius.authentication.eap.tls_keys import EAP_TTLS, ttls_challenge
from radius.authentication.eap.tls_method import TlsMethod, TlsTerms
from radius.authentication.eap.ttls_avps import Avps
from radius.authentication.outcome import RejectReason
from radius.authentication.password import ChapProof, PapProof
from radius.authentication.stored_password import Proof
from radius.errors import EapMalformedError

_CHALLENGE_OCTETS: Final = 16
_CHAP_PASSWORD_OCTETS: Final = 17
_MS_CHAP2_RESPONSE_OCTETS: Final = 50
_LONGEST_PASSWORD_OCTETS: Final = 253
_PROOFS: Final = (
    ttls_avps.USER_PASSWORD,
    ttls_avps.CHAP_PASSWORD,
    ttls_avps.MS_CHAP2_RESPONSE,
    ttls_avps.EAP_MESSAGE,
)


class EapTtls(TlsMethod):
    """One run with one device."""

    eap_type = EAP_TTLS
    name = "ttls"

    def __init__(self, terms: TlsTerms) -> None:
        super().__init__(terms)
        self._inner: Negotiation | None = None
        self._inner_identifier = 0

    def close(self) -> None:
        """Let go of the tunnel."""
        super().close()
        if self._inner is not None:
            self._inner.close()

    async def established(self, plain: bytes, login: Login | None, now: datetime, identifier: int) -> Round:
        """The tunnel stands: the device speaks first, in TLS 1.3 perhaps along with the handshake's end."""
        if login is not None:
            return await self.resume(login, now)
        return await self.received(plain, now, identifier) if plain else self.send()

    async def received(self, plain: bytes, now: datetime, identifier: int) -> Round:
        """Attributes with a proof, or another EAP response."""
        if not plain:
            return self.fail(RejectReason.EAP_INNER_METHOD_MISSING, "the device sent nothing through the tunnel")
        avps = ttls_avps.read(plain)
        offered = [code for code in _PROOFS if avps.get(code) is not None]
        if len(offered) > 1:
            return self.fail(RejectReason.TWO_CREDENTIALS)
        message = avps.get(ttls_avps.EAP_MESSAGE)
        if message is not None:
            return await self._eap(message, now)
        if self._inner is not None or not offered:
            return self.fail(RejectReason.EAP_INNER_METHOD_MISSING)
        return await self._password(avps, now)

    async def _password(self, avps: Avps, now: datetime) -> Round:
        user_name = avps.get(ttls_avps.USER_NAME)
        if not user_name:
            return self.fail(RejectReason.NO_USER_NAME)
        proof = self._proof(avps, user_name)
        method = f"ttls/{proof.method}"
        found = await self.terms.verifier.verify(self.terms.council_id, readable_name(user_name), proof, now)
        if not isinstance(found, Verified):
            return Failed(method, found, self.describe())
        success = self.succeed(method, found.credential)
        if isinstance(proof, mschap.Mschapv2Proof):
            # The device wants to see that we know the password too, and acknowledges that (section 11.2.4).
            shown = bytes((proof.identifier,)) + proof.success(found.stored)
            return self.finish_with(ttls_avps.encode(ttls_avps.MS_CHAP2_SUCCESS, shown), success)
        return success

    def _proof(self, avps: Avps, user_name: bytes) -> Proof:
        """The one that there is. Raises EapMalformedError."""
        password = avps.get(ttls_avps.USER_PASSWORD)
        if password is not None:
            if len(password) > _LONGEST_PASSWORD_OCTETS:
                raise EapMalformedError("the password is too long")
            # Padded with zero octets, so that its length does not show (section 11.2.5).
            return PapProof(password.rstrip(b"\0"))
        response = avps.get(ttls_avps.CHAP_PASSWORD)
        if response is not None:
            if len(response) != _CHAP_PASSWORD_OCTETS:
                raise EapMalformedError("a CHAP-Password has 17 octets")
            challenge = self._challenge(avps.get(ttls_avps.CHAP_CHALLENGE), response[0])
            return ChapProof(response[:1], response[1:], challenge)
        response = avps.get(ttls_avps.MS_CHAP2_RESPONSE)
        if response is None or len(response) != _MS_CHAP2_RESPONSE_OCTETS:
            raise EapMalformedError("an MS-CHAP2-Response has 50 octets")
        challenge = self._challenge(avps.get(ttls_avps.MS_CHAP_CHALLENGE), response[0])
        return mschap.read_attribute(response, user_name, challenge)

    def _challenge(self, shown: bytes | None, identifier: int) -> bytes:
        """The tunnel's own challenge, which the device must have used with the identifier that goes with it."""
        expected = ttls_challenge(self.tls, _CHALLENGE_OCTETS + 1)
        if not hmac.compare_digest((shown or b"") + bytes((identifier,)), expected):
            raise EapMalformedError("the device answered another challenge than this tunnel's")
        return expected[:_CHALLENGE_OCTETS]

    async def _eap(self, message: bytes, now: datetime) -> Round:
        response = decode(message)
        if self._inner is None:
            # The device begins with the response to a request for its identity, which is not sent (section 11.2.1).
            self._inner = inner.negotiation(self.name, inner.IN_TTLS, self.terms)
        elif response.identifier != self._inner_identifier:
            return self.fail(RejectReason.EAP_UNEXPECTED, "the inner identifier is not that of the request")
        answer = await self._inner.respond(response, now)
        if isinstance(answer, Ask):
            self._inner_identifier = (response.identifier + 1) % 256
            request = EapPacket(Code.REQUEST, self._inner_identifier, answer.eap_type, answer.type_data)
            verdict = self._failed(answer.verdict) if answer.verdict else None
            return self.send(ttls_avps.encode(ttls_avps.EAP_MESSAGE, request.encode()), verdict)
        if isinstance(answer, Succeeded):
            return self.succeed(f"ttls/eap-{answer.method}", answer.credential)
        return self._failed(answer)

    def _failed(self, failed: Failed) -> Failed:
        return Failed(inner.name_of("ttls/eap-", failed), failed.reason, self.describe(failed.detail))
