"""SQL statements are compiled once in a process, and not for the database of each test again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import Compiled
from sqlalchemy.util import LRUCache

from foundation import database

_MOST_STATEMENTS = 5_000


@pytest.fixture(scope="session", autouse=True)
def compiled_statements() -> Iterator[None]:
    """For every engine of this process. They are kept by statement and dialect, so dialects of a kind are one."""
    compiled: LRUCache[object, Compiled] = LRUCache(_MOST_STATEMENTS)
    make_engine = database._make_engine

    def make_engine_with_them(url: URL, pool_size: int) -> AsyncEngine:
        engine = make_engine(url, pool_size)
        engine.sync_engine._compiled_cache = compiled
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_make_engine", make_engine_with_them)
        for dialect in (SQLiteDialect_aiosqlite, PGDialect_asyncpg):
            patch.setattr(dialect, "__eq__", lambda self, other: type(self) is type(other))
            patch.setattr(dialect, "__hash__", lambda self: hash(type(self)))
        yield
