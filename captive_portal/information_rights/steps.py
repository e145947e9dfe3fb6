"""What a council does with a request, from its page or its command line: one step, all that belongs to it, and word."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.information_rights import correspondence, handling, requests
from captive_portal.information_rights.correspondence import Letter
from captive_portal.information_rights.handling import Actor
from captive_portal.information_rights.requests import (
    LONGEST_ANSWER,
    TOLD,
    WORDLESS,
    Happened,
    InformationRequest,
    Outcome,
    RequestError,
)
from captive_portal.storage import equipment, erasure
from captive_portal.storage.information_requests import NewRequest
from foundation.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Step:
    """What is done, and what who asked reads of it. The last three are of an answer only."""

    happened: Happened
    text: str = field(default="", repr=False)
    outcome: Outcome = Outcome.DONE
    gives_data: bool = False
    erases: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken, and the word of it that is still to be sent."""

    step: Step
    after: InformationRequest
    letter: Letter | None


async def enter(
    connection: AsyncConnection, runtime: Runtime, new: NewRequest, received_at: datetime, now: datetime
) -> Taken:
    """Enter what came by letter, telephone or at a desk; its contact is told where its page is."""
    entered = await handling.receive(connection, runtime, new, received_at, now, Actor.COUNCIL)
    assert isinstance(entered, InformationRequest)
    return Taken(Step(Happened.RECEIVED), entered, await _word(connection, runtime, entered, now))


async def take(
    connection: AsyncConnection, runtime: Runtime, before: InformationRequest, step: Step, now: datetime
) -> Taken:
    """Take a step, in the caller's transaction. Raises RequestError."""
    if not (step.text.strip() or step.happened in WORDLESS) or len(step.text) > LONGEST_ANSWER:
        raise RequestError(f"write why, or what, in 1 to {LONGEST_ANSWER} characters")
    after = requests.by_council(
        before, step.happened, now, outcome=step.outcome, gives_data=step.gives_data, erases=step.erases
    )
    if step.erases:
        await handling.erase(connection, runtime, after, now)
    await handling.store(connection, runtime, after, step.happened, Actor.COUNCIL, now, step.text)
    letter = await _word(connection, runtime, after, now) if step.happened in TOLD else None
    return Taken(step, after, letter)


async def _word(
    connection: AsyncConnection, runtime: Runtime, request: InformationRequest, now: datetime
) -> Letter | None:
    place = await equipment.load_place(connection, request.council_id, None)
    return await correspondence.write_word(connection, runtime, request, place.council_name, now)


async def finish(runtime: Runtime, taken: Taken) -> str | None:
    """After the commit: delete what lies outside of the tables, and send word; gives why none was sent, or None."""
    if taken.step.erases:
        await erasure.erase_files(runtime, taken.after.contact)
    if taken.letter is None:
        return "there is no contact, or no text is left for this month"
    return await correspondence.hand_over(runtime, taken.letter)
