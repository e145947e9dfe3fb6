"""Access-Requests for other realms: to a home server, and its answer back (RFC 2865 section 2.3, RFC 5080).

Each request is decided by its own realm, so that the proxy and our own EAP server can never meet in a conversation. A
conversation of several rounds stays with the home server that issued its State.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from foundation.privacy import Keyring
from foundation.settings import RoamingSettings
from radius.authentication.outcome import Accepted, Challenged, Rejected, RejectReason, Step
from radius.discards import RequestUnansweredError, Unanswered
from radius.duplicates import Key
from radius.errors import MalformedAttributeError, UnencodableError
from radius.packet import Attribute, Code
from radius.pending import in_own_task
from radius.roaming import metrics
from radius.roaming.conversations import Conversations
from radius.roaming.exchange import TooManyQuestionsError
from radius.roaming.forwarding import (
    eap_failure,
    good_until,
    inward,
    marker_of,
    method_of,
    operator_attribute,
    outward,
    state_of,
    without_own_class,
)
from radius.roaming.health import State
from radius.roaming.race import Answer, Race
from radius.roaming.table import Realm, RealmDirectory
from radius.roaming.upstream import Upstream, Upstreams
from radius.service import Request

VISITORS_GROUP = "roaming"
"""The group of residents of other realms, for a policy of their own."""

# A lost datagram is made good by the NAS's retransmission, so the last server is waited for longer than NASes wait.
_LAST_PATIENCE = 2
_MOST_SERVERS_ASKED = 4
# As many characters as the log takes.
_LONGEST_DETAIL = 200


class Proxy:
    """Passes requests on; one per process."""

    def __init__(
        self, realms: RealmDirectory, upstreams: Upstreams, settings: RoamingSettings, keyring: Keyring
    ) -> None:
        self._realms = realms
        self._upstreams = upstreams
        self._settings = settings
        self._keyring = keyring
        self._operator: tuple[Attribute, ...] = operator_attribute(settings.operator_name)
        self._conversations = Conversations()
        self._races: dict[Key, Race] = {}
        # Beside the races, of which a NAS may begin a second one with the same identifier.
        self._in_flight = 0
        metrics.in_flight_limit.set(settings.most_proxied)
        metrics.conversations_limit.set(self._conversations.limit)

    async def forward(self, request: Request, realm: Realm) -> Step:
        """What the realm's home server says. Raises RequestUnansweredError when too many requests are under way."""
        await in_own_task()
        if self._in_flight >= self._settings.most_proxied:
            metrics.proxy_drops.labels("too_many_in_flight").inc()
            raise RequestUnansweredError(Unanswered.TOO_MANY_IN_PROGRESS)
        answer = None
        try:
            answer = await self._ask(request, realm)
            step: Step = _reject(request, realm, RejectReason.REALM_SILENT)
            if answer is not None:
                step = self._read(request, realm, answer)
        except TooManyQuestionsError:
            metrics.proxy_drops.labels("no_identifier_free").inc()
            raise RequestUnansweredError(Unanswered.TOO_MANY_IN_PROGRESS) from None
        except MalformedAttributeError:
            metrics.proxy_drops.labels("malformed_attribute").inc()
            step = _reject(request, realm, RejectReason.MALFORMED_ATTRIBUTE, answer)
        except UnencodableError:
            metrics.proxy_drops.labels("does_not_fit_into_a_packet").inc()
            step = _reject(request, realm, RejectReason.MALFORMED_ATTRIBUTE, answer)
        metrics.proxied.labels(realm.name, _result(step)).inc()
        return step

    def repeat(self, key: Key) -> None:
        """The NAS has sent a request again that waits for a home server; so do we."""
        race = self._races.get(key)
        if race is not None:
            race.send_again()

    def sample_metrics(self) -> None:
        """Set the gauges."""
        metrics.in_flight.set(self._in_flight)
        metrics.conversations.set(len(self._conversations))

    async def _ask(self, request: Request, realm: Realm) -> Answer | None:
        upstreams = self._choose(request, realm)
        packet, marker = request.packet, marker_of(self._keyring, realm.council_id)

        def build(authenticator: bytes, secret: bytes) -> list[Attribute]:
            return outward(packet, request.secret, authenticator, secret, self._operator, marker)

        patience_seconds = self._settings.answer_seconds
        is_hopeless = all(upstream.health.state is State.DOWN for upstream in upstreams)
        with Race(Code.ACCESS_REQUEST, build) as race:
            self._races[request.key] = race
            self._in_flight += 1
            try:
                last_seconds = 0.0 if is_hopeless else _LAST_PATIENCE * patience_seconds
                return await race.run(upstreams, patience_seconds, last_seconds)
            finally:
                self._in_flight -= 1
                if self._races.get(request.key) is race:
                    del self._races[request.key]

    def _choose(self, request: Request, realm: Realm) -> list[Upstream]:
        """Whom to ask, in turn: who began the conversation, else those who are not down, else the first of all."""
        state = state_of(request.packet)
        begun_by = None if state is None else self._conversations.find((realm.id, state), time.monotonic())
        if begun_by is not None and not begun_by.is_retired:
            return [begun_by]
        return in_order([self._upstreams.at(server.authentication) for server in realm.servers])

    def _read(self, request: Request, realm: Realm, answer: Answer) -> Step:
        """The reply as a step of ours."""
        reply, upstream = answer.reply, answer.upstream
        home_secret, is_same_realm = upstream.address.secret, partial(self._is_same_realm, realm)
        passed_on = inward(reply, answer.request, home_secret, request.packet, request.secret, is_same_realm)
        returned = without_own_class(passed_on, self._keyring)
        method, detail = method_of(request.packet), _detail(realm, answer)
        if reply.code is Code.ACCESS_CHALLENGE:
            state = state_of(reply)
            if state is not None:
                self._conversations.remember((realm.id, state), upstream, time.monotonic())
            return Challenged(method, returned)
        if reply.code is Code.ACCESS_REJECT:
            return Rejected(method, RejectReason.REALM_REJECTED, returned, detail)
        return Accepted(
            method,
            good_until=good_until(reply, request.arrival.at),
            group_name=VISITORS_GROUP,
            attributes=returned,
            detail=detail,
            refusal_attributes=eap_failure(request.packet),
        )

    def _is_same_realm(self, realm: Realm, name: str) -> bool:
        found = self._realms.table.find(realm.council_id, name)
        return found is not None and found.id == realm.id


def in_order(upstreams: Sequence[Upstream]) -> list[Upstream]:
    """The alive first, then the suspected, in the order of the table; where all are down, the first of them."""
    able = [upstream for upstream in upstreams if upstream.health.state is not State.DOWN]
    able.sort(key=lambda upstream: upstream.health.state is State.SUSPECTED)
    return able[:_MOST_SERVERS_ASKED] or list(upstreams[:1])


def _reject(request: Request, realm: Realm, reason: RejectReason, answer: Answer | None = None) -> Rejected:
    return Rejected(method_of(request.packet), reason, eap_failure(request.packet), _detail(realm, answer))


def _detail(realm: Realm, answer: Answer | None) -> str:
    server = f", home server {answer.upstream.address.name}" if answer else ""
    return f"realm {realm.name}{server}"[:_LONGEST_DETAIL]


def _result(step: Step) -> str:
    if isinstance(step, Accepted):
        return "accepted"
    return step.reason.value if isinstance(step, Rejected) else "challenged"
