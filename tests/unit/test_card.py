"""The dashboard card's own tests, its bundle, and what its page of the documentation promises."""

import gzip
import json
import os
from pathlib import Path
import re
import subprocess

import pytest

from .docs_pages import codes, first_codes, page, rows, section
from .repository import INTEGRATION, ROOT

FRONTEND = ROOT / "frontend"
BUNDLE = INTEGRATION / "frontend" / "infrafabric-card.js"
SOURCES = {path.name: path.read_text() for path in (FRONTEND / "src").glob("*.ts")}


def npm(*words: str) -> str:
    """Run npm in the card's folder and return its output; skip without its packages but in CI."""
    if not (FRONTEND / "node_modules" / ".ready").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the card's packages are missing: run script/setup with npm")
        pytest.skip("the card's packages are missing: run script/setup with npm")
    result = subprocess.run(
        ["npm", "--prefix", str(FRONTEND), "run", "--silent", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_card_s_own_tests_pass() -> None:
    assert re.search(r"pass [1-9]\d+", npm("test"))


def test_the_committed_bundle_is_what_the_sources_make() -> None:
    npm("build-check")


def test_the_bundle_is_small() -> None:
    assert len(gzip.compress(BUNDLE.read_bytes(), mtime=0)) <= 80 * 1024


def test_the_card_has_the_version_of_the_integration() -> None:
    manifest = json.loads((INTEGRATION / "manifest.json").read_text())
    for name in ("package.json", "package-lock.json"):
        assert json.loads((FRONTEND / name).read_text())["version"] == manifest["version"]


def test_packages_are_pinned_and_the_lock_names_no_registry() -> None:
    package = json.loads((FRONTEND / "package.json").read_text())
    pins = package["dependencies"] | package["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pins.values())
    lock = json.loads((FRONTEND / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in entry for entry in lock.values())
    assert all(entry.get("integrity") for name, entry in lock.items() if name)


def test_the_card_takes_its_colours_from_home_assistant_only() -> None:
    """A colour of its own may only stand where a theme leaves a variable out."""
    black_and_white = {"#fff", "#000"}  # a QR code, which scanners want that way
    for name, text in SOURCES.items():
        for found in re.finditer(r"#[0-9a-fA-F]{3,8}\b", text):
            line = text[text.rfind("\n", 0, found.start()) : text.find("\n", found.end())]
            allowed = found[0] in black_and_white or '["--' in line or "var(--" in line
            assert allowed or 'read("--' in line, f"{name}: {line.strip()}"


def test_nothing_is_logged_by_the_card() -> None:
    assert all("console." not in text for text in SOURCES.values())


# --- Documentation

PAGE = "how-to/dashboard-card.md"


def interface(name: str) -> dict[str, str]:
    """Return the fields of an interface of config.ts with their types."""
    found = re.search(rf"interface {name} {{(.*?)\n}}", SOURCES["config.ts"], re.DOTALL)
    assert found
    return dict(re.findall(r"^  (\w+)\??: ([^;]+);", found[1], re.MULTILINE))


def test_every_option_of_the_card_is_documented_with_its_default() -> None:
    documented = {codes(cells[0])[0]: cells for cells in rows(section(page(PAGE), "Options"))}
    options = interface("CardConfig")

    # What Home Assistant itself puts into every card's configuration.
    assert set(documented) == set(options) - {"type", "grid_options"}
    for name, kind in options.items():
        if kind == "boolean":
            assert f"{name}: true" in SOURCES["config.ts"]
            assert codes(documented[name][2]) == ["true"]


def test_every_option_has_a_label_in_the_editor() -> None:
    for name in first_codes(section(page(PAGE), "Options")):
        assert f"option_{name}: " in SOURCES["texts.ts"]


def test_the_path_of_the_bundle_is_documented() -> None:
    url = re.search(r'CARD_URL: Final = "(.+)"', (INTEGRATION / "dashboard_card.py").read_text())
    assert url
    assert url[1] in page(PAGE)
    assert Path(url[1]).name == BUNDLE.name
