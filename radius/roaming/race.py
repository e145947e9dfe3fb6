"""One request put to one home server after another, until one of them answers.

Who was asked first may still answer while the next one is asked: it may only have been slow. The first answer wins.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from radius.packet import Attribute, Code, Packet
from radius.roaming.exchange import Question, TooManyQuestionsError
from radius.roaming.upstream import Upstream

BuildFor = Callable[[bytes, bytes], Iterable[Attribute]]
"""The attributes for a server, given the request's authenticator and the secret shared with the server."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """The reply, the request of ours that it answers, and whose it is."""

    reply: Packet
    request: Packet
    upstream: Upstream


class Race:
    """Use as a context; no question stays open after it."""

    def __init__(self, code: Code, build: BuildFor) -> None:
        self._code = code
        self._build = build
        self._open: dict[asyncio.Future[Packet], tuple[Question, Upstream, float]] = {}
        self._newest: Question | None = None

    def __enter__(self) -> Race:
        return self

    def __exit__(self, *_: object) -> None:
        for question, _upstream, _asked_at in self._open.values():
            question.close()

    def send_again(self) -> None:
        """The NAS has sent its request again; so does the question that was asked last."""
        if self._newest is not None:
            self._newest.send_again()

    async def run(self, upstreams: Sequence[Upstream], answer_seconds: float, last_seconds: float) -> Answer | None:
        """The first answer. Each server is waited for ``answer_seconds``, all of them ``last_seconds`` more at the end.

        A server whose port is closed is known at once not to answer. Raises TooManyQuestionsError when nobody could be
        asked for want of identifiers, and what building the request raises.
        """
        left = deque(upstreams)
        while left:
            deadline = time.monotonic() + answer_seconds
            await self._ask(left.popleft(), deadline, is_last=not left)
            answer = await self._wait(deadline)
            if answer is not None:
                return answer
            for _question, upstream, asked_at in self._open.values():
                upstream.unanswered(asked_at)
        return await self._wait(time.monotonic() + last_seconds)

    async def _ask(self, upstream: Upstream, deadline: float, *, is_last: bool) -> None:
        asked_at = time.monotonic()
        secret = upstream.address.secret
        if upstream.is_retired:
            return
        try:
            # A connection may have to be made first, and the next server must not wait for that, either.
            async with asyncio.timeout(deadline - asked_at):
                question = await upstream.exchange.ask(self._code, partial(self._build_for, secret))
        except (TooManyQuestionsError, BlockingIOError) as error:
            if is_last and not self._open:
                raise TooManyQuestionsError(f"{upstream.address.name} can be asked nothing more") from error
        except OSError:  # TimeoutError is one
            upstream.unanswered(asked_at)
        else:
            self._open[question.answer] = question, upstream, asked_at
            self._newest = question

    def _build_for(self, secret: bytes, authenticator: bytes) -> Iterable[Attribute]:
        return self._build(authenticator, secret)

    async def _wait(self, deadline: float) -> Answer | None:
        while self._open:
            waiting_seconds = max(0.0, deadline - time.monotonic())
            done, _ = await asyncio.wait(self._open, timeout=waiting_seconds, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return None
            for future in done:
                question, upstream, asked_at = self._open.pop(future)
                failed = future.exception() is not None
                question.close()
                if not failed:
                    upstream.answered(asked_at)
                    return Answer(future.result(), question.request, upstream)
                upstream.unanswered(asked_at)
        return None
