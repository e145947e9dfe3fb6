"""What pyproject.toml cannot say: the modules that mypyc compiles when ``tools/build_backend.py`` asks for it."""

from __future__ import annotations

import os

from setuptools import Extension, setup

# Every datagram passes through these. All are plain Python too, and behave alike both ways.
CODEC = [
    "radius/attribute_layout.py",
    "radius/attribute_values.py",
    "radius/attributes.py",
    "radius/authenticators.py",
    "radius/duplicates.py",
    "radius/packet.py",
    "radius/parser.py",
]


def compiled() -> list[Extension]:
    """The codec as extension modules; Python finds them before the sources, which lie beside them."""
    from mypyc.build import mypycify  # It is there only when a wheel is built.

    # The checkout's mypy settings want the types of everything; here only what is compiled matters.
    options = ["--config-file=", "--cache-dir=build/mypyc", "--ignore-missing-imports"]
    extensions = mypycify([*options, *CODEC], opt_level="3", debug_level="0", group_name="citywifi_codec")
    for extension in extensions:
        # Another compiler's new warning must not keep a city from installing.
        extension.extra_compile_args = [each for each in extension.extra_compile_args if each != "-Werror"]
    return extensions


setup(ext_modules=compiled() if os.environ.get("CITYWIFI_BUILD") == "compiled" else [])
