"""Templates are compiled once in a process, and not for the portal of each test again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partialmethod
from types import CodeType

import jinja2
import pytest
from jinja2.bccache import Bucket


class _Compiled(jinja2.BytecodeCache):
    """By template's name, file and content."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._codes[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def compiled_templates() -> Iterator[None]:
    """For every environment of this process."""
    with pytest.MonkeyPatch.context() as patch:
        made = partialmethod(jinja2.Environment.__init__, bytecode_cache=_Compiled())
        patch.setattr(jinja2.Environment, "__init__", made)
        yield
