"""The mesh library: a member of a peer-to-peer mesh, from its key to its conversations.

Plain asyncio, no Home Assistant. Floors, lowest first; a lower one never imports a higher one:

1. ``trust`` (keys, membership, invitations) and ``messages`` (IFMessage): values and rules, with
   ``encoding``, ``errors`` and ``model`` below them.
2. ``link`` (one WebRTC link) and ``signaling`` (how two nodes meet).
3. ``overlay`` (who is linked to whom, and how links come back).
4. ``engine`` (the running parts) behind the facade ``node.MeshNode``, with ``api`` for what it
   takes and gives.
5. ``agent``: the command line.
"""
