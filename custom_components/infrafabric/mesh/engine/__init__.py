"""The running parts behind ``MeshNode`` (floor 4)."""
