"""What stands in a journal's entry: a record's name and its values by their names.

JSON with times and octets marked, so that a journal which an older release left is still understood: values that are
new have their default, and those that are gone are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from radius.errors import RadiusError

_TIME: Final = "t"
_OCTETS: Final = "o"


class NotUnderstoodError(RadiusError):
    """An entry of a release that kept records in another way."""


def encode(record: tuple[Any, ...]) -> bytes:
    """The octets of a record, which is a NamedTuple."""
    kind: Any = type(record)
    values = dict(zip(kind._fields, record, strict=True))
    return _ENCODE([kind.__name__, values]).encode("ascii")


def decode(payload: bytes, kinds: Mapping[str, type[Any]]) -> Any:
    """The record, of one of these NamedTuples by their names. Raises NotUnderstoodError."""
    try:
        name, values = _DECODE(payload.decode("ascii"))
        kind = kinds[name]
        return kind(**{field: values[field] for field in kind._fields if field in values})
    except (ValueError, TypeError, KeyError) as error:
        raise NotUnderstoodError(f"a journal's entry is not understood: {type(error).__name__}") from None


def _marked(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    if isinstance(value, bytes):
        return {_OCTETS: value.hex()}
    raise TypeError(f"a journal cannot keep a {type(value).__name__}")


def _unmarked(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        if _TIME in found:
            return datetime.fromisoformat(found[_TIME])
        if _OCTETS in found:
            return bytes.fromhex(found[_OCTETS])
    return found


# Made once: the functions of the json package make one for each call.
_ENCODE: Final = json.JSONEncoder(default=_marked, separators=(",", ":"), check_circular=False).encode
_DECODE: Final = json.JSONDecoder(object_hook=_unmarked).decode
