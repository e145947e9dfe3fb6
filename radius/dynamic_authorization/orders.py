"""Orders for equipment that only a RADIUS server can reach, over the equipment's own RadSec connection.

Who wants something writes an order into ``dynamic_authorizations`` and waits for its result. Of the servers that have
a connection to the equipment one takes it. What nobody takes in time is finished without being done: an order must
not be executed when nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import and_, select, update
from sqlalchemy.exc import DBAPIError

from foundation.database import Database
from foundation.schema import accounting_sessions, dynamic_authorizations
from radius import metrics
from radius.dynamic_authorization.requests import Session, impossible, read_session, request_attributes
from radius.dynamic_authorization.results import Action, Outcome, Result, outcome_of_reply
from radius.errors import RadiusError, UnencodableError
from radius.nas import NetworkAccessServer
from radius.packet import Attribute, Packet, encode_request
from radius.parser import Parser
from radius.transport.exchanges import BuildRequest

logger = structlog.get_logger(__name__)

_POLL_SECONDS: Final = 0.2
# How long somebody must take an order, and then how long that may take.
TAKE_SECONDS: Final = 5.0
FINISH_SECONDS: Final = 7.0
_ANSWER_SECONDS: Final = 5.0
# Longer than anybody waits, with clocks of two machines that differ a little.
_OLD: Final = timedelta(seconds=30)
_SWEEP_SECONDS: Final = 10.0
_MOST_AT_ONCE: Final = 64

_orders = dynamic_authorizations.c


class Connection(Protocol):
    """One of equipment's own connections."""

    nas: NetworkAccessServer

    async def ask(self, build: BuildRequest, secret: bytes, timeout_seconds: float) -> Packet | None:
        """The verified reply, or None. Raises OSError."""


class Connections(Protocol):
    """The RadSec connections of this process."""

    @property
    def connected(self) -> set[int]:
        """Which network access servers have one, by number."""

    def find(self, nas_id: int) -> Connection | None:
        """The newest of a network access server."""


async def place_order(
    database: Database,
    session: Session,
    action: Action,
    limits: tuple[Attribute, ...],
    *,
    take_seconds: float = TAKE_SECONDS,
    finish_seconds: float = FINISH_SECONDS,
) -> Outcome:
    """Order it and wait for what comes of it. Raises DBAPIError when the database is away."""
    values = {
        "council_id": session.council_id,
        "session_id": session.id,
        "action": action,
        "attributes": b"".join(bytes((number, len(value) + 2)) + value for number, value in limits) or None,
        "requested_at": datetime.now(UTC),
    }
    async with database.write() as connection:
        inserted = await connection.execute(
            dynamic_authorizations.insert().values(values).returning(dynamic_authorizations.c.id)
        )
        order_id = inserted.scalar_one()
    deadline = time.monotonic() + take_seconds
    order = await _watch(database, order_id, deadline, until_taken=True)
    if order.taken_at is None:
        explanation = "no RADIUS server has a connection to that equipment; it is down, or it cannot reach us"
        if await _finish(database, order_id, Outcome(Result.NO_CONNECTION, explanation), unless_taken=True):
            metrics.dynamic_authorizations.labels(action, Result.NO_CONNECTION).inc()
            return Outcome(Result.NO_CONNECTION, explanation)
    order = await _watch(database, order_id, time.monotonic() + finish_seconds, until_taken=False)
    if order.finished_at is None:
        silent = Outcome(Result.NO_ANSWER, "the RADIUS server that took the order has not told what came of it")
        await _finish(database, order_id, silent)
        order = await _watch(database, order_id, time.monotonic(), until_taken=False)
    return Outcome(Result(order.result), order.explanation, order.error_cause)


class OrderKeeper:
    """Takes and executes the orders for equipment that is connected to this server."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections
        self._tasks: set[asyncio.Task[None]] = set()
        self._swept_at = 0.0

    async def keep_taking(self) -> None:
        """For ever; with the database away there are no orders."""
        try:
            while True:
                await asyncio.sleep(_POLL_SECONDS)
                try:
                    await self.take()
                except (DBAPIError, OSError, TimeoutError):
                    continue
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def take(self) -> None:
        """Begin what waits for this server. Raises DBAPIError or OSError."""
        if time.monotonic() - self._swept_at > _SWEEP_SECONDS:
            await finish_old(self._database, datetime.now(UTC))
            self._swept_at = time.monotonic()
        connected = self._connections.connected
        if not connected or len(self._tasks) >= _MOST_AT_ONCE:
            return
        for order_id in await _waiting(self._database, sorted(connected)):
            order = await _claim(self._database, order_id)
            if order is not None:
                task = asyncio.create_task(self._execute(order))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _execute(self, order: Any) -> None:
        action = Action(order.action)
        try:
            outcome = await self._ask(order, action)
            await _finish(self._database, order.id, outcome)
        except (DBAPIError, OSError, RadiusError) as error:
            logger.error("an order to end or change a session failed", problem=type(error).__name__)
            return
        metrics.dynamic_authorizations.labels(action, outcome.result).inc()

    async def _ask(self, order: Any, action: Action) -> Outcome:
        session = await read_session(self._database, order.session_id)
        outcome = impossible(session, action)
        if outcome is not None:
            return outcome
        assert session is not None
        found = self._connections.find(session.nas_id)
        if found is None:
            return Outcome(Result.NO_CONNECTION, "the equipment has just closed its connection; try again")
        secret = found.nas.secrets[0]
        try:
            limits = Parser(order.attributes or b"").attributes()
            values = request_attributes(session, action, limits, datetime.now(UTC))
            reply = await found.ask(
                lambda identifier: encode_request(action.code, identifier, values, secret), secret, _ANSWER_SECONDS
            )
        except UnencodableError:
            return Outcome(Result.NOT_NAMEABLE, "what names the session is not stored, or does not fit into a packet")
        except OSError:
            return Outcome(Result.NO_CONNECTION, "the equipment's connection broke before it answered; try again")
        if reply is None:
            return Outcome(
                Result.NO_ANSWER,
                "the equipment did not answer over RadSec; radsecproxy, for one, passes no such requests on",
            )
        return outcome_of_reply(reply)


async def finish_old(database: Database, now: datetime) -> None:
    """Finish the orders for which nobody waits any more; they are not executed. Raises DBAPIError or OSError."""
    is_old = and_(_orders.finished_at.is_(None), _orders.requested_at < now - _OLD)
    async with database.read() as connection:
        if (await connection.execute(select(_orders.id).where(is_old).limit(1))).first() is None:
            return
    explanation = "nobody took the order in time, so it was not executed"
    values = {"finished_at": now, "result": Result.TOO_LATE, "explanation": explanation}
    async with database.write() as connection:
        await connection.execute(update(dynamic_authorizations).where(is_old).values(values))


async def _watch(database: Database, order_id: int, deadline: float, *, until_taken: bool) -> Any:
    """The order as it is when it is taken (or finished), or at the deadline (monotonic seconds)."""
    while True:
        async with database.read() as connection:
            order = (await connection.execute(_ORDER.where(_orders.id == order_id))).one()
        is_reached = order.finished_at is not None or (until_taken and order.taken_at is not None)
        if is_reached or time.monotonic() >= deadline:
            return order
        await asyncio.sleep(_POLL_SECONDS)


async def _waiting(database: Database, nas_ids: Sequence[int]) -> Sequence[int]:
    """The orders for these network access servers that nobody took yet, the oldest first."""
    question = (
        select(_orders.id)
        .join(accounting_sessions, accounting_sessions.c.id == _orders.session_id)
        .where(
            _orders.finished_at.is_(None),
            _orders.taken_at.is_(None),
            _orders.requested_at >= datetime.now(UTC) - _OLD,
            accounting_sessions.c.nas_id.in_(nas_ids),
        )
        .order_by(_orders.id)
        .limit(_MOST_AT_ONCE)
    )
    async with database.read() as connection:
        return (await connection.execute(question)).scalars().all()


async def _claim(database: Database, order_id: int) -> Any:
    """The order, if it was still to be had: of several servers one gets it."""
    claim = (
        update(dynamic_authorizations)
        .where(_orders.id == order_id, _orders.taken_at.is_(None), _orders.finished_at.is_(None))
        .values(taken_at=datetime.now(UTC))
        .returning(_orders.id, _orders.session_id, _orders.action, _orders.attributes)
    )
    async with database.write() as connection:
        return (await connection.execute(claim)).one_or_none()


async def _finish(database: Database, order_id: int, outcome: Outcome, *, unless_taken: bool = False) -> bool:
    """Write what came of it; False where it was finished already, or taken."""
    conditions = [_orders.id == order_id, _orders.finished_at.is_(None)]
    if unless_taken:
        conditions.append(_orders.taken_at.is_(None))
    values = {
        "finished_at": datetime.now(UTC),
        "result": outcome.result,
        "explanation": outcome.explanation,
        "error_cause": outcome.error_cause,
    }
    finish = update(dynamic_authorizations).where(*conditions).values(values).returning(_orders.id)
    async with database.write() as connection:
        return (await connection.execute(finish)).one_or_none() is not None


_ORDER: Final = select(_orders.taken_at, _orders.finished_at, _orders.result, _orders.explanation, _orders.error_cause)
