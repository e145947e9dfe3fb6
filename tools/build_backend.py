"""Builds the project (PEP 517): setuptools, and for a wheel mypyc, which compiles the packet path (``setup.py``).

Before anything is built or installed, the portal's stylesheet is made from the npm package ``govuk-frontend``
(``stylesheet.py``), unless the source archive brought it.

Only a wheel is compiled, as ``pip install .`` and ``pip wheel .`` build it. What is installed to be worked on (``-e``)
stays pure Python and needs neither mypy nor a C compiler. A wheel is pure, too, where there is no C compiler or no
Python.h, or where the environment has ``CITYWIFI_PURE=1``: everything works, a request costs about half as much again.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
    "why_pure",
]

_COMPILER = "mypy[mypyc]>=2.4,<3"
_Settings = Mapping[str, Any] | None


def get_requires_for_build_wheel(config_settings: _Settings = None) -> list[str]:
    """mypyc, unless the wheel will be pure."""
    requirements: list[str] = build_meta.get_requires_for_build_wheel(config_settings)
    return requirements if why_pure() else [*requirements, _COMPILER]


def build_editable(
    wheel_directory: str, config_settings: _Settings = None, metadata_directory: str | None = None
) -> str:
    """The file name of what makes the checkout importable."""
    _make_stylesheet()
    return str(build_meta.build_editable(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: _Settings = None) -> str:
    """The source archive's file name; the stylesheet is in it."""
    _make_stylesheet()
    return str(build_meta.build_sdist(sdist_directory, config_settings))


def _make_stylesheet() -> None:
    subprocess.run([sys.executable, str(Path(__file__).with_name("stylesheet.py"))], check=True)


def build_wheel(wheel_directory: str, config_settings: _Settings = None, metadata_directory: str | None = None) -> str:
    """The wheel's file name. Says on standard error what it does; ``pip -v`` shows it."""
    _make_stylesheet()
    reason = why_pure()
    if reason:
        print(f"CityWiFi: the packet path stays pure Python: {reason}", file=sys.stderr)
        return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))
    print("CityWiFi: mypyc compiles the packet path; CITYWIFI_PURE=1 would leave it pure Python", file=sys.stderr)
    os.environ["CITYWIFI_BUILD"] = "compiled"
    try:
        return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))
    finally:
        del os.environ["CITYWIFI_BUILD"]


def why_pure() -> str | None:
    """Why the packet path cannot or shall not be compiled here; None where it can."""
    if os.environ.get("CITYWIFI_PURE", "0") not in ("", "0"):
        return "CITYWIFI_PURE asks for it"
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    with TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <Python.h>\n")
        include = sysconfig.get_path("include")
        command = [*compiler, f"-I{include}", "-c", str(source), "-o", str(source.with_suffix(".o"))]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except OSError:
            return f"there is no C compiler ({compiler[0]}); install gcc to have it compiled"
        except subprocess.CalledProcessError:
            return f"{compiler[0]} finds no Python.h in {include}; install python3-dev to have it compiled"
    return None
