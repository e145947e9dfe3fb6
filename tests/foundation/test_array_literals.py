"""What is written as a text of an array, PostgreSQL reads as that array, whatever is in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Float, LargeBinary, Numeric, String, func, select
from sqlalchemy.types import TypeEngine

from foundation.array_literals import writer_of
from foundation.database import Database, Identifier, UtcDateTime
from foundation.database_errors import DatabaseError, RowsRefusedError
from foundation.direct import array_parameter

MOMENT = datetime(2026, 11, 22, 8, 30, 15, 123456, tzinfo=UTC)
AWKWARD = [
    '"',
    "\\",
    '\\"',
    "NULL",
    "null",
    "",
    " ",
    ",",
    "{}",
    "{a,b}",
    "'",
    "\n",
    "Siân",
    "🙂",
    '","',
    "None",
    "a" * 300,
]


def any_text(chance: random.Random) -> str:
    return "".join(chance.choices(["a", '"', "\\", ",", "{", "}", " ", "é", "N"], k=chance.randrange(9)))


CASES: list[tuple[TypeEngine[Any], list[Any], Callable[[random.Random], Any]]] = [
    (String(8), AWKWARD, any_text),
    (LargeBinary(), [b"", b"\0", b"\\x00", b'"', bytes(range(256))], lambda chance: chance.randbytes(5)),
    (BigInteger(), [0, -1, 2**63 - 1, -(2**63)], lambda chance: chance.randrange(10**9)),
    (Identifier, [1], lambda chance: chance.randrange(10**9)),
    (Float(), [0.0, -1.5, 1e-300, float("inf")], lambda chance: chance.random()),
    (Boolean(), [True, False], lambda chance: chance.random() < 0.5),
    (
        UtcDateTime(),
        [MOMENT, MOMENT.replace(microsecond=0), MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))],
        lambda chance: MOMENT + timedelta(microseconds=chance.randrange(10**12)),
    ),
]


@pytest.mark.parametrize(("type_", "awkward", "make"), CASES, ids=lambda case: getattr(case, "__visit_name__", ""))
async def test_every_array_comes_back(
    postgres_url: str, type_: TypeEngine[Any], awkward: list[Any], make: Callable[[random.Random], Any]
) -> None:
    database, chance = Database(postgres_url), random.Random(7)
    try:
        question = select(func.unnest(array_parameter("given", type_)).column_valued("element"))
        statement = database.direct.statement(question)
        arrays: list[Sequence[Any]] = [[], awkward, [None], [None, *awkward, None], *([value] for value in awkward)]
        arrays += [[make(chance) for _ in range(chance.randrange(30))] for _ in range(30)]
        for array in arrays:
            rows = await database.direct.fetch(statement, given=writer_of(type_)(array))
            assert [row[0] for row in rows] == list(array)
    finally:
        await database.close()


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(RowsRefusedError, match="zone"):
        writer_of(UtcDateTime())([MOMENT, MOMENT.replace(tzinfo=None)])


def test_a_type_that_nobody_has_thought_of_is_an_error() -> None:
    with pytest.raises(DatabaseError, match="array_literals"):
        writer_of(Numeric())
