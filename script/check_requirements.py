"""Check that Home Assistant OS can install what the manifest requires.

Home Assistant OS has musl, no compiler, and installs under Home Assistant's own constraints. So
every requirement, and what it requires in turn, must resolve to a ready-made wheel for Python
3.14 on musllinux 1.2, x86_64 and aarch64, within those constraints.

Without a package index this says so and succeeds; with CI=true it fails.
"""

import argparse
import json
import os
from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "custom_components" / "infrafabric" / "manifest.json"
PLATFORMS = ("x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl")
# Its last musllinux wheel is for Python 3.11. Without a compiler it installs as pure Python, and
# the integration gives aiortc the `crc32c` package's function instead.
PURE_PYTHON = ("google-crc32c",)
UNREACHABLE = ("error sending request", "dns error", "Failed to fetch", "network was disabled")


class Unreachable(Exception):  # noqa: N818
    """The package index did not answer."""


def constraints_file() -> Path:
    """Return the constraints of the installed Home Assistant."""
    import homeassistant  # noqa: PLC0415

    return Path(homeassistant.__file__).parent / "package_constraints.txt"


def resolve(requirements: list[str], constraints: Path, platform: str, *, uv: str) -> list[str]:
    """Return the pinned packages that *requirements* come to on *platform*, all of them wheels.

    Raises:
        Unreachable: the package index did not answer.
        ValueError: there is no such set; the text is the resolver's explanation.
    """
    command = [uv, "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate"]
    command += ["--python", sys.executable, "--python-version", "3.14"]
    command += ["--python-platform", platform, "--constraint", str(constraints)]
    command += ["--only-binary", ":all:"]
    for name in PURE_PYTHON:
        command += ["--no-binary", name]
    result = subprocess.run(
        command,
        input="\n".join(requirements),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "UV_HTTP_RETRIES": "1", "NO_COLOR": "1"},
    )
    if result.returncode == 0:
        return [line for line in result.stdout.splitlines() if "==" in line]
    if any(text in result.stderr for text in UNREACHABLE):
        raise Unreachable
    raise ValueError(result.stderr.strip())


def main() -> int:
    """Check the manifest and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--verbose", action="store_true", help="list what was resolved")
    parser.add_argument("--manifest", type=Path, default=MANIFEST, help="another manifest.json")
    parser.add_argument("--constraints", type=Path, help="other constraints than Home Assistant's")
    arguments = parser.parse_args()
    uv = os.environ.get("INFRAFABRIC_UV", "uv")
    requirements = json.loads(arguments.manifest.read_text())["requirements"]
    constraints = arguments.constraints or constraints_file()
    for platform in PLATFORMS:
        try:
            pins = resolve(requirements, constraints, platform, uv=uv)
        except Unreachable:
            if os.environ.get("CI") == "true":
                print("FAILED: the package index cannot be reached")
                return 1
            print("SKIPPED: the package index cannot be reached; nothing was checked")
            return 0
        except ValueError as err:
            print(f"FAILED for {platform}:\n{err}")
            return 1
        if arguments.verbose:
            print(f"{platform}:", *pins, sep="\n  ")
    print(f"ok ({len(pins)} wheels on each of {len(PLATFORMS)} platforms)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
