"""One row of a register to one venue: pure, row by row, with a reason for whatever is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from citywifi.imports.fields import FieldReader
from citywifi.imports.opening_hours import DAYS, spans_of_day
from citywifi.imports.positions import Position, read_position
from citywifi.imports.readers import Row
from citywifi.imports.registers import RegisterMapping
from citywifi.imports.report import Problems
from citywifi.imports.rows import RowNotUsable
from citywifi.imports.values import ValueNotUsable, some_date, text_or_none, uk_postcode

_LONGEST_REFERENCE = 200
_LONGEST_POSTCODE = 16
_BETWEEN_PARTS = " / "
_WITHOUT_PLACE = "the venue goes in without a place"
_PLACE_FIELDS = ("latitude", "longitude", "position", "easting", "northing")


@dataclass(frozen=True, slots=True)
class VenueRow:
    """A venue as its register tells it."""

    line: int
    reference: str
    name: str
    kind: str
    status: str
    address: str | None = None
    postcode: str | None = None
    position: Position | None = None
    opening_hours: dict[str, list[str]] | None = None
    opened_on: date | None = None
    closed_on: date | None = None

    def same_venue_as(self, other: VenueRow) -> bool:
        """Both rows mean one place; what they say of its kind or hours may differ."""
        return (self.name, self.postcode, self.position) == (other.name, other.postcode, other.position)

    def at(self, position: Position | None) -> VenueRow:
        """The same venue at another position, or at none."""
        return replace(self, position=position)


def read_venue(row: Row, mapping: RegisterMapping, today: date, problems: Problems) -> VenueRow:
    """Read a row. Raises RowNotUsable if it has no identifier or no name; the rest may be missing."""
    reader = FieldReader(row, mapping, problems)
    reference = _reference(reader)
    name = reader.text("name")
    if name is None:
        raise RowNotUsable(reader.columns("name"), reader.raw("name"), "there is no name")
    read_date = partial(some_date, month_first=mapping.month_first)
    closed_on = reader.value("closed_on", partial(read_date, end_of_year=True))
    position, postcode = _place(reader)
    return VenueRow(
        line=row.line,
        reference=reference,
        name=name,
        kind=_kind(reader),
        status=_status(reader, closed_on, today),
        address=reader.text("address"),
        postcode=postcode,
        position=position,
        opening_hours=_opening_hours(reader),
        opened_on=reader.value("opened_on", partial(read_date, end_of_year=False)),
        closed_on=closed_on,
    )


def _reference(reader: FieldReader) -> str:
    """The register's identifier; where several columns make it, the first may not be empty."""
    first = reader.mapping.columns["reference"][0]
    if text_or_none(reader.row.values[first]) is None:
        reason = "there is no identifier, so a second import could not recognise the venue"
        raise RowNotUsable(first, reader.row.values[first], reason)
    reference = _BETWEEN_PARTS.join(reader.texts("reference"))
    if len(reference) > _LONGEST_REFERENCE:
        reason = f"is longer than the {_LONGEST_REFERENCE} characters of an identifier"
        raise RowNotUsable(reader.columns("reference"), reference, reason)
    return reference


def _kind(reader: FieldReader) -> str:
    text = reader.text("kind")
    return reader.mapping.kind if text is None else reader.mapping.kinds.get(text.casefold(), text.lower())


def _status(reader: FieldReader, closed_on: date | None, today: date) -> str:
    if closed_on is not None and closed_on < today:
        return "closed"
    text = reader.text("status")
    if text is None:
        return "open"
    status = reader.mapping.statuses.get(text.casefold())
    if status is None:
        reader.remark(reader.columns("status"), text, "is not a status known; taken as open")
    return status or "open"


def _place(reader: FieldReader) -> tuple[Position | None, str | None]:
    """Position and postcode. A venue with neither a position nor a UK postcode is told, once."""
    told = len(reader.problems.remarks)
    position = read_position(reader)
    text = reader.text("postcode")
    try:
        return position, uk_postcode(text or "")
    except ValueNotUsable as error:
        reason = f"{error}; {_WITHOUT_PLACE}"
    if not reader.mapping.has_coordinates:
        reader.remark(reader.columns("postcode"), reader.raw("postcode"), reason)
        return None, None
    if position is None and len(reader.problems.remarks) == told:
        columns, raw = reader.columns(*_PLACE_FIELDS), reader.raw(*_PLACE_FIELDS)
        reader.remark(columns, raw, f"there is no position; {_WITHOUT_PLACE}")
    # Any country's postcode will do, because the position tells the place.
    return position, text if text and len(text) <= _LONGEST_POSTCODE else None


def _opening_hours(reader: FieldReader) -> dict[str, list[str]] | None:
    """Hours by day; a day without hours is left out, and None if the register has no hours at all."""
    if not any(day in reader.mapping.columns for day in DAYS):
        return None
    week = {day: sorted(span for text in reader.texts(day) for span in _spans(reader, day, text)) for day in DAYS}
    return {day: spans for day, spans in week.items() if spans}


def _spans(reader: FieldReader, day: str, text: str) -> list[str]:
    if text.casefold() == "closed":
        return []
    try:
        spans = spans_of_day(text)
    except ValueNotUsable as error:
        reader.remark(reader.columns(day), text, f"{error}; the day is left out")
        return []
    if any(span.endswith("-00:00") for span in spans):
        reader.remark(reader.columns(day), text, "closing at 00:00 is taken as midnight, as published")
    return spans
