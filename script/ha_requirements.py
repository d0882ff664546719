"""Print what this integration and the Home Assistant parts around it require, one a line.

Home Assistant installs requirements when a part is first set up. Tests and the demo start it
without a network, so setting up installs them beforehand. Run with the interpreter of .venv.
"""

import json
from pathlib import Path
import sys

import homeassistant
from homeassistant import bootstrap
from homeassistant.auth.mfa_modules import totp

INTEGRATION = Path(__file__).parents[1] / "custom_components" / "infrafabric" / "manifest.json"
CORE = Path(homeassistant.__file__).parent / "components"

# What the tests' and the demo's configuration.yaml name, beside what Home Assistant always starts.
CONFIGURED = {
    "automation",
    "config",
    "energy",
    "history",
    "input_boolean",
    "input_button",
    "input_number",
    "input_text",
    "logbook",
    "lovelace",
    "media_source",
    "my",
    "notify",
    "persistent_notification",
    "recorder",
    "scene",
    "script",
    "system_health",
    "template",
    "web_rtc",
    "webhook",
    "zeroconf",
}


def manifest_of(domain: str) -> dict[str, list[str]]:
    """Return the manifest of one of Home Assistant's own integrations, empty if there is none."""
    path = CORE / domain / "manifest.json"
    return json.loads(path.read_text()) if path.exists() else {}


def collect() -> set[str]:
    """Return the requirements of everything named, and of what that depends on."""
    own = json.loads(INTEGRATION.read_text()) if INTEGRATION.exists() else {}
    wanted = CONFIGURED | bootstrap.CORE_INTEGRATIONS | bootstrap.DEFAULT_INTEGRATIONS
    wanted |= {*own.get("dependencies", []), *own.get("after_dependencies", [])}
    # Log-in with a one-time code is always offered, so it is no manifest that names these.
    requirements = {*totp.REQUIREMENTS, *own.get("requirements", [])}
    queue = sorted(wanted)
    seen: set[str] = set()
    while queue:
        domain = queue.pop()
        if domain in seen:
            continue
        seen.add(domain)
        manifest = manifest_of(domain)
        requirements.update(manifest.get("requirements", []))
        # Home Assistant processes after-dependencies too (homeassistant/requirements.py).
        queue += [*manifest.get("dependencies", []), *manifest.get("after_dependencies", [])]
    return requirements


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in sorted(collect(), key=str.lower)))
