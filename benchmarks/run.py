"""Runs a benchmark by its name, or lists them. ``script/bench`` prepares what it needs.

A benchmark is a module beside this file with ``add_options(parser)`` and ``async run(options)``,
which prints what people read and returns the figures that ``--json`` puts on the last line.
"""

import argparse
import asyncio
import importlib
import json
from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

BENCHMARKS = {
    "card": "the dashboard card with 1000 peers: size, frames, how soon it shows news",
    "link": "a signed link beside raw aiortc: throughput, echo, connecting, CPU, memory, loop lag",
}


def main(arguments: list[str]) -> int:
    """Read the command line and run."""
    if not arguments or arguments[0] not in BENCHMARKS:
        print("Usage: script/bench NAME [--json] [--help]\n")
        for name, what in BENCHMARKS.items():
            print(f"{name:10} {what}")
        return 2 if arguments and arguments[0] not in ("-h", "--help") else 0
    name, *rest = arguments
    parser = argparse.ArgumentParser(prog=f"script/bench {name}", description=BENCHMARKS[name])
    parser.add_argument("--json", action="store_true", help="end with one JSON object on one line")
    benchmark = importlib.import_module(f"benchmarks.{name}")
    benchmark.add_options(parser)
    options = parser.parse_args(rest)
    figures = asyncio.run(benchmark.run(options))
    if options.json:
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
