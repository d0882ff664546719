"""script/check-requirements, with the real uv and an index made of tiny wheels on disk."""

import json
import os
from pathlib import Path
import subprocess
import sys
import zipfile

import pytest

from .repository import ROOT, uv_program

SCRIPT = ROOT / "script" / "check_requirements.py"
MUSL = "cp314-cp314-musllinux_1_2_{}"


def make_wheel(index: Path, name: str, version: str, tag: str, *requires: str) -> None:
    """Write the smallest wheel that a resolver reads."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    folder = index / name
    folder.mkdir(exist_ok=True)
    file = f"{name}-{version}-{tag}.whl"
    with (folder / "index.html").open("a") as listing:
        listing.write(f'<a href="{file}">{file}</a>\n')
    with zipfile.ZipFile(folder / file, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Return a folder that serves as the package index (the simple repository API's layout)."""
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


def check(
    tmp_path: Path,
    index: Path | None,
    *requirements: str,
    constraints: str = "",
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run the script on a manifest with these requirements."""
    (tmp_path / "manifest.json").write_text(json.dumps({"requirements": requirements}))
    (tmp_path / "constraints.txt").write_text(constraints)
    # Nothing listens on the discard port of this machine.
    url = index.as_uri() if index else "http://127.0.0.1:9/simple"
    clean = {key: value for key, value in os.environ.items() if key[:3] not in ("CI", "UV_")}
    arguments = (
        "--manifest",
        tmp_path / "manifest.json",
        "--constraints",
        tmp_path / "constraints.txt",
    )
    return subprocess.run(
        [sys.executable, SCRIPT, "--verbose", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={
            **clean,
            "INFRAFABRIC_UV": uv_program(),
            "UV_NO_CACHE": "1",
            "UV_DEFAULT_INDEX": url,
            **environment,
        },
    )


def test_wheels_for_both_architectures_pass(tmp_path: Path, index: Path) -> None:
    for architecture in ("x86_64", "aarch64"):
        make_wheel(index, "fast", "1.2", MUSL.format(architecture), "plain>=1")
    make_wheel(index, "plain", "1.0", "py3-none-any")

    result = check(tmp_path, index, "fast>=1")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok (2 wheels on each of 2 platforms)" in result.stdout


def test_a_wheel_that_one_architecture_lacks_is_a_failure(tmp_path: Path, index: Path) -> None:
    make_wheel(index, "fast", "1.2", MUSL.format("x86_64"))

    result = check(tmp_path, index, "fast>=1")

    assert result.returncode == 1
    assert "FAILED for aarch64-unknown-linux-musl" in result.stdout


def test_a_wheel_for_glibc_only_is_a_failure(tmp_path: Path, index: Path) -> None:
    for architecture in ("x86_64", "aarch64"):
        make_wheel(index, "fast", "1.2", f"cp314-cp314-manylinux_2_28_{architecture}")

    assert check(tmp_path, index, "fast>=1").returncode == 1


def test_a_conflict_with_home_assistants_constraints_is_a_failure(
    tmp_path: Path, index: Path
) -> None:
    make_wheel(index, "plain", "1.0", "py3-none-any", "pinned<2")
    for version in ("1.0", "2.0"):
        make_wheel(index, "pinned", version, "py3-none-any")

    assert check(tmp_path, index, "plain", constraints="pinned==1.0").returncode == 0
    result = check(tmp_path, index, "plain", constraints="pinned==2.0")

    assert result.returncode == 1
    assert "pinned" in result.stdout


def test_without_an_index_it_says_that_nothing_was_checked(tmp_path: Path) -> None:
    result = check(tmp_path, None, "plain")

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("SKIPPED")


def test_without_an_index_continuous_integration_fails(tmp_path: Path) -> None:
    result = check(tmp_path, None, "plain", CI="true")

    assert result.returncode == 1
    assert result.stdout.startswith("FAILED")
