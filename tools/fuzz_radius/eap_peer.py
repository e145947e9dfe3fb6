"""A device that speaks EAP, and says wrong things at every layer: EAP, fragments, TLS, and what the tunnel holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from OpenSSL import SSL

from foundation.credentials import nt_hash
from radius.authentication import mschap
from radius.authentication.eap import ttls_avps
from radius.authentication.eap.packet import Code, EapPacket, Type
from radius.authentication.eap.packet import decode as decode_eap
from radius.errors import EapMalformedError
from tools.fuzz_radius.city import PASSWORD, USER_NAME
from tools.fuzz_radius.mutation import Mutator

TLS, TTLS, PEAP, MD5, GTC, MSCHAPV2, EXTENSIONS = 13, 21, 25, 4, 6, 26, 33
KINDS: Final = (
    *((TTLS, inner) for inner in ("pap", "chap", "mschapv2", "eap")),
    *((PEAP, inner) for inner in ("mschapv2", "gtc")),
    (TLS, ""),
    (MD5, ""),
    (43, ""),
)
"""Outer method and what is inside; the last is one that no server of ours knows."""
_LENGTH_INCLUDED, _MORE, _START = 0x80, 0x40, 0x20
_WRONG_FLAGS: Final = (0, 0x20, 0x40, 0x80, 0xC0, 0xE0, 0x07, 0xFF)
_BIO_OCTETS: Final = 65_536


class EapPeer:
    """One conversation. ``wrong`` is how often a message is made wrong, at a layer that chance decides."""

    def __init__(self, random: Random, contexts: tuple[SSL.Context, ...], wrong: float) -> None:
        self._random = random
        self._mutator = Mutator(random)
        self._wrong = wrong
        self._method, self._inner = random.choice(KINDS)
        self._connection = SSL.Connection(random.choice(contexts), None)
        self._connection.set_connect_state()
        self._unsent: list[bytes] = []
        self._received = b""
        self._is_up = False
        self._inner_identifier = 0

    def respond(self, request: bytes) -> bytes:
        """The next EAP-Response, well or badly made."""
        try:
            asked = decode_eap(request)
        except EapMalformedError:
            asked = EapPacket(Code.REQUEST, 0, Type.IDENTITY)
        answer = EapPacket(Code.RESPONSE, asked.identifier, *self._answer(asked))
        octets = answer.encode()
        return self._mutator.octets(octets) if self._mutator.chance(self._wrong / 3) else octets

    def close(self) -> None:
        """Let the octets that TLS holds go."""
        self._connection = None  # type: ignore[assignment]  # nothing is asked of it any more

    def _answer(self, asked: EapPacket) -> tuple[int, bytes]:
        """Type and type data."""
        if asked.eap_type == Type.IDENTITY:
            return Type.IDENTITY, self._maybe_wrong(USER_NAME.encode())
        if asked.eap_type != self._method:
            return Type.NAK, self._maybe_wrong(bytes((self._method,)))
        if asked.eap_type == MD5:
            digest = _chap_digest(bytes((asked.identifier,)), asked.type_data[1:17])
            return MD5, self._maybe_wrong(b"\x10" + digest)
        return self._method, self._fragment(asked.type_data)

    def _fragment(self, type_data: bytes) -> bytes:
        """The next piece of what is to be said, or what there is to say."""
        if not self._unsent:
            flags = type_data[0] if type_data else 0
            self._received += type_data[5:] if flags & _LENGTH_INCLUDED else type_data[1:]
            if flags & _MORE:
                return b"\0"
            message, self._received = self._received, b""
            self._unsent = self._pieces(self._maybe_wrong(self._speak(message)))
        return self._maybe_misframed(self._unsent.pop(0))

    def _pieces(self, message: bytes) -> list[bytes]:
        size = self._random.choice((64, 500, 1400, 4000))
        if len(message) <= size:
            return [b"\0" + message]
        pieces = [message[start : start + size] for start in range(0, len(message), size)]
        first = bytes((_LENGTH_INCLUDED | _MORE,)) + len(message).to_bytes(4, "big") + pieces[0]
        return [first, *(bytes((_MORE,)) + piece for piece in pieces[1:-1]), b"\0" + pieces[-1]]

    def _maybe_misframed(self, piece: bytes) -> bytes:
        if not self._mutator.chance(self._wrong / 3):
            return piece
        if self._mutator.chance(0.5):
            return bytes((self._random.choice(_WRONG_FLAGS),)) + piece[1:]
        return self._mutator.octets(piece)

    def _speak(self, message: bytes) -> bytes:
        """TLS octets that follow those of the server."""
        connection = self._connection
        try:
            if message:
                connection.bio_write(message)
            if not self._is_up:
                connection.do_handshake()
                self._is_up = True
                if self._method == TTLS:
                    connection.send(self._maybe_wrong(self._first_words()))
            plain = self._read() if self._is_up else b""
            if plain and (words := self._reply(plain)):
                connection.send(self._maybe_wrong(words))
        except SSL.Error:
            pass  # the handshake wants more, or is broken by what one of us said
        try:
            return connection.bio_read(_BIO_OCTETS)
        except SSL.Error:
            return b""

    def _read(self) -> bytes:
        try:
            return self._connection.recv(_BIO_OCTETS)
        except SSL.Error:
            return b""

    def _first_words(self) -> bytes:
        """What a device says first in TTLS."""
        name = ttls_avps.encode(ttls_avps.USER_NAME, USER_NAME.encode())
        makers: dict[str, Callable[[], bytes]] = {
            "pap": lambda: name + ttls_avps.encode(ttls_avps.USER_PASSWORD, PASSWORD.encode().ljust(32, b"\0")),
            "chap": lambda: name + self._chap(),
            "mschapv2": lambda: name + self._mschapv2_avps(),
            "eap": lambda: self._inner_eap(Type.IDENTITY, USER_NAME.encode()),
        }
        return makers[self._inner]()

    def _chap(self) -> bytes:
        challenge, identifier = self._ttls_challenge()
        response = ttls_avps.encode(ttls_avps.CHAP_PASSWORD, identifier + _chap_digest(identifier, challenge))
        return response + ttls_avps.encode(ttls_avps.CHAP_CHALLENGE, challenge)

    def _mschapv2_avps(self) -> bytes:
        challenge, identifier = self._ttls_challenge()
        response = identifier + b"\0" + self._mschapv2_response(challenge)[:48]
        return ttls_avps.encode(ttls_avps.MS_CHAP_CHALLENGE, challenge) + ttls_avps.encode(
            ttls_avps.MS_CHAP2_RESPONSE, response
        )

    def _ttls_challenge(self) -> tuple[bytes, bytes]:
        octets = self._connection.export_keying_material(b"ttls challenge", 17)
        return octets[:16], octets[16:]

    def _mschapv2_response(self, challenge: bytes) -> bytes:
        """Our challenge, 8 zero octets, the response, flags."""
        own = self._random.randbytes(16)
        hashed = mschap.challenge_hash(own, challenge, USER_NAME.encode())
        return own + bytes(8) + mschap.challenge_response(hashed, nt_hash(PASSWORD)) + b"\0"

    def _reply(self, plain: bytes) -> bytes:
        """What follows something that came through the tunnel."""
        if self._method == PEAP:
            return self._reply_in_peap(plain)
        if self._method != TTLS or self._inner != "eap":
            return b""
        try:
            asked = decode_eap(ttls_avps.read(plain).get(ttls_avps.EAP_MESSAGE) or b"")
        except EapMalformedError:
            return b""
        self._inner_identifier = asked.identifier
        return self._inner_eap(*self._inner_answer(asked.eap_type, asked.type_data))

    def _inner_eap(self, eap_type: int, type_data: bytes) -> bytes:
        packet = EapPacket(Code.RESPONSE, self._inner_identifier, eap_type, self._maybe_wrong(type_data))
        return ttls_avps.encode(ttls_avps.EAP_MESSAGE, packet.encode())

    def _reply_in_peap(self, plain: bytes) -> bytes:
        if plain[:1] == b"\x01" and plain[4:5] == bytes((EXTENSIONS,)):
            # Result TLV: success, with or without something that looks like a Cryptobinding TLV.
            data = b"\x80\x03\x00\x02\x00\x01" + (plain[11:] if self._mutator.chance(0.5) else b"")
            return EapPacket(Code.RESPONSE, plain[1], EXTENSIONS, data).encode()
        eap_type, type_data = self._inner_answer(plain[0], plain[1:])
        return bytes((eap_type,)) + type_data

    def _inner_answer(self, eap_type: int, type_data: bytes) -> tuple[int, bytes]:
        if eap_type == Type.IDENTITY:
            return Type.IDENTITY, USER_NAME.encode()
        wanted = GTC if self._inner == "gtc" else MSCHAPV2
        if eap_type != wanted:
            return Type.NAK, bytes((wanted,))
        if eap_type == GTC:
            return GTC, PASSWORD.encode()
        if type_data[:1] != b"\x01":
            return MSCHAPV2, type_data[:1] or b"\x03"
        response = self._mschapv2_response(type_data[5:21])
        body = bytes((len(response),)) + response + USER_NAME.encode()
        return MSCHAPV2, b"\x02" + type_data[1:2] + (4 + len(body)).to_bytes(2, "big") + body

    def _maybe_wrong(self, octets: bytes) -> bytes:
        return self._mutator.octets(octets) if octets and self._mutator.chance(self._wrong / 3) else octets


def _chap_digest(identifier: bytes, challenge: bytes) -> bytes:
    return hashlib.md5(identifier + PASSWORD.encode() + challenge, usedforsecurity=False).digest()


def client_contexts(certificates: Path) -> tuple[SSL.Context, ...]:
    """TLS 1.2 and 1.3, with a device's certificate and without; the server's is not looked at."""
    return tuple(
        _context(version, certificates if has_certificate else None)
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
        for has_certificate in (True, False)
    )


def _context(version: int, certificates: Path | None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if certificates is not None:
        context.use_certificate_chain_file(str(certificates / "device.pem"))
        context.use_privatekey_file(str(certificates / "device.key"))
    return context
