"""What openNDS tells the portal of a device, and how it is packed (src/http_microhttpd.c of 9.10, docs/source/fas.rst).

At levels 1 and 4 of ``fas_secure_enabled`` a list of ``name=value`` items, joined with comma and space, comes in
base64; at levels 2 and 3 it is encrypted with AES-256-CBC first, and base64 is applied twice. There is no seal over any
of it: what proves knowledge of the secret (``faskey``) is ``rhid``, which only gateway and portal can compute from the
``hid`` in the list.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from captive_portal.gateways.base import Refusal, RefusalReason
from foundation import aes_cbc

READ_ITEMS: Final = frozenset(
    {"hid", "clientip", "clientmac", "client_type", "gatewayname", "gatewayaddress", "authdir"}
)
"""Of the list; ``originurl``, where the device wanted to go, is among those that nobody here reads."""

_SEPARATOR: Final = ", "
# As PHP's openssl_digest writes it, the first half.
_INITIALISATION_VECTOR = re.compile(r"[0-9a-f]{16}")
_HID = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"[0-9a-f]{8}")


def hid_of(token: str) -> str:
    """What the gateway calls a visit at levels 1 to 4: a digest of its token, which it keeps to itself."""
    return hashlib.sha256(token.encode()).hexdigest()


def rhid_of(hid: str, faskey: bytes) -> str:
    """What the gateway takes for the portal's yes: only who knows the secret can say it."""
    return hashlib.sha256(hid.encode() + faskey).hexdigest()


def is_hid(text: str) -> bool:
    """Whether this is a SHA-256 digest as sha256sum writes it."""
    return _HID.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """Whether this is a token of openNDS: eight hexadecimal digits."""
    return _TOKEN.fullmatch(text) is not None


def report_seal(text: str, faskey: bytes) -> str:
    """What our BinAuth script puts under a report: two digests, as sha256sum alone can make them on any router."""
    inner = hashlib.sha256(faskey + text.encode()).hexdigest()
    return hashlib.sha256(faskey + inner.encode()).hexdigest()


def is_report_sealed(text: str, seal: str, faskey: bytes) -> bool:
    """Whether a report comes from who knows the secret."""
    return is_hid(seal) and hmac.compare_digest(report_seal(text, faskey), seal)


def read_plain(fas: str) -> Mapping[str, str] | Refusal:
    """The list of levels 1 and 4."""
    octets = _from_base64(fas)
    return octets if isinstance(octets, Refusal) else read_list(octets)


def read_encrypted(fas: str, initialisation_vector: str, faskey: bytes) -> Mapping[str, str] | Refusal:
    """The list of levels 2 and 3. One that was encrypted with another secret is refused as not sealed rightly."""
    if not _INITIALISATION_VECTOR.fullmatch(initialisation_vector):
        return Refusal(RefusalReason.MALFORMED)
    outer = _from_base64(fas)
    if isinstance(outer, Refusal):
        return outer
    try:
        encrypted = _from_base64(outer.decode("ascii"))
    except UnicodeDecodeError:
        return Refusal(RefusalReason.MALFORMED)
    if isinstance(encrypted, Refusal):
        return encrypted
    octets = aes_cbc.decrypt(encrypted, faskey, initialisation_vector.encode("ascii"))
    return Refusal(RefusalReason.WRONG_SEAL) if octets is None else read_list(octets)


def pack(items: Mapping[str, str], faskey: bytes, *, is_encrypted: bool) -> dict[str, str]:
    """``fas`` and ``iv`` of a list, as a gateway would send it; of the same list always the same."""
    octets = _SEPARATOR.join(f"{name}={value}" for name, value in items.items()).encode()
    if not is_encrypted:
        return {"fas": base64.b64encode(octets).decode("ascii")}
    initialisation_vector = hmac.digest(faskey, octets, "sha256").hex()[: aes_cbc.BLOCK_OCTETS]
    encrypted = aes_cbc.encrypt(octets, faskey, initialisation_vector.encode("ascii"))
    return {"fas": base64.b64encode(base64.b64encode(encrypted)).decode("ascii"), "iv": initialisation_vector}


def read_list(octets: bytes) -> Mapping[str, str] | Refusal:
    """The items that the portal reads, by name. One of them that is said twice is refused.

    What an operator adds (``fas_custom_parameters_list`` and the like) is passed over.
    """
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return Refusal(RefusalReason.MALFORMED)
    items = [item.partition("=") for item in text.split(_SEPARATOR)]
    pairs = [(name, value) for name, equals, value in items if equals and name in READ_ITEMS]
    found = dict(pairs)
    if len(found) != len(pairs) or not text.isprintable():
        return Refusal(RefusalReason.MALFORMED)
    return found


def _from_base64(text: str) -> bytes | Refusal:
    """The gateway does not percent-encode it, so that a form's parser makes spaces of its plus signs."""
    try:
        return base64.b64decode(text.replace(" ", "+"), validate=True)
    except (binascii.Error, ValueError):
        return Refusal(RefusalReason.MALFORMED)
