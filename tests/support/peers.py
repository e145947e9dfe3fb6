"""Real programs that tests talk to. One that is missing is named, with the package that brings it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

# Command, how to ask it for its version, Debian's package.
_KNOWN = {
    "radclient": (["radclient", "-v"], "freeradius-utils"),
    "hostapd": (["hostapd", "-v"], "hostapd"),
    "wpa_supplicant": (["wpa_supplicant", "-v"], "wpasupplicant"),
    "openssl": (["openssl", "version"], "openssl"),
    "ip": (["ip", "-V"], "iproute2"),
    "promtool": (["promtool", "--version"], "prometheus"),
    "chromium": (["chromium", "--version"], "chromium"),
    "freeradius": (["freeradius", "-v"], "freeradius"),
    "eapol_test": (["eapol_test", "-v"], "eapoltest"),
    "opennds": (["opennds", "-v"], "opennds"),
    "dnsmasq": (["dnsmasq", "--version"], "dnsmasq-base"),
    "php": (["php", "--version"], "php-cli"),
    "ipset": (["ipset", "--version"], "ipset"),
    "xtables-legacy-multi": (["xtables-legacy-multi", "iptables", "--version"], "iptables"),
    "busybox": (["busybox"], "busybox"),
    "lynx": (["lynx", "-version"], "lynx"),
    "curl": (["curl", "--version"], "curl"),
    "radsecproxy": (["radsecproxy", "-v"], "radsecproxy"),
    "nft": (["nft", "--version"], "nftables"),
}


@dataclass(frozen=True)
class Peers:
    """The peers of one test."""

    test: pytest.Item

    def require(self, name: str) -> Path:
        """The path of a peer, counted as taking part; where it is missing the test is skipped by its name."""
        path = shutil.which(name)
        if path is None:
            package = _KNOWN[name][1]
            self.test.user_properties.append(("missing peer", f"{name} (apt-get install {package})"))
            pytest.skip(f"{name} is not installed: apt-get install {package}")
        self.test.user_properties.append(("peer", f"{name} {_version(name)}"))
        return Path(path)

    def require_package(self, name: str) -> Path:
        """The folder of one of package.json's npm packages, counted and skipped in the same way."""
        folder = Path(__file__).resolve().parents[2] / "node_modules" / name
        if not folder.exists():
            self.test.user_properties.append(("missing peer", f"{name} (npm ci)"))
            pytest.skip(f"{name} is not installed: npm ci")
        version = json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
        self.test.user_properties.append(("peer", f"{name} {version}"))
        return folder


@cache
def _version(name: str) -> str:
    answer = subprocess.run(_KNOWN[name][0], capture_output=True, text=True, check=False, timeout=20)
    found = re.search(r"\d+(?:\.\d+)+", answer.stdout + answer.stderr)
    return found.group() if found else ""
