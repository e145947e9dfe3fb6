"""Requests of ours over one connection, and the replies that come back in any order.

A reply is known by its identifier (RFC 6613 section 2.6.5: 256 requests at most wait on one connection). Nothing is
sent twice, because TCP does that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from radius.packet import Packet, verify_reply

BuildRequest = Callable[[int], Packet]
"""Makes a request with the identifier that it is given."""

_IDENTIFIERS: Final = 256
# A reply so much too late is still recognised as one, and so does not look like a forgery.
_LATE_SECONDS: Final = 30.0


class Question:
    """A request on its way; ``answer`` gets the verified reply, or OSError when the connection is lost."""

    __slots__ = ("_secret", "abandoned_at", "answer", "request")

    def __init__(self, request: Packet, secret: bytes) -> None:
        self.request = request
        self.answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self.abandoned_at: float | None = None
        self._secret = secret

    def send_again(self) -> None:
        """Nothing: what TCP took is on its way."""

    def close(self) -> None:
        """Wait no longer. Its identifier is used again when its reply can hardly come any more."""
        if self.abandoned_at is None:
            self.abandoned_at = time.monotonic()
        if not self.answer.done():
            self.answer.cancel()
        elif not self.answer.cancelled():
            self.answer.exception()  # looked at, so that nobody is told that nobody did

    def is_over(self, now: float) -> bool:
        """Whether its identifier may be used again."""
        if self.abandoned_at is None:
            return False
        was_answered = self.answer.done() and not self.answer.cancelled()
        return was_answered or now - self.abandoned_at > _LATE_SECONDS

    def take(self, reply: Packet) -> None:
        """Raises PacketDiscarded for a reply that was not made for it by somebody who knows the secret."""
        # Over TLS nobody in between can alter a reply, so that it may lack Message-Authenticator.
        verify_reply(reply, self.request, self._secret, require_message_authenticator=False)
        if not self.answer.done():
            self.answer.set_result(reply)


class Exchanges:
    """The questions that are open on one connection; ``send`` hands octets to it."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send = send
        self._questions: dict[int, Question] = {}
        self._next_identifier = 0
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether every identifier is in use."""
        return len(self._questions) >= _IDENTIFIERS and self._free_identifier() is None

    def open(self, build: BuildRequest, secret: bytes) -> Question:
        """Send a request; close the question at the end.

        Raises ConnectionError when the connection is closed, BlockingIOError when 256 wait already.
        """
        if self._closed:
            raise ConnectionResetError("the connection is closed")
        identifier = self._free_identifier()
        if identifier is None:
            raise BlockingIOError("256 requests wait for replies on the connection")
        self._next_identifier = (identifier + 1) % _IDENTIFIERS
        question = self._questions[identifier] = Question(build(identifier), secret)
        self._send(question.request.octets)
        return question

    async def ask(self, build: BuildRequest, secret: bytes, timeout_seconds: float) -> Packet | None:
        """The verified reply, or None where none came in time.

        Raises what ``open`` raises, and ConnectionError when the connection is lost while the reply is awaited.
        """
        question = self.open(build, secret)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await question.answer
        except TimeoutError:
            return None
        finally:
            question.close()

    def take(self, reply: Packet) -> bool:
        """Hand a reply to its question; False where there is none. Raises PacketDiscarded for a forged one."""
        question = self._questions.get(reply.identifier)
        if question is None:
            return False
        question.take(reply)
        del self._questions[reply.identifier]
        return True

    def close(self) -> None:
        """The connection is gone: whoever waits gets ConnectionResetError."""
        self._closed = True
        for question in self._questions.values():
            if not question.answer.done():
                question.answer.set_exception(ConnectionResetError("the connection was lost before the reply came"))
        self._questions.clear()

    def _free_identifier(self) -> int | None:
        """The next one in turn that is free: the one whose last reply is longest past."""
        now = time.monotonic()
        for offset in range(_IDENTIFIERS):
            identifier = (self._next_identifier + offset) % _IDENTIFIERS
            question = self._questions.get(identifier)
            if question is None or question.is_over(now):
                return identifier
        return None
