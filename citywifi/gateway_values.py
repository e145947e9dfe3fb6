"""What may be written of a gateway for the captive portal: its driver, the driver's options, its arrival address."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.controller import CERTIFICATE_OPTION, fingerprint
from captive_portal.gateways.gateway import Option
from citywifi.equipment_values import checked_secret
from citywifi.errors import CommandError
from radius.vendors import NAMES

# 128 random bits, which are 22 characters.
_KEY_OCTETS: Final = 16
_LONGEST_VALUE: Final = 400


@dataclass(frozen=True, slots=True)
class GatewayChange:
    """What is to change of what the captive portal knows of a gateway; false where nothing is."""

    driver_name: str | None
    options: tuple[str, ...]
    new_arrival_address: bool

    def __bool__(self) -> bool:
        return self.driver_name is not None or bool(self.options) or self.new_arrival_address

    def columns(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """As ``gateway_columns``."""
        return gateway_columns(row, self.driver_name, self.options, new_key=self.new_arrival_address)


def checked_driver(name: str) -> GatewayDriver:
    """A driver by its name. Raises CommandError."""
    try:
        return DRIVERS[name]
    except KeyError:
        raise CommandError(
            f"{name!r} is no driver of the captive portal; there is {', '.join(sorted(DRIVERS))}"
        ) from None


def vendor_of_driver(driver_name: str | None) -> str:
    """Whose reply attributes equipment of a driver understands, where that was not said. Raises CommandError."""
    if driver_name is None:
        raise CommandError("say what it is: --vendor, and --driver where the captive portal is to understand it")
    maker = checked_driver(driver_name).name.partition("-")[0]
    return maker if maker in NAMES else "other"


def gateway_columns(
    row: Mapping[str, Any], driver_name: str | None, given: Sequence[str], *, new_key: bool = False
) -> dict[str, Any]:
    """The columns that a driver and options (``NAME=VALUE``) give a row.

    A gateway whose driver is named has an arrival address of its own. Raises CommandError.
    """
    name = driver_name or row.get("gateway_driver")
    if name is None:
        if given or new_key:
            raise CommandError("options and an arrival address are a driver's; name it with --driver")
        return {}
    driver = checked_driver(name)
    known = row.get("gateway_options")
    before: dict[str, str] = json.loads(known) if known and driver_name in (None, row.get("gateway_driver")) else {}
    options = read_options(driver, given, before)
    columns: dict[str, Any] = {"gateway_driver": name, "gateway_options": json.dumps(options) if options else None}
    if new_key or not row.get("arrival_key"):
        columns["arrival_key"] = secrets.token_urlsafe(_KEY_OCTETS)
    return columns


def read_options(driver: GatewayDriver, given: Sequence[str], before: Mapping[str, str]) -> dict[str, str]:
    """The options in force after ``given``; an empty value takes one away. Raises CommandError."""
    offered = {option.name: option for option in driver.options}
    options = dict(before)
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise CommandError(f"{text!r} is no option; write it like NAME=VALUE")
        if name not in offered:
            listed = ", ".join(offered) or "none"
            raise CommandError(f"{driver.name} has no option {name!r}; it has {listed}")
        options[name] = _checked(offered[name], value)
    options = {name: value for name, value in options.items() if value}
    for option in driver.options:
        if option.is_required and option.name not in options:
            raise CommandError(f"{driver.name} needs --option {option.name}=…: {option.meaning}")
    return options


def checked_portal_secret(text: str, driver_name: str | None) -> bytes:
    """The portal's secret. One that a controller gave cannot be chosen here, so any is taken. Raises CommandError."""
    is_given = driver_name is not None and hasattr(DRIVERS.get(driver_name), "call")
    return text.encode() if is_given else checked_secret(text)


def check_reachable(row: Mapping[str, Any]) -> None:
    """A gateway whose controller the portal calls has an address for that, by TLS. Raises CommandError."""
    if not hasattr(DRIVERS.get(row.get("gateway_driver") or ""), "call"):
        return
    address = row.get("login_url")
    if address is None:
        raise CommandError("say where the controller is: --login-url https://ADDRESS:PORT")
    if not address.lower().startswith("https://"):
        raise CommandError(
            "the controller's password would cross the network in clear; give its https:// address, and "
            "--option certificate_sha256=… where no public authority signed its certificate"
        )


def arrival_address(portal_url: str, row: Mapping[str, Any]) -> str | None:
    """Where a gateway with an arrival address of its own sends browsers."""
    if not row.get("arrival_key"):
        return None
    return f"{portal_url.rstrip('/')}/arrive/{row.get('gateway_driver') or row['vendor']}/{row['arrival_key']}"


def without_key(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for people: the key only shows in the arrival address."""
    return {name: value for name, value in row.items() if name != "arrival_key"}


def _checked(option: Option, value: str) -> str:
    if option.choices and value and value not in option.choices:
        raise CommandError(f"{option.name} is {' or '.join(option.choices)}, not {value!r}")
    if not value.isprintable() or len(value) > _LONGEST_VALUE:
        raise CommandError(f"{option.name} has at most {_LONGEST_VALUE} letters, digits and signs")
    if option.name == CERTIFICATE_OPTION.name and value:
        octets = fingerprint(value)
        if octets is None:
            raise CommandError(
                f"{option.name} is a SHA-256 fingerprint, 64 hexadecimal digits; this tells it: openssl s_client "
                "-connect ADDRESS:PORT </dev/null | openssl x509 -noout -fingerprint -sha256"
            )
        return octets.hex()
    return value.strip()
