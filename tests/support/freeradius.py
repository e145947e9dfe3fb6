"""A real FreeRADIUS on loopback, as the home server of a realm; its configuration is written here and nowhere else."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from foundation.certificates import Authority, make_authority

SECRET = b"what the home server and we share"

_CONFIGURATION = """
libdir = /usr/lib/freeradius
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
pidfile = {folder}/radiusd.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 1024
proxy_requests = no
log {{
    destination = stdout
}}
security {{
    reject_delay = 0
    status_server = yes
    max_attributes = 200
}}
thread pool {{
    start_servers = 1
    max_servers = 2
    min_spare_servers = 1
    max_spare_servers = 2
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = "{secret}"
    require_message_authenticator = yes
}}
modules {{
    pap {{
    }}
    chap {{
    }}
    mschap {{
    }}
    always ok {{
        rcode = ok
    }}
    files {{
        usersfile = {folder}/users
    }}
    detail {{
        filename = {folder}/detail
        permissions = 0600
    }}
    detail requests {{
        filename = {folder}/requests
        permissions = 0600
    }}
    eap {{
        default_eap_type = peap
        timer_expire = 60
        max_sessions = 1024
        tls-config common {{
            private_key_file = {folder}/server.key
            certificate_file = {folder}/server.pem
            ca_file = {folder}/ca.pem
            tls_min_version = "1.2"
            tls_max_version = "1.2"
            ecdh_curve = ""
        }}
        ttls {{
            tls = common
            default_eap_type = md5
            virtual_server = inner
        }}
        peap {{
            tls = common
            default_eap_type = mschapv2
            virtual_server = inner
        }}
        mschapv2 {{
        }}
    }}
}}
server home {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {authentication_port}
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {accounting_port}
    }}
    authorize {{
        requests
        mschap
        chap
        eap {{
            ok = return
        }}
        files
        pap
        Autz-Type Status-Server {{
            ok
        }}
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type CHAP {{
            chap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
        eap
    }}
    post-auth {{
        update reply {{
            Message-Authenticator := 0x00
        }}
        Post-Auth-Type REJECT {{
            update reply {{
                Message-Authenticator := 0x00
            }}
        }}
    }}
    preacct {{
        ok
    }}
    accounting {{
        detail
    }}
}}
server inner {{
    authorize {{
        mschap
        eap {{
            ok = return
        }}
        files
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
        eap
    }}
}}
"""


@dataclass
class FreeRadius:
    """One server; start and stop it as often as wanted, always at the same ports."""

    program: Path
    folder: Path
    authentication_port: int
    accounting_port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def prepare(self, users: str, server_name: str) -> None:
        """Write configuration, users (FreeRADIUS's format) and certificates."""
        self.folder.mkdir(exist_ok=True)
        values = {"folder": self.folder, "secret": SECRET.decode()}
        ports = {"authentication_port": self.authentication_port, "accounting_port": self.accounting_port}
        (self.folder / "radiusd.conf").write_text(_CONFIGURATION.format(**values, **ports))
        (self.folder / "users").write_text(users)
        now = datetime.now(UTC)
        authority = make_authority("Home", "", now)
        issued = Authority(authority).issue_server([server_name], now)
        (self.folder / "ca.pem").write_bytes(authority.certificate)
        (self.folder / "server.pem").write_bytes(issued.certificate)
        (self.folder / "server.key").write_bytes(issued.key)

    def start(self) -> None:
        """Start it and wait until it serves."""
        log = self.folder / "radius.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [self.program, "-d", self.folder, "-f", "-l", "stdout"], stdout=output, stderr=subprocess.STDOUT
            )
        for _ in range(500):
            if "Ready to process requests" in log.read_text(errors="replace"):
                return
            assert self._process.poll() is None, log.read_text(errors="replace")
            time.sleep(0.02)
        raise AssertionError("FreeRADIUS does not become ready: " + log.read_text(errors="replace"))

    def freeze(self) -> None:
        """Let it be silent: its ports stay open, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it; its ports are closed then."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def accounted(self) -> str:
        """What accounting it has got, in the words of its detail file."""
        return _text(self.folder / "detail")

    def requested(self) -> str:
        """The Access-Requests that it has got."""
        return _text(self.folder / "requests")

    @contextmanager
    def running(self) -> Iterator[FreeRadius]:
        """It runs while the block does."""
        self.start()
        try:
            yield self
        finally:
            self.stop()


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""
