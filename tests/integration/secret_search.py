"""Looking for secrets in what a Home Assistant leaves behind, however they are written there.

Independent of the library's own masking on purpose: one mistake must not hide the other.
"""

import base64
from collections.abc import Iterator, Mapping
import contextlib
import html
import json
from pathlib import Path
import re
import sqlite3
from typing import Final
from urllib.parse import quote, quote_plus

from .log_check import RECORD

_LOGGER: Final = re.compile(r"\A\S+ \S+ [A-Z]+ \([^)]*\) \[([^]]+)\]")


def spellings(secret: str) -> dict[str, str]:
    """Return the ways in which a secret may be written, by name; the raw one first."""
    raw = secret.encode()
    escaped = json.dumps(secret)[1:-1]
    utf8 = json.dumps(secret, ensure_ascii=False)[1:-1]
    found = {
        "raw": secret,
        "quote": quote(secret, safe=""),
        "quote with slashes": quote(secret),
        "quote_plus": quote_plus(secret),
        "JSON": escaped,
        "JSON in JSON": json.dumps(escaped)[1:-1],
        "JSON in UTF-8": utf8,
        "JSON in JSON in UTF-8": json.dumps(utf8, ensure_ascii=False)[1:-1],
        "HTML": html.escape(secret),
        "repr": repr(secret)[1:-1],
        "repr of bytes": repr(raw)[2:-1],
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
    }
    for name in ("quote", "quote with slashes", "quote_plus"):
        found[f"{name}, small"] = re.sub("%..", lambda code: code[0].lower(), found[name])
    for before in range(3):
        # Only the characters that hold nothing of what stands before and after it.
        whole = base64.b64encode(bytes(before) + raw + bytes(-(before + len(raw)) % 3)).decode()
        text = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        found[f"base64, {before} bytes after a boundary"] = text
        found[f"base64 for addresses, {before} bytes after a boundary"] = text.translate(
            str.maketrans("+/", "-_")
        )
    return found


def search(data: bytes, secrets: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of the secrets that are in *data*, each with how they are written there."""
    return {
        name: how
        for name, secret in secrets.items()
        if (how := [way for way, text in spellings(secret).items() if text.encode() in data])
    }


def loggers(log: str, secrets: Mapping[str, str]) -> dict[str, list[str]]:
    """Return for each logger that wrote a secret which ones."""
    found: dict[str, set[str]] = {}
    for record in RECORD.split(log):
        if hits := search(record.encode(), secrets):
            name = match[1] if (match := _LOGGER.match(record)) else record[:80]
            found.setdefault(name, set()).update(hits)
    return {name: sorted(hits) for name, hits in found.items()}


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Return the name and the contents of every file in a configuration folder.

    Of a database its raw bytes, in which deleted rows stay, and also its rows, because a long
    text lies in several pages.
    """
    for path, _folders, names in folder.walk():
        for name in names:
            file = path / name
            try:
                data = file.read_bytes()
            except FileNotFoundError, IsADirectoryError:
                # One that was only being written, or a link to a folder, which is our code.
                continue
            yield str(file.relative_to(folder)), data
            if file.suffix == ".db":
                with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as base:
                    rows = "\n".join(base.iterdump())
                yield f"{file.relative_to(folder)} (rows)", rows.encode()
