"""Which ward and small area a venue is in: by its coordinates, or by its postcode where it has none.

Small areas are those of 2021. Where only outlines of 2011 are known, an area that did not change or was merged leads to
its 2021 area; in one that was split it cannot be told in which part the venue is, so it keeps the 2011 area, which
carries the mean deprivation of its parts (see editions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.imports.editions import WHOLE
from citywifi.imports.geography import Outlines
from citywifi.imports.positions import Position
from foundation.schema import postcodes, small_area_changes, small_areas, wards


@dataclass(frozen=True, slots=True)
class Place:
    """Where a venue is; the numbers are rows of wards and small_areas."""

    latitude: float | None = None
    longitude: float | None = None
    ward_id: int | None = None
    small_area_id: int | None = None


@dataclass(frozen=True, slots=True)
class PostcodePoint:
    """A postcode's position and ward."""

    latitude: float
    longitude: float
    ward_id: int | None


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """What is known of a council's geography."""

    postcodes: Mapping[str, PostcodePoint]
    wards: Outlines[int]
    areas_2021: Outlines[int]
    areas_2011: Outlines[int]
    # Row of the 2011 area to row of the 2021 area that it is the whole of, or lies in.
    successors: Mapping[int, int]

    def place(self, position: Position | None, postcode: str | None) -> Place:
        """Find a venue's place; nothing where it is outside the council."""
        if position is not None:
            latitude, longitude = position.latitude, position.longitude
            ward = self.wards.containing(latitude, longitude)
            return Place(latitude, longitude, ward, self._small_area(latitude, longitude, known_inside=False))
        point = self.postcodes.get(postcode or "")
        if point is None:
            return Place()
        ward = point.ward_id or self.wards.containing(point.latitude, point.longitude, known_inside=True)
        area = self._small_area(point.latitude, point.longitude, known_inside=True)
        return Place(point.latitude, point.longitude, ward, area)

    def covers(self, position: Position) -> bool:
        """The position is in one of the council's wards."""
        return self.wards.containing(position.latitude, position.longitude) is not None

    def missing(self) -> list[str]:
        """Sentences on what has to be imported for venues to find their ward and small area."""
        found = []
        if not self.postcodes:
            found.append("there are no postcodes yet: import Code-Point with `citywifi import areas`")
        if not len(self.wards):
            found.append("there are no ward outlines yet: import them with `citywifi import boundaries`")
        if not len(self.areas_2021) and not len(self.areas_2011):
            found.append("there are no small-area outlines yet: import them with `citywifi import boundaries`")
        elif not len(self.areas_2021) and not self.successors:
            found.append("2011 areas do not lead to 2021 yet: import the ONS lookup with `citywifi import areas`")
        return found

    def _small_area(self, latitude: float, longitude: float, *, known_inside: bool) -> int | None:
        found = self.areas_2021.containing(latitude, longitude, known_inside=known_inside)
        if found is not None:
            return found
        older = self.areas_2011.containing(latitude, longitude, known_inside=known_inside)
        return None if older is None else self.successors.get(older, older)


async def load_gazetteer(connection: AsyncConnection, council_id: int) -> Gazetteer:
    """Read what is known of the council's geography."""
    ward_rows = await connection.execute(
        select(wards.c.id, wards.c.outline).where(wards.c.council_id == council_id).order_by(wards.c.code)
    )
    areas = (
        await connection.execute(
            select(small_areas.c.id, small_areas.c.edition, small_areas.c.code, small_areas.c.outline)
            .where(small_areas.c.council_id == council_id)
            .order_by(small_areas.c.code)
        )
    ).all()
    points = await connection.execute(
        select(postcodes.c.postcode, postcodes.c.latitude, postcodes.c.longitude, postcodes.c.ward_id).where(
            postcodes.c.council_id == council_id
        )
    )
    changes = await connection.execute(
        select(small_area_changes.c.code_2011, small_area_changes.c.code_2021).where(
            small_area_changes.c.council_id == council_id, small_area_changes.c.change.in_(sorted(WHOLE))
        )
    )
    by_code = {(area.edition, area.code): area.id for area in areas}
    pairs = [(by_code.get((2011, row.code_2011)), by_code.get((2021, row.code_2021))) for row in changes]
    return Gazetteer(
        postcodes={row.postcode: PostcodePoint(row.latitude, row.longitude, row.ward_id) for row in points},
        wards=Outlines((row.id, row.outline) for row in ward_rows if row.outline),
        areas_2021=Outlines((area.id, area.outline) for area in areas if area.outline and area.edition == 2021),
        areas_2011=Outlines((area.id, area.outline) for area in areas if area.outline and area.edition == 2011),
        successors={old: new for old, new in pairs if old is not None and new is not None},
    )
