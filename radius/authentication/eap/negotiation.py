"""Which method: one is proposed, the device takes it or says which it wants instead (RFC 3748 section 5.3).

The same negotiation serves outside and, inside a tunnel, a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from radius.authentication.eap.method import Continue, Failed, Method, Succeeded
from radius.authentication.eap.packet import Code, EapPacket, Type, wanted_types
from radius.authentication.outcome import RejectReason

_RESPONSE = Code.RESPONSE
# RFC 3748 section 5.1: an identity has no limit of its own; RADIUS gives a User-Name 253 octets.
_LONGEST_IDENTITY_OCTETS = 253


@dataclass(frozen=True, slots=True, repr=False)
class Ask:
    """Send a request of this type and wait for its response. ``verdict`` as in ``Continue``."""

    eap_type: int
    type_data: bytes
    verdict: Failed | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A method that can be had: its type, and how a run of it begins with a device of that identity."""

    eap_type: int
    begin: Callable[[bytes], Method]


IDENTITY_REQUEST = Ask(Type.IDENTITY, b"")


class Negotiation:
    """One device's way to a method and through it. ``name`` is for the log while no method is chosen."""

    def __init__(self, offers: Sequence[Offer], name: str) -> None:
        self._offers = offers
        self._name = name
        self._identity: bytes | None = None
        self._method: Method | None = None
        self._is_proposal = False
        self._had_choice = False

    @property
    def name(self) -> str:
        """What the log calls the method that was chosen."""
        return getattr(self._method, "name", self._name)

    async def respond(self, response: EapPacket, now: datetime) -> Ask | Succeeded | Failed:
        """What follows a response. Raises EapMalformedError, or what Directory raises without a database."""
        if response.code != _RESPONSE:
            return self._failed(RejectReason.EAP_UNEXPECTED, f"the device sent an EAP packet of code {response.code}")
        if self._method is None:
            return self._identified(response)
        wanted = wanted_types(response)
        if wanted is not None:
            return self._choose(wanted)
        if response.eap_type != self._method.eap_type:
            return self._failed(RejectReason.EAP_UNEXPECTED, f"the device answered with type {response.eap_type}")
        self._is_proposal = False
        result = await self._method.respond(response.type_data, now, response.identifier)
        if isinstance(result, Continue):
            return Ask(response.eap_type, result.type_data, result.verdict)
        return result

    def close(self) -> None:
        """Let go of what the method holds."""
        close = getattr(self._method, "close", None)
        if close is not None:
            close()

    def _identified(self, response: EapPacket) -> Ask | Failed:
        if response.eap_type != Type.IDENTITY:
            return self._failed(RejectReason.EAP_UNEXPECTED, "the device did not say who it is")
        if len(response.type_data) > _LONGEST_IDENTITY_OCTETS:
            return self._failed(RejectReason.EAP_MALFORMED, "the identity is too long")
        self._identity = response.type_data
        return self._propose(self._offers[0])

    def _choose(self, wanted: frozenset[int]) -> Ask | Failed:
        if not self._is_proposal or self._had_choice:
            return self._failed(RejectReason.EAP_UNEXPECTED, "the device asked for another method too late")
        self._had_choice = True
        for offer in self._offers:
            if offer.eap_type in wanted:
                self.close()
                return self._propose(offer)
        names = ", ".join(str(number) for number in sorted(wanted)[:16]) or "none"
        return self._failed(RejectReason.EAP_NO_COMMON_METHOD, f"wanted EAP types: {names}")

    def _propose(self, offer: Offer) -> Ask:
        assert self._identity is not None
        self._method = offer.begin(self._identity)
        self._is_proposal = True
        return Ask(offer.eap_type, self._method.begin())

    def _failed(self, reason: RejectReason, detail: str) -> Failed:
        return Failed(self._name, reason, detail)
