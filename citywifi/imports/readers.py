"""Open a publisher's file: CSV, JSON or GeoJSON, in the encodings that are met, or say in one sentence why not."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citywifi.imports.errors import ImportFileError
from citywifi.imports.report import Problem, shorten

_SIGNATURES = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; unpack it or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"\x1f\x8b": "gzip-compressed; unpack it first",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
}
_BYTE_ORDER_MARK = "\ufeff"
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f]")
_DELIMITERS = ",;\t"
_COLUMNS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One row or object of a file, with the line it begins on; columns of nested objects are joined with dots."""

    line: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    # Rows that have not as many values as there are columns.
    broken: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a GeoJSON file (RFC 7946)."""

    line: int
    properties: Mapping[str, Any]
    geometry: Mapping[str, Any]


def read_table(path: Path, expected: str) -> Table:
    """Read CSV, a JSON array of objects, or GeoJSON points, as rows.

    ``expected`` completes "expected …" in the message. Raises ImportFileError.
    """
    text = read_text(path, expected)
    if text.lstrip()[:1] in ("[", "{"):
        return _table_of_objects(path.name, text, expected)
    return _table_of_csv(path.name, text, expected)


def read_features(path: Path, expected: str) -> tuple[Feature, ...]:
    """Read a GeoJSON FeatureCollection. Raises ImportFileError."""
    text = read_text(path, expected)
    document = _parse_json(path.name, text, expected)
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not features:
        raise ImportFileError(f"{path.name} is not a GeoJSON feature collection; expected {expected}")
    found = []
    for line, feature in _elements(text, '"features"'):
        if not isinstance(feature, dict):
            raise ImportFileError(
                f"{path.name} has something that is not a feature in line {line}; expected {expected}"
            )
        found.append(Feature(line, _object(feature.get("properties")), _object(feature.get("geometry"))))
    return tuple(found)


def read_text(path: Path, expected: str) -> str:
    """The file's text without byte-order marks; UTF-8, UTF-16 with a mark, or Windows-1252. Raises ImportFileError."""
    try:
        if path.is_dir():
            raise ImportFileError(f"{path} is a directory; expected {expected}")
        if path.exists() and not path.is_file():
            raise ImportFileError(f"{path} is not a regular file; expected {expected}")
        content = path.read_bytes()
    except FileNotFoundError:
        raise ImportFileError(f"{path} does not exist; expected {expected}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not possible"
        raise ImportFileError(f"{path} cannot be read ({reason}); expected {expected}") from None
    if not content.strip():
        raise ImportFileError(f"{path.name} is empty; expected {expected}")
    return _decode(path.name, content, expected)


def require_columns(table: Table, columns: Iterable[str], expected: str) -> None:
    """Raises ImportFileError with the missing columns if the table lacks some."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ImportFileError(
            f"{table.name} has no column {', '.join(missing)}; expected {expected}, "
            f"and its columns are {shown(table.columns)}"
        )


def shown(columns: Sequence[str]) -> str:
    """Columns in a message: the first few."""
    names = ", ".join(shorten(column) or "(no name)" for column in columns[:_COLUMNS_SHOWN])
    return names if len(columns) <= _COLUMNS_SHOWN else f"{names} and {len(columns) - _COLUMNS_SHOWN} more"


def _decode(name: str, content: bytes, expected: str) -> str:
    for signature, description in _SIGNATURES.items():
        if content.startswith(signature):
            raise ImportFileError(f"{name} is {description}; expected {expected}")
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _CONTROL_CHARACTERS.search(text):
            # Barcelona's register has a mark at the start of every row.
            return text.replace(_BYTE_ORDER_MARK, "")
    raise ImportFileError(f"{name} is not text (it may be a binary file); expected {expected}")


def _table_of_csv(name: str, text: str, expected: str) -> Table:
    heading = text.lstrip().split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        lines = list(_numbered(reader))
    except csv.Error as error:
        raise ImportFileError(
            f"{name} cannot be read as CSV from line {reader.line_num} on ({error}); expected {expected}"
        ) from None
    columns = tuple(column.strip() for column in lines[0][1])
    if len(lines) == 1:
        raise ImportFileError(f"{name} has only one line; expected {expected}, with rows under its heading")
    rows, broken = [], []
    for line, values in lines[1:]:
        if len(values) == len(columns):
            rows.append(Row(line, dict(zip(columns, values, strict=True))))
        else:
            reason = f"the row has {len(values)} values and the heading has {len(columns)}"
            broken.append(Problem(line, "row", shorten(delimiter.join(values)), reason))
    return Table(name, columns, tuple(rows), tuple(broken))


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line they begin on: a quoted value may go over several lines. Blank lines are left out."""
    line = 1
    for values in reader:
        if any(value.strip() for value in values):
            yield line, values
        line = reader.line_num + 1


def _table_of_objects(name: str, text: str, expected: str) -> Table:
    document = _parse_json(name, text, expected)
    if isinstance(document, dict) and isinstance(document.get("features"), list):
        numbered = [(line, _point_feature(feature)) for line, feature in _elements(text, '"features"')]
    elif isinstance(document, list):
        numbered = list(_elements(text, None))
    else:
        raise ImportFileError(f"{name} is JSON, but not an array of objects; expected {expected}")
    if not numbered:
        raise ImportFileError(f"{name} is an empty array; expected {expected}")
    found = [(line, dict(_flat(element))) for line, element in numbered if isinstance(element, dict)]
    broken = [
        Problem(line, "row", shorten(element), "is not an object")
        for line, element in numbered
        if not isinstance(element, dict)
    ]
    columns = tuple(dict.fromkeys(column for _, values in found for column in values))
    rows = tuple(Row(line, {column: values.get(column, "") for column in columns}) for line, values in found)
    return Table(name, columns, rows, tuple(broken))


def _parse_json(name: str, text: str, expected: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ImportFileError(
            f"{name} is not valid JSON ({error.msg} in line {error.lineno}); expected {expected}"
        ) from None
    except RecursionError:
        raise ImportFileError(f"{name} is nested too deeply to be read as JSON; expected {expected}") from None


def _elements(text: str, key: str | None) -> Iterator[tuple[int, Any]]:
    """Each element of the array (the document itself, or the value of ``key``) with its line.

    The text is known to be valid JSON. A publisher's properties could hold the key's text before the array, which
    does not happen in feature collections: members come before it, features within.
    """
    decoder = json.JSONDecoder()
    position = text.index("[", text.index(key) if key else 0) + 1
    line, counted = 1, 0
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "]":
            return
        line += text.count("\n", counted, position)
        counted = position
        element, position = decoder.raw_decode(text, position)
        yield line, element


def _flat(element: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in element.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif not isinstance(value, list):
            yield f"{prefix}{key}", "" if value is None else str(value)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _point_feature(feature: Any) -> Any:
    """A feature's properties, and its point as longitude and latitude."""
    if not isinstance(feature, dict):
        return feature
    values = dict(_object(feature.get("properties")))
    geometry = _object(feature.get("geometry"))
    coordinates = geometry.get("coordinates")
    if geometry.get("type") == "Point" and isinstance(coordinates, list) and len(coordinates) >= 2:
        values["geometry"] = {"longitude": coordinates[0], "latitude": coordinates[1]}
    return values
