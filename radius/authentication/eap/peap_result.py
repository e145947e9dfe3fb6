"""How PEAP ends: the Extensions method (type 33) with a Result TLV and a Cryptobinding TLV ([MS-PEAP] section 2.2.8).

The Cryptobinding TLV shows each side that the other end of the tunnel is also the other end of the inner method, so
that nobody in between can play an inner method into a tunnel of their own. Keys: [MS-PEAP] section 3.1.5.5.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from typing import Final

from radius.authentication.eap.tls_keys import EAP_PEAP
from radius.errors import EapMalformedError

EXTENSIONS: Final = 33
SUCCESS: Final = 1
FAILURE: Final = 2

_MANDATORY: Final = 0x8000
_TYPE_MASK: Final = 0x3FFF
_RESULT: Final = 3
_CRYPTO_BINDING: Final = 12
_HEADER: Final = struct.Struct("!HH")
_STATUS: Final = struct.Struct("!H")
# Reserved, version, version that was received, sub-type, nonce.
_BINDING: Final = struct.Struct("!BBBB32s")
_MAC_OCTETS: Final = 20
_BINDING_OCTETS: Final = _BINDING.size + _MAC_OCTETS
_BINDING_REQUEST: Final = 0
_BINDING_RESPONSE: Final = 1

_TUNNEL_KEY_OCTETS: Final = 60
_IPMK_OCTETS: Final = 40
_ISK_OCTETS: Final = 32
_CSK_OCTETS: Final = 128
_MSK_OCTETS: Final = 64


@dataclass(frozen=True, slots=True, repr=False)
class CompoundKeys:
    """``ipmk`` makes the session key, ``cmk`` seals the Cryptobinding TLV."""

    ipmk: bytes
    cmk: bytes

    @classmethod
    def of_inner_method(cls, tunnel_key: bytes, inner_key: bytes) -> CompoundKeys:
        """``tunnel_key`` is the tunnel's MSK; ``inner_key`` the inner method's, empty where it has none."""
        session_key = inner_key[:_ISK_OCTETS].ljust(_ISK_OCTETS, b"\0")
        seed = b"Inner Methods Compound Keys" + session_key
        return cls._split(_prf_plus(tunnel_key[:_IPMK_OCTETS], seed, _TUNNEL_KEY_OCTETS))

    @classmethod
    def of_resumption(cls, tunnel_key: bytes) -> CompoundKeys:
        """Without an inner method the tunnel's key is split as it is."""
        return cls._split(tunnel_key)

    @classmethod
    def _split(cls, octets: bytes) -> CompoundKeys:
        return cls(octets[:_IPMK_OCTETS], octets[_IPMK_OCTETS:_TUNNEL_KEY_OCTETS])

    def master_session_key(self) -> bytes:
        """64 octets, to be used instead of the tunnel's once the device has bound itself too."""
        return _prf_plus(self.ipmk, b"Session Key Generating Function\0", _CSK_OCTETS)[:_MSK_OCTETS]


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """What a device answered. ``binding`` is its Cryptobinding TLV as it came, None where it sent none."""

    is_success: bool
    binding: bytes | None


def encode_result(status: int, keys: CompoundKeys | None = None, nonce: bytes = b"") -> bytes:
    """The Extensions method's data; with keys also our Cryptobinding TLV, whose nonce has 32 octets."""
    result = _HEADER.pack(_MANDATORY | _RESULT, _STATUS.size) + _STATUS.pack(status)
    if keys is None:
        return result
    head = _HEADER.pack(_CRYPTO_BINDING, _BINDING_OCTETS) + _BINDING.pack(0, 0, 0, _BINDING_REQUEST, nonce)
    return result + head + _mac(head, keys)


def read_result(octets: bytes) -> Result:
    """Read the Extensions method's data. Raises EapMalformedError."""
    status: int | None = None
    binding: bytes | None = None
    while octets:
        if len(octets) < _HEADER.size:
            raise EapMalformedError("a TLV is cut off")
        flags_and_type, length = _HEADER.unpack_from(octets)
        whole, octets = octets[: _HEADER.size + length], octets[_HEADER.size + length :]
        if len(whole) != _HEADER.size + length:
            raise EapMalformedError("a TLV is longer than what holds it")
        number = flags_and_type & _TYPE_MASK
        if number == _RESULT and status is None and length == _STATUS.size:
            (status,) = _STATUS.unpack_from(whole, _HEADER.size)
        elif number == _CRYPTO_BINDING and binding is None and length == _BINDING_OCTETS:
            binding = whole
        elif number in (_RESULT, _CRYPTO_BINDING):
            raise EapMalformedError("a Result or Cryptobinding TLV comes twice or has another length")
        elif flags_and_type & _MANDATORY:
            raise EapMalformedError(f"the device insists on a TLV of type {number}, unknown here")
    if status is None:
        raise EapMalformedError("the device told no result")
    return Result(status == SUCCESS, binding)


def is_bound(binding: bytes, keys: CompoundKeys) -> bool:
    """Whether the device has the same keys as we."""
    head, mac = binding[:-_MAC_OCTETS], binding[-_MAC_OCTETS:]
    _, version, received_version, sub_type, _ = _BINDING.unpack_from(head, _HEADER.size)
    is_answer = (version, received_version, sub_type) == (0, 0, _BINDING_RESPONSE)
    return hmac.compare_digest(mac, _mac(head, keys)) and is_answer


def _mac(head: bytes, keys: CompoundKeys) -> bytes:
    """HMAC-SHA1 over the TLV with zeros for itself, and PEAP's type ([MS-PEAP] section 2.2.8.1.1)."""
    return hmac.digest(keys.cmk, head + bytes(_MAC_OCTETS) + bytes((EAP_PEAP,)), "sha1")


def _prf_plus(key: bytes, seed: bytes, octets: int) -> bytes:
    """[MS-PEAP] section 3.1.5.5.2.2, version 0: each block ends in its number and two zero octets."""
    made, block = b"", b""
    number = 1
    while len(made) < octets:
        block = hmac.digest(key, block + seed + bytes((number, 0, 0)), "sha1")
        made += block
        number += 1
    return made[:octets]
