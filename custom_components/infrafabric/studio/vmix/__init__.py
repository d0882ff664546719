"""The client of vMix: its TCP API (port 8099), or its HTTP API (port 8088)."""

from .client import VmixClient
from .probe import probe_vmix

__all__ = ["VmixClient", "probe_vmix"]
