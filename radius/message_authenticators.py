"""Which equipment sends Message-Authenticator, so that its absence is an attack (BlastRADIUS, CVE-2024-3596).

In the mode ``require`` every Access-Request must have one. In ``auto``, for equipment that is to be updated, requests
without are answered until the first valid one with it; from then on it is required, at once in this process and,
after it was saved, in every one that starts.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from sqlalchemy import update

from foundation.database import Database
from foundation.schema import network_access_servers
from radius import metrics
from radius.nas_table import NetworkAccessServer
from radius.packet import Code, Packet

logger = structlog.get_logger(__name__)


class MessageAuthenticators:
    """What was learnt about equipment in the mode ``auto`` since the equipment was read from the database."""

    def __init__(self) -> None:
        self._senders: set[int] = set()
        self._unsaved: set[int] = set()
        self._complained: set[int] = set()

    def is_required_of(self, nas: NetworkAccessServer) -> bool:
        """Whether an Access-Request without it must be discarded."""
        return nas.require_message_authenticator or nas.id in self._senders

    def learn(self, packet: Packet, nas: NetworkAccessServer) -> None:
        """Take notice of an authentic request."""
        if not nas.learns_message_authenticator or packet.code is not Code.ACCESS_REQUEST:
            return
        if not packet.message_authenticator_at:
            self.count_without(nas, "auto")
        elif nas.id not in self._senders:
            self._senders.add(nas.id)
            self._unsaved.add(nas.id)
            logger.info("Message-Authenticator is required of this equipment from now on", nas_id=nas.id)

    def count_without(self, nas: NetworkAccessServer, mode: str) -> None:
        """One more request without it: answered in ``auto``, discarded in ``require``."""
        metrics.without_message_authenticator.labels(mode, str(nas.id)).inc()
        if nas.id not in self._complained:
            self._complained.add(nas.id)
            logger.warning(
                "equipment sends Access-Requests without Message-Authenticator (BlastRADIUS); update it",
                nas_id=nas.id,
                mode=mode,
            )

    async def save(self, database: Database) -> None:
        """Write down what is new. Raises DBAPIError or OSError, and tries again the next time."""
        if not self._unsaved:
            return
        saving = tuple(self._unsaved)
        table, now = network_access_servers, datetime.now(UTC)
        async with database.write() as connection:
            await connection.execute(
                update(table)
                .where(table.c.id.in_(saving), table.c.message_authenticator_seen_at.is_(None))
                .values(message_authenticator_seen_at=now, updated_at=now)
            )
        self._unsaved.difference_update(saving)

    def reread(self) -> None:
        """The equipment was read anew: what was saved is part of it, unless somebody has taken it back since."""
        self._senders &= self._unsaved
