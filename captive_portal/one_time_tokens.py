"""One-time passwords for the gateway: bound to one device behind one gateway, good for two minutes.

The password is derived from the token's random name (Keyring.one_time_password) and is stored nowhere.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta
from typing import Final

from captive_portal.errors import PortalError
from captive_portal.journey import Journey
from captive_portal.storage import passes
from foundation.database import Statements
from foundation.settings import PortalSettings

# A token that is about to expire would not outlive the way to the gateway and on to RADIUS.
_LEAST_REMAINING: Final = timedelta(seconds=30)
_RANDOM_OCTETS: Final = 16


class NotRegisteredError(PortalError):
    """A journey without resident or device came to its release: a fault of our own."""


def new_user_name() -> str:
    """``t`` and 26 random lower-case base32 letters: 128 random bits."""
    return "t" + base64.b32encode(secrets.token_bytes(_RANDOM_OCTETS)).decode("ascii").rstrip("=").lower()


async def token_for(connection: Statements, journey: Journey, settings: PortalSettings, now: datetime) -> str:
    """The user name of a good token: the journey's latest if nobody used it yet, so that a double click makes one.

    Raises NotRegisteredError.
    """
    details = journey.details
    if journey.resident_id is None or details.device_id is None:
        raise NotRegisteredError("only a registered device gets a one-time password")
    if details.user_name is not None and await passes.reusable_token(
        connection, details.user_name, details.device_id, now + _LEAST_REMAINING
    ):
        return details.user_name
    user_name = new_user_name()
    await passes.insert_token(
        connection,
        council_id=journey.council_id,
        user_name=user_name,
        resident_id=journey.resident_id,
        device_id=details.device_id,
        nas_id=journey.nas_id,
        created_at=now,
        expires_at=now + timedelta(seconds=settings.one_time_password_lifetime_seconds),
        access_until=details.access_until,
    )
    return user_name
