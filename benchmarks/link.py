"""A signed link beside raw aiortc, in one run.

Both sides run in turn, round by round, over 127.0.0.1, each on one connection that carries traffic
all the time: a fresh one of aiortc loses packets for its first second or two. Connecting is
measured with connections of its own. Payloads are random bytes: raw sends them as they are, a
message carries them in base64. The bytes in flight have the same bound on both sides, and both use
the same fast CRC32C. The bound is below the library's own: with more small packets under way raw
overflows the receive buffer of its socket in every other round, and would look worse than it is.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import gc
import os
import random
import sys
import time
from typing import Any, Self

from benchmarks.far import RemoteFar
from benchmarks.figures import median, noise, paired_ratios, percentile, short, table
from benchmarks.measure import LagProbe, cpu
from benchmarks.memory import LINKS, per_link_kb
from benchmarks.mesh_ends import SENDERS, MeshFar, MeshNear, bound_in_flight
from benchmarks.raw_ends import RawFar, RawNear, stay_on_loopback

CAP_KIB = 64
SMALL = 300
LARGE = 16_000
"""Bytes of random content."""
SMALL_COUNT = 1500
LARGE_COUNT = 60
ECHO_COUNT = 120
CONNECTS = 2
"""How many of each in one round."""
WARM_UP = 2000
"""Messages on each connection before the first round."""


@dataclass(slots=True)
class Ends:
    """The two ends of one side; the far one may be in another process."""

    near: Any
    far: Any

    @classmethod
    async def start(cls, kind: str, cap: int, *, remote: bool) -> Self:
        """Start both, with at most *cap* bytes in flight."""
        if remote:
            far: Any = await RemoteFar.start_process(kind, cap)
        else:
            far = RawFar() if kind == "raw" else MeshFar()
        ends = cls(RawNear(far, cap) if kind == "raw" else MeshNear(far), far)
        await ends.far.start()
        await ends.near.start()
        return ends

    async def stop(self) -> None:
        """Stop both."""
        await self.near.stop()
        await self.far.stop()
        if isinstance(self.far, RemoteFar):
            await self.far.end_process()


@dataclass(slots=True)
class Side:
    """One side and what was measured of it."""

    traffic: Ends
    calls: Ends
    msgs_per_s: list[float] = field(default_factory=list)
    mb_per_s: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    lag_ms: list[list[float]] = field(default_factory=list)
    echo_ms: list[list[float]] = field(default_factory=list)
    connect_ms: list[float] = field(default_factory=list)

    async def cpu(self) -> float:
        """Return the CPU seconds of both ends so far."""
        far = self.traffic.far
        return cpu() + (await far.cpu() if isinstance(far, RemoteFar) else 0.0)

    async def warm_up(self, draw: random.Random) -> None:
        """Connect, and send until the connection has found its pace."""
        await self.traffic.near.connect()
        await self.traffic.near.one_way(self._prepared(draw, WARM_UP, SMALL))

    async def round(self, draw: random.Random) -> None:
        """Measure everything once."""
        self.connect_ms += [1000 * await self.calls.near.connect() for _ in range(CONNECTS)]
        await self._small(self._prepared(draw, SMALL_COUNT, SMALL))
        gc.collect()
        echoes = await self.traffic.near.echoes(self._prepared(draw, ECHO_COUNT, SMALL))
        self.echo_ms.append([1000 * seconds for seconds in echoes])
        await self._large(self._prepared(draw, LARGE_COUNT, LARGE))

    def _prepared(self, draw: random.Random, count: int, size: int) -> Sequence[Any]:
        return self.traffic.near.prepared([draw.randbytes(size) for _ in range(count)])

    async def _small(self, items: Sequence[Any]) -> None:
        gc.collect()
        with LagProbe() as probe:
            spent, started = await self.cpu(), time.perf_counter()
            await self.traffic.near.one_way(items)
            seconds = time.perf_counter() - started
            spent = await self.cpu() - spent
        self.msgs_per_s.append(len(items) / seconds)
        self.cpu_us.append(1e6 * spent / len(items))
        self.lag_ms.append(probe.samples_ms)

    async def _large(self, items: Sequence[Any]) -> None:
        gc.collect()
        started = time.perf_counter()
        await self.traffic.near.one_way(items)
        seconds = time.perf_counter() - started
        self.mb_per_s.append(LARGE * len(items) / seconds / 1e6)

    def forget(self) -> None:
        """Drop what was measured: it was the warm-up."""
        for figures in (self.msgs_per_s, self.mb_per_s, self.cpu_us):
            figures.clear()
        self.lag_ms.clear()
        self.echo_ms.clear()
        self.connect_ms.clear()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rounds", type=int, default=9, help="measured rounds (default 9)")
    parser.add_argument(
        "--cap", type=int, default=CAP_KIB, help=f"KiB in flight at most (default {CAP_KIB})"
    )
    parser.add_argument(
        "--processes",
        type=int,
        choices=(1, 2),
        default=1,
        help="both ends in one process (default), or each in its own, on either side",
    )


async def run(options: argparse.Namespace) -> dict[str, float]:
    """Measure, print the tables, and return the figures by the keys of ``--json``."""
    rounds, cap, remote = options.rounds, 1024 * options.cap, options.processes == 2
    stay_on_loopback()
    bound_in_flight(cap)
    draw = random.Random()
    say(
        f"Signed mesh link beside raw aiortc on this machine ({os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f} before the run, Python {sys.version.split()[0]}).",
        f"{rounds} short rounds and one to warm up that is not counted; raw and mesh go first in"
        " turn,",
        "over 127.0.0.1, on connections that stay; connecting is measured with others.",
        "Each end runs in its own process." if remote else "Both ends run in one process.",
        f"Content: {SMALL} B (and {LARGE // 1000} KB) of random bytes; a message carries them in"
        " base64.",
        f"At most {options.cap} KiB are in flight on either side.",
        "A mesh message is signed, verified, schema-checked and receipted, with the limit on",
        f"messages per peer lifted; {SENDERS} callers send at a time.",
        "",
    )
    sides = []
    for kind in ("raw", "mesh"):
        traffic, calls = [await Ends.start(kind, cap, remote=remote) for _ in range(2)]
        sides.append(Side(traffic, calls))
    raw, mesh = sides
    for side in sides:
        await side.warm_up(draw)
    for number in range(rounds + 1):
        for side in (raw, mesh) if number % 2 == 0 else (mesh, raw):
            await side.round(draw)
        if number == 0:
            raw.forget()
            mesh.forget()
    for side in (raw, mesh):
        await side.traffic.stop()
        await side.calls.stop()
    memory = await per_link_kb("raw"), await per_link_kb("mesh")
    _show_rounds(raw, mesh)
    _show_summary(raw, mesh, memory)
    return {
        "signed_msgs_per_s": round(median(mesh.msgs_per_s), 1),
        "raw_msgs_per_s": round(median(raw.msgs_per_s), 1),
        "signed_echo_p95_ms": round(_across(mesh.echo_ms, 95), 3),
        "raw_echo_p95_ms": round(_across(raw.echo_ms, 95), 3),
        "bulk_mb_per_s": round(median(mesh.mb_per_s), 3),
        "raw_bulk_mb_per_s": round(median(raw.mb_per_s), 3),
        "connect_p95_ms": round(percentile(mesh.connect_ms, 95), 2),
        "cpu_us_per_msg": round(median(mesh.cpu_us), 1),
        "raw_cpu_us_per_msg": round(median(raw.cpu_us), 1),
        "rss_per_link_kb": round(memory[1], 1),
        "lag_p99_ms": round(_across(mesh.lag_ms, 99), 2),
    }


def _each(rounds: Sequence[Sequence[float]], percent: float) -> list[float]:
    return [percentile(values, percent) for values in rounds]


def _across(rounds: Sequence[Sequence[float]], percent: float) -> float:
    """Return the median over the rounds of each round's percentile."""
    return median(_each(rounds, percent))


FIGURES: dict[str, Callable[[Side], list[float]]] = {
    "one-way 300 B, messages/s": lambda side: side.msgs_per_s,
    "one-way 16 KB, MB/s of content": lambda side: side.mb_per_s,
    "echo 300 B P50, ms": lambda side: _each(side.echo_ms, 50),
    "echo 300 B P95, ms": lambda side: _each(side.echo_ms, 95),
    "CPU per 300 B message, both ends, µs": lambda side: side.cpu_us,
    "loop lag P99 while sending 300 B, ms": lambda side: _each(side.lag_ms, 99),
}
"""What each round gives one number of, by name."""


def _show_rounds(raw: Side, mesh: Side) -> None:
    rounds = range(len(raw.msgs_per_s))
    rows = [["every round", "", *(str(number + 1) for number in rounds)]]
    for name, figure in FIGURES.items():
        rows.append([name, "raw", *map(short, figure(raw))])
        rows.append(["", "mesh", *map(short, figure(mesh))])
        ratios = paired_ratios(figure(mesh), figure(raw))
        rows.append(["", "mesh/raw", *(f"{ratio:.2f}" for ratio in ratios)])
    say(table(rows), "")


def _show_summary(raw: Side, mesh: Side, memory: tuple[float, float]) -> None:
    rows = [["median of the rounds", "raw", "mesh", "mesh/raw", "lowest", "highest"]]
    for name, figure in FIGURES.items():
        ratios = paired_ratios(figure(mesh), figure(raw))
        rows.append(
            [
                name,
                short(median(figure(raw))),
                short(median(figure(mesh))),
                *(f"{ratio:.2f}" for ratio in (median(ratios), min(ratios), max(ratios))),
            ]
        )
    for percent in (50, 95):
        of_raw, of_mesh = (percentile(side.connect_ms, percent) for side in (raw, mesh))
        rows.append(_alone(f"connect P{percent}, ms", of_raw, of_mesh))
    rows.append(_alone("memory per link, both ends, KiB", *memory))
    say(
        table(rows),
        "",
        f"connect: raw from the offer to the open channel, handed over directly; mesh from the dial"
        f" through the signaling server to the admitted peer; {len(raw.connect_ms)} each.",
        f"memory: growth of a fresh process over {LINKS} idle links.",
        f"noise: raw's own rounds lie {noise(raw.msgs_per_s):.0%} apart in messages/s and"
        f" {noise(_each(raw.echo_ms, 95)):.0%} in echo P95; load {os.getloadavg()[0]:.1f} after"
        " the run. Trust ratios more than figures, and neither beyond that.",
    )


def _alone(name: str, raw: float, mesh: float) -> list[str]:
    return [name, short(raw), short(mesh), f"{mesh / raw:.2f}", "", ""]


def say(*lines: str) -> None:
    """Print lines."""
    print(*lines, sep="\n", flush=True)
