"""What the first page asks the database, straight to the driver.

On the morning after a power cut a city asks for it a thousand times a second, and SQLAlchemy takes longer for a
statement than the database does. Each statement here sees a state of its own: what it finds needs no other one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aiohttp import web
from sqlalchemy.engine import result_tuple

from captive_portal.storage import journeys, residents
from captive_portal.storage.journeys import Visit
from captive_portal.storage.residents import OfferedTerms
from foundation.runtime import Runtime

_visit_row: Final = result_tuple(journeys.VISIT.selected_columns.keys())


class Lookups:
    """Statements that are compiled once; one per process. All raise DatabaseUnavailableError."""

    def __init__(self, runtime: Runtime) -> None:
        self._keyring = runtime.keyring
        self._portal_url = runtime.settings.portal.public_url.rstrip("/")
        self._direct = runtime.database.direct
        self._visit = self._direct.statement(journeys.VISIT)
        self._offered_terms = self._direct.statement(residents.OFFERED_TERMS)

    async def visit(self, path_id: str, now: datetime) -> Visit | None:
        """As ``journeys.load_visit``."""
        pseudonym = journeys.path_pseudonym(self._keyring, path_id)
        rows = await self._direct.fetch(self._visit, path_pseudonym=pseudonym)
        return journeys.visit_of(self._keyring, _visit_row(rows[0]), self._portal_url, now) if rows else None

    async def offered_terms(self, council_id: int) -> list[OfferedTerms]:
        """All languages of the newest version; empty where the council has none."""
        return [OfferedTerms(*row) for row in await self._direct.fetch(self._offered_terms, council_id=council_id)]


LOOKUPS: Final = web.AppKey("lookups", Lookups)
