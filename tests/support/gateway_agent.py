"""The agent of the plain Linux gateway, which is a program of one file and no part of the packages."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "deploy" / "nftables-gateway"
PROGRAM: Final = FOLDER / "citywifi_gateway.py"


@cache
def load_agent() -> ModuleType:
    """Its functions."""
    spec = importlib.util.spec_from_file_location("citywifi_gateway", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their own module up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
