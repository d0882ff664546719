"""Config flow: create a mesh, or join one with an invitation."""

from homeassistant.config_entries import ConfigFlow

from .const import DOMAIN
from .mesh.node import MeshNode


class InfraFabricConfigFlow(ConfigFlow, domain=DOMAIN):
    """Make a config entry."""
