"""Is it me or the WiFi? The answer in plain words, wherever a resident is on their way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from captive_portal import capport
from captive_portal.journey import Journey, State
from captive_portal.pages.check_words import Answer, answer_of, facts_in_words
from captive_portal.pages.common import JOURNEY, RUNTIME, change_language, clock, render_visit, see_other
from captive_portal.pages.look import look
from captive_portal.release import standing_of
from captive_portal.storage import passes, place_facts
from captive_portal.storage.journeys import Visit
from captive_portal.support.diagnosis import DeviceFacts, Finding, PlaceFacts, diagnose
from foundation.database import Statements
from foundation.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Checked:
    """The finding, and what it rests on."""

    finding: Finding
    place: PlaceFacts
    device: DeviceFacts
    standing: capport.OpenSession | None

    @property
    def answer(self) -> Answer:
        """In words, in the language of the visit."""
        return answer_of(self.finding, has_silent_part=self.place.has_silent_part)


async def show_check(request: web.Request) -> web.Response:
    """GET check: whose it is, what to do, and what is known."""
    runtime, now = request.app[RUNTIME], clock()
    visit, session = await look(request, now)
    if answer := await change_language(request, now):
        return answer
    if not is_answered(visit.journey):
        return see_other(visit.journey.current_path())
    async with runtime.database.short_read() as connection:
        checked = await check(connection, runtime, visit, session, now)
    facts = facts_in_words(checked.place, checked.device, checked.standing, now)
    return render_visit(request, visit, "check.html", {"answer": checked.answer, "facts": facts})


def is_answered(journey: Journey) -> bool:
    """Whether there is a device to answer for: not of a journey that is over, nor of one that was erased."""
    return journey.state is not State.EXPIRED and not journey.details.is_erased


async def check(
    connection: Statements, runtime: Runtime, visit: Visit, session: passes.Session | None, now: datetime
) -> Checked:
    """Find out; ``session`` is the one that the device is on by."""
    place = await place_facts.read_place(connection, runtime, visit, now)
    device = await place_facts.read_device(connection, runtime, visit.journey, session, now)
    standing = await standing_of(connection, runtime, visit, now) if session is not None else None
    return Checked(diagnose(place, device, now), place, device, standing)


ROUTES: Final = (web.get(f"{JOURNEY}/check", show_check, name="check"),)
