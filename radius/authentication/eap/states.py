"""The State of an EAP conversation (RFC 2865 section 5.24): 128 random bits, and which worker has the conversation.

Equipment returns it unchanged with the next request. What others make (a home server, another machine of ours) may look
like ours by chance or on purpose: whoever is named by it knows no such conversation, and that is all.
"""

from __future__ import annotations

import secrets
from typing import Final

NO_OWNER: Final = 0
"""Of a process that shares its port with nobody: nobody else could have the conversation."""

_MARK: Final = b"\xc7\x15"
_RANDOM_OCTETS: Final = 16
_OCTETS: Final = len(_MARK) + 1 + _RANDOM_OCTETS


def new_state(owner: int) -> bytes:
    """A State that nobody can guess, of the worker with this number (at most 255)."""
    return _MARK + bytes((owner,)) + secrets.token_bytes(_RANDOM_OCTETS)


def owner_of(state: bytes) -> int | None:
    """The number of the worker that made a State; None for one that no worker of ours made."""
    if len(state) != _OCTETS or not state.startswith(_MARK):
        return None
    return state[len(_MARK)] or None
