"""A stand-in for vMix, a closed Windows program that cannot run here.

It speaks vMix's TCP API (8099) and HTTP API (8088) as public sources describe them; ``releases.py``
names the source of each thing it does. It proves that a client keeps to those sources. It proves
nothing about vMix itself: what no public source measured is marked there as a guess.

    python -m tests.vmix_simulator --tcp-port 8099 --http-port 8088
"""

from .releases import RELEASES, Release
from .server import Faults, VmixSimulator
from .world import World

__all__ = ["RELEASES", "Faults", "Release", "VmixSimulator", "World"]
