"""What the first page asks the database: one statement, straight to the driver.

On the morning after a power cut a city asks for it a thousand times a second, and SQLAlchemy takes longer for a
statement than the database does.
"""

from __future__ import annotations

from collections import namedtuple
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from captive_portal.storage import journeys
from captive_portal.storage.journeys import Visit
from captive_portal.storage.residents import OfferedTerms, offered_terms
from foundation import schema
from foundation.runtime import Runtime

_JOURNEYS = schema.journeys.c
_FIRST_VISIT: Final = journeys.VISIT.add_columns(
    offered_terms(_JOURNEYS.council_id, _JOURNEYS.language).label("terms_id")
)
# Its columns are read in a fraction of the time that those of SQLAlchemy's own rows take.
_Row: Final = namedtuple("_Row", _FIRST_VISIT.selected_columns.keys())  # type: ignore[misc]  # the schema has the names


class Lookups:
    """The statement, compiled once; one per process."""

    def __init__(self, runtime: Runtime) -> None:
        self._keyring = runtime.keyring
        self._portal_url = runtime.settings.portal.public_url.rstrip("/")
        self._direct = runtime.database.direct
        self._first_visit = self._direct.statement(_FIRST_VISIT)

    async def first_visit(self, path_id: str, now: datetime) -> tuple[Visit, OfferedTerms | None] | None:
        """As ``journeys.load_visit``, with the terms that its council offers, if any.

        Raises DatabaseUnavailableError.
        """
        pseudonym = journeys.path_pseudonym(self._keyring, path_id)
        rows = await self._direct.fetch(self._first_visit, path_pseudonym=pseudonym)
        if not rows:
            return None
        row: Any = _Row._make(rows[0])
        visit = journeys.visit_of(self._keyring, row, self._portal_url, now)
        return visit, None if row.terms_id is None else OfferedTerms(row.terms_id)


LOOKUPS: Final = web.AppKey("lookups", Lookups)
