"""Runs a benchmark by its name, or lists them. ``script/bench`` prepares what it needs."""

import argparse
import asyncio
import importlib
import json
from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

BENCHMARKS = {
    "link": "a signed link beside raw aiortc: throughput, echo, connecting, CPU, memory, loop lag",
}


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="script/bench", description="Measures on this machine, beside something to compare."
    )
    parser.add_argument("name", nargs="?", metavar="NAME", choices=BENCHMARKS)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on one line")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default 5)")
    parser.add_argument(
        "--processes",
        type=int,
        choices=(1, 2),
        default=1,
        help="both ends in one process (default), or each in its own, of either side",
    )
    options = parser.parse_args()
    if options.name is None:
        for name, what in BENCHMARKS.items():
            print(f"{name:10} {what}")
        return 0
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    benchmark = importlib.import_module(f"benchmarks.{options.name}")
    figures = asyncio.run(benchmark.run(rounds=options.rounds, processes=options.processes))
    if options.json:
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
