"""One WebRTC link between two members, from the offer to the last receipt (floor 2)."""
