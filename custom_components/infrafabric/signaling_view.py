"""The signaling server of this Home Assistant: where the nodes of its meshes meet."""
