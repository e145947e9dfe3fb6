"""The EAP server: finds the conversation that an Access-Request belongs to, and carries it on by one round.

RFC 3579 (EAP over RADIUS). The identity that a device gives at first, in the open, only chooses the conversation's
beginning: it may be anonymous (RFC 7542 section 2.4). Who it is, is what the method proves. Keys leave only as the NAS
needs them, hidden (RFC 2548 section 2.4); nothing of an inner method is in a reply.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from foundation.settings import EapMethod, EapSettings
from radius import attributes
from radius.authentication.credential import CredentialVerifier, readable_name
from radius.authentication.eap import metrics
from radius.authentication.eap.conversations import MOST_OCTETS, MOST_ROUNDS, Conversation, Conversations
from radius.authentication.eap.eap_tls import EapTls
from radius.authentication.eap.md5 import EAP_MD5, EapMd5
from radius.authentication.eap.method import Failed, Method, Succeeded
from radius.authentication.eap.negotiation import IDENTITY_REQUEST, Ask, Negotiation, Offer
from radius.authentication.eap.packet import Code, EapPacket, Type, decode, join, split
from radius.authentication.eap.peap import EapPeap
from radius.authentication.eap.resumption import ResumableLogins
from radius.authentication.eap.states import NO_OWNER
from radius.authentication.eap.tls_contexts import TlsContexts
from radius.authentication.eap.tls_keys import EAP_PEAP, EAP_TLS, EAP_TTLS
from radius.authentication.eap.tls_method import TlsMethod, TlsTerms
from radius.authentication.eap.ttls import EapTtls
from radius.authentication.outcome import Accepted, Challenged, Rejected, RejectReason, Step
from radius.discards import RequestUnansweredError, Unanswered
from radius.errors import EapMalformedError, MalformedAttributeError
from radius.packet import Attribute
from radius.service import Request

_EAP: Final = "eap"
_STATE: Final = attributes.definition_of("State").number
_REQUEST: Final = Code.REQUEST
_FAILURE_IDENTIFIER: Final = 0
_EXPIRE_AT_ONCE: Final = 500
_KEY_OCTETS: Final = 32
# What 802.1X, EAP and its type take from a packet, and the least that is worth sending.
_HEADER_OCTETS: Final = 4 + 5
_LONGEST_DETAIL: Final = 200
# Councils times the sizes of frame that their equipment names; beyond, offers are made anew each time.
_MOST_KEPT_OFFERS: Final = 1024
_SMALLEST_FRAGMENT_OCTETS: Final = 64
_NUMBERS: Final[dict[EapMethod, int]] = {"peap": EAP_PEAP, "ttls": EAP_TTLS, "tls": EAP_TLS, "md5": EAP_MD5}
_TLS_METHODS: Final[dict[int, type[TlsMethod]]] = {EAP_PEAP: EapPeap, EAP_TTLS: EapTtls, EAP_TLS: EapTls}


class EapConversationServer:
    """Every EAP conversation of a process. ``monotonic`` gives seconds."""

    def __init__(
        self,
        settings: EapSettings,
        certificates_directory: Path,
        verifier: CredentialVerifier,
        monotonic: Callable[[], float],
        owner: int = NO_OWNER,
    ) -> None:
        """``owner`` is the number of the worker, for those that share a port."""
        self._settings = settings
        self._verifier = verifier
        self._monotonic = monotonic
        self._contexts = TlsContexts(settings, certificates_directory, monotonic)
        self._conversations = Conversations(settings.most_conversations, settings.conversation_seconds, owner)
        # By council and the size of fragments, while the contexts are the same.
        self._kept_offers: dict[tuple[int, int], list[Offer]] = {}
        self._offers_generation = 0
        self._logins = ResumableLogins(settings.resumption_seconds, settings.most_resumable_logins, monotonic)

    async def step(self, request: Request) -> Step:
        """The next round. Raises what Directory raises, and RequestUnansweredError where silence is right."""
        try:
            octets = join(request.packet)
            response = decode(octets) if octets else None
        except EapMalformedError as error:
            return _rejected(Failed(_EAP, RejectReason.EAP_MALFORMED, str(error)), _FAILURE_IDENTIFIER)
        state = request.packet.first.get(_STATE)
        if state is None:
            return await self._begin(request, response)
        conversation = self._conversations.find(state, request.nas.id, self._monotonic())
        identifier = response.identifier if response else _FAILURE_IDENTIFIER
        if conversation is None:
            return _rejected(Failed(_EAP, RejectReason.EAP_CONVERSATION_UNKNOWN), identifier)
        if conversation.is_busy or conversation.is_broken:
            # A repetition from another port, or what was taken in cannot be taken in again: the device begins anew.
            raise RequestUnansweredError(
                Unanswered.STORAGE_UNAVAILABLE if conversation.is_broken else Unanswered.REPEATED_WHILE_IN_PROGRESS
            )
        refusal = _out_of_order(conversation, response, len(octets))
        if refusal is not None:
            self._conversations.end(conversation)
            return _rejected(refusal, identifier, is_logged=conversation.is_logged)
        assert response is not None
        return await self._carry_on(conversation, request, response)

    def take_abandoned(self) -> list[tuple[Request, Rejected]]:
        """Devices that stopped answering, each with its last request: nobody was told, but the log should know."""
        return [
            (silent.last_request, _rejected(Failed(silent.negotiation.name, RejectReason.EAP_ABANDONED), 0))
            for silent in self._conversations.take_silent()
            if silent.last_request is not None
        ]

    def sample_metrics(self) -> None:
        """Set the gauges, and forget conversations that were given up."""
        self._conversations.expire(self._monotonic(), _EXPIRE_AT_ONCE)
        metrics.conversations.set(len(self._conversations))
        metrics.conversations_limit.set(self._conversations.limit)
        metrics.resumable_logins.set(len(self._logins))
        metrics.resumable_logins_limit.set(self._logins.limit)

    def close(self) -> None:
        """Let go of all conversations."""
        self._conversations.close()

    async def _begin(self, request: Request, response: EapPacket | None) -> Step:
        identifier = response.identifier if response else _FAILURE_IDENTIFIER
        if response is not None and (response.code, response.eap_type) != (Code.RESPONSE, Type.IDENTITY):
            return _rejected(Failed(_EAP, RejectReason.EAP_CONVERSATION_UNKNOWN), identifier)
        offers = self._offers(request)
        if not offers:
            return _rejected(Failed(_EAP, RejectReason.EAP_NOT_OFFERED), identifier)
        negotiation = Negotiation(offers, _EAP)
        conversation = self._conversations.begin(request.nas.id, negotiation, identifier, self._monotonic())
        if conversation is None:
            return _rejected(Failed(_EAP, RejectReason.EAP_TOO_MANY_CONVERSATIONS), identifier)
        if response is None:
            # EAP-Start (RFC 3579 section 2.1): the NAS leaves the first question to us.
            return self._challenge(conversation, IDENTITY_REQUEST)
        return await self._carry_on(conversation, request, response)

    async def _carry_on(self, conversation: Conversation, request: Request, response: EapPacket) -> Step:
        conversation.is_busy, conversation.last_request = True, request
        try:
            answer = await conversation.negotiation.respond(response, request.arrival.at)
        except (EapMalformedError, MalformedAttributeError) as error:
            answer = Failed(conversation.negotiation.name, RejectReason.EAP_MALFORMED, str(error))
        except BaseException:
            conversation.is_broken = True
            raise
        finally:
            conversation.is_busy = False
        self._conversations.keep(conversation, self._monotonic())
        if isinstance(answer, Ask):
            return self._challenge(conversation, answer)
        self._conversations.end(conversation)
        if isinstance(answer, Failed):
            return _rejected(answer, response.identifier, is_logged=conversation.is_logged)
        return _accepted(answer, response.identifier, request)

    def _challenge(self, conversation: Conversation, ask: Ask) -> Challenged:
        conversation.identifier = (conversation.identifier + 1) % 256
        packet = EapPacket(_REQUEST, conversation.identifier, ask.eap_type, ask.type_data)
        state = (_STATE, conversation.state)
        verdict = None
        if ask.verdict is not None and not conversation.is_logged:
            conversation.is_logged = True
            verdict = _rejected(ask.verdict, conversation.identifier)
        return Challenged(_EAP, (state, *split(packet.encode())), verdict)

    def _offers(self, request: Request) -> list[Offer]:
        """What can be had at this moment, in the order of the settings."""
        self._contexts.refresh()
        if self._contexts.generation != self._offers_generation:
            self._kept_offers.clear()
            self._offers_generation = self._contexts.generation
        council_id = request.nas.council_id
        fragment_octets = _fragment_octets(request, self._settings.fragment_octets)
        offers = self._kept_offers.get((council_id, fragment_octets))
        if offers is None:
            found = [self._offer(_NUMBERS[name], council_id, fragment_octets) for name in self._settings.methods]
            offers = [offer for offer in found if offer is not None]
            if len(self._kept_offers) < _MOST_KEPT_OFFERS:
                self._kept_offers[council_id, fragment_octets] = offers
        return offers

    def _offer(self, eap_type: int, council_id: int, fragment_octets: int) -> Offer | None:
        if eap_type == EAP_MD5:

            def begin_md5(identity: bytes) -> Method:
                return EapMd5(readable_name(identity), council_id, self._verifier)

            return Offer(eap_type, begin_md5)
        context = self._contexts.get(eap_type)
        if context is None:
            return None
        terms = TlsTerms(context, council_id, fragment_octets, self._verifier, self._logins)

        def begin(_identity: bytes) -> Method:
            return _TLS_METHODS[eap_type](terms)

        return Offer(eap_type, begin)


def _out_of_order(conversation: Conversation, response: EapPacket | None, octets: int) -> Failed | None:
    """Why a conversation cannot go on, if so."""
    conversation.rounds += 1
    conversation.octets += octets
    if response is None:
        return _unexpected(conversation, "an empty EAP-Message in the middle")
    if response.identifier != conversation.identifier:
        return _unexpected(conversation, "the identifier is not that of the request")
    if conversation.rounds > MOST_ROUNDS:
        return _unexpected(conversation, f"more than {MOST_ROUNDS} rounds")
    if conversation.octets > MOST_OCTETS:
        return _unexpected(conversation, f"more than {MOST_OCTETS} octets from the device")
    return None


def _unexpected(conversation: Conversation, detail: str) -> Failed:
    return Failed(conversation.negotiation.name, RejectReason.EAP_UNEXPECTED, detail)


def _fragment_octets(request: Request, most: int) -> int:
    """The most that a type data of ours may have: what the NAS can pass on (RFC 3579 section 2.4) sets a limit."""
    try:
        mtu = attributes.get_integer(request.packet, "Framed-MTU")
    except MalformedAttributeError:
        mtu = None
    if mtu is None:
        return most
    return max(min(most, mtu - _HEADER_OCTETS), _SMALLEST_FRAGMENT_OCTETS)


def _accepted(success: Succeeded, identifier: int, request: Request) -> Accepted:
    credential = success.credential
    eap_success = split(EapPacket(Code.SUCCESS, identifier).encode())
    return Accepted(
        _logged_name(success.method),
        credential.resident_id,
        good_until=credential.expires_at,
        group_name=credential.group_name,
        attributes=(*eap_success, *_keys(success.msk, request)),
        detail=success.detail,
        proven_name=credential.user_name,
        refusal_attributes=split(EapPacket(Code.FAILURE, identifier).encode()),
    )


def _keys(msk: bytes, request: Request) -> tuple[Attribute, ...]:
    """The first half of the MSK is what the NAS receives with, the second what it sends with (RFC 2548, RFC 5216)."""
    if not msk:
        return ()
    halves = {"MS-MPPE-Recv-Key": msk[:_KEY_OCTETS], "MS-MPPE-Send-Key": msk[_KEY_OCTETS : 2 * _KEY_OCTETS]}
    authenticator = request.packet.authenticator
    return tuple(attributes.encode_salted(name, half, request.secret, authenticator) for name, half in halves.items())


def _rejected(failed: Failed, identifier: int, *, is_logged: bool = False) -> Rejected:
    failure = split(EapPacket(Code.FAILURE, identifier).encode())
    detail = failed.detail[:_LONGEST_DETAIL]
    return Rejected(_logged_name(failed.method), failed.reason, failure, detail, is_logged)


def _logged_name(method: str) -> str:
    """EAP-MD5 on its own is called ``md5`` by its class, which inside a tunnel is enough."""
    return "eap-md5" if method == "md5" else method
