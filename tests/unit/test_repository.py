"""What the repository promises: its manifests, its packaging, and which floor knows which.

hassfest and the HACS action cannot run everywhere; these make the same demands where they can.
"""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import struct
import subprocess
import sys
import tomllib
import zipfile

import pytest
import yaml

from .repository import INTEGRATION, ROOT, uv_program

MANIFEST = json.loads((INTEGRATION / "manifest.json").read_text())
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LIBRARIES = tuple(name for name in ("mesh", "studio") if (INTEGRATION / name).is_dir())

MANIFEST_KEYS = {
    "after_dependencies",
    "codeowners",
    "config_flow",
    "dependencies",
    "documentation",
    "domain",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "loggers",
    "name",
    "quality_scale",
    "requirements",
    "single_config_entry",
    "version",
    "zeroconf",
}
"""What hassfest accepts in a custom integration, as far as this one could want it."""

HACS_KEYS = {
    "content_in_root",
    "country",
    "filename",
    "hacs",
    "hide_default_branch",
    "homeassistant",
    "name",
    "persistent_directory",
    "zip_release",
}


# --- Manifests


def test_the_manifest_has_the_keys_hassfest_and_hacs_ask_for_and_no_others() -> None:
    required = {"codeowners", "documentation", "domain", "issue_tracker", "name", "version"}

    assert required <= set(MANIFEST) <= MANIFEST_KEYS


def test_the_manifest_is_sorted_as_hassfest_wants_it() -> None:
    names = list(MANIFEST)

    assert names == ["domain", "name", *sorted(names[2:])]
    for key in ("after_dependencies", "dependencies", "loggers"):
        assert MANIFEST.get(key, []) == sorted(MANIFEST.get(key, []))
    assert MANIFEST["requirements"] == sorted(MANIFEST["requirements"], key=str.lower)


def test_the_manifest_describes_this_integration() -> None:
    assert MANIFEST["domain"] == INTEGRATION.name == "infrafabric"
    assert MANIFEST["config_flow"] is True
    assert MANIFEST["iot_class"] == "local_push"
    assert MANIFEST["integration_type"] == "hub"
    assert all(owner.startswith("@") for owner in MANIFEST["codeowners"])
    assert all(MANIFEST[key].startswith("https://") for key in ("documentation", "issue_tracker"))
    assert all(" " not in requirement for requirement in MANIFEST["requirements"])


def test_nothing_is_required_that_home_assistant_pins_for_everyone() -> None:
    # An own pin of one of these fails to install as soon as Home Assistant moves its own.
    core = {"aiohttp", "av", "cryptography", "numpy", "orjson", "yarl"}

    assert not core & {requirement_name(line) for line in MANIFEST["requirements"]}


def test_the_distribution_requires_what_the_manifest_requires() -> None:
    """Home Assistant brings aiohttp and orjson; an agent has to ask for them."""
    brought = {"aiohttp", "orjson"}
    distribution = {requirement_name(line): line for line in PYPROJECT["project"]["dependencies"]}
    manifest = {requirement_name(line): line for line in MANIFEST["requirements"]}

    assert {name: distribution[name] for name in manifest if name in distribution} == {
        name: line for name, line in manifest.items() if name in distribution
    }
    assert set(distribution) - brought <= set(manifest)


def test_there_is_one_version() -> None:
    version = MANIFEST["version"]

    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert PYPROJECT["project"]["version"] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_hacs_finds_what_it_reads() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text())

    assert {"name", "homeassistant"} <= set(hacs) <= HACS_KEYS
    assert (ROOT / "README.md").stat().st_size
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")
    folders = [path.name for path in (ROOT / "custom_components").iterdir() if path.is_dir()]
    assert [name for name in folders if name != "__pycache__"] == ["infrafabric"]


def test_the_oldest_home_assistant_is_of_the_release_that_tests_run_on() -> None:
    oldest = json.loads((ROOT / "hacs.json").read_text())["homeassistant"]
    lines = (ROOT / "requirements_test.txt").read_text().splitlines()
    tested = next(line for line in lines if line.startswith("homeassistant=="))

    assert tested.removeprefix("homeassistant==").split(".")[:2] == oldest.split(".")[:2]


# --- Pictures


@pytest.mark.parametrize("theme", ["", "dark_"])
@pytest.mark.parametrize(("scale", "factor"), [("", 1), ("@2x", 2)])
def test_the_icon_is_square_and_the_logo_as_high(theme: str, scale: str, factor: int) -> None:
    assert png_size(f"{theme}icon{scale}.png") == (256 * factor, 256 * factor)
    width, height = png_size(f"{theme}logo{scale}.png")
    assert 128 * factor <= min(width, height) <= 256 * factor


def png_size(name: str) -> tuple[int, int]:
    """Return width and height from a PNG's header (PNG specification, 11.2.2)."""
    head = (INTEGRATION / "brand" / name).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])


# --- Workflows


def test_every_action_is_pinned_to_a_commit() -> None:
    uses = [use for path in workflows() for use in actions_of(yaml.safe_load(path.read_text()))]

    assert uses
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", use) for use in uses)


def workflows() -> list[Path]:
    return sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def actions_of(node: object) -> Iterator[str]:
    """Yield every value of a ``uses`` key."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "uses":
                yield value
            else:
                yield from actions_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from actions_of(value)


# --- The distribution


def requirement_name(line: str) -> str:
    return re.split(r"[=<>!~\[; ]", line, maxsplit=1)[0].lower()


def test_every_package_of_the_libraries_is_listed() -> None:
    folders = {
        path.parent.relative_to(INTEGRATION)
        for library in LIBRARIES
        for path in (INTEGRATION / library).rglob("*.py")
    }

    listed = PYPROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(".".join(("infrafabric", *folder.parts)) for folder in folders)


def test_every_package_of_the_libraries_is_typed_and_complete() -> None:
    for library in LIBRARIES:
        assert (INTEGRATION / library / "py.typed").exists()
        for path in (INTEGRATION / library).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from a copy so that no build folder is left in the repository."""
    source = tmp_path_factory.mktemp("source")
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        if name.startswith(("custom_components/", "README", "LICENSE", "pyproject")):
            if not (ROOT / name).is_file():
                continue
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = (
        "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    )
    output = subprocess.run(
        [sys.executable, "-c", build, str(source)],
        cwd=source,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return source / output.splitlines()[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh environment's bin folder, with the wheel installed and nothing from here."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", environment], check=True, cwd=environment
    )
    python = environment / "bin" / "python"
    # What it requires comes from this environment: a path in a .pth file does not run the .pth
    # files there, so the editable installation of this repository stays out.
    site = next((environment / "lib").glob("python3*/site-packages"))
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "requirements.pth").write_text(here)
    subprocess.run(
        [
            uv_program(),
            "pip",
            "install",
            "--quiet",
            "--offline",
            "--no-deps",
            "--python",
            python,
            wheel,
        ],
        check=True,
    )
    return python.parent


@pytest.mark.slow
def test_the_wheel_holds_the_libraries_and_no_package_above_them(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert "infrafabric/mesh/__init__.py" in names
    assert "infrafabric/mesh/agent/__init__.py" in names
    assert "infrafabric/mesh/py.typed" in names
    assert "infrafabric/__init__.py" not in names
    assert not [name for name in names if name.startswith(("custom_components", "tests"))]


@pytest.mark.slow
def test_the_installed_library_imports_without_home_assistant(wheel: Path, installed: Path) -> None:
    packages = PYPROJECT["tool"]["setuptools"]["packages"]
    program = (
        "import importlib, pkgutil, sys\n"
        f"for name in {packages!r}:\n"
        "    package = importlib.import_module(name)\n"
        "    print(name, package.__file__)\n"
        "    for module in pkgutil.iter_modules(package.__path__, name + '.'):\n"
        "        if not module.name.endswith('.__main__'):\n"
        "            print(module.name, importlib.import_module(module.name).__file__)\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'homeassistant']\n"
    )

    result = run(installed / "python", "-c", program)

    assert result.returncode == 0, result.stderr
    loaded = dict(line.split(" ", 1) for line in result.stdout.splitlines())
    assert all(path.startswith(str(installed.parent)) for path in loaded.values())
    # Every module, also one that no package imports by itself.
    assert set(loaded) == {
        name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for name in zipfile.ZipFile(wheel).namelist()
        if name.endswith(".py") and not name.endswith("__main__.py")
    }


@pytest.mark.slow
def test_the_installed_command_line_works_without_home_assistant(installed: Path) -> None:
    help_text = run(installed / "infrafabric", "--help")
    loaded = run(
        installed / "python",
        "-c",
        "import sys\n"
        "from infrafabric.mesh.agent.cli import main\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'homeassistant']\n",
    )

    assert help_text.returncode == 0, help_text.stderr
    assert "join" in help_text.stdout
    assert loaded.returncode == 0, loaded.stderr


def run(*command: object) -> subprocess.CompletedProcess[str]:
    """Run a program away from the repository."""
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, cwd="/"
    )
