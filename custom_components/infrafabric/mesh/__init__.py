"""The mesh library: identity, membership, messages, links, signaling and the node.

Plain asyncio, no Home Assistant. Floors, lowest first: values and rules (``identity``,
``membership``, ``message``, ``frames``, ``quality``), links and signaling (``link``,
``signaling``), healing (``healing``), and the facade ``MeshNode`` (``node``).
"""
