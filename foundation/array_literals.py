"""PostgreSQL's text form of arrays: how a column of many rows goes into one parameter.

asyncpg's own arrays are checked element by element, whether each is itself an array, which costs more than everything
else that is done for a row. A text is one value to it; it is made here a column at a time by methods in C.

https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, DateTime, Float, Integer, LargeBinary, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from foundation.database_errors import DatabaseError
from foundation.moments import moments_as_text

Writer = Callable[[Sequence[Any]], str]


def writer_of(element: TypeEngine[Any]) -> Writer:
    """What writes arrays of a column's values. Raises DatabaseError for a type of which there are none yet."""
    implementation = element.impl_instance if isinstance(element, TypeDecorator) else element
    for type_, writer in _WRITERS:
        if isinstance(implementation, type_):
            return writer
    raise DatabaseError(f"arrays of {element!r} are not written; add how to foundation/array_literals.py")


def _numbers(values: Sequence[float | None]) -> str:
    # [1, None, True] is nearly it.
    return "{" + str(list(values))[1:-1].replace("None", "NULL") + "}"


def _octets(values: Sequence[bytes | None]) -> str:
    if None in values:
        return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"
    return '{"\\\\x' + '","\\\\x'.join(map(bytes.hex, values)) + '"}' if values else "{}"  # type: ignore[arg-type]  # none is None


def _moments(values: Sequence[datetime | None]) -> str:
    return "{" + ",".join(["NULL" if text is None else f'"{text}+00"' for text in moments_as_text(values)]) + "}"


def _texts(values: Sequence[str | None]) -> str:
    if None not in values:
        joined = '","'.join(values)  # type: ignore[arg-type]  # none is None
        # Quotation marks and backslashes are rare: then every text is looked at.
        if values and "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):
            return '{"' + joined + '"}'
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_WRITERS: tuple[tuple[type[TypeEngine[Any]], Writer], ...] = (
    (String, _texts),
    (LargeBinary, _octets),
    (DateTime, _moments),
    (Integer, _numbers),
    (Float, _numbers),
    (Boolean, _numbers),
)
