"""A real OBS Studio without a screen, and real receivers of its stream; for tests and the demo."""

from .receiver import Receiver, rtmp_receiver, srt_receiver
from .studio import MISSING, RealObs, missing_programs

__all__ = [
    "MISSING",
    "RealObs",
    "Receiver",
    "missing_programs",
    "rtmp_receiver",
    "srt_receiver",
]
