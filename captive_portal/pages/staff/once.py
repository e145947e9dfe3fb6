"""A form of staff's that is sent twice, as by a double click, is taken once: the second gets the answer to the first.

Else the browser would show what became of the second. Of two clicks that make an account that is the error that the
name is taken, and the password, which is shown once, is lost with the answer to the first.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from captive_portal.pages.forms import FormFields

# Somebody who presses again does so while they wait.
_KEPT_SECONDS: Final = 30
_MOST_KEPT: Final = 100
# A page; what is larger is something to save, such as what a hold keeps, and is only read.
_LARGEST_KEPT_OCTETS: Final = 1 << 18
_NUMBER_OCTETS: Final = 8


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was answered, to be answered once more."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


class AnsweredForms:
    """The answers of the last half minute; one per process."""

    def __init__(self) -> None:
        self._answers: OrderedDict[bytes, asyncio.Future[_Answer | None]] = OrderedDict()

    async def answer(self, sent: bytes, take: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        """What ``take`` answers; of what was sent before, what it answered then."""
        earlier = self._answers.get(sent)
        # Shielded, because who waits may be cancelled, and the first must still be able to answer.
        if earlier is not None and (kept := await asyncio.shield(earlier)) is not None:
            return web.Response(status=kept.status, headers=kept.headers, body=kept.body)
        loop = asyncio.get_running_loop()
        mine = self._answers[sent] = loop.create_future()
        answer: _Answer | None = None
        try:
            response = await take()
            body = response.body or b"" if isinstance(response, web.Response) else None
            if isinstance(body, bytes) and len(body) <= _LARGEST_KEPT_OCTETS:
                answer = _Answer(response.status, tuple(response.headers.items()), body)
            return response
        finally:
            mine.set_result(answer)
            loop.call_later(_KEPT_SECONDS if answer else 0, self._forget, sent, mine)
            while len(self._answers) > _MOST_KEPT:
                self._answers.popitem(last=False)

    def _forget(self, sent: bytes, answer: asyncio.Future[_Answer | None]) -> None:
        if self._answers.get(sent) is answer:
            del self._answers[sent]


ANSWERED_FORMS: Final = web.AppKey("answered_forms", AnsweredForms)


def new_number() -> str:
    """By which the forms of one page are told from those of the next, where the same may be meant once more."""
    return secrets.token_hex(_NUMBER_OCTETS)


def fingerprint(session_id: int, path: str, form: FormFields) -> bytes:
    """Of everything that one log-in sent to one address, the page's number among it."""
    # No form of ours has a file; one that somebody sends is like no other.
    text = json.dumps([session_id, path, sorted(form.items(), key=repr)], default=repr)
    return hashlib.sha256(text.encode()).digest()
