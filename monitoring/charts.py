"""Charts of a report: published figures to Vega-Lite, and Vega-Lite to SVG without a browser or the internet.

Each chart has a title for those who cannot see it, and stands beside the table that it was drawn from. What is
withheld has no bar. One hue from light to dark, so that nothing depends on telling colours apart.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import math
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import vl_convert

from monitoring.inclusion.indicators import UNKNOWN
from monitoring.inclusion.profile import DailyProfile
from monitoring.inclusion.report import CouncilReport, MeasureName, Missing, Row

Spec = dict[str, Any]

_INK: Final = "#1c2b36"
_QUIET_INK: Final = "#5a6b78"
_LINE: Final = "#d9e0e5"
_BAR: Final = "#1f6f8b"
_WITHHELD: Final = "#eceff1"
_SHADES: Final = ("#dbe9ee", "#8fbccb", "#1f6f8b", "#0b3c4f")
_WIDTH: Final = 330
# The reader's font may be wider than the one that the drawing was measured with.
_PADDING: Final[Spec] = {"left": 24, "right": 48, "top": 4, "bottom": 4}
_CACHED_CHARTS: Final = 200

_CONFIG: Final[Spec] = {
    "background": None,
    "font": "Arial, Helvetica, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _INK, "titleColor": _QUIET_INK, "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE, "labelLimit": 180,
    },
    "legend": {"labelColor": _INK, "titleColor": _QUIET_INK, "labelFontSize": 12, "titleFontSize": 12,
               "titleFontWeight": "normal"},
    "text": {"color": _INK, "fontSize": 11},
}  # fmt: skip


def sessions_by_ward(report: CouncilReport) -> Spec:
    """Horizontal bars, longest first."""
    values = [{"area": row.area.name, "value": row.sessions} for row in _published(report.wards, "sessions")]
    return _bars(values, "Sessions", sort="-x")


def hours_by_decile(report: CouncilReport) -> Spec:
    """Horizontal bars, most deprived first."""
    rows = _published(report.deciles, "hours_online")
    values = [{"area": row.area.name, "value": row.hours_online} for row in rows]
    return _bars(values, "Hours online", sort=[row.area.name for row in report.deciles])


def daily_profile(profile: DailyProfile) -> Spec:
    """Upright bars, one for each hour of the day."""
    values = [
        {"hour": hour, "value": None if isinstance(figure, Missing) else figure}
        for hour, figure in enumerate(profile.sessions)
    ]
    return {
        "data": {"values": values}, "width": _WIDTH, "height": 150, "config": _CONFIG,
        "mark": {"type": "bar", "color": _BAR},
        "encoding": {
            "x": {
                "field": "hour", "type": "ordinal", "title": "Hour of the day",
                "axis": {"labelAngle": 0, "values": [0, 6, 9, 12, 15, 18, 21], "ticks": False},
            },
            "y": {"field": "value", "type": "quantitative", "title": None, "axis": {"tickCount": 4}},
        },
    }  # fmt: skip


def ward_map(report: CouncilReport, outlines: Mapping[str, str]) -> Spec | None:
    """The wards, shaded by sessions; what is withheld is left pale and dashed. None without outlines.

    ``outlines`` gives GeoJSON geometries in WGS 84 by ward code.
    """
    shapes = [
        {
            "type": "Feature",
            "geometry": {"type": geometry["type"], "coordinates": _flat(geometry["coordinates"])},
            "properties": {"value": None if isinstance(row.sessions, Missing) else row.sessions},
        }
        for row in report.wards
        if row.area.code in outlines
        for geometry in [json.loads(outlines[row.area.code])]
    ]
    if not shapes:
        return None
    shade = {
        "field": "properties.value", "type": "quantitative", "title": "Sessions",
        "scale": {"range": list(_SHADES), "domainMin": 0},
        "legend": {"orient": "bottom", "gradientLength": 200, "tickCount": 2},
    }  # fmt: skip
    base = {"type": "geoshape", "strokeWidth": 1}
    return {
        "data": {"values": shapes}, "width": _WIDTH, "height": 300, "config": _CONFIG,
        "projection": {"type": "identity", "reflectY": True},
        "layer": [
            {"mark": {**base, "fill": _WITHHELD, "stroke": _QUIET_INK, "strokeDash": [2, 2]}},
            {
                "transform": [{"filter": "isValid(datum.properties.value)"}],
                "mark": {**base, "stroke": "white"},
                "encoding": {"color": shade},
            },
        ],
    }  # fmt: skip


def _published(rows: Sequence[Row], name: MeasureName) -> list[Row]:
    known = (row for row in rows if row.area.code != UNKNOWN)
    return [row for row in known if not isinstance(row.figure(name), Missing)]


def _bars(values: list[Spec], title: str, sort: object) -> Spec:
    y = {"field": "area", "type": "nominal", "sort": sort, "title": None, "axis": {"ticks": False, "labelPadding": 6}}
    # Every bar bears its figure, so that an axis would only say it again.
    x = {"field": "value", "type": "quantitative", "title": title, "axis": None}
    return {
        "data": {"values": values}, "width": 170, "padding": _PADDING, "height": {"step": 22}, "config": _CONFIG,
        "encoding": {"y": y, "x": x},
        "layer": [
            {"mark": {"type": "bar", "color": _BAR}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {"text": {"field": "value", "type": "quantitative", "format": ",.0f"}},
            },
        ],
    }  # fmt: skip


def _flat(coordinates: Any) -> Any:
    """Longitude shortened by the latitude's cosine: true enough for one city, and free of winding rules."""
    if isinstance(coordinates[0], int | float):
        longitude, latitude = coordinates[:2]
        return [longitude * math.cos(math.radians(52.5)), latitude]
    return [_flat(part) for part in coordinates]


class ChartPainter:
    """Draws charts in one thread of its own and remembers them by their content."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="charts")
        self._drawn: OrderedDict[bytes, str] = OrderedDict()

    async def draw(self, spec: Spec, title: str) -> str:
        """SVG to stand in a page, with the title as its text alternative."""
        content = json.dumps([spec, title], sort_keys=True).encode()
        key = hashlib.sha256(content).digest()
        if key not in self._drawn:
            loop = asyncio.get_running_loop()
            self._drawn[key] = await loop.run_in_executor(self._executor, draw, spec, title, key.hex()[:8])
            while len(self._drawn) > _CACHED_CHARTS:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]

    def close(self) -> None:
        """Stop the thread."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def draw(spec: Spec, title: str, prefix: str) -> str:
    """SVG of a chart; ``prefix`` keeps its identifiers apart from other charts' on the page."""
    drawn = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    drawn = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', drawn)
    drawn = drawn.replace("url(#", f"url(#{prefix}-")
    # The page's reader hears the title once and not every mark.
    drawn = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", drawn)
    label = html.escape(title)
    opening = f'<svg role="img" aria-labelledby="{prefix}-title"'
    return drawn.replace("<svg", opening, 1).replace(">", f'><title id="{prefix}-title">{label}</title>', 1)
