"""Our residents at other operators' networks: their requests come through a proxy and are decided as at home.

The operator may ask for a Chargeable-User-Identity (RFC 4372), to know a guest again without knowing who it is.
"""

from __future__ import annotations

import re
from dataclasses import replace

from foundation.privacy import Keyring
from radius import attributes
from radius.attributes import encode
from radius.authentication.outcome import Accepted, Rejected, RejectReason, Step
from radius.packet import Attribute
from radius.service import Request

# What a log line shows of a name that came over the network.
_SHOWN = re.compile(r"[^A-Za-z0-9.:_-]")
_LONGEST_SHOWN = 80
_LONGEST_DETAIL = 200


def at_other_operator(step: Step, request: Request, keyring: Keyring) -> Step:
    """The step with what another operator is to get: the identity it asks for; and its name for our log."""
    operator = attributes.get_octets(request.packet, "Operator-Name")
    if isinstance(step, Accepted) and attributes.get_octets(request.packet, "Chargeable-User-Identity") is not None:
        step = replace(step, attributes=(*step.attributes, _chargeable_identity(step, request, keyring, operator)))
    if operator is None or not isinstance(step, Accepted | Rejected):
        return step
    shown = _SHOWN.sub("?", operator[1:].decode("ascii", "replace"))[:_LONGEST_SHOWN]
    detail = f"{step.detail}, at operator {shown}".removeprefix(", ")
    return replace(step, detail=detail[:_LONGEST_DETAIL])


def with_realm_unknown(step: Step) -> Step:
    """Nobody is known by a name of a realm that is not in our table: the realm is the better explanation."""
    if isinstance(step, Rejected) and step.reason is RejectReason.UNKNOWN_USER:
        return replace(step, reason=RejectReason.REALM_UNKNOWN)
    return step


def _chargeable_identity(accepted: Accepted, request: Request, keyring: Keyring, operator: bytes | None) -> Attribute:
    """The same for one person at one operator, and another one at the next (RFC 4372 section 2.1).

    Without Operator-Name the equipment that asks is the operator.
    """
    at = operator if operator is not None else f"nas {request.nas.id}".encode()
    if accepted.resident_id is not None:
        who = f"resident {accepted.resident_id}".encode()
    else:
        # The User-Name of EAP may be anonymous, and so everybody's.
        who = accepted.proven_name.encode() if accepted.proven_name else _user_name(request)
    value = len(at).to_bytes(2, "big") + at + who
    identity = keyring.pseudonym("chargeable user", request.nas.council_id, value)
    return encode("Chargeable-User-Identity", identity.hex().encode())


def _user_name(request: Request) -> bytes:
    return attributes.get_octets(request.packet, "User-Name") or b""
