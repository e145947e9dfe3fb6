"""What the two ports do with a request: authentication and accounting, put together from their rooms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from foundation.database_errors import DatabaseUnavailableError
from foundation.privacy import Keyring
from radius import metrics
from radius.accounting.records import read_record
from radius.accounting.writer import AccountingWriter, StorageUnavailableError
from radius.attributes import definition_of
from radius.authentication.log import AuthenticationLog, LogLine
from radius.authentication.methods import Authenticates
from radius.authentication.outcome import Accepted, Challenged, Outcome, Rejected, RejectReason
from radius.authorization import REJECT_ATTRIBUTES, Authorizer
from radius.batching import QueueFullError
from radius.discards import RequestUnansweredError, Unanswered
from radius.nas import NasDirectory
from radius.packet import Attribute, Code
from radius.roaming.accounting import AccountingForwarder
from radius.service import Request

Reply = tuple[Code, Sequence[Attribute]]

_USER_NAME = definition_of("User-Name").number
_CALLED_STATION_ID = definition_of("Called-Station-Id").number


class AuthenticationHandler:
    """Access-Request to Access-Accept or Access-Reject."""

    def __init__(
        self,
        authenticator: Authenticates,
        authorizer: Authorizer,
        log: AuthenticationLog,
        equipment: NasDirectory,
        keyring: Keyring,
        monotonic: Callable[[], float],
        *,
        log_before_reply: bool = True,
        log_accepted: bool = True,
    ) -> None:
        """With ``log_before_reply`` a reply tells that its line of the log is committed; else it soon will be."""
        self._log_before_reply = log_before_reply
        self._log_accepted = log_accepted
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._log = log
        self._equipment = equipment
        self._keyring = keyring
        self._monotonic = monotonic

    async def handle(self, request: Request) -> Reply:
        """Decide, and log the decision. Raises RequestUnansweredError when the database does not answer."""
        try:
            step = await self._authenticator.authenticate(request)
            if isinstance(step, Challenged):
                return self._challenge(request, step)
            if isinstance(step, Accepted):
                granted = await self._authorizer.authorize(step, request)
                if not isinstance(granted, RejectReason):
                    return await self._accept(request, step, granted)
                step = Rejected(step.method, granted, step.refusal_attributes, step.detail)
            return await self._reject(request, step)
        except QueueFullError:
            raise RequestUnansweredError(Unanswered.QUEUE_FULL) from None
        except (StorageUnavailableError, DatabaseUnavailableError):
            raise RequestUnansweredError(Unanswered.STORAGE_UNAVAILABLE) from None

    def record_reject(self, request: Request, rejected: Rejected) -> None:
        """Log and count a reject that no reply tells."""
        metrics.reject_tally.add(rejected.method, rejected.reason)
        self._log.add(self._line(request, rejected))

    def _challenge(self, request: Request, challenged: Challenged) -> Reply:
        metrics.request_tally.add("access_request", "challenged")
        if challenged.verdict is not None:
            self.record_reject(request, challenged.verdict)
        return Code.ACCESS_CHALLENGE, challenged.attributes

    async def _accept(self, request: Request, accepted: Accepted, granted: tuple[Attribute, ...]) -> Reply:
        if self._log_accepted:
            await self._record(request, accepted)
        else:
            self._log.note_seen(accepted.resident_id, accepted.device_id, request.arrival.at)
        metrics.request_tally.add("access_request", "accepted")
        return Code.ACCESS_ACCEPT, accepted.attributes + granted

    async def _reject(self, request: Request, rejected: Rejected) -> Reply:
        if not rejected.is_logged:
            await self._record(request, rejected)
            metrics.reject_tally.add(rejected.method, rejected.reason)
        metrics.request_tally.add("access_request", "rejected")
        return Code.ACCESS_REJECT, (*rejected.attributes, *REJECT_ATTRIBUTES)

    async def _record(self, request: Request, outcome: Outcome) -> None:
        if self._log_before_reply:
            await self._log.write(self._line(request, outcome))
        else:
            self._log.add(self._line(request, outcome))

    def _line(self, request: Request, outcome: Outcome) -> LogLine:
        nas, first = request.nas, request.packet.first
        user_name = first.get(_USER_NAME, b"")
        accepted = outcome if isinstance(outcome, Accepted) else None
        if accepted and accepted.proven_name:
            user_name = accepted.proven_name.encode()
        # Whole microseconds: more digits would only have to be written.
        milliseconds = int((self._monotonic() - request.arrival.monotonic) * 1_000_000) / 1000
        # By position, which takes half the time of names; the order is the class's.
        return LogLine(
            request.arrival.at,
            nas.council_id,
            nas.id,
            self._equipment.table.venue_id(nas, first.get(_CALLED_STATION_ID)),
            outcome.method,
            accepted is not None,
            "" if isinstance(outcome, Accepted) else outcome.reason.explanation,
            outcome.detail,
            self._keyring.pseudonym("user", nas.council_id, user_name),
            milliseconds,
            accepted.resident_id if accepted else None,
            accepted.device_id if accepted else None,
        )


class AccountingHandler:
    """Accounting-Request to Accounting-Response, sent only when the record is committed."""

    def __init__(
        self,
        writer: AccountingWriter,
        equipment: NasDirectory,
        keyring: Keyring,
        delay_limit_seconds: int,
        forwarder: AccountingForwarder,
    ) -> None:
        self._writer = writer
        self._forwarder = forwarder
        self._equipment = equipment
        self._keyring = keyring
        self._delay_limit_seconds = delay_limit_seconds

    async def handle(self, request: Request) -> Reply:
        """Store the record. Raises RequestUnansweredError or MalformedAttributeError when it was not stored."""
        if self._forwarder.is_loop(request):
            return Code.ACCOUNTING_RESPONSE, ()
        record = read_record(
            request.packet,
            request.nas,
            self._equipment.table,
            self._keyring,
            request.arrival.at,
            self._delay_limit_seconds,
        )
        try:
            is_stored = await self._writer.write(record)
        except QueueFullError:
            raise RequestUnansweredError(Unanswered.QUEUE_FULL) from None
        except StorageUnavailableError:
            raise RequestUnansweredError(Unanswered.STORAGE_UNAVAILABLE) from None
        if not is_stored:
            raise RequestUnansweredError(Unanswered.RECORD_REFUSED_BY_DATABASE)
        self._forwarder.offer(request)
        metrics.request_tally.add(f"accounting_{record.status}", "answered")
        return Code.ACCOUNTING_RESPONSE, ()
