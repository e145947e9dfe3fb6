"""What the server would do with a request, and why, step by step: nothing is sent, stored or counted as used.

The steps are those of ``radius.service`` and ``radius.handlers``, asked one after the other, so that an engineer sees
at which one a request stops. Unlike a log it shows the request's own values: whoever asks has them already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from citywifi.policies import origin_of
from citywifi.policy_values import LIMITS, show_limit
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import network_access_servers, venues
from radius import attributes
from radius.accounting.records import Restart, read_record
from radius.attribute_text import describe
from radius.authentication.methods import Authenticator
from radius.authentication.outcome import Accepted, Challenged, Rejected, RejectReason
from radius.authorization import REJECT_ATTRIBUTES, Authorizer
from radius.directory import Directory
from radius.discards import RequestUnansweredError
from radius.errors import PacketDiscarded, RemoteFaultError
from radius.nas import NasDirectory, NetworkAccessServer
from radius.packet import Attribute, Code, Packet, decode, verify_request
from radius.policies.directory import PolicyDirectory
from radius.policies.effective import Place, network_name, sources
from radius.roaming.routing import Router
from radius.server import RadiusServer
from radius.service import Arrival, Request


@dataclass(frozen=True, slots=True)
class Step:
    """One question that the server asks, and what came of it. ``is_end`` where the request goes no further."""

    title: str
    lines: tuple[str, ...]
    is_end: bool = False


class ReadOnlyDirectory(Directory):
    """A directory in which looking at a one-time token does not use it up."""

    async def use_token(self, token_id: int) -> bool:
        """Whether it has a use left was looked at before."""
        return True


@dataclass(frozen=True, slots=True)
class Explainer:
    """The server's parts that decide, as ``radius.server`` puts them together."""

    database: Database
    keyring: Keyring
    equipment: NasDirectory
    policies: PolicyDirectory
    router: Router
    authenticator: Authenticator
    authorizer: Authorizer
    delay_limit_seconds: int

    async def explain(self, datagram: bytes, source: str, now: datetime) -> list[Step]:
        """All steps up to the one that ends it. Raises what the database raises."""
        nas = self.equipment.table.find(source)
        if nas is None:
            return [Step("Sender", (f"{source} is none of the equipment (`citywifi nas list`): no answer.",), True)]
        steps = [Step("Sender", (await self._describe_nas(nas, source),))]
        try:
            packet = decode(datagram)
        except PacketDiscarded as error:
            return [*steps, Step("Packet", (f"Malformed: {error}. No answer.",), True)]
        head = f"{_name_of(packet.code)}, identifier {packet.identifier}, {len(packet.octets)} octets"
        steps.append(Step("Packet", (head, *describe(packet.attributes))))
        authentic = _authenticity(packet, nas, now)
        steps.append(authentic)
        if authentic.is_end:
            return steps
        request = Request(packet, nas, _secret_of(packet, nas, now), Arrival(now, 0.0), (source, 0, packet.code, 0))
        if packet.code is Code.ACCESS_REQUEST:
            return [*steps, *await self._explain_access(request)]
        if packet.code is Code.ACCOUNTING_REQUEST:
            return [*steps, self._explain_accounting(request)]
        return [*steps, Step("Reply", ("Status-Server: answered at once, to say that the server is there.",), True)]

    async def _explain_access(self, request: Request) -> list[Step]:
        user_name = attributes.get_octets(request.packet, "User-Name") or b""
        realm = await self.router.route(request.nas.council_id, user_name)
        if realm is not None:
            servers = ", ".join(server.authentication.name for server in realm.servers) or "none (rejected)"
            text = f"The realm {realm.name} is served elsewhere; asked are, in this order: {servers}."
            return [Step("Realm", (text, "What they say is not known without asking them."), True)]
        steps = [Step("Realm", ("Decided here.",))]
        step = await self.authenticator.authenticate(request)
        if isinstance(step, Challenged):
            lines = (f"Method {step.method}: another round is needed.", "Access-Challenge with:")
            return [*steps, Step("Authentication", (*lines, *_indented(step.attributes)), True)]
        if isinstance(step, Rejected):
            reason = f"Method {step.method}: rejected, because {step.reason.explanation}."
            return [*steps, Step("Authentication", (reason, *_detail(step.detail))), _reject(step.attributes)]
        steps.append(Step("Authentication", _accepted_lines(step)))
        granted = await self.authorizer.authorize(step, request)
        steps.append(await self._explain_policy(step, request, granted))
        if isinstance(granted, RejectReason):
            return [*steps, _reject(step.refusal_attributes)]
        return [*steps, Step("Reply", ("Access-Accept with:", *_indented((*step.attributes, *granted))), True)]

    async def _explain_policy(self, accepted: Accepted, request: Request, granted: object) -> Step:
        if accepted.is_quarantined:
            return Step("Policy", ("Quarantined: no policy counts, only the way to the portal is open.",))
        place = await self._place(accepted, request)
        deciding, effective = sources(self.policies.table.policies, place), self.policies.table.effective(place)
        names = await self._venue_names()
        lines = [
            f"{limit.title} {show_limit(limit, value)}, {origin_of(deciding[limit.name], limit, names)}"
            for limit in LIMITS
            if (value := getattr(effective, limit.name)) is not None
        ]
        if isinstance(granted, RejectReason):
            lines.append(f"Refused, because {granted.explanation}.")
        return Step("Policy", tuple(lines))

    async def _place(self, accepted: Accepted, request: Request) -> Place:
        called = attributes.get_text(request.packet, "Called-Station-Id", lenient=True)
        octets = attributes.get_octets(request.packet, "Called-Station-Id")
        venue_id = self.equipment.table.venue_id(request.nas, octets)
        return Place(request.nas.council_id, venue_id, network_name(called), accepted.group_name)

    def _explain_accounting(self, request: Request) -> Step:
        try:
            record = read_record(
                request.packet,
                request.nas,
                self.equipment.table,
                self.keyring,
                request.arrival.at,
                self.delay_limit_seconds,
            )
        except (RequestUnansweredError, RemoteFaultError) as error:
            return Step("Record", (f"Not stored and not answered: {error}.",), True)
        if isinstance(record, Restart):
            return Step("Record", (f"Accounting-{record.status}: ends this equipment's open sessions.",), True)
        shown = ("status", "started_at", "event_at", "session_seconds", "input_octets", "output_octets", "network_name")
        lines = [f"{name.replace('_', ' ')}: {getattr(record, name)}" for name in shown]
        known = "known by its Class" if record.resident_id else "not known: the record has no Class of ours"
        return Step("Record", ("Stored, then answered:", *lines, f"resident: {known}"), True)

    async def _describe_nas(self, nas: NetworkAccessServer, source: str) -> str:
        table = network_access_servers.c
        async with self.database.read() as connection:
            row = (await connection.execute(select(table.name, table.network).where(table.id == nas.id))).one()
        return f"{source} is {row.name} ({row.network}, vendor {nas.vendor})."

    async def _venue_names(self) -> dict[int, str]:
        async with self.database.read() as connection:
            return {row.id: row.name for row in await connection.execute(select(venues.c.id, venues.c.name))}


async def explainer(runtime: Runtime) -> Explainer:
    """The parts of a server without its sockets and jobs. Raises what the database raises."""
    server = RadiusServer(runtime, ReadOnlyDirectory(runtime.database, runtime.settings.roaming.own_realms))
    await server.refresh()
    return Explainer(
        runtime.database,
        runtime.keyring,
        server.equipment,
        server.policies,
        server.roaming.router,
        server.authenticator,
        server.authorizer,
        runtime.settings.radius.accounting_delay_limit_seconds,
    )


def _authenticity(packet: Packet, nas: NetworkAccessServer, now: datetime) -> Step:
    secret = _secret_of(packet, nas, now)
    try:
        verify_request(packet, secret, require_message_authenticator=nas.require_message_authenticator)
    except PacketDiscarded as error:
        return Step("Authenticity", (f"No answer: {error}.",), True)
    which = "present" if secret == nas.secrets[0] else "previous"
    sealed = "with" if packet.message_authenticator_at else "without"
    return Step("Authenticity", (f"Made with the {which} secret, {sealed} Message-Authenticator.",))


def _secret_of(packet: Packet, nas: NetworkAccessServer, now: datetime) -> bytes:
    """The secret that verifies, else the present one."""
    for secret in nas.secrets_at(now):
        try:
            verify_request(packet, secret, require_message_authenticator=False)
        except PacketDiscarded:
            continue
        return secret
    return nas.secrets[0]


def _accepted_lines(accepted: Accepted) -> tuple[str, ...]:
    whose = f"resident {accepted.resident_id}" if accepted.resident_id else "nobody's resident record"
    if accepted.group_name:
        whose += f", group {accepted.group_name}"
    until = () if accepted.good_until is None else (f"Good until {accepted.good_until.astimezone(UTC):%F %R} UTC.",)
    return f"Method {accepted.method}: accepted ({whose}).", *_detail(accepted.detail), *until


def _detail(detail: str) -> tuple[str, ...]:
    return (detail,) if detail else ()


def _reject(own: Sequence[Attribute]) -> Step:
    return Step("Reply", ("Access-Reject, held back for a moment, with:", *_indented((*own, *REJECT_ATTRIBUTES))), True)


def _indented(values: Sequence[Attribute]) -> tuple[str, ...]:
    return tuple(f"  {line}" for line in describe(values))


def _name_of(code: Code) -> str:
    return "-".join(word.capitalize() for word in code.name.split("_"))
