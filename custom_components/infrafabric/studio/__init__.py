"""Clients for OBS Studio and vMix behind one model.

A plain asyncio library: it knows neither Home Assistant nor the mesh, and installs as
``infrafabric.studio``. ``model`` says what a studio is, ``api`` what a client can do, ``obs`` and
``vmix`` do it.
"""
