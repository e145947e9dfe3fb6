"""Where a register says that a place is: two columns, one joined column, or the national grid; and which are wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from citywifi.imports.fields import FieldReader
from citywifi.imports.geography import grid_to_wgs84
from citywifi.imports.rows import RowNotUsable
from citywifi.imports.values import ValueNotUsable, decimal_number, joined_coordinates

SWAPPED = "latitude and longitude are swapped; taken the other way round"
# Nobody lives beyond these; a latitude outside them is a longitude.
_SOUTHERNMOST, _NORTHERNMOST = -60.0, 80.0
_DECIMALS = 6
_GRID_METRES = 1_300_000
# A place so far from the middle of its register is not where it says.
_FAR_KILOMETRES = 1500.0
_KILOMETRES_A_DEGREE = 111.0


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees of WGS 84, and the columns that they come from."""

    latitude: float
    longitude: float
    columns: str

    def turned(self) -> Position:
        """The other way round."""
        return Position(self.longitude, self.latitude, self.columns)

    def kilometres_to(self, other: Position) -> float:
        """Roughly; good enough to tell the next street from another continent."""
        narrowing = math.cos(math.radians((self.latitude + other.latitude) / 2))
        degrees = math.hypot(self.latitude - other.latitude, (self.longitude - other.longitude) * narrowing)
        return degrees * _KILOMETRES_A_DEGREE

    def __str__(self) -> str:
        return f"{self.latitude}, {self.longitude}"


def read_position(reader: FieldReader) -> Position | None:
    """The row's position, if it has one that can be used; otherwise that is told."""
    try:
        if found := _grid_position(reader):
            return found
        columns, pair = _pair(reader)
        return _upright(reader, columns, pair) if pair else None
    except RowNotUsable as problem:
        reader.remark(problem.column, problem.value, f"{problem.reason}; the position is left out")
        return None


def middle_of(positions: Sequence[Position]) -> Position | None:
    """The middle of a register, which single wrong positions do not move."""
    if not positions:
        return None
    latitude = median(position.latitude for position in positions)
    return Position(latitude, median(position.longitude for position in positions), "")


def near(position: Position, middle: Position) -> tuple[Position | None, str | None]:
    """The position as it can be used, and what there is to say about it: turned round or left out if far away."""
    distance = position.kilometres_to(middle)
    if distance <= _FAR_KILOMETRES:
        return position, None
    if position.turned().kilometres_to(middle) <= _FAR_KILOMETRES:
        return position.turned(), SWAPPED
    return None, f"is {distance:.0f} km from the middle of the register; the position is left out"


def _grid_position(reader: FieldReader) -> Position | None:
    eastings, northings = reader.texts("easting"), reader.texts("northing")
    if not eastings or not northings:
        return None
    columns, pair = reader.columns("easting", "northing"), (eastings[0], northings[0])
    easting, northing = (_number(columns, pair, text, 0, _GRID_METRES) for text in pair)
    if easting == 0 and northing == 0:
        raise RowNotUsable(columns, ", ".join(pair), "is the grid's origin, which stands for no position")
    return Position(*grid_to_wgs84(easting, northing), columns)


def _pair(reader: FieldReader) -> tuple[str, tuple[str, str] | None]:
    latitudes, longitudes = reader.texts("latitude"), reader.texts("longitude")
    if latitudes and longitudes:
        return reader.columns("latitude", "longitude"), (latitudes[0], longitudes[0])
    columns = reader.columns("position")
    for text in reader.texts("position")[:1]:
        try:
            return columns, joined_coordinates(text)
        except ValueNotUsable as error:
            raise RowNotUsable(columns, text, str(error)) from None
    return columns, None


def _upright(reader: FieldReader, columns: str, pair: tuple[str, str]) -> Position:
    """Both as degrees; the other way round if only that is a place where people live."""
    latitude, longitude = (_number(columns, pair, text, -180, 180) for text in pair)
    if latitude == 0 and longitude == 0:
        raise RowNotUsable(columns, ", ".join(pair), "stands for no position")
    if not _SOUTHERNMOST <= latitude <= _NORTHERNMOST:
        if not _SOUTHERNMOST <= longitude <= _NORTHERNMOST:
            raise RowNotUsable(columns, ", ".join(pair), "is not a latitude and a longitude")
        reader.remark(columns, ", ".join(pair), SWAPPED)
        latitude, longitude = longitude, latitude
    return Position(round(latitude, _DECIMALS), round(longitude, _DECIMALS), columns)


def _number(columns: str, pair: tuple[str, str], text: str, lowest: float, highest: float) -> float:
    try:
        return decimal_number(text, lowest=lowest, highest=highest)
    except ValueNotUsable as error:
        raise RowNotUsable(columns, ", ".join(pair), str(error)) from None
