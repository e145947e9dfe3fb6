"""GOV.UK Notify, by its REST API (https://docs.notifications.service.gov.uk/rest-api.html)."""

from __future__ import annotations

import time
from typing import Final

import aiohttp
import jwt

from captive_portal.ways_in.sms.base import SmsError, Text, explain_status
from foundation.settings import Settings

_PATH: Final = "/v2/notifications/sms"
_UUID_CHARACTERS: Final = 36


async def send(text: Text, settings: Settings, http: aiohttp.ClientSession) -> None:
    """Hand the text over as the one placeholder of a template. Raises SmsError."""
    sms = settings.sms
    service, secret = split_key(sms.notify_api_key.get_secret_value())
    content = {
        "phone_number": text.number,
        "template_id": sms.notify_template_id,
        "personalisation": {"message": text.body},
        **({"sms_sender_id": sms.notify_sender_id} if sms.notify_sender_id else {}),
    }
    url = f"{sms.notify_url.rstrip('/')}{_PATH}"
    headers = {"Authorization": f"Bearer {token(service, secret)}"}
    async with http.post(url, json=content, headers=headers, allow_redirects=False) as answer:
        if answer.status != 201:
            raise await _explain(answer)


def split_key(api_key: str) -> tuple[str, str]:
    """The service's number and the secret: the last two UUIDs of a key. Raises SmsError."""
    secret = api_key[-_UUID_CHARACTERS:]
    service = api_key[-2 * _UUID_CHARACTERS - 1 : -_UUID_CHARACTERS - 1]
    if len(service) != _UUID_CHARACTERS:
        raise SmsError(
            "refused-key", "sms.notify_api_key is no key of Notify: NAME-SERVICE-SECRET, two UUIDs at its end"
        )
    return service, secret


def token(service: str, secret: str) -> str:
    """What Notify knows us by: a JWT (RFC 7519) with HS256; Notify believes it for 30 seconds from ``iat``."""
    return jwt.encode({"iss": service, "iat": int(time.time())}, secret, algorithm="HS256")


async def _explain(answer: aiohttp.ClientResponse) -> SmsError:
    if answer.status == 429:
        # The limit of a minute passes; the limit of a day does not, however patient we are.
        body = await answer.content.read(4096)
        if b"TooManyRequestsError" in body:
            return SmsError("daily-limit", "Notify's limit of texts a day is reached")
    if answer.status == 403:
        return SmsError("refused-key", "Notify refused our key, or our clock is more than 30 s from its own (403)")
    return explain_status(answer.status)
