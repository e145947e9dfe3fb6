"""What the directory knows of who may connect.

Nobody changes these. They are not frozen because that would take three times as long to make, for every request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True, repr=False)
class Token:
    """A one-time token, with the pseudonym of the device that it is bound to."""

    id: int
    user_name: str
    resident_id: int
    device_id: int
    nas_id: int
    expires_at: datetime
    uses: int
    mac_pseudonym: bytes
    group_name: str
    # When the session that it begins is over, whatever the policy says; None where only the policy does.
    access_until: datetime | None


@dataclass(slots=True, repr=False)
class Credential:
    """A lasting credential."""

    council_id: int
    user_name: str
    resident_id: int | None
    nt_hash_encrypted: bytes | None
    password_encrypted: bytes | None
    expires_at: datetime | None
    revoked_at: datetime | None
    group_name: str
    council_code: str
    id: int = field(default=0, compare=False)
    # Which changes it takes into account (radius.directory_cache).
    as_of: int = field(default=0, compare=False)


@dataclass(slots=True, repr=False)
class Device:
    """A registered device."""

    council_id: int
    mac_pseudonym: bytes
    id: int
    resident_id: int
    remembered_until: datetime | None
    group_name: str
    # Which changes it takes into account (radius.directory_cache).
    as_of: int = field(default=0, compare=False)
