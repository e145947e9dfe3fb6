"""A small EAP supplicant with its NAS, for load: TTLS/PAP and PEAP/MSCHAPv2 through real packets on a real socket.

eapol_test is the truth about the server (``tests/radius/eap``), but each login of it is a process. Certificates are
not checked here, nor is the server's own proof: this measures, it does not protect.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Final

from OpenSSL import SSL

from foundation.credentials import nt_hash
from radius import attributes
from radius.attributes import encode_all
from radius.authentication import mschap
from radius.authentication.eap import ttls_avps
from radius.authentication.eap.fragments import Framing
from radius.authentication.eap.packet import Code as EapCode
from radius.authentication.eap.packet import EapPacket, Type, decode, join, split
from radius.authentication.eap.tls_keys import EAP_PEAP, EAP_TTLS
from radius.packet import Attribute, Code, Packet, encode_request, verify_reply
from radius.packet import decode as decode_packet

VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
METHODS: Final = {"ttls": EAP_TTLS, "peap": EAP_PEAP}
_START: Final = 0x20
_MSCHAPV2: Final = 26
_EXTENSIONS: Final = 33
_RESULT_SUCCESS: Final = bytes((0x80, 3, 0, 2, 0, 1))
_FRAGMENT_OCTETS: Final = 1000
_MOST_OCTETS: Final = 65_536
_PATIENCE_SECONDS: Final = 20


class LoginFailedError(Exception):
    """A login that should succeed did not; its figure would mean nothing."""


class AccessServer:
    """A NAS with one socket that asks one question at a time; close it at the end."""

    def __init__(self, port: int, secret: bytes) -> None:
        self._secret = secret
        self._identifier = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(_PATIENCE_SECONDS)
        self._socket.connect(("127.0.0.1", port))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def ask(self, values: tuple[Attribute, ...]) -> Packet:
        """The verified reply to an Access-Request. Raises TimeoutError."""
        self._identifier = (self._identifier + 1) % 256
        request = encode_request(Code.ACCESS_REQUEST, self._identifier, values, self._secret)
        self._socket.send(request.octets)
        reply = decode_packet(self._socket.recv(_MOST_OCTETS))
        verify_reply(reply, request, self._secret)
        return reply


class Device:
    """One device with its credential; ``session`` is what its next login takes up again, None for a full one."""

    def __init__(self, version: str, method: str, user_name: str, password: str) -> None:
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_min_proto_version(VERSIONS[version])
        self._context.set_max_proto_version(VERSIONS[version])
        self._eap_type = METHODS[method]
        self._inside = {"ttls": _ttls_pap, "peap": _peap_mschapv2}[method](user_name, password)
        self.session: SSL.Session | None = None

    def log_in(self, server: AccessServer) -> int:
        """Log in; how many Access-Requests it took. Raises LoginFailedError or TimeoutError."""
        tunnel = _Tunnel(self._context, self.session, self._inside)
        framing = Framing(_FRAGMENT_OCTETS)
        station = secrets.token_bytes(6).hex("-").upper()
        common = encode_all([("User-Name", "anonymous"), ("Calling-Station-Id", station), ("Framed-MTU", 1400)])
        response, state = EapPacket(EapCode.RESPONSE, 0, Type.IDENTITY, b"anonymous"), b""
        requests = 0
        while True:
            requests += 1
            kept = encode_all([("State", state)]) if state else ()
            reply = server.ask((*common, *kept, *split(response.encode())))
            if reply.code is Code.ACCESS_ACCEPT:
                self.session = tunnel.end()
                return requests
            if reply.code is not Code.ACCESS_CHALLENGE:
                raise LoginFailedError(f"the server rejects a login of the benchmark: {reply.code.name}")
            request, state = decode(join(reply)), attributes.get_octets(reply, "State") or b""
            response = self._respond(request, framing, tunnel)

    def _respond(self, request: EapPacket, framing: Framing, tunnel: _Tunnel) -> EapPacket:
        if request.eap_type != self._eap_type:
            return EapPacket(EapCode.RESPONSE, request.identifier, Type.NAK, bytes((self._eap_type,)))
        if request.type_data == bytes((_START,)):
            type_data = framing.send(tunnel.answer(b""))
        else:
            octets, is_message = framing.receive(request.type_data)
            type_data = framing.send(tunnel.answer(octets)) if is_message else octets
        return EapPacket(EapCode.RESPONSE, request.identifier, self._eap_type, type_data)


class _Tunnel:
    """The device's end of a TLS connection; ``inside`` answers what comes through it."""

    def __init__(self, context: SSL.Context, session: SSL.Session | None, inside: Callable[[bytes], bytes]) -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_connect_state()
        if session is not None:
            self._connection.set_session(session)
        self._inside = inside
        self._is_done = False
        self._has_spoken = False

    def answer(self, message: bytes) -> bytes:
        """What the device sends next; empty acknowledges."""
        if message:
            self._connection.bio_write(message)
        if not self._is_done:
            self._handshake()
        plain = self._read() if self._is_done else b""
        out = self._out()
        # The end of the handshake goes first; whoever has not been asked speaks once.
        if self._is_done and not out and (plain or not self._has_spoken):
            self._has_spoken = True
            said = self._inside(plain)
            if said:
                self._connection.sendall(said)
                out = self._out()
        return out

    def end(self) -> SSL.Session | None:
        """The session, fit to be resumed."""
        session = self._connection.get_session()
        self._connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        return session

    def _handshake(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        self._is_done = True

    def _read(self) -> bytes:
        plain = b""
        try:
            while True:
                plain += self._connection.recv(_MOST_OCTETS)
        except SSL.WantReadError:
            return plain

    def _out(self) -> bytes:
        try:
            return self._connection.bio_read(_MOST_OCTETS)
        except SSL.WantReadError:
            return b""


def _ttls_pap(user_name: str, password: str) -> Callable[[bytes], bytes]:
    padded = password.encode() + bytes(-len(password) % 16)
    said = ttls_avps.encode(ttls_avps.USER_NAME, user_name.encode())
    said += ttls_avps.encode(ttls_avps.USER_PASSWORD, padded)

    def inside(plain: bytes) -> bytes:
        # What a server says in TTLS/PAP is that a resumed login is over.
        return b"" if plain else said

    return inside


def _peap_mschapv2(user_name: str, password: str) -> Callable[[bytes], bytes]:
    name, password_hash = user_name.encode(), nt_hash(password)

    def inside(plain: bytes) -> bytes:
        if plain[:1] == bytes((Type.IDENTITY,)) and plain[4:5] != bytes((_EXTENSIONS,)):
            return bytes((Type.IDENTITY,)) + name
        if plain[:2] == bytes((_MSCHAPV2, 1)):
            return _mschapv2_response(plain, name, password_hash)
        if plain[:2] == bytes((_MSCHAPV2, 3)):
            return bytes((_MSCHAPV2, 3))
        if plain[4:5] == bytes((_EXTENSIONS,)):
            return EapPacket(EapCode.RESPONSE, plain[1], _EXTENSIONS, _RESULT_SUCCESS).encode()
        return b""

    return inside


def _mschapv2_response(challenge: bytes, name: bytes, password_hash: bytes) -> bytes:
    """The type, then operation 2, identifier, length, 49 octets and the name."""
    identifier, authenticator_challenge = challenge[2], challenge[6:22]
    peer_challenge = mschap.new_challenge()
    hashed = mschap.challenge_hash(peer_challenge, authenticator_challenge, name)
    value = peer_challenge + bytes(8) + mschap.challenge_response(hashed, password_hash) + b"\0"
    data = bytes((len(value),)) + value + name
    return bytes((_MSCHAPV2, 2, identifier)) + (len(data) + 4).to_bytes(2, "big") + data
