"""Who is linked to whom: dialling and healing, what neighbours exchange, the map (floor 3)."""
