"""What EAP-TLS, TTLS and PEAP have in common: framing, handshake, resumption, the end of a conversation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from OpenSSL import SSL

from radius.authentication.credential import CredentialVerifier
from radius.authentication.eap import metrics
from radius.authentication.eap.fragments import START, Framing
from radius.authentication.eap.method import Continue, Failed, Round, Succeeded
from radius.authentication.eap.resumption import Login, ResumableLogins
from radius.authentication.eap.tls import TlsFailedError, TlsSession
from radius.authentication.eap.tls_keys import master_session_key
from radius.authentication.outcome import RejectReason
from radius.directory import Credential


@dataclass(frozen=True, slots=True)
class TlsTerms:
    """What one conversation is given: the method's context, whose residents may log in, the size of our fragments."""

    context: SSL.Context
    council_id: int
    fragment_octets: int
    verifier: CredentialVerifier
    logins: ResumableLogins


class TlsMethod(ABC):
    """One run with one device. Subclasses say what follows the handshake.

    ``PROTECTED_SUCCESS`` is what RFC 9190 section 2.5 and RFC 9427 section 3.1 have a server of TLS 1.3 send when
    nothing else inside the tunnel tells the device that it is over.
    """

    eap_type: ClassVar[int]
    name: ClassVar[str]
    PROTECTED_SUCCESS: ClassVar[bytes] = b"\0"

    def __init__(self, terms: TlsTerms) -> None:
        self.terms = terms
        self._tls: TlsSession | None = None
        self._framing = Framing(terms.fragment_octets)
        # Decided, once the device has acknowledged our last message.
        self._verdict: Succeeded | Failed | None = None

    @property
    def tls(self) -> TlsSession:
        """Made when the device first speaks TLS: it takes 40 kB, and who only says a name is many."""
        if self._tls is None:
            self._tls = TlsSession(self.terms.context, self._is_resumable)
        return self._tls

    def begin(self) -> bytes:
        """The start, in version 0 of the method."""
        return START

    async def respond(self, type_data: bytes, now: datetime, identifier: int) -> Round:
        """What follows a response: a fragment, an acknowledgement, or what the message in it leads to."""
        octets, is_message = self._framing.receive(type_data)
        if not is_message:
            return Continue(octets)
        try:
            answer = await self._take(octets, now, identifier)
        except TlsFailedError as error:
            answer = self.fail(error.reason, error.detail)
            alert = self.tls.output()
            # The device is told by an alert, which it acknowledges (RFC 5216 section 2.1.3).
            return self._finish_after(alert, answer) if alert else answer
        if isinstance(answer, Succeeded | Failed):
            return self._complete(answer)
        return answer

    def close(self) -> None:
        """Let go of the TLS connection."""
        if self._tls is not None:
            self._tls.close()

    @abstractmethod
    async def established(self, plain: bytes, login: Login | None, now: datetime, identifier: int) -> Round:
        """What follows the handshake. ``plain`` came along with its end; ``login`` is the one that was resumed."""

    @abstractmethod
    async def received(self, plain: bytes, now: datetime, identifier: int) -> Round:
        """What follows something that came through the tunnel; empty for an acknowledgement."""

    def send(self, plain: bytes = b"", verdict: Failed | None = None) -> Continue:
        """Whatever TLS has to say, with ``plain`` behind it."""
        if plain:
            self.tls.write(plain)
        return Continue(self._framing.send(self.tls.output()), verdict)

    def finish_with(self, plain: bytes, verdict: Succeeded | Failed) -> Continue:
        """Send the last message; the verdict counts when the device has acknowledged it."""
        if plain:
            self.tls.write(plain)
        return self._finish_after(self.tls.output(), verdict)

    async def resume(self, login: Login, now: datetime) -> Round:
        """Let the device on again, if its credential is still good (RFC 9190 section 2.1.3)."""
        credential = await self.terms.verifier.find(login.council_id, login.user_name, now)
        if isinstance(credential, Credential) and not login.is_of(credential):
            credential = RejectReason.CREDENTIAL_REVOKED
        if isinstance(credential, RejectReason):
            assert self.tls.resumed_key is not None
            self.terms.logins.forget(self.tls.resumed_key)
            return replace(self.fail(credential), method=login.method)
        return self.conclude(self.succeed(login.method, credential))

    def conclude(self, verdict: Succeeded) -> Round:
        """Success, after whatever TLS still has to tell the device."""
        if self.tls.is_tls13:
            return self.finish_with(self.PROTECTED_SUCCESS, verdict)
        rest = self.tls.output()
        return self._finish_after(rest, verdict) if rest else verdict

    def succeed(self, method: str, credential: Credential, detail: str = "") -> Succeeded:
        """A success with the tunnel's own key."""
        return Succeeded(method, credential, master_session_key(self.tls, self.eap_type), self.describe(detail))

    def fail(self, reason: RejectReason, detail: str = "") -> Failed:
        """A failure; TLS's version is told once there is one."""
        return Failed(self.name, reason, self.describe(detail) if self.tls.is_done else detail)

    def describe(self, detail: str = "") -> str:
        """For the log."""
        return f"{self.tls.description}, {detail}" if detail else self.tls.description

    async def _take(self, message: bytes, now: datetime, identifier: int) -> Round:
        if self._verdict is not None:
            if isinstance(self._verdict, Succeeded):
                # An acknowledgement, unless it is an alert: then the device does not agree.
                self.tls.read(message)
            return self._verdict
        if self.tls.is_done:
            return await self.received(self.tls.read(message), now, identifier)
        if not message:
            return self.fail(RejectReason.EAP_UNEXPECTED, "an empty message in the middle of the handshake")
        if not self.tls.handshake(message):
            return self.send()
        return await self.established(self.tls.read(), self._login(), now, identifier)

    def _login(self) -> Login | None:
        key = self.tls.resumed_key
        version = "1.3" if self.tls.is_tls13 else "1.2"
        metrics.finished[version, "full" if key is None else "resumed"].inc()
        return None if key is None else self._find(key)

    def _is_resumable(self, key: bytes) -> bool:
        return self._find(key) is not None

    def _find(self, key: bytes) -> Login | None:
        return self.terms.logins.find(key, self.eap_type, self.terms.council_id)

    def _finish_after(self, message: bytes, verdict: Succeeded | Failed) -> Continue:
        self._verdict = verdict
        return Continue(self._framing.send(message), verdict if isinstance(verdict, Failed) else None)

    def _complete(self, verdict: Succeeded | Failed) -> Round:
        """Remember a success, so that it can be taken up again until the first login's time is over."""
        if isinstance(verdict, Succeeded):
            logins, key = self.terms.logins, self.tls.resumed_key
            if key is None:
                logins.remember(self.tls.keys, logins.new(self.eap_type, verdict.credential, verdict.method))
            elif (login_before := self._find(key)) is not None:
                logins.remember(self.tls.keys, login_before)
        return verdict
