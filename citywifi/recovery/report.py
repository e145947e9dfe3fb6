"""What a storm was like: figures for people and for programs, and whether it was weathered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from citywifi.recovery.nas_port import Counters
from citywifi.recovery.storm import Storm, waits


@dataclass(frozen=True, slots=True)
class Waits:
    """Of all who got there: half waited at most ``median``; seconds. None where nobody got there."""

    median: float | None
    p99: float | None
    longest: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Waits:
        """``seconds`` sorted."""
        if not seconds:
            return cls(None, None, None)
        last = len(seconds) - 1
        return cls(*(round(seconds[round(last * part)], 3) for part in (0.5, 0.99, 1)))

    def __str__(self) -> str:
        if self.median is None or self.p99 is None or self.longest is None:
            return "nobody"
        return f"median {self.median:.3f} s, 99 % within {self.p99:.3f} s, longest {self.longest:.3f} s"


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one storm."""

    access_points: int
    devices: int
    spread_seconds: float
    within_seconds: float
    # From the return of power until the last one was on, or None if somebody was not.
    all_on_after_seconds: float | None
    last_on_after_seconds: float | None
    on: int
    rejected: int
    # From a device's question to its Access-Accept, and to the confirmation of its Accounting-Start.
    accepted: Waits
    accounted: Waits
    retransmitted: Mapping[str, int]
    late_replies: int
    unverified_replies: int
    undeliverable: int
    requests: int
    requests_in_busiest_second: int
    records_confirmed: Mapping[str, int]
    # Where what was confirmed and what the database holds differ.
    differences: tuple[str, ...]
    # After the storm, until the database held everything: longer where a journal had to be delivered.
    stored_after_seconds: float
    own_processor_seconds: float

    @property
    def is_weathered(self) -> bool:
        """Everybody on in time, nobody rejected, everything confirmed stored once."""
        in_time = self.all_on_after_seconds is not None and self.all_on_after_seconds <= self.within_seconds
        return in_time and not self.rejected and not self.differences

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "is_weathered": self.is_weathered}

    def lines(self) -> Iterator[str]:
        """For people."""
        spread = f"{self.spread_seconds:g} s"
        yield f"{self.access_points:,} access points, {self.devices:,} devices, power back within {spread}"
        if self.all_on_after_seconds is not None:
            yield f"  everybody on    {self.all_on_after_seconds:.1f} s after power returned"
        else:
            yield f"  NOT ON          {self.devices - self.on:,} devices {self.within_seconds:g} s after power returned"
        yield f"  let on          {self.accepted}"
        yield f"  accounted for   {self.accounted}"
        yield f"  rejected        {self.rejected:,} valid residents"
        again = ", ".join(f"{name} {number:,}" for name, number in self.retransmitted.items())
        busiest = f"{self.requests_in_busiest_second:,} in the busiest second"
        yield f"  sent again      {again}; of {self.requests:,} requests, {busiest}"
        confirmed = ", ".join(f"{status} {number:,}" for status, number in self.records_confirmed.items())
        stored = f", in the database {self.stored_after_seconds:.1f} s later" if not self.differences else ""
        yield f"  accounting      {confirmed or 'nothing'} confirmed{stored}"
        if self.late_replies or self.unverified_replies or self.undeliverable:
            yield (
                f"  beside that     {self.late_replies:,} late replies, {self.unverified_replies:,} that do not verify,"
                f" {self.undeliverable:,} undeliverable requests"
            )
        yield f"  the simulation  took {self.own_processor_seconds:.1f} s of a processor itself"


def report(storm: Storm, differences: tuple[str, ...], stored_after_seconds: float, processor_seconds: float) -> Report:
    """Add up. ``processor_seconds`` are what playing it took of a processor here."""
    people = list(storm.people)
    on_after = [person.on_at - storm.began_at for person in people if person.on_at is not None]
    last = round(max(on_after), 3) if on_after else None
    counters = (storm.authentication, storm.accounting)
    return Report(
        access_points=storm.plan.access_points,
        devices=storm.plan.devices,
        spread_seconds=storm.plan.spread_seconds,
        within_seconds=storm.plan.within_seconds,
        all_on_after_seconds=last if len(on_after) == len(people) else None,
        last_on_after_seconds=last,
        on=len(on_after),
        rejected=storm.counts.rejected,
        accepted=Waits.of(waits([(person.asked_at, person.accepted_at) for person in people])),
        accounted=Waits.of(waits([(person.asked_at, person.on_at) for person in people])),
        retransmitted={"Access-Request": counters[0].retransmitted, "Accounting-Request": counters[1].retransmitted},
        late_replies=sum(counter.late for counter in counters),
        unverified_replies=sum(counter.unverified for counter in counters),
        undeliverable=sum(counter.undeliverable for counter in counters),
        requests=sum(counter.sent for counter in counters),
        requests_in_busiest_second=_busiest(counters),
        records_confirmed={str(status): number for status, number in storm.tally.records.items()},
        differences=differences,
        stored_after_seconds=round(stored_after_seconds, 1),
        own_processor_seconds=round(processor_seconds, 2),
    )


def _busiest(counters: Sequence[Counters]) -> int:
    seconds = set().union(*(counter.by_second for counter in counters))
    return max((sum(counter.by_second.get(second, 0) for counter in counters) for second in seconds), default=0)
