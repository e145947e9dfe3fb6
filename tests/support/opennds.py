"""A library's network with a real openNDS: a phone, the gateway, and a little internet, each a network namespace.

The portal listens in the test's own namespace, on the other end of a cable to the gateway. openNDS writes into /etc and
stops what it finds of itself; so it runs with a file system over /etc, a /tmp and process numbers of its own, which go
with it. Making all that needs root.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.network import Cable, ip, own_cable

GATEWAY_ADDRESS: Final = "10.77.0.1"
LOGIN_URL: Final = f"http://{GATEWAY_ADDRESS}:2050"
PORTAL_NAME: Final = "portal.test"
# The one host that is reachable before login; all others have the internet's one address.
GARDEN_NAME: Final = "essentials.test"
GARDEN_ADDRESS: Final = "203.0.113.81"
# Another one with an address of its own; whoever needs it brings what answers there.
COUNCIL_NAME: Final = "www.council.test"
COUNCIL_ADDRESS: Final = "203.0.113.82"
INTERNET_ADDRESS: Final = "203.0.113.80"
_ROUTER_ADDRESS: Final = "203.0.113.1"
_READY_WITHIN_SECONDS: Final = 20

# Everything that is not given by the files under test: an own /etc and /tmp, address translation, and dnsmasq, which
# openNDS starts anew through systemctl. Its iptables must be the one that works beside nftables.
_START: Final = """\
set -eu
folder=$1
mount -t tmpfs tmpfs "$folder/own"
mkdir "$folder/own/etc" "$folder/own/aside" "$folder/own/tmp" "$folder/own/tmp/bin"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$folder/own/etc,workdir=$folder/own/aside" /etc
cp -r "$folder/files/." /etc/
mount --bind "$folder/own/tmp" /tmp
ln -s "$(command -v xtables-legacy-multi)" /tmp/bin/iptables
cat >/tmp/bin/systemctl <<'END'
#!/bin/sh
[ ! -e /tmp/dnsmasq.pid ] || kill "$(cat /tmp/dnsmasq.pid)"
sleep 0.1
exec dnsmasq
END
chmod 755 /tmp/bin/systemctl
export PATH=/tmp/bin:$PATH
for table in filter nat mangle; do iptables -t $table -F; iptables -t $table -X; done
for uplink in portal internet; do iptables -t nat -A POSTROUTING -o $uplink -j MASQUERADE; done
ipset destroy 2>/dev/null || true
dnsmasq
exec opennds -f -d 3
"""
_DNSMASQ: Final = f"""\
no-resolv
no-hosts
no-ping
interface=lan
bind-interfaces
dhcp-range=10.77.0.100,10.77.0.200,1h
dhcp-leasefile=/tmp/dhcp.leases
pid-file=/tmp/dnsmasq.pid
server={INTERNET_ADDRESS}
"""
# A resolver (openNDS opens its walled garden to what is resolved elsewhere), and web servers in the pages' folder.
_INTERNET: Final = (
    [
        # Without "local" questions for IPv6 addresses would be refused, which resolvers take for a failure.
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file",
        "--local=/#/",
        f"--address=/#/{INTERNET_ADDRESS}", f"--address=/{GARDEN_NAME}/{GARDEN_ADDRESS}",
        f"--address=/{COUNCIL_NAME}/{COUNCIL_ADDRESS}",
    ],
    ["busybox", "httpd", "-f", "-p", "80"],
    ["busybox", "httpd", "-f", "-p", f"{GARDEN_ADDRESS}:443"],
)  # fmt: skip
_LEASE: Final = """\
#!/bin/sh
if [ "$1" = bound ]; then
    ip addr flush dev "$interface"
    ip addr add "$ip/24" dev "$interface"
    ip route replace default via "$router"
fi
"""


@dataclass(frozen=True)
class Town:
    """Names of the namespaces, and the portal's address on its cable."""

    gateway: str
    phone: str
    internet: str
    portal_address: str
    folder: Path

    def lease(self) -> None:
        """A new phone gets its address from the gateway."""
        address = f"02:00:00:{secrets.token_bytes(3).hex(':')}"
        ip("-n", self.phone, "link", "set", "wifi", "address", address)
        script = self.folder / "lease"
        script.write_text(_LEASE)
        script.chmod(0o755)
        udhcpc = ["busybox", "udhcpc", "-i", "wifi", "-n", "-q", "-f", "-t", "20", "-T", "1", "-s", str(script)]
        subprocess.run(["ip", "netns", "exec", self.phone, *udhcpc], check=True, capture_output=True, timeout=30)

    def fetch(self, url: str) -> str:
        """The status that a program on the phone gets, and where it is redirected; ``000`` where nothing answers."""
        curl = ["curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}%{errormsg}", url]
        command = ["ip", "netns", "exec", self.phone, *curl]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=20).stdout

    def browser(self, chromium: Path) -> Path:
        """A program that starts Chromium on the phone."""
        script = self.folder / "chromium"
        script.write_text(f'#!/bin/sh\nexec ip netns exec {self.phone} {chromium} "$@"\n')
        script.chmod(0o755)
        return script


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """The three namespaces and the cables between them, and the internet's web server; all gone at the end."""
    with own_cable() as cable:
        gateway, phone, internet = map(cable.namespace, ("ods", "phone", "net"))
        made = Town(gateway, phone, internet, cable.here, folder)
        _lay_cables(made, cable)
        resolver = Path("/etc/netns") / made.phone
        resolver.mkdir(parents=True, exist_ok=True)
        (resolver / "resolv.conf").write_text(f"nameserver {GATEWAY_ADDRESS}\n")
        pages = folder / "pages"
        pages.mkdir()
        (pages / "index.html").write_text("<html lang=en><title>The internet</title><h1>The internet</h1></html>")
        (pages / "hotspot-detect.html").write_text("<html><title>Success</title><body>Success</body></html>")
        servers: list[subprocess.Popen[bytes]] = []
        try:
            for served in _INTERNET:
                command = ["ip", "netns", "exec", made.internet, *served]
                servers.append(subprocess.Popen(command, cwd=pages, stderr=subprocess.DEVNULL))
            yield made
        finally:
            for server in servers:
                server.kill()
                server.wait()


def _lay_cables(made: Town, cable: Cable) -> None:
    for namespace in (made.gateway, made.phone, made.internet):
        ip("netns", "add", namespace)
        ip("-n", namespace, "link", "set", "lo", "up")
    cable.lay(made.gateway, "portal")
    _veth(made.gateway, "lan", made.phone, "wifi")
    _cable(made.gateway, "lan", f"{GATEWAY_ADDRESS}/24")
    _cable(made.phone, "wifi")
    _veth(made.gateway, "internet", made.internet, "line")
    _cable(made.gateway, "internet", f"{_ROUTER_ADDRESS}/24")
    _cable(made.internet, "line", *(f"{each}/24" for each in (INTERNET_ADDRESS, GARDEN_ADDRESS, COUNCIL_ADDRESS)))
    ip("-n", made.gateway, "route", "add", "default", "via", INTERNET_ADDRESS)
    subprocess.run(["ip", "netns", "exec", made.gateway, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)


@asynccontextmanager
async def opennds(made: Town, files: Mapping[str, str], environment: Mapping[str, str]) -> AsyncIterator[Path]:
    """openNDS with these files (by path below /etc), answering; gives its log. All that it began ends with it."""
    folder = made.folder / f"opennds-{secrets.token_hex(2)}"
    (folder / "own").mkdir(parents=True)
    own = {"dnsmasq.conf": _dnsmasq(made), "resolv.conf": f"nameserver {GATEWAY_ADDRESS}\n"}
    for name, text in {**own, **files}.items():
        file = folder / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o700 if text.startswith("#!") else 0o644)
    (folder / "start").write_text(_START)
    log = folder / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", made.gateway,
            "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", str(folder / "start"), str(folder),
            stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment},
        )  # fmt: skip
        try:
            async with asyncio.timeout(_READY_WITHIN_SECONDS):
                await _wait_until_ready(process, log)
            yield log
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()


async def _wait_until_ready(process: asyncio.subprocess.Process, log: Path) -> None:
    """When its watchdog has been round for the first time: with a client at the same moment it sometimes ends itself.

    Its threads take each other's children away (SIGCHLD in src/util.c). The next round is after ``checkinterval``.
    """
    while True:
        said = await asyncio.to_thread(log.read_text, errors="replace")
        assert process.returncode is None, said[-5000:]
        if "Client List Refresh is Done" in said:
            return
        await asyncio.sleep(0.1)


def _dnsmasq(made: Town) -> str:
    return f"{_DNSMASQ}address=/{PORTAL_NAME}/{made.portal_address}\n"


def _veth(one: str, name: str, other: str, other_name: str) -> None:
    ip("-n", one, "link", "add", name, "type", "veth", "peer", "name", other_name, "netns", other)


def _cable(namespace: str, interface: str, *addresses: str) -> None:
    for address in addresses:
        ip("-n", namespace, "addr", "add", address, "dev", interface)
    ip("-n", namespace, "link", "set", interface, "up")
