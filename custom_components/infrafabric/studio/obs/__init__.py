"""The client of OBS Studio (obs-websocket 5.x)."""

from .client import ObsClient
from .probe import probe_obs

__all__ = ["ObsClient", "probe_obs"]
