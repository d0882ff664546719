"""Versions and editions of vMix that the simulator can be, and where that is known from.

Sources (facts only; nothing is copied from them):

``help N``
    vMix's help of version N, vmix.com/helpN: TCPAPI.html, DeveloperAPI.html ("HTTP WEB API"),
    ShortcutFunctionReference.html, IndependentStreamControl.html.
``manual``
    vMix User Guide, pages 180-185 (manualshelf.com, "scsi-vmix-pro"): the TCP and HTTP API of
    version 11 with a whole XML.
``companion``
    github.com/bitfocus/companion-module-studiocoast-vmix, commit a005745: src/tcp.ts, src/data.ts,
    src/activators.ts, src/actions/*.ts, docs/patch_notes.md, issues #18, #113, #296, #305, #409.
``js-utils``
    github.com/jensstigaard/vmix-js-utils: tests with XML of version 24.0.0.22 Pro.
``openavc``
    A public driver with its own simulator, whose notes say what was measured on vMix 29.0.0.49:
    the length counts CR LF; unknown functions get OK; volumes are read as the fourth power of
    what was written; 16 overlays are listed and 8 work; no snapshot after SUBSCRIBE ACTS;
    CutDirect and QuickPlay ignore Mix.

Guesses, which no source confirms:

* that an idle ``<streaming>`` has no channel attributes, and a running one those of the running
  channels only (all real XML that was found is like that: companion #18, js-utils);
* the version in which StreamingSetKey and its sisters learned to take a stream's number (after
  24: companion #113), and what they make of an empty text;
* the version in which ``<outputs>`` with ``srt`` came (24, with the function StartSRTOutput), and
  whether ``srt`` means "switched on" or "connected";
* texts of ER, and whether an unknown input is an ER at all;
* when during a transition ``<active>`` changes: here at once;
* that a preset's whole path is in ``<preset>`` right after OpenPreset;
* the order of an activator and the answer to the function that caused it: here the activator first.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """One version in one edition.

    Attributes:
        version: As in ``<version>``.
        edition: As in ``<edition>``; "" leaves the element out.
        streams: That can run.
        mixes: That can exist, the main one counted.
        overlays: Listed in the XML.
        fullscreen: Whether ``<fullscreen>`` is there.
        audio: Whether ``<audio>`` is there.
        outputs: Whether ``<outputs>`` is there.
        short_titles: Whether inputs have ``shortTitle``.
        stream_numbers: Whether StreamingSetKey and its sisters take "0,text".
        source: Where that is known from.

    """

    version: str
    edition: str
    streams: int = 3
    mixes: int = 16
    overlays: int = 8
    fullscreen: bool = True
    audio: bool = True
    outputs: bool = True
    short_titles: bool = True
    stream_numbers: bool = True
    source: str = ""


RELEASES = {
    "11": Release(
        "11.0.0.16",
        "",
        streams=1,
        mixes=1,
        overlays=6,
        fullscreen=False,
        audio=False,
        outputs=False,
        short_titles=False,
        stream_numbers=False,
        source="manual, page 183: a whole XML",
    ),
    "24": Release(
        "24.0.0.22",
        "Pro",
        mixes=4,
        overlays=6,
        stream_numbers=False,
        source="js-utils; companion #18 and #113; help 24",
    ),
    "25": Release("25.0.0.32", "4K", source="help 25; companion patch notes: mixes"),
    "26": Release("26.0.0.45", "HD", source="help 26: three streams; companion: 16 mixes"),
    "27": Release("27.0.0.49", "Basic HD", mixes=1, source="help 27: three streams"),
    "28": Release("28.0.0.39", "4K", streams=5, source="help 28; companion: five streams"),
    "29": Release("29.0.0.49", "Pro", streams=5, overlays=16, source="openavc, measured"),
}
"""By major version."""
