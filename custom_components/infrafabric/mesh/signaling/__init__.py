"""How two nodes meet: a server that passes sealed boxes between members, and its client."""
