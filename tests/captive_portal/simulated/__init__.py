"""Simulated gateways, a file for each kind of access equipment. Whatever is in this folder is found."""

from __future__ import annotations

import importlib
import pkgutil

from tests.captive_portal.simulated.base import SimulatedGateway


def find_gateways() -> list[type[SimulatedGateway]]:
    """Every class of this folder that says which driver it is for, by title."""
    found: set[type[SimulatedGateway]] = set()
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        found |= {
            value
            for value in vars(loaded).values()
            if isinstance(value, type)
            and issubclass(value, SimulatedGateway)
            and value.driver
            and value.__module__ == loaded.__name__
        }
    return sorted(found, key=lambda gateway: gateway.title())
