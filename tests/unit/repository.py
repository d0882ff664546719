"""Where the repository's parts are, for the tests of the repository itself."""

import os
from pathlib import Path
import shutil

import pytest

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "infrafabric"


def uv_program() -> str:
    """Return the path of uv; skip the test where there is none, except in CI."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    candidates = (
        os.environ.get("INFRAFABRIC_UV", ""),
        str(cache / "infrafabric" / "bin" / "uv"),
        shutil.which("uv") or "",
    )
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    if os.environ.get("CI") == "true":
        pytest.fail("uv is missing: run script/setup")
    pytest.skip("uv is missing: run script/setup")
