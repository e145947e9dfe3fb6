"""Handing texts over: by which provider, and how patiently."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp

from captive_portal import metrics
from captive_portal.languages import gettext as _
from captive_portal.ways_in.sms import http_provider, mail_gateway, notify, outbox
from captive_portal.ways_in.sms.base import Provider, SmsError, Text
from captive_portal.ways_in.sms.segments import measure
from foundation.settings import Settings

PROVIDERS: Final[Mapping[str, Provider]] = {
    "notify": notify.send,
    "smtp": mail_gateway.send,
    "http": http_provider.send,
    "": outbox.send,
}


def code_text(number: str, digits: str, minutes: int) -> Text:
    """The text with a code, in the language of the page that is being made. Short, because each segment is paid for."""
    return Text(number, _("%(code)s is your WiFi code. Use it within %(minutes)s minutes.") % {
        "code": digits, "minutes": minutes
    })  # fmt: skip


def segments(text: Text) -> int:
    """How many segments a text takes."""
    return measure(text.body).segments


async def send(text: Text, settings: Settings) -> None:
    """Hand a text over. Raises SmsError.

    Asked again is only a provider that says that it took nothing: after a time-out it may have, and a text that comes
    twice is paid for twice.
    """
    sms = settings.sms
    provider = PROVIDERS[sms.provider]
    timeout = aiohttp.ClientTimeout(total=sms.timeout_seconds)
    # No cookies and no environment's proxy: nothing that one text left behind goes with the next.
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http:
        for attempt in range(1, sms.attempts + 1):
            try:
                await _once(provider, text, settings, http)
            except SmsError as error:
                metrics.text_failures.labels(error.reason).inc()
                if not error.may_retry or attempt == sms.attempts:
                    raise
                await asyncio.sleep(sms.pause_seconds * 2 ** (attempt - 1))
            else:
                return


async def _once(provider: Provider, text: Text, settings: Settings, http: aiohttp.ClientSession) -> None:
    try:
        await provider(text, settings, http)
    except TimeoutError:
        raise SmsError("timeout", f"the provider of texts did not answer in {settings.sms.timeout_seconds} s") from None
    except aiohttp.ClientConnectorError:
        raise SmsError("unreachable", "the provider of texts cannot be reached", may_retry=True) from None
    except (aiohttp.ClientError, ValueError, OSError) as error:
        # Its own words may hold the address, and that a key.
        raise SmsError("broken", f"the provider of texts did not answer as it should: {type(error).__name__}") from None
