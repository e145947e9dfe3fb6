"""Which session a record belongs to, where equipment uses an Acct-Session-Id again.

RFC 2866 section 5.5 wants ids that are unique across restarts; in the field counters begin anew. So a session is known
by its key (whose it is, and the id) and by its *anchor*: when it began according to the first of its records that
reached the database. The event's time less Acct-Session-Time is the same in all records of a session, but for clocks
and delays of some seconds, so a record belongs to the session that began near to what it implies, in whatever order
and by whichever server records arrive.

A record that implies nothing (no Acct-Session-Time) belongs to the latest session that began before its event. Where
none did, it opens a session without a beginning; the record that tells the beginning takes that session over. There is
at most one of these for a key, and it lies before all others.

Nothing here knows of a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

ANCHOR_TOLERANCE_SECONDS: Final = 600
_TOLERANCE: Final = timedelta(seconds=ANCHOR_TOLERANCE_SECONDS)
# No two anchors of a key are nearer to each other than the tolerance; so within half of it, there is no nearer one.
_CERTAIN: Final = _TOLERANCE / 2
# Acct-Delay-Time counts whole seconds: of two records at once either may seem to be some seconds earlier.
JITTER_SECONDS: Final = 10
_JITTER: Final = timedelta(seconds=JITTER_SECONDS)


class Move(NamedTuple):
    """A session without a beginning has now been told it."""

    session_key: bytes
    anchored_at: datetime
    begun_at: datetime


@dataclass(slots=True)
class SessionsOfKey:
    """The sessions of one key as the database has them, and as the records of a batch add to them."""

    # Anchors of those whose beginning is known.
    begun: list[datetime] = field(default_factory=list)
    unbegun: datetime | None = None

    def add(self, anchored_at: datetime, *, start_is_known: bool) -> None:
        """One that the database has."""
        if start_is_known:
            self.begun.append(anchored_at)
        else:
            self.unbegun = anchored_at

    def begun_at(self, started_at: datetime) -> datetime | None:
        """The anchor of the session that began then; None where it is to be a new one."""
        nearest = min(self.begun, key=lambda anchor: abs(anchor - started_at), default=None)
        return nearest if nearest is not None and abs(nearest - started_at) <= _TOLERANCE else None

    def during(self, event_at: datetime) -> datetime | None:
        """The anchor of the session in which something happened; None where it is to be one without a beginning."""
        earlier = [anchor for anchor in self.begun if anchor <= event_at + _JITTER]
        if earlier:
            return max(earlier)
        first = min(self.begun, default=None)
        if first is not None and first <= event_at + _TOLERANCE:
            return first
        return self.unbegun


class AnchorMemory:
    """Anchors that are known to be in the database and never change, by key: the latest that was asked for.

    Two tables take turns, so that forgetting costs nothing: what was not asked for while one filled up is forgotten.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._recent: dict[bytes, datetime] = {}
        self._older: dict[bytes, datetime] = {}

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def find(self, session_key: bytes, started_at: datetime) -> datetime | None:
        """The anchor of the session of that key that began then, if it is remembered and no other one can be nearer."""
        anchor = self._recent.get(session_key)
        if anchor is None:
            anchor = self._older.pop(session_key, None)
            if anchor is None:
                return None
            self.remember(session_key, anchor)
        return anchor if -_CERTAIN <= anchor - started_at <= _CERTAIN else None

    def remember(self, session_key: bytes, anchored_at: datetime) -> None:
        """Only what is committed, of a session whose beginning is known."""
        if len(self._recent) >= self.limit // 2:
            self._recent, self._older = {}, self._recent
        self._recent[session_key] = anchored_at


class Placed(NamedTuple):
    """Where records belong."""

    # Of each record, in their order.
    anchors: list[datetime]
    # Sessions of which a beginning becomes known; to be done before rows are merged.
    moves: list[Move]


class Question(NamedTuple):
    """What of a record decides where it belongs."""

    session_key: bytes
    started_at: datetime
    event_at: datetime
    start_is_known: bool


def place(questions: Sequence[Question], known: dict[bytes, SessionsOfKey]) -> Placed:
    """Where each record belongs; ``known`` is what the database has of their keys, and is added to."""
    anchors: dict[int, datetime] = {}
    moves: list[Move] = []
    # What tells a beginning goes first, so that the others find it whatever their order is.
    order = sorted(range(len(questions)), key=lambda at: (not questions[at].start_is_known, questions[at].event_at))
    for at in order:
        question = questions[at]
        sessions = known.setdefault(question.session_key, SessionsOfKey())
        if question.start_is_known:
            anchors[at] = _place_begun(question, sessions, moves)
        else:
            anchors[at] = _place_unbegun(question, sessions)
    return Placed([anchors[at] for at in range(len(questions))], moves)


def _place_begun(question: Question, sessions: SessionsOfKey, moves: list[Move]) -> datetime:
    anchor = sessions.begun_at(question.started_at)
    if anchor is not None:
        return anchor
    if sessions.unbegun is not None and question.started_at <= sessions.unbegun + _TOLERANCE:
        moves.append(Move(question.session_key, sessions.unbegun, question.started_at))
        sessions.unbegun = None
    sessions.begun.append(question.started_at)
    return question.started_at


def _place_unbegun(question: Question, sessions: SessionsOfKey) -> datetime:
    anchor = sessions.during(question.event_at)
    if anchor is None:
        anchor = sessions.unbegun = question.event_at
    return anchor
