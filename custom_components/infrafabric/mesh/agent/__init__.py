"""The agent: a node of the mesh without Home Assistant, run from the command line."""
