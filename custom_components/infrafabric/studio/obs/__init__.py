"""OBS Studio over obs-websocket 5.x."""
