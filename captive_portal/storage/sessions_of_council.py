"""A council's open sessions as programs of its staff see them: without whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, select

from foundation.database import Statements
from foundation.schema import accounting_sessions, network_access_servers

_session, _nas = accounting_sessions.c, network_access_servers.c
# By the equipment of the council: the index on open sessions is by equipment.
_OPEN: Final = (
    select(
        _session.id,
        _session.started_at,
        _session.venue_id,
        _nas.name,
        _session.input_octets,
        _session.output_octets,
        _session.source,
    )
    .join(network_access_servers, _nas.id == _session.nas_id)
    .where(_nas.council_id == bindparam("council_id"), _session.stopped_at.is_(None))
)
_BEFORE: Final = _OPEN.where(_session.id < bindparam("before")).order_by(_session.id.desc()).limit(bindparam("most"))
_ONE: Final = _OPEN.where(_session.id == bindparam("session_id"))


async def before(
    connection: Statements, *, council_id: int, before_id: int, most: int, venue_id: int | None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The next so many in falling order of their numbers, at one venue where it is given."""
    statement = _BEFORE if venue_id is None else _BEFORE.where(_session.venue_id == bindparam("venue_id"))
    asked = {"council_id": council_id, "before": before_id, "most": most}
    return (await connection.execute(statement, asked if venue_id is None else {**asked, "venue_id": venue_id})).all()


async def is_open(connection: Statements, council_id: int, session_id: int) -> bool:
    """Whether a session is one of the council's, and open."""
    return (await connection.execute(_ONE, {"council_id": council_id, "session_id": session_id})).first() is not None
