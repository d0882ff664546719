"""A real OBS Studio without a screen, and real receivers of its stream; for tests and the demo."""

from .receiver import Receiver, rtmp_receiver, srt_receiver
from .studio import KEYRING, MISSING, RealObs, missing_programs, newer_obs

__all__ = [
    "KEYRING",
    "MISSING",
    "RealObs",
    "Receiver",
    "missing_programs",
    "newer_obs",
    "rtmp_receiver",
    "srt_receiver",
]
