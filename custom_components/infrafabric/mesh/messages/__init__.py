"""IFMessage: made, checked, accepted once, and matched to the request it answers (floor 1)."""
