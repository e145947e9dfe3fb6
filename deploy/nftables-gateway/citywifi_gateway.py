#!/usr/bin/env python3
"""The agent of a plain Linux gateway: redirects captive devices, answers the captive portal API, keeps an nft set.

It has three duties, and no library beyond Python's own (3.11):

* **Redirect**: what captive devices ask by plain HTTP, nft brings to it; each is sent to the portal with the device's
  address, under a seal.
* **Captive portal API** (RFC 8908): by HTTPS under the gateway's own name it asks the portal on the device's behalf,
  because only the gateway knows which device asks. That name is what DHCP option 114 tells.
* **Who may be on**: every two seconds it tells the portal which devices it sees, and puts those that the portal lets
  on into nft's sets, each for so many seconds and no longer. With the portal away, who is on stays on until then.

What the portal answers is taken for no more than "let on, of the devices that I told of, these, for so long": whoever
takes the portal over cannot run anything here.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import ipaddress
import json
import re
import ssl
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
LONGEST_SECONDS = 7 * 86_400
LARGEST_ANSWER_OCTETS = 1024 * 1024
# Complete in /proc/net/arp (include/uapi/linux/if_arp.h: ATF_COM).
_COMPLETE = 0x2


class GatewayError(Exception):
    """The portal or nft did not do as it should; it is tried again."""


@dataclass(frozen=True)
class Settings:
    """What stands in /etc/citywifi-gateway.toml."""

    portal: str
    driver: str
    key: str
    secret: str = field(repr=False)
    interface: str
    # Beside the list above: where to listen, and what only a test needs.
    redirect_port: int = 2080
    api_port: int = 443
    certificate: str = ""
    private_key: str = ""
    poll_seconds: float = 2.0
    # PEM file of the authority that issued the portal's certificate, where phones' own would not do.
    authority: str = ""

    @property
    def arrival(self) -> str:
        """Where captive devices are sent."""
        return f"{self.portal}/arrive/{self.driver}/{self.key}"


@dataclass(frozen=True)
class Device:
    """Somebody on the gateway's network."""

    mac: str
    ip: str


@dataclass(frozen=True)
class Counts:
    """What nft counted of a device since it was let on; input is from the device."""

    input: int = 0
    output: int = 0


def read_settings(path: Path) -> Settings:
    """The settings file; it holds a secret, so nobody else may read it."""
    if path.stat().st_mode & 0o077:
        raise SystemExit(f"{path} can be read by others; run: chmod 600 {path}")
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        settings = Settings(**{**values, "portal": values["portal"].rstrip("/")})
    except (KeyError, TypeError) as error:
        raise SystemExit(f"{path} is not as in citywifi-gateway.example.toml: {error}") from None
    if urlsplit(settings.portal).scheme != "https":
        raise SystemExit("portal must begin with https://, because the secret goes there")
    return settings


def redirect_address(settings: Settings, device: Device) -> str:
    """Where a captive device is sent: its address under a seal, HMAC-SHA-256 over the query before it."""
    query = urlencode({"mac": device.mac, "ip": device.ip})
    seal = hmac.digest(settings.secret.encode(), query.encode(), hashlib.sha256).hex()
    return f"{settings.arrival}?{query}&seal={seal}"


def read_neighbours(text: str, interface: str) -> list[Device]:
    """Of /proc/net/arp: who answered on that interface."""
    found = []
    for line in text.splitlines()[1:]:
        columns = line.split()
        if len(columns) != 6 or columns[5] != interface:
            continue
        if int(columns[2], 16) & _COMPLETE and MAC.fullmatch(columns[3]):
            found.append(Device(columns[3], columns[0]))
    return found


def read_sets(text: str) -> tuple[dict[str, Counts], dict[str, int]]:
    """Of ``nft -j list table inet citywifi``: who is on with what came from them, and what went to each address."""
    up: dict[str, Counts] = {}
    down: dict[str, int] = {}
    for each in json.loads(text)["nftables"]:
        for element in each.get("set", {}).get("elem", ()):
            inner = element.get("elem", {}) if isinstance(element, dict) else {"val": element}
            octets = inner.get("counter", {}).get("bytes", 0)
            if each["set"]["name"] == "on":
                up[inner["val"]] = Counts(octets)
            elif each["set"]["name"] == "down":
                down[inner["val"]] = octets
    return up, down


def make_report(seen: list[Device], on: Mapping[str, Counts], down: Mapping[str, int]) -> dict[str, object]:
    """What the portal is told: everybody that is seen or on."""
    return {
        "devices": [
            {
                "mac": device.mac,
                "ip": device.ip,
                "on": device.mac in on,
                "input": on[device.mac].input if device.mac in on else 0,
                "output": down.get(device.ip, 0),
            }
            for device in seen
        ]
    }


def read_answer(body: bytes, seen: list[Device]) -> dict[str, int]:
    """Who may be on, and for how many seconds; of the devices that were told and no others. Raises GatewayError."""
    told = {device.mac for device in seen}
    try:
        listed = json.loads(body)["on"].items()
        return {mac: min(int(seconds), LONGEST_SECONDS) for mac, seconds in listed if mac in told and int(seconds) > 0}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise GatewayError("the portal's answer is none") from None


def commands(allowed: Mapping[str, int], on: Mapping[str, Counts], seen: list[Device]) -> str:
    """What nft is to do: nothing where everything is as it should be. Who is on keeps the end that it was given."""
    addresses = {device.mac: str(ipaddress.IPv4Address(device.ip)) for device in seen}
    lines = []
    for mac, seconds in allowed.items():
        if mac not in on and MAC.fullmatch(mac):
            lines.append(f"add element inet citywifi on {{ {mac} timeout {seconds}s }}")
            # It may be there still from the session before.
            lines.append(f"add element inet citywifi down {{ {addresses[mac]} timeout {seconds}s }}")
    for mac in on:
        if mac not in allowed:
            lines.append(f"delete element inet citywifi on {{ {mac} }}")
            if mac in addresses:
                # Added first, because what is not there cannot be deleted, and then nothing would be done at all.
                lines.append(f"add element inet citywifi down {{ {addresses[mac]} timeout 1s }}")
                lines.append(f"delete element inet citywifi down {{ {addresses[mac]} }}")
    return "".join(f"{line}\n" for line in lines)


class Portal:
    """The portal by HTTPS, each thread with a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = ssl.create_default_context(cafile=settings.authority or None)
        self._parts = urlsplit(settings.portal)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str, bytes]:
        """Status, media type and body. Raises GatewayError."""
        connection = http.client.HTTPSConnection(
            self._parts.hostname or "", self._parts.port or 443, timeout=10, context=self._context
        )
        try:
            headers = {"Authorization": f"Bearer {self._settings.secret}"}
            connection.request(method, f"{self._parts.path}{path}", body, headers)
            response = connection.getresponse()
            return response.status, response.headers.get_content_type(), response.read(LARGEST_ANSWER_OCTETS)
        except (OSError, http.client.HTTPException) as error:
            raise GatewayError(f"the portal cannot be reached: {type(error).__name__}") from None
        finally:
            connection.close()


class Agent:
    """The three duties together."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.portal = Portal(settings)

    def seen(self) -> list[Device]:
        """Who is on the network now."""
        return read_neighbours(Path("/proc/net/arp").read_text(encoding="ascii"), self.settings.interface)

    def device_at(self, ip: str) -> Device | None:
        """Whose address that is."""
        return next((device for device in self.seen() if device.ip == ip), None)

    def captive_portal_api(self, device: Device) -> tuple[int, str, bytes]:
        """What the portal says of a device. Raises GatewayError."""
        return self.portal.ask("GET", f"/api/capport/{self.settings.key}/{device.mac}")

    def turn(self) -> bool:
        """Tell, ask and obey once; whether anything changed, which is to be told at once. Raises GatewayError."""
        on, down = read_sets(_nft("-j", "list", "table", "inet", "citywifi"))
        seen = self.seen()
        report = json.dumps(make_report(seen, on, down)).encode()
        status, _, body = self.portal.ask("POST", f"/gateways/nftables/{self.settings.key}", report)
        if status != 200:
            raise GatewayError(f"the portal answered {status}; see the key and the secret")
        todo = commands(read_answer(body, seen), on, seen)
        if todo:
            _nft("-f", "-", stdin=todo)
        return bool(todo)

    def keep_turning(self) -> None:
        """For ever."""
        said = ""
        while True:
            problem = ""
            try:
                # What changed is told at once; it does not change again but by chance.
                if self.turn():
                    self.turn()
            except GatewayError as error:
                problem = str(error)
            if problem != said:
                sys.stderr.write(f"{problem or 'the portal answers again'}\n")
                said = problem
            time.sleep(self.settings.poll_seconds)


def _nft(*arguments: str, stdin: str | None = None) -> str:
    """Raises GatewayError."""
    # Addresses and numbers that were checked, and a program that its own unit's PATH finds.
    command = ["nft", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise GatewayError("nft refused; is citywifi.nft loaded?")
    return done.stdout


def redirect_handler(agent: Agent) -> type[BaseHTTPRequestHandler]:
    """For what captive devices ask by plain HTTP."""

    class Redirect(_Quiet):
        def do_GET(self) -> None:
            device = agent.device_at(self.client_address[0])
            if device is None:
                self.answer(503, "text/plain", b"Try again.\n")
                return
            self.answer(302, "text/plain", b"", location=redirect_address(agent.settings, device))

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

    return Redirect


def api_handler(agent: Agent) -> type[BaseHTTPRequestHandler]:
    """For the captive portal API."""

    class Api(_Quiet):
        def do_GET(self) -> None:
            device = agent.device_at(self.client_address[0])
            try:
                if device is None:
                    raise GatewayError("an unknown device asks")
                self.answer(*agent.captive_portal_api(device))
            except GatewayError:
                self.answer(503, "text/plain", b"Try again.\n")

    return Api


class _Quiet(BaseHTTPRequestHandler):
    timeout = 10
    protocol_version = "HTTP/1.1"
    # Which version answers is nobody's business.
    server_version, sys_version = "CityWiFi", ""

    def answer(self, status: int, media_type: str, body: bytes, *, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        # A POST's body was not read, so nothing else can come on this connection.
        self.send_header("Connection", "close")
        self.close_connection = True
        if location:
            self.send_header("Location", location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the base class's name for it
        """Who asked for what is nobody's business."""


class _TlsServer(ThreadingHTTPServer):
    """The handshake is each connection's own, so that a slow device keeps nobody waiting."""

    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Raises nothing for a device that breaks the handshake off."""
        request.settimeout(10)
        try:
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:
            return


def main() -> None:
    """Run until stopped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--settings", type=Path, default=Path("/etc/citywifi-gateway.toml"))
    settings = read_settings(parser.parse_args().settings)
    agent = Agent(settings)
    servers = [ThreadingHTTPServer(("", settings.redirect_port), redirect_handler(agent))]
    if settings.certificate:
        secured = _TlsServer(("", settings.api_port), api_handler(agent))
        secured.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        secured.context.load_cert_chain(settings.certificate, settings.private_key)
        servers.append(secured)
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    # Another driver's equipment lets devices on by itself; then this only redirects and answers.
    if settings.driver != "nftables":
        threading.Event().wait()
    agent.keep_turning()


if __name__ == "__main__":
    main()
