"""Handing a code over, by mail or by text; of texts, within what the council pays for in a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from captive_portal import metrics
from captive_portal.journey import Journey
from captive_portal.storage import passes
from captive_portal.storage.equipment import Place
from captive_portal.ways_in import mail, verification
from captive_portal.ways_in.phone_number import is_phone_number
from captive_portal.ways_in.sms import delivery
from captive_portal.ways_in.sms.base import SmsError, Text
from foundation import text_budgets
from foundation.database import Statements
from foundation.runtime import Runtime

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sending:
    """A code on its way; the text and its month where it goes by text."""

    issued: verification.IssuedCode
    text: Text | None = None
    budget: text_budgets.Budget | None = None


class OutOfTexts:
    """The council's texts have run out for this month."""


async def issue(
    connection: Statements, runtime: Runtime, journey: Journey, contact: str, now: datetime
) -> Sending | OutOfTexts | verification.CodeLimit | None:
    """Make a code and, where it goes by text, take what that costs from the council's month; None: one went already."""
    if not is_phone_number(contact):
        issued = await verification.issue_code(connection, runtime, journey, contact, now)
        return Sending(issued) if isinstance(issued, verification.IssuedCode) else issued
    # No text is longer than one with these digits.
    needed = delivery.segments(delivery.code_text(contact, "0" * verification.DIGITS, _minutes(runtime)))
    budget = await text_budgets.read_budget(connection, journey.council_id, runtime.settings.sms.texts_per_month, now)
    if budget.left < needed:
        return OutOfTexts()
    issued = await verification.issue_code(connection, runtime, journey, contact, now)
    if not isinstance(issued, verification.IssuedCode):
        return issued
    await text_budgets.add_segments(connection, runtime.database, budget, needed)
    return Sending(issued, delivery.code_text(contact, issued.digits, _minutes(runtime)), budget)


def _minutes(runtime: Runtime) -> int:
    return runtime.settings.portal.verification_code_lifetime_seconds // 60


async def hand_over(runtime: Runtime, place: Place, contact: str, sending: Sending) -> bool:
    """Whether it was taken; a code that nobody will get is used up, and its text is not paid for."""
    try:
        if sending.text is None:
            sender, name = runtime.settings.mail.sender, place.council_name
            message = mail.code_message(sender, contact, sending.issued.digits, name, _minutes(runtime))
            await mail.send(message, runtime.settings)
        else:
            await delivery.send(sending.text, runtime.settings)
    except (mail.MailError, SmsError) as error:
        _log.warning("a code was not sent", reason=str(error))
        metrics.codes.labels("not-sent").inc()
        async with runtime.database.short_write() as connection:
            await passes.use_up_code(connection, sending.issued.id)
            if sending.budget is not None and sending.text is not None:
                await text_budgets.add_segments(
                    connection, runtime.database, sending.budget, -delivery.segments(sending.text)
                )
        return False
    metrics.codes.labels("sent").inc()
    return True
