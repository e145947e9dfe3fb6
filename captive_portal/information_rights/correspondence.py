"""What goes to the contact of a request: a code that proves it, and word that something was written.

Nothing of the request itself is in a mail or a text. The address of its page is, once the contact was proved, and where
staff entered the request, because who asked has no other way to the page; it still asks for a code.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from captive_portal import metrics
from captive_portal.information_rights.handling import Actor, page_path
from captive_portal.information_rights.requests import InformationRequest
from captive_portal.languages import gettext as _
from captive_portal.languages import speaking
from captive_portal.storage import information_requests as storage
from captive_portal.ways_in import mail
from captive_portal.ways_in.phone_number import is_phone_number
from captive_portal.ways_in.sms import delivery
from captive_portal.ways_in.sms.base import SmsError, Text
from captive_portal.ways_in.verification import CodeCheck, CodeLimit, new_digits
from foundation import text_budgets
from foundation.database import Statements
from foundation.runtime import Runtime

_LIMITS_COUNT: Final = timedelta(hours=1)
# A second press of the button within this time is the same one.
_DOUBLE_CLICK: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, or, in short, a text. Texts are paid for by a council's month."""

    contact: str = field(repr=False)
    subject: str = field(repr=False)
    paragraphs: tuple[str, ...] = field(repr=False)
    text: str = field(repr=False)
    budget: text_budgets.Budget | None = None


class OutOfTexts:
    """The council's texts have run out for this month."""


async def issue_code(
    connection: Statements, runtime: Runtime, request: InformationRequest, council_name: str, now: datetime
) -> Letter | CodeLimit | OutOfTexts | None:
    """A new code for the request's contact, on its way; None where there is no contact, or one went a moment ago."""
    if request.contact is None:
        return None
    settings, keyring = runtime.settings.portal, runtime.keyring
    live = await storage.live_codes(connection, request.id, now)
    if any(now - code.created_at < _DOUBLE_CLICK for code in live):
        return None
    contact_pseudonym = keyring.contact_pseudonym(request.council_id, request.contact)
    recent = await storage.count_codes_since(connection, request.council_id, contact_pseudonym, now - _LIMITS_COUNT)
    if recent >= settings.codes_per_contact_per_hour:
        return CodeLimit.CONTACT
    digits = new_digits()
    letter = _code_letter(request, request.contact, council_name, digits, _minutes(runtime))
    paid = await _pay(connection, runtime, request, letter, now)
    if not isinstance(paid, OutOfTexts):
        values = {
            "council_id": request.council_id,
            "request_id": request.id,
            "contact_pseudonym": contact_pseudonym,
            "code_pseudonym": _code_pseudonym(runtime, request, digits),
            "attempts_left": settings.verification_attempts,
            "created_at": now,
            "expires_at": now + timedelta(seconds=settings.verification_code_lifetime_seconds),
        }
        await storage.insert_code(connection, values)
    return paid


async def check_code(
    connection: Statements, runtime: Runtime, request: InformationRequest, digits: str, now: datetime
) -> CodeCheck:
    """Try a code that was typed on the request's page."""
    codes = await storage.live_codes(connection, request.id, now)
    if not codes:
        return CodeCheck.NONE_LEFT
    given = _code_pseudonym(runtime, request, digits)
    # Every code is compared, so that the time taken says nothing.
    matches = [hmac.compare_digest(given, code.code_pseudonym) for code in codes]
    if any(matches):
        await storage.use_up_codes(connection, request.id)
        return CodeCheck.RIGHT
    await storage.count_attempt(connection, codes)
    return CodeCheck.WRONG


async def write_word(
    connection: Statements, runtime: Runtime, request: InformationRequest, council_name: str, now: datetime
) -> Letter | None:
    """Word that the council wrote or did something; None where there is nowhere to send it, or no text is left."""
    if request.contact is None:
        return None
    by_council = await storage.received_by(connection, request.id) == Actor.COUNCIL
    tells_address = by_council or request.contact_proved_at is not None
    address = _address(runtime, request) if tells_address else None
    paid = await _pay(connection, runtime, request, _word_letter(request, request.contact, council_name, address), now)
    return None if isinstance(paid, OutOfTexts) else paid


async def hand_over(runtime: Runtime, letter: Letter) -> str | None:
    """Send it, outside of any transaction; gives why it was not taken, or None. A text that was not is not paid for."""
    try:
        if letter.budget is None:
            sender = runtime.settings.mail.sender
            message = mail.plain_message(sender, letter.contact, letter.subject, letter.paragraphs)
            await mail.send(message, runtime.settings)
        else:
            await delivery.send(Text(letter.contact, letter.text), runtime.settings)
    except (mail.MailError, SmsError) as error:
        metrics.codes.labels("not-sent").inc()
        if letter.budget is not None:
            async with runtime.database.short_write() as connection:
                await text_budgets.add_segments(connection, runtime.database, letter.budget, -_segments(letter))
        return str(error)
    metrics.codes.labels("sent").inc()
    return None


async def _pay(
    connection: Statements, runtime: Runtime, request: InformationRequest, letter: Letter, now: datetime
) -> Letter | OutOfTexts:
    if not is_phone_number(letter.contact):
        return letter
    limit = runtime.settings.sms.texts_per_month
    budget = await text_budgets.read_budget(connection, request.council_id, limit, now)
    if budget.left < _segments(letter):
        return OutOfTexts()
    await text_budgets.add_segments(connection, runtime.database, budget, _segments(letter))
    return Letter(letter.contact, letter.subject, letter.paragraphs, letter.text, budget)


def _segments(letter: Letter) -> int:
    return delivery.segments(Text(letter.contact, letter.text))


def _minutes(runtime: Runtime) -> int:
    return runtime.settings.portal.verification_code_lifetime_seconds // 60


def _code_pseudonym(runtime: Runtime, request: InformationRequest, digits: str) -> bytes:
    return runtime.keyring.pseudonym("request code", request.council_id, f"{request.id}:{digits}".encode())


def _code_letter(request: InformationRequest, contact: str, council_name: str, digits: str, minutes: int) -> Letter:
    with speaking(request.language):
        named = {"number": request.number, "council": council_name, "code": digits, "minutes": minutes}
        paragraphs = (
            _("%(council)s council has got your request. Its number is %(number)s.") % named,
            _("Your code for it is:"),
            digits,
            _("Type it on the page where you asked. It is good for %(minutes)s minutes.") % named,
            _("If you did not ask for anything, you do not need to do anything."),
        )
        subject = _("%(code)s is your code for request %(number)s") % named
        text = _("%(code)s is your code for request %(number)s. Use it within %(minutes)s minutes.") % named
    return Letter(contact, subject, paragraphs, text)


def _address(runtime: Runtime, request: InformationRequest) -> str:
    own = runtime.settings.portal.public_url.rstrip("/")
    return f"{own}{page_path(runtime.keyring, request)}?lang={request.language}"


def _word_letter(request: InformationRequest, contact: str, council_name: str, address: str | None) -> Letter:
    with speaking(request.language):
        named = {"number": request.number, "council": council_name}
        subject = _("There is something new on your request %(number)s") % named
        lines = [_("%(council)s council has written about your request %(number)s.") % named]
        if address is not None:
            lines += [_("Read it here. You get a code first, so that only you can."), address]
        else:
            lines.append(_("Read it on the page where you asked. If you no longer have it, ask the council."))
        return Letter(contact, subject, tuple(lines), " ".join((lines[0], lines[-1])))
