"""A device made of pyOpenSSL, for what no real supplicant does: keep a ticket too long, or use it where it may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from OpenSSL import SSL

from radius.authentication.eap import ttls_avps
from radius.authentication.eap.fragments import START, Framing
from radius.authentication.eap.method import Continue, Failed, Succeeded
from radius.authentication.eap.tls_method import TlsMethod

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_MOST_OCTETS = 65_536


class Device:
    """One device's TLS settings; its sessions can be kept and shown again."""

    def __init__(self, version: str, certificate: Path | None = None) -> None:
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_min_proto_version(VERSIONS[version])
        self._context.set_max_proto_version(VERSIONS[version])
        if certificate is not None:
            self._context.use_certificate_file(str(certificate))
            self._context.use_privatekey_file(str(certificate.with_suffix(".key")))
        self.session: SSL.Session | None = None

    async def log_in(
        self,
        method: TlsMethod,
        say: Callable[[], bytes] = lambda: b"",
        *,
        now: datetime | None = None,
        is_eager: bool = False,
        acknowledgement: bytes = b"",
    ) -> Succeeded | Failed:
        """Go through a method until it is decided; ``say`` gives what goes first through the tunnel.

        An eager device says it along with the end of the handshake, as TLS 1.3 allows. ``acknowledgement`` goes out
        as it is where nothing should. Keeps the session.
        """
        run = _Run(self._context, self.session, say, is_eager=is_eager)
        framing = Framing(1000)
        assert method.begin() == START
        answer = run.answer(b"")
        type_data = framing.send(answer)
        while True:
            step = await method.respond(type_data, now or datetime.now(UTC), 1)
            if not isinstance(step, Continue):
                self.session = run.end()
                return step
            octets, is_message = framing.receive(step.type_data)
            type_data = framing.send(run.answer(octets) or acknowledgement) if is_message else octets


class _Run:
    def __init__(
        self, context: SSL.Context, session: SSL.Session | None, say: Callable[[], bytes], *, is_eager: bool
    ) -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_connect_state()
        if session is not None:
            self._connection.set_session(session)
        self._say = say
        self._is_eager = is_eager
        self._is_done = False
        self._has_said = False

    def answer(self, message: bytes) -> bytes:
        """What the device sends next; empty acknowledges."""
        if message:
            self._connection.bio_write(message)
        if not self._is_done:
            self._handshake()
        else:
            self._read()
        out = self._out()
        if self._is_done and not self._has_said and (self._is_eager or not out):
            self._has_said = True
            plain = self._say()
            if plain:
                self._connection.send(plain)
            out += self._out()
        return out

    def end(self) -> SSL.Session | None:
        """The session, fit to be resumed."""
        session = self._connection.get_session() if self._is_done else None
        self._connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        return session

    def _handshake(self) -> None:
        try:
            self._connection.do_handshake()
        except (SSL.WantReadError, SSL.Error):
            return
        self._is_done = True
        self._read()

    def _read(self) -> None:
        try:
            while True:
                self._connection.recv(_MOST_OCTETS)
        except (SSL.WantReadError, SSL.Error):
            return

    def _out(self) -> bytes:
        try:
            return self._connection.bio_read(_MOST_OCTETS)
        except SSL.WantReadError:
            return b""


def pap(user_name: str, password: str) -> Callable[[], bytes]:
    """What TTLS/PAP says in the tunnel."""

    def say() -> bytes:
        name = ttls_avps.encode(ttls_avps.USER_NAME, user_name.encode())
        padded = password.encode() + bytes(-len(password) % 16)
        return name + ttls_avps.encode(ttls_avps.USER_PASSWORD, padded)

    return say
