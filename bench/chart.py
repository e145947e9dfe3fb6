"""The comparison as a picture: requests a second of both systems, drawn from the table's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import vl_convert

from bench.comparison import A_SECOND, THE_OTHER, Row

_OURS = "CityWiFi"
_COLOURS = {_OURS: "#1f6f8b", THE_OTHER: "#b9c4cc"}
_INK = "#1c2b36"


def specification(rows: Sequence[Row]) -> dict[str, Any]:
    """Vega-Lite: two bars for each row of requests a second whose other side is FreeRADIUS."""
    shown = [row for row in rows if row.unit == A_SECOND and row.other_is.startswith(THE_OTHER)]
    values = [
        {"what": row.title, "who": who, "value": value}
        for row in shown
        for who, value in ((_OURS, row.ours), (THE_OTHER, row.other))
    ]
    who = {"field": "who", "type": "nominal", "sort": list(_COLOURS)}
    colours = {"domain": list(_COLOURS), "range": list(_COLOURS.values())}
    legend = {"orient": "top", "title": None, "labelColor": _INK, "labelFontSize": 12}
    return {
        "data": {"values": values},
        "width": 420,
        "height": {"step": 13},
        "background": "white",
        "padding": 12,
        "title": {"text": "Requests a second", "anchor": "start", "color": _INK, "fontSize": 13},
        "config": {"font": "Arial, Helvetica, sans-serif", "view": {"stroke": None}},
        "encoding": {
            "y": {
                "field": "what",
                "type": "nominal",
                "sort": [row.title for row in shown],
                "title": None,
                "axis": {"ticks": False, "domain": False, "labelLimit": 420, "labelColor": _INK, "labelFontSize": 12},
            },
            "yOffset": who,
            "x": {"field": "value", "type": "quantitative", "title": None, "axis": None},
        },
        "layer": [
            {"mark": "bar", "encoding": {"color": {**who, "scale": colours, "legend": legend}}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 10, "color": _INK},
                "encoding": {"text": {"field": "value", "type": "quantitative", "format": ",.0f"}},
            },
        ],
    }


def draw(rows: Sequence[Row]) -> str:
    """The picture as SVG."""
    return str(vl_convert.vegalite_to_svg(specification(rows), allowed_base_urls=[]))
