"""Inbound webhooks: other systems ask for a few chosen things."""
