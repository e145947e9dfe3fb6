"""What stands in for people and equipment while a phone is played through the portal, in a scratch installation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import insert, select

from captive_portal.arrival import CheckedArrival
from captive_portal.errands.controllers import Controllers
from captive_portal.errands.errands import Errand
from captive_portal.errands.rehearsal import Rehearsal
from captive_portal.gateways.base import (
    Operation,
    PolledGrant,
    Reauthentication,
    Refusal,
    ResolvingDriver,
    ServerCall,
)
from captive_portal.journey import Journey
from captive_portal.storage import help_requests, journeys, sessions
from captive_portal.storage.sessions import EndedBy, Source, TerminateCause
from captive_portal.ways_in import help_at_desk, mail
from captive_portal.ways_in.voucher_codes import Form, new_code
from captive_portal.ways_in.vouchers import code_pseudonym
from foundation.arrival_tokens import ArrivalToken, seal
from foundation.mac_address import MacAddress
from foundation.runtime import Runtime
from foundation.schema import journeys as journey_rows
from foundation.schema import sponsors, voucher_batches, vouchers

# What a controller would tell in place of a hidden address: nobody's own (its second bit says so).
_DEVICE: Final = MacAddress.parse("02-00-5E-00-53-01")
_CODE: Final = re.compile(r"\b(\d{6})\b")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened; ``page`` is the heading of what the phone then saw."""

    what: str
    page: str = ""
    milliseconds: int | None = None


@dataclass(slots=True)
class Stage:
    """A play that is under way."""

    runtime: Runtime
    steps: list[Step] = field(default_factory=list)

    def tell(self, what: str, page: str = "", milliseconds: int | None = None) -> None:
        """Add a step."""
        self.steps.append(Step(what, page, milliseconds))

    def rehearsal(self) -> Rehearsal:
        """Stand-ins that tell what would have been done."""
        return Rehearsal(dict.fromkeys((ServerCall, PolledGrant, Reauthentication), self._carry), _NoControllers())

    async def prove(self) -> None:
        """The device is on, as accounting, a controller's yes or an acknowledgement would have said."""
        now = datetime.now(UTC)
        async with self.runtime.database.write() as connection:
            owner = sessions.owner_of(await self._journey(now), Source.API)
            await sessions.begin(connection, self.runtime.keyring, owner, now)

    async def end(self) -> None:
        """The device's session is over."""
        now = datetime.now(UTC)
        journey = await self._journey(now)
        assert journey.details.device_id is not None
        async with self.runtime.database.write() as connection:
            for session in await sessions.open_of_device(connection, journey.nas_id, journey.details.device_id):
                await sessions.end(connection, session, now, EndedBy.STOP, TerminateCause.USER_REQUEST)

    async def paper_code(self) -> str:
        """A code that there is here only: of a batch, and of a sponsor where the venue knows only those."""
        now, code = datetime.now(UTC), new_code(Form.WORDS)
        council_id = (await self._journey(now)).council_id
        pseudonym = code_pseudonym(self.runtime.keyring, council_id, code)
        made = {"council_id": council_id, "name": "Laboratory", "created_at": now, "expires_at": now + _DAY}
        of_sponsor = {**made, "code_pseudonym": pseudonym, "group_name": "laboratory", "most_devices": 1}
        batch = insert(voucher_batches).values(**made, form=Form.WORDS, devices_per_code=1)
        async with self.runtime.database.write() as connection:
            batch_id = (await connection.execute(batch.returning(voucher_batches.c.id))).scalar_one()
            of_batch = {"council_id": council_id, "batch_id": batch_id, "code_pseudonym": pseudonym}
            await connection.execute(insert(vouchers).values(**of_batch))
            await connection.execute(insert(sponsors).values(**of_sponsor))
        return code.text

    async def api_path(self) -> str | None:
        """Where the captive portal API answers for the device; None where the journey does not know its address."""
        now = datetime.now(UTC)
        journey = await self._journey(now)
        if journey.details.address is None:
            return None
        device, until = MacAddress.parse(journey.details.address), now + _DAY
        return f"/api/capport/{seal(self.runtime.keyring, ArrivalToken(journey.nas_id, device, until))}"

    def sent_code(self) -> str:
        """The code of the newest message that was not sent; empty where there is none."""
        kept = mail.newest_in_outbox(self.runtime.settings.outbox_directory, 1)
        found = _CODE.search(kept[0].read_text(errors="replace").partition("\n\n")[2]) if kept else None
        return found[1] if found else ""

    async def help(self) -> bool:
        """A member of staff says yes to the number on the screen; whether there was one."""
        now = datetime.now(UTC)
        council_id = (await self._journey(now)).council_id
        async with self.runtime.database.write() as connection:
            waiting = await help_requests.waiting(connection, [council_id], now, 1)
            number = waiting[0].number if waiting else ""
            return await help_at_desk.let_on(connection, self.runtime, [council_id], number, now) is not None

    async def _journey(self, now: datetime) -> Journey:
        """The one that there is."""
        async with self.runtime.database.read() as connection:
            number = (await connection.execute(select(journey_rows.c.id))).scalar_one()
            journey = await journeys.load(connection, self.runtime.keyring, number, now=now)
        assert journey is not None
        return journey

    async def _carry(self, _runtime: Runtime, errand: Errand) -> None:
        match errand.action:
            case ServerCall(operation=operation):
                what = f"call the controller at {errand.gateway.login_url}"
            case PolledGrant(operation=operation):
                what = "leave it ready for when the gateway asks"
            case Reauthentication(operation=operation):
                what = "have the gateway ask about the device anew"
            case _:  # nothing in a play is prolonged
                return
        is_grant = operation is Operation.GRANT
        self.tell(f"The portal would now {what}, to let the device {'on' if is_grant else 'off'}. Here it does not.")
        await (self.prove() if is_grant else self.end())


class _NoControllers(Controllers):
    """Asks nobody: a hidden address is that of no device."""

    async def resolve(self, _driver: ResolvingDriver, checked: CheckedArrival) -> CheckedArrival | Refusal:
        """As the controller would have told it."""
        hand_over: Mapping[str, str] = {**checked.arrival.hand_over, "mac": str(_DEVICE)}
        return replace(checked, arrival=replace(checked.arrival, device=_DEVICE, hand_over=hand_over))
