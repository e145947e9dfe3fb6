"""What pyproject.toml cannot say: the modules that mypyc compiles when ``tools/build_backend.py`` asks for it."""

from __future__ import annotations

import os

from setuptools import Extension, setup

# What every request passes through. All are plain Python too, and behave alike both ways.
PACKET_PATH = [
    "foundation/array_literals.py",
    "foundation/direct_postgres.py",
    "foundation/mac_address.py",
    "foundation/moments.py",
    "foundation/privacy.py",
    "foundation/tally.py",
    "foundation/token_buckets.py",
    "radius/accounting/anchors.py",
    "radius/accounting/merging.py",
    "radius/accounting/records.py",
    "radius/accounting/writer.py",
    "radius/attribute_layout.py",
    "radius/attribute_values.py",
    "radius/attributes.py",
    "radius/authentication/credential.py",
    "radius/authentication/device.py",
    "radius/authentication/log.py",
    "radius/authentication/methods.py",
    "radius/authentication/outcome.py",
    "radius/authentication/password.py",
    "radius/authentication/seen.py",
    "radius/authentication/stored_password.py",
    "radius/authenticators.py",
    "radius/authorization.py",
    "radius/batching.py",
    "radius/defences.py",
    "radius/directory.py",
    "radius/directory_cache.py",
    "radius/directory_records.py",
    "radius/duplicates.py",
    "radius/handlers.py",
    "radius/message_authenticators.py",
    "radius/nas_table.py",
    "radius/packet.py",
    "radius/parser.py",
    "radius/policies/decision.py",
    "radius/policies/effective.py",
    "radius/roaming/forwarding.py",
    "radius/roaming/realm.py",
    "radius/roaming/routing.py",
    "radius/roaming/travelling.py",
    "radius/service.py",
    "radius/transport/udp.py",
]


def compiled() -> list[Extension]:
    """The packet path as extension modules; Python finds them before the sources, which lie beside them."""
    from mypyc.build import mypycify  # It is there only when a wheel is built.

    # The checkout's mypy settings want the types of everything; here only what is compiled matters.
    checking = ["--config-file=", "--cache-dir=build/mypyc", "--ignore-missing-imports"]
    # A test, which wants the same answers and not the speed, compiles in two thirds of the time with 0.
    optimisation = os.environ.get("CITYWIFI_OPTIMISATION", "2")
    extensions = mypycify(
        [*checking, *PACKET_PATH], opt_level=optimisation, debug_level="0", group_name="citywifi_packet_path"
    )
    for extension in extensions:
        # Of generated C nobody reads warnings: to look for them takes the compiler longer than all else, and another
        # compiler's new one must not keep a city from installing.
        options = [option for option in extension.extra_compile_args if option != "-Werror"]
        extension.extra_compile_args = [*options, "-Wno-all"]
    return extensions


setup(ext_modules=compiled() if os.environ.get("CITYWIFI_BUILD") == "compiled" else [])
