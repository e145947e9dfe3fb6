"""Moments as text, for rows that are written by the thousand: many share one, and ``isoformat`` takes twice as long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from foundation.database_errors import RowsRefusedError


def moments_as_text(moments: Sequence[datetime | None]) -> list[str | None]:
    """Each as ``2026-11-22 09:00:00.000000`` in UTC; None stays None.

    Raises RowsRefusedError for one without a zone: PostgreSQL would take it for a time of its own.
    """
    texts: list[str | None] = []
    last: datetime | None = None
    text: str | None = None
    for moment in moments:
        # Mostly it is the same object: the moment at which all of them arrived.
        if moment is not last:
            last, text = moment, _as_text(moment)
        texts.append(text)
    return texts


def _as_text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            raise RowsRefusedError("a time without a zone was given; use datetime.now(UTC)")
        moment = moment.astimezone(UTC)
    parts = moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond
    return "%04d-%02d-%02d %02d:%02d:%02d.%06d" % parts  # noqa: UP031  an f-string takes twice as long
