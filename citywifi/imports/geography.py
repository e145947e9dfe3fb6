"""Where a place is: British National Grid to WGS 84, and which outline a point lies in."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

import shapely
from pyproj import Transformer
from shapely.errors import GEOSException
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry

from citywifi.imports.values import ValueNotUsable

# Six decimals of a degree are about ten centimetres.
_DECIMALS = 6
# Published outlines are generalised; a point that is known to be inside may lie this far outside (about 100 m).
_EDGE_DEGREES = 0.001

Key = TypeVar("Key", bound=Hashable)


def grid_to_wgs84(easting: float, northing: float) -> tuple[float, float]:
    """OSGB36 British National Grid (metres, EPSG:27700) to latitude and longitude in degrees (EPSG:4326)."""
    longitude, latitude = _transformer().transform(easting, northing)
    return round(latitude, _DECIMALS), round(longitude, _DECIMALS)


@cache
def _transformer() -> Transformer:
    return Transformer.from_crs(27700, 4326, always_xy=True)


def read_outline(geometry: Any) -> BaseGeometry:
    """A GeoJSON Polygon or MultiPolygon in WGS 84. Raises ValueNotUsable."""
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise ValueNotUsable("is not a polygon")
    try:
        outline = shape(geometry)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, GEOSException):
        raise ValueNotUsable("has coordinates that cannot be read") from None
    if outline.is_empty:
        raise ValueNotUsable("is an empty polygon")
    west, south, east, north = outline.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueNotUsable("is not in degrees of WGS 84 (it may be in metres of the national grid)")
    return outline if outline.is_valid else shapely.make_valid(outline)


def outline_text(outline: BaseGeometry) -> str:
    """An outline as GeoJSON text, without decimals that mean nothing."""
    rounded = shapely.transform(outline, lambda coordinates: coordinates.round(_DECIMALS))
    return json.dumps(shapely.geometry.mapping(rounded), separators=(",", ":"))


class Outlines(Generic[Key]):
    """Outlines with their keys, and the question which one a point lies in."""

    def __init__(self, outlines: Iterable[tuple[Key, str]]) -> None:
        pairs = [(key, shape(json.loads(text))) for key, text in outlines]
        self._keys: Sequence[Key] = [key for key, _ in pairs]
        self._geometries = [geometry for _, geometry in pairs]
        self._tree = shapely.STRtree(self._geometries)

    def __len__(self) -> int:
        return len(self._keys)

    def containing(self, latitude: float, longitude: float, *, known_inside: bool = False) -> Key | None:
        """The outline that the point lies in, on a shared border the first one.

        ``known_inside`` says that another source has the point inside the city, so that a sliver between generalised
        outlines takes the nearest one.
        """
        point = Point(longitude, latitude)
        found = sorted(self._tree.query(point, predicate="intersects"))
        if not found and known_inside:
            found = list(self._tree.query_nearest(point, max_distance=_EDGE_DEGREES, all_matches=False))
        return self._keys[int(found[0])] if found else None
