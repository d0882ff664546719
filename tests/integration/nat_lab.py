"""Two homes behind separate NATs and a server between them, made of network namespaces.

::

    host-a ── nat-a ── core ── nat-b ── host-b
    10.1.0.2    198.51.100.2   203.0.113.2    10.2.0.2
                       192.0.2.1: signaling, STUN, TURN

The NATs are Linux's own (nftables), masquerading and dropping whatever nobody asked for. The
addresses are those for documentation (RFC 5737); no packet leaves the machine.
"""

import os
from pathlib import Path
import re
import shutil
import subprocess
from typing import Self

import pytest

from demo.agents import agent_program
from demo.processes import Child, DemoError, until

CORE = "192.0.2.1"
SIGNAL_PORT = 8765
TURN_PORT = 3478
USER, PASSWORD = "lab", "lab-secret"

PREFIX = "ifnat"
ROLES = ("core", "nat-a", "nat-b", "host-a", "host-b")

# From the inside everything may go out, and what answers may come back.
RULES = """
table inet nat {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    oifname "wan" masquerade
  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
    iifname "lan" {inside} accept
    iifname "wan" ct state established,related accept
  }}
  chain input {{
    type filter hook input priority filter; policy drop;
    iifname "lan" accept
    iifname "wan" ct state established,related accept
  }}
}}
"""


def require_counterparts() -> None:
    """Skip without what this needs; in continuous integration that is a failure."""
    missing = [name for name in ("ip", "nft", "turnserver") if shutil.which(name) is None]
    if os.geteuid() != 0:
        missing.append("root's rights")
    if missing:
        text = f"Network namespaces with NAT need {', '.join(missing)}: run script/setup as root"
        if os.environ.get("CI") == "true":
            pytest.fail(text)
        pytest.skip(text)


def run(*words: str, stdin: str | None = None) -> str:
    """Run one command to its end and return what it printed."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def namespaces() -> list[str]:
    """Return the names of this lab's namespaces, of every run."""
    listed = run("ip", "netns", "list").split()
    return [name for name in listed if re.fullmatch(rf"{PREFIX}-\d+-[a-z-]+", name)]


class NatLab:
    """The networks and the server's programs; gone after the context, whatever happened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run = f"{PREFIX}-{os.getpid()}"
        self.signal = Child("signaling", [], folder / "signaling.log")
        self.turn = Child("coturn", [], folder / "coturn.log")

    def name(self, role: str) -> str:
        return f"{self._run}-{role}"

    def inside(self, role: str) -> list[str]:
        """Return what a command is started with to run in a namespace."""
        return ["ip", "netns", "exec", self.name(role)]

    @property
    def signal_url(self) -> str:
        return f"ws://{CORE}:{SIGNAL_PORT}/api/infrafabric/signal"

    async def __aenter__(self) -> Self:
        self._remove_leftovers()
        try:
            self._build()
            await self._serve()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.signal.kill()
        await self.turn.kill()
        for name in namespaces():
            if name.startswith(f"{self._run}-"):
                run("ip", "netns", "delete", name)

    def _remove_leftovers(self) -> None:
        """Remove what a run left that was killed."""
        for name in namespaces():
            pid = int(name.split("-")[1])
            if pid == os.getpid() or not Path(f"/proc/{pid}").exists():
                run("ip", "netns", "delete", name)

    def _build(self) -> None:
        for role in ROLES:
            run("ip", "netns", "add", self.name(role))
            self._in(role, "ip", "link", "set", "lo", "up")
        self._in("core", "ip", "address", "add", f"{CORE}/32", "dev", "lo")
        for role, lan, wan in (("a", "10.1.0", "198.51.100"), ("b", "10.2.0", "203.0.113")):
            self._wire(f"host-{role}", "lan", f"{lan}.2", f"nat-{role}", "lan", f"{lan}.1")
            self._wire(f"nat-{role}", "wan", f"{wan}.2", "core", f"to-{role}", f"{wan}.1")
            self._in(f"host-{role}", "ip", "route", "add", "default", "via", f"{lan}.1")
            self._in(f"nat-{role}", "ip", "route", "add", "default", "via", f"{wan}.1")
            self.set_rules(role)
        # As on the internet: what is sent to somebody's private address is dropped without a word
        # (by the NAT, here), while coturn ends a session on "network is unreachable".
        self._in("core", "ip", "route", "add", "default", "via", "198.51.100.2")
        for role in ("core", "nat-a", "nat-b"):
            self._in(role, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def _wire(
        self, one: str, link: str, address: str, other: str, link2: str, address2: str
    ) -> None:
        """Connect two namespaces with a virtual cable."""
        ends = ("peer", "name", link2, "netns", self.name(other))
        run("ip", "link", "add", link, "netns", self.name(one), "type", "veth", *ends)
        for role, name, own in ((one, link, address), (other, link2, address2)):
            self._in(role, "ip", "address", "add", f"{own}/24", "dev", name)
            self._in(role, "ip", "link", "set", name, "up")

    def _in(self, role: str, *words: str, stdin: str | None = None) -> str:
        return run(*self.inside(role), *words, stdin=stdin)

    def set_rules(self, side: str, inside: str = "") -> None:
        """Set a NAT's rules; *inside* limits what may leave, in nftables' words."""
        self._in(f"nat-{side}", "nft", "flush", "ruleset")
        self._in(f"nat-{side}", "nft", "-f", "-", stdin=RULES.format(inside=inside))

    async def _serve(self) -> None:
        core = self.inside("core")
        signal = [agent_program(), "signal", "--host", CORE, "--port", str(SIGNAL_PORT)]
        self.signal.argv = [*core, *signal]
        configuration = self.folder / "turnserver.conf"
        configuration.write_text(
            f"listening-ip={CORE}\nrelay-ip={CORE}\nlistening-port={TURN_PORT}\n"
            f"lt-cred-mech\nuser={USER}:{PASSWORD}\nrealm=lab.example\n"
            f"no-tls\nno-dtls\nno-cli\nlog-file=stdout\nsimple-log\nverbose\n"
            f"userdb={self.folder / 'turn.db'}\npidfile={self.folder / 'turn.pid'}\n"
        )
        self.turn.argv = [*core, "turnserver", "-c", str(configuration)]
        for child in (self.signal, self.turn):
            await child.start()
        await until("signaling", self._listens(SIGNAL_PORT), 20, while_running=self.signal)
        await until("coturn", self._listens(TURN_PORT), 20, while_running=self.turn)

    def _listens(self, port: int):
        async def look() -> bool:
            return f":{port:04X} 00000000:0000 0A" in self._in("core", "cat", "/proc/net/tcp")

        return look
