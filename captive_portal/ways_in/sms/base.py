"""What every provider of texts is: something that is handed a text, and takes it or says why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

from captive_portal.errors import PortalError
from foundation.settings import Settings


class SmsError(PortalError):
    """The text was not handed over; the message says why, and never to whom, nor anything secret.

    ``may_retry`` is whether the provider took nothing and asked for patience.
    """

    def __init__(self, reason: str, message: str, *, may_retry: bool = False) -> None:
        super().__init__(message)
        # A metric's label.
        self.reason = reason
        self.may_retry = may_retry


@dataclass(frozen=True, slots=True)
class Text:
    """A text to one mobile telephone."""

    # As E.164 writes it: +447400123456.
    number: str = field(repr=False)
    body: str = field(repr=False)


class Provider(Protocol):
    """Who sends texts."""

    async def __call__(self, text: Text, settings: Settings, http: aiohttp.ClientSession) -> None:
        """Hand the text over once. Raises SmsError."""


def explain_status(status: int) -> SmsError:
    """What an HTTP status other than of success means: of 429 and 5xx the provider may be asked again."""
    if status == 429:
        return SmsError("busy", "the provider of texts asked for patience (429)", may_retry=True)
    if status >= 500:
        return SmsError("server", f"the provider of texts has a fault of its own ({status})", may_retry=True)
    if status in (401, 403):
        return SmsError("refused-key", f"the provider of texts refused our key ({status})")
    return SmsError("refused", f"the provider of texts refused the text ({status})")
